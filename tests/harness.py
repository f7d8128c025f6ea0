"""What every black-box test stands on: the built binary in a clean environment, a throw-away folder, a fresh database.

A test is a class derived from Case (no database), or one written once and run on both databases:

    from harness import main, on_both_databases

    @on_both_databases
    class Upgrade:
        def test_applies_what_is_missing(self):
            self.revision("a", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")
            self.migrate("upgrade", "head")
            self.assertEqual(self.query("SELECT count(*) FROM t"), [("0",)])

    if __name__ == "__main__":
        main()

The environment says what to test with:
    MIGRATE_BINARY              the binary (default: build-dev/migrate)
    MIGRATE_TEST_POSTGRES       URL of a superuser's database; each test creates its own beside it. Unset: SKIP
    MIGRATE_TEST_POSTGRES_BIN   the server's bin folder, where a psql is looked for first
Values that come out of query() are strings on both databases, and NULL is None, so that one expectation serves both.
"""

import contextlib
import functools
import glob
import itertools
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.path.abspath(os.environ.get("MIGRATE_BINARY", os.path.join(ROOT, "build-dev", "migrate")))
POSTGRES = os.environ.get("MIGRATE_TEST_POSTGRES", "")
POSTGRES_BIN = os.environ.get("MIGRATE_TEST_POSTGRES_BIN", "")
SKIPPED = 77  # what CTest takes for a skipped test
SECONDS = float(os.environ.get("MIGRATE_TEST_SECONDS", "120"))  # no run of the tool may take longer

# What may come in from outside: nothing that names a database, a config or a locale.
_KEPT = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "LLVM_PROFILE_FILE")
_SANITIZER = re.compile(r"ERROR: (Address|Leak|Undefined)\w*Sanitizer|runtime error: |==\d+==ERROR")
_serial = itertools.count(1)
# Passwords that tests connect with, that of their common role first: no run of the tool may ever say one.
PASSWORDS = {urllib.parse.unquote(urllib.parse.urlsplit(POSTGRES).password or "")} - {""}


class Ran:
    """One finished run of a program: status (negative: the signal that ended it), out and err as text."""

    def __init__(self, command, status, out, err):
        self.command, self.status = command, status
        self.bytes = out
        self.out, self.err = out.decode("utf-8", "replace"), err.decode("utf-8", "replace")

    @property
    def json(self):
        """stdout as the one JSON object it must be."""
        return json.loads(self.out)

    def __str__(self):
        return "$ %s\nstatus %d\n--- stdout\n%s--- stderr\n%s" % (" ".join(self.command), self.status, self.out,
                                                                    self.err)


class Process(subprocess.Popen):
    """A Popen that remembers what it has heard, so that at its end that can be held to what no run may say."""

    def __init__(self, command, **options):
        self.heard = b""
        super().__init__(command, **options)

    def communicate(self, *arguments, **options):
        out, err = super().communicate(*arguments, **options)
        self.heard += (out or b"") + (err or b"")
        return out, err

    def err_line(self):
        """The next line of its stderr, and not a byte more, so that communicate() has the rest."""
        line = b""
        while not line.endswith(b"\n") and (byte := os.read(self.stderr.fileno(), 1)):
            line += byte
        self.heard += line
        return line.decode("utf-8", "replace")

    def hear_out(self):
        """Reads what nobody has read; of what a child of its own may still say it does not wait for."""
        for stream in self.stdout, self.stderr:
            if stream is not None and not stream.closed:
                os.set_blocking(stream.fileno(), False)
                self.heard += stream.read() or b""

    def end(self):
        """Killed, if it still runs; fails if it has said what no run may say."""
        if self.poll() is None:
            self.kill()
        self.wait()
        self.hear_out()
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        check_said(Ran(self.args, self.returncode, b"", self.heard))


def check_said(ran):
    """Fails if the run has said what none may say: a password that tests connect with, or a sanitizer's report."""
    if any(password in ran.out or password in ran.err for password in PASSWORDS):
        raise AssertionError("a password stands in what it said:\n%s" % ran)
    if _SANITIZER.search(ran.err):
        raise AssertionError("a sanitizer spoke up:\n%s" % ran)


class Case(unittest.TestCase):
    """A test in a folder of its own, with a migrate.ini that says `script_location = migrations`.

    self.folder       the folder; the tool runs there, and HOME is there too
    self.environment  what the tool's environment gets besides PATH; a database adds MIGRATE_DATABASE_URL
    """

    maxDiff = None
    dialect = None

    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="migrate-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.chmod(self.folder, 0o755)  # a server that runs as another user may be asked to look in
        self.environment = {"HOME": self.folder, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        self._minute = 0
        self._last = None
        self.write("migrate.ini", "[migrate]\nscript_location = migrations\n")
        os.mkdir(self.path("migrations"))

    # --- files ---

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        """Writes a file below the folder, making what folders it needs; answers its path. text: str or bytes."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode("utf-8"))
        return path

    def read(self, name):
        with open(self.path(name), encoding="utf-8", newline="") as file:
            return file.read()

    def revision(self, rev, revises=None, up="", down="", message=None, depends=(), labels=(), created=None,
                 body=None, name=None, folder="migrations"):
        """Writes the revision file `rev` and answers its path.

        revises: one id, several, or () for a base; left out, the revision written before this one. up and down: SQL of
        the plain sections, None for no section at all. body: everything below the header instead of up and down.
        Create dates go up by a minute from file to file, so that the order written is the order run.
        """
        if revises is None:
            revises = () if self._last is None else (self._last,)
        if body is None:
            body = "".join("-- migrate:%s\n%s\n\n" % (section, sql.strip("\n"))
                           for section, sql in (("upgrade", up), ("downgrade", down)) if sql is not None)
        self._last = rev
        self._minute += 1
        when = "2026-01-%02d %02d:%02d" % (1 + self._minute // 1440, self._minute // 60 % 24, self._minute % 60)
        lines = [message or "revision " + rev, "", "Revision ID: " + rev, "Revises: " + _commas(revises)]
        lines += ["Branch Labels: " + _commas(labels)] if labels else []
        lines += ["Depends On: " + _commas(depends)] if depends else []
        lines += ["Create Date: " + (created or when + ":00+00:00")]
        header = "".join(("-- " + line).rstrip() + "\n" for line in lines)
        return self.write(os.path.join(folder, name or rev + ".sql"), header + "\n" + body)

    # --- the tool ---

    def migrate(self, *arguments, status=0, environment=None, stdin=b"", folder=None):
        """Runs the binary and fails unless it exits with `status` (None: whatever). Answers the Ran."""
        command = [BINARY, *map(str, arguments)]
        process = self.start(*arguments, environment=environment, folder=folder)
        try:
            out, err = process.communicate(stdin, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            self.fail("still running after %g s: %s" % (SECONDS, Ran(command, -signal.SIGKILL, out, err)))
        ran = Ran(command, process.returncode, out, err)
        check_said(ran)
        if status is not None and ran.status != status:
            self.fail("expected status %d, got %d:\n%s" % (status, ran.status, ran))
        return ran

    def migrate_json(self, *arguments, **options):
        """The same with --format json; answers the object."""
        return self.migrate(*arguments, "--format", "json", **options).json

    def start(self, *arguments, program=BINARY, environment=None, folder=None, **options):
        """Starts the binary and answers the Process, for tests that meddle with it while it runs. Ended with the test.

        program: another place it is to be started from."""
        process = Process([program, *map(str, arguments)], cwd=folder or self.folder, env=self.clean(environment),
                          **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
                             "preexec_fn": _heed_interrupts, **options})
        self.addCleanup(process.end)
        return process

    def at_terminal(self, answer, *arguments):
        """The binary on a terminal, its question answered so. Answers the status and what the terminal showed."""
        terminal, theirs = pty.openpty()
        process = self.start(*arguments, stdin=theirs, stderr=theirs, stdout=subprocess.DEVNULL)
        os.close(theirs)
        shown, answered = b"", False
        with contextlib.suppress(OSError):  # which is how a terminal ends
            while select.select([terminal], [], [], SECONDS)[0] and (piece := os.read(terminal, 4096)):
                shown += piece
                if not answered and b"[y/N]" in shown:
                    os.write(terminal, answer)
                    answered = True
        os.close(terminal)
        return process.wait(SECONDS), shown.decode()

    def clean(self, more=None):
        """The environment of a run: what is needed from ours, self.environment, and `more` (None as value: unset)."""
        merged = {name: os.environ[name] for name in _KEPT if name in os.environ}
        merged.update(self.environment)
        merged.update(more or {})
        return {name: value for name, value in merged.items() if value is not None}

    # --- saying what was expected ---

    def assertIncludes(self, text, *parts):
        for part in parts:
            self.assertTrue(part in text, "expected %r in what it said, got:\n%s" % (part, text))

    def assertLeavesOut(self, text, *parts):
        for part in parts:
            self.assertFalse(part in text, "expected no %r in what it said, got:\n%s" % (part, text))


class Sqlite:
    """The database of a test, as SQLite: self.url, self.database (its path), query(), execute()."""

    dialect = "sqlite"

    def setUp(self):
        super().setUp()
        self.database = self.path("test.db")
        self.url = "sqlite:///" + self.database
        self.environment["MIGRATE_DATABASE_URL"] = self.url

    def query(self, sql):
        connection = sqlite3.connect(self.database, timeout=30)
        try:
            return [tuple(None if value is None else str(value) for value in row)
                    for row in connection.execute(sql).fetchall()]
        finally:
            connection.close()

    def execute(self, sql):
        """Runs a script of statements in one go."""
        connection = sqlite3.connect(self.database, timeout=30)
        try:
            connection.executescript(sql)
        finally:
            connection.close()

    def objects(self):
        """What the schema holds, [(type, name)], sorted; SQLite's own left out."""
        return self.query("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
                          "ORDER BY 1, 2")


class Postgres:
    """The same as PostgreSQL: a database of its own on the server that MIGRATE_TEST_POSTGRES names."""

    dialect = "postgresql"

    @classmethod
    def setUpClass(cls):
        if not POSTGRES:
            raise unittest.SkipTest("MIGRATE_TEST_POSTGRES is not set: no PostgreSQL to test with")
        super().setUpClass()

    def setUp(self):
        super().setUp()
        self.database = "migrate_%d_%d" % (os.getpid(), next(_serial))
        psql(POSTGRES, "CREATE DATABASE " + self.database)
        self.addCleanup(drop_database, self.database)
        self.url = postgres_url(self.database)
        self.environment["MIGRATE_DATABASE_URL"] = self.url

    def query(self, sql):
        return psql(self.url, sql)

    def execute(self, sql):
        psql(self.url, sql)

    def objects(self):
        """What the schemas hold, [(type, name)], sorted; PostgreSQL's own left out."""
        return self.query("""
            SELECT CASE relkind WHEN 'r' THEN 'table' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence'
                                WHEN 'v' THEN 'view' ELSE relkind::text END, relname
            FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
            WHERE nspname !~ '^(pg_|information_schema)'
            UNION ALL SELECT 'function', proname FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace
            WHERE nspname !~ '^(pg_|information_schema)'
            UNION ALL SELECT 'type', typname FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace
            WHERE nspname !~ '^(pg_|information_schema)' AND typrelid = 0 AND typelem = 0
            ORDER BY 1, 2""")


def on_both_databases(story):
    """Class decorator: makes STORY a test on SQLite (STORYOnSqlite) and on PostgreSQL (STORYOnPostgres)."""
    module = sys.modules[story.__module__]
    for database in (Sqlite, Postgres):
        name = story.__name__ + "On" + database.__name__
        made = type(name, (story, database, Case), {"__module__": story.__module__, "__doc__": story.__doc__})
        made.__qualname__ = name
        setattr(module, name, made)
    return story


def needs_postgres(test):
    """Decorator of a test or a class that asks for the server by itself."""
    return unittest.skipUnless(POSTGRES, "MIGRATE_TEST_POSTGRES is not set: no PostgreSQL to test with")(test)


def postgres_url(database, **parameters):
    """The test server's URL with another database, and more query parameters."""
    head, _, query = re.match(r"(\w+://[^/?]*)(/[^?]*)?\??(.*)", POSTGRES).groups()
    query = "&".join([query] * bool(query) + ["%s=%s" % item for item in parameters.items()])
    return head + "/" + database + ("?" + query if query else "")


def psql(url, sql):
    """Runs SQL through psql, each statement by itself; answers the rows of the one SELECT in it, as str or None."""
    command = [postgres_program("psql"), "-XqAt", "-F", "\x1f", "-R", "\x1e", "-P", "null=\x1d",
               "-v", "ON_ERROR_STOP=1", "-d", url, "-f", "-"]
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8",
                   "PGOPTIONS": "-c client_min_messages=warning"}
    ran = subprocess.run(command, input=sql.encode("utf-8"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         timeout=SECONDS, check=False, env=environment)
    if ran.returncode != 0:
        raise AssertionError("psql refused %s\n%s" % (sql, ran.stderr.decode("utf-8", "replace")))
    out = ran.stdout.decode("utf-8")
    rows = out[:-1].split("\x1e") if out else []  # a newline ends the last row
    return [tuple(None if value == "\x1d" else value for value in row.split("\x1f")) for row in rows]


def drop_database(database):
    """Drops a database of the test server, whoever is still connected. 14 and later have FORCE."""
    psql(POSTGRES, "DROP DATABASE IF EXISTS %s WITH (FORCE)" % database)


@functools.lru_cache(maxsize=None)
def postgres_program(name):
    """The path of psql, pg_dump ...: the server's own, else the newest installed (Debian's wrapper in PATH is slow)."""
    installed = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]), reverse=True)
    for folder in [POSTGRES_BIN] * bool(POSTGRES_BIN) + installed:
        if os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    found = shutil.which(name)
    if found is None:
        raise AssertionError("no %s is installed" % name)
    return found


def free_port():
    """A port of the loopback that nothing listens on, below those that connections get by themselves."""
    while True:
        port = random.randrange(20000, 32000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def main():
    """unittest.main() that tells CTest when nothing was tested at all, and looks into the server's log at the end."""
    log = ServerLog()
    program = unittest.main(module="__main__", verbosity=2, exit=False)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    log.check()
    for test, reason in result.skipped:
        print("SKIP %s: %s" % (test, reason))
    sys.exit(SKIPPED if 0 < len(result.skipped) and _tested(result) == 0 else 0)


class ServerLog:
    """What a server writes down from here on. (The tests' common one by other tests' doing, too, if several run at once.)"""

    def __init__(self, path=os.path.join(os.environ.get("MIGRATE_TEST_POSTGRES_SOCKET", ""), "server.log"), begin=None):
        self.path = path
        self.begin = begin if begin is not None or not os.path.exists(path) else os.path.getsize(path)

    def check(self):
        """Fails if it holds a password that tests connect with."""
        if not os.access(self.path, os.R_OK):
            return
        with open(self.path, "rb") as file:
            file.seek(self.begin or 0)
            lines = [line for line in file.read().decode("utf-8", "replace").split("\n")
                     if any(password in line for password in PASSWORDS)]
        if lines:
            raise AssertionError("a password stands in the server's log:\n" + "\n".join(lines))


def _tested(result):
    in_setup = sum(1 for test, _ in result.skipped if not isinstance(test, unittest.TestCase))
    return result.testsRun - (len(result.skipped) - in_setup)


def _commas(names):
    return names if isinstance(names, str) else ", ".join(names)


def _heed_interrupts():
    """A shell's background job, as these tests may be, has SIGINT ignored, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
