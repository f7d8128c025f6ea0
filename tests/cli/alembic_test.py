"""Taking turns with the real Alembic on one database: what either tool did, the other reads, continues and takes back.

The project is what `alembic init` makes; each revision is there twice under one id, as a version file of Alembic's and
as a file of ours, and both create and drop the same table."""

import json
import os
import re
import subprocess
import unittest

from harness import SECONDS, Case, Postgres, main, on_both_databases, psql

PYTHON = "/usr/bin/python3"  # Debian's, which has Debian's packages; the one in PATH may be another

# Alembic's command line in a process of its own for each command, forked from one that has done the slow imports.
ALEMBIC = """
import json, os, signal, sys
import alembic.config, psycopg2, sqlalchemy.dialects.postgresql, sqlalchemy.dialects.sqlite

print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        signal.alarm(asked["seconds"])
        os.chdir(asked["folder"])
        for descriptor in 1, 2:
            os.dup2(os.open("alembic.%d" % descriptor, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), descriptor)
        alembic.config.main(argv=asked["arguments"], prog="alembic")
        sys.exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


VERSION_FILE = '''"""{rev}"""
from alembic import op

revision = {rev!r}
down_revision = {down!r}
branch_labels = {labels!r}
depends_on = {depends!r}


def upgrade():
    op.execute("CREATE TABLE t_{rev} (x INTEGER)")


def downgrade():
    op.execute("DROP TABLE t_{rev}")
'''
OUR_OWN = {"migrate_history", "migrate_script"}


server = None


def setUpModule():
    global server
    try:
        server = subprocess.Popen([PYTHON, "-c", ALEMBIC], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True,
                                  env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"})
    except OSError as error:
        raise unittest.SkipTest("no Debian Python to run Alembic with: %s" % error) from error
    if server.stdout.readline() != "ready\n":
        _, said = server.communicate()
        raise unittest.SkipTest("the packages alembic and python3-psycopg2 are not both there: " +
                                (said.strip().splitlines() or ["it said nothing"])[-1])


def tearDownModule():
    server.communicate(timeout=SECONDS)


class Project:
    """One project in both languages."""

    version_table = "alembic_version"
    version_schema = None

    def setUp(self):
        super().setUp()
        self.alembic("init", "alembic", config=())
        self.configure_alembic()
        del self.environment["MIGRATE_DATABASE_URL"]  # both read it where Alembic does
        self.write("migrate.ini", "[migrate]\nscript_location = migrations\nsqlalchemy.url = %s\n%s" %
                   (self.url, self.more_settings()))

    def configure_alembic(self):
        ini = self.read("alembic.ini")
        self.write("alembic.ini", re.sub(r"(?m)^sqlalchemy\.url = .*$", "sqlalchemy.url = " + self.url, ini))
        said = "version_table=%r, version_table_schema=%r" % (self.version_table, self.version_schema)
        env = self.read("alembic/env.py")
        self.write("alembic/env.py", re.sub(r"target_metadata=target_metadata", r"\g<0>, " + said, env))

    def more_settings(self):
        return ""

    def in_both(self, rev, revises=None, depends=(), labels=()):
        """The revision rev, twice. As in revision(): without `revises` it follows the one before."""
        down = (self._last,) if revises is None and self._last else tuple(revises or ())
        self.revision(rev, down, up="CREATE TABLE t_%s (x INTEGER);" % rev, down="DROP TABLE t_%s;" % rev,
                      depends=depends, labels=labels)
        self.write("alembic/versions/%s.py" % rev,
                   VERSION_FILE.format(rev=rev, down=down if len(down) > 1 else down[0] if down else None,
                                       depends=tuple(depends) or None, labels=tuple(labels) or None))

    def alembic(self, *arguments, config=("-c", "alembic.ini"), status=0):
        """Runs Alembic, which must exit with the status; answers what it printed."""
        asked = {"folder": self.folder, "arguments": [*config, *arguments], "seconds": int(SECONDS)}
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        got = int(server.stdout.readline())
        out, err = self.read("alembic.1"), self.read("alembic.2")
        self.assertEqual(got, status, "alembic %s:\n%s%s" % (" ".join(arguments), out, err))
        return out

    def both_are_at(self, *heads, rows=None, tables):
        """Asks the database, Alembic and the tool. heads: what `current` shows; rows: where it differs. tables: as
        one word list of revisions whose tables are there."""
        self.assertEqual(sorted(row for row, in self.query("SELECT version_num FROM " + self.version_name())),
                         sorted(heads if rows is None else rows))
        self.assertEqual(sorted(re.findall(r"^\w+", self.alembic("current"), re.MULTILINE)), sorted(heads))
        self.assertEqual(sorted(one["revision"] for one in self.migrate_json("current")["revisions"]), sorted(heads))
        self.assertEqual(sorted(name for kind, name in self.objects() if kind == "table" and name.startswith("t_")),
                         sorted("t_" + rev for rev in tables.split()))

    def version_name(self):
        return (self.version_schema + "." if self.version_schema else "") + self.version_table

    def version_table_as_made(self):
        """What a tool could rely on: columns with type and nullability, and the primary key with its name."""
        if self.dialect == "sqlite":
            sql, = self.query("SELECT lower(sql) FROM sqlite_master WHERE name = '%s'" % self.version_table)[0]
            return re.sub(r'[\s"]+', " ", sql).replace("( ", "(").replace(" )", ")").replace("( ", "(").strip()
        return self.query("""
            SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
            WHERE attrelid = '%s'::regclass AND attnum > 0
            UNION ALL SELECT conname, pg_get_constraintdef(oid), NULL FROM pg_constraint
            WHERE conrelid = '%s'::regclass ORDER BY 1""" % (self.version_name(), self.version_name()))


@on_both_databases
class TakingTurns(Project):
    """One line of revisions."""

    def setUp(self):
        super().setUp()
        for rev in ("a", "b", "c", "d"):
            self.in_both(rev)

    def test_we_go_on_where_alembic_stopped(self):
        self.alembic("upgrade", "b")
        self.both_are_at("b", tables="a b")
        self.migrate("upgrade", "+1")
        self.both_are_at("c", tables="a b c")
        self.alembic("upgrade", "head")
        self.both_are_at("d", tables="a b c d")
        self.migrate("upgrade", "head")
        self.both_are_at("d", tables="a b c d")

    def test_alembic_goes_on_where_we_stopped(self):
        self.migrate("upgrade", "b")
        self.both_are_at("b", tables="a b")
        self.alembic("upgrade", "+1")
        self.both_are_at("c", tables="a b c")
        self.migrate("upgrade")
        self.both_are_at("d", tables="a b c d")
        self.alembic("upgrade", "head")
        self.both_are_at("d", tables="a b c d")

    def test_either_takes_back_what_the_other_applied(self):
        self.alembic("upgrade", "c")
        self.migrate("upgrade", "d")
        self.migrate("downgrade", "-2")  # one of each
        self.both_are_at("b", tables="a b")
        self.migrate("upgrade", "head")
        self.alembic("downgrade", "-3")
        self.both_are_at("a", tables="a")
        self.migrate("downgrade", "base")
        self.both_are_at(tables="")
        self.migrate("upgrade", "head")
        self.alembic("downgrade", "base")
        self.both_are_at(tables="")

    def test_a_stamp_by_one_is_where_the_other_begins(self):
        self.alembic("stamp", "b")
        self.both_are_at("b", tables="")
        self.migrate("upgrade", "c")
        self.both_are_at("c", tables="c")
        self.migrate("stamp", "a")
        self.both_are_at("a", tables="c")
        self.migrate("stamp", "c")
        self.alembic("downgrade", "-1")
        self.both_are_at("b", tables="")
        self.migrate("stamp", "base")
        self.both_are_at(tables="")
        self.alembic("upgrade", "a")
        self.both_are_at("a", tables="a")

    def test_a_row_that_no_file_has_is_purged_by_either(self):
        self.migrate("upgrade", "b")
        self.execute("UPDATE alembic_version SET version_num = 'gone'")
        self.migrate("stamp", "--purge", "b")
        self.both_are_at("b", tables="a b")
        self.execute("UPDATE alembic_version SET version_num = 'gone'")
        self.alembic("stamp", "--purge", "b")
        self.both_are_at("b", tables="a b")
        self.migrate("upgrade", "head")
        self.both_are_at("d", tables="a b c d")

    def test_the_version_table_is_the_same_whoever_makes_it(self):
        made = {}
        for tool, run in (("alembic", self.alembic), ("migrate", self.migrate)):
            run("ensure_version")
            made[tool] = self.version_table_as_made()
            self.both_are_at(tables="")
            self.execute("DROP TABLE alembic_version")
        self.assertEqual(made["migrate"], made["alembic"])
        self.migrate("upgrade", "a")
        self.assertEqual(self.version_table_as_made(), made["alembic"])

    def test_our_tables_stay_and_alembic_passes_them_by(self):
        self.migrate("upgrade", "c")
        before = self.query("SELECT revision, direction, status FROM migrate_history ORDER BY id")
        self.assertEqual(before, [(rev, "upgrade", "done") for rev in "abc"])
        self.alembic("downgrade", "base")
        self.alembic("upgrade", "head")
        self.assertEqual(self.query("SELECT revision, direction, status FROM migrate_history ORDER BY id"), before)
        self.assertTrue(OUR_OWN < {name for kind, name in self.objects() if kind == "table"})
        self.both_are_at("d", tables="a b c d")

    def test_what_alembic_undid_behind_our_back_is_applied_again(self):
        """Our history says that c was done; the version row, which says that it is not, is right."""
        self.migrate("upgrade", "c")
        self.alembic("downgrade", "a")
        self.migrate("upgrade", "c")
        self.both_are_at("c", tables="a b c")
        self.migrate("check")

    def test_a_wider_column_is_used_as_it_is(self):
        """As projects with long ids make it by hand."""
        rev = "e" * 40
        self.execute("CREATE TABLE alembic_version (version_num VARCHAR(64) NOT NULL, "
                     "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))")
        self.in_both(rev)
        self.migrate("upgrade", "head")
        self.both_are_at(rev, tables="a b c d " + rev)
        self.alembic("downgrade", "-1")
        self.both_are_at("d", tables="a b c d")

    def test_a_script_printed_by_one_takes_a_database_that_the_other_goes_on_with(self):
        self.run_script(self.alembic("upgrade", "b", "--sql"))
        self.both_are_at("b", tables="a b")
        self.run_script(self.migrate("upgrade", "b:c", "--sql").out)
        self.both_are_at("c", tables="a b c")
        self.run_script(self.alembic("upgrade", "c:d", "--sql"))
        self.both_are_at("d", tables="a b c d")
        self.run_script(self.migrate("downgrade", "d:b", "--sql").out)
        self.both_are_at("b", tables="a b")
        self.alembic("upgrade", "head")
        self.both_are_at("d", tables="a b c d")

    def run_script(self, script):
        if self.dialect == "postgresql":
            psql(self.url, script)
        else:
            self.execute(re.sub(r"(?m)^\.bail on$", "", script))


@on_both_databases
class Branches(Project):
    """Two heads, merges, dependencies: how rows move is where two tools could disagree."""

    def two_branches(self):
        self.in_both("a", ())
        self.in_both("l1", ("a",), labels=("left",))
        self.in_both("l2", ("l1",))
        self.in_both("r1", ("a",), labels=("right",))
        self.in_both("r2", ("r1",))

    def test_two_heads_are_two_rows_to_both(self):
        self.two_branches()
        self.alembic("upgrade", "left@head")
        self.both_are_at("l2", tables="a l1 l2")
        self.migrate("upgrade", "right@+1")
        self.both_are_at("l2", "r1", tables="a l1 l2 r1")
        self.alembic("upgrade", "heads")
        self.both_are_at("l2", "r2", tables="a l1 l2 r1 r2")
        self.migrate("downgrade", "left@-1")
        self.both_are_at("l1", "r2", tables="a l1 r1 r2")
        self.alembic("downgrade", "right@-1")
        self.both_are_at("l1", "r1", tables="a l1 r1")
        self.migrate("upgrade", "heads")
        self.both_are_at("l2", "r2", tables="a l1 l2 r1 r2")
        self.migrate("downgrade", "a")
        self.both_are_at("a", tables="a")

    def test_a_merge_is_joined_and_taken_apart_by_either(self):
        self.two_branches()
        self.in_both("m", ("l2", "r2"))
        self.in_both("n")
        self.alembic("upgrade", "l2")
        self.migrate("upgrade", "head")
        self.both_are_at("n", tables="a l1 l2 r1 r2 m n")
        self.alembic("downgrade", "l2")
        self.both_are_at("l2", "r2", tables="a l1 l2 r1 r2")
        self.migrate("upgrade", "m")
        self.both_are_at("m", tables="a l1 l2 r1 r2 m")
        self.migrate("downgrade", "r2")
        self.both_are_at("l2", "r2", tables="a l1 l2 r1 r2")
        self.alembic("upgrade", "n")
        self.both_are_at("n", tables="a l1 l2 r1 r2 m n")
        self.migrate("downgrade", "base")
        self.both_are_at(tables="")

    def test_one_step_down_from_a_merge_is_ambiguous_to_both(self):
        self.two_branches()
        self.in_both("m", ("l2", "r2"))
        self.migrate("upgrade", "head")
        self.alembic("downgrade", "-1", status=255)
        self.assertIncludes(self.migrate("downgrade", "-1", status=3).err, "l2", "r2")
        self.both_are_at("m", tables="a l1 l2 r1 r2 m")

    def test_one_side_of_a_merge_taken_back_leaves_the_other(self):
        self.two_branches()
        self.in_both("m", ("l2", "r2"))
        self.migrate("upgrade", "head")
        self.alembic("downgrade", "l1")
        self.both_are_at("l1", "r2", tables="a l1 r1 r2")
        self.alembic("upgrade", "head")
        self.migrate("downgrade", "r1")
        self.both_are_at("l2", "r1", tables="a l1 l2 r1")

    def test_a_dependency_has_no_row_while_something_implies_it(self):
        self.in_both("a1", (), labels=("lib",))
        self.in_both("a2", ("a1",))
        self.in_both("b1", (), depends=("a2",), labels=("app",))
        self.in_both("b2", ("b1",))
        self.alembic("upgrade", "app@head")
        self.both_are_at("b2", "a2", rows=["b2"], tables="a1 a2 b1 b2")
        self.migrate("downgrade", "app@base")
        self.both_are_at("a2", tables="a1 a2")
        self.migrate("upgrade", "app@head")
        self.both_are_at("b2", "a2", rows=["b2"], tables="a1 a2 b1 b2")
        self.alembic("downgrade", "app@base")
        self.both_are_at("a2", tables="a1 a2")
        self.alembic("upgrade", "heads")
        self.migrate("downgrade", "a1")
        self.both_are_at("a1", tables="a1")

    def test_a_dependency_by_label_means_the_same_to_both(self):
        self.in_both("a1", ())
        self.in_both("a2", ("a1",), labels=("lib",))
        self.in_both("b1", (), depends=("lib",))
        self.migrate("upgrade", "b1")
        self.both_are_at("b1", "a2", rows=["b1"], tables="a1 a2 b1")
        self.alembic("downgrade", "a1")
        self.both_are_at("a1", tables="a1")

    def test_stamped_branches_are_the_same_rows(self):
        self.two_branches()
        self.alembic("stamp", "l2")
        self.migrate("stamp", "r1")
        self.both_are_at("l2", "r1", tables="")
        self.migrate("stamp", "heads")
        self.both_are_at("l2", "r2", tables="")
        self.alembic("stamp", "a")
        self.both_are_at("a", tables="")


@on_both_databases
class AnotherVersionTable(Project):
    """version_table as the project calls it."""

    version_table = "deployed_revisions"

    def more_settings(self):
        return "version_table = deployed_revisions\n"

    def test_either_reads_and_moves_it(self):
        self.in_both("a")
        self.in_both("b")
        self.alembic("upgrade", "a")
        self.migrate("upgrade", "head")
        self.both_are_at("b", tables="a b")
        self.migrate("downgrade", "base")
        self.alembic("upgrade", "head")
        self.both_are_at("b", tables="a b")
        self.assertNotIn(("table", "alembic_version"), self.objects())

    def test_it_is_the_same_whoever_makes_it(self):
        self.in_both("a")
        self.migrate("ensure-version")
        ours = self.version_table_as_made()
        self.execute("DROP TABLE deployed_revisions")
        self.alembic("ensure_version")
        self.assertEqual(ours, self.version_table_as_made())


class ASchemaForTheVersionTable(Project, Postgres, Case):
    """version_table_schema, on PostgreSQL alone: it is not where the project's tables are."""

    version_schema = "deploy"

    def setUp(self):
        super().setUp()
        self.execute("CREATE SCHEMA deploy")

    def more_settings(self):
        return "version_table_schema = deploy\n"

    def test_either_reads_and_moves_it(self):
        self.in_both("a")
        self.in_both("b")
        self.migrate("upgrade", "a")
        self.alembic("upgrade", "head")
        self.both_are_at("b", tables="a b")
        self.migrate("downgrade", "base")
        self.both_are_at(tables="")
        self.assertEqual(self.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"), [])


@on_both_databases
class AlembicsConfiguration(Project):
    """-c alembic.ini -n alembic: the file as `alembic init` wrote it says where the database is."""

    def setUp(self):
        super().setUp()
        self.in_both("a")
        self.in_both("b")
        os.remove(self.path("migrate.ini"))

    def run_tool(self, *words):
        return self.migrate("-c", "alembic.ini", "-n", "alembic", "-d", "migrations", *words)

    def test_the_url_is_read_from_it(self):
        self.alembic("upgrade", "a")
        self.assertIncludes(self.run_tool("current").out, "a")
        self.run_tool("upgrade", "head")
        self.assertEqual(self.query("SELECT version_num FROM alembic_version"), [("b",)])
        self.assertEqual(sorted(re.findall(r"^\w+", self.alembic("current"), re.MULTILINE)), ["b"])

    def test_settings_that_only_alembic_has_are_no_error(self):
        ini = self.read("alembic.ini")
        self.write("alembic.ini", ini.replace("[alembic]\n", "[alembic]\n"
                                              "file_template = %%(year)d_%%(rev)s_%%(slug)s\n"
                                              "timezone = Europe/Berlin\ntruncate_slug_length = 40\n"
                                              "revision_environment = true\nsourceless = false\n"
                                              "output_encoding = utf-8\n", 1))
        self.alembic("upgrade", "a")
        self.run_tool("upgrade", "head")
        self.assertEqual(json.loads(self.run_tool("current", "--format", "json").out)["revisions"][0]["revision"], "b")

    def test_a_new_revision_is_named_as_we_name_them_whatever_alembic_is_told(self):
        ini = self.read("alembic.ini")
        self.write("alembic.ini", ini.replace("[alembic]\n",
                                              "[alembic]\nfile_template = %%(year)d_%%(rev)s_%%(slug)s\n", 1))
        path = json.loads(self.run_tool("revision", "-m", "next one", "--format", "json").out)["path"]
        self.assertIncludes(path, "next_one.sql")
        self.assertLeavesOut(path, "%")

    def test_a_driver_named_in_the_url_is_no_matter(self):
        ini = self.read("alembic.ini")
        url = self.url.replace("postgresql:", "postgresql+psycopg2:").replace("sqlite:", "sqlite+pysqlite:")
        self.write("alembic.ini", ini.replace(self.url, url))
        self.alembic("upgrade", "a")
        self.run_tool("upgrade", "head")
        self.assertEqual(self.query("SELECT version_num FROM alembic_version"), [("b",)])


if __name__ == "__main__":
    main()
