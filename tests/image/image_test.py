"""The image without a container engine: a root made by debootstrap with the packages that the Dockerfile installs, the binary
built as its build stage builds it, and the hook's own command in it, as the manifest in templates/kubernetes has it: user,
read-only root, no capabilities, volumes. PostgreSQL speaks TLS alone, with a certificate of a CA of its own.

The root is kept in the build folder, by the list of its packages, so that only the first run is slow."""

import glob
import hashlib
import os
import pwd
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from harness import ROOT, SECONDS, Ran, Case, free_port, main, postgres_program, psql

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dockerfile  # pylint: disable=wrong-import-position

try:
    import yaml
except ImportError:
    yaml = None

BUILD = os.path.join(os.environ.get("MIGRATE_BUILD", os.path.join(ROOT, "build-dev")), "image")
DOCKERFILE = os.path.join(ROOT, "Dockerfile")
SUITE = {"debian:12-slim": "bookworm"}
MIRROR = os.environ.get("MIGRATE_TEST_MIRROR", "http://deb.debian.org/debian")
HOST = "mosaic-prod-db.example"  # what the server's certificate is for
BUNDLE = "/etc/ssl/rds/global-bundle.pem"


def why_not():
    """A reason to skip all of this; None: there is none."""
    with open("/etc/os-release", encoding="utf-8") as file:
        about = file.read()
    if os.environ.get("MIGRATE_SANITIZED"):
        return "the image holds the release build, which the other build tests"
    if os.geteuid() != 0:
        return "a root for the image can be made by root alone"
    if 'ID=debian' not in about or 'VERSION_ID="12"' not in about:
        return "what is built here would not run in Debian 12"
    for program in ("debootstrap", "openssl", "unshare", "setpriv"):
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin"):
            return "there is no " + program
    if not yaml:
        return "Python's yaml is not installed (python3-yaml)"
    if subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        return "no mount namespace can be made here"
    return None


def do(*command, **options):
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True, **options)
    if ran.returncode != 0:
        raise AssertionError("%s: status %d\n%s" % (" ".join(command), ran.returncode, ran.stdout[-4000:]))
    return ran.stdout


# --- the image -----------------------------------------------------------------------------------------------------


def made_root(stage):
    """A folder with what the stage has installed, and its users."""
    commands = [command for command in stage.commands() if not command.startswith(("apt-get", "rm "))]
    recipe = "\n".join([stage.base, MIRROR, *stage.packages(), *commands])
    folder = os.path.join(BUILD, "root-" + hashlib.sha256(recipe.encode()).hexdigest()[:12])
    if os.path.isdir(folder):
        return folder
    os.makedirs(BUILD, exist_ok=True)
    fresh = tempfile.mkdtemp(prefix="fresh-", dir=BUILD)
    try:
        do("debootstrap", "--variant=minbase", "--include=" + ",".join(stage.packages()), SUITE[stage.base], fresh, MIRROR,
           env={**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"})
        for command in commands:
            do("chroot", fresh, "sh", "-c", command, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        os.chmod(fresh, 0o755)
        os.rename(fresh, folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return folder


def built_binary(stage):
    """Runs the build stage's cmake commands on a copy of what its COPY lines name, and of nothing else."""
    source = os.path.join(BUILD, "src")
    copied = [word for text in stage.all("COPY") for word in text.split()[:-1]]
    for old in set(os.listdir(source) if os.path.isdir(source) else ()) - {"build"}:
        path = os.path.join(source, old)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    for name in copied:  # with their times, so that the second build has nothing to do
        path = os.path.join(ROOT, name)
        os.makedirs(source, exist_ok=True)
        shutil.copytree(path, os.path.join(source, name)) if os.path.isdir(path) else shutil.copy2(path, source)
    for command in stage.commands():
        if command.startswith("cmake"):
            do("sh", "-c", command, cwd=source)
    return os.path.join(source, "build", "migrate")


def manifest():
    """The Job of `kubectl apply`."""
    with open(os.path.join(ROOT, "templates", "kubernetes", "migrate.yaml"), encoding="utf-8") as file:
        return [document for document in yaml.safe_load_all(file) if document["kind"] == "Job"][0]


class Server:
    """PostgreSQL in a folder, that speaks TLS or not at all."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.account = "postgres" if "postgres" in [entry.pw_name for entry in pwd.getpwall()] else "nobody"
        self.data = os.path.join(folder, "data")
        self.certificates()
        with open(os.path.join(folder, "password"), "w", encoding="utf-8") as file:
            file.write("throw-away\n")
        do("chown", "-R", self.account, folder)
        self.run("initdb", "-D", self.data, "-U", "postgres", "--pwfile", folder + "/password", "-A", "scram-sha-256",
                 "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        with open(self.data + "/postgresql.auto.conf", "w", encoding="utf-8") as file:
            file.write("listen_addresses = '127.0.0.1'\nport = %d\nunix_socket_directories = '%s'\nfsync = off\nssl = on\n"
                       "ssl_cert_file = '%s/server.crt'\nssl_key_file = '%s/server.key'\n"
                       % (self.port, folder, folder, folder))
        with open(self.data + "/pg_hba.conf", "w", encoding="utf-8") as file:
            file.write("local all all trust\nhostssl all all all scram-sha-256\n")
        self.start()

    def run(self, program, *arguments):
        return do("runuser", "-u", self.account, "--", postgres_program(program), *arguments, cwd=self.folder)

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-l", self.folder + "/log", "-w", "-s", "start")

    def stop(self):
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "-s", "stop")

    def certificates(self):
        def openssl(*arguments):
            do("openssl", *arguments, cwd=self.folder)
        for name in ("ca", "other"):
            openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=" + name,
                    "-keyout", name + ".key", "-out", name + ".crt")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=server", "-keyout", "server.key", "-out", "server.csr")
        with open(self.folder + "/san", "w", encoding="utf-8") as file:
            file.write("subjectAltName=DNS:" + HOST)
        openssl("x509", "-req", "-days", "2", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                "-extfile", "san", "-out", "server.crt")
        os.chmod(self.folder + "/server.key", 0o600)

    def superuser(self, database="postgres"):
        return "postgresql://postgres@/%s?host=%s&port=%d" % (database, self.folder, self.port)


WHY_NOT = why_not()


@unittest.skipIf(WHY_NOT, WHY_NOT)
class Image(Case):
    """hook() runs the Job's command in the image, and answers the Ran."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.build, cls.final = dockerfile.stages(DOCKERFILE)
        cls.root = made_root(cls.final)
        cls.binary = built_binary(cls.build)
        folder = tempfile.mkdtemp(prefix="migrate-image-")
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        os.chmod(folder, 0o755)
        cls.server = Server(folder)
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        super().setUp()
        self.job = manifest()["spec"]["template"]["spec"]
        self.container = self.job["containers"][0]
        self.image = tempfile.mkdtemp(prefix="run-", dir=BUILD)
        os.rmdir(self.image)
        self.addCleanup(shutil.rmtree, self.image, ignore_errors=True)
        do("cp", "-al", self.root, self.image)  # links: what a test adds, the kept root does not see
        self.place(self.binary, "/usr/local/bin/migrate")
        self.put("/etc/hosts", "127.0.0.1 localhost %s other.example\n" % HOST)
        self.database = "kitchen_%d" % random.randrange(10 ** 9)
        psql(self.server.superuser(), "CREATE DATABASE " + self.database)
        self.variables = {"MIGRATE_DATABASE_URL": self.url(), "DB_SSL_MODE": "verify-full", "DB_SSL_ROOT_CERT": BUNDLE}
        self.place(self.server.folder + "/ca.crt", BUNDLE)
        for path in glob.glob(os.path.join(ROOT, "migrations", "*.sql")):
            self.place(path, "/migrations/" + os.path.basename(path))

    def place(self, source, path):
        """COPY: readable by all."""
        with open(source, "rb") as file:
            self.put(path, file.read())
        os.chmod(self.image + path, os.stat(source).st_mode & 0o111 | 0o644)

    def put(self, path, content, mode=0o644):
        """A file in the image; a new one, since the one that is there is a link to the kept root's."""
        os.makedirs(os.path.dirname(self.image + path), exist_ok=True)
        if os.path.exists(self.image + path):
            os.remove(self.image + path)
        with open(self.image + path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(self.image + path, mode)

    def secret(self, content):
        """The Secret's file as the chart mounts it: the pod's group may read it, nobody else."""
        path = "/etc/migrate/database/secret.json"
        self.put(path, content, 0o440)
        os.chown(self.image + path, 0, self.job["securityContext"]["fsGroup"])
        self.variables.pop("MIGRATE_DATABASE_URL", None)
        self.variables["DATABASE_SECRET_FILE"] = path

    def url(self, host=HOST, password="throw-away", port=None):
        return "postgresql://postgres:%s@%s:%d/%s" % (password, host, port or self.server.port, self.database)

    def query(self, sql):
        return psql(self.server.superuser(self.database), sql)

    def command(self, *command):
        """The program's command line in a mount namespace and, as process 1, a PID namespace of its own."""
        user = self.job["securityContext"]
        self.assertIs(self.container["securityContext"]["readOnlyRootFilesystem"], True)
        self.assertEqual(self.container["securityContext"]["capabilities"], {"drop": ["ALL"]})
        script = """mount --bind "$1" "$1" && mkdir -p "$1/proc" && mount -t proc proc "$1/proc" &&
            mount -o remount,bind,ro "$1" && image=$1 && shift && exec chroot "$image" "$@" """
        return ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL",
                "sh", "-c", script, "sh", self.image, "setpriv", "--reuid=%d" % user["runAsUser"],
                "--regid=%d" % user["runAsGroup"], "--groups=%d" % user["fsGroup"], "--no-new-privs",
                "--bounding-set=-all", "--inh-caps=-all", *command]

    def launch(self, *command):
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent",
                       **self.variables}
        process = subprocess.Popen(self.command(*command), env=environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def finish(self, process, status):
        out, err = process.communicate(timeout=SECONDS)
        ran = Ran(process.args[-4:], process.returncode, out, err)
        if ran.status != status:
            self.fail("expected status %d, got %d:\n%s" % (status, ran.status, ran))
        return ran

    def run_in_image(self, *command, status=0):
        return self.finish(self.launch(*command), status)

    def hook(self, status=0, wait="60s"):
        """The container's command and arguments; `wait` in place of the manifest's."""
        arguments = ["--wait=" + wait if argument.startswith("--wait=") else argument
                     for argument in self.container["args"]]
        self.assertEqual(arguments[:2], ["upgrade", "head"])
        return self.run_in_image(*self.container["command"], *arguments, status=status)

    # --- the image itself ---

    def test_the_root_is_read_only_and_the_user_nobody_in_particular(self):
        # The test of the test: were it otherwise, the others would prove nothing.
        ran = self.run_in_image("sh", "-c", "id -u; id -g; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status; "
                                "for place in / /tmp /migrations /usr/local/bin; do touch $place/x; done", status=1)
        user = self.job["securityContext"]
        self.assertEqual(ran.out.split(), [str(user["runAsUser"]), str(user["runAsGroup"]), "CapEff:", "0" * 16,
                                           "CapBnd:", "0" * 16, "NoNewPrivs:", "1"])
        self.assertEqual(ran.err.count("Read-only file system"), 4, ran)

    def test_the_user_of_the_image_is_the_manifests_and_has_a_name(self):
        (user,) = self.final.all("USER")
        context = self.job["securityContext"]
        self.assertEqual(user, "%d:%d" % (context["runAsUser"], context["runAsGroup"]))
        self.assertEqual(self.run_in_image("id", "-un").out, "migrate\n")

    def test_without_arguments_it_says_what_it_can_do(self):
        self.assertEqual((self.final.all("ENTRYPOINT"), self.final.all("CMD")), (['["migrate"]'], ['["--help"]']))
        self.assertIncludes(self.run_in_image("migrate", "--help").out, "upgrade")

    def test_migrations_are_looked_for_in_a_folder_that_only_a_copy_makes(self):
        self.assertEqual(self.final.all("WORKDIR"), ["/"])
        self.assertFalse(os.path.exists(self.root + "/migrations"))

    def test_it_has_the_roots_that_the_system_trusts(self):
        self.assertIncludes(self.run_in_image("cat", "/etc/ssl/certs/ca-certificates.crt").out, "BEGIN CERTIFICATE")

    def test_every_file_that_is_copied_gets_to_the_builder(self):
        for text in self.build.all("COPY"):
            for source in text.split()[:-1]:
                self.assertTrue(dockerfile.let_through(os.path.join(ROOT, ".dockerignore"), source), source)

    def test_the_bundle_of_rds_is_where_the_chart_says_and_readable(self):
        (bundle,) = self.final.all("ADD")
        self.assertEqual(bundle, "--chmod=0644 ${RDS_BUNDLE} " + BUNDLE)
        with open(os.path.join(ROOT, "templates", "helm", "migrate", "values.yaml"), encoding="utf-8") as file:
            self.assertIncludes(file.read(), BUNDLE)

    # --- the hook ---

    def test_the_hooks_command_reaches_head_over_verified_tls(self):
        self.put("/migrations/z.sql", "-- Revision ID: z\n-- Revises: 09c3f5e8b74d\n\n-- migrate:upgrade\n"
                 "CREATE TABLE seen AS SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid();\n")
        self.hook()
        self.assertEqual(self.query("SELECT version_num FROM alembic_version"), [("z",)])
        self.assertEqual(self.query("SELECT ssl FROM seen"), [("t",)])
        self.assertEqual(self.query("SELECT count(*) FROM migrate_history WHERE status = 'done'"), [("7",)])
        again = self.hook()
        self.assertIncludes(again.out + again.err, "nothing to do")

    def test_doctor_in_the_hooks_place_sees_a_verified_certificate(self):
        self.hook()
        ran = self.run_in_image("migrate", "doctor", "--format=json")
        self.assertIncludes(ran.out, "TLSv1", "verif")
        self.assertLeavesOut(ran.out + ran.err, "throw-away")

    def test_a_mounted_secret_names_the_database(self):
        self.secret('{"engine": "postgres", "host": "%s", "port": %d, "dbname": "%s", "username": "postgres", '
                    '"password": "throw-away"}' % (HOST, self.server.port, self.database))
        self.hook()
        self.assertEqual(self.query("SELECT count(*) FROM alembic_version"), [("1",)])

    def test_a_password_that_is_rotated_while_the_hook_waits_is_read_again(self):
        def content(port):
            return ('{"host": "%s", "port": "%d", "database": "%s", "username": "postgres", "password": "throw-away"}'
                    % (HOST, port, self.database))
        self.secret(content(1))
        process = self.launch("migrate", "upgrade", "head", "--wait=60s")
        time.sleep(1)
        self.assertIsNone(process.poll(), "it did not wait")
        self.secret(content(self.server.port))  # a new file, as kubelet puts one in the old one's place
        self.finish(process, 0)
        self.assertEqual(self.query("SELECT count(*) FROM alembic_version"), [("1",)])

    def test_as_process_1_it_hears_the_pod_being_terminated_and_rolls_back(self):
        self.put("/migrations/z.sql", "-- Revision ID: z\n-- Revises: 09c3f5e8b74d\n\n-- migrate:upgrade\n"
                 "CREATE TABLE half (x int);\nSELECT pg_sleep(60);\n")
        process = self.launch(*self.container["command"], *self.container["args"])
        self.until(lambda: self.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = '%s'"
                                      % self.database))
        with open("/proc/%d/task/%d/children" % (process.pid, process.pid), encoding="utf-8") as children:
            os.kill(int(children.read()), signal.SIGTERM)
        out, err = process.communicate(timeout=SECONDS)
        self.assertIn(process.returncode, (130, 143), err)
        self.assertEqual(self.query("SELECT version_num FROM alembic_version"), [("09c3f5e8b74d",)], out)
        self.assertEqual(self.query("SELECT to_regclass('half')"), [(None,)])

    def until(self, ready):
        for _ in range(200):
            if ready():
                return
            time.sleep(0.1)
        self.fail("it never came to that")

    def test_an_older_image_is_content_with_a_newer_schema_until_it_is_told_to_go_back(self):
        self.put("/migrations/z.sql", "-- Revision ID: z\n-- Revises: 09c3f5e8b74d\n\n-- migrate:upgrade\n"
                 "CREATE TABLE newer (x int);\n\n-- migrate:downgrade\nDROP TABLE newer;\n")
        self.hook()
        os.remove(self.image + "/migrations/z.sql")
        self.hook()
        self.assertEqual(self.query("SELECT version_num FROM alembic_version"), [("z",)])
        self.run_in_image("migrate", "goto", "head", "--wait=60s", "--lock-wait=60s")  # the pre-rollback hook
        self.assertEqual(self.query("SELECT version_num FROM alembic_version"), [("09c3f5e8b74d",)])
        self.assertEqual(self.query("SELECT to_regclass('newer')"), [(None,)])

    def test_the_applications_init_container_waits_for_its_heads_and_starts_an_older_image(self):
        check = ("migrate", "current", "--check-heads", "--wait=60s")
        self.run_in_image(*check, status=1)
        self.hook()
        self.run_in_image(*check)
        newest = glob.glob(self.image + "/migrations/*_09c3f5e8b74d_*.sql")
        self.assertEqual(len(newest), 1)
        os.remove(newest[0])
        self.run_in_image(*check)

    # --- what can be wrong, and whether the Job is tried again ---

    def assertFinal(self, status, *says, wait="60s"):
        rule = manifest()["spec"]["podFailurePolicy"]["rules"][1]["onExitCodes"]
        self.assertIn(status, rule["values"])
        started = time.monotonic()
        ran = self.hook(status=status, wait=wait)
        self.assertIncludes(ran.err, *says)
        self.assertLeavesOut(ran.out + ran.err, "throw-away")
        self.assertLess(time.monotonic() - started, 20, "it waited for what cannot come")

    def test_an_image_without_migrations_fails(self):
        shutil.rmtree(self.image + "/migrations")
        self.assertFinal(7, "there is no migrations folder")

    def test_no_database_at_all_fails(self):
        del self.variables["MIGRATE_DATABASE_URL"]
        self.assertFinal(2, "no database is named")

    def test_a_secret_that_is_none_fails_without_being_shown(self):
        self.secret("throw-away")
        self.assertFinal(2, "is no JSON")
        self.secret('{"username": "postgres", "password": "throw-away"}')
        self.assertFinal(2, "has neither \"url\" nor \"host\"")
        os.chmod(self.image + "/etc/migrate/database/secret.json", 0o400)  # root's alone
        self.assertFinal(7, "secret.json")

    def test_a_certificate_of_another_ca_or_for_another_host_fails(self):
        self.place(self.server.folder + "/other.crt", BUNDLE)
        self.assertFinal(6, "certificate")
        self.place(self.server.folder + "/ca.crt", BUNDLE)
        self.variables["MIGRATE_DATABASE_URL"] = self.url(host="other.example")
        self.assertFinal(6, "other.example")

    def test_a_bundle_that_is_not_there_fails(self):
        os.remove(self.image + BUNDLE)
        self.assertFinal(6, BUNDLE)

    def test_a_wrong_password_and_no_tls_fail(self):
        self.variables["MIGRATE_DATABASE_URL"] = self.url(password="wrong")
        self.assertFinal(6, "password")
        self.variables.update(MIGRATE_DATABASE_URL=self.url(), DB_SSL_MODE="disable")
        self.assertFinal(6)

    def test_a_server_that_is_away_is_tried_again(self):
        self.variables["MIGRATE_DATABASE_URL"] = self.url(port=1)
        self.hook(status=10, wait="1s")
        rule = manifest()["spec"]["podFailurePolicy"]["rules"][1]["onExitCodes"]
        self.assertNotIn(10, rule["values"])


if __name__ == "__main__":
    main()
