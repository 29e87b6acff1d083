#!/usr/bin/env python3
"""The independent peer alone: it elects as the original does, and is wrong where the original is wrong.

    python3 tests/interop/camel_lock_peer_test.py BUILD [-k PATTERN] [--keep]

A peer without the flaws would make tests/interop/camel_lock.py prove too little; that overlaps are seen here also shows that the
check which passes there can fail.
"""
import subprocess
import sys
import unittest

import camel_lock_peer
import camel_lock_world as world
import stages
from camel_lock_world import BLUE, DEADLINE_NS, GREEN, GROUPS, LEASE_NS, SECOND, TAKEOVER_S, Stage
from realserver import wait_for



class Text(unittest.TestCase):
    """Records and settings, without a server."""

    def test_stamps(self):
        at = camel_lock_peer.parse_stamp("2017-08-08T14:43:24Z")
        self.assertEqual(at, 1502203404)
        self.assertEqual(camel_lock_peer.parse_stamp("2017-08-08T16:43:24+02"), at)
        self.assertEqual(camel_lock_peer.parse_stamp("2017-08-08T11:43:24-03"), at)
        self.assertEqual(camel_lock_peer.format_stamp(at + 0.999, 0), "2017-08-08T14:43:24Z", "the fraction is lost")
        self.assertEqual(camel_lock_peer.format_stamp(at, 2), "2017-08-08T16:43:24+02")
        for bad in (None, 5, "", "yesterday", "2017-08-08T14:43:24", "2017-13-08T14:43:24Z", "2017-08-08 14:43:24Z"):
            self.assertIsNone(camel_lock_peer.parse_stamp(bad), bad)

    def test_records(self):
        whole = {"leader.pod.g": "p", "leader.timestamp.g": "2017-08-08T14:43:24Z"}
        self.assertEqual(camel_lock_peer.record_of({"data": whole}, "g"), ("p", 1502203404))
        without = [None, {}, {"data": None}, {"data": {}}, {"data": dict(whole, **{"leader.pod.g": ""})}]
        without += [{"data": {key: whole[key]}} for key in whole] + [{"data": dict(whole, **{"leader.timestamp.g": "x"})}]
        for lock in without:
            self.assertEqual(camel_lock_peer.record_of(lock, "g"), camel_lock_peer.NOBODY, lock)
        self.assertEqual(camel_lock_peer.record_of({"data": whole}, "h"), camel_lock_peer.NOBODY, "another group's")

    def test_settings(self):
        good = dict(camel_lock_peer.SETTINGS)
        self.assertIsNone(camel_lock_peer.check(good))
        for name, value in (("jitter_factor", 0.9), ("lease_duration", 15), ("renew_deadline", 7), ("retry_period", 0), ("retry_on_error_interval", -1)):
            self.assertIn(name, camel_lock_peer.check(dict(good, **{name: value})))
        command = [sys.executable, camel_lock_peer.__file__, "--server", "http://127.0.0.1:1", "--group", "g", "--lease-duration", "3"]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("lease_duration must be greater than renew_deadline, but is 3 beside 15", done.stderr)


class Election(Stage):
    """What the original does right."""

    def test_three_peers_two_groups(self):
        peers = [self.peer(name) for name in ("p1", "p2", "p3")]
        leaders = {group: self.wait_told(group, peers) for group in GROUPS}
        for group in GROUPS:
            at_work = wait_for(lambda g=group: [p for p in peers if p.works(g)], 10, f"work for {group}")
            self.assertEqual([p.name for p in at_work], [leaders[group]])
        renewed = self.record(BLUE).renewed
        wait_for(lambda: self.record(BLUE).renewed > renewed, 20, "a renewal")
        self.assertEqual({group: self.wait_told(group, peers) for group in GROUPS}, leaders, "nobody disturbs a leader")

        leader = next(p for p in peers if p.name == leaders[BLUE])
        leader.terminate()
        self.assertEqual(leader.wait(), 0)
        left = self.record(BLUE)
        self.assertEqual(left.holder, leader.name, "nothing is released on stop")
        others = [p for p in peers if p is not leader]
        successor = self.wait_stint(BLUE, leader.stints(BLUE)[-1].last, others)
        self.assertGreaterEqual(successor.first + stages.SLACK_NS, self.boot_of(left.renewed) + LEASE_NS, "the lease is waited out")
        self.wait_told(BLUE, others)
        for group in GROUPS:
            self.assertEqual(self.overlaps(group), [])

    def test_refused_leader_gives_up(self):
        p1 = self.peer("p1", groups=(BLUE,))
        stint = self.wait_stint(BLUE, 0)
        p2 = self.peer("p2", groups=(BLUE,))
        self.wait_told(BLUE, [p2])
        world.dev.fault("refuse", p1.agent)
        successor = self.wait_stint(BLUE, stint.last, [p2])
        self.assertEqual(self.overlaps(BLUE), [])
        gave_up = p1.stints(BLUE)[0].last
        self.assertGreaterEqual(successor.first - gave_up, LEASE_NS - DEADLINE_NS - SECOND // 2)

    def test_lost_lock_is_made_anew(self):
        world.dev.request("DELETE", f"{world.LOCKS}/{world.LOCK}")
        self.peer("p1", groups=(BLUE,))
        self.wait_stint(BLUE, 0)
        self.assertEqual(world.dev.lock()["metadata"]["labels"], {"provider": "camel", "kind": "locks"})

    def judge(self, lock):
        if self._testMethodName != "test_lost_lock_is_made_anew":
            super().judge(lock)


class Flaws(Stage):
    """What the original does wrong, so that ours is tested beside it."""

    def lead(self):
        p1 = self.peer("p1", groups=(BLUE,))
        self.wait_stint(BLUE, 0)
        return p1

    def wait_overlap(self, older, newer):
        """The two at work at once, in this order."""
        found = wait_for(lambda: self.overlaps(BLUE), TAKEOVER_S, f"{older} and {newer} at work at once")
        self.assertEqual((found[0].older.candidate, found[0].newer.candidate), (older, newer))

    def test_hung_request_holds_on(self):
        p1 = self.lead()
        p2 = self.peer("p2", groups=(BLUE,))
        self.wait_told(BLUE, [p2])
        world.dev.fault("hang", p1.agent)
        self.wait_overlap(p1, p2)
        beyond = p1.stints(BLUE)[0].last + DEADLINE_NS
        wait_for(lambda: p1.stints(BLUE)[0].last > beyond, 20, "p1 works on beyond any deadline")

    def test_thawed_leader_works_on(self):
        p1 = self.lead()
        p2 = self.peer("p2", groups=(BLUE,))
        self.wait_told(BLUE, [p2])
        p1.freeze()
        self.wait_stint(BLUE, 0, [p2])
        p1.thaw()
        self.wait_overlap(p1, p2)
        wait_for(lambda: any(e["event"] == "stopped_leading" for e in p1.events(BLUE)), 20, "p1 noticed its loss")

    def test_restarted_pod_carries_on(self):
        p1 = self.lead()
        twin = self.peer("twin", groups=(BLUE,), identity="p1")
        self.wait_overlap(p1, twin)
        self.assertFalse(self.witness.takeovers(BLUE), "the record shows nothing of it")

    def test_fast_clock_takes_early(self):
        p1 = self.lead()
        fast = self.peer("fast", groups=(BLUE,), clock_offset=30.0)
        self.wait_overlap(p1, fast)

    def test_stamps_lose_their_fraction(self):
        self.peer("p1", "--zone", 2, groups=(BLUE,))
        self.wait_stint(BLUE, 0)
        self.assertRegex(world.dev.lock()["data"]["leader.timestamp.blue"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+02$")
        # A stamp rounded up would be ahead of the moment at which it was first seen.
        wait_for(lambda: len(self.witness.seen) >= 4, 20, "renewals")
        for _, wall, lock in self.witness.seen[1:]:
            self.assertGreaterEqual(wall, camel_lock_peer.record_of(lock, BLUE).renewed)

    def test_errors_are_hammered_only_when_asked(self):
        calm, wild = self.peer("calm", groups=(GREEN,)), self.peer("wild", "--hammer", groups=(GREEN,))
        rules = {one: world.dev.fault("refuse", one.agent) for one in (calm, wild)}
        wait_for(lambda: world.dev.hits(rules[calm]) >= 2, 20, "the calm one tries again")
        self.assertGreater(world.dev.hits(rules[wild]), 10 * world.dev.hits(rules[calm]))


if __name__ == "__main__":
    sys.exit(world.main(sys.modules["__main__"], __doc__.splitlines()[0]))
