#!/usr/bin/env python3
"""Clients of other languages against `leasehold dev`: client-go's typed clients, informer and election.

    python3 tests/interop/dev_clients.py --leasehold build/release/leasehold [-k PATTERN]
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import unittest

from realserver import die_with_parent, programs

PATIENCE_S = 120

options = None
folder = None


class Dev:
    """`leasehold dev` for one test."""

    def __enter__(self):
        self.kubeconfig = pathlib.Path(tempfile.mkdtemp(dir=folder)) / "kubeconfig"
        self.process = subprocess.Popen([options.leasehold, "dev", "--write-kubeconfig", self.kubeconfig], stdout=subprocess.PIPE,
                                        text=True, preexec_fn=die_with_parent)
        self.url = self.process.stdout.readline().strip()
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        code = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        if code != 0:
            raise AssertionError(f"the server ended with {code}")


class ClientGo(unittest.TestCase):
    def step(self, name):
        program = programs("typed") / "typed"
        with Dev() as dev:
            done = subprocess.run([program, "-kubeconfig", dev.kubeconfig, name], capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_leases(self):
        self.step("leases")

    def test_other_kinds(self):
        self.step("others")

    def test_reviews(self):
        self.step("reviews")

    def test_pages(self):
        self.step("pages")

    def test_watches(self):
        self.step("watches")

    def test_informer(self):
        self.step("informer")

    def test_election(self):
        self.step("election")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leasehold", required=True)
    parser.add_argument("-k", dest="pattern")
    options = parser.parse_args()
    options.leasehold = str(pathlib.Path(options.leasehold).resolve())
    with tempfile.TemporaryDirectory(prefix="leasehold-clients-") as folder:
        arguments = [sys.argv[0], "-v"] + (["-k", options.pattern] if options.pattern else [])
        sys.exit(not unittest.main(argv=arguments, exit=False).result.wasSuccessful())
