"""No run of anything ever shows a password, whichever way it came: good, wrong, or in what cannot be read."""

import json
import os
import re

from harness import POSTGRES, Case, main, needs_postgres, postgres_url


@needs_postgres
class Passwords(Case):
    """No run of anything ever shows one."""

    def test_a_password_is_nowhere_in_what_is_said(self):
        self.revision("a", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")
        place = postgres_url("postgres").split("@", 1)[1]
        urls = ["postgresql://postgres:hunter2word@" + place, "postgresql://postgres:hunter2word@127.0.0.1:1/x",
                "postgresql://%s?user=postgres&password=hunter2word" % place, "postgresql://postgres:hunter2word@/x?sslmode=no",
                "postgresql://postgres:hunter2word/x@y:z", "mysql://postgres:hunter2word@h/x",
                "postgresql://postgres:hunter2word%zz@h/x", "postgres:hunter2word@h/x",
                "postgresql://postgres:hunter2word@[::1/x", "postgresql://u:hunter2word@h:port/x"]
        for url in urls:
            for words in (["-v", "upgrade"], ["-v", "current", "--format", "json"], ["check", "--database", "--log-format=json"],
                          ["upgrade", "--sql", "-v"]):
                with self.subTest(url=url, words=words):
                    for more, environment in (["-u", url], {}), ([], {"DATABASE_URL": url}):
                        ran = self.migrate(*more, *words, status=None, environment=environment)
                        self.assertLeavesOut(ran.out + ran.err, "hunter2word")

    VERBS = [["-v", "upgrade"], ["-v", "current", "--format", "json"], ["check", "--database", "--log-format=json"],
             ["upgrade", "--sql", "-v"], ["upgrade", "--dry-run", "-v", "--format=json"], ["doctor", "-v"],
             ["doctor", "--format", "json"], ["-v", "wait", "--wait=50ms"], ["-v", "repair"]]

    def assert_unsaid(self, environment=None, secrets=("hunter",), statuses=None):
        """Whatever is run, none of the secrets is said; statuses: those of the runs, None for any."""
        for words in self.VERBS:
            with self.subTest(words=words, environment=environment):
                ran = self.migrate(*words, status=None, environment=environment)
                self.assertLeavesOut(ran.out + ran.err, *secrets)
                if statuses and words[-1] != "-v" and "wait" not in words:  # whose time a slow build may need to connect
                    self.assertIn(ran.status, statuses, ran)

    def setUp(self):
        super().setUp()
        self.revision("a", up="CREATE TABLE t (x INTEGER);", down="DROP TABLE t;")
        self.host, self.port = re.search(r"@([^:/]+):(\d+)", POSTGRES).groups()
        self.nowhere = "postgresql://postgres@%s:%s/postgres" % (self.host, self.port)

    def keep(self, name, text, mode=0o600):
        path = self.write(name, text)
        os.chmod(path, mode)
        return path

    def test_parts_in_the_environment(self):
        self.assert_unsaid({"DATABASE_HOST": self.host, "DATABASE_PORT": self.port, "DATABASE_USER": "postgres",
                            "DATABASE_NAME": "postgres", "DATABASE_PASSWORD": "hunter2word"}, statuses=(0, 1, 6))
        self.assert_unsaid({"DATABASE_HOST": "postgresql://u:hunter2word@h/x", "DATABASE_PASSWORD": "hunter2word"}, statuses=(2,))

    def test_one_that_libpq_finds_by_itself(self):
        service = self.keep("service.conf", "[s]\nhost=%s\nport=%s\nuser=postgres\ndbname=postgres\npassword=hunter2word\n"
                            % (self.host, self.port))
        line = "%s:%s:*:postgres:hunter2word\n" % (self.host, self.port)
        for more in ({"PGPASSWORD": "hunter2word"}, {"PGPASSFILE": self.keep("passfile", line)},
                     {"PGPASSFILE": self.keep("readable", line, 0o644)},
                     {"PGSERVICEFILE": service, "DATABASE_URL": "postgresql:///?service=s"},
                     {"PGSERVICEFILE": self.keep("broken.conf", "[s]\npassword hunter2word\n"),
                      "DATABASE_URL": "postgresql:///?service=s"}):
            self.assert_unsaid({"DATABASE_URL": self.nowhere, **more})
        self.keep(".pgpass", line)
        self.assert_unsaid({"DATABASE_URL": self.nowhere})

    def test_one_with_special_characters_however_it_is_written(self):
        secrets = "hunter2%2Fword", "hunter2/word", "word@", "%2F", "hunter2"
        for written in "hunter2%2Fword", "hunter2/word", "hunter2%2fword%40", "hunter2/word@":
            for url in ("postgresql://postgres:%s@%s:%s/postgres", "postgresql://postgres:%s@%s:1/x?sslmode=disable",
                        "postgresql://postgres:%s@%s:%s/nothing?sslmod=no"):
                self.assert_unsaid({"DATABASE_URL": url % ((written, self.host, self.port)[:url.count("%s")])}, secrets)
        for parameter in "password", "sslpassword", "PASSWORD", "passwort", "pass%77ord":
            self.assert_unsaid({"DATABASE_URL": self.nowhere + "?%s=hunter2%%2Fword" % parameter}, secrets)

    def test_a_secret_file_good_or_broken(self):
        whole = {"host": self.host, "port": int(self.port), "dbname": "postgres", "username": "postgres",
                 "password": "hunter2word"}
        texts = [json.dumps(whole), json.dumps({**whole, "host": "127.0.0.1", "port": 1}), json.dumps(whole)[:-1],
                 json.dumps({"url": "postgresql//u:hunter2word@h/x"}), json.dumps({"url": self.nowhere + "?a=hunter2word"}),
                 json.dumps({**whole, "password": {"hunter2word": 1}}), json.dumps(["hunter2word"]), "hunter2word",
                 '{"password": hunter2word}', '{"host": "h", "port": "hunter2word", "password": "hunter2word"}']
        for text in texts:
            self.assert_unsaid({"DATABASE_SECRET_FILE": self.keep("secret.json", text)})

    def test_an_env_file_good_or_broken(self):
        url = "postgresql://postgres:hunter2word@%s:%s/postgres" % (self.host, self.port)
        for text in ("DATABASE_URL=" + url, 'DATABASE_URL="%s"' % url, 'DATABASE_URL="%s' % url, "DATABASE_URL='%s' x" % url,
                     url, "DATABASE URL=" + url, "export DATABASE_URL " + url, "DATABASE_PASSWORD: hunter2word",
                     "=" + url, "DATABASE_URL=" + url + "\nDB_LOCK_TIMEOUT=" + url, "DATABASE_URL=\xff".encode("latin-1") + url.encode(),
                     "DATABASE_URL=" + url + "\0", "DATABASE_HOST=%s\nDATABASE_PORT=%s\nDATABASE_PASSWORD='hunter2word" % (self.host, self.port)):
            self.keep(".env", text)
            self.assert_unsaid()

    def test_a_migrate_ini_good_or_broken(self):
        url = "postgresql://postgres:hunter2word@%s:%s/postgres" % (self.host, self.port)
        for text in ("url = " + url, "sqlalchemy.url = " + url, url, "url\n  " + url, "url " + url, "[url = " + url,
                     "url = " + url + "\nurl = " + url, "url = " + url.replace("hunter2word", "hunter2word%(nothing)s"),
                     "url = " + url.replace("hunter2word", "hunter2word%x"), "url = " + url + "\n" + url, "lock_timeout = " + url,
                     "url = " + url.replace("//", "/"), "[" + url + "]"):
            self.keep("migrate.ini", "[migrate]\nscript_location = migrations\n" + text + "\n")
            self.assert_unsaid()

    def test_one_in_the_wrong_place(self):
        url = "postgresql://postgres:hunter2word@%s:%s/postgres" % (self.host, self.port)
        for words in ([url], ["upgrade", url], ["upgrade", url + "+1"], ["upgrade", url + "@head"], ["downgrade", url], ["stamp", url],
                      ["show", url], ["history", "-r", url + ":"], ["-c", url, "current"], ["-d", url, "current"],
                      ["-d", url, "revision", "-m", "x"], ["-n", url, "current"], ["--env-file", url, "current"], ["--" + url],
                      ["--url" + url], ["upgrade", "--lock-wait", url], ["upgrade", "--tag", url], ["help", url],
                      ["init", url + "\n"], ["upgrade", "--backup=" + url, "-u", url], ["repair", "--done", url, "-u", "x.db"],
                      ["--format", url, "current"], ["edit", url], ["merge", url, "a", "-m", "x"], ["current", url],
                      ["upgrade", "-u", "x.db", url], ["upgrade", "--sql", "-u", "postgresql:///", url]):
            for more in [], ["--format=json"], ["--log-format=json"]:
                with self.subTest(words=words, more=more):
                    ran = self.migrate(*words, *more, status=None, stdin=b"")
                    self.assertLeavesOut(ran.out + ran.err, "hunter2word")


if __name__ == "__main__":
    main()
