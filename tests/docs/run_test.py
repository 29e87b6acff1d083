#!/usr/bin/env python3
"""The runner alone: pages that must not pass do not, and say where. `run_test.py BUILD`"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

BUILD = sys.argv[1]
RUN = pathlib.Path(__file__).resolve().parent / "run.py"


class Pages(unittest.TestCase):
    def run_page(self, text):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            page.write_text("# A page\n```sh\ntrue\n```\n" + text)
            done = subprocess.run([sys.executable, RUN, BUILD, page], capture_output=True, text=True, timeout=120,
                                  env={**os.environ, "DOCS_PATIENCE": "2"})
            return done.returncode, done.stdout + done.stderr

    def assert_refused(self, text, because):
        code, printed = self.run_page(text)
        self.assertIn(because, printed)
        self.assertEqual(1, code)

    def test_good(self):
        code, printed = self.run_page("<!-- test: skip because it cannot `false` -->\n```sh\nfalse\nleasehold status\n```\n")
        self.assertIn("page.md:6: false: it cannot\n", printed)
        self.assertIn("2 shell lines run, 0 blocks compiled, 1 lines skipped, 0 failures", printed)
        self.assertEqual(0, code)

    def test_line_that_fails(self):
        self.assert_refused("```sh\nleasehold no-such-command\ntrue\n```\n", "page.md:5: the script ended with 2")

    def test_line_that_does_not_end(self):
        self.assert_refused("```sh\nsleep 300\n```\n", "give it an `until`")

    def test_until_is_not_printed(self):
        self.assert_refused("<!-- test: until hello: sleep -->\n```sh\nsleep 300\n```\n", "waited 2 s for it printed hello")

    def test_until_ends_before(self):
        self.assert_refused("<!-- test: until hello: echo -->\n```sh\necho good morning\n```\n", "ended with 0 before it printed hello")

    def test_check_that_fails(self):
        self.assert_refused("<!-- test: check: false -->\n```sh\ntrue\n```\n", "page.md:6: the script ended with 1")

    def test_shell_without_language(self):
        self.assert_refused("```\n$ true\n```\n", "a fence that is not marked sh")

    def test_language_that_nobody_knows(self):
        self.assert_refused("```perl\n1\n```\n", "nobody knows how to test perl")

    def test_order_that_nobody_knows(self):
        self.assert_refused("<!-- test: omit -->\n```sh\ntrue\n```\n", "no such order: omit")

    def test_order_for_no_line(self):
        self.assert_refused("<!-- test: skip because it is late `false` -->\n```sh\ntrue\n```\n", "`false` begins 0 lines")

    def test_order_without_fence(self):
        self.assert_refused("<!-- test: skip because it is late -->\ntext\n```sh\ntrue\n```\n", "belong right before a fence")

    def test_c_that_does_not_compile(self):
        self.assert_refused("```c\nint f(void) { return no_such_name; }\n```\n", "does not compile")

    def test_c_that_fails(self):
        self.assert_refused("```c\nint main(void) { return 3; }\n```\n", "the program ended with 3")

    def test_file_that_is_not_there(self):
        self.assert_refused("<!-- test: skip because it is far -->\n```sh\nkubectl apply -f deploy/no-such.yaml\n```\n", "names deploy/no-such.yaml")

    def test_file_that_nobody_reads(self):
        self.assert_refused("```properties\na = b\n```\n", "a file that nobody reads")

    def test_link_to_nothing(self):
        self.assert_refused("[here](no-such-page.md)\n", "links to no-such-page.md")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
