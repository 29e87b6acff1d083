#!/usr/bin/env python3
"""The manual page says what --help says: every option of every command is in both."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from cli_world import BUILD, World, main

MANUAL = pathlib.Path(__file__).resolve().parents[2] / "man" / "leasehold.1"
# dev's own options are in docs/dev-server.md and its --help.
COMMANDS = ("run", "candidate", "status", "watch", "members", "wait", "sidecar", "resign", "transfer", "doctor")


class Manual(World):
    def test_every_option_is_in_the_manual(self):
        text = MANUAL.read_text().replace("\\-", "-")
        documented = set(re.findall(r"--([a-z][a-z-]+)", text))
        offered = set()
        for command in COMMANDS:
            offered |= set(re.findall(r"^ +(?:-\w, )?--([a-z-]+)", self.leasehold(command, "--help").stdout, re.M))
        self.assertGreater(len(offered), 20)
        self.assertEqual(offered - documented - {"help"}, set(), "in --help, not in the manual")
        self.assertEqual(documented - offered, set(), "in the manual, not in --help")

    def test_the_manual_is_good_roff(self):
        result = subprocess.run(["man", "--warnings", "-l", "-Tutf8", str(MANUAL)], capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("EXIT STATUS", re.sub(".\x08", "", result.stdout))


class LibraryManual(World):
    """The pages that scripts/man3.py makes of the headers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pages = BUILD / "src" / "library" / "man3"

    def exported(self):
        names = set()
        for library in ("libleasehold.so", "libleasehold-testing.so"):
            listed = subprocess.run(["nm", "-D", "--defined-only", BUILD / "src" / "library" / library], capture_output=True, text=True,
                                    check=True).stdout
            names |= set(re.findall(r" T (leasehold_\w+)", listed))
        return names

    def test_every_function_has_its_page(self):
        exported = self.exported()
        self.assertGreater(len(exported), 100)
        self.assertEqual(exported - {page.stem for page in self.pages.glob("*.3")}, set(), "exported, but without a page")

    def test_the_pages_are_good_roff(self):
        with tempfile.TemporaryDirectory() as folder:
            section = pathlib.Path(folder) / "man3"
            shutil.copytree(self.pages, section)
            for page in sorted(section.glob("*.3")):
                result = subprocess.run(["man", "--warnings", "-l", "-Tutf8", str(page)], capture_output=True, text=True, cwd=folder)
                self.assertEqual((result.returncode, result.stderr), (0, ""), page.name)
                text = re.sub(".\x08", "", result.stdout)
                self.assertIn("#include <leasehold/", text, page.name)
                self.assertIn(page.stem, text)

    def test_a_page_says_what_the_header_says(self):
        page = self.pages / "leasehold_group_is_leading.3"
        text = " ".join(re.sub(".\x08", "", subprocess.run(["man", "-l", "-Tascii", str(page)], capture_output=True, text=True,
                                                           env={**os.environ, "MANWIDTH": "400"}).stdout).split())
        self.assertIn("bool leasehold_group_is_leading(const leasehold_group *g);", text)
        self.assertIn("A true answer is about the moment of the call", text)


if __name__ == "__main__":
    main()
