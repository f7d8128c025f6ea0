"""The harness itself: a password in anything that is said or written down is noticed, and no server outlives its test."""

import os
import signal
import subprocess
import sys
import time

from harness import SECONDS, Case, Process, Ran, ServerLog, check_said, main, needs_postgres
from server import PASSWORD, Server

SAY = "echo said >&2; echo 'postgresql://u:%s@h/d' %s; %s"


class Heard(Case):
    def say(self, where="", then=""):
        return Process(["sh", "-c", SAY % (PASSWORD, where, then)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)

    def assert_noticed(self, process):
        with self.assertRaisesRegex(AssertionError, "a password stands in what it said"):
            process.end()

    def test_a_password_that_was_read_is_noticed(self):
        for where in "", ">&2":
            process = self.say(where)
            process.communicate()
            self.assert_noticed(process)

    def test_a_password_that_nobody_has_read_is_noticed(self):
        for where in "", ">&2":
            process = self.say(where)
            process.wait()
            self.assert_noticed(process)

    def test_a_password_behind_a_line_that_was_read_is_noticed_though_it_was_killed(self):
        process = self.say(">&2", "echo more >&2; exec sleep 600")
        self.assertEqual(process.err_line(), "said\n")
        self.assertIn(PASSWORD, process.err_line())
        self.assertEqual(process.err_line(), "more\n")
        self.assert_noticed(process)

    def test_a_run_that_says_none_is_well(self):
        process = Process(["sh", "-c", "echo said; echo said >&2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.wait()
        process.end()
        self.assertEqual(process.heard, b"said\nsaid\n")

    def test_a_password_among_the_arguments_is_not_said(self):
        check_said(Ran(["migrate", "--url", "postgresql://u:%s@h/d" % PASSWORD], 0, b"said", b"said"))
        for out, err in (PASSWORD.encode(), b""), (b"", PASSWORD.encode()):
            with self.assertRaises(AssertionError):
                check_said(Ran(["migrate"], 0, out, err))

    def test_a_sanitizers_report_is_noticed(self):
        process = Process(["sh", "-c", "echo '==7==ERROR: AddressSanitizer: heap' >&2"], stderr=subprocess.PIPE)
        process.wait()
        with self.assertRaisesRegex(AssertionError, "a sanitizer spoke up"):
            process.end()

    def test_a_log_is_looked_into_from_where_it_stood(self):
        path = self.write("server.log", "%s: before\n" % PASSWORD)
        log = ServerLog(path)
        log.check()
        self.write("server.log", "%s: before\nLOG: well\n" % PASSWORD)
        log.check()
        self.write("server.log", "%s: before\nERROR: postgresql://u:%s@h/d\n" % (PASSWORD, PASSWORD))
        with self.assertRaisesRegex(AssertionError, "ERROR: postgresql"):
            log.check()


@needs_postgres
class Servers(Case):
    def test_a_password_in_the_log_of_a_server_is_noticed_when_it_is_removed(self):
        server = Server("fsync = off").start()
        self.addCleanup(server.undertaker.stdin.close)
        with self.assertRaisesRegex(AssertionError, "psql refused"):
            server.query("SELECT '%s' FROM nowhere" % PASSWORD)
        with self.assertRaisesRegex(AssertionError, "in the server's log"):
            server.remove()
        self.assertFalse(os.path.exists(server.folder))

    def test_a_server_goes_with_the_test_that_is_killed(self):
        here = os.path.dirname(os.path.abspath(__file__))
        test = ("import sys, time; sys.path.insert(0, %r); from server import Server; server = Server('fsync = off').start(); "
                "print(server.folder, flush=True); time.sleep(600)" % here)
        for number in signal.SIGKILL, signal.SIGTERM, signal.SIGHUP:
            with self.subTest(number), subprocess.Popen([sys.executable, "-c", test], stdout=subprocess.PIPE,
                                                        start_new_session=True) as process:
                folder = process.stdout.readline().decode().strip()
                with open(os.path.join(folder, "data", "postmaster.pid"), encoding="ascii") as file:
                    server = int(file.readline())
                os.kill(server, 0)
                os.killpg(process.pid, number)  # with all that it has started
                process.wait(SECONDS)
                self.wait_for(lambda path=folder: not os.path.exists(path), "its folder is still there")
                with self.assertRaises(ProcessLookupError):
                    os.kill(server, 0)

    def wait_for(self, condition, otherwise):
        deadline = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), deadline, otherwise)
            time.sleep(0.05)


if __name__ == "__main__":
    main()
