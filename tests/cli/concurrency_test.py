"""Many at once: one migrator works, the others wait or find the work done, and no revision is ever applied twice."""

import sqlite3
import time

from harness import SECONDS, main, on_both_databases, psql

TOGETHER = 20
REVISIONS = 6


@on_both_databases
class Together:
    def finish(self, processes):
        """Waits for all; answers [(status, out, err)]."""
        answers = []
        for process in processes:
            out, err = process.communicate(timeout=SECONDS)
            answers.append((process.returncode, out.decode(), err.decode()))
        return answers

    def write_revisions(self):
        for i in range(REVISIONS):
            # Without a lock two of them would collide here, on the table or on the row.
            self.revision("r%d" % i, up="CREATE TABLE t%d (x INTEGER PRIMARY KEY);\nINSERT INTO t%d VALUES (1);" % (i, i),
                          down="DROP TABLE t%d;" % i)

    def test_twenty_that_upgrade_an_empty_database_apply_each_revision_once(self):
        self.write_revisions()
        answers = self.finish([self.start("upgrade", "head") for _ in range(TOGETHER)])
        for answer in answers:
            self.assertEqual(answer[0], 0, answer)
        self.assertEqual(self.query("SELECT revision, direction, status, count(*) FROM migrate_history "
                                    "GROUP BY revision, direction, status ORDER BY revision"),
                         [("r%d" % i, "upgrade", "done", "1") for i in range(REVISIONS)])
        self.assertEqual(self.query("SELECT version_num FROM alembic_version"), [("r%d" % (REVISIONS - 1),)])
        at = "is at r%d" % (REVISIONS - 1)
        self.assertEqual([out for _, out, _ in answers if at not in out], [], "each says where the database is")
        self.assertGreaterEqual(sum("nothing to do" in out for _, out, _ in answers), TOGETHER - REVISIONS)

    def test_up_and_down_at_once_end_somewhere_whole(self):
        self.write_revisions()
        self.migrate("upgrade", "r2")
        answers = self.finish([self.start(*words) for words in
                               [("upgrade", "head"), ("downgrade", "r0"), ("upgrade", "+1"), ("downgrade", "-1")] * 2])
        self.assertEqual([answer for answer in answers if answer[0] not in (0, 3)], [])
        rows = self.query("SELECT version_num FROM alembic_version")
        applied = int(rows[0][0][1:]) + 1 if rows else 0
        self.assertLess(len(rows), 2)
        self.assertEqual({name for kind, name in self.objects() if kind == "table" and len(name) == 2},
                         {"t%d" % i for i in range(applied)})
        self.assertEqual(self.query("SELECT count(*) FROM migrate_history WHERE status = 'running'"), [("0",)])

    def test_a_lock_that_is_held_is_waited_for_so_long_and_its_holder_named(self):
        self.write_revisions()
        self.migrate("ensure-version")
        with Holder(self):
            before = time.monotonic()
            said = self.migrate_json("upgrade", "--lock-wait=1s", status=11)
            waited = time.monotonic() - before
            self.assertGreater(waited, 0.9)
            self.assertLess(waited, 10)
            self.assertEqual(said["error"]["code"], "locked")
            ran = self.migrate("upgrade", "--lock-wait", "0", status=11)
            self.assertIncludes(ran.err, "error: ", "hint: ", "--lock-wait",
                                *(["holder_of_it", "127.0.0.1"] if self.dialect == "postgresql" else ["test.db"]))
        self.assertEqual(self.migrate_json("current")["revisions"], [])
        self.migrate("upgrade")

    def test_whoever_waits_goes_on_when_the_lock_is_free(self):
        self.write_revisions()
        self.migrate("ensure-version")
        with Holder(self):
            waiter = self.start("upgrade", "--lock-wait=30s")
            time.sleep(0.5)
            self.assertIsNone(waiter.poll(), "it should wait")
        status, _, err = self.finish([waiter])[0]
        self.assertEqual(status, 0, err)
        if self.dialect == "postgresql":
            self.assertIncludes(err, "holder_of_it")
        self.assertEqual(self.query("SELECT version_num FROM alembic_version"), [("r%d" % (REVISIONS - 1),)])

    def test_nothing_to_do_and_questions_never_wait(self):
        self.write_revisions()
        self.migrate("upgrade")
        with Holder(self):
            before = time.monotonic()
            self.assertIncludes(self.migrate("upgrade", "--lock-wait=60s").out, "nothing to do")
            self.migrate("current", "--check-heads")
            self.migrate("history", "-i")
            self.migrate("check", "--database", "--pending")
            self.migrate("downgrade", "-1", "--dry-run")
            self.migrate("ensure-version")
            self.assertLess(time.monotonic() - before, 10)


class Holder:
    """Another migrator's lock: on SQLite its write transaction, on PostgreSQL its advisory lock.

    The key of the advisory lock is whatever the tool takes: it is read while a slow revision of its own runs, in a
    folder beside the test's.
    """

    def __init__(self, case):
        self.case = case

    def __enter__(self):
        if self.case.dialect == "sqlite":
            self.connection = sqlite3.connect(self.case.database, timeout=30, isolation_level=None)
            self.connection.execute("BEGIN IMMEDIATE")
            return
        case = self.case
        case.write("slow/slow.sql", "-- slow\n-- Revision ID: slow\n-- Revises:\n-- migrate:upgrade\nSELECT pg_sleep(60);\n")
        rows = case.query("SELECT version_num FROM alembic_version")
        case.write("slow/row.sql", "-- row\n-- Revision ID: %s\n-- Revises:\n-- migrate:upgrade\n"
                   % (rows[0][0] if rows else "row"))
        self.process = case.start("-d", "slow", "upgrade", "slow",
                                  environment={"DB_APPLICATION_NAME": "holder_of_it"})
        deadline = time.monotonic() + SECONDS
        while not psql(case.url, "SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE "
                       "l.locktype = 'advisory' AND l.granted AND a.application_name = 'holder_of_it' AND "
                       "a.query LIKE '%pg_sleep%' AND a.datname = current_database()"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("the holder did not get the lock: %s" % (self.process.communicate(),))
            time.sleep(0.02)

    def __exit__(self, *_):
        if self.case.dialect == "sqlite":
            self.connection.rollback()
            self.connection.close()
            return
        self.process.terminate()
        self.process.communicate(timeout=SECONDS)


if __name__ == "__main__":
    main()
