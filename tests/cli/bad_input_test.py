"""Whatever is wrong with what migrate is given: the right exit status, a message that names the thing and its place, a
hint that says what to do, and nothing changed: not the database, not a file."""

import contextlib
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
import unittest

from harness import BINARY, Case, Postgres, main, needs_postgres, on_both_databases, postgres_url, psql, POSTGRES

IS_ROOT = os.geteuid() == 0
MISSING = "0123456789ab"

HEADER = "-- a message\n--\n-- Revision ID: %s\n-- Revises: %s\n-- Create Date: 2026-01-01 00:00:00+00:00\n\n"
UP = "-- migrate:upgrade\nCREATE TABLE t_%s (x INTEGER);\n\n-- migrate:downgrade\nDROP TABLE t_%s;\n"


def file_of(rev, revises="", body=None):
    return HEADER % (rev, revises) + (UP % (rev, rev) if body is None else body)


class Snapshots:
    """What must be the same before and after."""

    def files(self):
        """{path: (mode, hash of the content)} of everything in the test's folder, the SQLite database included."""
        found = {}
        for folder, folders, names in os.walk(self.folder):
            for name in folders + names:
                path = os.path.join(folder, name)
                mode = os.lstat(path).st_mode
                content = b""
                if stat.S_ISREG(mode):
                    with open(path, "rb") as file:
                        content = file.read()
                found[os.path.relpath(path, self.folder)] = (mode, hashlib.sha1(content).hexdigest())
        return found

    def everything(self):
        """The files; on PostgreSQL also every object and every row."""
        if self.dialect != "postgresql":
            return self.files()
        schemas = [name for name, in self.query("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND "
                                                "nspname <> 'information_schema' ORDER BY 1")]
        rows = [self.query("SELECT schema_to_xml('%s', true, false, '')" % schema) for schema in schemas]
        return self.files(), self.objects(), schemas, rows

    def refused(self, *arguments, status, says, hint=True, **options):
        """Runs the tool, which must refuse with `status`, say all of `says`, give a hint, and change nothing."""
        before = self.everything()
        ran = self.migrate(*arguments, status=status, **options)
        self.assertEqual(self.everything(), before, "something changed:\n%s" % ran)
        self.assertIncludes(ran.err, "error: ", *([says] if isinstance(says, str) else says))
        if hint:
            self.assertIncludes(ran.err, "\nhint: ")
        self.assertLeavesOut(ran.out, "error: ", "hint: ")
        return ran


# --- naming things ----------------------------------------------------------------------------------------------------


class Naming(Snapshots, Case):
    """Before any database is asked."""

    def test_a_config_that_is_named_must_be_there(self):
        self.refused("-c", "absent.ini", "upgrade", status=2, says=["absent.ini", "--config"])
        self.refused("history", status=2, says=["absent.ini", "MIGRATE_CONFIG"],
                     environment={"MIGRATE_CONFIG": "absent.ini"})

    def test_without_a_config_and_a_folder_it_says_how_to_begin(self):
        os.remove(self.path("migrate.ini"))
        os.rmdir(self.path("migrations"))
        ran = self.refused("history", status=7, says=["migrations"])
        self.assertIncludes(ran.err, "migrate init")

    def test_a_config_line_that_means_nothing_is_placed(self):
        self.write("migrate.ini", "[migrate]\nscript_location = migrations\nwhat is this\n")
        self.refused("history", status=2, says="migrate.ini:3", hint=False)

    def test_a_section_that_is_not_there(self):
        self.refused("-n", "staging", "history", status=2, says="[staging]", hint=False)

    def test_a_config_key_nobody_knows_names_the_closest(self):
        self.write("migrate.ini", "[migrate]\nscript_locaton = migrations\n")
        ran = self.migrate("history", status=None)
        self.assertIncludes(ran.err, "script_locaton", "script_location")

    def test_no_database_named_lists_every_place_it_looked(self):
        self.revision("a")
        self.refused("upgrade", status=2, hint=False,
                     says=["--url", "MIGRATE_DATABASE_URL", "DATABASE_URL", "SQLALCHEMY_DATABASE_URI", "DB_URL",
                           "DATABASE_SECRET_FILE", "DATABASE_HOST", "sqlalchemy.url", "migrate.ini"])

    def test_an_unknown_scheme_is_named_without_its_password(self):
        self.revision("a")
        for scheme in "mysql", "oracle+cx", "postgresq":
            with self.subTest(scheme=scheme):
                ran = self.refused("-u", scheme + "://app:hunter2@db/kitchen", "upgrade", status=2, says=scheme)
                self.assertLeavesOut(ran.err, "hunter2")

    def test_a_url_that_is_none(self):
        self.revision("a")
        self.refused("-u", "kitchen", "upgrade", status=2, says="scheme://", hint=False)
        self.refused("-u", "postgresql://a:b%zz@db/kitchen", "upgrade", status=2, says="%")
        self.refused("-u", "postgresql://db/kitchen?sslmod=require", "upgrade", status=2, says=["sslmod", "sslmode"])

    def test_a_folder_where_the_config_should_be(self):
        os.mkdir(self.path("dir.ini"))
        self.refused("-c", "dir.ini", "history", status=2, says=["dir.ini is a folder", "--config"])

    def test_a_folder_where_a_revision_file_should_be(self):
        self.revision("a")
        os.mkdir(self.path("migrations", "b.sql"))
        self.refused("history", status=7, says="migrations/b.sql is a folder", hint=False)
        self.refused("check", status=7, says="migrations/b.sql is a folder", hint=False)

    def test_a_folder_where_the_template_should_be(self):
        self.migrate("init", "elsewhere", environment={}, folder=self.fresh_folder())
        os.mkdir(self.path("migrations", "revision.sql.template"))
        self.refused("revision", "-m", "x", status=7, says="revision.sql.template", hint=False)

    def test_a_file_where_the_folder_should_be(self):
        self.write("plain", "")
        self.refused("-d", "plain", "history", status=7, says="plain")

    def test_a_missing_folder(self):
        self.refused("-d", "absent", "history", status=7, says=["absent", "migrate init"])
        self.refused("-d", "absent", "check", status=7, says=["absent", "migrate init"])

    def test_json_says_the_same_as_an_object(self):
        said = self.migrate_json("-d", "absent", "history", status=7)
        self.assertEqual((said["status"], said["error"]["code"], said["error"]["exit"]), ("error", "file", 7))
        self.assertIncludes(said["error"]["message"], "absent")
        self.assertEqual(said["revisions"], [])

    def fresh_folder(self):
        path = self.path("fresh")
        os.mkdir(path)
        return path


@unittest.skipUnless(IS_ROOT and shutil.which("setpriv"), "only root can become somebody with fewer rights")
class Unreadable(Snapshots, Case):
    """As an account that may not read what root wrote; the binary itself may be out of its reach, so it gets a copy."""

    def setUp(self):
        super().setUp()
        self.tool = shutil.copy(BINARY, self.path("tool"))
        os.chmod(self.tool, 0o755)

    def unprivileged(self, *arguments):
        return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", self.tool, *arguments],
                              cwd=self.folder, env=self.clean(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False, text=True)

    def denied(self, *arguments, says, status=7):
        before = self.files()
        ran = self.unprivileged(*arguments)
        self.assertEqual((ran.returncode, ran.stdout), (status, ""), ran.stderr)
        self.assertIncludes(ran.stderr, "error: ", says, "ermission denied")
        self.assertEqual(self.files(), before)

    def test_a_folder_that_may_not_be_read(self):
        os.chmod(self.path("migrations"), 0o700)
        self.denied("history", says="migrations")

    def test_a_revision_file_that_may_not_be_read(self):
        os.chmod(self.revision("a"), 0o600)
        self.denied("history", says="a.sql")
        self.denied("-u", "x.db", "upgrade", says="a.sql")

    def test_a_config_that_may_not_be_read(self):
        os.chmod(self.path("migrate.ini"), 0o600)
        self.denied("history", says="migrate.ini")

    def test_a_config_in_a_folder_that_may_not_be_entered(self):
        self.write("closed/m.ini", "[migrate]\n")
        os.chmod(self.path("closed"), 0o700)
        self.denied("-c", "closed/m.ini", "history", says="closed/m.ini")

    def test_an_environment_file_that_may_not_be_read(self):
        os.chmod(self.write(".env", "DB_ROLE=x\n"), 0o600)
        self.denied("history", says=".env")

    def test_a_folder_that_may_not_be_written_gets_no_file(self):
        self.denied("revision", "-m", "x", says="migrations")

    def test_a_sqlite_file_that_may_not_be_written(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);")
        self.migrate("-u", "x.db", "stamp", "base")
        self.migrate("-u", "x.db", "ensure-version")
        before = self.files()
        ran = self.unprivileged("-u", "x.db", "upgrade")
        self.assertEqual(ran.returncode, 6, ran.stderr)
        self.assertIncludes(ran.stderr, "error: ", "x.db", "can only be read", "hint: ")
        self.assertEqual(self.files(), before)
        self.assertEqual(self.unprivileged("-u", "x.db", "current").returncode, 0, "reading asks for no more")

    def test_a_sqlite_database_that_may_not_be_made(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);")
        before = self.files()
        ran = self.unprivileged("-u", "sqlite:///new.db", "upgrade")
        self.assertIn(ran.returncode, (6, 7), ran.stderr)
        self.assertIncludes(ran.stderr, "error: ", "new.db")
        self.assertEqual(self.files(), before)


# --- revision files ---------------------------------------------------------------------------------------------------

# name, content of migrations/bad.sql, status, line:column or None, what the message has
MALFORMED = [
    ("no Revision ID", "-- just a message\n\n-- migrate:upgrade\nSELECT 1;\n", None, "Revision ID"),
    ("an empty file", "", None, "Revision ID"),
    ("a key twice", "-- m\n-- Revision ID: bad\n-- Revises:\n-- Revises: a\n\n-- migrate:upgrade\n", "4:", "Revises"),
    ("an unknown key", "-- m\n-- Revision ID: bad\n-- Revise: a\n\n-- migrate:upgrade\n", "3:", ["Revise", "Revises"]),
    ("an id with a space", "-- m\n-- Revision ID: b ad\n-- Revises:\n\n-- migrate:upgrade\n", "2:", "b ad"),
    ("an id with an @", "-- m\n-- Revision ID: b@ad\n-- Revises:\n\n-- migrate:upgrade\n", "2:", "b@ad"),
    ("a reserved id", "-- m\n-- Revision ID: head\n-- Revises:\n\n-- migrate:upgrade\n", "2:", "head"),
    ("a date that is none", "-- m\n-- Revision ID: bad\n-- Revises:\n-- Create Date: yesterday\n\n-- migrate:upgrade\n",
     "4:", "yesterday"),
    ("a marker mistyped", file_of("bad", body="-- migrate:upgrade\nSELECT 1;\n-- migrate:downgarde\nSELECT 2;\n"),
     "9:", ["downgarde", "downgrade"]),
    ("a marker's word mistyped", file_of("bad", body="-- migrate:upgrade autocomit\nSELECT 1;\n"), "7:",
     ["autocomit", "autocommit"]),
    ("a time without a unit", file_of("bad", body="-- migrate:upgrade lock_timeout=5parsecs\nSELECT 1;\n"), "7:",
     "5parsecs"),
    ("SQL before the first section", file_of("bad", body="SELECT 1;\n-- migrate:upgrade\n"), "7:1", "section"),
    ("a NUL byte", file_of("bad", body="-- migrate:upgrade\nSELECT 'a\0b';\n"), "8:10", "NUL"),
    ("bytes that are not UTF-8", file_of("bad", body="-- migrate:upgrade\nSELECT '").encode() + b"\xff';\n", "8:9",
     "UTF-8"),
    ("a UTF-8 surrogate", file_of("bad", body="-- migrate:upgrade\n-- ").encode() + b"\xed\xa0\x80\n", "8:4", "UTF-8"),
    ("UTF-16", file_of("bad").encode("utf-16"), "1:1", "UTF-8"),
    ("an unterminated string", file_of("bad", body="-- migrate:upgrade\nSELECT 1;\nSELECT 'abc;\n"), "9:8", "string"),
    ("an unterminated identifier", file_of("bad", body="-- migrate:upgrade\nSELECT 1 AS \"abc;\n"), "8:13", "identifier"),
    ("an unterminated comment", file_of("bad", body="-- migrate:upgrade\nSELECT 1;\n  /* abc\n"), "9:3", "comment"),
    ("a COMMIT", file_of("bad", body="-- migrate:upgrade\nSELECT 1;\n  COMMIT;\n"), "9:3", "COMMIT"),
    ("a VACUUM in a transaction", file_of("bad", body="-- migrate:upgrade\nVACUUM;\n"), "8:1", ["VACUUM", "autocommit"]),
]

ONLY_POSTGRES = [
    ("an unterminated dollar quote", file_of("bad", body="-- migrate:upgrade\nDO $x$ BEGIN END $y$;\n"), "8:4", "dollar quote"),
    ("a psql command", file_of("bad", body="-- migrate:upgrade\nSELECT 1;\n\\d t\n"), "9:1", "psql"),
    ("COPY TO STDOUT", file_of("bad", body="-- migrate:upgrade\nCOPY t TO STDOUT;\n"), "8:1", "STDOUT"),
    ("an index built online in a transaction",
     file_of("bad", body="-- migrate:upgrade\nCREATE INDEX CONCURRENTLY i ON t (x);\n"), "8:1", ["CONCURRENTLY", "autocommit"]),
    ("an online index without a name",
     file_of("bad", body="-- migrate:upgrade autocommit\nCREATE INDEX CONCURRENTLY ON t (x);\n"), "8:1", "name"),
]

ONLY_SQLITE = [
    ("PRAGMA foreign_keys", file_of("bad", body="-- migrate:upgrade\nPRAGMA foreign_keys = ON;\n"), "8:1",
     "foreign_keys"),
]

# name, [(rev, revises, depends, labels)], what the message has, what it leaves out
GRAPHS = [
    ("an id twice", [("one", "", "", ""), ("one", "", "", "")], ["one", "0.sql", "1.sql"], []),
    ("a label twice", [("one", "", "", "lab"), ("two", "", "", "lab")], ["lab", "one", "two"], []),
    ("a label that is an id", [("one", "", "", ""), ("two", "", "", "one")], ["one", "two"], []),
    ("a parent that no file has", [("one", "", "", ""), ("two", "gone", "", "")], ["two", "gone", "1.sql:"], []),
    ("a dependency that no file has", [("one", "", "", ""), ("two", "one", "gone", "")], ["two", "gone", "1.sql:"], []),
    ("a revision that revises itself", [("one", "one", "", "")], ["one"], []),
    ("a revision that depends on itself", [("one", "", "one", "")], ["one"], []),
    ("a cycle, naming its members only",
     [("root", "", "", ""), ("aaa1", "ccc1, root", "", ""), ("bbb1", "aaa1", "", ""), ("ccc1", "bbb1", "", ""),
      ("leaf", "ccc1", "", "")], ["aaa1", "bbb1", "ccc1"], ["root", "leaf"]),
    ("a cycle through Depends On, naming its members only",
     [("root", "", "", ""), ("aaa1", "root", "bbb1", ""), ("bbb1", "root", "aaa1", ""), ("leaf", "bbb1", "", "")],
     ["aaa1", "bbb1"], ["leaf"]),
]

SAID_ELSEWHERE = ["show", "history", "heads", "check", "upgrade"]


@on_both_databases
class Files(Snapshots):
    """Files that cannot be read, and graphs that are none: nothing runs, whichever revision is asked for."""

    def test_a_malformed_file_is_placed_and_nothing_runs(self):
        self.migrate("ensure-version")
        special = ONLY_SQLITE if self.dialect == "sqlite" else ONLY_POSTGRES
        self.revision("a", up="CREATE TABLE t (x INTEGER);")
        for name, content, place, says in MALFORMED + special:
            with self.subTest(name):
                if b"Revises: \n" in (content if isinstance(content, bytes) else content.encode()):
                    content = (content if isinstance(content, bytes) else content.encode()).replace(
                        b"Revises: \n", b"Revises: a\n")
                self.write("migrations/bad.sql", content)
                ran = self.refused("upgrade", "heads", status=3, says="migrations/bad.sql", hint=name != "a key twice")
                self.assertIncludes(ran.err.split("\n")[0], "bad.sql:" + (place or ""),
                                    *([says] if isinstance(says, str) else []))
                self.assertIncludes(ran.err, *([says] if isinstance(says, str) else says))

    def test_a_graph_that_is_none_is_refused_by_every_verb(self):
        self.migrate("ensure-version")
        for name, files, says, leaves_out in GRAPHS:
            with self.subTest(name):
                shutil.rmtree(self.path("migrations"))
                for i, (rev, revises, depends, labels) in enumerate(files):
                    self.revision(rev, revises, depends=depends, labels=labels, name="%d.sql" % i,
                                  up="CREATE TABLE t%d (x INTEGER);" % i)
                ran = self.refused("upgrade", "heads", status=3, says=says)
                self.assertLeavesOut(ran.err, *leaves_out)
                self.refused("history", status=3, says=says)
                self.refused("stamp", "heads", status=3, says=says)
                self.refused("revision", "-m", "x", status=3, says=says)
                found = self.migrate("check", status=1)
                self.assertIncludes(found.out + found.err, *says)

    def test_an_id_longer_than_the_column_runs_nothing(self):
        self.revision("short", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")
        self.revision("i" * 33, up="CREATE TABLE u (x INTEGER);", down="DROP TABLE u;")
        self.refused("upgrade", status=3, says=["i" * 33, "32"])
        self.assertEqual(self.objects(), [])
        self.refused("stamp", "head", status=3, says=["i" * 33, "32"])
        self.migrate("upgrade", "short")
        self.refused("upgrade", status=3, says=["i" * 33, "32"])

    def test_a_wider_column_takes_a_longer_id(self):
        self.execute("CREATE TABLE alembic_version (version_num VARCHAR(64) NOT NULL PRIMARY KEY)")
        self.revision("i" * 33, up="CREATE TABLE u (x INTEGER);")
        self.migrate("upgrade")
        self.assertEqual(self.query("SELECT version_num FROM alembic_version"), [("i" * 33,)])

    def test_width_counts_characters(self):
        self.revision("ü" * 32, up="CREATE TABLE u (x INTEGER);")
        self.migrate("upgrade")
        self.assertEqual(self.query("SELECT version_num FROM alembic_version"), [("ü" * 32,)])


@on_both_databases
class Accepted(Snapshots):
    """What editors and other systems do to files, and does no harm."""

    def test_line_ends_and_marks_do_not_matter(self):
        plain = file_of("a", body="-- migrate:upgrade\nCREATE TABLE t (x TEXT);\nINSERT INTO t VALUES ('ü');\n"
                                  "-- migrate:downgrade\nDROP TABLE t;\n")
        oid = hashlib.sha1(b"blob %d\0" % len(plain.encode()) + plain.encode()).hexdigest()
        for name, content, same in [("LF", plain.encode(), True),
                                    ("CRLF", plain.replace("\n", "\r\n").encode(), True),
                                    ("a byte order mark", b"\xef\xbb\xbf" + plain.encode(), None),
                                    ("no final newline", plain.rstrip("\n").encode(), False)]:
            with self.subTest(name):
                self.write("migrations/a.sql", content)
                self.migrate("upgrade")
                self.assertEqual(self.query("SELECT x FROM t"), [("ü",)])
                kept = self.query("SELECT script_oid FROM migrate_history ORDER BY id DESC LIMIT 1")[0][0]
                if same is not None:
                    self.assertEqual(kept == oid, same, name)
                self.migrate("check", "--database")
                self.migrate("downgrade", "base")

    def test_a_crlf_checkout_of_an_applied_file_is_not_edited(self):
        path = self.revision("a", up="CREATE TABLE t (x TEXT);", down="DROP TABLE t;")
        self.migrate("upgrade")
        with open(path, "rb") as file:
            content = file.read()
        self.write(path, content.replace(b"\n", b"\r\n"))
        self.migrate("check", "--database")

    def test_an_empty_section_is_a_deliberate_nothing(self):
        self.revision("a", up="", down="")
        self.migrate("upgrade")
        self.migrate("downgrade", "base")


@on_both_databases
class Identifiers(Snapshots):
    """Identifiers that nothing, or too much, answers to. Five different messages."""

    def setUp(self):
        super().setUp()
        self.revision("abc100", (), labels="left", up="CREATE TABLE t1 (x INTEGER);", down="DROP TABLE t1;")
        self.revision("abc200", up="CREATE TABLE t2 (x INTEGER);", down="DROP TABLE t2;")
        self.revision("def100", (), labels="right", up="CREATE TABLE t3 (x INTEGER);", down="DROP TABLE t3;")

    def test_several_heads_need_a_choice(self):
        ran = self.refused("upgrade", status=3, says=["abc200", "def100", "heads", "@head"])
        self.assertIncludes(ran.err, "left", "right")
        self.refused("revision", "-m", "x", status=3, says=["abc200", "def100"])
        self.refused("upgrade", "head", "--sql", status=3, says=["abc200", "def100"])
        self.assertEqual(self.migrate_json("upgrade", status=3)["error"]["code"], "multiple_heads")

    def test_unknown_ambiguous_and_off_branch(self):
        for target, code, says in [("nope", "unknown_revision", ["nope"]),
                                   ("abd100", "unknown_revision", ["abd100", "abc100"]),  # did you mean
                                   ("abc", "ambiguous", ["abc", "abc100", "abc200"]),
                                   ("nope@head", "unknown_branch", ["nope"]),
                                   ("right@abc100", "not_on_branch", ["abc100", "right"])]:
            for verb in "upgrade", "downgrade", "stamp":
                with self.subTest(target=target, verb=verb):
                    self.refused(verb, target, status=3, says=says)
                    self.assertEqual(self.migrate_json(verb, target, status=3)["error"]["code"], code)
            with self.subTest(target=target, verb="show"):
                self.refused("show", target, status=3, says=says)

    def test_relative_ones_that_walk_too_far_or_nowhere(self):
        self.migrate("upgrade", "left@head")
        for verb, target in [("upgrade", "+0"), ("upgrade", "left@+5"), ("downgrade", "left@-3"), ("downgrade", "-0")]:
            with self.subTest(target):
                self.refused(verb, target, status=3, says=target)

    def test_targets_that_do_not_parse(self):
        self.migrate("upgrade", "left@head")
        for target in "@", "a@b@c", "+x", "a b", "a:b:c", "", "abc100+99999999999999999999":
            with self.subTest(target):
                self.refused("upgrade", target, status=None, says='"%s"' % target)
                self.assertIn(self.migrate("upgrade", target, status=None).status, (2, 3))

    def test_version_rows_that_no_file_has(self):
        self.migrate("ensure-version")
        self.execute("INSERT INTO alembic_version VALUES ('%s')" % MISSING)
        self.refused("upgrade", "heads", status=3, says=MISSING)
        self.refused("downgrade", "base", status=3, says=MISSING)
        self.refused("stamp", "abc100", status=3, says=MISSING)
        self.assertEqual(self.migrate_json("upgrade", "heads", status=3)["error"]["code"], "unknown_row")
        self.assertIncludes(self.migrate("check", "--database", status=1).out, MISSING)
        self.migrate("stamp", "--purge", "abc100")
        self.assertEqual(self.query("SELECT version_num FROM alembic_version"), [("abc100",)])

    def test_an_empty_folder_is_an_error_where_there_are_rows_and_a_warning_where_not(self):
        os.mkdir(self.path("empty"))
        ran = self.migrate("-d", "empty", "upgrade")
        self.assertIncludes(ran.err, "warning: ", "empty")
        self.migrate("upgrade", "abc100")
        self.refused("-d", "empty", "upgrade", status=3, says="abc100")


# --- what the database refuses ----------------------------------------------------------------------------------------


@on_both_databases
class Refused(Snapshots):
    """A statement that the database does not accept."""

    def test_in_the_middle_of_a_revision_takes_the_whole_revision_back(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER PRIMARY KEY);\nINSERT INTO t VALUES (1);\n"
                              "INSERT INTO t VALUES (1);\nCREATE TABLE u (x INTEGER);")
        ran = self.migrate("upgrade", status=4)
        self.assertIncludes(ran.err, "error: migrations/a.sql:10:1: ", "   10 | INSERT INTO t VALUES (1);", "^")
        self.assertIncludes(ran.err, "a was rolled back; the database is at base")
        self.assertFalse({"t", "u"} & {name for _, name in self.objects()})
        self.assertEqual(self.migrate_json("current")["revisions"], [])

    def test_in_the_middle_of_a_run_leaves_what_came_before(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")
        self.revision("b", up="CREATE TABLE u (x INTEGER);\nCREATE TABLE u (x INTEGER);", down="DROP TABLE u;")
        self.revision("c", up="CREATE TABLE v (x INTEGER);", down="DROP TABLE v;")
        said = self.migrate_json("upgrade", status=4)
        self.assertEqual([(step["revision"], step["status"]) for step in said["steps"]],
                         [("a", "applied"), ("b", "failed"), ("c", "skipped")])
        self.assertEqual((said["to"], said["error"]["revision"], said["error"]["line"]), (["a"], "b", 9))
        self.assertEqual(self.query("SELECT version_num FROM alembic_version"), [("a",)])
        names = {name for _, name in self.objects()}
        self.assertTrue("t" in names and not {"u", "v"} & names, names)

    def test_a_column_is_pointed_at_where_the_database_knows_it(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);\nCREATE INDEX i ON t (x) WHERE y = 1;")
        ran = self.migrate("upgrade", status=4)
        self.assertIncludes(ran.err, "migrations/a.sql:9:")
        if self.dialect == "postgresql":
            self.assertIncludes(ran.err, "migrations/a.sql:9:31: ", "[42703]")

    def test_columns_count_characters(self):
        self.revision("a", up="SELECT 'üüü€😀', nothing;")
        ran = self.migrate("upgrade", status=4)
        self.assertIncludes(ran.err, "migrations/a.sql:8:17: ")


# --- files that cannot be written -------------------------------------------------------------------------------------


class Output(Snapshots, Case):
    """A stdout that takes nothing: exit 7, one clean message."""

    def setUp(self):
        super().setUp()
        for i in range(300):
            self.revision("r%d" % i, up="CREATE TABLE t%d (x INTEGER);" % i, down="DROP TABLE t%d;" % i)

    def test_a_full_disk_under_stdout(self):
        for words in ["history"], ["-u", "x.db", "upgrade", "--sql"], ["help", "--man"], ["completion", "bash"]:
            with self.subTest(words), open("/dev/full", "wb") as full:
                process = self.start(*words, stdout=full)
                _, err = process.communicate()
                self.assertEqual((process.returncode, err.count(b"error: ")), (7, 1), err)
                self.assertIncludes(err.decode(), "standard output", "No space left")
        self.assertFalse(os.path.exists(self.path("x.db")))

    def test_a_reader_that_went_away(self):
        for words in ["history"], ["-u", "x.db", "upgrade", "--sql"]:
            with self.subTest(words):
                reads, writes = os.pipe()
                process = self.start(*words, stdout=writes)
                os.close(writes)
                os.close(reads)
                _, err = process.communicate()
                self.assertEqual(process.returncode, 7, err)
                self.assertIncludes(err.decode(), "error: ", "Broken pipe")

    def test_a_run_that_nobody_reads_still_happens_and_says_it_was_not_told(self):
        with open("/dev/full", "wb") as full:
            process = self.start("-u", "x.db", "upgrade", "r0", stdout=full)
            _, err = process.communicate()
        self.assertEqual(process.returncode, 7, err)
        self.assertEqual(self.migrate_json("-u", "x.db", "current")["revisions"][0]["revision"], "r0")


class FullDisk(Snapshots, Case):
    """A small file system of its own, filled up."""

    def setUp(self):
        super().setUp()
        if not IS_ROOT:
            self.skipTest("only root can mount a small file system")
        self.small = tempfile.mkdtemp(prefix="migrate-small-")
        self.addCleanup(os.rmdir, self.small)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", self.small], check=False,
                                 stderr=subprocess.PIPE, text=True)
        if mounted.returncode != 0:
            self.skipTest("no tmpfs can be mounted here: " + mounted.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", self.small], check=False)

    def fill(self):
        with contextlib.suppress(OSError), open(os.path.join(self.small, "filler"), "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def test_sqlite_says_so_and_takes_the_revision_back(self):
        url = "sqlite:///%s/small.db" % self.small
        self.revision("a", up="CREATE TABLE t (x TEXT);", down="DROP TABLE t;")
        self.revision("b", up="CREATE TABLE u (x TEXT);\nWITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                              "WHERE i < 2000)\nINSERT INTO u SELECT hex(randomblob(400)) FROM n;", down="DROP TABLE u;")
        ran = self.migrate("-u", url, "upgrade", status=7)
        self.assertIncludes(ran.err, "error: ", "full")
        at = self.migrate_json("-u", url, "current")["revisions"]
        self.assertEqual([r["revision"] for r in at], self.said(ran))

    def said(self, ran):
        """What the message says about where the database is."""
        self.assertRegex(ran.err, r"the database is at (a|base)\b")
        return ["a"] if "the database is at a" in ran.err else []

    def test_a_new_revision_leaves_no_half_file(self):
        folder = os.path.join(self.small, "migrations")
        os.mkdir(folder)
        self.fill()
        ran = self.migrate("-d", folder, "revision", "-m", "x" * 40, status=7)
        self.assertIncludes(ran.err, "error: ", "No space left")
        self.assertEqual(os.listdir(folder), [])

    def test_init_leaves_nothing_half_done(self):
        self.fill()
        ran = self.migrate("init", status=7, folder=self.small)
        self.assertIncludes(ran.err, "error: ", "No space left")
        self.assertEqual(os.listdir(self.small), ["filler"])


class SqliteFiles(Snapshots, Case):
    """SQLite paths that are no database."""

    def setUp(self):
        super().setUp()
        self.revision("a", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")

    def test_a_folder_where_the_database_should_be(self):
        os.mkdir(self.path("dir.db"))
        self.refused("-u", "dir.db", "upgrade", status=7, says=["dir.db", "folder"], hint=False)

    def test_a_folder_that_is_not_there(self):
        self.refused("-u", "sqlite:///absent/x.db", "upgrade", status=None, says="absent/x.db", hint=False)

    def test_a_file_that_is_no_database(self):
        self.write("x.db", "this is no database at all, and longer than a header of one hundred bytes would be" * 5)
        self.refused("-u", "x.db", "upgrade", status=None, says="x.db", hint=False)

    def test_reading_makes_no_file(self):
        for words in ["current"], ["check", "--database"], ["upgrade", "--dry-run"], ["history", "-i"]:
            with self.subTest(words):
                before = self.files()
                self.migrate("-u", "x.db", *words)
                self.assertEqual(self.files(), before)

    def test_mode_ro_is_kept_to(self):
        self.migrate("-u", "x.db", "ensure-version")
        self.refused("-u", "sqlite:///x.db?mode=ro", "upgrade", status=6, says="x.db")
        self.migrate("-u", "sqlite:///x.db?mode=ro", "current")
        self.refused("-u", "sqlite:///absent.db?mode=ro", "upgrade", status=None, says="absent.db")

    def test_a_file_that_is_read_only_for_everybody(self):
        self.migrate("-u", "x.db", "ensure-version")
        subprocess.run(["chattr", "+i", self.path("x.db")], check=False, stderr=subprocess.DEVNULL)
        self.addCleanup(subprocess.run, ["chattr", "-i", self.path("x.db")], check=False, stderr=subprocess.DEVNULL)
        try:
            with open(self.path("x.db"), "r+b"):
                self.skipTest("this file system has no immutable files")
        except PermissionError:
            self.refused("-u", "x.db", "upgrade", status=6, says="x.db")


# --- rights on PostgreSQL ---------------------------------------------------------------------------------------------


class Rights(Snapshots, Postgres, Case):
    """A role that may not do what has to be done."""

    def setUp(self):
        super().setUp()
        self.revision("a", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")
        self.role = "role_" + self.database
        psql(self.url, "CREATE ROLE %s LOGIN PASSWORD 'secret-word'" % self.role)
        self.addCleanup(psql, POSTGRES, "DROP ROLE " + self.role)
        self.addCleanup(psql, self.url, "DROP OWNED BY " + self.role)
        psql(self.url, "REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO " + self.role)
        at = self.url.split("://", 1)[1].split("@", 1)[1]
        self.as_role = {"MIGRATE_DATABASE_URL": "postgresql://%s:secret-word@%s" % (self.role, at)}

    def test_a_role_that_may_not_create_in_the_schema(self):
        ran = self.refused("upgrade", status=6, says=["public", "42501"], environment=self.as_role)
        self.assertLeavesOut(ran.err, "secret-word")
        self.refused("ensure-version", status=6, says=["public", "42501"], environment=self.as_role)

    def test_a_role_without_rights_on_the_version_table(self):
        self.migrate("upgrade")
        self.refused("current", status=6, says=["alembic_version", "42501"], environment=self.as_role)
        self.refused("downgrade", "base", status=6, says=["alembic_version", "42501"], environment=self.as_role)

    def test_a_role_that_may_read_the_version_table_but_not_write_it(self):
        self.migrate("ensure-version")
        psql(self.url, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO %s; GRANT CREATE ON SCHEMA public TO %s"
             % (self.role, self.role))
        self.migrate("current", environment=self.as_role)
        ran = self.migrate("upgrade", status=6, environment=self.as_role)
        self.assertIncludes(ran.err, "error: ", "permission denied", "42501", "hint: ")
        self.assertEqual(self.query("SELECT * FROM alembic_version"), [])
        self.assertNotIn(("table", "t"), self.objects())

    def test_a_script_that_may_not_is_refused_with_its_place(self):
        psql(self.url, "GRANT CREATE ON SCHEMA public TO %s; CREATE TABLE not_theirs (x INTEGER)" % self.role)
        self.revision("b", up="ALTER TABLE not_theirs ADD y INTEGER;")
        ran = self.migrate("upgrade", status=None, environment=self.as_role)
        self.assertIncludes(ran.err, "migrations/b.sql:8:", "42501", "not_theirs", "the database is at a")
        self.assertIn(ran.status, (4, 6))

    def test_a_wrong_password_an_unknown_role_and_an_unknown_database(self):
        at = self.url.split("://", 1)[1].split("@", 1)[1]
        for url, code, says in [("postgresql://%s:hunter2@%s" % (self.role, at), "authentication", self.role),
                                ("postgresql://nobody_here:hunter2@" + at, "authentication", "nobody_here"),
                                (postgres_url("absent_database"), "no_such_database", "absent_database")]:
            with self.subTest(code):
                ran = self.refused("upgrade", status=6, says=says, environment={"MIGRATE_DATABASE_URL": url})
                self.assertLeavesOut(ran.err, "hunter2", "throw-away")
                said = self.migrate_json("upgrade", status=6, environment={"MIGRATE_DATABASE_URL": url})
                self.assertEqual(said["error"]["code"], code)

    def test_a_server_that_is_not_there(self):
        self.refused("upgrade", status=10, says="127.0.0.1",
                     environment={"MIGRATE_DATABASE_URL": "postgresql://app:hunter2@127.0.0.1:1/kitchen"})


@on_both_databases
class NoHistory(Snapshots):
    """history_table = none."""

    def test_the_version_table_alone_is_kept(self):
        self.write("migrate.ini", "[migrate]\nscript_location = migrations\nhistory_table = none\n")
        self.revision("a", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")
        self.revision("b", up="CREATE TABLE t (x INTEGER);", down="")
        self.migrate("upgrade", status=4)
        self.migrate("check", "--database")
        self.assertEqual({name for kind, name in self.objects() if kind == "table"}, {"alembic_version", "t"})
        self.migrate("downgrade", "base")
        self.migrate("stamp", "b")
        self.assertEqual({name for kind, name in self.objects() if kind == "table"}, {"alembic_version"})

    def test_a_history_table_named_like_the_version_table_is_refused(self):
        self.write("migrate.ini", "[migrate]\nscript_location = migrations\nhistory_table = alembic_version\n")
        self.revision("a", up="CREATE TABLE t (x INTEGER);")
        self.refused("upgrade", status=2, says="alembic_version", hint=False)


if __name__ == "__main__":
    main()
