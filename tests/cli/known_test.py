"""Revisions that only the database knows: what an older checkout or image sees after a newer one has been at work, what
it may run from there, and whom it believes."""

import hashlib
import os

from harness import Case, Postgres, main, on_both_databases


class Older:
    """A folder with a and b, and a database at d, which a newer folder had taken there."""

    newer = ("c", "d")

    def setUp(self):
        super().setUp()
        self.revision("a", up="CREATE TABLE ta (x INTEGER);", down="DROP TABLE ta;")
        self.revision("b", up="CREATE TABLE tb (x INTEGER);", down="DROP TABLE tb;")
        self.revision("c", up="CREATE TABLE tc (x INTEGER);", down="DROP TABLE tc;", message="what c does")
        self.revision("d", up="CREATE TABLE td (x INTEGER);", down="DROP TABLE td;")
        self.migrate("upgrade")
        for name in self.newer:
            os.remove(self.path("migrations", name + ".sql"))

    def rows(self):
        return [row for row, in self.query("SELECT version_num FROM alembic_version ORDER BY 1")]

    def tables(self):
        return {name for _, name in self.objects()} & {"ta", "tb", "tc", "td"}

    def listed(self, *words):
        return [(revision["revision"], revision["path"], revision["is_head"], revision["is_current"])
                for revision in self.migrate_json(*words)["revisions"]]

    def forget(self, revision):
        """The database forgets the text of a revision's file."""
        self.execute("DELETE FROM migrate_script WHERE oid = (SELECT script_oid FROM migrate_history "
                     "WHERE revision = '%s')" % revision)


@on_both_databases
class Asking(Older):
    def test_current_shows_it_as_known_to_the_database_alone(self):
        self.assertEqual(self.migrate("current").out, "d (only in the database)\n")
        self.assertEqual(self.listed("current"), [("d", None, False, True)])
        self.assertIncludes(self.migrate("current", "-v").out, "Path: none: only the database has it", "Revises: c")

    def test_a_database_that_is_ahead_is_at_every_head(self):
        ran = self.migrate("current", "--check-heads")
        self.assertIncludes(ran.err, "warning: the database is ahead of this folder: it is at d")

    def test_a_database_that_is_ahead_on_one_branch_alone_is_not(self):
        self.revision("e", (), up="CREATE TABLE te (x INTEGER);", down="DROP TABLE te;")
        ran = self.migrate("current", "--check-heads", status=1)
        self.assertLeavesOut(ran.err, "ahead")

    def test_history_lists_it_when_the_database_is_asked(self):
        self.assertEqual(self.listed("history"), [("b", "migrations/b.sql", True, None),
                                                  ("a", "migrations/a.sql", False, None)])
        self.assertEqual(self.listed("history", "-i"), [
            ("d", None, False, True), ("c", None, False, False), ("b", "migrations/b.sql", True, False),
            ("a", "migrations/a.sql", False, False)])
        self.assertIncludes(self.migrate("history", "-i").out, "c -> d (only in the database) (current), revision d\n",
                            "b -> c (only in the database), what c does\n", "a -> b (head), revision b\n")
        self.assertIncludes(self.migrate("history", "-i", "--graph").out, "c (only in the database)  what c does")

    def test_ranges_and_identifiers_that_ask_the_database_know_it(self):
        self.assertEqual([row[0] for row in self.listed("history", "-r", "b:current")], ["d", "c", "b"])
        self.assertEqual([row[0] for row in self.listed("history", "-i", "-r", "a:head")], ["b", "a"])
        self.assertEqual(self.listed("show", "current"), [("d", None, False, None)])
        self.assertEqual(self.listed("show", "head"), [("b", "migrations/b.sql", True, None)])
        self.assertIncludes(self.migrate("edit", "current", status=3).err, "no file has d")

    def test_history_without_a_question_about_current_does_not_connect(self):
        nowhere = {"MIGRATE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}
        self.assertEqual(self.migrate("history", environment=nowhere).out.count("\n"), 2)

    def test_a_row_that_the_history_does_not_know_either_is_unknown(self):
        self.forget("d")
        for words in ("current",), ("current", "--check-heads"), ("history", "-i"), ("upgrade",), ("downgrade", "-1"), \
                ("goto", "head"), ("show", "current"):
            with self.subTest(words):
                said = self.migrate_json(*words, status=3)
                self.assertEqual((said["error"]["code"], self.rows()), ("unknown_row", ["d"]))

    def test_without_a_history_a_row_is_unknown(self):
        self.execute("DROP TABLE migrate_history; DROP TABLE migrate_script;")
        self.assertEqual(self.migrate_json("current", status=3)["error"]["code"], "unknown_row")
        self.assertEqual(self.migrate_json("upgrade", status=3)["error"]["code"], "unknown_row")

    def test_a_folder_without_files_is_taken_for_the_wrong_one(self):
        os.remove(self.path("migrations", "a.sql"))
        os.remove(self.path("migrations", "b.sql"))
        self.assertEqual(self.migrate_json("current", status=3)["error"]["code"], "no_revisions")


@on_both_databases
class GoingBack(Older):
    def test_upgrade_head_of_an_older_folder_has_nothing_to_do_and_says_why(self):
        ran = self.migrate("upgrade", "head")
        self.assertIncludes(ran.err, "warning: the database is ahead of this folder: it is at d")
        self.assertEqual((self.rows(), self.tables()), (["d"], {"ta", "tb", "tc", "td"}))

    def test_what_the_folder_does_not_have_cannot_be_upgraded_to(self):
        for target, code in (("nosuch", "unknown_revision"), ("nosuch@head", "unknown_branch"),
                             ("nosuch@heads", "unknown_branch"), ("a@nosuch", "unknown_revision"),
                             ("+1", "out_of_range"), ("d+1", "out_of_range")):
            for words in (), ("--dry-run",):
                with self.subTest((target, *words)):
                    said = self.migrate_json("upgrade", target, *words, status=3)
                    self.assertEqual((said["error"]["code"], said["steps"], self.rows()), (code, [], ["d"]))
        self.assertEqual(self.tables(), {"ta", "tb", "tc", "td"})

    def test_what_the_database_alone_knows_and_another_tool_took_back_cannot_be_upgraded_to(self):
        self.revision("c", "b", up="", down="")
        self.revision("d", "c", up="", down="")
        self.revision("e", "b", up="", down="")
        self.migrate("upgrade", "heads")
        for name in "cde":
            os.remove(self.path("migrations", name + ".sql"))
        self.execute("DELETE FROM alembic_version WHERE version_num = 'e'")
        said = self.migrate_json("upgrade", "e", status=3)["error"]
        self.assertEqual((said["code"], self.rows()), ("unknown_revision", ["d"]))
        self.assertIncludes(said["message"], "e is not applied, and the database is ahead of this folder")

    def test_what_is_applied_is_nothing_to_upgrade_to(self):
        for target in "head", "heads", "b", "a", "d", "a+1", "c":
            with self.subTest(target):
                said = self.migrate_json("upgrade", target)
                self.assertEqual((said["to"], said["steps"], self.rows()), (["d"], [], ["d"]))

    def test_one_step_down_runs_what_the_database_keeps(self):
        said = self.migrate_json("downgrade", "-1")
        self.assertEqual([(step["revision"], step["path"], step["status"]) for step in said["steps"]],
                         [("d", None, "applied")])
        self.assertEqual((self.rows(), self.tables()), (["c"], {"ta", "tb", "tc"}))
        self.assertEqual(self.migrate("current").out, "c (only in the database)\n")

    def test_goto_head_goes_back_to_the_head_of_the_folder(self):
        said = self.migrate_json("goto", "head")
        self.assertEqual([step["revision"] for step in said["steps"]], ["d", "c"])
        self.assertEqual((self.rows(), self.tables()), (["b"], {"ta", "tb"}))
        self.migrate("current", "--check-heads")
        self.migrate("check", "--pending")

    def test_no_stored_scripts_refuses_before_anything_runs(self):
        for words in ("downgrade", "-1"), ("goto", "head"):
            said = self.migrate_json(*words, "--no-stored-scripts", status=3)
            self.assertEqual((said["error"]["revision"], self.rows()), ("d", ["d"]))
        self.assertEqual(self.tables(), {"ta", "tb", "tc", "td"})

    def tamper(self, revision, sql):
        """Somebody changes the text that the database keeps; its oid stays."""
        self.execute("UPDATE migrate_script SET body = replace(body, 'DROP TABLE t%s', '%s') WHERE oid = (SELECT "
                     "script_oid FROM migrate_history WHERE revision = '%s')" % (revision, sql, revision))

    def test_a_text_that_was_tampered_with_is_not_what_ran_and_is_not_known(self):
        self.tamper("d", "DROP TABLE ta")
        said = self.migrate_json("downgrade", "-1", status=3)
        self.assertEqual((said["error"]["code"], self.rows()), ("unknown_row", ["d"]))
        self.assertEqual(self.tables(), {"ta", "tb", "tc", "td"})

    def test_a_file_that_is_there_goes_before_what_the_database_keeps(self):
        self.revision("c", "b", up="CREATE TABLE tc (x INTEGER);", down="DROP TABLE tc;\nDROP TABLE tb;")
        self.revision("d", "c", up="CREATE TABLE td (x INTEGER);", down="DROP TABLE td;")
        self.migrate("downgrade", "b")
        self.assertEqual(self.tables(), {"ta"})


@on_both_databases
class Checking(Older):
    """check, against the database."""

    def findings(self, *words, status=1):
        return self.migrate_json("check", "--database", *words, status=status)["findings"]

    def found(self, *words, status=1):
        return [(finding["rule"], finding["severity"], finding["revision"]) for finding in self.findings(*words, status=status)]

    def test_what_only_an_ahead_database_has_is_a_warning(self):
        self.assertEqual(self.found(status=0), [("only_in_database", "warning", "c"), ("only_in_database", "warning", "d")])
        self.found("--pending", status=0)

    def test_what_is_applied_and_lost_from_a_folder_that_goes_on_is_an_error(self):
        self.revision("e", "b", up="", down="")
        self.assertEqual(self.found(), [("only_in_database", "error", "c"), ("only_in_database", "error", "d"),
                                        ("pending", "warning", "e")])

    def test_a_row_that_nobody_knows(self):
        self.forget("d")
        self.assertEqual(self.found(), [("unknown_row", "error", "d")])

    def test_an_edited_file_is_shown_with_what_changed(self):
        path = self.path("migrations", "a.sql")
        self.write(path, self.read(path).replace("ta (x INTEGER)", "ta (x BIGINT)").replace("\n", "\r\n"))
        finding = [finding for finding in self.findings() if finding["rule"] == "edited"][0]
        self.assertEqual((finding["revision"], finding["path"]), ("a", "migrations/a.sql"))
        lines = finding["diff"].split("\n")
        self.assertEqual([line for line in lines if line[:1] in ("-", "+")],
                         ["--- a/migrations/a.sql", "+++ b/migrations/a.sql", "-CREATE TABLE ta (x INTEGER);",
                          "+CREATE TABLE ta (x BIGINT);"])
        said = self.migrate("check", "--database", status=1).out
        self.assertIncludes(said, "    -CREATE TABLE ta (x INTEGER);\n    +CREATE TABLE ta (x BIGINT);\n",
                            "`migrate repair --accept a`")
        self.execute("DELETE FROM migrate_script")
        self.revision("c", "b")  # with the texts gone, so is what only the database had
        self.revision("d", "c")
        self.assertEqual([finding["diff"] for finding in self.findings() if finding["revision"] == "a"], [None])

    def test_a_row_that_somebody_moved_back_disagrees_with_the_history(self):
        self.execute("UPDATE alembic_version SET version_num = 'b'")
        self.assertEqual(self.found(), [("rows_disagree", "error", "c"), ("rows_disagree", "error", "d")])
        self.migrate("stamp", "b")  # nothing to do: it is there
        self.migrate("stamp", "a")
        self.migrate("stamp", "b")
        self.assertEqual(self.found(status=0), [])

    def test_a_row_that_somebody_moved_forward_disagrees_with_the_history(self):
        self.migrate("downgrade", "a")
        self.execute("UPDATE alembic_version SET version_num = 'b'")
        self.assertEqual(self.found(), [("rows_disagree", "error", "b")])
        self.revision("e", "b", up="", down="")
        self.migrate("stamp", "base")
        self.migrate("stamp", "a")
        self.migrate("upgrade", "b")
        self.assertEqual(self.found(status=0), [("pending", "warning", "e")])
        self.execute("UPDATE alembic_version SET version_num = 'e'")
        self.assertEqual(self.found(status=0), [("rows_disagree", "warning", "e")])

    def test_a_database_taken_over_from_elsewhere_has_nothing_to_disagree_with(self):
        self.execute("DELETE FROM migrate_history; DELETE FROM migrate_script; "
                     "UPDATE alembic_version SET version_num = 'a'")
        self.assertEqual(self.found(status=0), [("pending", "warning", "b")])
        self.migrate("stamp", "b")
        self.assertEqual(self.found(status=0), [])


@on_both_databases
class Losing:
    """What a downgrade will lose is said before anybody is asked."""

    def setUp(self):
        super().setUp()
        self.revision("a", up="CREATE TABLE users (x INTEGER);\nCREATE TABLE \"Odd one\" (x INTEGER, note TEXT);",
                      down="DROP TABLE \"Odd one\";\nDROP TABLE IF EXISTS users;\nDROP TABLE IF EXISTS users;")
        self.revision("b", up="INSERT INTO users VALUES (1);",
                      down="ALTER TABLE \"Odd one\" DROP COLUMN note;\nDELETE FROM users WHERE x = 1;\nDROP TABLE IF EXISTS gone;")
        self.migrate("upgrade")
        self.execute("INSERT INTO users VALUES (2); ANALYZE users")
        self.word = "about" if self.dialect == "postgresql" else "exactly"

    def expected(self):
        return [{"kind": "column", "table": '"Odd one"', "column": "note", "rows": 0, "precision": self.word},
                {"kind": "some_rows", "table": "users", "column": None, "rows": 2, "precision": self.word},
                {"kind": "table", "table": "gone", "column": None, "rows": None, "precision": None},
                {"kind": "table", "table": '"Odd one"', "column": None, "rows": 0, "precision": self.word},
                {"kind": "table", "table": "users", "column": None, "rows": 2, "precision": self.word}]

    def test_a_dry_run_names_tables_and_columns_with_their_rows(self):
        self.assertEqual(self.migrate_json("downgrade", "base", "--dry-run")["losses"], self.expected())
        self.assertIncludes(self.migrate("downgrade", "-1", "--dry-run").out,
                            "\nwill be lost: column \"Odd one\".note (", "some rows of users (",
                            "table gone (rows not counted)\ndry run: ")

    def test_a_downgrade_says_afterwards_what_there_was(self):
        self.assertEqual(self.migrate_json("downgrade", "base")["losses"], self.expected())

    def test_an_upgrade_loses_nothing(self):
        self.assertEqual(self.migrate_json("upgrade", "--dry-run")["losses"], [])

    def test_a_table_never_analysed_has_an_unknown_number_of_rows(self):
        self.execute("INSERT INTO \"Odd one\" VALUES (1, NULL)")
        loss = self.migrate_json("downgrade", "-1", "--dry-run")["losses"][0]
        self.assertEqual((loss["rows"], loss["precision"]),
                         (None, None) if self.dialect == "postgresql" else (1, "exactly"))

    def test_the_question_is_asked_below_it(self):
        status, shown = self.at_terminal(b"n\n", "downgrade", "-1")
        self.assertEqual(status, 130)
        self.assertRegex(shown, r"(?s)will be lost:.*column \"Odd one\".note.*Take .* down to .*What that drops is lost")


class Partitions(Postgres, Case):
    def test_a_partitioned_table_has_the_rows_of_its_partitions(self):
        self.revision("a", up="CREATE TABLE p (x INTEGER) PARTITION BY LIST (x);\nCREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);\n"
                              "CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);\nINSERT INTO p VALUES (1), (2), (2);",
                      down="DROP TABLE p;")
        self.migrate("upgrade")
        self.assertEqual(self.migrate_json("downgrade", "base", "--dry-run")["losses"][0]["rows"], None)
        self.execute("ANALYZE p")
        self.assertEqual(self.migrate_json("downgrade", "base", "--dry-run")["losses"][0]["rows"], 3)


class Names(Postgres, Case):
    def test_a_name_that_cannot_be_looked_up_is_shown_without_a_number(self):
        self.revision("a", up='CREATE TABLE "a b" (x INTEGER);', down='DROP TABLE U&"a b";')
        self.migrate("upgrade")
        losses = self.migrate_json("downgrade", "base")["losses"]
        self.assertEqual([(loss["table"], loss["rows"]) for loss in losses], [('U&"a b"', None)])
        self.assertEqual(self.query("SELECT to_regclass('\"a b\"')"), [(None,)])


class Indexes(Postgres, Case):
    def test_an_invalid_index_is_found_by_its_name(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);\nINSERT INTO t VALUES (1), (1);", down="DROP TABLE t;")
        self.migrate("upgrade")
        self.migrate("check", "--database")
        with self.assertRaises(AssertionError):
            self.execute('CREATE UNIQUE INDEX CONCURRENTLY "T x" ON t (x)')
        finding, = self.migrate_json("check", "--database", status=1)["findings"]
        self.assertEqual((finding["rule"], finding["severity"]), ("invalid_index", "error"))
        self.assertIncludes(finding["message"], 'public."T x" on public.t')


class Trust(Older, Postgres, Case):
    """Stored SQL is run only where nobody but the tables' owner can have written it."""

    def refuses(self, *grants):
        self.execute(";".join(grants))
        said = self.migrate_json("downgrade", "-1", status=6)
        self.assertEqual((said["error"]["code"], self.rows()), ("permission", ["d"]), grants)
        self.assertIncludes(said["error"]["hint"], "REVOKE")

    def test_nobody_else_may_write_what_would_run(self):
        for granted in ("GRANT INSERT ON migrate_script TO ordinary", "GRANT UPDATE ON migrate_history TO ordinary",
                        "GRANT TRIGGER ON migrate_script TO public", "GRANT UPDATE (body) ON migrate_script TO ordinary"):
            with self.subTest(granted):
                self.refuses(granted)
                self.execute(granted.replace("GRANT", "REVOKE").replace(" TO ", " FROM "))
        self.execute("GRANT SELECT ON migrate_script, migrate_history TO ordinary")
        self.migrate("downgrade", "-1")
        self.assertEqual(self.rows(), ["c"])

    def test_a_text_and_its_oid_changed_together_still_need_the_right_to_write(self):
        body = "-- forged\n--\n-- Revision ID: d\n-- Revises: c\n\n-- migrate:upgrade\n-- migrate:downgrade\nDROP TABLE ta;\n"
        oid = hashlib.sha1(b"blob %d\0" % len(body) + body.encode()).hexdigest()
        self.refuses("INSERT INTO migrate_script VALUES ('%s', 0, '%s')" % (oid, body),
                     "UPDATE migrate_history SET script_oid = '%s' WHERE revision = 'd'" % oid,
                     "GRANT INSERT, UPDATE ON migrate_script, migrate_history TO ordinary")
        self.assertEqual(self.tables(), {"ta", "tb", "tc", "td"})

    def test_what_runs_has_its_oid_even_if_what_was_planned_with_had_it_too(self):
        """Every second reading of d's text, which is the one that would run, gives another text."""
        self.execute("ALTER TABLE migrate_script RENAME TO kept; CREATE SEQUENCE readings; CREATE VIEW migrate_script AS "
                     "SELECT oid, part, CASE WHEN body LIKE '%Revision ID: d%' AND nextval('readings') % 2 = 0 "
                     "THEN replace(body, 'DROP TABLE td', 'DROP TABLE ta') ELSE body END AS body FROM kept")
        said = self.migrate_json("downgrade", "-1", status=6)["error"]
        self.assertEqual((said["code"], said["revision"], self.rows()), ("permission", "d", ["d"]))
        self.assertIncludes(said["message"], "is not what ran")
        self.assertEqual(self.tables(), {"ta", "tb", "tc", "td"})


if __name__ == "__main__":
    main()
