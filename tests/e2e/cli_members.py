#!/usr/bin/env python3
"""members, watch --members: Pods appear, become ready, go, come again under one name; watches break and versions are compacted."""
import json
import signal
import subprocess

from cli_world import KEYS, LEASEHOLD, World, main, read_events, wait_for

PODS = "/api/v1/namespaces/default/pods"
MEMBER = {"name", "uid", "address", "node", "phase", "ready", "terminating", "since"}


class Members(World):
    def setUp(self):
        super().setUp()
        self.start_dev()

    def pod(self, name, ready=None, labels={"app": "reports"}):
        """Creates a Pod; `ready` None leaves it pending."""
        body = {"metadata": {"name": name, "labels": labels}, "spec": {"nodeName": "node-1"}}
        pod = self.request("POST", PODS, body)
        if ready is not None:
            self.make_ready(name, ready)
        return pod["metadata"]["uid"]

    def make_ready(self, name, ready=True):
        status = {"phase": "Running", "podIP": "10.0.0.7", "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}
        self.request("PATCH", f"{PODS}/{name}/status", {"status": status}, "application/merge-patch+json")

    def delete(self, name):
        self.request("DELETE", f"{PODS}/{name}")

    def watch(self, *more, name="watch"):
        """Follows into a file; returns the events of members so far."""
        path = self.folder / f"{name}.events"
        process = self.spawn(LEASEHOLD, "watch", "--members", "-o", "json", *more, stdout=open(path, "w"), stderr=subprocess.PIPE)
        self.watching = process
        return lambda: [e for e in read_events(path) if e["event"] == "members"]

    def sees(self, events, *names):
        """Waits until the newest event has these members and returns it."""
        def now():
            newest = events()[-1:]
            return newest and [m["name"] for m in newest[0]["members"]] == list(names) and newest[0]
        return wait_for(now, f"members {names}, not {[[m['name'] for m in e['members']] for e in events()]}")

    def adds_up(self, events):
        """Whoever follows added and removed alone knows the members, after each event."""
        known = set()
        for event in events():
            self.assertEqual(set(event["removed"]) - known, set())
            known = (known - set(event["removed"])) | set(event["added"])
            self.assertEqual(known, {m["name"] for m in event["members"]})
        for event in events()[1:]:
            self.assertTrue(event["added"] or event["removed"] or event["changed"], event)

    # ---- one look ----

    def test_members_as_table_json_and_names(self):
        result = self.leasehold("members")
        self.assertEqual((result.returncode, result.stdout), (0, ""))
        self.assertIn("no members", result.stderr)
        uid = self.pod("a", True)
        self.pod("b")
        self.pod("other", True, {"app": "other"})
        rows = [line.split() for line in self.leasehold("members", "--selector", "app=reports").stdout.splitlines()]
        self.assertEqual(rows[0], ["NAME", "READY", "PHASE", "IP", "NODE", "AGE"])
        self.assertEqual([row[:5] for row in rows[1:]], [["a", "yes", "Running", "10.0.0.7", "node-1"], ["b", "no", "Pending", "-", "node-1"]])
        self.assertIn(uid, self.leasehold("members", "-o", "wide").stdout)
        self.assertEqual(self.leasehold("members", "-o", "name").stdout, "a\nb\nother\n")
        self.assertEqual(self.leasehold("members", "-o", "name", "--member-pods", "ready").stdout, "a\nother\n")
        lines = [json.loads(line) for line in self.leasehold("members", "-o", "json", "--selector", "app=reports").stdout.splitlines()]
        self.assertEqual([set(line) for line in lines], [MEMBER | {"event", "leader"}] * 2)
        self.assertEqual([(m["event"], m["name"], m["ready"], m["phase"], m["address"], m["leader"]) for m in lines],
                         [("member", "a", True, "Running", "10.0.0.7", None), ("member", "b", False, "Pending", None, None)])
        self.environment["LEASEHOLD_SELECTOR"] = "app=other"
        self.assertEqual(self.leasehold("members", "-o", "name").stdout, "other\n")

    def test_the_leader_is_marked(self):
        for name in ("a", "a-b", "b"):
            self.pod(name, True)
        leaders = lambda: {m["name"]: m["leader"] for m in map(json.loads, self.leasehold("members", "g", "-o", "json").stdout.splitlines())}
        self.assertEqual(leaders(), {"a": False, "a-b": False, "b": False})
        # As this candidate stands, and with the suffix that a candidate without --identity has.
        candidate, events = self.candidate("g", "a")
        wait_for(lambda: self.saw(events, "started_leading"), "a to lead")
        self.assertEqual(leaders(), {"a": True, "a-b": False, "b": False})
        rows = [line.split()[:2] for line in self.leasehold("members", "g").stdout.splitlines()]
        self.assertEqual(rows, [["NAME", "LEADER"], ["a", "yes"], ["a-b", "-"], ["b", "-"]])
        candidate.send_signal(signal.SIGTERM)
        candidate.wait(20)
        self.environment["POD_NAME"] = "a-b"
        self.spawn(LEASEHOLD, "candidate", "g", stdout=subprocess.DEVNULL)
        wait_for(lambda: leaders()["a-b"], "a-b to be marked")
        self.assertEqual(leaders(), {"a": False, "a-b": True, "b": False})

    # ---- the leader's address ----

    def test_status_and_watch_tell_where_the_leader_is(self):
        path = self.folder / "watch.events"
        self.spawn(LEASEHOLD, "watch", "g", "-o", "json", stdout=open(path, "w"))
        self.pod("a", True)
        _, events = self.candidate("g", "a")
        wait_for(lambda: self.saw(events, "started_leading"), "a to lead")
        told = wait_for(lambda: next((e for e in read_events(path) if e["event"] == "leader_address"), None), "the address")
        self.assertEqual(set(told), KEYS | {"address"})
        self.assertEqual((told["group"], told["holder"], told["address"]), ("g", "a", "10.0.0.7"))
        status = lambda: json.loads(self.leasehold("status", "g", "-o", "json").stdout)
        self.assertEqual((status()["leader"], status()["address"]), ("a", "10.0.0.7"))
        self.assertIn("10.0.0.7", self.leasehold("status", "g", "-o", "wide").stdout)
        # Without the right to it, or such a Pod, there is none, and nothing is said of it.
        self.fault(action="refuse", code=403, verb="get", resource="pods")
        for row in (self.leasehold("status", "g", "-o", "json"), self.leasehold("status", "g", "-o", "wide")):
            self.assertEqual((row.returncode, row.stderr), (0, ""))
            self.assertNotIn("10.0.0.7", row.stdout)
        self.mend()
        self.delete("a")
        self.assertIsNone(status()["address"])
        self.fault(action="hang", verb="get", resource="pods")
        self.assertEqual((status()["leader"], status()["address"]), ("a", None))
        self.assertEqual([e for e in read_events(path) if e["event"] == "warning"], [])

    # ---- following ----

    def test_members_appear_become_ready_and_are_deleted(self):
        """Scenario 6 of Camel's own."""
        self.pod("a", True)
        everybody = self.watch("--selector", "app=reports", name="all")
        ready = self.watch("--selector", "app=reports", "--member-pods", "ready", name="ready")
        self.assertEqual(self.sees(everybody, "a")["added"], ["a"])
        self.sees(ready, "a")
        self.pod("b")
        self.assertEqual(self.sees(everybody, "a", "b")["added"], ["b"])
        self.make_ready("b")
        wait_for(lambda: everybody()[-1]["changed"] == ["b"], "b to be told as changed")
        self.assertEqual((everybody()[-1]["added"], everybody()[-1]["removed"]), ([], []))
        self.assertEqual(set(everybody()[-1]["members"][1]), MEMBER)
        self.assertEqual(self.sees(ready, "a", "b")["added"], ["b"])
        self.make_ready("b", False)
        self.assertEqual(self.sees(ready, "a")["removed"], ["b"])
        self.delete("a")
        self.assertEqual(self.sees(everybody, "b")["removed"], ["a"])
        self.sees(ready)
        self.request("PATCH", f"{PODS}/b", {"metadata": {"labels": {"app": "other"}}}, "application/merge-patch+json")
        self.sees(everybody)
        self.adds_up(everybody)
        self.adds_up(ready)

    def test_a_pod_created_again_under_its_name_is_told(self):
        before = self.pod("a", True)
        events = self.watch()
        self.sees(events, "a")
        self.delete("a")
        after = self.pod("a")
        wait_for(lambda: events()[-1]["members"] and events()[-1]["members"][0]["uid"] == after, "the new uid")
        self.assertNotEqual(before, after)
        told = [(e["removed"], e["added"]) for e in events()[1:]]
        self.assertIn(told, ([(["a"], ["a"])], [(["a"], []), ([], ["a"])]))

    def test_only_changes_are_told(self):
        self.pod("a", True)
        events = self.watch()
        self.sees(events, "a")
        self.request("PATCH", f"{PODS}/a", {"metadata": {"annotations": {"x": "y"}}}, "application/merge-patch+json")
        self.fault(action="repeat_watch", events=3)
        self.pod("b")
        self.fault(action="step_back")
        self.pod("c")
        self.assertEqual([e["added"] for e in events()[:1]], [["a"]])
        self.sees(events, "a", "b", "c")
        self.assertEqual(sum((e["added"] for e in events()), []), ["a", "b", "c"])
        self.assertEqual([e["removed"] + e["changed"] for e in events()], [[]] * len(events()))

    # ---- trouble ----

    def break_watch(self):
        """From now on the watch of Pods is broken, and cannot be opened; other requests are answered."""
        self.fault(action="reset", verb="watch", resource="pods")
        self.fault(action="restart", ms=100)
        hits = lambda: self.request("GET", "/leasehold/faults")["rules"][0]["hits"]

        def tried():
            try:
                return hits()
            except OSError:
                return 0
        wait_for(tried, "the watch to be tried again in vain")

    def mend(self):
        self.request("DELETE", "/leasehold/faults")

    def test_a_broken_watch_is_resumed(self):
        self.pod("a", True)
        events = self.watch()
        self.sees(events, "a")
        self.break_watch()
        self.delete("a")
        self.pod("b")
        self.mend()
        self.sees(events, "b")
        self.adds_up(events)
        self.assertIsNone(self.watching.poll())

    def test_versions_that_were_compacted_are_listed_anew(self):
        self.pod("a", True)
        events = self.watch()
        self.sees(events, "a")
        self.break_watch()
        self.delete("a")
        self.pod("b")
        self.fault(action="compact")
        self.mend()
        self.sees(events, "b")
        self.pod("c")
        self.sees(events, "b", "c")
        self.adds_up(events)

    def test_a_refresh_finds_what_a_mute_watch_does_not_tell(self):
        events = self.watch("--watch-refresh-interval", "1s")
        self.sees(events)
        self.fault(action="mute_watch", resource="pods")
        self.pod("a")
        self.sees(events, "a")

    def test_what_is_forbidden_names_the_rule(self):
        self.fault(action="refuse", code=403, message="pods is forbidden: User nobody", verb="list", resource="pods")
        result = self.leasehold("members")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        for part in ("forbids to list pods in namespace default", 'apiGroups: [""]', 'resources: ["pods"]', '"list", "watch"'):
            self.assertIn(part, result.stderr)
        # A watch of members goes on trying, and that of a group beside it is not disturbed.
        path = self.folder / "watch.events"
        self.spawn(LEASEHOLD, "watch", "g", "--members", "-o", "json", stdout=open(path, "w"))
        wait_for(lambda: any(e["event"] == "warning" and "forbids to list pods" in e["reason"] for e in read_events(path)), "a warning")
        self.candidate("g", "a")
        wait_for(lambda: any(e["event"] == "new_leader" and e["holder"] == "a" for e in read_events(path)), "a to lead")
        self.mend()
        wait_for(lambda: any(e["event"] == "members" for e in read_events(path)), "members")

    def test_bad_input(self):
        for words, parts in (
                (["members", "a", "b"], ["wants one GROUP"]),
                (["members", "--selector", "app"], ["selector is app", "app=reports"]),
                (["members", "--selector", "app=x y"], ["selector is app=x y"]),
                (["members", "--selector", "a=" + "x" * 64], ["selector"]),
                (["members", "--member-pods", "some"], ["some", "all|ready"]),
                (["members", "--watch-refresh-interval", "30"], ["watch-refresh-interval", "unit"]),
                (["members", "--watch-refresh-interval", "9000h"], ["watch-refresh-interval"]),
                (["members", "--timeout", "5"], ["timeout", "unit"]),
                (["members", "-o", "yaml"], ["yaml", "wide"]),
                (["members", "Not/A/Group"], ["group"]),
                (["watch", "--", "true"], ["runs no command"]),
                (["watch", "--members=x"], ["takes no value"])):
            result = self.leasehold(*words)
            self.assertEqual((result.returncode, result.stdout, len(result.stderr.splitlines())), (2, "", 1), (words, result.stderr))
            for part in parts:
                self.assertIn(part, result.stderr)


if __name__ == "__main__":
    main()
