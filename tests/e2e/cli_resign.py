#!/usr/bin/env python3
"""`resign` and `transfer`: the leader hands over when an operator asks, to whom it was asked to, and to nobody else."""
import json
import subprocess

from cli_world import LEASEHOLD, World, main, read_events, wait_for

# What both kinds of lock take.
SETTINGS = ("--lease-duration", "5s", "--renew-deadline", "3s", "--renew-interval", "1s", "--retry-period", "1s")


class Resign(World):
    def setUp(self):
        super().setUp()
        self.start_dev()

    def stand(self, lock, group, identity):
        path = self.folder / f"{lock}-{group}-{identity}.events"
        process = self.spawn(LEASEHOLD, "run", group, "--lock", lock, "--identity", identity, *SETTINGS, "--events", path, "-o", "json", "--",
                             "sleep", "1000", stderr=subprocess.DEVNULL)
        return process, lambda: [e["event"] for e in read_events(path)]

    def leader(self, lock, group):
        result = self.leasehold("status", group, "--lock", lock, "-o", "json")
        return json.loads(result.stdout)["leader"] if result.stdout else None

    def three(self, lock, group):
        events = {identity: self.stand(lock, group, identity)[1] for identity in "abc"}
        wait_for(lambda: self.leader(lock, group), "a leader")
        wait_for(lambda: all(len(e()) > 0 for e in events.values()), "all three")
        return events

    def test_resign(self):
        for lock in ("lease", "configmap"):
            events = self.three(lock, "g")
            before = self.leader(lock, "g")
            result = self.leasehold("resign", "g", "--lock", lock)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            after = result.stdout.strip()
            self.assertNotEqual(after, before)
            self.assertEqual(self.leader(lock, "g"), after)
            told = [word for word in events[before]() if word in ("started_leading", "stop_work", "stopped_leading")]
            self.assertEqual(told, ["started_leading", "stop_work", "stopped_leading"])

    def test_transfer(self):
        for lock in ("lease", "configmap"):
            self.three(lock, "g")
            for wanted in ("c", "a", "b", "b"):
                result = self.leasehold("transfer", "g", "--lock", lock, "--to", wanted)
                self.assertEqual((result.returncode, result.stdout, result.stderr), (0, wanted + "\n", ""))
            result = self.leasehold("transfer", "g", "--lock", lock, "--to", "nobody")
            self.assertEqual(result.returncode, 1)
            self.assertIn("and not nobody", result.stderr)
            self.assertIn(self.leader(lock, "g"), "ac")

    def test_a_request_strikes_one_term_only(self):
        _, events = self.stand("lease", "g", "only")
        wait_for(lambda: self.leader("lease", "g") == "only", "a leader")
        self.assertEqual(self.leasehold("resign", "g").returncode, 0, "it leads again, in another term")
        annotations = self.lease("g")["metadata"]["annotations"]
        self.assertIn("leasehold.dev/handover", annotations)
        # The old request stays in the object, and every change shows it again.
        self.request("PATCH", "/apis/coordination.k8s.io/v1/namespaces/default/leases/g", {"metadata": {"labels": {"touched": "yes"}}},
                     kind="application/merge-patch+json")
        renewed = self.lease("g")["spec"]["renewTime"]
        wait_for(lambda: self.lease("g")["spec"]["renewTime"] != renewed, "a renewal after that")
        self.assertEqual(events().count("started_leading"), 2)

    def test_other_groups_of_the_configmap_go_on(self):
        self.stand("configmap", "g", "a")
        _, events = self.stand("configmap", "h", "b")
        wait_for(lambda: self.leader("configmap", "g") == "a" and self.leader("configmap", "h") == "b", "two leaders")
        self.assertEqual(self.leasehold("resign", "g", "--lock", "configmap").returncode, 0)
        self.assertNotIn("stop_work", events())

    def test_who_cannot_be_asked(self):
        self.assertEqual(self.leasehold("resign", "none").returncode, 4)
        self.put_lease("free", {"holderIdentity": ""})
        self.assertEqual(self.leasehold("resign", "free").returncode, 3)
        foreign = {"holderIdentity": "client-go", "leaseDurationSeconds": 600, "renewTime": "2100-01-01T00:00:00.000000Z"}
        self.put_lease("foreign", foreign)
        result = self.leasehold("resign", "foreign", "--timeout", "2s")
        self.assertEqual(result.returncode, 1)
        self.assertIn("no Leasehold", result.stderr)
        self.assertNotIn("annotations", self.lease("foreign")["metadata"])

    def test_who_may_not_ask_is_told_the_rule(self):
        self.stand("lease", "g", "a")
        wait_for(lambda: self.leader("lease", "g") == "a", "a leader")
        self.fault(action="refuse", code=403, message="no", verb="patch")
        result = self.leasehold("resign", "g")
        self.assertEqual(result.returncode, 1)
        self.assertIn('resources: ["leases"], verbs: ["patch"]', result.stderr)
        self.assertEqual(self.leader("lease", "g"), "a")

    def test_bad_input(self):
        for words, part in ((["resign"], "one GROUP"), (["resign", "a", "b"], "one GROUP"), (["transfer", "g"], "--to"), (["transfer", "g", "--to", ""], "--to"),
                            (["transfer", "g", "--to", "x" * 300], "--to"), (["resign", "g", "--timeout", "5"], "unit"), (["resign", "G"], "group")):
            result = self.leasehold(*words)
            self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1), (words, result.stderr))
            self.assertIn(part, result.stderr)


if __name__ == "__main__":
    main()
