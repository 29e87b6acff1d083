#!/usr/bin/env python3
"""Released Camel holds a lock on the real server: standing against it is refused with a sentence, and nothing is written into it.

    python3 tests/interop/camel_control.py --build build/release

Its rule has no time in it: its holder leads as long as its Pod lives. Here it makes a lock of each kind, ours stand against it (the
program, the events for scripts, the library), it is killed, and the lock stays as it was, however old it grows. What the sentence
says to do then frees it. The real server keeps account of who wrote which field; the embedded one does not.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time
import unittest

import stages
from realserver import HERE, NAMESPACE, REPOSITORY, RESTRICTED, ApiError, RealServer, wait_for
from stages import Candidate

POD, GROUP, RESOURCE = "control-0", "g", "locks"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
PATIENCE_S = 60
# Of ours: short, so that a lock which went by time would be taken at once.
SETTINGS = {"lease-duration": "5s", "renew-deadline": "3s", "retry-period": "1s", "foreign-lease": "5s"}
OLD_S = 15

options = None
server = None
class_path = None


class Program(Candidate):
    """A program with a name, in the folder of its test."""

    def __init__(self, name, folder, command, **environment):
        super().__init__(name, folder, SETTINGS, ["env", *(f"{key}={value}" for key, value in environment.items()), *command])

    def text(self):
        return self.out_path.read_text(errors="replace") + self.log_path.read_text(errors="replace")

    def says(self, words):
        wait_for(lambda: words in self.text(), PATIENCE_S, lambda: f"{self} says {words!r}:\n{self.text()[-2000:]}")

    def stints(self):
        return []


class Held:
    """What holds for both kinds of lock; `lock` is ours for it, `kind` Camel's, `name` that of the object."""

    def setUp(self):
        self.folder = pathlib.Path(subprocess.check_output(["mktemp", "-d", "-p", server.folder], text=True).strip())
        self.programs = []
        self.grant()

    def tearDown(self):
        for program in self.programs:
            if program.alive():
                program.crash()
        server.request("DELETE", self.path())

    def start(self, name, *command, **environment):
        self.programs.append(Program(name, self.folder, command, **environment))
        return self.programs[-1]

    def path(self):
        return f"{self.collection}/{self.name}"

    def object(self):
        return server.request("GET", self.path())

    def start_camel(self):
        camel = self.start("camel", "java", "-cp", class_path, "CamelControl", "", self.kind, NAMESPACE, RESOURCE, GROUP, POD,
                           KUBECONFIG=server.kubeconfig())
        camel.says(f'"holder": "{POD}"')
        return camel

    def common(self, **other):
        """What all of ours are told, as flags and as variables."""
        all_of_it = {"lock": self.lock, "lock-name": self.name, "kubeconfig": server.kubeconfig(RESTRICTED), "namespace": NAMESPACE, **SETTINGS, **other}
        flags = [part for name, value in all_of_it.items() for part in (f"--{name}", value)]
        return flags, {"LEASEHOLD_" + name.upper().replace("-", "_"): value for name, value in all_of_it.items()}

    def start_run(self, *flags):
        return self.start("run", options.build / "leasehold", "run", GROUP, *flags, "--identity", "run", "--", options.build / "stamper", self.folder / "stamps")

    def start_ours(self):
        """The program, the events for scripts, and a program of somebody who links the library."""
        flags, variables = self.common()
        run = self.start_run(*flags)
        candidate = self.start("candidate", options.build / "leasehold", "candidate", GROUP, *flags, "--identity", "candidate", "-o", "json")
        library = self.start("library", "stdbuf", "-oL", options.build / "examples" / "example_own_loop", GROUP, "1000000", **variables, LEASEHOLD_IDENTITY="library")
        return run, candidate, library

    def none_began(self):
        self.assertEqual([path.name for path in self.folder.glob("stamps*")], [], "the worker of `run` was started")
        for program in self.programs:
            self.assertNotIn("started_leading", program.text(), f"{program}")
            self.assertNotIn("tick", program.text(), f"{program}")

    def test_it_is_recognised_and_left_alone(self):
        camel = self.start_camel()
        self.has_camels_mark(self.object())
        ours = self.start_ours()
        for program in ours:
            for words in ("Apache Camel", self.mark, self.name):
                program.says(words)
        camel.crash()
        left = self.object()
        since = time.monotonic()
        wait_for(lambda: time.monotonic() > since + OLD_S, OLD_S + PATIENCE_S, "the lock to grow old")
        self.assertEqual(self.object(), left, "somebody wrote into it, or Camel's clean-up did")
        self.assertEqual({field["manager"] for field in left["metadata"]["managedFields"]}, {"fabric8-kubernetes-client"})
        self.none_began()
        self.assertTrue(all(program.alive() for program in ours), "they look on until the lock is free")
        run, *others = ours
        run.terminate()
        self.assertEqual(run.wait(), 0, "exit code on standby")
        # What the sentence says to do when no such Camel runs any more.
        self.remove_mark()
        wait_for(lambda: any("started_leading" in program.text() for program in others), PATIENCE_S, "one of ours to lead the freed lock")
        self.assertIn("leasehold", {field["manager"] for field in self.object()["metadata"]["managedFields"]})

    def test_it_takes_the_lock_of_ours(self):
        """It finds no Pod of our leader's name, so it takes the lock and begins a lease of its own (3 s) later. Ours could work on
        until its renew deadline of 10 s if it did not see that."""
        flags, _ = self.common(**{"lease-duration": "15s", "renew-deadline": "10s"})
        events = self.folder / "events"
        self.start_run(*flags, "--events", events, "-o", "json")
        wait_for(lambda: events.exists() and "started_leading" in events.read_text(), PATIENCE_S, "ours to lead")
        self.start_camel()
        seen = stages.boot_ns()
        stopped = next(e for e in map(json.loads, events.read_text().splitlines()) if e["event"] == "stop_work")
        self.assertEqual(stopped["reason"], "lost")
        last = max(int(line.split()[0]) for line in (self.folder / "stamps").read_text().splitlines())
        self.assertLess(last, seen, "ours worked when Camel began")
        taken = self.object()
        if self.mark in str(taken):  # it puts no label on a Lease that was there; then the lock goes by time, as any Lease
            since = time.monotonic()
            wait_for(lambda: time.monotonic() > since + OLD_S, OLD_S + PATIENCE_S, "ours to be tempted")
            self.assertEqual(self.object(), taken)

    def granted(self, role):
        binding = ("create", "rolebinding", f"{role}-{RESTRICTED}-control", f"--role={role}", f"--user={RESTRICTED}", f"--namespace={NAMESPACE}")
        server.kubectl("apply", "-f", "-", stdin=server.kubectl(*binding, "--dry-run=client", "-o", "json"))

        def readable():
            try:
                server.request("GET", self.path(), user=RESTRICTED)
            except ApiError as error:
                return error.status == 404
            return True

        wait_for(readable, PATIENCE_S, "the Role in effect")


class ConfigMap(Held, unittest.TestCase):
    lock, kind, name, mark = "configmap", "ConfigMap", RESOURCE, f"leader.local.timestamp.{GROUP}"
    collection = f"/api/v1/namespaces/{NAMESPACE}/configmaps"

    def grant(self):
        manifest = (REPOSITORY / "deploy" / "rbac-configmap.yaml").read_text().replace('resourceNames: ["leaders"]', f'resourceNames: ["{self.name}"]')
        server.kubectl("apply", "-f", "-", stdin=manifest)
        self.granted("leaders")

    def has_camels_mark(self, found):
        self.assertIn(self.mark, found["data"])

    def remove_mark(self):
        server.kubectl("patch", "configmap", self.name, "--type=merge", "-p", f'{{"data": {{"{self.mark}": null}}}}')


class Lease(Held, unittest.TestCase):
    lock, kind, name, mark = "lease", "Lease", f"{RESOURCE}-{GROUP}", "provider=camel"
    collection = RealServer.lease_path()

    def grant(self):
        manifest = (REPOSITORY / "deploy" / "rbac.yaml").read_text().replace('resourceNames: ["reports"]', f'resourceNames: ["{self.name}"]')
        server.kubectl("apply", "-f", "-", stdin=manifest)
        self.granted("reports")

    def has_camels_mark(self, found):
        self.assertEqual(found["metadata"]["labels"].get("provider"), "camel")

    def remove_mark(self):
        server.kubectl("label", "lease", self.name, "provider-")


def create_pod():
    """Camel's member: without a kubelet somebody else says that it runs and is ready."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": POD, "labels": {"app": "control"}}, "spec": {"containers": [{"name": "c", "image": "c"}]}}
    made = server.request("POST", PODS, pod)
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": made["metadata"]["creationTimestamp"]}
    made["status"] = {"phase": "Running", "podIP": "10.1.2.3", "podIPs": [{"ip": "10.1.2.3"}], "conditions": [ready]}
    server.request("PUT", f"{PODS}/{POD}/status", made)


class Result(stages.Result):
    def explain(self, test):
        for program in getattr(test, "programs", ()):
            self.stream.writeln(program.tell())


def main():
    global options, server, class_path
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, type=lambda text: pathlib.Path(text).resolve(strict=True), help="folder of leasehold, stamper and examples/")
    parser.add_argument("-k", metavar="PATTERN", default="", help="only tests whose Class.name contains it")
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs and stamps")
    options = parser.parse_args()
    done = subprocess.run([HERE / "build-camel.sh"], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return 1
    class_path = done.stdout.strip()
    suite = unittest.TestSuite()
    for tests in map(unittest.defaultTestLoader.loadTestsFromTestCase, (ConfigMap, Lease)):
        suite.addTests(test for test in tests if options.k in test.id())
    with RealServer(keep=options.keep) as server:
        create_pod()
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result).run(suite)
    failed = suite.countTestCases() - result.passed
    print(f"{result.passed} passed, {failed} failed")
    return 1 if failed or not result.testsRun else 0


if __name__ == "__main__":
    sys.exit(main())
