"""Killed at random moments, alone and among many: schema, version rows and history agree each time, and a rerun completes."""

import os
import random
import time

from harness import SECONDS, main, on_both_databases

REVISIONS = 50
KILLS = int(os.environ.get("MIGRATE_TEST_KILLS", "200"))  # on each database
TOGETHER = 32


@on_both_databases
class Killed:
    def write_revisions(self):
        """Fifty of them; every fifth has an autocommit section among its sections."""
        for i in range(REVISIONS):
            create = "CREATE TABLE t%d (x INTEGER PRIMARY KEY, y INTEGER);\nINSERT INTO t%d VALUES (1, 1);\n" % (i, i)
            if i % 5 == 4:
                body = ("-- migrate:upgrade\n%s-- migrate:upgrade postgresql autocommit\nCREATE INDEX CONCURRENTLY i%d ON t%d (y);\n"
                        "-- migrate:upgrade sqlite autocommit\nCREATE INDEX IF NOT EXISTS i%d ON t%d (y);\n"
                        "-- migrate:upgrade\nINSERT INTO t%d VALUES (2, 2);\n"
                        "-- migrate:downgrade\nDROP TABLE t%d;\n" % (create, i, i, i, i, i, i))
            else:
                body = "-- migrate:upgrade\n%s-- migrate:downgrade\nDROP TABLE t%d;\n" % (create, i)
            self.revision("r%02d" % i, body=body)

    def version(self):
        """How many revisions the version row stands for."""
        rows = self.query("SELECT version_num FROM alembic_version") if self.has_table("alembic_version") else []
        self.assertLess(len(rows), 2)
        return int(rows[0][0][1:]) + 1 if rows else 0

    def has_table(self, name):
        return ("table", name) in self.objects()

    def assert_whole(self):
        """Every revision is there as a whole or not at all, but for the one that the running row names."""
        version = self.version()
        objects = self.objects()
        running = self.query("SELECT revision, statements_done FROM migrate_history WHERE status = 'running'") \
            if ("table", "migrate_history") in objects else []
        tables = {name for kind, name in objects if kind == "table" and name[0] == "t"}
        expected = {"t%d" % i for i in range(version)}
        self.assertLess(len(running), 2)
        if running:
            self.assertEqual(int(running[0][0][1:]), version, "the running row is the next revision's")
            if int(running[0][1]) > 0:
                expected.add("t%d" % version)
        self.assertEqual(tables, expected)
        done = self.query("SELECT revision FROM migrate_history WHERE status = 'done' AND direction = 'upgrade' ORDER BY id") \
            if ("table", "migrate_history") in objects else []
        self.assertEqual(done, [("r%02d" % i,) for i in range(version)], "the history says once what was applied")

    def assert_complete(self):
        self.assertEqual(self.version(), REVISIONS)
        self.assert_whole()
        indexes = {name for kind, name in self.objects() if kind == "index" and name[0] == "i"}
        self.assertEqual(indexes, {"i%d" % i for i in range(4, REVISIONS, 5)})
        for i in range(4, REVISIONS, 5):
            self.assertEqual(self.query("SELECT count(*) FROM t%d" % i), [("2",)])
        if self.dialect == "postgresql":
            self.assertEqual(self.query("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), [("0",)])

    def start_over(self):
        if self.version() or self.has_table("migrate_history"):
            self.migrate("downgrade", "base")
            self.execute("DROP TABLE migrate_history; DROP TABLE migrate_script; DROP TABLE alembic_version")

    def test_killed_at_random_moments_it_is_whole_and_a_rerun_completes(self):
        self.write_revisions()
        before = time.monotonic()
        self.migrate("upgrade")
        whole = time.monotonic() - before
        self.assert_complete()
        self.start_over()
        moments = random.Random(20261121)
        kills, landed = 0, set()
        while kills < KILLS:
            process = self.start("upgrade", "--lock-wait=30s")
            time.sleep(moments.uniform(0, whole * 0.6))
            process.kill()
            process.communicate()
            kills += 1
            self.settle()
            self.assert_whole()
            landed.add(self.version())
            if self.version() == REVISIONS:
                self.assert_complete()
                self.start_over()
        self.migrate("upgrade", "--lock-wait=30s")
        self.assert_complete()
        self.assertGreater(len(landed), 5, "the kills came at too few places: %s" % landed)

    def settle(self):
        """The server notices a killed client at its next word, or after client_connection_check_interval."""
        if self.dialect == "sqlite":
            return
        deadline = time.monotonic() + SECONDS
        while self.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'migrate' AND datname = current_database()"):
            self.assertLess(time.monotonic(), deadline, "the killed process's session did not end")
            time.sleep(0.01)

    def test_many_at_once_some_of_them_killed_apply_each_revision_once(self):
        self.write_revisions()
        processes = [self.start("upgrade", "--lock-wait=100s") for _ in range(TOGETHER)]
        moments = random.Random(1)
        for process in processes[::4]:
            time.sleep(moments.uniform(0, 0.15))
            process.kill()
        for i, process in enumerate(processes):
            _, err = process.communicate(timeout=SECONDS)
            if i % 4:
                self.assertEqual(process.returncode, 0, err.decode())
        self.assert_complete()


if __name__ == "__main__":
    main()
