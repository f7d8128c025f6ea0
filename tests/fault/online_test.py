"""Index builds outside transactions: what an interrupted one has left is judged by the catalogue, and a rerun completes."""

import time

from harness import Case, Postgres, main, needs_postgres

BUILD = """-- migrate:upgrade
CREATE TABLE IF NOT EXISTS t (x INTEGER, y INTEGER);

-- migrate:upgrade postgresql autocommit
CREATE UNIQUE INDEX CONCURRENTLY t_x ON t (x);
CREATE INDEX CONCURRENTLY t_y ON t (y);

-- migrate:downgrade postgresql autocommit
DROP INDEX CONCURRENTLY t_y;
DROP INDEX CONCURRENTLY t_x;
"""


@needs_postgres
class Online(Postgres, Case):
    def indexes(self):
        return self.query("SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
                          "JOIN pg_class t ON t.oid = i.indrelid WHERE t.relname = 't' ORDER BY 1")

    def journal(self):
        return self.query("SELECT status, statements_done FROM migrate_history ORDER BY id")

    def test_a_unique_index_over_duplicates_fails_is_found_invalid_and_is_rebuilt_when_the_data_are_mended(self):
        self.execute("CREATE TABLE t (x INTEGER, y INTEGER); INSERT INTO t VALUES (1, 1), (1, 2)")
        self.revision("a", body=BUILD)
        said = self.migrate_json("upgrade", status=5)
        self.assertEqual((said["error"]["code"], said["error"]["sqlstate"]), ("partial", "23505"))
        self.assertEqual(said["steps"][0]["status"], "partial")
        self.assertEqual(self.indexes(), [("t_x", "f")])
        self.assertEqual(self.journal(), [("running", "1")])
        self.assertIncludes(self.migrate("upgrade", status=5).err, "INVALID", "t_x")
        self.execute("UPDATE t SET x = y")
        self.migrate("upgrade")
        self.assertEqual(self.indexes(), [("t_x", "t"), ("t_y", "t")])
        self.assertEqual(self.journal(), [("done", "3")])

    def kill_while_it_waits(self, *arguments):
        """Runs the tool while a writer of t is in a transaction, which a concurrent build waits for; kills it there."""
        import psycopg2
        writer = psycopg2.connect(self.url)
        writer.cursor().execute("INSERT INTO t VALUES (7, 7)")
        process = self.start(*arguments)
        deadline = time.monotonic() + 30
        while not self.query("SELECT 1 FROM pg_stat_activity WHERE query ILIKE '%concurrently%' AND wait_event_type = 'Lock' "
                             "AND datname = current_database() AND application_name = 'migrate'"):
            self.assertLess(time.monotonic(), deadline, "it did not wait")
            self.assertIsNone(process.poll(), "it should still wait")
            time.sleep(0.05)
        time.sleep(0.2)
        process.kill()
        process.communicate()
        deadline = time.monotonic() + 30  # the server looks every 5 s whether the client is still there
        while self.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'migrate' AND datname = current_database()"):
            self.assertLess(time.monotonic(), deadline, "the killed process's session did not end")
            time.sleep(0.1)
        writer.commit()
        writer.close()

    def test_a_build_that_was_killed_is_completed_by_a_rerun(self):
        self.execute("CREATE TABLE t (x INTEGER, y INTEGER)")
        self.revision("a", body=BUILD)
        self.kill_while_it_waits("upgrade")
        self.assertEqual((self.journal(), self.indexes()), ([("running", "1")], [("t_x", "f")]))
        ran = self.migrate("upgrade")
        self.assertIncludes(ran.err, "goes on where it stopped", "INVALID")
        self.assertEqual(self.indexes(), [("t_x", "t"), ("t_y", "t")])
        self.assertEqual(self.journal(), [("done", "3")])

    def test_a_drop_that_was_killed_is_completed_by_a_rerun(self):
        self.revision("a", body=BUILD)
        self.migrate("upgrade")
        self.kill_while_it_waits("downgrade", "base")
        self.migrate("downgrade", "base")
        self.assertEqual(self.indexes(), [])
        self.assertEqual(self.query("SELECT count(*) FROM alembic_version"), [("0",)])

    def test_a_build_that_was_done_and_not_noted_counts_as_done(self):
        self.execute("CREATE TABLE t (x INTEGER, y INTEGER); INSERT INTO t VALUES (1, 1)")
        self.revision("a", body=BUILD)
        self.execute("INSERT INTO t VALUES (1, 1)")
        self.migrate("upgrade", status=5)
        self.execute("DROP INDEX t_x; DELETE FROM t; CREATE UNIQUE INDEX t_x ON t (x)")  # as if it had been built
        before = self.query("SELECT 't_x'::regclass::oid")
        self.assertIncludes(self.migrate("upgrade").err, "counts as done")
        self.assertEqual(self.query("SELECT 't_x'::regclass::oid"), before)

    def test_an_index_that_was_there_before_is_never_taken_for_its_own(self):
        self.execute("CREATE TABLE t (x INTEGER, y INTEGER); CREATE INDEX t_x ON t (y)")
        self.revision("a", body=BUILD)
        for _ in range(2):  # a rerun neither
            ran = self.migrate("upgrade", status=4)
            self.assertIncludes(ran.err, "t_x", "exists already", "42P07")
            self.assertEqual(self.query("SELECT count(*) FROM alembic_version"), [("0",)])

    def test_if_not_exists_does_not_take_an_invalid_index_for_a_good_one(self):
        self.execute("CREATE TABLE t (x INTEGER, y INTEGER); INSERT INTO t VALUES (1, 1), (1, 2)")
        with self.assertRaises(AssertionError):
            self.execute("CREATE UNIQUE INDEX CONCURRENTLY t_x ON t (x)")
        self.revision("a", body="-- migrate:upgrade autocommit\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS t_x ON t (x);\n")
        self.assertIncludes(self.migrate("upgrade", status=4).err, "INVALID", "t_x")

    def test_what_an_interrupted_reindex_has_left_is_cleared_away(self):
        self.execute("CREATE TABLE t (x INTEGER, y INTEGER); CREATE INDEX t_x ON t (x)")
        self.revision("a", body="-- migrate:upgrade autocommit\nREINDEX INDEX CONCURRENTLY t_x;\n")
        self.kill_while_it_waits("upgrade")
        self.assertEqual(self.indexes(), [("t_x", "t"), ("t_x_ccnew", "f")])
        self.assertIncludes(self.migrate("upgrade").err, "t_x_ccnew")
        self.assertEqual(self.indexes(), [("t_x", "t")])


if __name__ == "__main__":
    main()
