"""--backup: a way back that holds what the run began with, that is whole or not there, and without which nothing runs."""

import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import time

import harness
from harness import Case, Postgres, Sqlite, drop_database, main, on_both_databases, postgres_program, postgres_url, psql


def major(version):
    """"pg_dump (PostgreSQL) 15.18 (Debian ...)" -> 15."""
    return int(re.search(r"(\d+)", version.replace("(PostgreSQL)", ""))[1])


def dump_is_too_old():
    """A server from elsewhere may come without a pg_dump of its version, and pg_dump reads no newer server than itself."""
    said = subprocess.run([postgres_program("pg_dump"), "--version"], check=True, stdout=subprocess.PIPE).stdout.decode()
    return major(said) < major(psql(harness.POSTGRES, "SHOW server_version")[0][0])


class Backups:
    def setUp(self):
        super().setUp()
        if isinstance(self, Postgres) and dump_is_too_old():
            self.skipTest("the pg_dump that is installed is older than the server")
        self.backup = self.path("before.bak")
        self.revision("a", up="CREATE TABLE t (x INTEGER); INSERT INTO t VALUES (1), (2);", down="DROP TABLE t;")
        self.revision("b", up="CREATE TABLE u (x INTEGER);", down="DROP TABLE u;")

    def assertNothingWasMade(self, before):
        """No file came or went since `before`, which is what os.listdir() said; half-written ones are files too."""
        self.assertEqual(sorted(set(os.listdir(self.folder)) - {"test.db-wal", "test.db-shm"}),
                         sorted(set(before) - {"test.db-wal", "test.db-shm"}))

    def at(self):
        return self.query("SELECT version_num FROM alembic_version")


@on_both_databases
class Backup(Backups):
    def test_it_is_named_in_the_result_and_in_the_log(self):
        self.migrate("upgrade", "a")
        ran = self.migrate("upgrade", "--backup=" + self.backup, "--format", "json")
        self.assertEqual(ran.json["backup"], self.backup)
        self.assertIncludes(ran.err, "backup: " + self.backup)
        self.assertTrue(os.path.getsize(self.backup) > 0)
        self.assertEqual(self.migrate("downgrade", "a", "--format", "json").json["backup"], None)

    def test_nothing_to_do_makes_none(self):
        self.migrate("upgrade")
        before = os.listdir(self.folder)
        self.assertEqual(self.migrate("upgrade", "--backup=" + self.backup, "--format", "json").json["backup"], None)
        self.assertNothingWasMade(before)
        self.write("before.bak", "kept")
        self.migrate("upgrade", "--backup=" + self.backup)  # nor does it mind one that is there

    def test_a_dry_run_makes_none(self):
        self.migrate("upgrade", "a")
        before = os.listdir(self.folder)
        self.migrate("upgrade", "--dry-run", "--backup=" + self.backup)
        self.assertNothingWasMade(before)

    def test_a_downgrade_has_one_too(self):
        self.migrate("upgrade")
        self.migrate("downgrade", "-1", "--backup=" + self.backup)
        self.assertEqual(self.at(), [("a",)])
        self.assertTrue(os.path.getsize(self.backup) > 0)

    def test_a_file_that_is_there_is_never_overwritten(self):
        self.migrate("upgrade", "a")
        self.write("before.bak", "an older backup")
        before = os.listdir(self.folder)
        ran = self.migrate("upgrade", "--backup=" + self.backup, status=7)
        self.assertIncludes(ran.err, "before.bak", "exists already", "nothing was changed")
        self.assertEqual(self.read("before.bak"), "an older backup")
        self.assertEqual(self.at(), [("a",)])
        self.assertNothingWasMade(before)

    def test_a_place_that_cannot_be_written_stops_the_run(self):
        self.migrate("upgrade", "a")
        ran = self.migrate("upgrade", "--backup=" + self.path("no", "such", "place.bak"), status=7)
        self.assertIncludes(ran.err, "no/such/place.bak", "nothing was changed")
        self.assertEqual(self.at(), [("a",)])

    def test_what_an_earlier_run_left_half_written_is_replaced(self):
        self.migrate("upgrade", "a")
        self.write("before.bak.partial", "half")
        self.migrate("upgrade", "--backup=" + self.backup)
        self.assertFalse(os.path.exists(self.backup + ".partial"))

    def test_a_failing_revision_leaves_the_backup(self):
        self.migrate("upgrade", "a")
        self.revision("c", up="CREATE TABLE nonsense nonsense;")
        ran = self.migrate("upgrade", "--backup=" + self.backup, "--format", "json", status=4)
        self.assertEqual(ran.json["backup"], self.backup)
        self.assertTrue(os.path.exists(self.backup))

    def test_a_script_has_nothing_to_back_up(self):
        self.migrate("upgrade", "--sql", "--backup=" + self.backup, status=2)

    def test_data_without_a_backup_makes_no_sense(self):
        self.migrate("upgrade", "--backup-data", status=2)


class BackupOfAFile(Backups, Sqlite, Case):
    def dump(self, path):
        connection = sqlite3.connect(path)
        try:
            return list(connection.iterdump())
        finally:
            connection.close()

    def test_the_copy_is_what_the_run_began_with(self):
        self.migrate("upgrade", "a")
        self.execute("INSERT INTO t SELECT value FROM json_each('[3, 4, 5]')")
        original = self.dump(self.database)
        self.migrate("upgrade", "--backup=" + self.backup)
        self.assertEqual(self.dump(self.backup), original)
        self.assertNotEqual(self.dump(self.database), original)

    def test_without_a_name_it_stands_beside_the_file_with_the_time(self):
        self.migrate("upgrade", "a")
        made = self.migrate("upgrade", "--backup", "--format", "json").json["backup"]
        self.assertRegex(made, re.escape(self.database) + r"\.20\d{6}T\d{6}Z\.bak$")
        self.assertTrue(os.path.exists(made))

    def test_a_new_file_needs_none(self):
        ran = self.migrate("upgrade", "--backup", "--format", "json")
        self.assertEqual(ran.json["backup"], None)
        self.assertIncludes(ran.err, "no backup: the database is new")

    def test_what_is_only_in_the_wal_is_copied_too(self):
        self.migrate("upgrade", "a")
        reader = sqlite3.connect(self.database, isolation_level=None)
        self.addCleanup(reader.close)
        reader.execute("PRAGMA journal_mode = WAL")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM t").fetchall()  # keeps what is written now from being moved into the file
        self.execute("INSERT INTO t VALUES (77)")
        self.migrate("upgrade", "--backup=" + self.backup)
        self.assertIn('INSERT INTO "t" VALUES(77);', self.dump(self.backup))

    def test_a_large_file_is_copied_whole(self):
        self.migrate("upgrade", "a")
        self.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) "
                     "INSERT INTO t SELECT i FROM n")
        original = self.dump(self.database)
        self.migrate("upgrade", "--backup=" + self.backup)
        self.assertTrue(self.dump(self.backup) == original, "the copy is another")

    def test_nobody_may_read_it_who_may_not_read_the_database(self):
        self.migrate("upgrade", "a")
        os.chmod(self.database, 0o600)
        self.migrate("upgrade", "--backup=" + self.backup)
        self.assertEqual(stat.S_IMODE(os.stat(self.backup).st_mode), 0o600)

    def test_a_database_in_memory_has_no_file(self):
        self.migrate("--url", "sqlite://", "upgrade", "--backup", status=2)

    def test_a_disk_that_is_full_stops_the_run(self):
        self.migrate("upgrade", "a")
        self.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
                     "INSERT INTO t SELECT i FROM n")
        # A file may grow to half of what the copy needs.
        limit = "ulimit -f %d; exec \"$@\"" % (os.path.getsize(self.database) // 2 // 1024)
        ran = subprocess.run(["bash", "-c", limit, "bash", harness.BINARY, "upgrade", "--backup=" + self.backup],
                             cwd=self.folder, env=self.clean(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             check=False, preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN))
        self.assertEqual(ran.returncode, 7, ran.stderr)
        self.assertIncludes(ran.stderr.decode(), "could not be copied", "nothing was changed")
        self.assertEqual(self.at(), [("a",)])
        self.assertEqual([name for name in os.listdir(self.folder) if "bak" in name], [])


class BackupOfAServer(Backups, Postgres, Case):
    def restored(self):
        """The URL of a new database that the backup was restored into."""
        name = self.database + "_restored"
        psql(harness.POSTGRES, "CREATE DATABASE " + name)
        self.addCleanup(drop_database, name)
        ran = subprocess.run([postgres_program("pg_restore"), "-d", postgres_url(name), self.backup], check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(ran.returncode, 0, ran.stdout.decode())
        return postgres_url(name)

    def dump(self, url, *options):
        text = subprocess.run([postgres_program("pg_dump"), "-d", url, *options], check=True,
                              stdout=subprocess.PIPE).stdout.decode()
        return re.sub(r"(?m)^\\(un)?restrict .*$", "", text)

    def fake(self, script):
        """A pg_dump of our own, first in PATH; `script` is what it does unless it is asked for its version."""
        path = self.write("bin/pg_dump", "#!/bin/sh\nif [ \"$1\" = --version ]; then\n"
                          "echo \"pg_dump (PostgreSQL) ${FAKE_VERSION:-99.1}\"; exit\nfi\n" + script)
        os.chmod(path, 0o755)
        self.environment["PATH"] = os.path.dirname(path) + ":" + os.environ["PATH"]

    def test_the_schema_alone_is_restored_as_it_was(self):
        self.migrate("upgrade", "a")
        original = self.dump(self.url, "-s")
        self.migrate("upgrade", "--backup=" + self.backup)
        restored = self.restored()
        self.assertEqual(self.dump(restored, "-s"), original)
        self.assertEqual(psql(restored, "SELECT count(*) FROM t"), [("0",)])

    def test_with_the_data_all_of_it_is_restored(self):
        self.migrate("upgrade", "a")
        original = self.dump(self.url)
        self.migrate("upgrade", "--backup=" + self.backup, "--backup-data")
        restored = self.restored()
        self.assertEqual(self.dump(restored), original)
        self.assertEqual(psql(restored, "SELECT x FROM t ORDER BY 1"), [("1",), ("2",)])
        self.assertEqual(psql(restored, "SELECT version_num FROM alembic_version"), [("a",)])

    def test_only_its_owner_may_read_it(self):
        self.migrate("upgrade", "--backup=" + self.backup)
        self.assertEqual(stat.S_IMODE(os.stat(self.backup).st_mode), 0o600)

    def test_it_needs_a_name(self):
        self.assertIncludes(self.migrate("upgrade", "--backup", status=2).err, "--backup=FILE")

    def test_a_pg_dump_older_than_the_server_is_refused_before_anything_runs(self):
        self.fake("touch ran\n")
        before = os.listdir(self.folder)
        ran = self.migrate("upgrade", "--backup=" + self.backup, status=7, environment={"FAKE_VERSION": "13.4 (Debian)"})
        self.assertIncludes(ran.err, "pg_dump is of version 13", "postgresql-client-", "nothing was changed")
        self.assertNothingWasMade(before)
        self.assertEqual(self.objects(), [])

    def test_without_a_pg_dump_nothing_runs(self):
        ran = self.migrate("upgrade", "--backup=" + self.backup, status=7, environment={"PATH": self.path("empty")})
        self.assertIncludes(ran.err, "pg_dump could not be run", "postgresql-client", "nothing was changed")
        self.assertEqual(self.objects(), [])

    def test_the_password_is_in_no_argument(self):
        self.fake("echo \"$@\" >>said.txt; env >env.txt; for at; do case $at in --file=*) echo x >\"${at#--file=}\";; esac; "
                  "done\n")
        self.migrate("upgrade", "--backup=" + self.backup)
        said, env = self.read("said.txt"), self.read("env.txt")
        self.assertIncludes(said, "--format=custom", "--schema-only", "--no-password")
        self.assertLeavesOut(said, "throw-away", "127.0.0.1")
        self.assertIncludes(env, "PGPASSWORD=throw-away\n", "PGDATABASE=%s\n" % self.database, "PGHOST=127.0.0.1\n",
                            "PGUSER=postgres\n")

    def test_a_service_of_the_environment_does_not_lead_it_elsewhere(self):
        # A service file is read before the variables: it would send pg_dump to another server than the migration.
        service = self.write("services", "[kitchen]\nhost=nowhere.invalid\nport=1\n")
        self.migrate("upgrade", "--backup=" + self.backup,
                     environment={"PGSERVICE": "kitchen", "PGSERVICEFILE": service, "PGDATABASE": "elsewhere"})
        self.assertTrue(os.path.getsize(self.backup) > 0)

    def test_a_role_is_taken_as_the_migration_takes_it(self):
        self.fake("echo \"$@\" >>said.txt\n")
        self.execute("CREATE ROLE baker; GRANT CREATE ON SCHEMA public TO baker")
        self.addCleanup(psql, harness.POSTGRES, "DROP ROLE baker")
        self.addCleanup(psql, self.url, "DROP OWNED BY baker")
        self.migrate("upgrade", "--backup=" + self.backup, environment={"DB_ROLE": "baker"})
        self.assertIncludes(self.read("said.txt"), "--role=baker")

    def test_a_pg_dump_that_fails_half_way_leaves_nothing(self):
        self.fake("for at; do case $at in --file=*) echo half >\"${at#--file=}\";; esac; done\n"
                  "echo 'pg_dump: error: could not write to output file: No space left on device' >&2; exit 1\n")
        before = os.listdir(self.folder)
        ran = self.migrate("upgrade", "--backup=" + self.backup, status=7)
        self.assertIncludes(ran.err, "No space left on device", "nothing was changed")
        self.assertNothingWasMade(before)
        self.assertEqual(self.objects(), [])

    def test_a_table_that_may_not_be_read_is_a_matter_of_permission(self):
        self.execute("CREATE TABLE secret (x integer); GRANT CREATE ON SCHEMA public TO ordinary")
        ordinary = os.environ["MIGRATE_TEST_POSTGRES_ROLE"].rsplit("/", 1)[0] + "/" + self.database
        ran = self.migrate("--url", ordinary, "upgrade", "--backup=" + self.backup, "--backup-data", status=6)
        self.assertIncludes(ran.err, "permission denied for table secret", "nothing was changed")
        self.assertEqual(self.objects(), [("table", "secret")])

    def test_an_interrupt_ends_pg_dump_and_the_run(self):
        self.fake("echo $$ >pid.new; mv pid.new pid; exec sleep 60\n")
        process = self.start("upgrade", "--backup=" + self.backup)
        until = time.monotonic() + 20
        while not os.path.exists(self.path("pid")):
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 143)
        with self.assertRaises(ProcessLookupError):
            os.kill(int(self.read("pid")), 0)
        self.assertEqual([name for name in os.listdir(self.folder) if "bak" in name], [])
        self.assertEqual(self.objects(), [])

    def test_where_there_is_a_file_already_pg_dump_does_not_even_begin(self):
        self.fake("touch ran\n")
        self.write("before.bak", "an older backup")
        self.migrate("upgrade", "--backup=" + self.backup, status=7)
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_a_file_that_appears_while_it_is_made_is_not_overwritten(self):
        self.fake("echo other >before.bak\n")
        self.assertIncludes(self.migrate("upgrade", "--backup=" + self.backup, status=7).err, "exists already")
        self.assertEqual(self.read("before.bak"), "other\n")
        self.assertEqual(self.objects(), [])

    def test_a_run_that_finds_the_work_done_when_it_gets_the_lock_makes_none(self):
        self.fake("echo $$ >pid.new; mv pid.new pid; while [ ! -e go ]; do sleep 0.05; done\n")
        first = self.start("upgrade", "--backup=" + self.backup)
        until = time.monotonic() + 20
        while not os.path.exists(self.path("pid")):
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)
        second = self.start("upgrade", "--backup=" + self.path("second.bak"))
        self.assertIn("the lock is held by", second.err_line())
        self.write("go", "")
        self.assertEqual((first.wait(20), second.wait(20)), (0, 0))
        self.assertFalse(os.path.exists(self.path("second.bak")), "a backup of nothing was made")

    def test_nobody_else_migrates_while_it_is_made(self):
        self.fake("echo $$ >pid.new; mv pid.new pid; while [ ! -e go ]; do sleep 0.05; done\n")
        process = self.start("upgrade", "--backup=" + self.backup)
        until = time.monotonic() + 20
        while not os.path.exists(self.path("pid")):
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)
        self.migrate("upgrade", "--lock-wait", "0", status=11)
        self.write("go", "")
        self.assertEqual(process.wait(20), 0)


if __name__ == "__main__":
    main()
