#!/usr/bin/env python3
"""Clients of other languages against `leasehold dev`: client-go's typed clients, informer and election; the Python client's election.

    python3 tests/interop/dev_clients.py --leasehold build/release/leasehold [-k PATTERN]
"""
import argparse
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

from realserver import die_with_parent, programs

PATIENCE_S = 120

HERE = pathlib.Path(__file__).resolve().parent

options = None
folder = None


def cache():
    of_user = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("LEASEHOLD_CACHE") or pathlib.Path(of_user) / "leasehold")


def python_with_client():
    """A Python that has the pinned client: an environment of its own for each version, made once."""
    requirements = HERE / "python-client" / "requirements.txt"
    place = cache() / ("python-" + requirements.read_text().strip().replace("==", "-"))
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{place}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", place], check=True)
            subprocess.run([place / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements], check=True)
            (place / "complete").touch()
    return place / "bin/python"


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


class PythonClient(unittest.TestCase):
    """One leads and renews; when it is gone, the other takes over."""

    def play(self, kind, path, record):
        def read():
            with urllib.request.urlopen(dev.url + path, timeout=PATIENCE_S) as answer:
                return record(json.load(answer))

        def candidate(identity):
            one = subprocess.Popen([python, HERE / "python-client/elect.py", dev.kubeconfig, kind, "lock", identity], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
            self.addCleanup(one.stdout.close)
            self.addCleanup(one.wait)
            self.addCleanup(one.kill)
            return one

        python = python_with_client()
        with Dev() as dev:
            first = candidate("a")
            self.assertEqual(first.stdout.readline(), "leads\n")
            began = read()
            self.assertEqual(began["holderIdentity"], "a")
            end = time.monotonic() + PATIENCE_S
            while read()["renewTime"] == began["renewTime"]:
                self.assertLess(time.monotonic(), end, "the lock is not renewed")
                time.sleep(0.1)
            second = candidate("b")
            first.kill()
            self.assertEqual(second.stdout.readline(), "leads\n")
            self.assertEqual(read()["holderIdentity"], "b")

    def test_lease(self):
        self.play("lease", "/apis/coordination.k8s.io/v1/namespaces/default/leases/lock", lambda lease: lease["spec"])

    def test_configmap(self):
        self.play("configmap", "/api/v1/namespaces/default/configmaps/lock",
                  lambda object: json.loads(object["metadata"]["annotations"]["control-plane.alpha.kubernetes.io/leader"]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leasehold", required=True)
    parser.add_argument("-k", dest="pattern")
    options = parser.parse_args()
    options.leasehold = str(pathlib.Path(options.leasehold).resolve())
    with tempfile.TemporaryDirectory(prefix="leasehold-clients-") as folder:
        arguments = [sys.argv[0], "-v"] + (["-k", options.pattern] if options.pattern else [])
        sys.exit(not unittest.main(argv=arguments, exit=False).result.wasSuccessful())
