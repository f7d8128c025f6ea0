"""The library as somebody else gets it: installed into an empty prefix, found through pkg-config and through CMake."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import ROOT, Case, main

BUILD = os.environ.get("MIGRATE_BUILD", os.path.join(ROOT, "build-dev"))
SANITIZED = os.environ.get("MIGRATE_SANITIZED", "")
HERE = os.path.join(ROOT, "tests", "embed")
FLAGS = ["-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def run(*command, **environment):
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                         env={**os.environ, **environment})
    if ran.returncode != 0:
        raise AssertionError("%s answered %d:\n%s" % (" ".join(command), ran.returncode, ran.stdout))
    return ran.stdout


@unittest.skipIf(SANITIZED, "built with sanitizers, which a program that embeds would have to be too")
class Installed(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.prefix = os.path.join(tempfile.mkdtemp(prefix="migrate-install-"), "usr")
        cls.addClassCleanup(shutil.rmtree, os.path.dirname(cls.prefix))
        run("cmake", "--install", BUILD, "--prefix", cls.prefix)
        found = [os.path.join(folder, name) for folder, _, names in os.walk(cls.prefix) for name in names]
        cls.files = sorted(os.path.relpath(path, cls.prefix) for path in found)
        cls.library = next(path for path in found if path.endswith("libmigrate.so"))
        cls.libraries = os.path.dirname(cls.library)

    def pkg_config(self, *words):
        return run("pkg-config", *words, PKG_CONFIG_PATH=os.path.join(self.libraries, "pkgconfig")).split()

    def compile(self, program):
        run("cc", *FLAGS, "-o", program, os.path.join(HERE, "embedding.c"),
            *self.pkg_config("--cflags", "--libs", "migrate"))

    def runs_and_migrates(self, program, **environment):
        self.revision("a1", up="CREATE TABLE t (x INTEGER);\nCREATE INDEX i ON t (x);", message="first")
        self.revision("b2", up="ALTER TABLE t ADD COLUMN y TEXT;", message="second")
        url = "sqlite:///" + self.path("app.db")
        first = run(program, url, self.path("migrations"), **environment)
        self.assertEqual(first.splitlines(),
                         ["done a1", "done b2", "step a1: 2 statements", "step b2: 1 statements", "at b2 on sqlite",
                          "history b2: second", "history a1: first"])
        again = run(program, url, self.path("migrations"), **environment)
        self.assertEqual(again.splitlines(), ["at b2 on sqlite", "history b2: second", "history a1: first"])

    def test_a_program_found_it_through_pkg_config_and_migrates(self):
        program = self.path("embedding")
        self.compile(program)
        self.runs_and_migrates(program, LD_LIBRARY_PATH=self.libraries)

    def test_a_program_found_it_through_cmake_and_migrates(self):
        build = self.path("build")
        run("cmake", "-G", "Ninja", "-S", HERE, "-B", build, "-DCMAKE_PREFIX_PATH=" + self.prefix,
            "-DCMAKE_C_FLAGS=" + " ".join(FLAGS))
        run("cmake", "--build", build)
        self.runs_and_migrates(os.path.join(build, "embedding"))

    def test_what_went_wrong_is_told_to_the_program(self):
        program = self.path("embedding")
        self.compile(program)
        self.revision("a1", up="CREATE TABLE t (x INTEGER);")
        self.revision("b2", up="CREATE TABLE t (x INTEGER);")
        ran = subprocess.run([program, "sqlite:///" + self.path("app.db"), self.path("migrations")], text=True,
                             check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env={"LD_LIBRARY_PATH": self.libraries})
        self.assertEqual((ran.returncode, ran.stdout.splitlines()[-1:]), (4, ["at a1 on sqlite"]), ran.stderr)
        self.assertIncludes(ran.stderr, "refused: ", "table t already exists")

    def test_the_header_serves_a_cxx_program(self):
        self.write("embedding.cc", "#include <migrate.h>\nint main() { return migrate_code_exit(MIGRATE_OK); }\n")
        if shutil.which("c++") is None:
            self.skipTest("no C++ compiler is installed")
        run("c++", "-Wall", "-Wextra", "-Werror", "-o", self.path("cxx"), self.path("embedding.cc"),
            *self.pkg_config("--cflags", "--libs", "migrate"))
        run(self.path("cxx"), LD_LIBRARY_PATH=self.libraries)

    def test_the_library_shows_nothing_but_its_public_names(self):
        lines = run("nm", "-D", "--defined-only", self.library).splitlines()
        shown = {line.split()[-1] for line in lines}
        self.assertEqual({name for name in shown if not name.startswith("migrate_")}, set())
        with open(os.path.join(ROOT, "migrate", "migrate.h"), encoding="utf-8") as header:
            declared = set(re.findall(r"\b(migrate_\w+)\(", re.sub(r"/\*.*?\*/", "", header.read(), flags=re.S)))
        self.assertEqual(declared - shown, set(), "declared in migrate.h and not in the library")
        self.assertEqual(shown - declared, set(), "in the library and not declared in migrate.h")

    def test_the_library_carries_its_soname(self):
        version = self.pkg_config("--modversion", "migrate")[0]
        parts = version.split(".")
        wanted = "libmigrate.so." + (".".join(parts[:2]) if parts[0] == "0" else parts[0])
        self.assertIncludes(run("readelf", "-d", self.library), "SONAME", "[%s]" % wanted)
        self.assertTrue(os.path.exists(os.path.join(self.libraries, wanted)), wanted)

    def test_one_header_and_no_static_library_are_installed(self):
        self.assertEqual([path for path in self.files if path.endswith(".h")], ["include/migrate.h"])
        self.assertEqual([path for path in self.files if path.endswith((".a", ".o"))], [])

    def test_the_manual_page_and_the_completions_are_installed(self):
        for path, parts in (("share/man/man1/migrate.1", [".TH", "upgrade", "downgrade"]),
                            ("share/bash-completion/completions/migrate", ["complete ", " migrate\n"]),
                            ("share/zsh/site-functions/_migrate", ["#compdef migrate"]),
                            ("share/fish/vendor_completions.d/migrate.fish", ["complete ", "migrate"])):
            with open(os.path.join(self.prefix, path), encoding="utf-8") as file:
                self.assertIncludes(file.read(), *parts)


if __name__ == "__main__":
    main()
