"""A PostgreSQL server of a test's own, to be stopped, restarted, filled and promoted. The one that all tests share is
tests/with-postgres's affair."""

import os
import shutil
import subprocess
import tempfile
import time

from harness import PASSWORDS, SECONDS, ServerLog, free_port, postgres_program, psql

PASSWORD = "throw-away-too"
PASSWORDS.add(PASSWORD)

# Waits until its stdin ends, which it does with the test however that ends; then the server in the folder goes at once.
_UNDERTAKER = """
read -r _
if pid=$(head -n 1 "$0/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null; then
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
fi
rm -rf "$0"
"""


def _as_account(*command):
    """PostgreSQL refuses to run as root."""
    return (["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []) + list(command)


def run(*command, **options):
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS, check=False,
                         cwd="/", **options)
    if ran.returncode != 0:
        raise AssertionError("%s: %s" % (" ".join(command), ran.stdout.decode("utf-8", "replace")))
    return ran.stdout.decode("utf-8", "replace")


class Server:
    """Not started until start(). conf: lines of postgresql.conf; hba: lines of pg_hba.conf instead of the usual ones."""

    def __init__(self, conf="", hba=None, standby_of=None):
        self.folder = tempfile.mkdtemp(prefix="migrate-server-", dir="/tmp")  # a socket's path may not be long
        self.undertaker = subprocess.Popen(["sh", "-c", _UNDERTAKER, self.folder], stdin=subprocess.PIPE, cwd="/",
                                           start_new_session=True)
        self.log = os.path.join(self.folder, "log")
        self.data = os.path.join(self.folder, "data")
        self.port = free_port()
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
        if standby_of:
            self._copy(standby_of)
        else:
            password = os.path.join(self.folder, "password")
            with open(password, "w", encoding="utf-8") as file:
                file.write(PASSWORD + "\n")
            run(*_as_account(postgres_program("initdb"), "-D", self.data, "-U", "postgres", "--pwfile", password,
                             "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"))
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as file:
            file.write("\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\nport = %d\n%s\n"
                       % (self.folder, self.port, conf))
        if hba is not None:
            with open(os.path.join(self.data, "pg_hba.conf"), "w", encoding="utf-8") as file:
                file.write(hba)

    def _copy(self, primary):
        """A standby, from the files of a server that stands still: pg_basebackup may be older than the server."""
        primary.stop()
        run(*_as_account("cp", "-a", primary.data, self.data))
        for line, name in (("", "standby.signal"), ("primary_conninfo = '%s'\n" % primary.url(), "postgresql.auto.conf")):
            with open(os.path.join(self.data, name), "a", encoding="utf-8") as file:
                file.write(line)
        primary.start()

    def url(self, database="postgres", user="postgres", password=PASSWORD, **parameters):
        query = "&".join("%s=%s" % item for item in parameters.items())
        return "postgresql://%s:%s@127.0.0.1:%d/%s%s" % (user, password, self.port, database, "?" + query if query else "")

    def _control(self, *words):
        return run(*_as_account(postgres_program("pg_ctl"), "-D", self.data, "-s", "-w", "-l",
                                self.log, *words))

    def start(self):
        """Does nothing when it runs already."""
        if not os.path.exists(os.path.join(self.data, "postmaster.pid")):
            self._control("start")
        return self

    def stop(self, mode="fast"):
        self._control("stop", "-m", mode)

    def restart(self, mode):
        self._control("restart", "-m", mode)

    def promote(self):
        self._control("promote")

    def query(self, sql, database="postgres"):
        return psql(self.url(database), sql)

    def until(self, sql, expected, database="postgres"):
        """Waits until the query answers what is expected."""
        deadline = time.monotonic() + SECONDS
        while self.query(sql, database) != expected:
            if time.monotonic() > deadline:
                raise AssertionError("never: %s = %s" % (sql, expected))
            time.sleep(0.05)

    def remove(self):
        """Fails, having removed it, if a password stands in its log."""
        try:
            ServerLog(self.log, 0).check()
        finally:
            self.undertaker.stdin.close()
            self.undertaker.wait(SECONDS)
