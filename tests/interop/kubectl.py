#!/usr/bin/env python3
"""kubectl 1.29, 1.33 and 1.36 against `leasehold dev`, and 1.36 against kube-apiserver beside it: the same commands, the same words.

    python3 tests/interop/kubectl.py --leasehold build/release/leasehold [-k PATTERN]

Each step is a command, what it reads, its exit code and what it must print. A step that is marked SAME must print on both servers the
same, but for versions, uids, times and ages.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

from realserver import RealServer, programs, wait_for

PATIENCE_S = 60
SAME = True
LEASE = """apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: a, labels: {x: "y"}}
spec: {holderIdentity: %s, leaseDurationSeconds: 15}
"""
CONFIGMAP = """apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {k: v}
"""
POD = """apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: x}}
spec: {containers: [{name: c, image: i, env: [{name: A, value: "1"}, {name: B, value: "2"}]}]}
"""
EVENT = """apiVersion: v1
kind: Event
metadata: {name: e}
involvedObject: {kind: Lease, apiVersion: coordination.k8s.io/v1, name: a, namespace: default}
type: Normal
reason: Elected
message: a leads now
count: 2
source: {component: elector}
lastTimestamp: "2026-01-01T00:00:00Z"
"""

# name: [(arguments, stdin, exit code, expressions that the output must match, SAME)]
STEPS = {
    "looks around": [
        ("version", None, 0, [r"Client Version: v1\.\d+\.", r"Server Version: v1\."], False),
        ("api-resources --no-headers", None, 0, [r"leases\s+coordination.k8s.io/v1\s+true\s+Lease", r"pods\s+po\s+v1\s+true\s+Pod"], False),
        ("get namespace default", None, 0, [r"NAME +STATUS +AGE", r"default +Active +\d+"], SAME),
        ("get leases", None, 0, [r"No resources found in default namespace"], SAME),
        ("get nonsense", None, 1, [r"the server doesn't have a resource type \"nonsense\""], SAME),
        ("get all", None, 0, [r"No resources found"], False),
        ("explain lease", None, 0, [r"KIND: +Lease"], False),
    ],
    "leases": [
        ("create -f -", LEASE % "h", 0, [r"^lease.coordination.k8s.io/a created$"], SAME),
        ("create -f -", LEASE % "h", 1, [r"AlreadyExists"], SAME),
        ("get lease", None, 0, [r"^NAME +HOLDER +AGE\na +h +\d+s$"], SAME),
        ("get lease -o wide -A --show-labels", None, 0, [r"^NAMESPACE +NAME +HOLDER +AGE +LABELS\ndefault +a +h +\d+s +x=y$"], False),
        ("get lease a -o yaml", None, 0, [r"holderIdentity: h\n", r"leaseDurationSeconds: 15$"], SAME),
        ("get lease a -o json", None, 0, [r'"holderIdentity": "h"'], SAME),
        ("get lease -o name", None, 0, [r"^lease.coordination.k8s.io/a$"], SAME),
        ("get lease a -o jsonpath={.spec.holderIdentity}", None, 0, [r"^h$"], SAME),
        ("get lease -o custom-columns=N:.metadata.name,H:.spec.holderIdentity", None, 0, [r"^N +H\na +h$"], SAME),
        ("get lease --sort-by=.metadata.name", None, 0, [r"^NAME +HOLDER +AGE\na +h"], SAME),
        ("get lease -l x=z", None, 0, [r"No resources found"], SAME),
        ("get lease --field-selector metadata.name=a -o name", None, 0, [r"^lease.coordination.k8s.io/a$"], SAME),
        ("describe lease a", None, 0, [r"Holder Identity: +h", r"Labels: +x=y", r"Events: +<none>"], SAME),
        ("get lease b", None, 1, [r"NotFound.*leases.coordination.k8s.io \"b\" not found"], SAME),
        ("replace -f -", LEASE % "i", 0, [r"a replaced$"], SAME),
        ("patch lease a -p {\"spec\":{\"holderIdentity\":\"j\"}}", None, 0, [r"a patched$"], SAME),
        ("patch lease a --type merge -p {\"spec\":{\"leaseTransitions\":3}}", None, 0, [r"a patched$"], SAME),
        ("patch lease a --type json -p [{\"op\":\"test\",\"path\":\"/spec/holderIdentity\",\"value\":\"j\"}]", None, 0, [r"a patched"], SAME),
        ("patch lease a --type json -p [{\"op\":\"test\",\"path\":\"/spec/holderIdentity\",\"value\":\"q\"}]", None, 1, [r"."], False),
        ("patch lease a -p {\"metadata\":{\"resourceVersion\":\"1\"}}", None, 1, [r"Conflict|modified"], SAME),
        ("label lease a q=r", None, 0, [r"a labeled$"], SAME),
        ("label lease a x-", None, 0, [r"a unlabeled$"], SAME),
        ("annotate lease a note=m", None, 0, [r"a annotated$"], SAME),
        ("get lease a -o yaml", None, 0, [r"holderIdentity: j\n", r"leaseTransitions: 3$", r"q: r\n", r"note: m\n"], SAME),
        ("edit lease a", None, 0, [r"a edited$"], SAME),
        ("get lease a -o jsonpath={.spec.holderIdentity}", None, 0, [r"^edited$"], SAME),
        ("wait lease a --for=jsonpath={.spec.holderIdentity}=edited --timeout=30s", None, 0, [r"condition met"], SAME),
        ("wait lease a --for=jsonpath={.spec.holderIdentity}=other --timeout=1s", None, 1, [r"timed out"], SAME),
        ("delete lease a", None, 0, [r"\"a\" deleted"], SAME),
        ("wait lease a --for=delete --timeout=30s", None, 0, [], SAME),
        ("delete lease a", None, 1, [r"NotFound"], SAME),
        ("delete lease a --ignore-not-found", None, 0, [], SAME),
    ],
    "applies": [
        ("diff -f -", CONFIGMAP, 1, [r"\+  k: v"], False),
        ("apply -f -", CONFIGMAP, 0, [r"^configmap/c created$"], SAME),
        ("apply -f -", CONFIGMAP, 0, [r"^configmap/c unchanged$"], SAME),
        ("diff -f -", CONFIGMAP, 0, [], SAME),
        ("diff -f -", CONFIGMAP.replace("k: v", "k: w"), 1, [r"-  k: v\n\+  k: w"], False),
        ("apply --dry-run=server -f -", CONFIGMAP.replace("k: v", "k: w"), 0, [r"c configured \(server dry run\)"], SAME),
        ("get cm c -o jsonpath={.data}", None, 0, [r'^{"k":"v"}$'], SAME),
        ("apply -f -", CONFIGMAP.replace("k: v", "l: w"), 0, [r"^configmap/c configured$"], SAME),
        ("get cm c -o jsonpath={.data}", None, 0, [r'^{"l":"w"}$'], SAME),
        ("get cm c", None, 0, [r"^NAME +DATA +AGE\nc +1 +\d+s$"], SAME),
        ("create -f -", CONFIGMAP.replace("name: c", "name: d") + "datum: 1\n", 1, [r"strict decoding error: unknown field \"datum\""], False),
        ("apply -f -", CONFIGMAP + "datum: 1\n", 1, [r"strict decoding error: unknown field \"datum\""], False),
        ("delete cm c", None, 0, [r"deleted"], SAME),
    ],
    "server-side apply is refused with a sentence": [
        ("apply --server-side -f -", CONFIGMAP, 1, [r"serves no server-side apply: use kubectl apply without --server-side"], False),
        ("get cm c", None, 1, [r"NotFound"], False),
    ],
    "pods": [
        ("apply -f -", POD, 0, [r"^pod/p created$"], SAME),
        ("get pods", None, 0, [r"^NAME +READY +STATUS +RESTARTS +AGE\np +0/1 +Pending +0 +\d+s$"], SAME),
        ("get pods -o wide", None, 0, [r"IP +NODE +NOMINATED NODE +READINESS GATES\np .*<none> +<none> +<none> +<none>$"], SAME),
        ("patch pod p --subresource=status -p {\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}",
         None, 0, [r"patched"], SAME),
        ("patch pod p --subresource=status -p {\"status\":{\"conditions\":[{\"type\":\"Initialized\",\"status\":\"True\"}]}}", None, 0,
         [r"patched"], SAME),
        ("wait pod p --for=condition=Ready --timeout=30s", None, 0, [r"pod/p condition met"], SAME),
        ("patch pod p -p {\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"j\"}]}}", None, 0, [r"patched"], SAME),
        ("get pod p -o jsonpath={.spec.containers[0].image},{.spec.containers[0].env[1].value}", None, 0, [r"^j,2$"], SAME),
        ("get pod p -o jsonpath={.status.conditions[*].type}", None, 0, [r"Ready", r"Initialized"], False),
        ("describe pod p", None, 0, [r"Status: +Running", r"Image: +j"], False),
        ("delete pod p --grace-period=0 --force", None, 0, [r"deleted"], False),
        ("get pods", None, 0, [r"No resources found"], SAME),
    ],
    "events": [
        ("create -f -", EVENT, 0, [r"^event/e created$"], SAME),
        ("get events", None, 0, [r"^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n\d+d +Normal +Elected +lease/a +a leads now$"], SAME),
        ("get events -o wide", None, 0, [r"SUBOBJECT +SOURCE +MESSAGE +FIRST SEEN +COUNT +NAME\n.* elector +a leads now .* 2 +e$"], SAME),
        ("get events.events.k8s.io e -o jsonpath={.note}", None, 0, [r"^a leads now$"], SAME),
        ("create -f -", LEASE % "h", 0, [r"created"], SAME),
        ("describe lease a", None, 0, [r"Events:"], False),
        ("delete lease/a event/e", None, 0, [r"deleted"], SAME),
    ],
    "bodies as protobuf": [
        ("create configmap w --from-literal=a=b", None, 0, [r"^configmap/w created$"], SAME),
        ("get cm w -o jsonpath={.data}", None, 0, [r'^{"a":"b"}$'], SAME),
        ("create namespace n", None, 0, [r"^namespace/n created$"], SAME),
        ("auth can-i create leases", None, 0, [r"^yes$"], SAME),
        ("auth can-i --list", None, 0, [r"\*\.\* "], False),
        ("auth whoami", None, 0, [r"Username"], False),
        ("delete cm w", None, 0, [r"deleted"], SAME),
    ],
}

options = None
folder = None


def neutral(text):
    """Without what differs between two servers, or two runs."""
    text = re.sub(r"\b\d+(s|m|h|d)(\d+(s|m|h))?\b", "AGE", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID", text)
    text = re.sub(r'(resourceVersion"?: |Resource Version: +)"?\d+"?', r"\1VERSION", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME", text)
    return re.sub(r" +", " ", text)


class Kubectl:
    """One version against one server."""

    def __init__(self, program, kubeconfig):
        cache = pathlib.Path(tempfile.mkdtemp(dir=folder))
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(cache), "KUBECONFIG": str(kubeconfig),
                            "KUBE_EDITOR": "sed -i s/holderIdentity:.*/holderIdentity:\\ edited/"}
        self.program = program

    def run(self, line, stdin):
        done = subprocess.run([self.program, *line.split(" ")], input=stdin or "", capture_output=True, text=True, env=self.environment,
                              timeout=PATIENCE_S)
        return done.returncode, (done.stdout + done.stderr).strip()

    def start(self, line):
        return subprocess.Popen([self.program, *line.split(" ")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env=self.environment)


class Dev:
    """`leasehold dev` for one test."""

    def __enter__(self):
        self.kubeconfig = pathlib.Path(tempfile.mkdtemp(dir=folder)) / "kubeconfig"
        self.process = subprocess.Popen([options.leasehold, "dev", "--write-kubeconfig", self.kubeconfig], stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self.process.stdout.close()


class AgainstDev(unittest.TestCase):
    def play(self, kubectl, steps, other=None):
        """Every step; with `other` the same there, and the outputs compared."""
        compared = 0
        for line, stdin, code, expected, same in steps:
            with self.subTest(line=line):
                got_code, got = kubectl.run(line, stdin)
                self.assertEqual(got_code, code, got)
                for expression in expected:
                    self.assertRegex(got, re.compile(expression, re.M))
                if other is None:
                    continue
                other_code, wanted = other.run(line, stdin)
                if same:
                    self.assertEqual((other_code, neutral(wanted)), (got_code, neutral(got)))
                    compared += 1
        return compared


def each_version(steps):
    def test(self):
        for name in ("kubectl-1.29", "kubectl-1.33", "kubectl"):
            with self.subTest(kubectl=name), Dev() as dev:
                self.play(Kubectl(options.programs / name, dev.kubeconfig), steps)
    return test


for title, table in STEPS.items():
    setattr(AgainstDev, "test_" + title.replace(" ", "_").replace("-", "_"), each_version(table))


class Watches(unittest.TestCase):
    def test_a_watch_prints_each_change(self):
        for name in ("kubectl-1.29", "kubectl-1.33", "kubectl"):
            with self.subTest(kubectl=name), Dev() as dev:
                kubectl = Kubectl(options.programs / name, dev.kubeconfig)
                self.assertEqual(kubectl.run("create -f -", LEASE % "h")[0], 0)
                watch = kubectl.start("get leases -w --no-headers")
                try:
                    self.assertRegex(watch.stdout.readline(), r"^a +h +\d+s$")
                    # The watch stands once it tells of a change; until then it may be missed, so it is made again.
                    for turn in range(3):
                        self.assertEqual(kubectl.run(f'patch lease a -p {{"spec":{{"holderIdentity":"h{turn}"}}}}', None)[0], 0)
                        self.assertRegex(watch.stdout.readline(), rf"^a +h{turn} +\d+s$")
                    self.assertEqual(kubectl.run("delete lease a", None)[0], 0)
                    self.assertRegex(watch.stdout.readline(), r"^a +h2 +\d+s$")
                finally:
                    watch.terminate()
                    watch.wait(PATIENCE_S)
                    watch.stdout.close()


class Plugin(unittest.TestCase):
    def test_kubectl_finds_and_runs_it(self):
        place = pathlib.Path(tempfile.mkdtemp(dir=folder))
        (place / "kubectl-leasehold").symlink_to(options.leasehold)
        for name in ("kubectl-1.29", "kubectl-1.33", "kubectl"):
            with self.subTest(kubectl=name), Dev() as dev:
                kubectl = Kubectl(options.programs / name, dev.kubeconfig)
                kubectl.environment["PATH"] = f"{place}:{kubectl.environment['PATH']}"
                code, listed = kubectl.run("plugin list", None)
                self.assertEqual(code, 0, listed)
                self.assertIn(str(place / "kubectl-leasehold"), listed)
                self.assertEqual(kubectl.run("create -f -", LEASE % "h")[0], 0)
                _, told = kubectl.run("leasehold status a -o json", None)
                self.assertIn('"holder":"h"', told.replace(" ", ""))
                self.assertEqual(kubectl.run("leasehold status none", None)[0], 4, "the exit code is the plugin's own")
                self.assertIn("kubectl leasehold", kubectl.run("leasehold --help", None)[1])


class BesideTheRealServer(unittest.TestCase):
    def test_the_same_words(self):
        with RealServer() as real:
            wait_for(lambda: "default" in real.kubectl("get", "namespaces"), PATIENCE_S, "the namespace default")
            theirs = Kubectl(options.programs / "kubectl", real.kubeconfig())
            for title, steps in STEPS.items():
                with self.subTest(title), Dev() as dev:
                    compared = AgainstDev.play(self, Kubectl(options.programs / "kubectl", dev.kubeconfig), steps, theirs)
                    print(f"  {title}: {compared} of {len(steps)} commands print the same on kube-apiserver", flush=True)


def main():
    global options, folder
    parser = argparse.ArgumentParser()
    parser.add_argument("--leasehold", required=True, type=pathlib.Path)
    parser.add_argument("-k", action="append", default=[])
    options, rest = parser.parse_known_args()
    options.leasehold = options.leasehold.resolve()
    options.programs = programs("etcd", "kube-apiserver", "kubectl", "kubectl-1.29", "kubectl-1.33")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="leasehold-kubectl-") as folder:
        chosen = [word for pattern in options.k for word in ("-k", pattern)]
        result = unittest.main(argv=[sys.argv[0], *chosen, *rest], exit=False, verbosity=2).result
    print(f"kubectl: {result.testsRun} tests in {time.monotonic() - started:.0f} s")
    sys.exit(not result.wasSuccessful() or result.testsRun == 0)


if __name__ == "__main__":
    main()
