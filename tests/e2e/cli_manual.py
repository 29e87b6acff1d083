#!/usr/bin/env python3
"""The manual page says what --help says: every option of every command is in both."""
import pathlib
import re
import subprocess

from cli_world import World, main

MANUAL = pathlib.Path(__file__).resolve().parents[2] / "man" / "leasehold.1"
# dev's own options are in docs/dev-server.md and its --help.
COMMANDS = ("run", "candidate", "status", "watch", "members", "wait", "sidecar", "resign", "transfer")


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


if __name__ == "__main__":
    main()
