"""What the lexer makes of a script is what psql makes of it.

psql itself is asked: it runs each script against a server of ours that accepts whatever it is sent, remembers it and
answers that it is done. So psql's own lexer decides where a statement ends, byte for byte, and nothing has to exist or
to parse. The scripts are those of the corpus, and hundreds put together at random.

The environment names the program that prints our split (MIGRATE_SPLIT). Without psql all is skipped.
"""

import glob
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SPLIT = os.environ.get("MIGRATE_SPLIT", "")


def find_psql():
    """The real psql: Debian's in the path is a wrapper that takes 20 ms a call."""
    installed = sorted(glob.glob("/usr/lib/postgresql/*/bin/psql"), key=lambda path: int(path.split("/")[4]))
    return installed[-1] if installed else shutil.which("psql")


PSQL = find_psql()


class Accepting(threading.Thread):
    """A server that says yes: enough of the protocol for psql to send a script through."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder = folder
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(folder, ".s.PGSQL.5432"))
        self.listener.listen(1)
        self.sent = []

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, client.makefile("rb") as stream:
                self.serve(client, stream)

    def serve(self, client, stream):
        (length,) = struct.unpack("!I", stream.read(4))
        stream.read(length - 4)
        settings = {"server_version": "15.0", "server_encoding": "UTF8", "client_encoding": "UTF8",
                    "standard_conforming_strings": "on", "DateStyle": "ISO", "integer_datetimes": "on"}
        client.sendall(message(b"R", struct.pack("!I", 0)) +
                       b"".join(message(b"S", f"{name}\0{value}\0".encode()) for name, value in settings.items()) +
                       message(b"K", struct.pack("!II", 1, 1)) + message(b"Z", b"I"))
        data = []
        while True:
            kind = stream.read(1)
            if kind in (b"", b"X"):
                return
            (length,) = struct.unpack("!I", stream.read(4))
            body = stream.read(length - 4)
            if kind == b"Q":
                query = body[:-1].decode("utf-8", "surrogateescape")
                self.sent.append(("S", query))
                if is_copy_in(query):
                    data = []
                    client.sendall(message(b"G", b"\0" + struct.pack("!H", 0)))
                else:
                    client.sendall(message(b"C", b"SELECT 0\0") + message(b"Z", b"I"))
            elif kind == b"d":
                data.append(body)
            elif kind == b"c":
                rows = b"".join(data).decode("utf-8", "surrogateescape")
                self.sent.append(("D", re.sub(r"^\\\.\n\Z", "", rows, flags=re.M)))  # psql before 18 sends the end too
                client.sendall(message(b"C", b"COPY 0\0") + message(b"Z", b"I"))
            else:
                raise AssertionError(f"psql sent {kind!r}")

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.join()
        self.listener.close()


def message(kind, body):
    return kind + struct.pack("!I", len(body) + 4) + body


COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.S)


def is_copy_in(query):
    """Good enough for the corpus."""
    return re.match(r"\s*copy\s+[^(\s].*\bfrom\s+stdin\b", COMMENT.sub(" ", query), re.I | re.S) is not None


def without_comments_before(text):
    """psql sends the comments before a statement with it."""
    while True:
        text = text.lstrip(" \t\n\r\f\v")
        if text.startswith("--"):
            text = re.sub(r"^[^\n\r]*", "", text)
        elif text.startswith("/*"):
            depth, at = 1, 2
            while depth and at < len(text):
                if text.startswith("*/", at):
                    depth, at = depth - 1, at + 2
                elif text.startswith("/*", at):
                    depth, at = depth + 1, at + 2
                else:
                    at += 1
            if depth:
                return text
            text = text[at:]
        else:
            return text


def normalised(text):
    """psql on its own account drops empty lines outside quotes."""
    return re.sub(r"\n+", "\n", without_comments_before(text)).rstrip()


def without_semicolon(text):
    return text[:-1].rstrip() if text.endswith(";") else text


def by_psql(server, path):
    server.sent = []
    # A process of its own session cannot ask a terminal for anything.
    done = subprocess.run([PSQL, "-X", "-q", "-f", path, f"host={server.folder} user=x dbname=x"],
                          env={"LC_ALL": "C.UTF-8", "PGCLIENTENCODING": "UTF8", "HOME": server.folder, "PATH": ""},
                          stdin=subprocess.DEVNULL, capture_output=True, check=False, start_new_session=True)
    sent = [(kind, normalised(text) if kind == "S" else text) for kind, text in server.sent]
    return ([pair for pair in sent if pair not in (("S", ""), ("S", ";"))], done.stderr.decode("utf-8", "replace"))


def by_us(path):
    done = subprocess.run([SPLIT, path], capture_output=True, check=True)
    fields = done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]
    return [(field[0], normalised(field[1:]) if field[0] == "S" else field[1:]) for field in fields]


class PsqlTest(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="psql_test.")
        self.addCleanup(shutil.rmtree, self.folder)
        self.server = Accepting(self.folder)
        self.server.start()
        self.addCleanup(self.server.stop)

    def assert_same(self, path, text):
        psql, complaints = by_psql(self.server, path)
        ours = by_us(path)
        if ours and ours[-1][0] == "E":
            # What does not end psql sends as it is, as the last thing; we refuse it.
            self.assertRegex(ours[-1][1], "does not end", text)
            ours, psql = ours[:-1], psql[:len(ours) - 1]
        elif ours and psql and psql[-1][0] == "S" and psql[-1][1].startswith(ours[-1][1]):
            # psql sends the comments behind the last statement too.
            if normalised(psql[-1][1][len(ours[-1][1]):]) == "":
                psql[-1] = ours[-1]
        psql = [("S", without_semicolon(text)) if kind == "S" and (kind, text) not in ours else (kind, text)
                for kind, text in psql]
        for number, (wanted, got) in enumerate(zip(psql, ours)):
            self.assertEqual(wanted, got, f"statement {number + 1} of\n{text}\n{complaints}")
        self.assertEqual(len(psql), len(ours), f"{psql[-2:]} and {ours[-2:]} of\n{text}\n{complaints}")
        return len(ours)

    def test_the_corpus_is_split_as_psql_splits_it(self):
        count = 0
        paths = sorted(glob.glob(os.path.join(HERE, "corpus", "*.sql")))
        for path in paths:
            with self.subTest(os.path.basename(path)):
                count += self.assert_same(path, os.path.basename(path))
        self.assertGreater(count, 300, "the corpus is not where it should be")

    def test_whatever_the_order_of_quotes_and_words_psql_splits_it_the_same(self):
        pieces = ["'", "'", "''", '"', '"', "$$", "$$", "$a$", "$b$", "$a", "/*", "*/", "--", "\n", "\n", ";", ";", ";",
                  "(", ")", " ", " ", " ", "create ", "OR ", "replace ", "function ", "PROCEDURE ", "begin ", "BEGIN ",
                  "case ", "end", "END;", "E", "e'", "N'", "u&'", 'U&"', "x'", "b", "1", "1.5e", "1e-", "0x1e", "-", "/",
                  "*", "@", "+", "$1", "$", "é", "a", "_", "a$b", ",", "::", "[", "]", "`",
                  "create function f() begin "]
        path = os.path.join(self.folder, "random.sql")
        for seed in range(400):
            generator = random.Random(seed)
            text = "".join(generator.choice(pieces) for _ in range(generator.randrange(5, 200)))
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            self.assert_same(path, f"seed {seed}: {text!r}")


if __name__ == "__main__":
    if not PSQL:
        print("SKIP: no psql")
        sys.exit(77)
    unittest.main()
