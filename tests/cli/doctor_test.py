"""doctor: what it finds, and that it finds it within its time, says what to do, changes nothing and shows no password."""

import glob
import os
import pwd
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

import harness
from harness import (Case, Postgres, Sqlite, free_port, main, needs_postgres, on_both_databases, postgres_program,
                     postgres_url, psql)

NETWORK = ["source", "name", "tcp", "answer", "tls", "authentication"]
SERVER = ["version", "hosting", "primary", "round_trip", "privileges", "connections", "pool", "transactions", "blocked",
          "pooler", "indexes", "revisions", "unfinished"]
FILE = ["source", "file", "folder", "open", "journal", "integrity", "foreign_keys", "lock", "revisions", "unfinished"]


class Doctor:
    """What the tests of this file ask of a run: doctor() answers {name: [check, ...]}."""

    def doctor(self, *arguments, status=0, **options):
        self.ran = self.migrate("doctor", *arguments, "--format", "json", status=status, **options)
        self.assertLeavesOut(self.ran.out + self.ran.err, "throw-away", "s3cret")
        found = {}
        for check in self.ran.json["checks"]:
            found.setdefault(check["name"], []).append(check)
        return found

    def assertFound(self, found, name, status, *parts):
        """One of the checks of that name has the status, and its message and hint together have the parts."""
        checks = found.get(name, [])
        fitting = [check for check in checks if check["status"] == status and
                   all(part in check["message"] + "\n" + (check["hint"] or "") for part in parts)]
        self.assertTrue(fitting, "expected %s %s with %r, got %r" % (name, status, parts, checks))

    def session(self, url, sql):
        """A psql that has run `sql` and stays connected; answers its pid on the server."""
        process = subprocess.Popen([postgres_program("psql"), "-XqAt", "-d", url], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        process.stdin.write("SET application_name = 'cook'; SELECT pg_backend_pid(); %s; SELECT 'ready';\n" % sql)
        process.stdin.flush()
        pid = process.stdout.readline().strip()
        if "-- waits" not in sql:
            self.assertEqual(process.stdout.readline(), "ready\n")
        return pid


# --- both databases ---

@on_both_databases
class Healthy(Doctor):
    def test_a_database_at_its_head_is_well(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);")
        self.migrate("upgrade")
        found = self.doctor()
        self.assertFound(found, "revisions", "ok", "at a")
        self.assertFound(found, "unfinished", "ok")
        found.pop("version", None)  # whether the server is still supported today
        self.assertEqual({check["status"] for checks in found.values() for check in checks} - {"ok", "skipped"}, set())

    def test_each_check_has_the_same_four_keys(self):
        self.doctor()
        self.assertEqual([key for key in self.ran.json], ["command", "status", "database", "checks"])
        self.assertEqual(self.ran.json["database"]["dialect"], self.dialect)
        for check in self.ran.json["checks"]:
            self.assertEqual(list(check), ["name", "status", "message", "hint"])
            self.assertIn(check["status"], ("ok", "warning", "failed", "skipped"))

    def test_the_checks_come_in_the_order_of_a_connection(self):
        self.doctor()
        names = [check["name"] for check in self.ran.json["checks"]]
        self.assertEqual(names, FILE if self.dialect == "sqlite" else NETWORK + SERVER)

    def test_pending_revisions_are_counted(self):
        for rev in "abc":
            self.revision(rev, up="CREATE TABLE %s (x INTEGER);" % rev)
        self.migrate("upgrade", "a")
        self.assertFound(self.doctor(), "revisions", "warning", "at a", "2 of 3", "migrate upgrade heads")

    def test_a_row_that_no_file_has_is_a_failure(self):
        path = self.revision("a", up="CREATE TABLE t (x INTEGER);")
        self.migrate("upgrade")
        os.unlink(path)
        self.assertFound(self.doctor(status=1), "revisions", "failed", "at a", "no file")

    def test_a_missing_folder_is_one_failure_and_hides_nothing_else(self):
        os.rmdir(self.path("migrations"))
        found = self.doctor(status=1)
        self.assertFound(found, "revisions", "failed", "no migrations folder")
        self.assertFound(found, "unfinished", "ok")

    def test_it_changes_nothing(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);")
        self.doctor()
        if self.dialect == "sqlite":
            self.assertFalse(os.path.exists(self.database), "doctor created the file")
        else:
            self.assertEqual(self.objects(), [])

    def test_the_text_has_a_line_for_each_and_its_hint_below(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);")
        out = self.migrate("doctor").out
        self.assertRegex(out, r"(?m)^ok +source +\S+ ?.*, from MIGRATE_DATABASE_URL in the environment$")
        self.assertRegex(out, r"(?m)^warning +revisions +the database is at base.*\n +hint: `migrate upgrade heads`")
        self.assertRegex(out, r"\d+ ok, \d+ warnings?, 0 failed, \d+ skipped\n$")


class Source(Doctor, Case):
    def test_without_a_database_the_source_fails_with_its_own_status(self):
        found = self.doctor(status=2)
        self.assertFound(found, "source", "failed", "DATABASE_URL")
        self.assertEqual(self.ran.json["error"]["code"], "no_database")

    def test_a_bad_url_is_said_without_its_password(self):
        self.assertFound(self.doctor("--url", "postgres:/x:s3cret@y", status=2), "source", "failed")

    def test_an_unknown_option_is_refused(self):
        self.migrate("doctor", "--replica", "2", status=2)


# --- the way to the server ---

class Stranger:
    """A listener on a free port that treats each connection as told."""

    def __init__(self, case, treat):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(8)
        self.port = self.listener.getsockname()[1]
        self.open = []
        threading.Thread(target=self.serve, args=(treat,), daemon=True).start()
        case.addCleanup(self.close)

    def serve(self, treat):
        while True:
            try:
                connection, _ = self.listener.accept()
                self.open.append(connection)
                treat(connection)
            except OSError:
                return

    def close(self):
        for connection in [self.listener, *self.open]:
            connection.close()


class Way(Doctor, Case):
    def url(self, port, host="127.0.0.1"):
        return "postgresql://app:s3cret@%s:%s/kitchen" % (host, port)

    def quick(self, url, status=10, limit=8, **environment):
        began = time.monotonic()
        found = self.doctor("--url", url, status=status, environment={"DB_CONNECT_TIMEOUT": "1", **environment})
        self.assertLess(time.monotonic() - began, limit, "a step took longer than its time")
        return found

    def test_a_port_that_says_nothing_is_given_up(self):
        port = Stranger(self, lambda connection: None).port
        found = self.quick(self.url(port), limit=3)
        self.assertFound(found, "tcp", "ok", "127.0.0.1", str(port))
        self.assertFound(found, "answer", "failed", "says nothing within 1 s")
        self.assertFound(found, "version", "skipped")
        self.assertEqual(self.ran.json["error"]["code"], "unreachable")

    def test_a_web_server_is_not_postgresql(self):
        port = Stranger(self, lambda c: (c.recv(64), c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), c.close())).port
        self.assertFound(self.quick(self.url(port)), "answer", "failed", "not PostgreSQL", "HTTP/1.1 400 Bad Request")

    def test_a_server_that_speaks_first_and_begins_with_an_s_is_not_postgresql(self):
        port = Stranger(self, lambda c: c.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")).port
        self.assertFound(self.quick(self.url(port)), "answer", "failed", "not PostgreSQL", "SSH-2.0")

    def test_a_port_that_closes_at_once_is_told_from_silence(self):
        port = Stranger(self, lambda connection: connection.close()).port
        self.assertFound(self.quick(self.url(port)), "answer", "failed", "closes it")

    def test_one_that_promises_tls_and_stays_silent_does_not_hang_it(self):
        port = Stranger(self, lambda c: (c.recv(64), c.sendall(b"S"))).port
        found = self.quick(self.url(port) + "?sslmode=require")
        self.assertFound(found, "tls", "failed", "no answer in time")
        self.assertFound(found, "authentication", "failed", "no answer")

    def test_one_that_promises_tls_and_speaks_something_else_is_named(self):
        port = Stranger(self, lambda c: (c.recv(64), c.sendall(b"S"), c.recv(64), c.sendall(b"nonsense" * 9))).port
        self.assertFound(self.quick(self.url(port) + "?sslmode=require", status=None), "tls", "failed", "handshake failed")

    def test_a_closed_port_is_refused(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            found = self.quick(self.url(unused.getsockname()[1]))
        self.assertFound(found, "tcp", "failed", "Connection refused", "security group")

    def test_a_name_that_is_not_known(self):
        found = self.quick(self.url(5432, "nowhere.invalid"))
        self.assertFound(found, "name", "failed", "nowhere.invalid", "not resolved")
        self.assertFound(found, "authentication", "skipped")

    def test_a_missing_socket(self):
        found = self.quick("postgresql:///kitchen?host=%s" % self.folder)
        self.assertFound(found, "tcp", "failed", ".s.PGSQL.5432", "No such file")

    def test_an_interrupt_ends_a_wait_at_once(self):
        port = Stranger(self, lambda connection: None).port
        process = self.start("--url", self.url(port), "doctor", environment={"DB_CONNECT_TIMEOUT": "60"})
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        self.assertEqual(process.wait(10), 143)
        self.assertLess(time.monotonic() - began, 3)


class Server(Doctor, Postgres, Case):
    def test_one_of_several_servers_may_be_away(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            gone = unused.getsockname()[1]
            url = re.sub(r"@([^/]*)/", r"@127.0.0.1:%d,\1/" % gone, self.url)
            found = self.doctor("--url", url)
        self.assertFound(found, "tcp", "warning", str(gone), "refused")
        self.assertFound(found, "tcp", "ok")
        self.assertFound(found, "authentication", "ok")

    def test_a_list_of_hosts_with_an_empty_one_does_not_end_it(self):
        environment = {"MIGRATE_DATABASE_URL": None, "PGHOST": ",127.0.0.1", "PGPORT": re.search(r":(\d+)/", self.url)[1],
                       "PGUSER": "postgres", "PGPASSWORD": "throw-away", "PGDATABASE": self.database}
        self.assertFound(self.doctor(environment=environment), "authentication", "ok", self.database)

    def test_a_wrong_password_is_refused_and_not_shown(self):
        found = self.doctor("--url", self.url.replace("throw-away", "s3cret"), status=6)
        self.assertFound(found, "answer", "ok", "PostgreSQL answers")
        self.assertFound(found, "authentication", "failed", "password authentication failed")
        self.assertEqual(self.ran.json["error"]["code"], "authentication")

    def test_an_unknown_database_is_named(self):
        found = self.doctor("--url", postgres_url("nothing_here"), status=6)
        self.assertFound(found, "authentication", "failed", "nothing_here", "Create the database")
        self.assertEqual(self.ran.json["error"]["code"], "no_such_database")

    def test_a_server_without_tls_is_a_failure_where_tls_is_wanted(self):
        found = self.doctor("--url", postgres_url(self.database, sslmode="require"), status=6)
        self.assertFound(found, "tls", "failed", "takes none", "ssl = on")

    def test_the_server_says_what_it_is(self):
        found = self.doctor()
        version = self.query("SHOW server_version")[0][0]
        self.assertFound(found, "version", "ok" if " 14" > version else found["version"][0]["status"], version, "supported")
        self.assertFound(found, "hosting", "ok", "not Amazon RDS")
        self.assertFound(found, "primary", "ok")
        self.assertFound(found, "round_trip", "ok", "ms")
        self.assertFound(found, "pooler", "ok")

    def test_rds_is_known_by_its_role(self):
        self.execute("CREATE ROLE rds_superuser")
        self.addCleanup(psql, harness.POSTGRES, "DROP ROLE rds_superuser")
        self.assertFound(self.doctor(), "hosting", "ok", "Amazon RDS")

    def test_aurora_is_known_by_its_function(self):
        self.execute("CREATE FUNCTION aurora_version() RETURNS text LANGUAGE sql AS $$SELECT '15.4.2'$$")
        self.assertFound(self.doctor(), "hosting", "ok", "Amazon Aurora 15.4.2")

    def test_a_database_that_takes_no_changes(self):
        self.execute("ALTER DATABASE %s SET default_transaction_read_only = on" % self.database)
        self.assertFound(self.doctor(status=1), "primary", "failed", "default_transaction_read_only")

    # --- privileges ---

    def ordinary(self):
        return os.environ["MIGRATE_TEST_POSTGRES_ROLE"].rsplit("/", 1)[0] + "/" + self.database

    def test_a_role_that_may_create_nothing_is_told_what_to_grant(self):
        self.execute("REVOKE CREATE ON SCHEMA public FROM public")
        self.assertFound(self.doctor("--url", self.ordinary(), status=1), "privileges", "failed",
                         "may not create anything", 'GRANT USAGE, CREATE ON SCHEMA "public" TO "ordinary"')

    def test_a_version_table_that_may_not_be_written(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);")
        self.migrate("upgrade")
        self.execute("GRANT CREATE ON SCHEMA public TO ordinary; GRANT SELECT ON alembic_version TO ordinary")
        found = self.doctor("--url", self.ordinary(), status=1)
        self.assertFound(found, "privileges", "failed", "alembic_version belongs to postgres", "GRANT SELECT, INSERT")
        self.assertFound(found, "privileges", "failed", "migrate_history belongs to postgres")
        self.assertFound(found, "privileges", "warning", "1 tables", "belong to postgres (t")
        self.execute("GRANT ALL ON alembic_version, migrate_history, migrate_script, t TO ordinary")
        found = self.doctor("--url", self.ordinary())
        self.assertEqual([check["status"] for check in found["privileges"]], ["warning"], found["privileges"])

    def test_the_role_to_become_must_be_there_and_ours_to_take(self):
        self.assertFound(self.doctor(status=1, environment={"DB_ROLE": "nobody_here"}), "privileges", "failed",
                         "no such role")
        self.execute("CREATE ROLE chef")
        self.addCleanup(psql, harness.POSTGRES, "DROP ROLE chef")
        chef = {"DB_ROLE": "chef"}
        self.assertFound(self.doctor("--url", self.ordinary(), status=1, environment=chef), "privileges", "failed",
                         "may not become", 'GRANT "chef"')
        self.execute("GRANT chef TO ordinary; GRANT CREATE ON SCHEMA public TO chef")
        self.addCleanup(psql, self.url, "DROP OWNED BY chef")
        self.assertFound(self.doctor("--url", self.ordinary(), environment=chef), "privileges", "ok", "chef")

    # --- pools ---

    def test_the_pools_against_max_connections(self):
        # The server of the tests has max_connections = 100, 3 of them kept for superusers.
        for size, overflow, replicas, status, health, part in [
                ("20", "30", 1, 0, "ok", "50%"), ("20", "50", 1, 0, "ok", "70%"), ("20", "51", 1, 0, "warning", "71%"),
                ("20", "30", 2, 1, "failed", "97 to give"), ("97", "0", 1, 0, "warning", "97%"),
                ("98", "0", 1, 1, "failed", "98%"), ("10", None, 3, 0, "ok", "up to 20 connections: 60"),
                (None, "1", 1, 0, "ok", "up to 6 connections"), ("0", "5", 1, 0, "warning", "without a bound"),
                ("5", "-1", 1, 0, "warning", "without a bound"), ("many", "1", 1, 1, "failed", '"many"')]:
            found = self.doctor("--replicas", replicas, status=status,
                                environment={"DB_POOL_SIZE": size, "DB_MAX_OVERFLOW": overflow})
            with self.subTest(size=size, overflow=overflow, replicas=replicas):
                self.assertFound(found, "pool", health, part)

    def test_a_pool_that_makes_no_sense_stops_no_other_command(self):
        self.migrate("current", environment={"DB_POOL_SIZE": "many"})

    # --- those in the way ---

    def test_a_transaction_that_stays_open_is_named(self):
        self.execute("CREATE TABLE t (x text)")
        pid = self.session(self.url, "BEGIN; INSERT INTO t VALUES ('what is written')")
        self.assertFound(self.doctor(), "transactions", "ok")
        time.sleep(1.1)
        found = self.doctor("--old-after", "1s")
        self.assertFound(found, "transactions", "warning", "process " + pid, "cook", "idle in transaction",
                         "pg_terminate_backend(%s)" % pid)
        self.assertLeavesOut(self.ran.out, "what is written")

    def test_a_blocked_session_is_named_with_who_blocks_it(self):
        self.execute("CREATE TABLE t (x integer)")
        blocker = self.session(self.url, "BEGIN; LOCK TABLE t")
        waiter = self.session(self.url, "-- waits\nSELECT * FROM t")
        until = time.monotonic() + 20
        while self.query("SELECT count(*) FROM pg_locks WHERE NOT granted") == [("0",)]:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)
        self.assertFound(self.doctor(), "blocked", "warning", "process %s (cook) waits for t" % waiter,
                         "process %s has (postgres, cook, idle in transaction)" % blocker,
                         "pg_terminate_backend(%s)" % blocker)

    def test_a_version_table_that_is_locked_does_not_hang_it(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);")
        self.migrate("upgrade")
        self.session(self.url, "BEGIN; LOCK TABLE alembic_version")
        began = time.monotonic()
        self.assertFound(self.doctor(status=1, environment={"DB_LOCK_TIMEOUT": "300"}), "unfinished", "failed",
                         "lock timeout")
        self.assertLess(time.monotonic() - began, 10)

    def test_an_index_that_a_failed_build_left_behind(self):
        self.execute("CREATE TABLE t (x integer); INSERT INTO t VALUES (1), (1)")
        with self.assertRaises(AssertionError):
            self.execute("CREATE UNIQUE INDEX CONCURRENTLY t_x ON t (x)")
        self.assertFound(self.doctor(), "indexes", "warning", "public.t_x on t is INVALID",
                         "DROP INDEX CONCURRENTLY public.t_x")

    def test_a_revision_that_stopped_half_way(self):
        self.revision("a", up="CREATE TABLE t (x integer); INSERT INTO t VALUES (1), (1);")
        self.revision("b", body="-- migrate:upgrade autocommit\nCREATE INDEX CONCURRENTLY t_y ON t (x);\n"
                                "CREATE UNIQUE INDEX CONCURRENTLY t_x ON t (x);\n")
        self.migrate("upgrade", status=None)
        self.assertFound(self.doctor(status=1), "unfinished", "failed", "b stopped after 1 statement", "migrate upgrade b")

    def test_a_pooler_in_between_is_a_failure_unless_vouched_for(self):
        pgbouncer = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if not pgbouncer:
            self.skipTest("no pgbouncer")
        port = free_port()
        host, server_port = re.search(r"@([^:/]*):(\d+)/", self.url).groups()
        ini = self.write("pgbouncer.ini", "[databases]\n%s = host=%s port=%s user=postgres password=throw-away\n"
                         "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nauth_type = any\n"
                         "pool_mode = transaction\nunix_socket_dir =\n" % (self.database, host, server_port, port))
        process = subprocess.Popen([pgbouncer, "-q", ini], user="nobody" if os.getuid() == 0 else None)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        wait_for_port(port)
        url = "postgresql://app@127.0.0.1:%d/%s" % (port, self.database)
        self.assertFound(self.doctor("--url", url, status=1), "pooler", "failed", "MIGRATE_DATABASE_URL")
        self.write("migrate.ini", "[migrate]\nscript_location = migrations\npooler = session\n")
        self.assertFound(self.doctor("--url", url), "pooler", "ok", "pooler = session")


def wait_for_port(port):
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


# --- TLS: a server of the tests' own, whose certificate is changed under it ---

class Authority:
    """A certificate authority in a folder, by the openssl program."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.key, self.root = os.path.join(folder, name + ".key"), os.path.join(folder, name + ".crt")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650",
                "-keyout", self.key, "-out", self.root, "-subj", "/CN=" + name)
        with open(os.path.join(folder, name + ".index"), "w", encoding="ascii"):
            pass

    def issue(self, names, start="20200101000000Z", end="20500101000000Z"):
        """Paths of the key and the certificate of a server called so: "DNS:db.example.com,IP:10.0.0.1"."""
        key, request = os.path.join(self.folder, "issued.key"), os.path.join(self.folder, "issued.csr")
        certificate, config = os.path.join(self.folder, "issued.crt"), os.path.join(self.folder, self.name + ".cnf")
        with open(config, "w", encoding="ascii") as file:
            file.write("[ca]\ndefault_ca = it\n[it]\ndatabase = {0}/{1}.index\nnew_certs_dir = {0}\nrand_serial = yes\n"
                       "certificate = {0}/{1}.crt\nprivate_key = {0}/{1}.key\ndefault_md = sha256\npolicy = any\n"
                       "unique_subject = no\nx509_extensions = names\n[any]\ncommonName = supplied\n[names]\n"
                       "subjectAltName = {2}\n".format(self.folder, self.name, names))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                "-out", request, "-subj", "/CN=the server")
        openssl("ca", "-batch", "-notext", "-config", config, "-in", request, "-out", certificate, "-startdate", start,
                "-enddate", end)
        return key, certificate


def openssl(*arguments):
    ran = subprocess.run(["openssl", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if ran.returncode != 0:
        raise AssertionError("openssl %s\n%s" % (arguments[0], ran.stdout.decode()))


@needs_postgres
class Tls(Doctor, Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not shutil.which("openssl"):
            raise unittest.SkipTest("no openssl program")
        cls.home = tempfile.mkdtemp(prefix="migrate-tls-")
        cls.addClassCleanup(shutil.rmtree, cls.home, ignore_errors=True)
        os.chmod(cls.home, 0o777)
        cls.authority, cls.other = Authority(cls.home, "Kitchen CA"), Authority(cls.home, "Garden CA")
        cls.port, cls.data = free_port(), os.path.join(cls.home, "data")
        cls.as_server("initdb", "-D", cls.data, "-U", "postgres", "-A", "trust", "--no-sync", "--locale=C.UTF-8")
        with open(os.path.join(cls.data, "postgresql.auto.conf"), "w", encoding="ascii") as file:
            file.write("listen_addresses = '127.0.0.1'\nport = %d\nunix_socket_directories = ''\nfsync = off\nssl = on\n"
                       "max_connections = 10\nsuperuser_reserved_connections = 1\nmax_wal_senders = 0\n" % cls.port)
        cls.install(cls.authority.issue("DNS:localhost,IP:127.0.0.1"), reload=False)
        cls.as_server("pg_ctl", "-D", cls.data, "-w", "-s", "-l", os.path.join(cls.home, "log"), "start")
        cls.addClassCleanup(cls.as_server, "pg_ctl", "-D", cls.data, "-w", "-s", "-m", "immediate", "stop")

    @classmethod
    def as_server(cls, program, *arguments):
        user = None
        if os.getuid() == 0:
            user = "postgres" if any(one.pw_name == "postgres" for one in pwd.getpwall()) else "nobody"
        ran = subprocess.run([postgres_program(program), *arguments], user=user, group=user and pwd.getpwnam(user).pw_gid,
                             extra_groups=[] if user else None, cwd=cls.home, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, check=False)
        if ran.returncode != 0:
            raise AssertionError("%s: %s" % (program, ran.stdout.decode()))

    @classmethod
    def install(cls, issued, reload=True):
        owner = os.stat(cls.data)
        for path, name in zip(issued, ("server.key", "server.crt")):
            to = os.path.join(cls.data, name)
            shutil.copyfile(path, to + ".new")
            os.chmod(to + ".new", 0o600)
            os.chown(to + ".new", owner.st_uid, owner.st_gid)
            os.rename(to + ".new", to)
        if reload:
            cls.as_server("pg_ctl", "-D", cls.data, "-s", "reload")
            time.sleep(0.3)

    def at(self, host="127.0.0.1", root=None, **parameters):
        if root:
            parameters["sslrootcert"] = root.root.replace(" ", "%20")
        query = "&".join("%s=%s" % item for item in parameters.items())
        return "postgresql://postgres:s3cret@%s:%d/postgres?%s" % (host, self.port, query)

    def test_a_certificate_of_an_authority_of_our_own_is_verified(self):
        self.install(self.authority.issue("DNS:localhost,IP:127.0.0.1"))
        for host in ("127.0.0.1", "localhost"):
            found = self.doctor("--url", self.at(host, self.authority, sslmode="verify-full"))
            self.assertFound(found, "tls", "ok", "TLSv1.3", "verify-full")
            self.assertFound(found, "certificate", "ok", "CN=Kitchen CA", "Kitchen CA.crt")
            self.assertFound(found, "certificate_host", "ok", host)
            self.assertFound(found, "certificate_expiry", "ok", "2050-01-01")
            self.assertFound(found, "authentication", "ok", "TLSv1.3")

    def test_a_certificate_that_nobody_looks_at_is_a_warning(self):
        self.install(self.authority.issue("IP:127.0.0.1"))
        found = self.doctor("--url", self.at(sslmode="require"))
        self.assertFound(found, "certificate", "warning", "Kitchen CA", "is not trusted", "sslmode=require")

    def test_even_a_good_one_is_worth_nothing_unless_it_is_looked_at(self):
        self.install(self.authority.issue("IP:127.0.0.1"))
        found = self.doctor("--url", self.at(sslmode="prefer", root=self.authority))
        self.assertFound(found, "certificate", "warning", "would be trusted", "verify-full")

    def test_a_root_file_in_libpqs_place_is_used_and_named(self):
        self.install(self.authority.issue("IP:127.0.0.1"))
        os.mkdir(self.path(".postgresql"))
        shutil.copyfile(self.authority.root, self.path(".postgresql", "root.crt"))
        self.assertFound(self.doctor("--url", self.at(sslmode="require")), "certificate", "ok", "root.crt")

    def test_a_certificate_for_another_host(self):
        self.install(self.authority.issue("DNS:db.example.com,IP:10.9.8.7"))
        found = self.doctor("--url", self.at(root=self.authority, sslmode="verify-full"), status=6)
        self.assertFound(found, "certificate", "ok")
        self.assertFound(found, "certificate_host", "failed", "db.example.com, 10.9.8.7", "not for 127.0.0.1")
        self.assertFound(found, "authentication", "failed")
        self.assertEqual(self.ran.json["error"]["code"], "tls")
        found = self.doctor("--url", self.at(root=self.authority, sslmode="verify-ca"))
        self.assertFound(found, "certificate_host", "warning", "db.example.com")

    def test_an_expired_certificate(self):
        self.install(self.authority.issue("IP:127.0.0.1", "20200101000000Z", "20210101000000Z"))
        found = self.doctor("--url", self.at(root=self.authority, sslmode="verify-full"), status=6)
        self.assertFound(found, "certificate", "ok", "Kitchen CA")
        self.assertFound(found, "certificate_expiry", "failed", "expired on 2021-01-01", "renewed")
        self.assertFound(self.doctor("--url", self.at(sslmode="require")), "certificate_expiry", "warning", "2021-01-01")

    def test_one_that_ends_within_a_month(self):
        soon = time.gmtime(time.time() + 10.5 * 86400)
        self.install(self.authority.issue("IP:127.0.0.1", end=time.strftime("%Y%m%d%H%M%SZ", soon)))
        self.assertFound(self.doctor("--url", self.at(root=self.authority, sslmode="verify-full")), "certificate_expiry",
                         "warning", time.strftime("%Y-%m-%d", soon), "in 10 days")

    def test_a_self_signed_certificate(self):
        key, certificate = os.path.join(self.home, "self.key"), os.path.join(self.home, "self.crt")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90",
                "-keyout", key, "-out", certificate, "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
        self.install((key, certificate))
        found = self.doctor("--url", self.at(root=self.authority, sslmode="verify-full"), status=6)
        self.assertFound(found, "certificate", "failed", "self-signed", "sslrootcert")
        self.assertFound(found, "certificate_host", "ok")
        self.assertFound(found, "authentication", "failed")
        self.assertFound(self.doctor("--url", self.at(sslmode="require")), "certificate", "warning", "self-signed")

    def test_a_certificate_of_another_authority(self):
        self.install(self.other.issue("IP:127.0.0.1"))
        self.assertFound(self.doctor("--url", self.at(root=self.authority, sslmode="verify-ca"), status=6), "certificate",
                         "failed", "issued by CN=Garden CA", "is not trusted")

    def test_a_root_file_that_cannot_be_read(self):
        url = self.at(sslmode="verify-full", sslrootcert=self.path("none.crt"))
        self.assertFound(self.doctor("--url", url, status=6), "tls", "failed", "none.crt")

    def test_encryption_that_is_turned_off_says_so(self):
        found = self.doctor("--url", self.at(sslmode="disable"))
        self.assertFound(found, "tls", "skipped", "sslmode=disable")
        self.assertFound(found, "authentication", "ok", "unencrypted")

    def test_a_server_with_hardly_a_connection_left(self):
        self.assertFound(self.doctor("--url", self.at()), "connections", "ok", "of 9")
        for _ in range(7):
            self.session(self.at(), "SET work_mem = 64")
        self.assertFound(self.doctor("--url", self.at()), "connections", "warning", "8 of 9", "max_connections")


# --- SQLite ---

class File(Doctor, Sqlite, Case):
    def setUp(self):
        super().setUp()
        self.revision("a", up="CREATE TABLE t (x INTEGER);")

    def test_a_file_that_another_process_writes_to(self):
        self.migrate("upgrade")
        writer = sqlite3.connect(self.database, isolation_level=None)
        self.addCleanup(writer.close)
        writer.execute("BEGIN IMMEDIATE")
        self.assertFound(self.doctor(status=1), "lock", "failed", "locked")
        writer.execute("ROLLBACK")
        self.assertFound(self.doctor(), "lock", "ok")

    def test_a_file_that_is_no_database(self):
        self.write("test.db", "this is a shopping list, and no database at all\n" * 40)
        found = self.doctor(status=7)
        self.assertFound(found, "open", "failed", "not a database")
        self.assertFound(found, "integrity", "skipped")

    def test_a_damaged_file(self):
        self.execute("CREATE TABLE big (x TEXT); CREATE INDEX big_x ON big (x);"
                     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
                     "INSERT INTO big SELECT printf('%050d', i) FROM n;")
        with open(self.database, "r+b") as file:
            file.seek(4096 * 5)
            file.write(b"\xff" * 4096)
        self.assertFound(self.doctor(status=None), "integrity", "failed", "backup")
        self.assertEqual(self.ran.status, 1)

    def test_rows_that_refer_to_nothing(self):
        self.execute("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p); INSERT INTO c VALUES (9), (8)")
        self.assertFound(self.doctor(), "foreign_keys", "warning", "rows of c", "not in p: 2")

    def test_the_journal_mode(self):
        self.execute("PRAGMA journal_mode = WAL; CREATE TABLE t2 (x)")
        self.assertFound(self.doctor(), "journal", "ok", "wal")

    def test_a_missing_file(self):
        self.assertFound(self.doctor(), "file", "warning", "there is no", "first upgrade creates it")
        self.assertFound(self.doctor("--url", self.url + "?mode=rw", status=6), "open", "failed", "does not exist")
        self.assertFound(self.doctor("--url", "sqlite:////nowhere/at/all.db", status=1), "folder", "failed", "/nowhere/at")

    def test_a_file_for_reading_only(self):
        self.migrate("upgrade")
        found = self.doctor("--url", self.url + "?mode=ro")
        self.assertFound(found, "file", "warning", "reading only")
        self.assertFound(found, "lock", "skipped")

    def nobody(self):
        """For whom no permission is waived; the built tool may lie where only root looks, as in its home."""
        if os.getuid() != 0:
            return {}
        return {"user": "nobody", "program": shutil.copy(harness.BINARY, self.folder)}

    def test_a_file_and_a_folder_that_may_not_be_written(self):
        self.migrate("upgrade")
        someone = self.nobody()
        os.chmod(self.database, 0o444)
        os.chmod(self.folder, 0o555)
        self.addCleanup(os.chmod, self.folder, 0o755)
        process = self.start("doctor", **someone)
        out = process.communicate(timeout=60)[0].decode()
        self.assertEqual(process.returncode, 1, out)
        self.assertRegex(out, r"(?m)^failed +file .*may not be written")
        self.assertRegex(out, r"(?m)^failed +folder .*may not be written")


if __name__ == "__main__":
    main()
