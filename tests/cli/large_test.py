"""A script of 200 MB: it works, on both databases, in memory that does not grow with it."""

import os

from harness import BINARY, main, on_both_databases

MEBIBYTE = 1 << 20
SIZE_BYTES = 200 * MEBIBYTE
STATEMENTS = 100
# What the tool may have resident at its peak: its libraries, a window of the file, and a statement on its way out.
PEAK_BYTES = 48 * MEBIBYTE
SANITIZED_BYTES = 600 * MEBIBYTE  # the sanitizers keep what was freed


@on_both_databases
class Large:
    def write_large(self):
        """INSERTs of a mebibyte each, and between them comments as large, which nobody need keep."""
        row = "INSERT INTO t VALUES (length('%s'));\n" % ("x" * (MEBIBYTE - 64))
        comment = "/* %s */\n" % ("y" * (MEBIBYTE - 8))
        path = self.revision("large", body="-- migrate:upgrade\nCREATE TABLE t (x INTEGER);\n")
        with open(path, "a", encoding="ascii") as file:
            for _ in range(STATEMENTS):
                file.write(row)
                file.write(comment)
            file.write("-- migrate:downgrade\nDROP TABLE t;\n")
        self.assertGreater(os.path.getsize(path), SIZE_BYTES - MEBIBYTE)
        return path

    def run_measured(self, *arguments):
        """Runs the tool; answers its peak of resident memory in bytes."""
        with open(self.path("out"), "wb") as out, open(self.path("err"), "wb") as err:
            process = self.start(*arguments, stdout=out, stderr=err)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0, self.read("err")[-2000:])
        return usage.ru_maxrss * 1024

    def limit(self):
        with open(BINARY, "rb") as file:
            return SANITIZED_BYTES if b"__asan_init" in file.read() else PEAK_BYTES

    def test_a_script_of_200_megabytes_runs_in_bounded_memory(self):
        self.write_large()
        peak = self.run_measured("upgrade")
        self.assertEqual(self.query("SELECT count(*), min(x), max(x) FROM t"),
                         [(str(STATEMENTS), str(MEBIBYTE - 64), str(MEBIBYTE - 64))])
        self.assertEqual(self.query("SELECT status, statements FROM migrate_history"), [("done", str(STATEMENTS + 1))])
        self.assertLess(peak, self.limit(), "resident at the peak: %.1f MiB" % (peak / MEBIBYTE))
        peak = self.run_measured("history")
        self.assertLess(peak, self.limit(), "resident at the peak of history: %.1f MiB" % (peak / MEBIBYTE))


if __name__ == "__main__":
    main()
