#!/usr/bin/env python3
"""Members on the real server: Pods are created, become ready, are labelled, end and come again; `members` and `watch --members` follow.

    python3 tests/interop/members.py --leasehold build/release/leasehold [-k PATTERN] [--keep]

Ours may do what deploy/rbac-pods.yaml and deploy/rbac.yaml say, and nothing else. There is no kubelet: a Pod stays Pending until its
status is written, as a kubelet does it, and one that has a node ends in two steps. The embedded server has neither a grace period
nor a restart that closes watches in its own way; this is what these tests are for.
"""
import argparse
import json
import os
import pathlib
import sys
import tempfile
import unittest

import stages
from realserver import NAMESPACE, REPOSITORY, RESTRICTED, ApiError, RealServer, wait_for
from stages import Candidate

PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
LEASE = "reports"  # the one that deploy/rbac.yaml is about
LABELS = {"app": "reports"}
SELECTED = ("--selector", "app=reports")
BINDING = f"leasehold-pods-{RESTRICTED}"
PATIENCE_S = 60
SETTINGS = ["--lease-duration", "4s", "--renew-deadline", "2500ms", "--retry-period", "500ms"]

options = None
server = None


def may_read_pods():
    try:
        server.request("GET", PODS, user=RESTRICTED)
    except ApiError as error:
        if error.status != 403:
            raise
        return False
    return True


def grant():
    """What deploy/rbac-pods.yaml gives."""
    server.kubectl("apply", "-f", REPOSITORY / "deploy" / "rbac-pods.yaml")
    server.kubectl("create", "rolebinding", BINDING, "--role=leasehold-pods", f"--user={RESTRICTED}", f"--namespace={NAMESPACE}")
    wait_for(may_read_pods, PATIENCE_S, "the Role in effect")


def revoke():
    server.kubectl("delete", "rolebinding", BINDING, f"--namespace={NAMESPACE}")
    wait_for(lambda: not may_read_pods(), PATIENCE_S, "the Role out of effect")


class Program(Candidate):
    """One command of ours."""

    def __init__(self, name, folder, *arguments):
        where = ["--kubeconfig", server.kubeconfig(RESTRICTED), "-n", NAMESPACE]
        # The variables of the caller are none of its business.
        clean = [part for key in os.environ if key.startswith(("LEASEHOLD_", "POD_")) for part in ("-u", key)]
        super().__init__(name, folder, {}, ["env", *clean, options.leasehold, *arguments, *where])

    def stints(self):
        return []

    def lines(self):
        return [json.loads(line) for line in self.out_path.read_text().split("\n")[:-1]]

    def events(self):
        """Of members."""
        return [line for line in self.lines() if line["event"] == "members"]

    def names(self):
        """The newest members; None before the first."""
        events = self.events()
        return [m["name"] for m in events[-1]["members"]] if events else None


class Members(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{self._testMethodName}-", dir=server.folder))
        self.programs = []

    def tearDown(self):
        for program in self.programs:
            if program.alive():
                program.terminate()
                program.wait(PATIENCE_S)
        for pod in server.request("GET", PODS)["items"]:
            self.remove(pod["metadata"]["name"])
        server.delete_lease(LEASE)

    def tell(self):
        return "\n".join(program.tell() for program in self.programs)

    # ---- Pods ----

    def pod(self, name, labels=LABELS, node=None, address=None):
        """Creates a Pod; with an address it runs and is ready. Gives its uid."""
        spec = {"containers": [{"name": "c", "image": "c"}], **({"nodeName": node} if node else {})}
        made = server.request("POST", PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec})
        if address:
            self.status(name, True, address)
        return made["metadata"]["uid"]

    def status(self, name, ready, address):
        """As its kubelet would say it."""
        pod = server.request("GET", f"{PODS}/{name}")
        condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": pod["metadata"]["creationTimestamp"]}
        pod["status"] = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": [condition]}
        server.request("PUT", f"{PODS}/{name}/status", pod)

    def label(self, name, **labels):
        server.kubectl("label", "pod", name, "--overwrite", *(f"{key}={value}" for key, value in labels.items()))

    def remove(self, name):
        """At once, as the kubelet does it when all has ended."""
        server.request("DELETE", f"{PODS}/{name}", {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0})

    # ---- ours ----

    def ours(self, name, *arguments):
        self.programs.append(Program(name, self.folder, *arguments))
        return self.programs[-1]

    def watch(self, *more, name="watch"):
        return self.ours(name, "watch", "--members", "-o", "json", *SELECTED, *more)

    def once(self, *arguments):
        """Runs a command to its end: exit code, stdout, stderr."""
        done = self.ours(f"once-{len(self.programs)}", *arguments)
        code = done.wait(PATIENCE_S)
        return code, done.out_path.read_text(), done.log_path.read_text()

    def sees(self, watch, *names):
        wait_for(lambda: watch.names() == list(names), PATIENCE_S, lambda: f"members {names}, not {watch.names()}")
        return watch.events()[-1]

    def members(self, *more):
        """What `members` says now, by name."""
        code, out, err = self.once("members", "-o", "json", *SELECTED, *more)
        self.assertEqual(code, 0, err)
        return {m["name"]: m for m in map(json.loads, out.splitlines())}

    def adds_up(self, watch):
        known = set()
        for number, event in enumerate(watch.events()):
            self.assertLessEqual(set(event["removed"]), known)
            known = known - set(event["removed"]) | set(event["added"])
            self.assertEqual(known, {m["name"] for m in event["members"]})
            self.assertTrue(number == 0 or event["added"] or event["removed"] or event["changed"], event)

    # ---- tests ----

    def test_appear_become_ready_and_go(self):
        everybody, ready = self.watch(name="all"), self.watch("--member-pods", "ready", name="ready")
        self.sees(everybody)
        self.sees(ready)
        uid = self.pod("a")
        pending = self.sees(everybody, "a")["members"][0]
        self.assertEqual((pending["uid"], pending["phase"], pending["ready"], pending["address"], pending["node"]), (uid, "Pending", False, None, None))
        self.status("a", True, "10.1.0.1")
        self.sees(ready, "a")
        wait_for(lambda: everybody.events()[-1]["members"][0]["ready"], PATIENCE_S, "a to be told as ready")
        self.assertEqual(everybody.events()[-1]["changed"], ["a"])
        self.pod("stranger", {"app": "other"}, address="10.1.0.9")
        self.pod("b", address="10.1.0.2")
        self.sees(ready, "a", "b")
        self.status("a", False, "10.1.0.1")
        self.assertEqual(self.sees(ready, "b")["removed"], ["a"])
        found = self.members()
        self.assertEqual({n: (m["phase"], m["ready"], m["address"]) for n, m in found.items()},
                         {"a": ("Running", False, "10.1.0.1"), "b": ("Running", True, "10.1.0.2")})
        self.assertEqual(found, {m["name"]: {**found[m["name"]], **m, "event": "member"} for m in everybody.events()[-1]["members"]})
        self.assertEqual(set(self.members("--member-pods", "ready")), {"b"})
        self.remove("a")
        self.sees(everybody, "b")
        self.remove("b")
        self.sees(ready)
        for watch in (everybody, ready):
            self.adds_up(watch)
            self.assertNotIn("stranger", str(watch.lines()))

    def test_a_label_makes_a_member(self):
        """The server tells a Pod that leaves a selection as DELETED, at the version of the change."""
        events = self.watch()
        uid = self.pod("a", {"app": "other"})
        self.sees(events)
        for _ in range(2):
            self.label("a", app="reports")
            self.assertEqual(self.sees(events, "a")["members"][0]["uid"], uid)
            self.label("a", app="other")
            self.assertEqual(self.sees(events)["removed"], ["a"])
        self.adds_up(events)

    def test_a_pod_with_a_node_ends_in_two_steps(self):
        events = self.watch()
        before = self.pod("a", node="node-1", address="10.1.0.1")
        wait_for(lambda: events.names() == ["a"] and events.events()[-1]["members"][0]["ready"], PATIENCE_S, "a to be ready")
        self.assertEqual(events.events()[-1]["members"][0]["node"], "node-1")
        server.request("DELETE", f"{PODS}/a")
        wait_for(lambda: events.events()[-1]["members"][0]["terminating"], PATIENCE_S, "a to be told as ending")
        self.assertEqual(events.names(), ["a"], "it is a member until it is gone")
        self.remove("a")
        # As a StatefulSet does it: the same name, another Pod.
        after = self.pod("a", node="node-2")
        wait_for(lambda: events.names() == ["a"] and events.events()[-1]["members"][0]["uid"] == after, PATIENCE_S, "the new a")
        self.assertNotEqual(before, after)
        # One event or two; never none.
        told = [event for event in events.events() if event["removed"]]
        self.assertEqual([event["removed"] for event in told], [["a"]])
        self.adds_up(events)

    def test_nothing_is_lost_over_a_restart_of_the_server(self):
        events = self.watch()
        self.pod("a")
        gone = self.pod("b")
        self.sees(events, "a", "b")
        server.kill()
        server.start()
        self.remove("b")
        came = self.pod("b")
        self.pod("c")
        self.sees(events, "a", "b", "c")
        wait_for(lambda: events.events()[-1]["members"][1]["uid"] == came, PATIENCE_S, f"b to be {came}, not {gone}")
        self.assertTrue(events.alive())
        self.adds_up(events)

    def test_the_leader_is_marked_and_has_an_address(self):
        self.pod("a", address="10.1.0.1")
        self.pod("b", address="10.1.0.2")
        self.ours("candidate", "candidate", LEASE, "--identity", "b", *SETTINGS)
        code, _, err = self.once("wait", LEASE, "--for", "holder=b", "--timeout", f"{PATIENCE_S}s")
        self.assertEqual(code, 0, err)
        code, out, err = self.once("members", LEASE, "-o", "json", *SELECTED)
        self.assertEqual({m["name"]: m["leader"] for m in map(json.loads, out.splitlines())}, {"a": False, "b": True}, err)
        code, out, err = self.once("status", LEASE, "-o", "json")
        self.assertEqual((code, json.loads(out)["address"]), (0, "10.1.0.2"), err)

    def test_without_the_right_it_says_which_one(self):
        self.pod("a", address="10.1.0.1")
        revoke()
        try:
            code, out, err = self.once("members", *SELECTED)
            self.assertEqual((code, out), (1, ""))
            for part in (f"forbids to list pods in namespace {NAMESPACE}", 'resources: ["pods"]', '"list", "watch"'):
                self.assertIn(part, err)
            # Who leads is told all the same.
            self.ours("candidate", "candidate", LEASE, "--identity", "a", *SETTINGS)
            self.assertEqual(self.once("wait", LEASE, "--for", "holder=a", "--timeout", f"{PATIENCE_S}s")[0], 0)
            code, out, err = self.once("status", LEASE, "-o", "json")
            status = json.loads(out)
            self.assertEqual((code, status["leader"], status["address"], err), (0, "a", None, ""))
        finally:
            grant()


class Result(stages.Result):
    def explain(self, test):
        self.stream.writeln(test.tell())


def main():
    global options, server
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leasehold", required=True, type=lambda text: pathlib.Path(text).resolve(strict=True))
    parser.add_argument("-k", metavar="PATTERN", default="", help="only tests whose name contains it")
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs")
    options = parser.parse_args()
    suite = unittest.TestSuite()
    suite.addTests(test for test in unittest.defaultTestLoader.loadTestsFromTestCase(Members) if options.k in test.id())
    with RealServer(keep=options.keep) as server:
        grant()
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result).run(suite)
    failed = suite.countTestCases() - result.passed
    print(f"{result.passed} passed, {failed} failed")
    return 1 if failed or not result.testsRun else 0


if __name__ == "__main__":
    sys.exit(main())
