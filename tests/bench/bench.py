"""The benchmark: what the tool needs beside what a shell script would need, as ratios taken in one run.

    ./dev bench [--rounds N] [--only WORD] [--large 1000] [--no-peers]

Each figure has contenders: the tool (`migrate`), a floor (psql, sqlite3, cat on the same work), and the peers that are
installed. They take turns, round after round, so that a slow minute of the machine is everybody's; each run starts from
a fresh database, made outside the clock; the medians are compared. Nothing here is a test: it fails only if a run does.
`over` in the last column is a figure that missed what it is to reach.
"""

import argparse
import contextlib
import functools
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import harness  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = os.path.abspath(os.environ.get("MIGRATE_BINARY", os.path.join(harness.ROOT, "build", "migrate")))
DELAY_MS = 5.0  # a round trip through the proxy: half of it each way
CLEAN = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


# --- the work: N revisions, each one table, one index, one ALTER ---

def up(number):
    return ["CREATE TABLE t_%05d (id BIGINT PRIMARY KEY, name TEXT NOT NULL, made TIMESTAMP)" % number,
            "CREATE INDEX i_%05d ON t_%05d (name)" % (number, number),
            "ALTER TABLE t_%05d ADD COLUMN note TEXT" % number]


def down(number):
    return ["DROP TABLE t_%05d" % number]


def script(statements):
    return "".join(statement + ";\n" for statement in statements)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


class Work:
    """The same N revisions as each contender wants them: folders, made when first asked for."""

    def __init__(self, scratch, count):
        self.folder = os.path.join(scratch, "work-%d" % count)
        self.count = count
        self.numbers = range(1, count + 1)

    @functools.cached_property
    def migrations(self):
        folder = os.path.join(self.folder, "migrate")
        for n in self.numbers:
            write(os.path.join(folder, "%05d.sql" % n),
                  "-- table number %d\n--\n-- Revision ID: %012x\n-- Revises: %s\n"
                  "-- Create Date: 2026-01-%02d %02d:%02d:00+00:00\n\n-- migrate:upgrade\n%s\n-- migrate:downgrade\n%s"
                  % (n, n, "%012x" % (n - 1) if n > 1 else "", 1 + n // 1440, n // 60 % 24, n % 60,
                     script(up(n)), script(down(n))))
        return folder

    @functools.cached_property
    def up_sql(self):
        return write(os.path.join(self.folder, "up.sql"), script(sum(map(up, self.numbers), [])))

    @functools.cached_property
    def up_sqlite(self):
        return write(os.path.join(self.folder, "up-sqlite.sql"),
                     "BEGIN;\n" + script(sum(map(up, self.numbers), [])) + "COMMIT;\n")

    @functools.cached_property
    def down_sql(self):
        return write(os.path.join(self.folder, "down.sql"), script(sum(map(down, reversed(self.numbers)), [])))

    @functools.cached_property
    def alembic(self):
        folder = os.path.join(self.folder, "alembic")
        write(os.path.join(folder, "env.py"),
              "import os\nfrom alembic import context\nfrom sqlalchemy import create_engine, pool\n"
              "engine = create_engine(os.environ['BENCH_URL'], poolclass=pool.NullPool)\n"
              "with engine.connect() as connection:\n"
              "    context.configure(connection=connection)\n"
              "    with context.begin_transaction():\n        context.run_migrations()\n")
        for n in self.numbers:
            write(os.path.join(folder, "versions", "r%05d.py" % n),
                  "from alembic import op\nrevision = '%05d'\ndown_revision = %r\n"
                  "def upgrade():\n%sdef downgrade():\n%s"
                  % (n, "%05d" % (n - 1) if n > 1 else None,
                     "".join("    op.execute(%r)\n" % statement for statement in up(n)),
                     "".join("    op.execute(%r)\n" % statement for statement in down(n))))
        return write(os.path.join(folder, "alembic.ini"), "[alembic]\nscript_location = %s\n" % folder)

    @functools.cached_property
    def dbmate(self):
        folder = os.path.join(self.folder, "dbmate")
        for n in self.numbers:
            write(os.path.join(folder, "2026%010d_table.sql" % n),
                  "-- migrate:up\n%s\n-- migrate:down\n%s" % (script(up(n)), script(down(n))))
        return folder

    @functools.cached_property
    def sqitch(self):
        folder = os.path.join(self.folder, "sqitch")
        plan = "%syntax-version=1.0.0\n%project=bench\n\n"
        for n in self.numbers:
            plan += "r%05d 2026-01-01T00:00:00Z bench <bench@example.org> # table\n" % n
            write(os.path.join(folder, "deploy", "r%05d.sql" % n), "BEGIN;\n" + script(up(n)) + "COMMIT;\n")
        write(os.path.join(folder, "sqitch.plan"), plan)
        write(os.path.join(folder, "sqitch.conf"),
              "[core]\n\tengine = pg\n[user]\n\tname = bench\n\temail = bench@example.org\n")
        return folder


# --- running ---

class Run:
    """One timed run: a command, and where it runs. Its standard output goes to /dev/null."""

    def __init__(self, command, environment=None, folder=None, stdin=None):
        self.command, self.environment, self.folder, self.stdin = command, environment or {}, folder, stdin


class Bench:
    def __init__(self, scratch, options):
        self.scratch, self.options = scratch, options
        self.compiled = {name: self.compile(name) for name in ("stopwatch", "delay")}
        self.rows, self.notes = [], []
        self.empty = os.path.join(scratch, "empty")  # no migrate.ini, no .env, nothing above it
        os.mkdir(self.empty)
        self.works = {}

    def compile(self, name):
        program = os.path.join(self.scratch, name)
        subprocess.run(["cc", "-O2", "-std=c17", "-D_GNU_SOURCE", "-o", program, os.path.join(HERE, name + ".c")],
                       check=True)
        return program

    def work(self, count):
        return self.works.setdefault(count, Work(self.scratch, count))

    def time(self, run):
        """Runs once; answers (seconds, peak in MB). A run that fails ends the benchmark."""
        reading, writing = os.pipe()
        stdin = open(run.stdin, "rb") if run.stdin else subprocess.DEVNULL
        process = subprocess.Popen([self.compiled["stopwatch"], str(writing), *run.command],
                                   env={**CLEAN, "HOME": self.empty, **run.environment}, cwd=run.folder or self.empty,
                                   stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=[writing])
        os.close(writing)
        _, err = process.communicate()
        if run.stdin:
            stdin.close()
        with os.fdopen(reading) as pipe:
            said = pipe.read().split()
        if len(said) != 3 or said[0] != "0":
            sys.exit("bench: failed (%s): %s\n%s" % (said[:1], " ".join(run.command), err.decode("utf-8", "replace")))
        return int(said[1]) / 1e9, int(said[2]) / 1024

    def race(self, contenders, rounds):
        """contenders: {name: function that prepares and answers a Run}. Answers {name: (median s, largest MB)}."""
        times = {name: [] for name in contenders}
        names = list(contenders)
        for turn in range(rounds + 1):
            for name in names[turn % len(names):] + names[:turn % len(names)]:  # nobody is always first
                took = self.time(contenders[name]())
                if turn > 0:  # the first round warms the caches
                    times[name].append(took)
        return {name: (statistics.median(seconds for seconds, _ in took), max(peak for _, peak in took))
                for name, took in times.items()}

    def figure(self, what, reach, ours, floor, peers=None, rounds=None):
        """One line of the table: ours against the floor, both (name, prepare). Answers what the race measured."""
        if not self.wanted(what):
            return None
        print("... " + what, file=sys.stderr, flush=True)
        contenders = dict([ours, floor])
        if not self.options.no_peers:
            contenders.update(peers or {})
        measured = self.race(contenders, rounds or self.options.rounds)
        ratio = measured[ours[0]][0] / measured[floor[0]][0]
        self.rows.append((what, ms(measured[ours[0]][0]), "%s %s" % (ms(measured[floor[0]][0]), floor[0]),
                          "%.2f" % ratio, "%.1f" % reach, "ok" if ratio <= reach else "over"))
        for name in list(contenders)[2:]:
            took = measured[name][0]
            self.rows.append(("  by " + name, ms(took), "", "%.2f" % (took / measured[floor[0]][0]), "", ""))
        return measured

    def limit(self, what, value, unit, reach):
        """One line for a figure that is no ratio."""
        verdict = "ok" if value <= reach else "over"
        self.rows.append((what, "%.1f %s" % (value, unit), "", "", "%g %s" % (reach, unit), verdict))

    def wanted(self, what):
        return self.options.only is None or self.options.only in what

    def table(self):
        heads = ("what", "ours", "floor", "ratio", "reach", "")
        widths = [max(len(row[i]) for row in [heads, *self.rows]) for i in range(len(heads))]
        for row in [heads, *self.rows]:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        for note in self.notes:
            print(note)


def ms(seconds):
    return "%.1f ms" % (seconds * 1000) if seconds < 1 else "%.2f s" % seconds


# --- contenders ---

class Postgres:
    """Fresh databases on the test server, and how each contender is run on one; `port` may be a proxy's."""

    def __init__(self, bench, port=None):
        self.bench, self.serial = bench, 0
        self.psql = harness.postgres_program("psql")
        self.port = port

    def url(self, database):
        url = harness.postgres_url(database)
        return re.sub(r":\d+/", ":%d/" % self.port, url) if self.port else url

    def fresh(self, template="template1"):
        """A new database in place of the last one."""
        name = "bench_%d" % os.getpid()
        harness.drop_database(name)
        harness.psql(harness.POSTGRES, "CREATE DATABASE %s TEMPLATE %s" % (name, template))
        harness.psql(harness.POSTGRES, "CHECKPOINT")  # not in the middle of what is measured; nor what is left to write
        os.sync()
        return name

    def template(self, work):
        """A database with all of the work applied, to copy from."""
        name = "bench_template_%d" % work.count
        if not harness.psql(harness.POSTGRES, "SELECT 1 FROM pg_database WHERE datname = '%s'" % name):
            harness.psql(harness.POSTGRES, "CREATE DATABASE " + name)
            self.bench.time(self.migrate(work, name, "upgrade", "head"))
        return name

    def migrate(self, work, database, *words):
        return Run([BINARY, "-d", work.migrations, "--no-env-file", "-q", *words],
                   {"MIGRATE_DATABASE_URL": self.url(database)})

    def script(self, path, database):
        return Run([self.psql, "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-f", path])

    def upgrade_peers(self, work, database=None):
        """Those that are installed, upgrading `database`, or a fresh one each time."""
        name = lambda: database or self.fresh()
        peers = {}
        if shutil.which("alembic"):
            peers["alembic"] = lambda: Run(["alembic", "-c", work.alembic, "upgrade", "head"],
                                           {"BENCH_URL": self.url(name())})
        if shutil.which("dbmate"):
            peers["dbmate"] = lambda: Run(["dbmate", "--url", self.url(name()) + "?sslmode=disable", "--migrations-dir",
                                           work.dbmate, "--no-dump-schema", "migrate"])
        if shutil.which("sqitch"):
            peers["sqitch"] = lambda: Run(["sqitch", "deploy", self.url(name()).replace("postgresql:", "db:pg:")],
                                          folder=work.sqitch)
        return peers


class Sqlite:
    def __init__(self, bench):
        self.path = os.path.join(bench.scratch, "bench.db")

    def fresh(self):
        for suffix in ("", "-journal", "-wal", "-shm"):
            if os.path.exists(self.path + suffix):
                os.unlink(self.path + suffix)
        return self.path

    def migrate(self, work):
        return Run([BINARY, "-d", work.migrations, "--no-env-file", "-q", "upgrade", "head"],
                   {"MIGRATE_DATABASE_URL": "sqlite:///" + self.fresh()})

    def script(self, path):
        return Run(["sqlite3", "-bail", self.fresh()], stdin=path)

    def upgrade_peers(self, work):
        peers = {}
        if shutil.which("alembic"):
            peers["alembic"] = lambda: Run(["alembic", "-c", work.alembic, "upgrade", "head"],
                                           {"BENCH_URL": "sqlite:///" + self.fresh()})
        if shutil.which("dbmate"):
            peers["dbmate"] = lambda: Run(["dbmate", "--url", "sqlite:" + self.fresh(), "--migrations-dir", work.dbmate,
                                           "--no-dump-schema", "migrate"])
        return peers


# --- the figures ---

def bench_postgres(bench, large):
    postgres, hundred, many = Postgres(bench), bench.work(100), bench.work(large)
    for work, rounds, peers in ((hundred, None, postgres.upgrade_peers(hundred)), (many, 5, None)):
        measured = bench.figure("upgrade of %d, PostgreSQL" % work.count, 1.0,
                                ("migrate", lambda: postgres.migrate(work, postgres.fresh(), "upgrade", "head")),
                                ("psql -1 -f", lambda: postgres.script(work.up_sql, postgres.fresh())), peers, rounds)
        if measured and work is many:
            bench.limit("peak memory, upgrade of %d, PostgreSQL" % large, measured["migrate"][1], "MB", 20)

    template = functools.cache(lambda: postgres.template(hundred))
    for words, reach in (((), 1.3), (("--transaction", "run"), 1.0)):
        bench.figure("downgrade of 100, PostgreSQL" + (", --transaction run" if words else ""), reach,
                     ("migrate", lambda: postgres.migrate(hundred, postgres.fresh(template()), "downgrade", "base",
                                                          *words)),
                     ("psql -1 -f", lambda: postgres.script(hundred.down_sql, postgres.fresh(template()))))

    at_head = "upgrade head with nothing to do, %d revisions, PostgreSQL" % large
    if bench.wanted(at_head):
        there = postgres.template(many)
        bench.figure(at_head, 1.3, ("migrate", lambda: postgres.migrate(many, there, "upgrade", "head")),
                     ("psql -c 'select 1'",
                      lambda: Run([postgres.psql, "-X", "-c", "select 1", "-d", postgres.url(there)])),
                     rounds=3 * bench.options.rounds)


@contextlib.contextmanager
def proxied(bench, delay_ms):
    """Postgres behind a proxy that makes a round trip take so much longer."""
    port = int(re.search(r":(\d+)/", harness.POSTGRES)[1])
    proxy = subprocess.Popen([bench.compiled["delay"], str(port), str(int(delay_ms * 1000 / 2))],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Postgres(bench, int(proxy.stdout.readline()))
    finally:
        proxy.stdin.close()
        proxy.wait()


def bench_delayed(bench, large):
    with proxied(bench, DELAY_MS) as postgres:
        for count, rounds in ((100, None), (large, 3)):
            work = bench.work(count)
            bench.figure("upgrade of %d, PostgreSQL %g ms away" % (count, DELAY_MS), 0.3,
                         ("migrate", lambda: postgres.migrate(work, postgres.fresh(), "upgrade", "head")),
                         ("psql -1 -f", lambda: postgres.script(work.up_sql, postgres.fresh())),
                         postgres.upgrade_peers(work) if count == 100 else None, rounds)


def bench_round_trips(bench):
    """Counted by what they cost: the same run near and 100 ms away, which no other noise comes up to."""
    what = "round trips, upgrade of 100, PostgreSQL"
    if not bench.wanted(what):
        return
    print("... " + what, file=sys.stderr, flush=True)
    near, away_ms = Postgres(bench), 100
    with proxied(bench, away_ms) as away:
        measured = bench.race({(count, place): lambda work=bench.work(count), place=place:
                               place.migrate(work, place.fresh(), "upgrade", "head")
                               for count in (10, 100) for place in (near, away)}, 3)
    few, many = ((measured[count, away][0] - measured[count, near][0]) * 1000 / away_ms for count in (10, 100))
    bench.limit("%s (of 10: %.1f)" % (what, few), many, "trips", round(few + 2, 1))


def bench_sqlite(bench, large):
    sqlite = Sqlite(bench)
    for count, rounds in ((100, None), (large, 5)):
        work = bench.work(count)
        bench.figure("upgrade of %d, SQLite" % count, 1.1, ("migrate", lambda: sqlite.migrate(work)),
                     ("sqlite3 < all.sql", lambda: sqlite.script(work.up_sqlite)),
                     sqlite.upgrade_peers(work) if count == 100 else None, rounds)


def bench_start(bench):
    bench.figure("--version", 1.3, ("migrate", lambda: Run([BINARY, "--version"])),
                 ("psql --version", lambda: Run([harness.postgres_program("psql"), "--version"])),
                 rounds=6 * bench.options.rounds)


def bench_history(bench):
    what = "history, 10000 files"
    if not bench.wanted(what):
        return
    work = bench.work(10000)
    names = sorted(os.listdir(work.migrations))
    measured = bench.figure(what, 2.0,
                            ("migrate", lambda: Run([BINARY, "-d", work.migrations, "--no-env-file", "history"])),
                            ("cat", lambda: Run(["cat", *names], folder=work.migrations)))
    bench.limit("peak memory, " + what, measured["migrate"][1], "MB", 40)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench",
                                     description="Compares the release binary with the plain tools.")
    parser.add_argument("--rounds", type=int, default=11, help="measured rounds of each figure (11)")
    parser.add_argument("--only", metavar="WORD", help="figures whose name contains WORD")
    parser.add_argument("--large", type=int, default=1000, help="revisions of the large case (1000)")
    parser.add_argument("--no-peers", action="store_true", help="leave out alembic, dbmate and sqitch")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="migrate-bench-") as scratch:
        bench = Bench(scratch, options)
        absent = [name for name in ("alembic", "dbmate", "sqitch") if not shutil.which(name)]
        if absent and not options.no_peers:
            bench.notes.append("not found, so not compared: " + ", ".join(absent))
        bench_start(bench)
        bench_history(bench)
        bench_sqlite(bench, options.large)
        if harness.POSTGRES:
            bench_postgres(bench, options.large)
            bench_delayed(bench, options.large)
            bench_round_trips(bench)
        else:
            bench.notes.append("not measured: PostgreSQL, as MIGRATE_TEST_POSTGRES is not set")
        bench.table()


if __name__ == "__main__":
    main()
