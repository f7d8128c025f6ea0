"""Table locks in production: whoever is in the way is named, live traffic goes first, and the migration tries again."""

import threading
import time
import unittest

from harness import Case, Postgres, main, needs_postgres

try:
    import psycopg2
except ImportError:
    psycopg2 = None


@needs_postgres
@unittest.skipUnless(psycopg2, "python3-psycopg2 is not installed")
class Locks(Postgres, Case):
    def session(self, name="the_application"):
        connection = psycopg2.connect(self.url, application_name=name)
        self.addCleanup(connection.close)
        return connection

    def setUp(self):
        super().setUp()
        self.execute("CREATE TABLE t (x INTEGER); INSERT INTO t VALUES (1)")
        self.revision("a", up="ALTER TABLE t ADD COLUMN y INTEGER;", down="ALTER TABLE t DROP COLUMN y;")

    def statuses(self):
        return self.query("SELECT revision, status FROM migrate_history ORDER BY id")

    def test_a_lock_that_is_let_go_in_time_is_had_on_a_later_try(self):
        reader = self.session()
        reader.cursor().execute("SELECT * FROM t")
        threading.Timer(2.5, reader.rollback).start()
        ran = self.migrate("upgrade", environment={"DB_LOCK_TIMEOUT": "1500"})
        self.assertIncludes(ran.err, "trying again in", "(1 of 10)", "the_application")
        self.assertEqual(self.statuses(), [("a", "done")])

    def test_after_the_last_try_it_says_who_was_in_the_way_and_exits_12(self):
        reader = self.session()
        reader.cursor().execute("SELECT * FROM t")
        pid = reader.info.backend_pid
        said = self.migrate_json("upgrade", "--lock-retries=1", status=12, environment={"DB_LOCK_TIMEOUT": "1500"})
        self.assertEqual((said["error"]["code"], said["error"]["sqlstate"], said["error"]["revision"]),
                         ("lock_timeout", "55P03", "a"))
        self.assertIncludes(said["error"]["hint"] + said["error"]["message"], "2 times", str(pid), "the_application")
        self.assertEqual(self.query("SELECT count(*) FROM alembic_version"), [("0",)])
        self.assertEqual(self.statuses(), [("a", "failed")])

    def test_no_retries_is_one_try(self):
        self.session().cursor().execute("SELECT * FROM t")
        ran = self.migrate("upgrade", "--lock-retries=0", status=12, environment={"DB_LOCK_TIMEOUT": "200"})
        self.assertLeavesOut(ran.err, "trying again")

    def test_other_readers_are_served_within_the_lock_timeout(self):
        slow = self.session("a_long_report")
        slow.cursor().execute("SELECT * FROM t")
        process = self.start("upgrade", "--lock-retries=2", environment={"DB_LOCK_TIMEOUT": "1000"})
        deadline, longest, reads = time.monotonic() + 5, 0, 0
        live = self.session("live_traffic")
        live.autocommit = True
        while time.monotonic() < deadline and process.poll() is None:
            before = time.monotonic()
            live.cursor().execute("SELECT * FROM t")
            longest, reads = max(longest, time.monotonic() - before), reads + 1
            time.sleep(0.02)
        slow.rollback()
        process.communicate(timeout=60)
        self.assertGreater(reads, 20)
        self.assertLess(longest, 2.0, "a read waited %.1f s behind the ALTER" % longest)

    def test_what_committed_before_a_lock_is_not_run_again(self):
        self.revision("b", up="CREATE TABLE u (x INTEGER); ALTER TABLE t ADD COLUMN z INTEGER;")
        self.migrate("upgrade", "a")
        reader = self.session()
        self.revision("c", up="CREATE TABLE v (x INTEGER);")
        reader.cursor().execute("SELECT * FROM t")
        threading.Timer(2.0, reader.rollback).start()
        said = self.migrate_json("upgrade", environment={"DB_LOCK_TIMEOUT": "700"})
        self.assertEqual([(step["revision"], step["status"]) for step in said["steps"]], [("b", "applied"), ("c", "applied")])
        self.assertEqual((said["from"], said["to"]), (["a"], ["c"]))
        self.assertEqual(self.statuses(), [("a", "done"), ("b", "done"), ("c", "done")])

    def test_a_deadlock_is_tried_again(self):
        self.execute("CREATE TABLE u (x INTEGER); INSERT INTO u VALUES (1)")
        self.revision("b", up="UPDATE t SET x = 2; SELECT pg_sleep(1); UPDATE u SET x = 2;")
        self.migrate("upgrade", "a")
        other = self.session()
        cursor = other.cursor()
        cursor.execute("SET deadlock_timeout = '60s'")  # so that it is not the one who is chosen
        cursor.execute("UPDATE u SET x = 3")
        process = self.start("upgrade", environment={"DB_LOCK_TIMEOUT": "30000"})
        time.sleep(0.5)
        cursor.execute("UPDATE t SET x = 3")  # waits for the migration, which will wait for us
        other.commit()
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err.decode())
        self.assertIncludes(err.decode(), "trying again")
        self.assertEqual(self.query("SELECT t.x, u.x FROM t, u"), [("2", "2")])

    def test_a_statement_timeout_is_final(self):
        self.revision("b", up="SELECT pg_sleep(30);")
        said = self.migrate_json("upgrade", status=4, environment={"DB_STATEMENT_TIMEOUT": "300"})
        self.assertEqual((said["error"]["sqlstate"], said["to"]), ("57014", ["a"]))

    def test_an_interrupt_ends_the_waiting_between_tries(self):
        self.session().cursor().execute("SELECT * FROM t")
        process = self.start("upgrade", environment={"DB_LOCK_TIMEOUT": "100"})
        time.sleep(1.0)
        process.terminate()
        _, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 143, err.decode())
        self.assertEqual(self.query("SELECT count(*) FROM alembic_version"), [("0",)])


if __name__ == "__main__":
    main()
