"""The ordinary life of each verb, from the outside: what it prints, what it writes, what it leaves alone."""

import json
import os
import re
import shutil
import stat
import subprocess
from harness import BINARY, Case, main, needs_postgres, on_both_databases, postgres_program, postgres_url

COMMANDS = ["init", "revision", "merge", "edit", "upgrade", "downgrade", "goto", "stamp", "repair", "ensure-version", "current", "history",
            "heads", "bases", "branches", "show", "check", "wait", "doctor", "list-templates", "completion", "help"]
CHANGE_KEYS = {"command", "status", "dry_run", "database", "from", "to", "steps", "losses", "backup"}
STEP_KEYS = {"revision", "direction", "message", "path", "status", "statements", "duration_ms"}
REVISION_KEYS = {"revision", "down_revisions", "depends_on", "branch_labels", "message", "created", "path", "is_head",
                 "is_base", "is_branch_point", "is_merge_point", "is_current"}
ERROR_KEYS = {"code", "exit", "message", "hint", "path", "line", "column", "sqlstate", "revision"}
FINDING_KEYS = {"rule", "severity", "revision", "path", "line", "message", "hint", "diff"}
NASTY = ["two\nlines\n-- migrate:downgrade\nDROP TABLE t;", "it's \"quoted\" `here` \\ $$", "-- migrate:downgrade",
         "migrate:upgrade autocommit", "${revision} ${rev} ${nothing} $${x}", "Revises: nothing", "Revision ID: other",
         "Depends On: gone", "😀 ünï©ødé", "*/ /* --", "\r\n\r\n-- migrate:upgrade\r\nSELECT 1;", "\x1b[31mred\t\x07",
         "x" * 300, "/../../etc/passwd", "%s%n%d", '"Revises: x"', "   ", "Revise: close to a key"]


class Written(Case):
    """init, revision, merge, edit: the verbs that write files."""

    def files(self):
        return sorted(os.path.relpath(os.path.join(folder, name), self.folder)
                      for folder, _, names in os.walk(self.folder) for name in names)

    def new(self, *words, **options):
        """Runs revision; answers (id, path) of the file it says it wrote."""
        said = self.migrate_json("revision", *words, **options)
        self.assertEqual(set(said), {"command", "status", "revision", "path"})
        self.assertTrue(os.path.isfile(self.path(said["path"])), said)
        return said["revision"], said["path"]

    def shown(self, rev):
        revision, = self.migrate_json("show", rev)["revisions"]
        return revision

    def test_init_writes_what_revision_and_upgrade_need(self):
        folder = self.path("project")
        os.mkdir(folder)
        ran = self.migrate("init", folder=folder)
        self.assertIncludes(ran.out, "migrate.ini", "migrations/revision.sql.template")
        self.migrate("revision", "-m", "first", folder=folder)
        self.migrate("upgrade", "-u", "x.db", folder=folder)
        self.assertEqual(self.migrate("init", status=3, folder=folder).out, "")
        self.assertIncludes(self.migrate("init", "elsewhere", status=3, folder=folder).err, "migrate.ini exists already")

    def test_init_takes_another_folder_and_never_overwrites(self):
        folder = self.path("project")
        os.mkdir(folder)
        self.migrate("init", "db/steps", folder=folder)
        with open(os.path.join(folder, "migrate.ini"), encoding="utf-8") as file:
            self.assertIncludes(file.read(), "script_location = db/steps")
        os.remove(os.path.join(folder, "migrate.ini"))
        ran = self.migrate("init", "db/steps", status=3, folder=folder)
        self.assertIncludes(ran.err, "db/steps/revision.sql.template exists already")
        self.assertFalse(os.path.exists(os.path.join(folder, "migrate.ini")))

    def test_templates_are_listed_and_an_unknown_one_named(self):
        self.assertIncludes(self.migrate("list-templates").out, "default")
        self.assertEqual(self.migrate("list_templates").out, self.migrate("list-templates").out)
        said = self.migrate_json("list-templates")
        self.assertEqual(set(said["templates"][0]), {"name", "description"})
        folder = self.path("project")
        os.mkdir(folder)
        self.assertIncludes(self.migrate("init", "-t", "defalt", status=2, folder=folder).err, "defalt", "default")
        self.assertEqual(os.listdir(folder), [])

    def test_a_revision_follows_the_head_and_is_named_by_id_and_message(self):
        first, path = self.new("-m", "Create the Kitchens & more!")
        self.assertRegex(path, r"^migrations/\d{12}_%s_create_the_kitchens_more\.sql$" % first)
        self.assertRegex(first, r"^[0-9a-f]{12}$")
        second, _ = self.new("-m", "next", "--rev-id", "second_1")
        self.assertEqual(second, "second_1")
        shown = self.shown("second_1")
        self.assertEqual((shown["down_revisions"], shown["message"], shown["is_head"]), ([first], "next", True))
        self.assertRegex(shown["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.migrate("upgrade", "-u", "x.db")

    def test_every_option_of_revision_says_what_it_says(self):
        self.write("migrate.ini", "[migrate]\nscript_location = migrations\n"
                                  "version_locations = migrations, more\nfile_template = ${rev}-${slug}\n")
        os.mkdir(self.path("more"))
        self.new("-m", "one", "--rev-id", "one")
        self.new("-m", "two", "--rev-id", "two")
        _, path = self.new("-m", "other", "--rev-id", "other", "--head", "base", "--branch-label", "side",
                           "--branch-label=second", "--version-path", "more")
        self.assertEqual(path, "more/other-other.sql")
        self.new("-m", "dep", "--rev-id", "dep", "--head", "side@head", "--depends-on", "one", "--depends-on", "two")
        self.assertEqual(sorted(self.shown("dep")["depends_on"]), ["one", "two"])
        self.assertEqual(self.shown("other")["branch_labels"], ["side", "second"])
        self.assertIncludes(self.migrate("revision", "-m", "x", "--head", "one", status=2).err, "one is not a head", "--splice")
        self.new("-m", "spliced", "--rev-id", "spliced", "--head", "one", "--splice")
        self.assertEqual(self.shown("spliced")["down_revisions"], ["one"])
        self.assertTrue(self.shown("one")["is_branch_point"])

    def test_whatever_fails_leaves_no_file_behind(self):
        self.new("-m", "one", "--rev-id", "one", "--branch-label", "lab")
        before = self.files()
        for words in (["--rev-id", "one"], ["--rev-id", "a b"], ["--rev-id", "../x"], ["--rev-id", "i" * 33],
                      ["--branch-label", "lab"], ["--branch-label", "one"], ["--branch-label", "a,b"], ["--head", "gone"],
                      ["--depends-on", "gone"], ["--version-path", "elsewhere"], ["--rev-id", "head"],
                      ["--branch-label", "x\nRevises: y"]):
            with self.subTest(words):
                ran = self.migrate("revision", "-m", "x", *words, status=None)
                self.assertIn(ran.status, (2, 3), ran)
                self.assertIncludes(ran.err, "error: ")
                self.assertEqual(self.files(), before)

    def test_no_message_can_break_the_header_or_add_sql(self):
        for number, message in enumerate(NASTY):
            with self.subTest(message[:40]):
                rev, path = self.new("-m", message, "--rev-id", "r%d" % number)
                shown = self.shown(rev)
                self.assertEqual((shown["down_revisions"], shown["depends_on"], shown["branch_labels"]),
                                 ([] if number == 0 else ["r%d" % (number - 1)], [], []))
                self.assertEqual(os.path.dirname(path), "migrations")
                self.assertLess(len(os.path.basename(path)), 80)
        self.migrate("check")
        planned = self.migrate_json("upgrade", "--dry-run", "-u", "x.db")
        self.assertEqual([step["statements"] for step in planned["steps"]], [0] * len(NASTY))
        self.assertIncludes(self.migrate("history").out, "😀 ünï©ødé", "it's \"quoted\" `here` \\ $$", "Revises: nothing")
        self.assertNotIn("\x1b", self.migrate("history").out)

    def test_a_template_in_the_folder_is_used_and_a_bad_one_refused(self):
        self.write("migrations/revision.sql.template",
                   "-- ${message}\n-- Made for the shop, at $5\n-- Revision ID: ${revision}\n-- Revises: ${revises}\n"
                   "-- Branch Labels: ${branch_labels}\n-- Depends On: ${depends_on}\n\n-- migrate:upgrade\n"
                   "SELECT '${revision}';\n")
        rev, path = self.new("-m", "from the shop's")
        self.assertIncludes(self.read(path), "Made for the shop", "SELECT '%s';" % rev)
        before = self.files()
        self.write("migrations/revision.sql.template", "-- ${mesage}\n-- Revision ID: ${revision}\n-- Revises: ${revises}\n")
        ran = self.migrate("revision", "-m", "x", status=None)
        self.assertNotEqual(ran.status, 0)
        self.assertIncludes(ran.err, "mesage", "message")
        self.write("migrations/revision.sql.template", "-- ${message}\n-- Revision ID: ${revision}\n-- Revises:\n")
        self.assertIncludes(self.migrate("revision", "-m", "x", status=3).err, "template")
        self.assertEqual(self.files(), before)

    def test_merge_joins_heads(self):
        self.new("-m", "one", "--rev-id", "one")
        self.new("-m", "two", "--rev-id", "two", "--head", "base")
        self.new("-m", "three", "--rev-id", "three", "--head", "base")
        self.assertIncludes(self.migrate("merge", "one", status=2).err, "at least two")
        said = self.migrate_json("merge", "one", "two", "-m", "both", "--rev-id", "both", "--branch-label", "joined")
        self.assertEqual(sorted(self.shown("both")["down_revisions"]), ["one", "two"])
        self.assertEqual((said["command"], self.shown("both")["branch_labels"]), ("merge", ["joined"]))
        self.migrate("merge", "heads", "--rev-id", "all")
        self.assertEqual([r["revision"] for r in self.migrate_json("heads")["revisions"]], ["all"])
        self.assertTrue(self.shown("all")["is_merge_point"])
        self.assertIncludes(self.migrate("merge", "both", "all", status=2).err, "both is not a head")
        self.assertIncludes(self.migrate("merge", "both", "all", "-m", "x", status=2).err, "error: ", "hint: ")

    def test_edit_opens_the_file_in_the_editor(self):
        editor = self.write("editor", "#!/bin/sh\nprintf '%s\\n' \"$@\" >>\"$HOME/opened\"\necho '-- touched' >>\"$1\"\n")
        os.chmod(editor, os.stat(editor).st_mode | stat.S_IXUSR)
        _, path = self.new("-m", "one", "--rev-id", "one")
        self.migrate("edit", "one", environment={"EDITOR": editor})
        self.assertEqual(self.read("opened").strip().split("/")[-1], os.path.basename(path))
        self.assertIncludes(self.read(path), "-- touched")
        self.migrate("edit", "head", environment={"VISUAL": editor, "EDITOR": "false"})
        self.migrate("revision", "-m", "two", "--edit", environment={"EDITOR": editor})
        self.assertEqual(len(self.read("opened").strip().split("\n")), 3)
        ran = self.migrate("edit", "one", status=7, environment={"EDITOR": "false"})
        self.assertIncludes(ran.err, "error: ", "false", "hint: ")
        self.assertIncludes(self.migrate("edit", "gone", status=3, environment={"EDITOR": editor}).err, "gone")


@on_both_databases
class Change:
    """upgrade, downgrade, stamp, ensure-version."""

    def setUp(self):
        super().setUp()
        for rev in "abc":
            self.revision(rev, up="CREATE TABLE t_%s (x INTEGER);\nINSERT INTO t_%s VALUES (1);" % (rev, rev),
                          down="DROP TABLE t_%s;" % rev)

    def rows(self):
        return [row for row, in self.query("SELECT version_num FROM alembic_version ORDER BY 1")]

    def tables(self):
        return sorted(name for kind, name in self.objects() if kind == "table" and name.startswith("t_"))

    def branches(self):
        """a - b - c, and beside them l1 - l2 (left), r1 (right, needs b)."""
        self.revision("l1", "a", labels="left", up="CREATE TABLE t_l1 (x INTEGER);", down="DROP TABLE t_l1;")
        self.revision("l2", up="CREATE TABLE t_l2 (x INTEGER);", down="DROP TABLE t_l2;")
        self.revision("r1", (), labels="right", depends="b", up="CREATE TABLE t_r1 (x INTEGER);", down="DROP TABLE t_r1;")

    def test_up_and_down_by_steps_prefixes_and_names(self):
        for words, at in [(("upgrade", "+1"), ["a"]), (("upgrade", "+2"), ["c"]), (("downgrade", "-1"), ["b"]),
                          (("downgrade", "a"), ["a"]), (("upgrade",), ["c"]), (("downgrade", "base"), []),
                          (("upgrade", "head-1"), ["b"]), (("upgrade", "b+1"), ["c"]), (("downgrade", "c-2"), ["a"])]:
            with self.subTest(words):
                self.migrate(*words)
                self.assertEqual((self.rows(), self.tables()), (at, ["t_" + r for r in "abc"[:"abc".find((at or ["?"])[0]) + 1]]))

    def test_branches_go_each_its_way(self):
        self.branches()
        self.migrate("upgrade", "left@head")
        self.assertEqual(self.rows(), ["l2"])
        self.migrate("upgrade", "right@head")
        self.assertEqual((self.rows(), self.tables()), (["l2", "r1"], ["t_a", "t_b", "t_l1", "t_l2", "t_r1"]))
        self.migrate("upgrade", "heads")
        self.assertEqual(self.rows(), ["c", "l2", "r1"])
        self.migrate("downgrade", "left@-1")
        self.assertEqual(self.rows(), ["c", "l1", "r1"])
        said = self.migrate_json("downgrade", "a", "--dry-run")
        self.assertEqual({step["revision"] for step in said["steps"]}, {"c", "b", "l1", "r1"})
        self.migrate("downgrade", "a")
        self.assertEqual((self.rows(), self.tables()), (["a"], ["t_a"]))

    def test_an_applied_target_is_nothing_to_do_and_says_so(self):
        self.migrate("upgrade", "b")
        for words in ("upgrade", "b"), ("upgrade", "a"), ("downgrade", "b"):
            with self.subTest(words):
                self.assertIncludes(self.migrate(*words).out, "nothing to do", "is at b")

    def test_a_dry_run_shows_each_statement_and_writes_nothing_at_all(self):
        ran = self.migrate("upgrade", "--dry-run")
        self.assertIncludes(ran.out, "CREATE TABLE t_a (x INTEGER)", "INSERT INTO t_c VALUES (1)", "dry run",
                            "3 revisions, 6 statements")
        self.assertEqual(self.objects() if self.dialect == "postgresql" else os.path.exists(self.database),
                         [] if self.dialect == "postgresql" else False)
        said = self.migrate_json("upgrade", "--dry-run")
        self.assertEqual(set(said), CHANGE_KEYS)
        self.assertEqual((said["dry_run"], said["from"], said["to"]), (True, [], ["c"]))
        self.assertEqual({step["status"] for step in said["steps"]}, {"planned"})
        self.migrate("upgrade")
        before = self.query("SELECT * FROM migrate_history")
        self.assertIncludes(self.migrate("downgrade", "base", "--dry-run").out, "DROP TABLE t_a")
        self.assertEqual((self.rows(), self.query("SELECT * FROM migrate_history")), (["c"], before))

    def test_a_change_as_json_has_its_keys_and_no_others(self):
        said = self.migrate_json("upgrade")
        self.assertEqual(set(said), CHANGE_KEYS)
        self.assertEqual((said["command"], said["status"], said["dry_run"], said["from"], said["to"]),
                         ("upgrade", "ok", False, [], ["c"]))
        self.assertEqual(set(said["database"]), {"dialect", "url"})
        self.assertEqual(said["database"]["dialect"], self.dialect)
        for step in said["steps"]:
            self.assertEqual(set(step), STEP_KEYS)
            self.assertEqual((step["direction"], step["status"], step["statements"]), ("upgrade", "applied", 2))
            self.assertGreaterEqual(step["duration_ms"], 0)
        self.revision("d", up="DROP TABLE gone;", down="")
        said = self.migrate_json("upgrade", status=4)
        self.assertEqual((set(said), set(said["error"]), said["status"]), (CHANGE_KEYS | {"error"}, ERROR_KEYS, "error"))
        self.assertEqual((said["error"]["code"], said["error"]["exit"], said["error"]["path"], said["error"]["line"]),
                         ("refused", 4, "migrations/d.sql", 8))
        said = self.migrate_json("stamp", "b")
        self.assertEqual((set(said), said["from"], said["to"]), ({"command", "status", "database", "from", "to"}, ["c"], ["b"]))
        said = self.migrate_json("ensure-version")
        self.assertEqual(set(said), {"command", "status", "database"})

    def test_an_irreversible_revision_is_refused_before_anything_runs(self):
        self.revision("d", up="CREATE TABLE t_d (x INTEGER);", down=None)
        self.revision("e", up="CREATE TABLE t_e (x INTEGER);", down="DROP TABLE t_e;")
        self.migrate("upgrade")
        ran = self.migrate("downgrade", "base", status=3)
        self.assertIncludes(ran.err, "error: migrations/d.sql: d is irreversible", "hint: ")
        self.assertEqual((self.rows(), len(self.tables())), (["e"], 5))
        self.migrate("downgrade", "d")

    def test_a_downgrade_asks_on_a_terminal(self):
        self.migrate("upgrade")
        for answer in b"n\n", b"\n", b"what\n", b"\x04":
            status, seen = self.at_terminal(answer, "downgrade", "base")
            self.assertNotEqual(status, 0, seen)
            self.assertIncludes(seen, "Take ", " down to base? ", "nothing was changed")
            self.assertEqual(self.rows(), ["c"])
        status, seen = self.at_terminal(b"y\n", "downgrade", "base")
        self.assertEqual((status, self.rows()), (0, []), seen)

    def test_goto_asks_on_the_way_down_alone(self):
        self.assertLeavesOut(self.at_terminal(b"", "goto", "head")[1], "[y/N]")
        self.assertEqual(self.rows(), ["c"])
        status, seen = self.at_terminal(b"n\n", "goto", "a")
        self.assertIncludes(seen, "downgrade", "Take ", " down to a? ", "nothing was changed")
        self.assertEqual((status, self.rows()), (130, ["c"]))
        self.assertEqual((self.at_terminal(b"y\n", "goto", "a")[0], self.rows()), (0, ["a"]))

    def test_the_chart_says_where_to_read_on(self):
        self.assertIncludes(self.migrate("init", "--helm", "charts/m").err, "next: charts/m/README.md says")
        self.assertTrue(os.path.exists(self.path("charts/m/README.md")))

    def test_yes_and_no_terminal_do_not_ask(self):
        self.migrate("upgrade")
        self.migrate("downgrade", "b")
        self.migrate("downgrade", "--yes", "base")
        self.assertEqual(self.rows(), [])

    def test_a_downgrade_needs_a_target(self):
        self.assertIncludes(self.migrate("downgrade", status=2).err, "TARGET")

    def test_stamp_moves_rows_and_nothing_else(self):
        self.branches()
        self.migrate("stamp", "b")
        self.assertEqual((self.rows(), self.tables()), (["b"], []))
        self.migrate("stamp", "left@head")
        self.assertEqual(self.rows(), ["b", "l2"])
        self.migrate("stamp", "c", "r1")
        self.assertEqual(self.rows(), ["c", "l2", "r1"])
        for words, status, says in [(("a", "c"), 2, "a, its ancestor"), (("r1", "b"), 2, "b, its ancestor"),
                                    (("b", "gone"), 3, "gone")]:
            with self.subTest(words):
                self.assertIncludes(self.migrate("stamp", *words, status=status).err, "error: ", says)
                self.assertEqual(self.rows(), ["c", "l2", "r1"])
        self.migrate("stamp", "heads", "--purge")
        self.assertEqual(self.rows(), ["c", "l2", "r1"])
        self.migrate("stamp", "--purge", "a")
        self.assertEqual(self.rows(), ["a"])
        self.migrate("stamp", "base")
        self.assertEqual(self.rows(), [])
        self.migrate("stamp", status=2)

    def test_ensure_version_creates_the_tables_once(self):
        self.migrate("ensure-version")
        before = self.objects()
        self.assertTrue({"alembic_version", "migrate_history", "migrate_script"} <= {name for _, name in before})
        self.migrate("ensure_version")
        self.assertEqual(self.objects(), before)

    # --- offline ---

    def feed(self, script, status=0):
        """Runs a printed script with the database's own shell."""
        command = ([shutil.which("sqlite3"), self.database] if self.dialect == "sqlite" else
                   [postgres_program("psql"), "-XqAt", "-d", self.url])
        ran = subprocess.run(command, input=script.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                             env={"LC_ALL": "C.UTF-8", "PGOPTIONS": "-c client_min_messages=warning"})
        self.assertEqual(ran.returncode != 0, status != 0, "%s\n%s" % (ran.stderr.decode(), script))
        return ran.stderr.decode()

    def dump(self):
        return (self.objects(), [self.query("SELECT * FROM %s ORDER BY 1" % table) for table in self.tables()], self.rows())

    def needs_shell(self):
        if self.dialect == "sqlite" and not shutil.which("sqlite3"):
            self.skipTest("sqlite3 is not installed")

    def test_a_printed_script_does_what_a_run_does(self):
        self.needs_shell()
        self.write("migrate.ini", "[migrate]\nscript_location = migrations\nhistory_table = none\n")
        self.revision("d", body="-- migrate:upgrade\nINSERT INTO t_a VALUES (2);\n-- migrate:upgrade autocommit\nVACUUM;\n"
                                "-- migrate:upgrade\nINSERT INTO t_a VALUES (3);\n-- migrate:downgrade\nDELETE FROM t_a "
                                "WHERE x > 1;\n")
        script = self.migrate("upgrade", "--sql").out
        self.assertIncludes(script, "BEGIN;", "-- Running upgrade  -> a", "-- Running upgrade b -> c", "COMMIT;",
                            "ON_ERROR_STOP on" if self.dialect == "postgresql" else ".bail on")
        self.assertFalse(self.tables() if self.dialect == "postgresql" else os.path.exists(self.database), "it connects to nothing")
        self.feed(script)
        printed = self.dump()
        self.migrate("downgrade", "base")
        self.migrate("upgrade")
        self.assertEqual(printed, self.dump())
        self.feed(self.migrate("downgrade", "--sql", "head:b").out)
        self.assertEqual((self.rows(), self.tables()), (["b"], ["t_a", "t_b"]))
        self.feed(self.migrate("upgrade", "--sql", "b:c").out)
        self.assertEqual(self.rows(), ["c"])
        self.feed(self.migrate("stamp", "--sql", "c:a").out)
        self.assertEqual((self.rows(), len(self.tables())), (["a"], 3))

    def test_a_printed_script_refuses_a_database_that_is_elsewhere(self):
        self.needs_shell()
        self.migrate("upgrade", "b")
        for words in ("upgrade", "--sql"), ("upgrade", "--sql", "a:c"), ("downgrade", "--sql", "c:a"), ("stamp", "--sql", "c:a"):
            with self.subTest(words):
                said = self.feed(self.migrate(*words).out, status=1)
                if words != ("upgrade", "--sql"):  # that one stops at the table that is there already
                    self.assertIncludes(said, "the database is not at")
                self.assertEqual((self.rows(), self.tables()), (["b"], ["t_a", "t_b"]))

    def test_sql_that_cannot_be_printed_is_refused(self):
        self.assertIncludes(self.migrate("downgrade", "--sql", "base", status=2).err, "range", "hint: ")
        self.migrate("upgrade", "--sql", "--dry-run", status=2)
        self.assertIncludes(self.migrate("upgrade", "--sql", "current:c", status=2).err, "error: ", "current")
        self.assertIncludes(self.migrate("ensure-version", "--sql").out, "CREATE TABLE", "alembic_version")


@on_both_databases
class Look:
    """current, history, heads, bases, branches, show, check."""

    def setUp(self):
        super().setUp()
        self.revision("a", up="CREATE TABLE t_a (x INTEGER);", down="DROP TABLE t_a;", message="the beginning")
        self.revision("b", up="CREATE TABLE t_b (x INTEGER);", down="DROP TABLE t_b;")
        self.revision("l", "a", labels="left", up="CREATE TABLE t_l (x INTEGER);", down="DROP TABLE t_l;")
        self.revision("m", ("b", "l"), up="CREATE TABLE t_m (x INTEGER);", down="DROP TABLE t_m;")
        self.revision("z", (), depends="b", up="CREATE TABLE t_z (x INTEGER);", down="DROP TABLE t_z;")

    def ids(self, *words, **options):
        said = self.migrate_json(*words, **options)
        self.assertEqual(set(said), {"command", "status", "revisions"})
        for revision in said["revisions"]:
            self.assertEqual(set(revision), REVISION_KEYS)
        return [revision["revision"] for revision in said["revisions"]]

    def test_current_and_its_question(self):
        self.assertEqual(self.ids("current"), [])
        self.assertEqual(self.migrate("current").out, "")
        self.migrate("current", "--check-heads", status=1)
        said = self.migrate_json("current", "--check-heads", status=1)
        self.assertEqual(said["status"], "ok")
        self.migrate("upgrade", "m")
        self.assertEqual(self.migrate("current").out, "m (left) (head) (mergepoint)\n")
        self.assertEqual(self.ids("current"), ["m"])
        self.migrate("current", "--check-heads", status=1)
        self.migrate("upgrade", "heads")
        self.migrate("current", "--check-heads")
        self.assertIncludes(self.migrate("current", "-v").out, "Path: migrations/m.sql", "Revision ID: m")
        self.assertEqual(sorted(self.ids("current")), ["m", "z"])

    def test_reading_creates_no_tables(self):
        for words in ["current"], ["history", "-i"], ["check", "--database"], ["check", "--pending"], ["show", "current"]:
            with self.subTest(words):
                self.migrate(*words, status=None)
                self.assertEqual(self.objects() if self.dialect == "postgresql" else os.path.exists(self.database),
                                 [] if self.dialect == "postgresql" else False)

    def test_history_in_every_form(self):
        self.assertEqual(self.ids("history"), ["z", "m", "l", "b", "a"])
        text = self.migrate("history").out
        self.assertEqual(text.split("\n")[1:3], ["b, l -> m (left) (head) (mergepoint), revision m",
                                                 "a -> l (left), revision l"])
        self.assertIncludes(text, "<base> -> a (branchpoint), the beginning", "<base> (b) -> z (head)")
        self.assertEqual(self.ids("history", "-r", "a:b"), ["b", "a"])
        self.assertEqual(self.ids("history", "-r", "b:m"), ["m", "b"])
        self.assertEqual(sorted(self.ids("history", "--rev-range=l:")), ["l", "m"])
        self.assertIncludes(self.migrate("history", "-r", "l:z", status=3).err, "lineage", "l", "z")
        self.assertIncludes(self.migrate("history", "-r", "nonsense", status=2).err, "nonsense")
        self.migrate("upgrade", "b")
        self.assertIncludes(self.migrate("history", "-i").out, "a -> b (current), revision b")
        self.assertEqual([(r["revision"], r["is_current"]) for r in self.migrate_json("history", "-i")["revisions"]],
                         [("z", False), ("m", False), ("l", False), ("b", True), ("a", False)])
        self.assertEqual({r["is_current"] for r in self.migrate_json("history")["revisions"]}, {None})
        self.assertEqual(self.ids("history", "-r", "current:m"), ["m", "b"])
        graph = self.migrate("history", "--graph", "-i").out
        self.assertIncludes(graph, "m", "z", "(current)", "the beginning")
        self.assertGreater(len(graph.strip().split("\n")), 5)
        dot = self.migrate("history", "--format", "dot").out
        self.assertRegex(dot, r"(?s)\Adigraph .*\{.*\}\s*\Z")
        self.assertEqual(len(re.findall("->|--", dot)), 5, dot)  # four parents and a dependency
        mermaid = self.migrate("history", "--format=mermaid").out
        self.assertRegex(mermaid, r"\A(flowchart|graph|gitGraph)")

    def test_heads_bases_branches_and_show(self):
        self.assertEqual(sorted(self.ids("heads")), ["m", "z"])
        self.assertEqual(sorted(self.ids("heads", "--resolve-dependencies")), ["m", "z"])
        self.assertEqual(sorted(self.ids("bases")), ["a", "z"])
        self.assertEqual(self.ids("branches"), ["a"])
        self.assertIncludes(self.migrate("branches").out, "a (branchpoint)", "-> b", "-> l")
        shown = self.migrate("show", "m").out
        self.assertIncludes(shown, "Rev: m", "Merges: b, l", "Path: migrations/m.sql")
        self.assertEqual((self.ids("show", "heads"), self.ids("show", "base"), self.ids("show", "current")),
                         (["m", "z"], [], []))
        self.assertEqual(self.ids("show", "left@head"), ["m"])

    def test_check_with_all_its_flags(self):
        self.assertIncludes(self.migrate("check").out, "multiple_heads")
        said = self.migrate_json("check", "--single-head", status=1)
        self.assertEqual((set(said), said["status"]), ({"command", "status", "findings"}, "ok"))
        for finding in said["findings"]:
            self.assertEqual(set(finding), FINDING_KEYS)
        self.assertEqual([(f["rule"], f["severity"]) for f in said["findings"]], [("multiple_heads", "error")])
        self.assertEqual({f["rule"] for f in self.migrate_json("check", "--pending", status=1)["findings"]
                          if f["severity"] == "error"}, {"pending"})
        self.migrate("upgrade", "heads")
        self.migrate("check", "--pending", "--database")
        path = self.revision("y", "m", up="CREATE TABLE t_y (x INTEGER);", down=None)
        self.migrate("check")
        said = self.migrate_json("check", "--require-downgrade", status=1)
        self.assertIn(("no_downgrade", "error", "y", "migrations/y.sql"),
                      [(f["rule"], f["severity"], f["revision"], f["path"]) for f in said["findings"]])
        self.write(path, self.read(path) + "COMMIT;\n")
        said = self.migrate_json("check", status=1)
        finding = [f for f in said["findings"] if f["rule"] == "forbidden"][0]
        self.assertEqual((finding["severity"], finding["revision"], finding["line"]), ("error", "y", 10))


class Tool(Case):
    """What is about the tool itself."""

    def test_help_for_every_command_in_every_way(self):
        overview = self.migrate("help").out
        self.assertEqual(overview, self.migrate("--help").out)
        self.assertEqual(overview, self.migrate("-h").out)
        for command in COMMANDS:
            with self.subTest(command):
                said = self.migrate("help", command).out
                self.assertIncludes(said, "Usage  migrate " + command)
                self.assertEqual(said, self.migrate(command, "--help").out)
                self.assertIn(command, overview)
        self.assertLessEqual(max(map(len, overview.split("\n"))), 120)

    def test_the_manual_is_a_clean_page(self):
        page = self.migrate("help", "--man").bytes
        self.assertIncludes(page.decode().replace("\\-", "-"), *COMMANDS)
        if not shutil.which("mandoc"):
            self.skipTest("mandoc is not installed")
        ran = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"], input=page, stdout=subprocess.PIPE, check=False)
        warnings = [line for line in ran.stdout.decode().split("\n") if line and "missing date" not in line]
        self.assertEqual(warnings, [])  # the page has no date, so that a build gives the same bytes every day

    def test_completion_is_a_script_its_shell_can_read(self):
        for shell in "bash", "zsh", "fish":
            script = self.migrate("completion", shell).bytes
            self.assertTrue(script)
            if shutil.which(shell):
                with self.subTest(shell):
                    ran = subprocess.run([shell, "-n", "/dev/stdin"], input=script, stderr=subprocess.PIPE, check=False)
                    self.assertEqual((ran.returncode, ran.stderr), (0, b""))
        ran = self.migrate("completion", "tcsh", status=2)
        self.assertIncludes(ran.err, "tcsh", "bash")

    def test_bash_completes_commands_and_revisions(self):
        self.revision("abc1", labels="kitchen")
        self.revision("abd2")
        script = self.write("complete.sh", self.migrate("completion", "bash").out + """
complete_line() {
    COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}
    COMPREPLY=(); "$(complete -p migrate | sed 's/.*-F \\([^ ]*\\).*/\\1/')" migrate "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
    printf '%s\\n' "${COMPREPLY[@]}"
}
""")
        def complete(*words):
            quoted = " ".join("'%s'" % word for word in words)
            ran = subprocess.run(["bash", "-c", "migrate() { '%s' \"$@\"; }; . '%s'; complete_line migrate %s"
                                  % (BINARY, script, quoted)], cwd=self.folder, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, check=False, text=True,
                                 env=self.clean({"PATH": os.path.dirname(BINARY) + ":" + os.environ["PATH"]}))
            self.assertEqual(ran.stderr, "")
            return [line.strip() for line in ran.stdout.split("\n") if line.strip()]
        self.assertEqual(complete("upg"), ["upgrade"])
        self.assertEqual(sorted(complete("upgrade", "ab")), ["abc1", "abd2"])
        self.assertIn("--lock-wait", " ".join(complete("upgrade", "--lock-w")))

    def test_what_is_mistyped_names_the_closest(self):
        for words, wrong, right in [(["upgarde"], "upgarde", "upgrade"), (["upgrade", "--dry-rum"], "--dry-rum", "--dry-run"),
                                    (["--formt", "json", "heads"], "--formt", "--format"), (["help", "histroy"], "histroy", "history"),
                                    (["heads", "--format", "jsn"], "jsn", "json"), (["hist"], "hist", "history")]:
            with self.subTest(words):
                ran = self.migrate(*words, status=2)
                self.assertIncludes(ran.err, "error: ", wrong, right)
                self.assertEqual(ran.out, "")
        for words in ["show"], ["heads", "extra"], ["upgrade", "a", "b"], ["-x"], ["upgrade", "--lock-wait"], \
                ["upgrade", "--lock-wait", "soon"], ["upgrade", "--lock-retries", "-1"], ["revision", "--message"]:
            with self.subTest(words):
                ran = self.migrate(*words, status=2)
                self.assertIncludes(ran.err, "error: ")

    def test_the_same_mistake_as_json_is_an_object(self):
        said = self.migrate("--format=json", "upgrade", "--dry-rum", status=2).json
        self.assertEqual((said["status"], said["error"]["code"], set(said["error"])), ("error", "usage", ERROR_KEYS))

    def test_the_version(self):
        self.assertRegex(self.migrate("--version").out, r"\Amigrate \d+\.\d+\.\d+\n\Z")

    def test_log_lines_as_json_are_objects_and_stdout_is_free_of_them(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")
        self.revision("b", up="DROP TABLE gone;", down="")
        for words in (["upgrade", "-v"], ["history"], ["upgrade", "nope"], ["nonsense"]):
            ran = self.migrate("--log-format", "json", "-u", "x.db", *words, status=None)
            for line in ran.err.strip().split("\n") if ran.err.strip() else []:
                self.assertIsInstance(json.loads(line), dict, line)
            self.assertLeavesOut(ran.out, '"level"')
        self.assertTrue(ran.err.strip(), "the error is there too")

    def test_quiet_says_only_what_matters(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")
        self.assertEqual(self.migrate("-q", "-u", "x.db", "upgrade").err, "")
        self.assertIncludes(self.migrate("-q", "-u", "x.db", "upgrade", "gone", status=3).err, "error: ")

    def test_colour_only_where_it_is_wanted(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")
        self.assertNotIn("\x1b", self.migrate("history").out)
        self.assertIn("\x1b[", self.migrate("--color=always", "history").out)
        self.assertNotIn("\x1b", self.migrate("--color=never", "history").out)


if __name__ == "__main__":
    main()
