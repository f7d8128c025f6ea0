"""repair: what is unfinished, told so that somebody can decide, and the three decisions."""

import contextlib
import os
import time
import unittest

from harness import Case, Postgres, main, on_both_databases

try:
    import psycopg2
except ImportError:
    psycopg2 = None

ENTRY_KEYS = {"revision", "direction", "message", "path", "statements_done", "statements", "since", "applied_by",
              "applied_from", "error", "rerun", "left"}


class Repaired:
    def rows(self):
        return [row for row, in self.query("SELECT version_num FROM alembic_version ORDER BY 1")]

    def history(self, columns="revision, direction, status, statements_done, statements"):
        return self.query("SELECT %s FROM migrate_history ORDER BY id" % columns)

    def half_up(self, more=""):
        """a is applied; of b the first of three statements is done, the second was refused."""
        self.revision("a", up="CREATE TABLE ta (x INTEGER);", down="DROP TABLE ta;")
        self.revision("b4c5", body="-- migrate:upgrade autocommit\nCREATE TABLE tb (x INTEGER);\n"
                                   "INSERT INTO gate\n  VALUES (1);\nINSERT INTO tb VALUES (2);\n" + more +
                                   "-- migrate:downgrade\nDROP TABLE tb;\n", message="what b does")
        self.migrate("upgrade", status=5)

    def half_down(self, *parents):
        self.revision("a", up="CREATE TABLE ta (x INTEGER);", down="DROP TABLE ta;")
        for parent in parents:
            self.revision(parent, "a", up="", down="")
        self.revision("b4c5", parents or "a", up="CREATE TABLE tb (x INTEGER);",
                      body="-- migrate:upgrade\nCREATE TABLE tb (x INTEGER);\n-- migrate:downgrade autocommit\n"
                           "DROP TABLE tb;\nDROP TABLE gate;\n")
        self.migrate("upgrade")
        self.migrate("downgrade", "a", status=5)

    def unfinished(self):
        return self.migrate_json("repair")["unfinished"]


@on_both_databases
class Listing(Repaired):
    def test_nothing_unfinished_says_so_and_makes_no_tables(self):
        self.revision("a")
        self.assertEqual(self.migrate("repair").out, "nothing is unfinished\n")
        said = self.migrate_json("repair")
        self.assertEqual((said["unfinished"], said["remedy"], said["changed"], said["from"]), ([], None, False, []))
        self.assertEqual(self.objects(), [])

    def test_it_tells_how_far_since_when_why_and_what_a_rerun_would_do(self):
        self.half_up()
        entry, = self.unfinished()
        self.assertEqual(set(entry), ENTRY_KEYS)
        self.assertEqual([entry[key] for key in ("revision", "direction", "message", "path", "statements_done", "statements")],
                         ["b4c5", "upgrade", "what b does", "migrations/b4c5.sql", 1, 3])
        self.assertRegex(entry["since"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertTrue(entry["applied_by"])
        self.assertIncludes(entry["error"], "gate")
        self.assertEqual(entry["rerun"], "`migrate upgrade b4c5` goes on with statement 2 of 3: INSERT INTO gate ...")
        self.assertEqual(entry["left"][:2], ["what its first statement did has committed and stays",
                                             "statement 2 may have done its work, or a part of it"])
        self.assertIncludes(self.migrate("repair").out, "the upgrade of b4c5 is unfinished: 1 of 3 statements are done",
                            "    stopped by: ", "gate", "    rerun: `migrate upgrade b4c5` goes on")
        self.assertEqual((self.rows(), self.history()[1][2]), (["a"], "running"))

    def test_what_a_rerun_would_refuse_is_told_too(self):
        self.half_up()
        path = self.path("migrations", "b4c5.sql")
        self.write(path, self.read(path).replace("tb (x INTEGER)", "tb (y INTEGER)"))
        self.assertIncludes(self.unfinished()[0]["rerun"], "a rerun would be refused: ", "no longer")
        os.remove(path)
        entry, = self.unfinished()
        self.assertEqual((entry["path"], entry["rerun"]), (None, "a rerun would be refused: no file has b4c5"))


@on_both_databases
class Deciding(Repaired):
    def test_an_abandoned_one_leaves_rows_and_tables_and_the_way_free(self):
        self.half_up()
        said = self.migrate_json("repair", "--abandon", "b4")
        self.assertEqual((said["remedy"], said["revision"], said["changed"], said["from"], said["to"]),
                         ("abandon", "b4c5", True, ["a"], ["a"]))
        self.assertEqual(self.history()[1], ("b4c5", "upgrade", "abandoned", "1", "3"))
        error, finished = self.history("error, finished_at")[1]
        self.assertIncludes(error, "given up by `migrate repair`; before that: ", "gate")
        self.assertTrue(finished)
        self.assertIn(("table", "tb"), self.objects())
        self.assertEqual(self.unfinished(), [])
        self.migrate("downgrade", "base")
        self.assertEqual(self.rows(), [])

    def test_one_that_was_finished_by_hand_counts_as_done(self):
        self.half_up()
        ran = self.migrate("repair", "--done", "b4c5")
        self.assertIncludes(ran.out, "b4c5 counts as done; ", " is at b4c5\n")
        self.assertEqual((self.rows(), self.history()[1]), (["b4c5"], ("b4c5", "upgrade", "done", "1", "3")))
        self.migrate("check", "--database", "--pending")
        self.migrate("downgrade", "base")

    def test_a_downgrade_that_was_finished_by_hand_counts_as_done(self):
        self.half_down()
        self.assertIncludes(self.unfinished()[0]["rerun"], "`migrate downgrade b4c5-1` goes on with statement 2 of 2: DROP TABLE gate")
        self.migrate("repair", "--done", "b4c5")
        self.assertEqual((self.rows(), self.history()[-1][1:3]), (["a"], ("downgrade", "done")))
        self.migrate("check", "--database")

    def test_a_downgrade_of_a_merge_gives_each_parent_its_row(self):
        self.half_down("l", "r")
        said = self.migrate_json("repair", "--done", "b4c5")
        self.assertEqual((said["from"], said["to"], self.rows()), (["b4c5"], ["l", "r"], ["l", "r"]))

    def test_a_downgrade_of_a_base_leaves_no_row(self):
        self.revision("a", body="-- migrate:upgrade\nCREATE TABLE ta (x INTEGER);\n-- migrate:downgrade autocommit\n"
                                "DROP TABLE ta;\nDROP TABLE gate;\n")
        self.revision("z", (), up="", down="")
        self.migrate("upgrade", "a")
        self.migrate("upgrade", "z")
        self.migrate("downgrade", "a@base", status=5)
        self.assertEqual(self.migrate_json("repair", "--done", "a")["to"], ["z"])

    def test_only_what_is_unfinished_can_be_ended(self):
        self.half_up()
        for option in "--abandon", "--done":
            said = self.migrate_json("repair", option, "a", status=3)
            self.assertEqual((said["error"]["code"], said["changed"]), ("unknown_revision", False))
            self.assertEqual(self.migrate("repair", option, "", status=2).out, "")
        self.assertEqual(self.migrate("repair", "--done", "a", "--abandon", "a", status=2).out, "")
        self.assertEqual((self.rows(), self.history()[1][2]), (["a"], "running"))

    def test_done_needs_a_file_and_a_row_to_come_from(self):
        self.half_up()
        self.execute("UPDATE alembic_version SET version_num = 'gone'")
        self.migrate("repair", "--done", "b4c5", status=3)
        self.execute("UPDATE alembic_version SET version_num = 'a'")
        os.remove(self.path("migrations", "b4c5.sql"))
        self.assertEqual(self.migrate_json("repair", "--done", "b4c5", status=3)["error"]["code"], "unknown_revision")
        self.assertEqual((self.rows(), self.history()[1][2]), (["a"], "running"))
        self.migrate("repair", "--abandon", "b4c5")

    def on_moving_the_row(self, sql):
        """Has sql run between repair's look and its own change of the history: when it moves the version row."""
        if self.dialect == "sqlite":
            self.execute("CREATE TRIGGER meanwhile AFTER UPDATE ON alembic_version BEGIN %s; END" % sql)
        else:
            self.execute("CREATE FUNCTION meanwhile() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN %s; RETURN NULL; END'; "
                         "CREATE TRIGGER meanwhile AFTER UPDATE ON alembic_version EXECUTE FUNCTION meanwhile()"
                         % sql.replace("'", "''"))

    def test_a_row_that_has_changed_since_the_look_is_left_alone(self):
        self.half_up()
        before = self.history()
        for change in "statements_done = 2", "status = 'abandoned'":
            self.on_moving_the_row("UPDATE migrate_history SET %s WHERE revision = 'b4c5'" % change)
            said = self.migrate_json("repair", "--done", "b4c5", status=11)
            self.assertEqual((said["error"]["code"], said["changed"]), ("locked", False))
            self.assertEqual((self.rows(), self.history()), (["a"], before))
            self.execute("DROP TRIGGER meanwhile" + ("" if self.dialect == "sqlite" else
                                                     " ON alembic_version; DROP FUNCTION meanwhile"))
        self.migrate("repair", "--done", "b4c5")

    def test_on_a_terminal_it_asks_and_no_changes_nothing(self):
        self.half_up()
        status, shown = self.at_terminal(b"n\n", "repair", "--abandon", "b4c5")
        self.assertEqual((status, self.history()[1][2]), (130, "running"))
        self.assertIncludes(shown, "1 of 3 statements are done", "Give b4c5 up?", "nothing was changed")
        self.assertEqual(self.at_terminal(b"", "repair", "--abandon", "b4c5", "--yes")[0], 0)
        self.assertEqual(self.history()[1][2], "abandoned")


@on_both_databases
class Accepting(Repaired):
    def edited(self):
        path = self.revision("a", up="CREATE TABLE ta (x INTEGER);", down="DROP TABLE ta;")
        self.revision("b", up="", down="")
        self.migrate("upgrade", "a")
        self.write(path, self.read(path).replace("DROP TABLE ta;", "DROP TABLE IF EXISTS ta;").replace("\n", "\r\n"))
        self.migrate("check", "--database", status=1)

    def test_an_edited_text_counts_from_then_on_and_the_past_is_kept(self):
        self.edited()
        before = self.history("id, revision, direction, status, script_oid")
        said = self.migrate_json("repair", "--accept", "a")
        self.assertEqual((said["revision"], said["changed"], said["from"], said["to"]), ("a", True, ["a"], ["a"]))
        self.assertIncludes(said["diff"], "-DROP TABLE ta;\n+DROP TABLE IF EXISTS ta;\n")
        self.migrate("check", "--database")
        after = self.history("id, revision, direction, status, script_oid")
        self.assertEqual(after[:-1], before)
        self.assertEqual(after[-1][1:4], ("a", "stamp", "done"))
        self.assertEqual(self.query("SELECT count(DISTINCT oid) FROM migrate_script"), [("2",)])
        self.assertEqual(self.query("SELECT count(*) FROM migrate_script WHERE body LIKE '%' || chr(13) || '%'"
                                    .replace("chr", "char" if self.dialect == "sqlite" else "chr")), [("0",)])

    def test_what_was_accepted_is_what_an_older_folder_runs(self):
        self.edited()
        self.migrate("repair", "--accept", "a")
        os.remove(self.path("migrations", "a.sql"))
        self.revision("b", ())
        self.execute("DROP TABLE ta")  # which the accepted text does not mind
        self.migrate("downgrade", "-1")
        self.assertEqual(self.rows(), [])

    def test_a_text_that_counts_already_is_nothing_to_do(self):
        self.edited()
        self.migrate("repair", "--accept", "a")
        self.assertIncludes(self.migrate("repair", "--accept", "a").out, "nothing to do")
        self.assertEqual(len(self.history()), 2)

    def test_only_the_file_of_an_applied_revision_can_be_accepted(self):
        self.edited()
        for named in "b", "nothing":
            self.assertEqual(self.migrate_json("repair", "--accept", named, status=3)["error"]["code"], "unknown_revision")
        self.assertEqual(len(self.history()), 1)

    def test_an_unfinished_revision_is_ended_first(self):
        self.half_up()
        self.assertEqual(self.migrate_json("repair", "--accept", "a", status=3)["error"]["code"], "unfinished")

    def test_a_database_taken_over_without_a_history_gets_one(self):
        self.revision("a", up="", down="")
        self.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY); "
                     "INSERT INTO alembic_version VALUES ('a')")
        self.migrate("repair", "--accept", "a")
        self.assertEqual(self.history()[0][:3], ("a", "stamp", "done"))
        self.migrate("check", "--database")


@contextlib.contextmanager
def writing(url):
    """A cursor in a transaction that commits at the end."""
    connection = psycopg2.connect(url)
    try:
        yield connection.cursor()
        connection.commit()
    finally:
        connection.close()


class Indexes(Repaired, Postgres, Case):
    def half_built(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);\nINSERT INTO t VALUES (1), (1);", down="DROP TABLE t;")
        self.revision("b", body="-- migrate:upgrade autocommit\nCREATE UNIQUE INDEX CONCURRENTLY \"T x\" ON t (x);\n")
        self.migrate("upgrade", status=5)

    def test_an_invalid_index_is_named_with_what_becomes_of_it(self):
        self.half_built()
        entry, = self.unfinished()
        self.assertIncludes(entry["rerun"], "goes on with statement 1 of 1", 'index T x is there but INVALID: it is dropped and built again')
        self.assertIn('index public."T x" is INVALID: DROP INDEX CONCURRENTLY takes it away', entry["left"])
        self.assertIncludes(self.migrate("repair").out, 'if given up: index public."T x" is INVALID')
        self.assertIncludes(self.migrate("repair", "--abandon", "b").out, "b was unfinished: 0 of 1 statements were done",
                            '    left: index public."T x" is INVALID', "b is given up")

    @unittest.skipUnless(psycopg2, "python3-psycopg2 is not installed")
    def test_what_another_session_writes_between_look_and_change_stands(self):
        for change, stands in ("statements_done = 7", ("running", "7")), ("status = 'failed'", ("failed", "0")):
            with self.subTest(change):
                self.execute("DROP TABLE IF EXISTS t, migrate_history, migrate_script, alembic_version")
                self._last = None
                self.half_built()
                with writing(self.url) as other:
                    other.execute("UPDATE migrate_history SET %s WHERE revision = 'b'" % change)
                    process = self.start("repair", "--abandon", "b")
                    self.wait_until("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                                    "datname = current_database()", [("1",)])
                out, err = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 11, (out, err))
                self.assertIncludes(err.decode(), "nothing was changed")
                self.assertEqual(self.history("status, statements_done")[1], stands)

    def wait_until(self, sql, expected):
        deadline = time.monotonic() + 60
        while self.query(sql) != expected:
            self.assertLess(time.monotonic(), deadline, "never: " + sql)
            time.sleep(0.02)

    def test_it_waits_for_the_lock_no_longer_than_told(self):
        self.revision("a", body="-- migrate:upgrade autocommit\nSELECT 1;\nSELECT pg_sleep(30);\n")
        process = self.start("upgrade")
        for _ in range(200):
            if self.query("SELECT to_regclass('migrate_history')") != [(None,)] and self.history():
                break
        said = self.migrate_json("repair", "--abandon", "a", "--lock-wait", "0s", status=11)
        self.assertEqual((said["error"]["code"], self.history()[0][2]), ("locked", "running"))
        process.terminate()
        process.wait(60)


if __name__ == "__main__":
    main()
