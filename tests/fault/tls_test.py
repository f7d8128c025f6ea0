"""TLS with a CA of the test's own: what each sslmode takes and what it refuses, and that a refusal ends at once."""

import datetime
import os
import shutil
import tempfile
import time
import unittest

from harness import Case, main, needs_postgres
from server import PASSWORD, Server, run

HBA = "hostssl all all 127.0.0.1/32 scram-sha-256\nlocal all all scram-sha-256\n"


class Authority:
    """A CA in a folder: certificates for the server's names, valid or expired."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.certificate = os.path.join(folder, name + ".crt")
        self.key = os.path.join(folder, name + ".key")
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + name, "-days", "2",
            "-keyout", self.key, "-out", self.certificate)

    def issue(self, name, days_from, days_to):
        """Answers (certificate, key) for localhost, valid from and to so many days from now."""
        base = os.path.join(self.folder, name)
        run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", base + ".key",
            "-out", base + ".csr")
        with open(base + ".ext", "w", encoding="utf-8") as file:
            file.write("subjectAltName = DNS:localhost\n")
        with open(base + ".cnf", "w", encoding="utf-8") as file:
            file.write("[ca]\ndefault_ca = own\n[own]\ndatabase = %s.index\nrand_serial = yes\ndefault_md = sha256\n"
                       "policy = any\n[any]\ncommonName = supplied\n" % base)
        with open(base + ".index", "w", encoding="utf-8"):
            pass
        when = [(datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")
                for days in (days_from, days_to)]
        run("openssl", "ca", "-batch", "-config", base + ".cnf", "-cert", self.certificate, "-keyfile", self.key,
            "-startdate", when[0], "-enddate", when[1], "-extfile", base + ".ext", "-notext", "-outdir", self.folder,
            "-in", base + ".csr", "-out", base + ".crt")
        return base + ".crt", base + ".key"


@needs_postgres
@unittest.skipUnless(shutil.which("openssl"), "there is no openssl to make certificates with")
class Tls(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.mkdtemp(prefix="migrate-tls-")
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        os.chmod(folder, 0o755)
        cls.authority = Authority(folder, "own")
        cls.stranger = Authority(folder, "stranger")
        cls.valid = cls.authority.issue("valid", -1, 2)
        cls.expired = cls.authority.issue("expired", -3, -1)
        cls.server = Server("fsync = off\nssl = on", hba=HBA)
        cls.addClassCleanup(cls.server.remove)
        cls.show(cls.valid, start=True)

    @classmethod
    def show(cls, pair, start=False):
        """The server shows this certificate from now on."""
        for source, name in zip(pair, ("server.crt", "server.key")):
            path = os.path.join(cls.server.data, name)
            shutil.copy(source, path)
            os.chmod(path, 0o600)
            if os.getuid() == 0:
                shutil.chown(path, "postgres", "postgres")
        if start:
            cls.server.start()
        else:
            cls.server.restart("fast")

    def ask(self, status=0, host="localhost", **parameters):
        url = self.server.url(**parameters).replace("@127.0.0.1:", "@%s:" % host)
        before = time.monotonic()
        said = self.migrate_json("current", "--wait=30s", status=status, environment={"MIGRATE_DATABASE_URL": url})
        self.assertLess(time.monotonic() - before, 10, "it should not have waited")
        return said.get("error")

    def refused(self, *words, **parameters):
        error = self.ask(status=6, **parameters)
        self.assertEqual(error["code"], "tls", error)
        self.assertIncludes(error["message"], *words)
        self.assertTrue(error["hint"], error)
        self.assertLeavesOut(str(error), PASSWORD)

    def test_each_mode_takes_a_certificate_it_trusts(self):
        for mode in ("prefer", "require", "verify-ca", "verify-full"):
            self.ask(sslmode=mode, sslrootcert=self.authority.certificate)

    def test_require_asks_for_no_trust(self):
        self.ask(sslmode="require")

    def test_plain_is_refused(self):
        self.refused("no encryption", sslmode="disable")

    def test_a_stranger_is_not_trusted(self):
        for mode in ("verify-ca", "verify-full"):
            self.refused("certificate verify failed", sslmode=mode, sslrootcert=self.stranger.certificate)

    def test_another_name_is_refused_by_verify_full_alone(self):
        self.ask(host="127.0.0.1", sslmode="verify-ca", sslrootcert=self.authority.certificate)
        self.refused("does not match host name", host="127.0.0.1", sslmode="verify-full",
                     sslrootcert=self.authority.certificate)

    def test_without_a_root_nothing_can_be_verified(self):
        self.refused("root certificate file", sslmode="verify-full")

    def test_an_expired_certificate_is_refused(self):
        self.show(self.expired)
        self.addCleanup(self.show, self.valid)
        self.ask(sslmode="require")
        self.refused("certificate verify failed", sslmode="verify-ca", sslrootcert=self.authority.certificate)


if __name__ == "__main__":
    main()
