#!/usr/bin/env python3
"""Three of ours and three independent peers of Camel's lock share one ConfigMap with two groups.

    python3 tests/interop/camel_lock.py BUILD [-k PATTERN] [--keep]

One side leads both groups and is struck; the other takes over; the first comes back, and the other is struck: kill, stop, freeze,
refuse, hang. From the workers' stamps and from what the lock said is computed who was at fault when two worked at once. Peers
overlap by themselves, as the original does (camel_lock_peer_test.py shows it); ours may never be the one that held on too long,
nor the one that began too early.
"""
import random
import sys
import time

import camel_lock_world as world
import stages
from camel_lock_world import GROUPS, LEASE_NS, SECOND, TAKEOVER_S, Ours, Stage
from realserver import wait_for
from stages import boot_ns


class Beside(Stage):
    """Says who was at fault."""

    def ours(self, name, **other):
        """One candidate of ours for both groups: two processes."""
        return [self.start(Ours(name, self.folder, group, **other)) for group in GROUPS]

    def living(self, kind):
        return [c for c in self.candidates if c.kind == kind and c.alive()]

    def lease_end(self, group, candidate, at):
        """Until when its last record gave it the group, by the rule of peers, as the lock stood at that time."""
        renewed = self.witness.renewed(group, candidate.identity, at)
        return 0 if renewed is None else self.boot_of(renewed) + LEASE_NS

    def at_fault(self, group, overlap):
        """The stint to blame: the older one that outlived its lease, else the newer one that did not wait for it."""
        older, newer = overlap.older, overlap.newer
        return older if self.lease_end(group, older.candidate, newer.first) <= newer.first + stages.SLACK_NS else newer

    def faults_of_ours(self):
        """Sentences; none where all went well."""
        found = []
        for group in GROUPS:
            for overlap in self.overlaps(group):
                older, newer = overlap.older.candidate, overlap.newer.candidate
                # Clocks agree here, so nobody has an excuse to find one of ours at work still.
                if older.kind == "ours" or (newer.kind == "ours" and self.at_fault(group, overlap) is overlap.newer):
                    found.append(repr(overlap))
            names = {c.identity for c in self.candidates if c.kind == "ours"}
            for before, holder, wall, _ in self.witness.takeovers(group):
                left = before.renewed + LEASE_NS / SECOND - wall
                if holder in names and left > 0:
                    found.append(f"{holder} took {group} {left:.3f} s before {before.holder}'s lease had passed")
        return found

    def told_alike(self, candidates):
        """All that live agree, group by group."""
        for group in GROUPS:
            self.wait_told(group, [c for c in candidates if group in c.groups])


class BothWays(Beside):
    """Each test: peers lead, are struck, and ours take over; then ours are struck, and peers take over."""

    def judge(self, lock):
        super().judge(lock)
        self.assertEqual(self.faults_of_ours(), [])

    def arrive(self, kind, turn=0):
        """Three of that kind, which know who leads."""
        if kind == "ours":
            new = [one for name in "abc" for one in self.ours(f"{name}{turn}")]
        else:
            new = [self.peer(f"p{number}{turn}") for number in (1, 2, 3)]
        for one in new:
            for group in one.groups:
                wait_for(lambda g=group, o=one: o.told(g), TAKEOVER_S, f"{one} knows who leads {group}")
        return new

    def both_ways(self, strike, mend):
        self.arrive("peer")
        self.arrive("ours")
        for struck, others in (("peer", "ours"), ("ours", "peer")):
            for group in GROUPS:
                working = wait_for(lambda g=group: [c for c in self.living(struck) if c.works(g)], TAKEOVER_S, f"{struck} at work for {group}")
                self.assertIn(self.record(group).holder, [c.identity for c in working])
            time.sleep(random.uniform(0, world.SETTINGS["retry"]))  # anywhere between two renewals
            began = boot_ns()
            strike(struck)
            for group in GROUPS:
                stint = self.wait_stint(group, began, self.living(others))
                holder = self.record(group).holder
                self.assertIn(holder, [c.identity for c in self.living(others)])
                stages.note(f"{self._testMethodName[5:]}: {struck} struck, {others} at work", stint.first - began)
            mend(struck)
            self.told_alike(self.living("ours") + [p for p in self.living("peer") if p not in self.lost])

    def setUp(self):
        super().setUp()
        self.lost = []  # peers that no longer hear of anything

    def each(self, kind, what):
        for candidate in self.living(kind):
            what(candidate)

    def test_kill(self):
        self.both_ways(lambda kind: self.each(kind, lambda c: c.crash()), lambda kind: self.arrive(kind, 1))

    def test_stop(self):
        def stop(kind):
            stopped = self.living(kind)
            for candidate in stopped:
                candidate.terminate()
            for candidate in stopped:
                candidate.wait(30)

        self.both_ways(stop, lambda kind: self.arrive(kind, 1))

    def test_freeze(self):
        self.both_ways(lambda kind: self.each(kind, lambda c: c.freeze()), lambda kind: self.each(kind, lambda c: c.thaw()))

    def test_refuse(self):
        self.both_ways(lambda kind: world.dev.fault("refuse", f"{kind} ("), lambda kind: world.dev.heal())

    def test_hang(self):
        def mend(kind):
            world.dev.heal()
            if kind == "peer":  # without a limit its requests hang on for ever, and it works on all that time
                self.lost = self.living("peer")
                self.arrive("peer", 1)

        self.both_ways(lambda kind: world.dev.fault("hang", f"{kind} ("), mend)
        self.assertTrue(any(self.overlaps(group) for group in GROUPS), "a peer that hangs holds on")


class Wrong(Beside):
    """The judgement can fail: ours with settings that lie about their peers are found at fault."""

    def test_holding_on_beyond_the_peers_lease(self):
        long = {"lease_duration": "20s", "renew_deadline": "15s", "retry_period": "6s", "peer_lease": "20s", "foreign_lease": "20s"}
        a = self.ours("a", **long)
        for group in GROUPS:
            self.wait_stint(group, 0, a)
        p1 = self.peer("p1")
        self.told_alike([p1])
        began = boot_ns()
        world.dev.fault("hang", "ours (")
        for group in GROUPS:
            self.wait_stint(group, began, [p1])
            wait_for(lambda g=group: self.overlaps(g), 10, f"{a} works on for {group}")
        self.assertTrue(all(any(f"/{group}#" in fault for fault in self.faults_of_ours()) for group in GROUPS), self.faults_of_ours())

    def test_beginning_before_the_peers_lease_has_passed(self):
        p1 = self.peer("p1")
        for group in GROUPS:
            self.wait_stint(group, 0, [p1])
        short = {"lease_duration": "3s", "renew_deadline": "1600ms", "renew_interval": "1s", "peer_lease": "3s", "foreign_lease": "3s"}
        a = self.ours("a", **short)
        self.told_alike(a)
        world.dev.fault("refuse", p1.agent)
        for group in GROUPS:
            self.wait_stint(group, 0, a)
            self.assertTrue(any(f"a took {group}" in fault for fault in self.faults_of_ours()), self.faults_of_ours())


if __name__ == "__main__":
    code = world.main(sys.modules["__main__"], __doc__.splitlines()[0])
    for figure in stages.FIGURES:
        print(figure)
    sys.exit(code)
