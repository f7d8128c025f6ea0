"""Index builds outside transactions: what an interrupted one has left is judged by the catalogue, and a rerun completes."""

import contextlib
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


@contextlib.contextmanager
def unnoted(case):
    """Meanwhile a statement's work is done, and the note that it is done is refused."""
    case.execute("CREATE FUNCTION no_note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no note'; END$$; "
                 "CREATE TRIGGER no_note BEFORE UPDATE ON migrate_history FOR EACH ROW "
                 "WHEN (new.statements_done > old.statements_done) EXECUTE FUNCTION no_note()")
    yield
    case.execute("DROP TRIGGER no_note ON migrate_history; DROP FUNCTION no_note")


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

    def test_what_an_interrupted_reindex_of_a_table_has_left_is_cleared_away(self):
        self.execute("CREATE TABLE t (x INTEGER, y INTEGER); CREATE INDEX t_x ON t (x)")
        self.revision("a", body="-- migrate:upgrade autocommit\nREINDEX (CONCURRENTLY) TABLE t;\n")
        self.kill_while_it_waits("upgrade")
        self.assertEqual(self.indexes(), [("t_x", "t"), ("t_x_ccnew", "f")])
        self.assertIncludes(self.migrate("upgrade").err, "t_x_ccnew")
        self.assertEqual(self.indexes(), [("t_x", "t")])

    def test_nothing_but_what_a_reindex_has_left_is_cleared_away(self):
        self.execute("CREATE TABLE t (x INTEGER, y INTEGER); CREATE INDEX t_x ON t (x); CREATE INDEX mine_ccnew ON t (y); "
                     "CREATE TABLE u (x INTEGER); INSERT INTO u VALUES (1), (1); INSERT INTO t VALUES (1, 1), (1, 1)")
        for invalid in "u_ccnew ON u (x)", "t_invalid ON t (x)":
            with self.assertRaises(AssertionError):
                self.execute("CREATE UNIQUE INDEX CONCURRENTLY " + invalid)
        self.revision("a", body="-- migrate:upgrade autocommit\nREINDEX INDEX CONCURRENTLY t_x;\n")
        self.kill_while_it_waits("upgrade")
        self.migrate("upgrade")
        self.assertEqual(self.indexes(), [("mine_ccnew", "t"), ("t_invalid", "f"), ("t_x", "t")])
        self.assertEqual(self.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'u_ccnew'::regclass"), [("f",)])

    def test_a_drop_that_was_done_and_not_noted_counts_as_done(self):
        for statement in "DROP INDEX CONCURRENTLY t_y", "DROP INDEX CONCURRENTLY IF EXISTS public.t_y":
            with self.subTest(statement):
                self.execute("DROP TABLE IF EXISTS t, migrate_history, migrate_script, alembic_version")
                self.revision("a", (), body=BUILD.replace("DROP INDEX CONCURRENTLY t_y", statement))
                self.migrate("upgrade")
                with unnoted(self):
                    self.migrate("downgrade", "base", status=5)
                self.assertEqual((self.journal()[-1], self.indexes()), (("running", "0"), [("t_x", "t")]))
                self.assertIncludes(self.migrate("downgrade", "base").err, "t_y is gone: its drop counts as done")
                self.assertEqual((self.journal()[-1], self.indexes()), (("done", "2"), []))

    def test_a_drop_that_was_not_begun_is_not_done(self):
        self.revision("a", body=BUILD.replace("-- migrate:downgrade postgresql autocommit\n",
                                              "-- migrate:downgrade postgresql autocommit\nINSERT INTO gate VALUES (1);\n"))
        self.migrate("upgrade")
        self.migrate("downgrade", "base", status=5)
        self.execute("CREATE TABLE gate (x INTEGER)")
        self.assertLeavesOut(self.migrate("downgrade", "base").err, "counts as done")
        self.assertEqual(self.indexes(), [])

    def test_an_index_of_that_name_in_another_schema_is_another(self):
        self.execute("CREATE SCHEMA s; CREATE TABLE s.t (x INTEGER); CREATE INDEX t_x ON s.t (x); "
                     "CREATE TABLE t (x INTEGER, y INTEGER); INSERT INTO t VALUES (1, 1), (1, 2)")
        self.revision("a", body=BUILD)
        self.migrate("upgrade", status=5)
        self.execute("DROP INDEX public.t_x; UPDATE t SET x = y")
        self.assertLeavesOut(self.migrate("upgrade").err, "counts as done")
        self.assertEqual(self.query("SELECT count(*) FROM pg_class WHERE relname = 't_x'"), [("2",)])

    def test_names_in_quotes_are_judged_as_others(self):
        self.execute("CREATE TABLE \"My t\" (x INTEGER); INSERT INTO \"My t\" VALUES (1), (1)")
        self.revision("a", body="-- migrate:upgrade autocommit\nCREATE UNIQUE INDEX CONCURRENTLY \"T x\" ON \"My t\" (x);\n")
        self.migrate("upgrade", status=5)
        self.execute("TRUNCATE \"My t\"")
        self.assertIncludes(self.migrate("upgrade").err, "index T x is there but INVALID")
        self.assertEqual(self.query("SELECT indisvalid FROM pg_index WHERE indexrelid = '\"T x\"'::regclass"), [("t",)])


@needs_postgres
class Corrected(Postgres, Case):
    """The file of an unfinished revision is corrected; beside the table there is an index that is not the revision's."""

    FOREIGN = "CREATE INDEX CONCURRENTLY theirs ON t (x);\n"

    def stopped_at(self, *statements):
        """Of a's statements the last one was refused."""
        self.execute("CREATE TABLE t (x INTEGER); CREATE TABLE n (x INTEGER); CREATE INDEX theirs ON t (x)")
        self.write_body(*statements)
        self.migrate("upgrade", status=5)
        self.done = self.query("SELECT statements_done, script_oid FROM migrate_history WHERE status = 'running'")
        self.assertEqual(len(self.done), 1)

    def write_body(self, *statements, revises=()):
        self.revision("a", revises, body="-- migrate:upgrade autocommit\n" + "".join(statements))

    def assert_refused(self, before, after):
        """Refused on every rerun until the index that is not ours is gone; n shows what ran."""
        for _ in range(2):
            self.assertIncludes(self.migrate("upgrade", status=5).err, "index theirs exists already", "42P07")
            self.assertEqual(self.query("SELECT x FROM n"), before)
            self.assertEqual(self.query("SELECT statements_done, script_oid FROM migrate_history WHERE status = 'running'"),
                             self.done)
        self.execute("DROP INDEX theirs")
        self.migrate("upgrade")
        self.assertEqual(self.query("SELECT x FROM n ORDER BY 1"), after)
        self.assertEqual(self.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'theirs'::regclass"), [("t",)])

    def test_a_later_build_of_an_index_that_is_not_its_own_is_refused_before_anything_runs(self):
        self.stopped_at("INSERT INTO nowhere VALUES (1);\n")
        self.write_body("INSERT INTO n VALUES (1);\n", self.FOREIGN)
        self.assert_refused([], [("1",)])

    def test_also_where_some_statements_are_done(self):
        self.stopped_at("INSERT INTO n VALUES (1);\n", "INSERT INTO nowhere VALUES (2);\n")
        self.write_body("INSERT INTO n VALUES (1);\n", "INSERT INTO n VALUES (2);\n", self.FOREIGN)
        self.assert_refused([("1",)], [("1",), ("2",)])

    def test_a_build_in_the_place_of_what_was_refused_is_none_that_was_begun(self):
        for refused in "INSERT INTO nowhere VALUES (2);\n", "CREATE INDEX CONCURRENTLY ours ON t (nothing);\n":
            with self.subTest(refused):
                self.execute("DROP TABLE IF EXISTS t, n, migrate_history, migrate_script, alembic_version")
                self.stopped_at("INSERT INTO n VALUES (1);\n", refused)
                self.write_body("INSERT INTO n VALUES (1);\n", self.FOREIGN, "INSERT INTO n VALUES (3);\n")
                self.assert_refused([("1",)], [("1",), ("3",)])

    def test_an_invalid_index_that_is_not_its_own_is_not_dropped(self):
        self.stopped_at("INSERT INTO n VALUES (1);\n", "INSERT INTO nowhere VALUES (2);\n")
        self.execute("DROP INDEX theirs; INSERT INTO t VALUES (1), (1)")
        with self.assertRaises(AssertionError):
            self.execute("CREATE UNIQUE INDEX CONCURRENTLY theirs ON t (x)")
        self.write_body("INSERT INTO n VALUES (1);\n", self.FOREIGN)
        self.assert_refused([("1",)], [("1",)])

    def half_built(self):
        """The build of `ours` is done and not noted."""
        self.execute("CREATE TABLE t (x INTEGER); CREATE TABLE n (x INTEGER); CREATE INDEX theirs ON t (x)")
        self.revision("z", (), up="")
        self.migrate("upgrade")
        with unnoted(self):
            self.build("CREATE INDEX CONCURRENTLY ours ON t (x);\n", status=5)
        self.done = self.query("SELECT statements_done, script_oid FROM migrate_history WHERE status = 'running'")
        self.assertEqual(len(self.done), 1)

    def build(self, *statements, status=0):
        self.revision("a", "z", body="-- migrate:upgrade autocommit\n" + "".join(statements))
        return self.migrate("upgrade", status=status).err

    def test_its_own_build_does_not_vouch_for_the_next(self):
        self.half_built()
        self.write_body("CREATE INDEX CONCURRENTLY ours ON t (x);\n", self.FOREIGN, revises="z")
        self.assert_refused([], [])

    def test_a_build_that_was_done_and_is_another_now_is_not_taken_for_it(self):
        self.half_built()
        self.assertIncludes(self.build("CREATE INDEX CONCURRENTLY ours ON t ((x + 1));\n", status=5), "ours exists already")
        self.execute("DROP INDEX ours")
        self.build("CREATE INDEX CONCURRENTLY ours ON t ((x + 1));\n")
        self.assertIncludes(self.query("SELECT pg_get_indexdef('ours'::regclass)")[0][0], "x + 1")

    def test_a_build_that_failed_is_its_own_though_it_is_another_now(self):
        self.execute("CREATE TABLE t (x INTEGER); INSERT INTO t VALUES (1), (1)")
        build = "CREATE UNIQUE INDEX CONCURRENTLY ours ON t (x);\n"
        self.write_body(build, "SELECT 1;\n")
        self.migrate("upgrade", status=5)
        self.write_body(build.replace("UNIQUE ", ""), "SELECT 2;\n")
        self.assertIncludes(self.migrate("upgrade").err, "index ours is there but INVALID")
        self.assertEqual(self.query("SELECT indisvalid, indisunique FROM pg_index WHERE indexrelid = 'ours'::regclass"),
                         [("t", "f")])

    def test_a_drop_in_the_place_of_what_was_refused_is_not_done_because_there_is_no_such_index(self):
        self.stopped_at("INSERT INTO n VALUES (1);\n", "INSERT INTO nowhere VALUES (2);\n")
        self.write_body("INSERT INTO n VALUES (1);\n", "DROP INDEX CONCURRENTLY their;\n")
        self.assertIncludes(self.migrate("upgrade", status=5).err, "42704")
        self.write_body("INSERT INTO n VALUES (1);\n", "DROP INDEX CONCURRENTLY theirs;\n")
        self.migrate("upgrade")


if __name__ == "__main__":
    main()
