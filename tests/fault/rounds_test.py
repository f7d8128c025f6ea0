"""Runs of several rounds, and several runs at once: what was set out to do is done once, and no more than that."""

import os
import signal
import sqlite3
import threading
import time
import unittest

from harness import SECONDS, Case, Postgres, Sqlite, main, needs_postgres, on_both_databases

try:
    import psycopg2
except ImportError:
    psycopg2 = None

IMPATIENT = {"DB_LOCK_TIMEOUT": "500"}


@needs_postgres
@unittest.skipUnless(psycopg2, "python3-psycopg2 is not installed")
class Rounds(Postgres, Case):
    def setUp(self):
        super().setUp()
        self.execute("CREATE TABLE t (x INTEGER)")
        self.revision("a", up="CREATE TABLE a (x INTEGER);", down="DROP TABLE a;")
        self.blocked = self.revision("b", up="ALTER TABLE t ADD y INTEGER;", down="ALTER TABLE t DROP y;")
        self.revision("c", up="CREATE TABLE c (x INTEGER);", down="DROP TABLE c;")

    def block(self):
        """Keeps ALTER TABLE t waiting until the connection that is answered rolls back."""
        reader = psycopg2.connect(self.url)
        self.addCleanup(reader.close)
        reader.cursor().execute("SELECT * FROM t")
        return reader

    def test_a_relative_target_is_not_counted_again(self):
        reader = self.block()
        threading.Timer(1.5, reader.rollback).start()
        said = self.migrate_json("upgrade", "+2", environment=IMPATIENT)
        self.assertEqual((said["from"], said["to"]), ([], ["b"]))
        self.assertEqual([step["revision"] for step in said["steps"]], ["a", "b"])
        reader = self.block()
        self.migrate("upgrade", "head")
        threading.Timer(1.5, reader.rollback).start()
        said = self.migrate_json("downgrade", "-2", environment=IMPATIENT)
        self.assertEqual((said["from"], said["to"]), (["c"], ["a"]))
        self.assertEqual([(step["revision"], step["direction"]) for step in said["steps"]],
                         [("c", "downgrade"), ("b", "downgrade")])

    def test_what_stands_is_told_when_a_later_round_cannot_begin(self):
        reader = self.block()
        process = self.start("upgrade", "--format", "json", environment=IMPATIENT)
        deadline = time.monotonic() + 30
        while self.query("SELECT to_regclass('a')") == [(None,)]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        time.sleep(0.3)
        os.unlink(self.blocked)
        out, err = process.communicate(timeout=SECONDS)
        reader.rollback()
        self.assertEqual(process.returncode, 7, (out, err))
        self.assertIncludes(out.decode(), '"to":["a"]')

    def test_a_revision_that_another_runs_is_waited_for_and_not_judged(self):
        self.migrate("upgrade", "a")
        self.revision("i", revises="a", body="-- migrate:upgrade autocommit\nCREATE INDEX CONCURRENTLY t_x ON t (x);\n")
        os.unlink(self.blocked)
        os.unlink(self.path("migrations", "c.sql"))
        writer = psycopg2.connect(self.url)
        self.addCleanup(writer.close)
        writer.cursor().execute("INSERT INTO t VALUES (1)")
        first = self.start("upgrade")
        deadline = time.monotonic() + 30
        while not self.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'CREATE INDEX%' "
                             "AND datname = current_database()"):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        second = self.start("upgrade")
        time.sleep(1)
        self.assertIsNone(second.poll(), "it should wait for the lock")
        writer.commit()
        for process in (first, second):
            out, err = process.communicate(timeout=SECONDS)
            self.assertEqual(process.returncode, 0, err)
            self.assertLeavesOut(err.decode(), "INVALID", "stopped")
        self.assertEqual(self.query("SELECT status, count(*) FROM migrate_history WHERE revision = 'i' GROUP BY 1"),
                         [("done", "1")])


@on_both_databases
class Journaled:
    def test_a_corrected_file_without_autocommit_ends_its_running_row(self):
        path = self.revision("a", body="-- migrate:upgrade autocommit\nCREATE TABLE t (x INTEGER);\nINSERT INTO gate VALUES (1);\n")
        self.revision("b", up="CREATE TABLE b (x INTEGER);")
        self.migrate("upgrade", status=5)
        self.execute("CREATE TABLE gate (x INTEGER)")
        self.write(path, self.read(path).replace(" autocommit", ""))
        self.migrate("upgrade")
        self.assertEqual(self.query("SELECT revision, status FROM migrate_history ORDER BY id"), [("a", "done"), ("b", "done")])
        self.assertEqual(self.query("SELECT x FROM gate"), [("1",)])

    def test_what_was_done_is_told_by_the_script_that_ran_and_by_no_other(self):
        body = "-- migrate:upgrade autocommit\nCREATE TABLE t (x INTEGER);\nINSERT INTO gate VALUES (1);\n"
        path = self.revision("a", body=body)
        self.migrate("upgrade", status=5)
        self.write(path, self.read(path).replace("TABLE t ", "TABLE u "))
        self.assertIncludes(self.migrate("upgrade", status=3).err, "its file no longer begins as it did then")
        self.execute("UPDATE migrate_script SET body = replace(body, 'TABLE t ', 'TABLE u ')")
        self.assertIncludes(self.migrate("upgrade", status=3).err, "its file no longer begins as it did then")
        self.assertEqual(self.query("SELECT status, statements_done FROM migrate_history"), [("running", "1")])

    def test_without_a_history_part_of_a_revision_is_still_part_of_it(self):
        self.write("migrate.ini", "[migrate]\nscript_location = migrations\nhistory_table = none\n")
        self.revision("a", body="-- migrate:upgrade autocommit\nCREATE TABLE t (x INTEGER);\nCREATE TABLE u (x INTEGER);\n"
                                "INSERT INTO nowhere VALUES (1);\n")
        said = self.migrate_json("upgrade", status=5)
        self.assertEqual((said["error"]["code"], said["steps"][0]["status"]), ("partial", "partial"))

    def test_many_at_once_run_each_statement_of_an_autocommit_section_once(self):
        count = 150
        self.execute("CREATE TABLE n (x INTEGER)")
        self.revision("a", body="-- migrate:upgrade autocommit\n" + "".join("INSERT INTO n VALUES (%d);\n" % i for i in range(count)))
        processes = [self.start("upgrade", "--lock-wait=60s") for _ in range(6)]
        for process in processes:
            _, err = process.communicate(timeout=SECONDS)
            self.assertEqual(process.returncode, 0, err.decode())
        self.assertEqual(self.query("SELECT count(*), count(DISTINCT x) FROM n"), [(str(count), str(count))])
        self.assertEqual(self.query("SELECT status, statements_done FROM migrate_history"), [("done", str(count))])


class Overtaken:
    """Somebody changes the running row while a statement of an autocommit section is under way, the second of four."""

    def overtake(self, change):
        self.execute("CREATE TABLE n (x INTEGER)")
        slow = self.slow_statement()
        self.revision("a", body="-- migrate:upgrade autocommit\nINSERT INTO n VALUES (0);\n%s;\nINSERT INTO n VALUES (2);\n"
                                "INSERT INTO n VALUES (3);\n" % slow)
        self.process = self.start("upgrade")
        self.until_slow()
        self.execute(change)
        self.let_go()
        _, err = self.process.communicate(timeout=SECONDS)
        self.assertEqual(self.process.returncode, 0, err.decode())

    def until(self, sql, expected):
        deadline = time.monotonic() + SECONDS
        while self.query(sql) != expected:
            self.assertIsNone(self.process.poll(), "it should still run")
            self.assertLess(time.monotonic(), deadline, "never: %s = %s" % (sql, expected))
            time.sleep(0.02)

    def test_what_the_row_says_meanwhile_is_not_overwritten_but_gone_on_from(self):
        self.overtake("UPDATE migrate_history SET statements_done = 3")
        self.assertEqual(self.query("SELECT x FROM n ORDER BY 1"), [("0",), ("3",)])
        self.assertEqual(self.query("SELECT status, statements_done FROM migrate_history"), [("done", "4")])

    def test_one_that_was_ended_meanwhile_is_not_ended_again(self):
        self.overtake("UPDATE migrate_history SET status = 'done'; INSERT INTO alembic_version VALUES ('a')")
        self.assertEqual(self.query("SELECT x FROM n"), [("0",)])
        self.assertEqual(self.query("SELECT status, statements_done FROM migrate_history"), [("done", "1")])


@needs_postgres
@unittest.skipUnless(psycopg2, "python3-psycopg2 is not installed")
class OvertakenOnPostgres(Overtaken, Postgres, Case):
    def slow_statement(self):
        self.gate = psycopg2.connect(self.url)
        self.addCleanup(self.gate.close)
        self.gate.cursor().execute("SELECT pg_advisory_lock(1)")
        return "SELECT pg_advisory_lock(1)"

    def until_slow(self):
        self.until("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()",
                   [("1",)])

    def let_go(self):
        self.gate.close()


class OvertakenOnSqlite(Overtaken, Sqlite, Case):
    def slow_statement(self):
        """What needs no transaction runs outside of any: meanwhile the file is free, and this one waits for another."""
        self.gate = sqlite3.connect(self.path("other.db"), isolation_level=None)
        self.gate.execute("CREATE TABLE o (x INTEGER)")
        self.gate.execute("BEGIN EXCLUSIVE")
        return "ATTACH 'other.db' AS o"

    def until_slow(self):
        self.until("SELECT count(*) FROM sqlite_master WHERE name = 'migrate_history'", [("1",)])
        self.until("SELECT max(statements_done) FROM migrate_history", [("1",)])

    def let_go(self):
        self.gate.close()


class NotedOnSqlite(Sqlite, Case):
    """An autocommit statement and the note that it is done are one transaction: both are there, or neither."""

    def begin(self, on_note):
        self.execute("CREATE TABLE n (x INTEGER)")
        self.revision("z", (), up="")
        self.migrate("upgrade")
        self.execute("CREATE TRIGGER on_note BEFORE UPDATE ON migrate_history WHEN new.statements_done = 2 BEGIN %s; END"
                     % on_note)
        self.revision("a", "z", body="-- migrate:upgrade autocommit\nINSERT INTO n VALUES (1);\nINSERT INTO n VALUES (2);\n"
                                     "INSERT INTO n VALUES (3);\n")

    def where(self):
        return (self.query("SELECT status, statements_done FROM migrate_history WHERE revision = 'a'"),
                self.query("SELECT x FROM n ORDER BY 1"))

    def assert_at_one_and_rerun(self):
        self.assertEqual(self.where(), ([("running", "1")], [("1",)]))
        self.execute("DROP TRIGGER on_note")
        self.migrate("upgrade")
        self.assertEqual(self.where(), ([("done", "3")], [("1",), ("2",), ("3",)]))

    def test_a_note_that_is_refused_takes_its_statement_back(self):
        self.begin("SELECT RAISE(ABORT, 'no note')")
        self.assertIncludes(self.migrate("upgrade", status=5).err, "no note")
        self.assert_at_one_and_rerun()

    def killed_at_its_note(self, number):
        self.begin("SELECT count(*) FROM (WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n "
                   "WHERE x < 1000000000) SELECT x FROM n)")
        process = self.start("upgrade")
        deadline = time.monotonic() + SECONDS
        while self.query("SELECT max(statements_done) FROM migrate_history WHERE revision = 'a'") != [("1",)]:
            self.assertLess(time.monotonic(), deadline, "it did not begin")
            time.sleep(0.02)
        time.sleep(0.5)
        process.send_signal(number)
        _, err = process.communicate(timeout=SECONDS)
        return process.returncode, err.decode()

    def test_a_run_that_is_killed_at_a_note_has_not_done_the_statement(self):
        self.killed_at_its_note(signal.SIGKILL)
        self.assert_at_one_and_rerun()

    def test_a_run_that_is_interrupted_at_a_note_has_not_done_the_statement(self):
        self.assertEqual(self.killed_at_its_note(signal.SIGTERM)[0], 143)
        self.assert_at_one_and_rerun()


if __name__ == "__main__":
    main()
