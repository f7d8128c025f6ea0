"""The connection cut after each message of the protocol in turn, in either direction: with --wait the run completes, and
without it a rerun does; no revision is applied twice or by half."""

import os
import re

from harness import POSTGRES, Case, Postgres, main, postgres_url, psql
from proxy import Proxy

# What the client says between two answers is one flight, so where in it the cut falls matters less. 1: everywhere.
STRIDE = int(os.environ.get("MIGRATE_TEST_CUT_STRIDE", "3"))

EXPECTED = [("a", "done", "1"), ("b", "done", "1")]


class Cut(Postgres, Case):
    def setUp(self):
        super().setUp()
        self.revision("a", up="CREATE TABLE a (x INTEGER);\nINSERT INTO a VALUES (1);")
        self.revision("b", body="-- migrate:upgrade\nCREATE TABLE b (x INTEGER);\n"
                      "-- migrate:upgrade autocommit\nCREATE INDEX CONCURRENTLY b_x ON b (x);\n"
                      "-- migrate:upgrade\nINSERT INTO b VALUES (1);\n")
        host, port = re.search(r"@([^:/]+):(\d+)", POSTGRES).groups()
        self.proxy = Proxy(host, port)
        self.addCleanup(self.proxy.__exit__)
        direct = postgres_url(self.database, sslmode="disable", gssencmode="disable")
        self.environment["MIGRATE_DATABASE_URL"] = direct.replace(":" + port, ":%d" % self.proxy.port)

    def assert_whole(self, what):
        """Every revision once, and the database as if nothing had happened; then it is emptied."""
        found = psql(self.url, "SELECT revision, status, count(*) FROM migrate_history GROUP BY 1, 2 ORDER BY 1")
        self.assertEqual(found, EXPECTED, what)
        found = psql(self.url, "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b), "
                     "(SELECT string_agg(version_num, ',') FROM alembic_version), "
                     "(SELECT count(*) FROM pg_index WHERE indexrelid = 'b_x'::regclass AND indisvalid)")
        self.assertEqual(found, [("1", "1", "b", "1")], what)
        self.proxy.let_go()
        psql(self.url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    def cut_after_each(self, side, run, first=1, stride=1, **cut):
        """run(what) for each message of that side; answers how many there were."""
        after = first
        while True:
            self.proxy.cut(side, after, **cut)
            what = "cut after message %d of the %s" % (after, side)
            run(what)
            if not self.proxy.was_cut:
                return after
            self.assert_whole(what)
            after += stride

    def upgrade_waiting(self, what):
        ran = self.migrate("upgrade", "--wait=10s", status=None)
        self.assertEqual(ran.status, 0, "%s: %s" % (what, ran))

    def upgrade_twice(self, what):
        ran = self.migrate("upgrade", status=None)
        self.assertIn(ran.status, (0, 10, 13), "%s: %s" % (what, ran))
        if ran.status == 0:
            return
        ran = self.migrate("upgrade", status=None)
        self.assertEqual(ran.status, 0, "%s, then again: %s" % (what, ran))

    def test_a_run_that_waits_completes_whatever_the_server_said_last(self):
        self.assertGreater(self.cut_after_each("server", self.upgrade_waiting), 50)

    def test_a_run_that_waits_completes_whatever_it_said_last(self):
        self.assertGreater(self.cut_after_each("client", self.upgrade_waiting, stride=STRIDE), 50)

    def test_a_run_that_does_not_wait_is_completed_by_the_next(self):
        self.cut_after_each("server", self.upgrade_twice, stride=4 * STRIDE)
        self.cut_after_each("client", self.upgrade_twice, stride=4 * STRIDE)

    def test_a_server_that_has_not_heard_of_it_is_told(self):
        self.cut_after_each("server", self.upgrade_waiting, first=20, stride=5 * STRIDE, server_hears=False)

    def test_nothing_is_said_of_the_password(self):
        password = re.search(r":([^:@/]+)@", POSTGRES).group(1)
        self.proxy.cut("server", 30)
        ran = self.migrate("upgrade", "-v", status=13)
        self.assertLeavesOut(ran.out + ran.err, password)


if __name__ == "__main__":
    main()
