#!/usr/bin/env python3
"""What shells offer: each flag that --help has, by bash itself, and by zsh and fish as far as they are here. And the plugin's name."""
import re
import shutil
import subprocess

from cli_world import LEASEHOLD, World, main

ASK = r"""
. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
compopt() { :; }
_leasehold
printf '%s\n' "${COMPREPLY[@]}"
"""


class Completion(World):
    def setUp(self):
        super().setUp()
        self.scripts = {}
        for shell in ("bash", "zsh", "fish"):
            self.scripts[shell] = self.folder / f"completion.{shell}"
            result = self.leasehold("completion", shell)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.scripts[shell].write_text(result.stdout)

    def offered(self, *words):
        result = subprocess.run(["bash", "-c", ASK, "bash", self.scripts["bash"], "leasehold", *words], capture_output=True, text=True, check=True)
        self.assertEqual(result.stderr, "")
        return set(result.stdout.split())

    def commands(self):
        listed = re.findall(r"^  (\w+) ", self.leasehold("help").stdout, re.M)
        self.assertGreater(len(listed), 8)
        return listed

    def test_commands(self):
        self.assertEqual(self.offered(""), set(self.commands()))
        self.assertEqual(self.offered("sta"), {"status"})
        self.assertEqual(self.offered("help", "sta"), {"status"})
        self.assertEqual(self.offered("completion", ""), {"bash", "zsh", "fish"})

    def test_every_flag_of_every_command(self):
        for command in self.commands():
            if command in ("help", "version", "completion"):
                continue
            with self.subTest(command):
                helped = set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", self.leasehold(command, "--help").stdout, re.M))
                self.assertGreater(len(helped), 3)
                self.assertEqual(self.offered(command, "--"), helped)
                for shell, form in (("zsh", "'--%s[=[]"), ("fish", "from " + command + "' -l %s ")):
                    text = self.scripts[shell].read_text()
                    for flag in helped:
                        self.assertRegex(text, form % flag[2:])

    def test_values(self):
        self.assertEqual(self.offered("run", "g", "--lock", "c"), {"configmap"})
        self.assertEqual(self.offered("run", "g", "--lock", "=", "l"), {"lease"})
        self.assertEqual(self.offered("status", "-o", ""), {"text", "wide", "json", "name"})
        self.assertEqual(self.offered("run", "g", "--identity", ""), set())
        self.assertIn("bash", self.offered("run", "g", "--", "bas"))

    def test_other_shells_can_read_theirs(self):
        for shell in ("zsh", "fish"):
            if shutil.which(shell):
                result = subprocess.run([shell, "-n", self.scripts[shell]], capture_output=True, text=True)
                self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_no_such_shell(self):
        for words in ((), ("csh",), ("bash", "zsh")):
            result = self.leasehold("completion", *words)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn("bash|zsh|fish", result.stderr)

    def test_as_a_plugin_of_kubectl(self):
        plugin = self.folder / "kubectl-leasehold"
        plugin.symlink_to(LEASEHOLD)
        for words in (["--help"], ["status", "--help"]):
            result = subprocess.run([plugin, *words], capture_output=True, text=True)
            self.assertEqual(result.returncode, 0)
            self.assertIn("Usage: kubectl leasehold ", result.stdout)
        self.assertIn("Usage: leasehold ", self.leasehold("--help").stdout)


if __name__ == "__main__":
    main()
