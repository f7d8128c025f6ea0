"""What running a revision means: what commits together, what is recorded, what a script may leave behind, and what an
interrupt does."""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from harness import SECONDS, Case, Postgres, Sqlite, main, on_both_databases, postgres_program, postgres_url, psql

SLOW = {"postgresql": "SELECT pg_sleep(60);",
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) "
                  "SELECT count(*) FROM n;"}
HISTORY = ["id", "revision", "direction", "status", "statements_done", "statements", "script_oid", "git_commit",
           "started_at", "finished_at", "applied_by", "applied_from", "tool_version", "error"]


def blob_id(path):
    with open(path, "rb") as file:
        content = file.read()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class History:
    def history(self, columns="revision, direction, status, statements_done, statements", where="1 = 1"):
        return self.query("SELECT %s FROM migrate_history WHERE %s ORDER BY id" % (columns, where))

    def rows(self):
        return [row for row, in self.query("SELECT version_num FROM alembic_version ORDER BY 1")]

    def names(self):
        return {name for _, name in self.objects()}


@on_both_databases
class Transactions(History):
    """A revision happens or does not."""

    def test_a_refused_revision_is_rolled_back_and_what_came_before_stands(self):
        self.revision("a", up="CREATE TABLE t1 (x INTEGER);", down="DROP TABLE t1;")
        self.revision("b", up="CREATE TABLE t2 (x INTEGER);\nINSERT INTO t1 VALUES (1);\nINSERT INTO nowhere VALUES (1);",
                      down="DROP TABLE t2;")
        self.revision("c", up="CREATE TABLE t3 (x INTEGER);", down="DROP TABLE t3;")
        ran = self.migrate("upgrade", status=4)
        self.assertIncludes(ran.err, "error: migrations/b.sql:10:", "nowhere", "   10 | INSERT INTO nowhere VALUES (1);",
                            "b was rolled back; the database is at a.")
        self.assertEqual((self.rows(), self.names() & {"t1", "t2", "t3"}), (["a"], {"t1"}))
        self.assertEqual(self.query("SELECT count(*) FROM t1"), [("0",)])
        self.assertEqual(self.history(), [("a", "upgrade", "done", "1", "1"), ("b", "upgrade", "failed", "0", "3")])
        self.assertIncludes(self.history("error", "status = 'failed'")[0][0], "nowhere")
        self.revision("b", "a", up="CREATE TABLE t2 (x INTEGER);", down="DROP TABLE t2;")
        self.migrate("upgrade")
        self.assertEqual((self.rows(), len(self.history())), (["c"], 4))

    def test_a_refused_downgrade_leaves_the_revision_applied(self):
        self.revision("a", up="CREATE TABLE t1 (x INTEGER);", down="DROP TABLE t1;")
        self.revision("b", up="CREATE TABLE t2 (x INTEGER);", down="DROP TABLE t2;\nDROP TABLE nowhere;")
        self.revision("c", up="CREATE TABLE t3 (x INTEGER);", down="DROP TABLE t3;")
        self.migrate("upgrade")
        said = self.migrate_json("downgrade", "base", status=4)
        self.assertEqual([(step["revision"], step["status"]) for step in said["steps"]],
                         [("c", "applied"), ("b", "failed"), ("a", "skipped")])
        self.assertEqual((said["from"], said["to"], self.rows(), self.names() & {"t1", "t2", "t3"}),
                         (["c"], ["b"], ["b"], {"t1", "t2"}))

    def test_one_transaction_for_the_run_is_all_or_nothing(self):
        self.revision("a", up="CREATE TABLE t1 (x INTEGER);", down="DROP TABLE t1;")
        self.revision("b", up="CREATE TABLE t2 (x INTEGER);\nINSERT INTO nowhere VALUES (1);", down="DROP TABLE t2;")
        ran = self.migrate("upgrade", "--transaction", "run", status=4)
        self.assertIncludes(ran.err, "b.sql:9:", "a to b were rolled back; the database is at base.")
        self.assertEqual(self.names() & {"t1", "t2"}, set())
        self.assertEqual(self.migrate_json("current")["revisions"], [])
        self.revision("b", "a", up="CREATE TABLE t2 (x INTEGER);", down="DROP TABLE t2;")
        self.migrate("upgrade", "--transaction=run")
        self.assertEqual((self.rows(), len(self.history())), (["b"], 2))

    def test_one_transaction_for_the_run_takes_no_autocommit_section(self):
        self.revision("a", up="CREATE TABLE t1 (x INTEGER);", down="DROP TABLE t1;")
        self.revision("b", body="-- migrate:upgrade autocommit\nCREATE TABLE t2 (x INTEGER);\n")
        ran = self.migrate("upgrade", "--transaction=run", status=2)
        self.assertIncludes(ran.err, "error: migrations/b.sql: b has an autocommit section", "hint: ")
        self.assertEqual(self.objects(), [])


@on_both_databases
class Autocommit(History):
    """Statements that stand alone, one by one, recorded as they go."""

    def test_it_stops_part_of_the_way_says_so_and_a_rerun_resumes(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")
        self.revision("b", body="-- migrate:upgrade\nINSERT INTO t VALUES (1);\n-- migrate:upgrade autocommit\n"
                                "INSERT INTO t VALUES (2);\nINSERT INTO gate VALUES (3);\nINSERT INTO t VALUES (4);\n"
                                "-- migrate:upgrade\nINSERT INTO t VALUES (5);\n-- migrate:downgrade\nDELETE FROM t;\n")
        self.revision("c", up="INSERT INTO t VALUES (6);", down="")
        ran = self.migrate("upgrade", status=5)
        self.assertIncludes(ran.err, "error: migrations/b.sql:11:", "gate", "part of b has committed",
                            "a rerun resumes there", "The database is at a.")
        self.assertEqual(self.query("SELECT x FROM t ORDER BY x"), [("1",), ("2",)])
        self.assertEqual(self.history()[1:], [("b", "upgrade", "running", "2", "5")])
        self.assertEqual(self.rows(), ["a"])
        self.assertIncludes(self.migrate("check", "--database", status=1).out, "unfinished", "b")
        for words in ("downgrade", "base"), ("stamp", "c"), ("downgrade", "-1"):
            with self.subTest(words):
                self.assertIncludes(self.migrate(*words, status=3).err, "error: ", "b", "hint: ")
        self.assertEqual(self.migrate_json("current")["revisions"][0]["revision"], "a")

        self.assertEqual(self.migrate("upgrade", status=5).status, 5, "it is refused at the same place again")
        self.execute("CREATE TABLE gate (x INTEGER)")
        ran = self.migrate("upgrade")
        self.assertIncludes(ran.err, "warning: ", "the upgrade of b goes on where it stopped: 2 of 5 statements are done")
        self.assertEqual(self.query("SELECT x FROM t ORDER BY x"), [("1",), ("2",), ("4",), ("5",), ("6",)])
        self.assertEqual(self.history()[1:], [("b", "upgrade", "done", "5", "5"), ("c", "upgrade", "done", "1", "1")])
        self.assertEqual(self.rows(), ["c"])

    def half_done(self):
        """A revision of which the first statement is done and the second was refused; answers its file's path."""
        path = self.revision("a", body="-- migrate:upgrade autocommit\nCREATE TABLE t (x INTEGER);\nINSERT INTO gate VALUES (3);\n")
        self.migrate("upgrade", status=5)
        self.execute("CREATE TABLE gate (x INTEGER)")
        return path

    def test_a_file_whose_done_statements_changed_is_not_resumed(self):
        path = self.half_done()
        self.write(path, self.read(path).replace("t (x INTEGER)", "t (y INTEGER)"))
        ran = self.migrate("upgrade", status=3)
        self.assertIncludes(ran.err, "a", "no longer", "hint: ")
        self.assertEqual(self.query("SELECT count(*) FROM gate"), [("0",)])

    def test_a_file_corrected_behind_what_is_done_is_resumed_and_is_the_one_that_counts(self):
        path = self.half_done()
        self.write(path, self.read(path).replace("VALUES (3)", "VALUES (4)") + "INSERT INTO gate VALUES (5);\n")
        self.migrate("upgrade")
        self.assertEqual(self.query("SELECT x FROM gate ORDER BY x"), [("4",), ("5",)])
        self.assertEqual(self.query("SELECT status, statements_done, statements FROM migrate_history"), [("done", "3", "3")])
        self.migrate("check", "--database")

    def test_a_first_statement_that_is_refused_has_done_nothing_and_may_be_given_up(self):
        self.revision("a", body="-- migrate:upgrade autocommit\nINSERT INTO gate VALUES (3);\n")
        said = self.migrate_json("upgrade", status=None)
        self.assertIn(said["error"]["exit"], (4, 5))
        self.execute("CREATE TABLE gate (x INTEGER)")
        self.migrate("upgrade")
        self.assertEqual((self.rows(), self.query("SELECT x FROM gate")), (["a"], [("3",)]))

    def test_what_no_transaction_takes_runs(self):
        self.revision("a", body="-- migrate:upgrade\nCREATE TABLE t (x INTEGER);\n-- migrate:upgrade autocommit\nVACUUM;\n"
                                "-- migrate:upgrade postgresql autocommit\nCREATE INDEX CONCURRENTLY i ON t (x);\n"
                                "-- migrate:downgrade postgresql autocommit\nDROP INDEX CONCURRENTLY i;\n"
                                "-- migrate:downgrade\nDROP TABLE t;\n")
        self.migrate("upgrade")
        self.assertEqual(("index", "i") in self.objects(), self.dialect == "postgresql")
        self.migrate("downgrade", "base")
        self.assertNotIn("t", self.names())


@on_both_databases
class Recorded(History):
    """The version table, the history and the scripts kept."""

    def test_the_version_table_is_alembics_to_the_letter(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);")
        self.migrate("upgrade")
        if self.dialect == "sqlite":
            sql = self.query("SELECT sql FROM sqlite_master WHERE name = 'alembic_version'")[0][0]
            self.assertEqual(re.sub(r"\s+", " ", sql).replace("( ", "(").replace(" )", ")").replace('"', ""),
                             "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
                             "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))")
        else:
            self.assertEqual(self.query("SELECT column_name, data_type, character_maximum_length, is_nullable FROM "
                                        "information_schema.columns WHERE table_name = 'alembic_version'"),
                             [("version_num", "character varying", "32", "NO")])
            self.assertEqual(self.query("SELECT conname, contype FROM pg_constraint WHERE conrelid = "
                                        "'alembic_version'::regclass AND contype <> 'n'"),  # NOT NULL is one since 18
                             [("alembic_version_pkc", "p")])

    def test_a_history_row_says_who_when_what_and_from_where(self):
        path = self.revision("a", up="CREATE TABLE t (x INTEGER);\nCREATE TABLE u (x INTEGER);", down="DROP TABLE t;")
        self.migrate("upgrade")
        columns = ([name for _, name, *_ in self.query("PRAGMA table_info(migrate_history)")]
                   if self.dialect == "sqlite" else
                   [name for name, in self.query("SELECT column_name FROM information_schema.columns WHERE "
                                                 "table_name = 'migrate_history' ORDER BY ordinal_position")])
        self.assertEqual(columns, HISTORY)
        row = dict(zip(HISTORY, self.history(", ".join(HISTORY))[0]))
        self.assertEqual((row["revision"], row["direction"], row["status"], row["statements_done"], row["statements"]),
                         ("a", "upgrade", "done", "2", "2"))
        self.assertEqual((row["script_oid"], row["git_commit"], row["error"]), (blob_id(path), None, None))
        self.assertEqual(row["applied_from"], os.uname().nodename)
        self.assertIn(row["tool_version"], self.migrate("--version").out)
        self.assertLessEqual(row["started_at"], row["finished_at"])
        if self.dialect == "postgresql":
            self.assertEqual(row["applied_by"], "postgres")
        else:
            self.assertTrue(row["applied_by"])

    def test_a_script_is_kept_once_in_parts_of_a_mebibyte(self):
        path = self.revision("a", up="CREATE TABLE t (x INTEGER);\n-- " + "ü" * 1200000, down="DROP TABLE t;")
        for _ in range(2):
            self.migrate("upgrade")
            self.migrate("downgrade", "base")
        parts = self.query("SELECT oid, part, length(body) FROM migrate_script ORDER BY part")
        self.assertEqual({oid for oid, _, _ in parts}, {blob_id(path)})
        self.assertGreater(len(parts), 2)
        whole = "".join(body for body, in self.query("SELECT body FROM migrate_script ORDER BY part"))
        self.assertEqual(whole, self.read(path))
        self.assertLessEqual(max(len(body.encode()) for body, in self.query("SELECT body FROM migrate_script")), 1 << 20)
        self.assertEqual(self.history("direction, script_oid"),
                         [("upgrade", blob_id(path)), ("downgrade", blob_id(path))] * 2)

    def test_a_stamp_is_recorded_too(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);")
        self.revision("b", up="CREATE TABLE u (x INTEGER);")
        self.migrate("stamp", "b")
        self.assertEqual(self.rows(), ["b"])
        self.assertTrue(all((direction, status) == ("stamp", "done")
                            for direction, status in self.history("direction, status")), self.history())
        self.assertGreaterEqual(len(self.history()), 1)

    def test_an_edited_file_is_found(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")
        path = self.revision("b", up="CREATE TABLE u (x INTEGER);", down="DROP TABLE u;")
        self.migrate("upgrade")
        self.migrate("check", "--database")
        before = blob_id(path)
        self.write(path, self.read(path).replace("u (x INTEGER)", "u (x INTEGER, y INTEGER)"))
        said = self.migrate_json("check", "--database", status=1)
        finding, = [finding for finding in said["findings"] if finding["rule"] == "edited"]
        self.assertEqual((finding["severity"], finding["revision"], finding["path"]), ("error", "b", "migrations/b.sql"))
        self.assertIncludes(finding["message"], before[:7], blob_id(path)[:7])
        self.migrate("check")

    def test_the_tables_can_be_named_otherwise(self):
        extra = "version_table_schema = book\n" if self.dialect == "postgresql" else ""
        self.write("migrate.ini", "[migrate]\nscript_location = migrations\nversion_table = \"where we are\"\n"
                                  "history_table = What_Was\n".replace('"', "") + extra)
        if extra:
            self.execute("CREATE SCHEMA book")
        self.revision("a", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")
        self.migrate("upgrade")
        place = "book." if extra else ""
        self.assertEqual(self.query('SELECT version_num FROM %s"where we are"' % place), [("a",)])
        self.assertEqual(self.query('SELECT revision, status FROM %s"What_Was"' % place), [("a", "done")])
        self.assertLeavesOut(str(self.names()), "alembic_version", "migrate_history")
        self.migrate("current", "--check-heads")
        self.migrate("downgrade", "base")
        self.assertEqual(self.query('SELECT count(*) FROM %s"where we are"' % place), [("0",)])


@unittest.skipUnless(shutil.which("git"), "git is not installed")
@on_both_databases
class Git(History):
    """Files that a repository holds."""

    def setUp(self):
        super().setUp()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments):
        ran = subprocess.run(["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments], check=True,
                             cwd=self.folder, env=self.clean(), stdout=subprocess.PIPE, text=True)
        return ran.stdout.strip()

    def commit(self, tag):
        self.git("add", "migrations")
        self.git("commit", "-q", "-m", tag)
        self.git("tag", tag)
        return self.git("rev-parse", "HEAD")

    def test_the_history_knows_the_blob_and_the_commit(self):
        path = self.revision("a", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")
        commit = self.commit("v1")
        self.revision("b", up="CREATE TABLE u (x INTEGER);", down="DROP TABLE u;")
        self.migrate("upgrade")
        self.assertEqual(self.history("revision, git_commit"), [("a", commit), ("b", None)])
        self.assertEqual(self.history("script_oid")[0][0], self.git("hash-object", path))
        self.assertEqual(self.git("cat-file", "blob", self.git("hash-object", path)), self.read(path).strip())

    def test_a_file_that_differs_from_its_commit_has_none(self):
        path = self.revision("a", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")
        self.commit("v1")
        self.write(path, self.read(path) + "\n")
        self.migrate("upgrade")
        self.assertEqual(self.history("git_commit"), [(None,)])

    def test_up_and_down_to_what_a_tag_held(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")
        self.revision("b", up="CREATE TABLE u (x INTEGER);", down="DROP TABLE u;")
        self.commit("v1")
        self.revision("c", up="CREATE TABLE v (x INTEGER);", down="DROP TABLE v;")
        self.commit("v2")
        self.migrate("upgrade", "--tag", "v1")
        self.assertEqual(self.rows(), ["b"])
        self.migrate("upgrade", "--tag=v2")
        self.assertEqual(self.rows(), ["c"])
        self.migrate("downgrade", "--tag", "v1", "head")
        self.assertEqual(self.rows(), ["b"])
        self.assertIncludes(self.migrate("upgrade", "--tag", "v9", status=None).err, "error: ", "v9")
        self.assertIncludes(self.migrate("upgrade", "--tag", "v1", "c", status=3).err, "error: ", "c")


@on_both_databases
class Unfinished(History):
    """A dry run of a revision that stopped half-way shows what is left of it to run, and writes nothing."""

    def stopped(self):
        self.revision("z", up="", down="")
        self.revision("a", "z", body="-- migrate:upgrade autocommit\nCREATE TABLE one (x INTEGER);\nINSERT INTO gate VALUES (2);\n"
                                     "-- migrate:upgrade\nCREATE TABLE three (x INTEGER);\n-- migrate:downgrade\n")
        self.revision("b", up="CREATE TABLE four (x INTEGER);")
        self.migrate("upgrade", status=5)

    def left(self, *words):
        before = (self.history(", ".join(HISTORY)), self.rows(), self.names())
        said = self.migrate_json("upgrade", *words, "--dry-run")
        self.assertEqual((self.history(", ".join(HISTORY)), self.rows(), self.names()), before)
        self.assertEqual((said["dry_run"], {step["status"] for step in said["steps"]}), (True, {"planned"}))
        return [(step["revision"], step["statements"], step["sql"]) for step in said["steps"]]

    def test_what_is_done_is_left_out_and_what_follows_is_whole(self):
        self.stopped()
        self.assertEqual(self.left(), [("a", 2, ["INSERT INTO gate VALUES (2)", "CREATE TABLE three (x INTEGER)"]),
                                       ("b", 1, ["CREATE TABLE four (x INTEGER)"])])
        ran = self.migrate("upgrade", "a", "--dry-run")
        self.assertIncludes(ran.out, "INSERT INTO gate VALUES (2)", "CREATE TABLE three (x INTEGER)", "dry run")
        self.assertLeavesOut(ran.out, "CREATE TABLE one", "four")
        self.assertIncludes(ran.err, "goes on where it stopped: 1 of 3 statements are done")

    def test_a_corrected_file_is_shown_as_it_is_now(self):
        self.stopped()
        path = self.path("migrations", "a.sql")
        self.write(path, self.read(path).replace("gate VALUES (2)", "one VALUES (2)"))
        self.assertEqual(self.left("a"), [("a", 2, ["INSERT INTO one VALUES (2)", "CREATE TABLE three (x INTEGER)"])])
        self.write(path, self.read(path).replace("TABLE one", "TABLE ones"))
        self.assertEqual(self.migrate_json("upgrade", "--dry-run", status=3)["error"]["code"], "unfinished")

    def test_of_one_that_lacks_its_version_row_alone_nothing_is_left(self):
        self.stopped()
        self.execute("UPDATE migrate_history SET statements_done = 3 WHERE status = 'running'")
        self.assertEqual(self.left("a"), [("a", 0, [])])


class UnfinishedBuild(History, Postgres, Case):
    def test_a_dry_run_shows_what_clears_the_way_for_it(self):
        self.execute("CREATE TABLE t (x INTEGER); INSERT INTO t VALUES (1), (1)")
        build = 'CREATE UNIQUE INDEX CONCURRENTLY "T x" ON t (x)'
        self.revision("a", body="-- migrate:upgrade autocommit\nCREATE TABLE one (x INTEGER);\n%s;\nANALYZE t;\n" % build)
        self.migrate("upgrade", status=5)
        before = self.history(", ".join(HISTORY))
        step, = self.migrate_json("upgrade", "--dry-run")["steps"]
        self.assertEqual(step["sql"], ['DROP INDEX CONCURRENTLY public."T x"', build, "ANALYZE t"])
        self.assertEqual(self.query("SELECT indisvalid FROM pg_index WHERE indexrelid = '\"T x\"'::regclass"), [("f",)])
        self.execute('DROP INDEX "T x"; TRUNCATE t; CREATE UNIQUE INDEX "T x" ON t (x)')  # as if it had been built
        step, = self.migrate_json("upgrade", "--dry-run")["steps"]
        self.assertEqual((step["sql"], self.history(", ".join(HISTORY))), (["ANALYZE t"], before))


@on_both_databases
class Interrupted(History):
    """SIGINT and SIGTERM: the statement is cancelled, the revision rolled back, a rerun completes."""

    def begin(self):
        self.revision("a", up="CREATE TABLE t1 (x INTEGER);", down="DROP TABLE t1;")
        self.slow = self.revision("b", up="CREATE TABLE t2 (x INTEGER);\n" + SLOW[self.dialect], down="DROP TABLE t2;")
        process = self.start("upgrade", "-v")
        if self.dialect == "postgresql":
            self.wait_for(lambda: self.query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND "
                                             "state = 'active' AND query LIKE '%pg_sleep(60)%' AND pid <> "
                                             "pg_backend_pid()"), process)
        else:
            self.wait_for(lambda: os.path.exists(self.database + "-journal"), process)
            time.sleep(0.1)
        return process

    def wait_for(self, condition, process):
        deadline = time.monotonic() + SECONDS
        while not condition():
            if process.poll() is not None or time.monotonic() > deadline:
                self.fail("it did not come so far: %s" % (process.communicate(),))
            time.sleep(0.02)

    def test_either_signal_rolls_the_revision_back_and_says_where_the_database_is(self):
        for number in signal.SIGINT, signal.SIGTERM:
            with self.subTest(number):
                process = self.begin()
                before = time.monotonic()
                process.send_signal(number)
                _, err = process.communicate(timeout=SECONDS)
                self.assertEqual(process.returncode, 128 + number, err)
                self.assertLess(time.monotonic() - before, 10)
                self.assertIncludes(err.decode(), "interrupted", "b was rolled back; the database is at a.")
                self.assertEqual((self.rows(), self.names() & {"t1", "t2"}), (["a"], {"t1"}))
                self.revision("b", "a", up="CREATE TABLE t2 (x INTEGER);", down="DROP TABLE t2;")
                self.migrate("upgrade")
                self.migrate("downgrade", "base")
                self._last = None

    def test_one_transaction_for_the_run_is_taken_back_whole(self):
        self.revision("z", up="CREATE TABLE t0 (x INTEGER);", down="DROP TABLE t0;")
        self.migrate("upgrade")
        process = self.begin_run()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SECONDS)
        self.assertEqual(process.returncode, 130, err)
        self.assertIncludes(err.decode(), "the database is at z")
        self.assertEqual((self.rows(), self.names() & {"t1", "t2"}), (["z"], set()))

    def begin_run(self):
        real = self.start
        self.start = lambda *words: real(*words, "--transaction=run")
        return self.begin()

    def test_a_second_signal_ends_at_once(self):
        process = self.begin()
        process.send_signal(signal.SIGSTOP)  # so that both are there before it can answer the first
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=SECONDS)
        self.assertIn(process.returncode, (130, 143))
        self.wait_until_gone()
        self.assertNotIn("t2", self.names())
        self.assertEqual(self.rows_or_none(), ["a"] if "t1" in self.names() else [])

    def rows_or_none(self):
        return self.rows() if "alembic_version" in self.names() else []

    def wait_until_gone(self):
        """The server looks for a vanished client every 5 seconds; here it is told."""
        if self.dialect == "postgresql":
            psql(self.url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                           "AND pid <> pg_backend_pid()")
            time.sleep(0.1)

    def test_a_question_changes_nothing_when_interrupted_while_waiting_for_the_lock(self):
        self.revision("a", up="CREATE TABLE t1 (x INTEGER);", down="DROP TABLE t1;")
        self.migrate("ensure-version")
        first = self.begin_beside()
        waiter = self.start("upgrade")
        time.sleep(0.4)
        waiter.send_signal(signal.SIGTERM)
        _, err = waiter.communicate(timeout=SECONDS)
        self.assertEqual(waiter.returncode, 143, err)
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=SECONDS)
        self.assertEqual(self.rows(), [])

    def begin_beside(self):
        self.revision("slow", (), up=SLOW[self.dialect], folder="beside")
        process = self.start("-d", "beside", "upgrade")
        if self.dialect == "postgresql":
            self.wait_for(lambda: self.query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND "
                                             "state = 'active' AND query LIKE '%pg_sleep(60)%' AND pid <> "
                                             "pg_backend_pid()"), process)
        else:
            time.sleep(0.5)
        return process


class Silent:
    """Stands between the tool and the server, and from silence() on passes nothing any more."""

    def __init__(self, host, port):
        self.server, self.is_silent, self.sockets = (host, port), False, []
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        threading.Thread(target=self.let_in, daemon=True).start()

    def let_in(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.door.accept()
                self.sockets.append(client)
                if not self.is_silent:
                    server = socket.create_connection(self.server)
                    self.sockets.append(server)
                    for here, there in (client, server), (server, client):
                        threading.Thread(target=self.pass_on, args=(here, there), daemon=True).start()

    def pass_on(self, here, there):
        with contextlib.suppress(OSError):
            for piece in iter(lambda: here.recv(65536), b""):
                while self.is_silent:
                    time.sleep(0.05)
                there.sendall(piece)
            there.shutdown(socket.SHUT_WR)

    def silence(self):
        self.is_silent = True

    def close(self):
        self.door.close()
        for one in self.sockets:
            one.close()


class SilentServer(History, Postgres, Case):
    """A server, or a network, that does not answer."""

    def test_a_second_signal_ends_at_once_what_the_first_cannot(self):
        host, port = re.search(r"@([^:/]+):(\d+)", self.url).groups()
        silent = Silent(host, int(port))
        self.addCleanup(silent.close)
        self.revision("a", up=SLOW["postgresql"])
        process = self.start("upgrade", environment={"MIGRATE_DATABASE_URL": self.url.replace(
            "%s:%s" % (host, port), "127.0.0.1:%d" % silent.port)})
        deadline = time.monotonic() + SECONDS
        while not self.query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND "
                             "query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"):
            self.assertTrue(process.poll() is None and time.monotonic() < deadline, "it did not come so far")
            time.sleep(0.02)
        silent.silence()
        process.send_signal(signal.SIGINT)
        time.sleep(0.7)
        self.assertIsNone(process.poll(), "nobody could have cancelled the statement yet")
        before = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)
        self.assertEqual(process.returncode, 143)
        self.assertLess(time.monotonic() - before, 5)


# --- PostgreSQL's own ---------------------------------------------------------------------------------------------------


class OnPostgres(History, Postgres, Case):
    """What only PostgreSQL has."""

    def test_what_a_script_sets_ends_with_its_revision(self):
        self.execute("CREATE ROLE clerk_%s; CREATE SCHEMA side" % self.database)
        self.addCleanup(psql, postgres_url("postgres"), "DROP ROLE clerk_%s" % self.database)
        settings = ("current_setting('search_path') AS a, current_setting('statement_timeout') AS b, "
                    "current_setting('check_function_bodies') AS c, current_user AS d")
        self.revision("before", up="CREATE TABLE seen AS SELECT 'before' AS at, %s;" % settings)
        self.revision("dump", up="SET statement_timeout = 0;\nSET check_function_bodies = false;\n"
                                 "SELECT pg_catalog.set_config('search_path', '', false);\n"
                                 "CREATE TABLE public.dumped (x INTEGER);")
        self.revision("role", up="SET statement_timeout = '7h';\nSET search_path = side;\n"
                                 "GRANT CREATE, USAGE ON SCHEMA side TO clerk_%s;\nSET ROLE clerk_%s;\n"
                                 "CREATE TABLE theirs (x INTEGER);" % (self.database, self.database))
        self.revision("after", up="INSERT INTO seen SELECT 'after', %s;" % settings)
        self.migrate("upgrade")
        seen = self.query("SELECT * FROM seen ORDER BY at")
        self.assertEqual(seen[0][1:], seen[1][1:])
        self.assertEqual(self.query("SELECT tableowner FROM pg_tables WHERE tablename = 'theirs'"),
                         [("clerk_" + self.database,)])
        self.assertEqual(self.rows(), ["after"])
        self.execute("DROP OWNED BY clerk_" + self.database)

    def test_notices_are_shown_with_their_revision(self):
        self.revision("a", up="DO $$ BEGIN RAISE NOTICE 'from the first'; END $$;")
        self.revision("b", up="DROP TABLE IF EXISTS absent;\nDO $$ BEGIN RAISE WARNING 'from the second'; END $$;")
        lines = self.migrate("upgrade").err.split("\n")
        for revision, says in ("a", "from the first"), ("b", '"absent" does not exist'), ("b", "from the second"):
            self.assertTrue([line for line in lines if says in line and revision + ":" in line],
                            "%s with %s in %s" % (says, revision, lines))

    def test_copy_brings_its_data_along(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER, y TEXT);\nCOPY t (x, y) FROM STDIN;\n1\tone; -- no comment\n"
                              "2\t'\n\\.\nINSERT INTO t VALUES (3, 'three');\nCOPY t FROM STDIN WITH (FORMAT csv);\n"
                              "4,\"fo\"\"ur\"\n\\.\nCREATE INDEX i ON t (x);", down="DROP TABLE t;")
        self.revision("b", up="COPY t FROM STDIN;\n\\.\n")
        self.migrate("upgrade")
        self.assertEqual(self.query("SELECT x, y FROM t ORDER BY x"),
                         [("1", "one; -- no comment"), ("2", "'"), ("3", "three"), ("4", 'fo"ur')])
        self.assertEqual(self.rows(), ["b"])

    def test_an_error_in_a_line_of_copys_data_names_the_line(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);")
        self.revision("b", up="COPY t FROM STDIN;\n1\n2\nthree\n4\n\\.\n")
        ran = self.migrate("upgrade", status=4)
        self.assertIncludes(ran.err, "22P02", "three", "b was rolled back; the database is at a.")
        self.assertIncludes(ran.err, "error: migrations/b.sql:")
        self.assertRegex(ran.err, r"line 3|b\.sql:11")
        self.assertEqual(self.query("SELECT count(*) FROM t"), [("0",)])

    def test_a_constraint_that_fails_at_commit_takes_only_its_revision_back(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER PRIMARY KEY);\nCREATE TABLE u (x INTEGER REFERENCES t "
                              "DEFERRABLE INITIALLY DEFERRED);")
        self.revision("b", up="INSERT INTO u VALUES (1);\nINSERT INTO t VALUES (1);")
        self.revision("c", up="INSERT INTO u VALUES (2);\nCREATE TABLE v (x INTEGER);")
        self.revision("d", up="CREATE TABLE w (x INTEGER);")
        ran = self.migrate("upgrade", status=4)
        self.assertIncludes(ran.err, "23503", "c was rolled back; the database is at b.")
        self.assertEqual((self.rows(), self.names() & {"v", "w"}), (["b"], set()))
        self.assertEqual(self.history("revision, status"), [("a", "done"), ("b", "done"), ("c", "failed")])

    def test_a_sections_timeouts_apply_to_it_alone(self):
        self.revision("a", body="-- migrate:upgrade lock_timeout=1234ms statement_timeout=77s\n"
                                "CREATE TABLE seen AS SELECT 'one' AS at, current_setting('lock_timeout') AS l, "
                                "current_setting('statement_timeout') AS s;\n"
                                "-- migrate:upgrade\nINSERT INTO seen SELECT 'two', current_setting('lock_timeout'), "
                                "current_setting('statement_timeout');\n"
                                "-- migrate:upgrade autocommit statement_timeout=66s\nINSERT INTO seen SELECT 'three', "
                                "current_setting('lock_timeout'), current_setting('statement_timeout');\n")
        self.revision("b", up="INSERT INTO seen SELECT 'four', current_setting('lock_timeout'), "
                              "current_setting('statement_timeout');")
        self.migrate("upgrade", environment={"DB_LOCK_TIMEOUT": "4321", "DB_STATEMENT_TIMEOUT": "0"})
        self.assertEqual(dict((at, (lock, statement)) for at, lock, statement in self.query("SELECT * FROM seen")),
                         {"one": ("1234ms", "77s"), "two": ("4321ms", "0"), "three": ("0", "66s"),
                          "four": ("4321ms", "0")})

    def test_a_statement_timeout_is_exit_4_and_a_lock_timeout_names_itself(self):
        self.revision("a", body="-- migrate:upgrade statement_timeout=150ms\nCREATE TABLE t (x INTEGER);\n"
                                "SELECT pg_sleep(30);\n")
        ran = self.migrate("upgrade", status=4)
        self.assertIncludes(ran.err, "migrations/a.sql:9:", "57014", "a was rolled back")
        self.assertNotIn("t", self.names())

    def test_a_table_lock_that_is_not_to_be_had_in_time_is_exit_12(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);")
        self.migrate("upgrade")
        self.revision("b", body="-- migrate:upgrade lock_timeout=100ms\nALTER TABLE t ADD y INTEGER;\n")
        blocker = self.blocker("BEGIN; LOCK TABLE t; SELECT pg_sleep(30);")
        ran = self.migrate("upgrade", "--lock-retries=0", status=12)
        self.assertIncludes(ran.err, "migrations/b.sql:8:", "55P03", "the database is at a")

    def blocker(self, sql):
        process = subprocess.Popen([postgres_program("psql"), "-Xq", "-d", self.url, "-c", sql], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, env={"LC_ALL": "C.UTF-8"})
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + SECONDS
        while not self.query("SELECT 1 FROM pg_locks WHERE relation = 't'::regclass AND granted AND "
                             "mode = 'AccessExclusiveLock'"):
            self.assertTrue(process.poll() is None and time.monotonic() < deadline, "nobody holds the lock")
            time.sleep(0.02)
        return process

    def test_a_valid_index_of_that_name_is_never_dropped(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);\nCREATE INDEX i ON t (x);")
        self.revision("b", body="-- migrate:upgrade autocommit\nCREATE INDEX CONCURRENTLY i ON t (x);\n")
        ran = self.migrate("upgrade", status=None)
        self.assertIn(ran.status, (4, 5))
        self.assertIncludes(ran.err, "42P07", "the database is at a" if ran.status == 4 else "The database is at a")
        self.assertIn(("index", "i"), self.objects())


# --- SQLite's own -------------------------------------------------------------------------------------------------------

REBUILD = """
CREATE TABLE new_parent (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '');
INSERT INTO new_parent (id) SELECT id FROM parent;
DROP TABLE parent;
ALTER TABLE new_parent RENAME TO parent;
"""


class OnSqlite(History, Sqlite, Case):
    """What only SQLite has."""

    def family(self):
        self.revision("a", up="CREATE TABLE parent (id INTEGER PRIMARY KEY);\nCREATE TABLE child (id INTEGER PRIMARY KEY, "
                              "parent_id INTEGER REFERENCES parent (id) ON DELETE CASCADE);\n"
                              "INSERT INTO parent VALUES (1), (2);\nINSERT INTO child VALUES (10, 1), (20, 2);",
                      down="DROP TABLE child;\nDROP TABLE parent;")

    def test_rebuilding_a_table_keeps_its_children(self):
        self.family()
        self.revision("b", up=REBUILD, down="")
        self.migrate("upgrade")
        self.assertEqual(self.query("SELECT id, parent_id FROM child ORDER BY id"), [("10", "1"), ("20", "2")])
        self.assertEqual(self.query("SELECT id, name FROM parent ORDER BY id"), [("1", ""), ("2", "")])

    def test_a_new_orphan_is_refused(self):
        self.family()
        self.revision("b", up="DELETE FROM parent WHERE id = 2;", down="")
        ran = self.migrate("upgrade", status=4)
        self.assertIncludes(ran.err, "foreign key", "child", "parent", "b was rolled back; the database is at a.")
        self.assertEqual(self.query("SELECT count(*) FROM parent"), [("2",)])

    def test_an_orphan_that_was_there_before_is_not_the_revisions_fault(self):
        self.family()
        self.migrate("upgrade")
        self.execute("INSERT INTO child VALUES (30, 99)")
        self.revision("b", up="CREATE TABLE other (x INTEGER);", down="")
        self.migrate("upgrade")
        self.revision("c", up="INSERT INTO child VALUES (40, 98);", down="")
        self.migrate("upgrade", status=4)
        self.assertEqual(self.rows(), ["b"])

    def test_a_statement_that_rolls_back_by_itself_takes_everything_uncommitted_and_that_is_what_is_said(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER PRIMARY KEY);\nINSERT INTO t VALUES (1);", down="DROP TABLE t;")
        self.revision("b", up="CREATE TABLE u (x INTEGER);\nINSERT OR ROLLBACK INTO t VALUES (1);", down="DROP TABLE u;")
        ran = self.migrate("upgrade", status=4)
        self.assertIncludes(ran.err, "b.sql:9:1:", "   9 | INSERT OR ROLLBACK", "a to b were rolled back; the database "
                            "is at base.")
        self.assertEqual(self.objects(), [])

    def test_triggers_and_full_text_tables_are_split_rightly(self):
        self.revision("a", up="CREATE TABLE t (x TEXT);\nCREATE VIRTUAL TABLE f USING fts5 (x);\n"
                              "CREATE TRIGGER g AFTER INSERT ON t BEGIN\n  INSERT INTO f VALUES (CASE WHEN new.x = ';' "
                              "THEN 'semi;' ELSE new.x END);\n  SELECT 1;\nEND;\nINSERT INTO t VALUES (';');",
                      down="DROP TRIGGER g;\nDROP TABLE f;\nDROP TABLE t;")
        self.migrate("upgrade")
        self.assertEqual(self.query("SELECT x FROM f"), [("semi;",)])
        self.migrate("downgrade", "base")
        self.assertLeavesOut(str(self.names()), "'t'", "'f'", "'g'")

    def test_a_killed_run_leaves_the_file_as_it_was(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")
        self.migrate("upgrade")
        self.revision("b", up="CREATE TABLE u (x INTEGER);", down="")
        self.revision("c", up=SLOW["sqlite"], down="")
        process = self.start("upgrade")
        time.sleep(0.5)
        process.kill()
        process.communicate()
        self.assertEqual((self.rows(), self.names() & {"t", "u"}), (["a"], {"t"}))


if __name__ == "__main__":
    main()
