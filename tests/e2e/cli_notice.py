#!/usr/bin/env python3
"""What a candidate tells others beside its lock: the label of its Pod, and Events of Kubernetes."""
import signal
import subprocess

from cli_world import LEASEHOLD, SHORT, World, main, read_events, wait_for

PODS = "/api/v1/namespaces/default/pods"


class Notice(World):
    def setUp(self):
        super().setUp()
        self.start_dev()

    def create_pod(self, name, **labels):
        self.request("POST", PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "x", **labels}},
                                    "spec": {"containers": [{"name": "c", "image": "i"}]}})

    def labels(self, name):
        return self.request("GET", f"{PODS}/{name}")["metadata"]["labels"]

    def stand(self, identity, *flags):
        path = self.folder / f"{identity}.events"
        process = self.spawn(LEASEHOLD, "run", "g", "--identity", identity, *SHORT, "--events", path, "-o", "json", *flags, "--", "sleep", "1000",
                             stderr=subprocess.PIPE)
        return process, lambda: read_events(path)

    def test_the_label_follows_the_leader(self):
        self.create_pod("a")
        self.create_pod("b", role="leader")  # of an earlier life
        one, _ = self.stand("a", "--label-pod", "role=leader")
        wait_for(lambda: self.labels("a").get("role") == "leader", "the label of a")
        self.stand("b_0f", "--label-pod", "role=leader")  # as Leasehold names candidates
        wait_for(lambda: "role" not in self.labels("b"), "the stale label to go")
        one.send_signal(signal.SIGTERM)
        wait_for(lambda: self.labels("b").get("role") == "leader", "the label of b")
        wait_for(lambda: self.labels("a") == {"app": "x"}, "the label of a to go, and no other")

    def test_a_refused_label_is_told_and_tried_again(self):
        self.fault(action="refuse", code=403, message="no", resource="pods", verb="patch", count=2)
        self.create_pod("a")
        _, events = self.stand("a", "--label-pod", "example.org/role=leader")
        wait_for(lambda: any('resources: ["pods"], verbs: ["patch"]' in (e.get("reason") or "") for e in events()), "a warning that names the rule")
        wait_for(lambda: self.labels("a").get("example.org/role") == "leader", "the label all the same")

    def test_events_tell_of_each_change(self):
        one, _ = self.stand("a", "--kubernetes-events")
        told = lambda: [(e["message"], e["involvedObject"]["name"], e["reason"], e["type"]) for e in self.request("GET", "/api/v1/namespaces/default/events")["items"]]
        wait_for(lambda: ("a became leader", "g", "LeaderElection", "Normal") in told(), "the first Event")
        self.assertEqual(self.request("GET", "/api/v1/namespaces/default/events")["items"][0]["involvedObject"]["uid"], self.lease("g")["metadata"]["uid"])
        self.stand("b", "--kubernetes-events")
        one.send_signal(signal.SIGTERM)
        wait_for(lambda: {"a stopped leading", "b became leader"} <= {t[0] for t in told()}, "the others")

    def test_nothing_is_told_unasked(self):
        self.create_pod("a")
        _, events = self.stand("a")
        wait_for(lambda: any(e["event"] == "started_leading" for e in events()), "a to lead")
        self.assertEqual(self.labels("a"), {"app": "x"})
        self.assertEqual(self.request("GET", "/api/v1/namespaces/default/events")["items"], [])

    def test_bad_input(self):
        for flags, part in ((("--label-pod", "role"), "label-pod"), (("--label-pod", "a=b,c=d"), "one label"), (("--label-pod", "a=b", "--identity", "Not A Pod"), "POD_NAME"),
                            (("--kubernetes-events=perhaps",), "yes or no")):
            result = self.leasehold("candidate", "g", *flags)
            self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1), (flags, result.stderr))
            self.assertIn(part, result.stderr)


if __name__ == "__main__":
    main()
