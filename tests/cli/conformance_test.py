"""What Alembic does, asked of the built tool on real databases: the cases of tests/conformance/alembic-cases.json.

The graph becomes revision files in the given order, each of which creates a table and drops it again, so that what ran
can be seen in the database and not only in what the tool says. The version rows of the case, and the tables of all that
they imply, are there before the command. tests/conformance/README.md tells what the fields of a case mean.

Order is ours and fixed, not Alembic's: parents and dependencies first, then create date, then id. Since a case's files
are dated in the order given, the whole order is known here, and each list is compared word for word."""

import collections
import heapq
import json
import os
import re
import shutil
import subprocess
import unittest

from harness import ROOT, main, on_both_databases, psql

with open(os.path.join(ROOT, "tests", "conformance", "alembic-cases.json"), encoding="utf-8") as file:
    CASES = json.load(file)

OUR_OWN = {"alembic_version", "migrate_history", "migrate_script"}
EDITED = "edited"  # what the editor of `edit` leaves behind

# What Alembic complains about, and the codes that are ours for it.
CODES = {
    "relative-out-of-range": {"out_of_range"},
    "not-a-downgrade-target": {"out_of_range"},
    "multiple-heads": {"multiple_heads"},
    "unknown-revision": {"unknown_revision", "unknown_row"},
    "dependency-cycle": {"cycle"},
    "dependency-self-loop": {"cycle"},
    "duplicate-branch-label": {"duplicate"},
    "not-a-head-needs-splice": {"usage"},
    "illegal-revision-id": {"usage"},
    "no-current-revision": {"usage"},
    "no-revision-file": {"usage"},
    "stamp-sql-multiple-starts": {"usage"},
}
# Cases whose error has another code with us, and why.
OTHER_CODE = {
    "p-up-double-at": ("usage", "two @ are no identifier, which is seen without looking at the graph"),
}
# Offline, the rows are named on the command line: where the script is run, and where it must lead.
SCRIPTS = {
    "off-stamp-b-heads": (["b"], ["c", "e", "f"]),
    "off-stamp-from": (["a"], ["c"]),
    "off-stamp-multi-start": (["b"], ["c", "e", "f"]),
    "off-up-base-head": ([], ["c"]),
    "p-off-up-merge": (["b"], ["f"]),
}
# What the new file says: id, Revises, Depends On, Branch Labels.
WRITTEN = {
    "p-merge-forest": ("m", {"b1", "b2"}, set(), set()),
    "p-rev-depends-two": ("new1", set(), {"d1", "c2"}, set()),
    "p-rev-head-base": ("new1", set(), set(), set()),
    "p-rev-head-label-base": ("new1", set(), set(), set()),
    "rev-branch-label": ("new1", {"c"}, set(), {"foobar"}),
}

State = collections.namedtuple("State", "rows tables others")  # rows: None without a version table


class Graph:
    """The revisions of a case, and what follows from them alone."""

    def __init__(self, revisions):
        self.revisions = {one["rev"]: one for one in revisions}
        self.labels = {label: one["rev"] for one in revisions for label in one["labels"]}
        self.order = self._ordered()

    def needs(self, rev):
        """What must be applied before it."""
        one = self.revisions[rev]
        return set(one["down"]) | {self.labels.get(name, name) for name in one["depends"]}

    def implied(self, rows):
        """All that is applied where the version table has these rows."""
        found, waiting = set(), [row for row in rows if row in self.revisions]
        while waiting:
            rev = waiting.pop()
            if rev not in found:
                found.add(rev)
                waiting += self.needs(rev)
        return found

    def sorted(self, names):
        return [rev for rev in self.order if rev in names]

    def _ordered(self):
        """Oldest first: of those whose needs are met, always the one dated first."""
        date = {rev: number for number, rev in enumerate(self.revisions)}
        missing = {rev: len(self.needs(rev)) for rev in self.revisions}
        ready = [(date[rev], rev) for rev, count in missing.items() if count == 0]
        order = []
        heapq.heapify(ready)
        while ready:
            _, rev = heapq.heappop(ready)
            order.append(rev)
            for other in self.revisions:
                if rev in self.needs(other):
                    missing[other] -= 1
                    if missing[other] == 0:
                        heapq.heappush(ready, (date[other], other))
        return order  # those of a cycle are left out


def arguments_of(case):
    target = case["target"] or ""
    if case["command"] == "history":
        return ["history"] + (["-r", target] if target else []) + case["args"]
    return [case["command"], *case["args"], *target.split()]


def ids(revisions):
    return [one["revision"] for one in revisions]


class Cases(unittest.TestCase):
    """The file itself."""

    def test_there_are_123_cases_and_each_has_an_id_of_its_own(self):
        self.assertEqual(len({case["id"] for case in CASES}), 123)
        self.assertEqual(len(CASES), 123)

    def test_each_command_of_the_cases_is_asked_by_a_test(self):
        asked = {name[len("test_"):] for name in dir(Conformance) if name.startswith("test_")}
        self.assertEqual(asked, {case["command"] for case in CASES})

    def test_each_remark_is_on_a_case(self):
        remarks = set(OTHER_CODE) | set(SCRIPTS) | set(WRITTEN)
        self.assertEqual(remarks - {case["id"] for case in CASES}, set())
        self.assertEqual(set(CODES), {case["error"] for case in CASES if "error" in case} - {"not-at-heads"})


@on_both_databases
class Conformance:
    """Every case, on one database after the other. A failure names the case by its id."""

    def test_upgrade(self):
        self.each("upgrade", self.changes)

    def test_downgrade(self):
        self.each("downgrade", self.changes)

    def test_stamp(self):
        self.each("stamp", self.stamps)

    def test_history(self):
        self.each("history", self.lists)

    def test_heads(self):
        self.each("heads", self.lists)

    def test_branches(self):
        self.each("branches", self.lists)

    def test_current(self):
        self.each("current", self.lists)

    def test_show(self):
        self.each("show", self.lists)

    def test_edit(self):
        self.each("edit", self.lists)

    def test_revision(self):
        self.each("revision", self.writes)

    def test_merge(self):
        self.each("merge", self.writes)

    def test_ensure_version(self):
        self.each("ensure_version", self.ensures)

    def each(self, command, ask):
        self.environment["EDITOR"] = self.environment["VISUAL"] = "touch " + EDITED
        for case in CASES:
            if case["command"] != command:
                continue
            with self.subTest(case["id"]):
                self.assertNotEqual("error" in case, "expect" in case, "a case is the one or the other")
                graph = Graph(case["graph"])
                self.write_graph(case["graph"])
                if "error" in case:
                    self.fails(case, graph)
                elif "--sql" in case["args"]:
                    self.prints(case, graph)
                else:
                    ask(case, graph)

    # --- the kinds of cases ---

    def changes(self, case, graph):
        """upgrade and downgrade: the steps, the rows, and the tables that the steps made and dropped."""
        self.fill(graph, case["current"])
        answer = self.migrate_json(*arguments_of(case))
        steps = [("+" if step["direction"] == "upgrade" else "-") + step["revision"] for step in answer["steps"]]
        self.assertEqual({step["status"] for step in answer["steps"]} - {"applied"}, set())
        self.assertEqual(steps, self.ours(graph, case["expect"], newest_first=case["command"] == "downgrade"))
        self.assertEqual(answer["from"], sorted(case["current"]))
        self.assertEqual(answer["to"], case["final_heads"])
        self.assertStands(graph, case["final_heads"], graph.implied(case["final_heads"]))

    def stamps(self, case, graph):
        """The rows move and nothing runs."""
        self.fill(graph, case["current"])
        answer = self.migrate_json(*arguments_of(case))
        self.assertEqual(answer["to"], case["final_heads"])
        self.assertStands(graph, case["final_heads"], graph.implied(case["current"]))

    def lists(self, case, graph):
        """Commands that only look: the revisions in order, and a database left as it was."""
        before = self.fill(graph, case["current"])
        answer = self.migrate_json(*arguments_of(case))
        self.assertEqual(ids(answer["revisions"]),
                         self.ours(graph, case["expect"], newest_first=case["command"] != "show"))
        if "-i" in case["args"]:
            self.assertEqual({one["revision"] for one in answer["revisions"] if one["is_current"]},
                             set(case["current"]))
        self.assertEqual(self.state(), before)

    def writes(self, case, graph):
        """revision and merge: one new file, which the tool can read back, and a database that nobody asked."""
        before, files = self.fill(graph, case["current"]), self.files()
        rev, revises, depends, labels = WRITTEN[case["id"]]
        message = [] if "-m" in case["args"] else ["-m", "new"]
        self.assertEqual(self.migrate_json(*arguments_of(case), *message)["revision"], rev)
        self.assertEqual(len(self.files() - files), 1)
        new, = self.migrate_json("show", rev)["revisions"]
        self.assertEqual((set(new["down_revisions"]), set(new["depends_on"]), set(new["branch_labels"])),
                         (revises, depends, labels))
        self.assertEqual(self.state(), before)

    def ensures(self, case, graph):
        """The version table is there, without rows, and nothing ran."""
        self.fill(graph, case["current"])
        self.migrate_json(*arguments_of(case))
        self.assertStands(graph, case["final_heads"], set())

    def prints(self, case, graph):
        """--sql: what the script says it does, and what it does where it is meant to be run."""
        start, end = SCRIPTS[case["id"]]
        before = self.fill(graph, start)
        script = self.migrate(*arguments_of(case), environment=self.offline()).out
        said = re.findall(r"^-- Running (upgrade|downgrade) .*-> *([^\s,]+)", script, re.MULTILINE)
        steps = ["+" + rev for direction, rev in said if direction == "upgrade"]
        self.assertEqual(steps, self.ours(graph, case["expect"], newest_first=False))
        self.assertEqual(self.state(), before)
        self.run_script(script)
        self.assertStands(graph, end, graph.implied(end if case["command"] == "upgrade" else start))

    def fails(self, case, graph):
        """The code that stands for Alembic's complaint; nothing ran, nothing was written."""
        before, files = self.fill(graph, case["current"]), self.files()
        ran = self.migrate(*arguments_of(case), "--log-format", "json", status=None)
        if case["error"] == "not-at-heads":  # the answer to a question, not an error
            self.assertEqual(ran.status, 1, ran)
        else:
            self.assertIn(ran.status, (2, 3), "expected the error %s, got\n%s" % (case["error"], ran))
            self.assertEqual(ran.out, "", ran)
            error, = [line for line in map(json.loads, ran.err.splitlines()) if line["level"] == "error"]
            codes = {OTHER_CODE[case["id"]][0]} if case["id"] in OTHER_CODE else CODES[case["error"]]
            self.assertIn(error["code"], codes, ran)
        self.assertEqual((self.state(), self.files()), (before, files))
        self.assertFalse(os.path.exists(self.path(EDITED)), "the editor was started")

    # --- what is there ---

    def write_graph(self, revisions):
        shutil.rmtree(self.path("migrations"))
        os.mkdir(self.path("migrations"))
        for number, one in enumerate(revisions):
            rev = one["rev"]
            self.revision(rev, one["down"], up="CREATE TABLE t_%s (x INTEGER);" % rev, down="DROP TABLE t_%s;" % rev,
                          depends=one["depends"], labels=one["labels"], name="%02d_%s.sql" % (number, rev))

    def files(self):
        return set(os.listdir(self.path("migrations")))

    def fill(self, graph, rows):
        """Makes the database anew: the version rows, no version table if there are none, and what ran to get there."""
        sql = ["CREATE TABLE t_%s (x INTEGER);" % rev for rev in graph.implied(rows)]
        if rows:
            sql += ["CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
                    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));",
                    *("INSERT INTO alembic_version VALUES ('%s');" % row for row in rows)]
        if self.dialect == "postgresql":
            self.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public;\n" + "\n".join(sql))
        else:
            if os.path.exists(self.database):
                os.remove(self.database)
            self.execute("\n".join(sql))
        return State(sorted(rows) if rows else None, {"t_" + rev for rev in graph.implied(rows)}, set())

    def state(self):
        tables = {name for kind, name in self.objects() if kind == "table"}
        rows = None
        if "alembic_version" in tables:
            rows = [row for row, in self.query("SELECT version_num FROM alembic_version ORDER BY 1")]
        ours = {name for name in tables if name.startswith("t_")}
        return State(rows, ours, tables - ours - {"alembic_version"})

    def assertStands(self, graph, rows, applied):
        state = self.state()
        self.assertEqual(state.rows or [], sorted(rows))
        self.assertEqual(state.tables, {"t_" + rev for rev in graph.implied(applied)})
        self.assertEqual(state.others - OUR_OWN, set())

    @staticmethod
    def ours(graph, expected, newest_first):
        """The members that Alembic had, in the order that is ours."""
        sign = {name.lstrip("+-"): name for name in expected}
        order = graph.sorted(sign)
        return [sign[rev] for rev in (reversed(order) if newest_first else order)]

    # --- offline ---

    def offline(self):
        """An address of the right dialect that nobody answers: a script needs no database."""
        nowhere = "postgresql://nobody@127.0.0.1:1/nowhere" if self.dialect == "postgresql" else "sqlite:////no/where.db"
        return {"MIGRATE_DATABASE_URL": nowhere}

    def run_script(self, script):
        if self.dialect == "postgresql":
            psql(self.url, script)
            return
        shell = shutil.which("sqlite3")
        if shell is None:
            self.skipTest("sqlite3, which runs the scripts, is not installed")
        ran = subprocess.run([shell, self.database], input=script, text=True, capture_output=True, check=False)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""), script)


if __name__ == "__main__":
    main()
