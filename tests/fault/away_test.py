"""A server that is away for a while: not started yet, full, restarted in the middle of a run, or replaced by its standby.
What no waiting can mend ends at once."""

import json
import os
import signal
import socket
import subprocess
import threading
import time

from harness import SECONDS, Case, main, needs_postgres, postgres_program
from server import PASSWORD, Server

REVISIONS = 8


class Away(Case):
    """One server for the class; each test leaves it running."""

    conf = "fsync = off"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Server(cls.conf).start()
        cls.addClassCleanup(cls.server.remove)

    def setUp(self):
        super().setUp()
        self.database = "t%d" % time.monotonic_ns()
        self.server.query("CREATE DATABASE " + self.database)
        self.environment["MIGRATE_DATABASE_URL"] = self.server.url(self.database)

    def write_revisions(self, pause_s=0.0):
        for i in range(REVISIONS):
            self.revision("r%d" % i, up="CREATE TABLE t%d (x INTEGER);\nSELECT pg_sleep(%g);\nINSERT INTO t%d VALUES (1);"
                          % (i, pause_s, i))

    def assert_each_once(self, server=None):
        server = server or self.server
        self.assertEqual(server.query("SELECT revision, status, count(*) FROM migrate_history GROUP BY 1, 2 ORDER BY 1",
                                      self.database), [("r%d" % i, "done", "1") for i in range(REVISIONS)])
        self.assertEqual(server.query("SELECT version_num FROM alembic_version", self.database),
                         [("r%d" % (REVISIONS - 1),)])
        for i in range(REVISIONS):
            self.assertEqual(server.query("SELECT count(*) FROM t%d" % i, self.database), [("1",)])

    def until_applied(self, revision):
        self.server.until("SELECT count(*) FROM pg_class WHERE relname = 't%d'" % revision, [("1",)], self.database)

    def finish(self, process, status=0):
        out, err = process.communicate(timeout=SECONDS)
        self.assertEqual(process.returncode, status, out.decode() + err.decode())
        return err.decode()

    def fill(self, role="postgres"):
        """Sessions until the server takes no more; answers what lets them go."""
        sessions = []
        while True:
            session = subprocess.Popen([postgres_program("psql"), "-Xq", "-d", self.server.url(user=role), "-c",
                                        "SELECT pg_sleep(60)"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            sessions.append(session)
            try:
                session.wait(0.5)
                break
            except subprocess.TimeoutExpired:
                pass

        def let_go():
            for session in sessions:
                session.kill()
                session.wait()
            self.server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' "
                              "AND pid <> pg_backend_pid()")
        self.addCleanup(let_go)
        return let_go


@needs_postgres
class Started(Away):
    def test_a_server_that_is_started_later_is_waited_for(self):
        self.write_revisions()
        self.server.stop()
        upgrade = self.start("upgrade", "--wait=60s")
        wait = self.start("wait")
        time.sleep(0.5)
        self.assertIsNone(upgrade.poll())
        self.assertIsNone(wait.poll())
        self.server.start()
        self.assertIncludes(self.finish(upgrade), "waiting for the server, ", "Connection refused")
        self.finish(wait)
        self.assert_each_once()

    def test_without_wait_there_is_one_try(self):
        self.server.stop()
        self.addCleanup(self.server.start)
        ran = self.migrate("current", status=10)
        self.assertIncludes(ran.err, "Connection refused", "hint: ")
        before = time.monotonic()
        ran = self.migrate("wait", "--wait=1s", status=10)
        self.assertGreater(time.monotonic() - before, 0.9)
        self.assertLess(time.monotonic() - before, 3)
        self.assertIncludes(ran.err, "no connection within 1.0 s (", "tries", "Connection refused")
        self.assertEqual(ran.out, "")
        self.assertEqual(self.migrate_json("wait", "--wait=100ms", status=10)["error"]["code"], "unreachable")

    def test_the_time_can_stand_in_the_configuration(self):
        self.write("migrate.ini", "[migrate]\nscript_location = migrations\nwait = 1s\n")
        self.server.stop()
        self.addCleanup(self.server.start)
        self.assertIncludes(self.migrate("current", status=10).err, "no connection within 1.0 s (")

    def test_wait_says_nothing_unless_asked(self):
        ran = self.migrate("wait")
        self.assertEqual((ran.out, ran.err), ("", ""))
        self.assertIncludes(self.migrate("wait", "-v").err, "reached within")
        self.assertEqual(self.migrate_json("wait")["status"], "ok")

    def test_a_secret_that_is_rotated_meanwhile_is_read_again(self):
        def secret(port):
            self.write("new.json", json.dumps({"host": "127.0.0.1", "port": port, "dbname": self.database,
                                               "username": "postgres", "password": PASSWORD}))
            os.rename(self.path("new.json"), self.path("secret.json"))
        secret(1)
        process = self.start("wait", "--wait=60s", environment={"MIGRATE_DATABASE_URL": None,
                                                                "DATABASE_SECRET_FILE": self.path("secret.json")})
        time.sleep(0.5)
        self.assertIsNone(process.poll())
        secret(self.server.port)
        self.finish(process)

    def test_a_file_needs_no_waiting(self):
        self.migrate("wait", environment={"MIGRATE_DATABASE_URL": "sqlite:///not-there.db"})
        self.assertFalse(os.path.exists(self.path("not-there.db")))
        self.migrate("wait", "--wait=30s", status=6,
                     environment={"MIGRATE_DATABASE_URL": "sqlite:///not-there.db?mode=rw"})

    def assert_ends(self, process, number, within_s=2):
        """Ends with the status of that signal."""
        before = time.monotonic()
        process.send_signal(number)
        self.finish(process, 128 + number)
        self.assertLess(time.monotonic() - before, within_s)

    def test_a_signal_ends_the_waiting_for_a_server_that_is_away(self):
        self.write_revisions()
        self.server.stop()
        self.addCleanup(self.server.start)
        socketless = "postgresql://postgres@/d?host=%s" % self.folder  # whose connecting fails before one could wait
        for number in signal.SIGINT, signal.SIGTERM:
            together = [self.start(*words) for words in (("wait", "--wait=60s"), ("upgrade", "--wait=60s"),
                                                         ("current", "--wait=60s", "-u", socketless))]
            for process in together:
                self.assertIncludes(process.err_line(), "waiting for the server")
            time.sleep(4)  # by now they pause for several seconds
            for process in together:
                self.assert_ends(process, number, within_s=1)

    def test_a_signal_ends_the_waiting_for_a_server_that_keeps_silent(self):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            url = "postgresql://u:%s@127.0.0.1:%d/d" % (PASSWORD, mute.getsockname()[1])
            for number in signal.SIGINT, signal.SIGTERM:
                for words in ("wait", "--wait=60s"), ("upgrade", "--wait=60s"), ("current",):
                    with self.subTest(number=number, words=words):
                        process = self.start(*words, environment={"MIGRATE_DATABASE_URL": url})
                        connection, _ = mute.accept()
                        self.addCleanup(connection.close)
                        self.assertTrue(connection.recv(8), "it should have asked for something")
                        self.assert_ends(process, number)

    def test_a_signal_ends_the_waiting_for_a_writer(self):
        standby = Server("fsync = off", standby_of=self.server)
        self.addCleanup(standby.remove)
        standby.start()
        self.write_revisions()
        for number in signal.SIGINT, signal.SIGTERM:
            process = self.start("upgrade", "--wait=60s", environment={
                "MIGRATE_DATABASE_URL": standby.url("postgres", target_session_attrs="read-write")})
            self.assertIncludes(process.err_line(), "waiting for the server")
            self.assert_ends(process, number)

    def test_what_waiting_cannot_mend_ends_at_once(self):
        for words, url, code in [
                ("password authentication failed", self.server.url(password="wrong"), "authentication"),
                ("password authentication failed", self.server.url(user="nobody_known"), "authentication"),
                ("does not exist", self.server.url("nosuch"), "no_such_database"),
                ("SSL", self.server.url(sslmode="require"), "tls")]:
            before = time.monotonic()
            said = self.migrate_json("wait", "--wait=30s", status=6, environment={"MIGRATE_DATABASE_URL": url})
            self.assertLess(time.monotonic() - before, 5)
            self.assertEqual(said["error"]["code"], code)
            self.assertIncludes(said["error"]["message"], words)


@needs_postgres
class Restarted(Away):
    def restart_in_the_middle(self, mode, *options, status=0):
        self.write_revisions(0.25)
        process = self.start("upgrade", *options)
        self.until_applied(3)
        self.server.restart(mode)
        return self.finish(process, status)

    def test_a_fast_restart_in_the_middle_of_a_run(self):
        self.restart_in_the_middle("fast", "--wait=60s")
        self.assert_each_once()

    def test_an_immediate_restart_in_the_middle_of_a_run(self):
        self.restart_in_the_middle("immediate", "--wait=60s")
        self.assert_each_once()

    def test_without_wait_a_rerun_completes_it(self):
        self.assertIncludes(self.restart_in_the_middle("fast", status=13), "rerun is safe")
        self.migrate("upgrade")
        self.assert_each_once()

    def test_a_signal_ends_the_waiting_for_one_that_was_lost(self):
        self.write_revisions(0.25)
        for number, applied in (signal.SIGINT, 1), (signal.SIGTERM, 3):
            process = self.start("upgrade", "--wait=60s")
            self.until_applied(applied)
            self.server.stop()
            time.sleep(1.5)
            self.assertIsNone(process.poll(), "it should wait")
            before = time.monotonic()
            process.send_signal(number)
            self.finish(process, 128 + number)
            self.assertLess(time.monotonic() - before, 2)
            self.server.start()
        self.migrate("upgrade")
        self.assert_each_once()

    def test_one_that_does_not_come_back_is_given_up(self):
        self.write_revisions(0.25)
        process = self.start("upgrade", "--wait=1s")
        self.until_applied(3)
        self.server.stop()
        self.assertIncludes(self.finish(process, 13), "could not be had back", "Connection refused")
        self.server.start()
        self.migrate("upgrade")
        self.assert_each_once()


@needs_postgres
class Full(Away):
    conf = "fsync = off\nmax_connections = 6\nsuperuser_reserved_connections = 3\nmax_wal_senders = 0"

    def test_a_slot_is_waited_for(self):
        self.write_revisions()
        self.server.query("CREATE ROLE app LOGIN PASSWORD '%s'; ALTER DATABASE %s OWNER TO app"
                          % (PASSWORD, self.database))
        self.environment["MIGRATE_DATABASE_URL"] = self.server.url(self.database, "app")
        let_go = self.fill("app")
        said = self.migrate_json("current", status=10)["error"]
        self.assertEqual((said["code"], said["sqlstate"]), ("unreachable", "53300"))
        threading.Timer(1, let_go).start()
        self.assertIncludes(self.finish(self.start("upgrade", "--wait=60s")), "waiting for the server, ")
        self.assert_each_once()


@needs_postgres
class Promoted(Away):
    def standby(self):
        standby = Server("fsync = off", standby_of=self.server)
        self.addCleanup(standby.remove)
        return standby.start()

    def both(self, standby):
        url = self.server.url(self.database)
        return url.replace("@127.0.0.1:%d" % self.server.port,
                           "@127.0.0.1:%d,127.0.0.1:%d" % (self.server.port, standby.port))

    def test_the_standby_is_taken_when_it_is_promoted(self):
        standby = self.standby()
        self.addCleanup(self.server.start)
        self.write_revisions(0.25)
        self.environment["MIGRATE_DATABASE_URL"] = self.both(standby)
        process = self.start("upgrade", "--wait=60s")
        self.until_applied(3)
        self.server.stop("fast")
        time.sleep(1)
        self.assertIsNone(process.poll(), "it should wait for a writer")
        standby.promote()
        self.assertIncludes(self.finish(process), "read-only")
        self.assert_each_once(standby)

    def test_a_name_that_leads_to_a_standby_is_tried_until_it_is_promoted(self):
        standby = self.standby()
        self.addCleanup(self.server.start)
        self.write_revisions()
        self.environment["MIGRATE_DATABASE_URL"] = standby.url(self.database)
        self.migrate("current")
        self.migrate("upgrade", status=6)
        process = self.start("upgrade", "--wait=60s")
        time.sleep(0.7)
        self.assertIsNone(process.poll(), "it should wait for a writer")
        self.server.stop()
        standby.promote()
        self.assertIncludes(self.finish(process), "is a standby")
        self.assert_each_once(standby)

    def test_a_standby_alone_is_no_writer(self):
        standby = self.standby()
        url = standby.url(self.database, target_session_attrs="read-write")
        ran = self.migrate("upgrade", "--wait=1s", status=10, environment={"MIGRATE_DATABASE_URL": url})
        self.assertIncludes(ran.err, "no connection within 1.0 s", "read-only")


if __name__ == "__main__":
    main()
