#!/usr/bin/env python3
"""The scenarios that Camel itself tests (lease 5 s, renew deadline 3 s, retry period 1 s, jitter 1.2), with both kinds of lock. Times
are those of the candidates' own events; the bounds here have room for a busy machine, the simulator has the exact ones."""
import json
import subprocess
import time
import urllib.error

from cli_world import BUILD, LEASEHOLD, World, main, read_events, wait_for

LEASE, DEADLINE = 5.0, 3.0
SETTINGS = ["--lease-duration", "5s", "--renew-deadline", "3s", "--retry-period", "1s", "--jitter", "1.2"]
MARGIN = 4.0  # of a busy machine
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"


class Scenarios:
    """What every kind of lock has to show; `lock` is its name."""

    def setUp(self):
        super().setUp()
        self.start_dev()

    def stand(self, group, identity):
        path = self.folder / f"{group}-{identity}.events"
        process = self.spawn(LEASEHOLD, "candidate", group, "--lock", self.lock, "--identity", identity, "--user-agent", f"pod-{identity}", *SETTINGS, "-o", "json",
                             stdout=open(path, "w"), stderr=subprocess.DEVNULL)
        return process, lambda: read_events(path)

    def stand_all(self, group, identities="abc"):
        return {identity: self.stand(group, identity)[1] for identity in identities}

    @staticmethod
    def at(event):
        return event["boottime_ns"] / 1e9

    @staticmethod
    def leader_of(events):
        told = [e for e in events if e["event"] == "new_leader"]
        return told[-1]["holder"] if told else None

    def starts(self, candidates):
        return sorted((self.at(e), identity) for identity, events in candidates.items() for e in events() if e["event"] == "started_leading")

    def one_leader(self, candidates):
        """Everybody names the same leader, and it is one of them."""
        def agreed():
            leaders = {self.leader_of(events()) for events in candidates.values()}
            return len(leaders) == 1 and leaders <= set(candidates) and leaders.pop()
        return wait_for(agreed, "all to agree on one leader")

    def stopped_at(self, events):
        return self.at(wait_for(lambda: self.saw(events, "stop_work"), "the leader to give up"))

    def assert_taken_over(self, candidates, leader, began):
        """`leader`'s requests fail since `began`: it gives up in time, and the next one comes when its lease is over, no earlier."""
        gave_up = self.stopped_at(candidates[leader])
        others = {identity: events for identity, events in candidates.items() if identity != leader}
        next_at, _ = wait_for(lambda: self.starts(others), "the next leader")[0]
        self.assertLessEqual(gave_up - began, DEADLINE + MARGIN)
        # By its own deadline: exactly L - D later, but for the time that the word took on either side.
        self.assertGreaterEqual(next_at - gave_up, LEASE - DEADLINE - 0.5)
        self.assertLessEqual(next_at - began, LEASE + 2 + MARGIN)

    def test_1_pods_start_together(self):
        for number, prepare in enumerate(self.starting_points()):
            with self.subTest(prepare.__name__):
                prepare(f"g{number}")
                began = time.clock_gettime(time.CLOCK_BOOTTIME)
                candidates = self.stand_all(f"g{number}")
                leader = self.one_leader(candidates)
                starts = self.starts(candidates)
                self.assertEqual([identity for _, identity in starts], [leader])
                self.assertLessEqual(starts[0][0] - began, 10 + MARGIN)

    def test_2_the_leaders_requests_are_refused(self):
        candidates = self.stand_all("g")
        leader = self.one_leader(candidates)
        began = time.clock_gettime(time.CLOCK_BOOTTIME)
        self.fault(action="refuse", code=403, user_agent=f"pod-{leader}")
        self.assert_taken_over(candidates, leader, began)

    def test_3_the_leaders_requests_take_10_s(self):
        candidates = self.stand_all("g")
        leader = self.one_leader(candidates)
        began = time.clock_gettime(time.CLOCK_BOOTTIME)
        self.fault(action="delay", ms=10000, user_agent=f"pod-{leader}")
        self.assert_taken_over(candidates, leader, began)

    def test_4_short_refusals_change_nothing(self):
        candidates = self.stand_all("g")
        leader = self.one_leader(candidates)
        for _ in range(3):
            rule = self.fault(action="refuse", code=403, user_agent=f"pod-{leader}")["rules"][-1]["id"]
            time.sleep(1)
            self.request("DELETE", f"/leasehold/faults/{rule}")
            time.sleep(2)
        self.assertEqual([identity for _, identity in self.starts(candidates)], [leader])
        self.assertIsNone(self.saw(candidates[leader], "stop_work"))
        self.assertEqual(self.one_leader(candidates), leader)

    def test_5_two_groups_are_independent(self):
        groups = {group: self.stand_all(group) for group in ("g1", "g2")}
        leaders = {group: self.one_leader(candidates) for group, candidates in groups.items()}
        self.assertEqual(self.hammered(6), 0, "changes of others that were lost")
        for group, candidates in groups.items():
            self.assertEqual([identity for _, identity in self.starts(candidates)], [leaders[group]])
            self.assertEqual(self.one_leader(candidates), leaders[group])
        # The end of one is nothing to the other.
        self.fault(action="refuse", code=403, user_agent=f"pod-{leaders['g1']}", **self.only("g1"))
        wait_for(lambda: len(self.starts(groups["g1"])) > 1, "another leader of g1")
        if self.lock == "lease" or leaders["g1"] != leaders["g2"]:
            self.assertEqual(len(self.starts(groups["g2"])), 1)


class Lease(Scenarios, World):
    lock = "lease"

    def starting_points(self):
        def missing(_):
            pass

        def without_a_spec(group):
            self.put_lease(group, {})
        return missing, without_a_spec

    def only(self, group):
        return {"name": group}

    def test_released_camel_is_recognised_and_left_alone(self):
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "g", "labels": {"provider": "camel", "kind": "locks"}},
                "spec": {"holderIdentity": "camel-1", "renewTime": "2024-01-01T00:00:00.000000Z"}}
        before = self.request("POST", LEASES, body)["metadata"]["resourceVersion"]
        _, events = self.stand("g", "a")
        self.assertIn("provider=camel", wait_for(lambda: self.saw(events, "warning"), "a warning")["reason"])
        time.sleep(3)
        self.assertEqual(self.lease("g")["metadata"]["resourceVersion"], before, "it was written")

    def hammered(self, seconds):
        time.sleep(seconds)  # each group has an object of its own
        return 0


class ConfigMap(Scenarios, World):
    lock = "configmap"

    def put(self, data):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "leaders", "labels": {"team": "x"}}}
        if data != "none":
            body["data"] = data
        try:
            self.request("DELETE", f"{CONFIGMAPS}/leaders")
        except urllib.error.HTTPError:
            pass
        self.request("POST", CONFIGMAPS, body)

    def starting_points(self):
        def missing(_):
            pass

        def without_data(_):
            self.put("none")

        def null_data(_):
            self.put(None)

        def without_this_group(_):
            self.put({})

        def with_another_group(_):
            self.put({"leader.pod.other": "x", "leader.timestamp.other": "2017-08-08T14:43:24Z", "foreign": "kept"})
        return missing, without_data, null_data, without_this_group, with_another_group

    def only(self, _):
        return {"name": "leaders"}

    def hammered(self, seconds):
        """Somebody else writes his own key as fast as he can; returns how many of his writes did not stay."""
        lost = count = 0
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            before = self.request("GET", f"{CONFIGMAPS}/leaders")
            found = int(before["data"].get("counter", "0"))
            lost += found != count
            before["data"]["counter"] = str(found + 1)
            try:
                self.request("PUT", f"{CONFIGMAPS}/leaders", before)
                count = found + 1
            except urllib.error.HTTPError as error:
                self.assertEqual(error.code, 409)
                count = found
        self.assertGreater(count, 50)
        self.assertEqual(self.request("GET", f"{CONFIGMAPS}/leaders")["data"]["counter"], str(count))
        return lost

    def test_nothing_else_in_the_object_is_touched(self):
        self.put({"foreign": "kept", "leader.pod.other": "x", "leader.timestamp.other": "2017-08-08T14:43:24Z"})
        self.request("PATCH", f"{CONFIGMAPS}/leaders", {"binaryData": {"b": "AAEC"}, "metadata": {"annotations": {"note": "kept"}}}, "application/merge-patch+json")
        process, events = self.stand("g", "a")
        wait_for(lambda: self.saw(events, "started_leading"), "a to lead")
        process.terminate()
        self.assertEqual(process.wait(30), 0)
        found = self.request("GET", f"{CONFIGMAPS}/leaders")
        self.assertEqual(found["binaryData"], {"b": "AAEC"})
        self.assertEqual((found["metadata"]["labels"], found["metadata"]["annotations"]), ({"team": "x"}, {"note": "kept"}))
        self.assertEqual({k: v for k, v in found["data"].items() if not k.endswith(".g")},
                         {"foreign": "kept", "leader.pod.other": "x", "leader.timestamp.other": "2017-08-08T14:43:24Z"})
        self.assertEqual(found["data"]["leader.pod.g"], "")
        self.assertNotIn("leader.timestamp.g", found["data"])
        self.assertTrue(json.loads(found["data"]["leasehold.term.g"])["released"])

    def stand_warned(self, group, *more):
        """A candidate whose warnings are looked at."""
        path = self.folder / f"{group}.events"
        self.spawn(LEASEHOLD, "candidate", group, "--lock", "configmap", "--identity", "a", *SETTINGS, *more, "-o", "json", stdout=open(path, "w"),
                   stderr=subprocess.DEVNULL)
        return lambda: read_events(path)

    def test_records_that_nobody_can_read_are_waited_for_then_replaced(self):
        for number, data in enumerate(({"leader.pod.G": "x"}, {"leader.timestamp.G": "2017-08-08T14:43:24Z"}, {"leader.pod.G": "x", "leader.timestamp.G": "yesterday"})):
            group = f"half{number}"
            self.put({key.replace("G", group): value for key, value in data.items()} | {"foreign": "kept"})
            events = self.stand_warned(group, "--foreign-lease", "5s")
            warning = wait_for(lambda: self.saw(events, "warning"), "a warning")
            self.assertIn("cannot be understood", warning["reason"])
            started = wait_for(lambda: self.saw(events, "started_leading"), "the record to be replaced")
            self.assertGreaterEqual(self.at(started) - self.at(warning), 4.5)
            found = self.request("GET", f"{CONFIGMAPS}/leaders")["data"]
            self.assertEqual((found["foreign"], found[f"leader.pod.{group}"]), ("kept", "a"))

    def test_deleted_while_we_lead(self):
        candidates = self.stand_all("g", "ab")
        leader = self.one_leader(candidates)
        self.request("DELETE", f"{CONFIGMAPS}/leaders")
        lost = wait_for(lambda: self.saw(candidates[leader], "stop_work"), "the leader to notice")
        self.assertEqual(lost["reason"], "lost")
        next_at, _ = wait_for(lambda: self.starts(candidates)[1:], "the next leader")[0]
        # Who knew the record waits its time out: the worker of a leader that did not notice would be dead by then.
        self.assertGreaterEqual(next_at - self.at(lost), LEASE - 1)
        self.assertEqual(self.request("GET", f"{CONFIGMAPS}/leaders")["metadata"]["labels"], {"provider": "camel", "kind": "locks"})

    def assert_refused(self, group, *words):
        before = self.request("GET", f"{CONFIGMAPS}/leaders")["metadata"]["resourceVersion"]
        events = self.stand_warned(group)
        reason = wait_for(lambda: self.saw(events, "warning"), "a warning")["reason"]
        for word in words:
            self.assertIn(word, reason)
        time.sleep(3)
        self.assertIsNone(self.saw(events, "started_leading"))
        self.assertEqual(self.request("GET", f"{CONFIGMAPS}/leaders")["metadata"]["resourceVersion"], before, "it was written")
        return events

    def test_released_camel_is_recognised_and_left_alone(self):
        self.put({"leader.pod.g": "camel-1", "leader.local.timestamp.g": "2024-01-01T00:00:00Z"})
        self.assert_refused("g", "Apache Camel", "leader.local.timestamp.g")

    def test_an_immutable_object_is_refused_until_it_is_replaced(self):
        self.put({})
        self.request("PATCH", f"{CONFIGMAPS}/leaders", {"immutable": True}, "application/merge-patch+json")
        events = self.assert_refused("g", "immutable")
        self.put({})
        wait_for(lambda: self.saw(events, "started_leading"), "a to lead in the new object")

    def test_group_names_are_checked(self):
        for group in ("a/b", "g" * 237):
            result = self.leasehold("candidate", group, "--lock", "configmap")
            self.assertNotEqual(result.returncode, 0)
            self.assertIn("key of a ConfigMap", result.stderr)

    def test_a_properties_file_of_camel(self):
        self.request("POST", "/api/v1/namespaces/default/pods", {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"app": "x"}},
                                                                 "spec": {"containers": [{"name": "c", "image": "i"}]}})
        config = self.folder / "lock.properties"
        config.write_text("# of a Camel\nleaseDurationSeconds = 5\nrenewDeadlineSeconds: 3\nretryPeriodSeconds 1\nconfigMapName = locks\npodName = a\nclusterLabels[app]=x\n")
        path = self.folder / "events"
        self.spawn(LEASEHOLD, "candidate", "g", "--config", config, "-o", "json", stdout=open(path, "w"), stderr=subprocess.DEVNULL)
        wait_for(lambda: self.saw(lambda: read_events(path), "started_leading", identity="a"), "a to lead")
        self.assertEqual(self.request("GET", f"{CONFIGMAPS}/locks")["data"]["leader.pod.g"], "a")
        members = [json.loads(line) for line in self.leasehold("members", "--config", config, "-o", "json").stdout.splitlines()]
        self.assertEqual([m["name"] for m in members], ["a"])
        config.write_text("leaseDurationSeconds = 20s\n")
        refused = self.leasehold("candidate", "g", "--config", config)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("lock.properties:1: leaseDurationSeconds is 20s, but must be a whole number of seconds", refused.stderr)

    def test_status_shows_the_groups_of_the_object(self):
        self.put({"foreign": "kept", "leader.pod.camels": "camel-1", "leader.timestamp.camels": "2017-08-08T14:43:24Z"})
        _, events = self.stand("g", "a")
        token = wait_for(lambda: self.saw(events, "started_leading"), "a to lead")["fencing_token"]
        rows = {}

        def renewed():
            lines = self.leasehold("status", "--lock", "configmap", "-o", "json").stdout.splitlines()
            rows.update({row["group"]: row for row in map(json.loads, lines)})
            return rows["g"]["fencing_token"]
        self.assertEqual(wait_for(renewed, "the token, which stands in the record from the first renewal on"), token)
        self.assertEqual(sorted(rows), ["camels", "g"])
        self.assertEqual((rows["g"]["leader"], rows["g"]["lock"], rows["g"]["name"], rows["g"]["leasehold"], rows["g"]["lease_duration_s"]),
                         ("a", "configmap", "leaders", True, 5))
        self.assertIsNotNone(rows["g"]["since"])
        self.assertEqual((rows["camels"]["holder"], rows["camels"]["valid"], rows["camels"]["leasehold"]), ("camel-1", False, False))
        one = json.loads(self.leasehold("status", "g", "--lock", "configmap", "-o", "json").stdout)
        self.assertEqual((one["leader"], one["fencing_token"], one["lock"]), ("a", token, "configmap"))
        self.assertIn("a", self.leasehold("wait", "g", "--lock", "configmap", "--for", "holder=a", "--timeout", "30s", "-o", "json").stdout)
        self.assertEqual(self.leasehold("status", "nobody", "--lock", "configmap").returncode, 4)

    def test_many_writers_all_make_progress(self):
        """Forty here, three hundred in tests/unit/election/test_writers.c, where every watcher's JSON need not be read by one process."""
        result = subprocess.run([str(BUILD / "many_writers"), str(self.kubeconfig), "40", "2"], capture_output=True, text=True, timeout=400, env=self.environment)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("40 writers, 40 terms, 0 losses", result.stdout)

    def test_large_objects_are_warned_of(self):
        self.put({f"filling-{n}": "x" * 30000 for n in range(10)})
        events = self.stand_warned("g")
        wait_for(lambda: self.saw(events, "started_leading"), "a to lead")
        self.assertIn("several objects", wait_for(lambda: self.saw(events, "warning"), "a warning")["reason"])


if __name__ == "__main__":
    main()
