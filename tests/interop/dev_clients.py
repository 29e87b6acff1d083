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

from pythons import cache, python_with
from realserver import die_with_parent, programs

PATIENCE_S = 120

HERE = pathlib.Path(__file__).resolve().parent

options = None
folder = None


def class_path():
    """Of released Camel, with fabric8's client in it."""
    return subprocess.run([HERE / "build-camel.sh"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def node_modules():
    """npm's elector, installed once for each state of package.json."""
    wanted = (HERE / "npm-client" / "package.json").read_text()
    place = cache() / "npm-client"
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{place}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = place / "made-of.json"
        if not made.exists() or made.read_text() != wanted:
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            (place / "package.json").write_text(wanted)
            subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=place, check=True)
            made.write_text(wanted)
    return place / "node_modules"


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

        python = python_with(HERE / "python-client" / "requirements.txt")
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

    def test_its_configmap_is_recognised_and_refused(self):
        python = python_with(HERE / "python-client" / "requirements.txt")
        with Dev() as dev:
            one = subprocess.Popen([python, HERE / "python-client/elect.py", dev.kubeconfig, "configmap", "lock", "a"], text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
            for end in (one.stdout.close, one.wait, one.kill):
                self.addCleanup(end)
            self.assertEqual(one.stdout.readline(), "leads\n")
            ours = subprocess.Popen([options.leasehold, "run", "g", "--kubeconfig", dev.kubeconfig, "--lock", "configmap", "--lock-name", "lock", "--", "echo", "works"],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
            self.assertIn("control-plane.alpha.kubernetes.io/leader", ours.stderr.readline())
            ours.terminate()
            self.assertEqual(ours.communicate(timeout=PATIENCE_S)[0], "", "it worked beside the other elector")
            with urllib.request.urlopen(dev.url + "/api/v1/namespaces/default/configmaps/lock", timeout=PATIENCE_S) as answer:
                self.assertFalse(json.load(answer).get("data"), "ours wrote into it")

    def test_configmap(self):
        self.play("configmap", "/api/v1/namespaces/default/configmaps/lock",
                  lambda object: json.loads(object["metadata"]["annotations"]["control-plane.alpha.kubernetes.io/leader"]))


class Electors(unittest.TestCase):
    """Electors of other languages: one leads; when it has gone, the other does."""

    def start(self, *command, **environment):
        one = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent,
                               env={**os.environ, "KUBECONFIG": str(self.dev.kubeconfig), **environment})
        self.addCleanup(one.stdout.close)
        self.addCleanup(one.wait)
        self.addCleanup(one.kill)
        return one

    def setUp(self):
        self.dev = Dev().__enter__()
        self.addCleanup(self.dev.__exit__)

    def read(self, path):
        with urllib.request.urlopen(self.dev.url + path, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def says(self, process, words):
        for line in process.stdout:
            if words in line:
                return
        self.fail(f"it ended and never said {words}")

    def take_turns(self, candidate, words, holder):
        first = candidate("a")
        self.says(first, words("a"))
        self.assertEqual(holder(), "a")
        second = candidate("b")
        first.terminate()
        self.says(second, words("b"))
        self.assertEqual(holder(), "b")

    def lease_holder(self):
        return self.read("/apis/coordination.k8s.io/v1/namespaces/default/leases/lock")["spec"]["holderIdentity"]

    def test_npm(self):
        modules = node_modules()
        program = pathlib.Path(folder) / "elect.js"
        program.write_text((HERE / "npm-client/elect.js").read_text())
        self.take_turns(lambda name: self.start("node", program, name, NODE_PATH=str(modules), KUBERNETES_SERVICE_HOST="127.0.0.1"),
                        lambda name: "leads", self.lease_holder)

    def test_fabric8_on_a_lease(self):
        self.take_turns(lambda name: self.start("java", "-cp", class_path(), "Fabric8Elector", "lease", name), lambda name: "leads",
                        self.lease_holder)

    def test_fabric8_on_a_configmap(self):
        def holder():
            written = self.read("/api/v1/namespaces/default/configmaps/lock")["metadata"]["annotations"]
            return json.loads(written["control-plane.alpha.kubernetes.io/leader"])["holderIdentity"]
        self.take_turns(lambda name: self.start("java", "-cp", class_path(), "Fabric8Elector", "configmap", name), lambda name: "leads", holder)

    def pod(self, name):
        """A member as Camel wants it: labelled, running and ready."""
        pods = "/api/v1/namespaces/default/pods"
        ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        self.send("POST", pods, {"metadata": {"name": name, "labels": {"app": "control"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
        self.send("PATCH", f"{pods}/{name}/status", {"status": ready})

    def send(self, method, path, body=None):
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        request = urllib.request.Request(self.dev.url + path, None if body is None else json.dumps(body).encode(), {"Content-Type": kind},
                                         method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def camel(self, kind, holder):
        def candidate(name):
            self.pod(name)
            return self.start("java", "-cp", class_path(), "CamelControl", "", kind, "default", "lock", "g", name)

        first = candidate("a")
        self.says(first, '"holder": "a"')
        self.assertEqual(holder(), "a")
        second = candidate("b")
        self.says(second, '"holder": "a"')
        first.kill()
        self.send("DELETE", "/api/v1/namespaces/default/pods/a")  # Camel's holder leads for as long as its Pod is there
        self.says(second, '"holder": "b"')
        self.assertEqual(holder(), "b")

    def test_camel_on_a_configmap(self):
        self.camel("ConfigMap", lambda: self.read("/api/v1/namespaces/default/configmaps/lock")["data"]["leader.pod.g"])

    def test_camel_on_a_lease(self):
        self.camel("Lease", lambda: self.read("/apis/coordination.k8s.io/v1/namespaces/default/leases/lock-g")["spec"]["holderIdentity"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leasehold", required=True)
    parser.add_argument("-k", dest="pattern")
    options = parser.parse_args()
    options.leasehold = str(pathlib.Path(options.leasehold).resolve())
    with tempfile.TemporaryDirectory(prefix="leasehold-clients-") as folder:
        arguments = [sys.argv[0], "-v"] + (["-k", options.pattern] if options.pattern else [])
        sys.exit(not unittest.main(argv=arguments, exit=False).result.wasSuccessful())
