"""Locks that others hold, and locks that are left behind: a long reader before an ALTER, a killed migrator, a pooler."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from harness import POSTGRES, SECONDS, Case, Postgres, free_port, main, postgres_program

ADVISORY = ("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())")


class Reader:
    """A transaction that has read the table t and stays open, under an application name."""

    def __init__(self, url, name):
        self.process = subprocess.Popen([postgres_program("psql"), "-XqAt", "-d", url], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, env={"PGAPPNAME": name, "PATH": os.environ["PATH"]})
        self.process.stdin.write(b"BEGIN;\nSELECT count(*) FROM t;\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def end(self):
        if self.process.poll() is None:
            self.process.communicate(b"COMMIT;\n", timeout=SECONDS)


class Blocked(Postgres, Case):
    def setUp(self):
        super().setUp()
        self.revision("a", up="CREATE TABLE t (x INTEGER);")
        self.migrate("upgrade")
        self.revision("b", up="ALTER TABLE t ADD y INTEGER;")
        self.reader = Reader(self.url, "monthly report")
        self.addCleanup(self.reader.end)

    def test_other_readers_are_served_within_lock_timeout_and_the_blocker_is_named(self):
        process = self.start("upgrade", "--lock-retries=0", environment={"DB_LOCK_TIMEOUT": "2500"})
        slowest = 0.0
        while process.poll() is None:
            before = time.monotonic()
            self.query("SELECT count(*) FROM t")
            slowest = max(slowest, time.monotonic() - before)
        err = process.communicate()[1].decode()
        self.assertEqual(process.returncode, 12, err)
        self.assertIncludes(err, "monthly report", "idle in transaction since 20", "SELECT count(*) FROM t", "55P03")
        self.assertGreater(slowest, 1, "they should have queued behind the ALTER")
        self.assertLess(slowest, 4)
        self.assertEqual(self.query("SELECT version_num FROM alembic_version"), [("a",)])

    def test_it_goes_on_when_the_reader_has_finished(self):
        process = self.start("upgrade", environment={"DB_LOCK_TIMEOUT": "1500"})
        time.sleep(2)
        self.reader.end()
        out, err = process.communicate(timeout=SECONDS)
        self.assertEqual(process.returncode, 0, err.decode())
        self.assertIncludes(err.decode(), "monthly report")
        self.assertEqual(self.query("SELECT version_num FROM alembic_version"), [("b",)])
        self.assertEqual(self.query("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%watching%' "
                                    "AND datname = current_database()"), [("0",)])


class Killed(Postgres, Case):
    def test_a_killed_migrator_frees_the_lock_within_seconds(self):
        self.revision("a", up="SELECT pg_sleep(60);")
        process = self.start("upgrade")
        deadline = time.monotonic() + SECONDS
        while self.query("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                         "query LIKE 'SELECT pg_sleep(60)%'") != [("1",)]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        self.assertEqual(self.query(ADVISORY), [("1",)], "the server has not noticed yet")
        self.revision("a", revises=(), up="CREATE TABLE t (x INTEGER);")
        before = time.monotonic()
        self.migrate("upgrade", "--lock-wait=30s")
        self.assertLess(time.monotonic() - before, 12)
        self.assertEqual(self.query(ADVISORY), [("0",)])


@unittest.skipUnless(shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin"), "there is no pgbouncer")
class Pooled(Postgres, Case):
    def pool(self, mode):
        """Starts a pgbouncer before the test's database; the environment then names it."""
        user, password, host, port = re.search(r"//([^:]+):([^@]+)@([^:/]+):(\d+)", POSTGRES).groups()
        folder = tempfile.mkdtemp(prefix="migrate-pool-", dir="/tmp")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        listens = free_port()
        with open(os.path.join(folder, "pool.ini"), "w", encoding="utf-8") as file:
            file.write("[databases]\n%s = host=%s port=%s user=%s password=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
                       "listen_port = %d\nauth_type = any\npool_mode = %s\ndefault_pool_size = 3\nunix_socket_dir =\n"
                       % (self.database, host, port, user, password, listens, mode))
        os.chmod(folder, 0o755)
        account = ["runuser", "-u", "nobody", "--"] if os.getuid() == 0 else []
        pooler = subprocess.Popen(account + [shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin"), "-q",
                                             os.path.join(folder, "pool.ini")], stderr=subprocess.DEVNULL)
        self.addCleanup(pooler.wait)
        self.addCleanup(pooler.terminate)
        self.environment["MIGRATE_DATABASE_URL"] = "postgresql://%s:x@127.0.0.1:%d/%s" % (user, listens, self.database)
        self.migrate("wait", "--wait=30s")

    def setUp(self):
        super().setUp()
        for i in range(3):
            self.revision("r%d" % i, up="CREATE TABLE t%d (x INTEGER);" % i)

    def test_one_that_pools_transactions_gives_no_lock_and_leaves_none(self):
        self.pool("transaction")
        for process in [self.start("upgrade") for _ in range(4)]:
            err = process.communicate(timeout=SECONDS)[1].decode()
            self.assertEqual(process.returncode, 6, err)
            self.assertIncludes(err, "pooler", "MIGRATE_DATABASE_URL")
        self.assertEqual(self.migrate_json("upgrade", status=6)["error"]["code"], "pooler")
        self.assertEqual(self.query(ADVISORY), [("0",)])
        self.assertEqual(self.objects(), [])
        self.migrate("current")

    def test_one_that_pools_sessions_is_taken_at_the_configurations_word(self):
        self.pool("session")
        self.migrate("upgrade", status=6)
        self.write("migrate.ini", "[migrate]\nscript_location = migrations\npooler = session\n")
        self.migrate("upgrade")
        self.assertEqual(self.query("SELECT version_num FROM alembic_version"), [("r2",)])
        self.assertEqual(self.query(ADVISORY), [("0",)])


if __name__ == "__main__":
    main()
