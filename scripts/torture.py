#!/usr/bin/env python3
"""make torture: real faults on real processes, drawn by a seed, round after round.

Three candidates `leasehold run GROUP -- WORKER FILE` on `leasehold dev`, or on a real kube-apiserver (--server real). A round draws
one or two faults, ends them, and waits. It has passed when no two workers ever lived at once, by the stamps of the workers; when a
leader works again after the faults; and when nobody is left of a run that has ended. Ends with 1 otherwise. What this machine does
not allow is said, and counts as neither.

--soak: also, memory, descriptors and threads of every long-lived process stay flat (torture_soak.py says what that is).
"""
import argparse
import contextlib
import pathlib
import random
import sys
import tempfile
import time

import torture_faults
import torture_net
import torture_resources
import torture_soak
from torture_world import NAMES, Failure, World

GROUPS_OF_TWO = 0.35  # share of rounds with two faults, one begun while the other is on
FAILURES_MAX = 5  # then there is enough to look at


class Row:
    """One fault in the table."""

    def __init__(self):
        self.injected, self.rounds, self.overlap_s, self.failed, self.slowest_s = 0, 0, 0.0, 0, 0.0


class Torture:
    def __init__(self, options, world):
        self.options, self.world = options, world
        self.draw = random.Random(options.seed)
        self.failures, self.rounds = [], 0
        self.impossible = {f.name: why for f in torture_faults.FAULTS.values() if f.name in options.only and (why := f.possible(world))}
        self.rows = {name: Row() for name in options.only if name not in self.impossible}
        self.bag = []
        self.soak = torture_soak.Soak() if options.soak else None

    def next_fault(self):
        """Each as often as the others, in any order."""
        if not self.bag:
            self.bag = list(self.rows)
            self.draw.shuffle(self.bag)
        return self.bag.pop()

    def inject(self, names):
        said = []
        with contextlib.ExitStack() as stack:
            for name in names:
                self.rows[name].injected += 1
                said.append(stack.enter_context(torture_faults.FAULTS[name].begin(self.world, self.draw)))
        return " + ".join(said)

    def round(self):
        self.rounds += 1
        count = 2 if len(self.rows) > 1 and self.draw.random() < GROUPS_OF_TWO else 1
        names = list(dict.fromkeys(self.next_fault() for _ in range(count)))
        before, failed, waited = self.world.overlap(), None, 0.0
        said = "+".join(names)
        try:
            said = self.inject(names)
            waited, leader = self.world.recover()
            outcome = f"{leader} works after {waited:.2f} s"
        except (Failure, OSError) as error:
            failed = outcome = f"FAILED: {error}"
        both = self.world.overlap() - before
        if both > 0:
            failed = outcome = f"FAILED: two workers at once for {both * 1000:.3f} ms ({outcome})"
        print(f"  {self.rounds:4d}  {said}: {outcome}", flush=True)
        for name in names:
            row = self.rows[name]
            row.rounds += 1
            row.overlap_s += both
            row.slowest_s = max(row.slowest_s, waited)
            row.failed += failed is not None
        if self.soak:
            self.soak.sample(self.world.long_lived())
        if failed:
            self.failures.append(f"round {self.rounds}, {said}: {failed}")

    def run(self):
        try:
            for name in NAMES:
                self.world.start(name)
            self.world.recover()
            end = time.monotonic() + self.options.time
            while self.rows and time.monotonic() < end and len(self.failures) < FAILURES_MAX:
                self.round()
            self.world.stop()
        except Failure as error:
            self.failures.append(str(error))

    def table(self):
        print(f"\n  {'fault':<12} {'injected':>8} {'rounds':>7} {'overlap':>12} {'failed':>7} {'slowest recovery':>17}")
        for name, row in self.rows.items():
            print(f"  {name:<12} {row.injected:>8} {row.rounds:>7} {row.overlap_s * 1000:>9.3f} ms {row.failed:>7} {row.slowest_s:>15.2f} s")
        for name, why in self.impossible.items():
            print(f"  {name:<12} not possible here: {why}")
        print(f"\n  {self.rounds} rounds, {len(self.world.stretches())} workers, overlap {self.world.overlap() * 1000:.3f} ms")
        if self.soak:
            lines, wrong = self.soak.judge()
            self.failures += wrong
            print("\n" + "\n".join(lines))
        for failure in self.failures:
            print(f"  failed: {failure}")


def parse():
    known = list(torture_faults.FAULTS)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leasehold", required=True)
    parser.add_argument("--worker", required=True)
    parser.add_argument("--time", type=float, default=120.0, help="seconds")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--soak", action="store_true", help="watch memory, descriptors and threads; the faults are those that let processes live")
    parser.add_argument("--only", help=f"of {','.join(known)}")
    parser.add_argument("--lock", choices=("lease", "configmap"), default="lease")
    parser.add_argument("--server", choices=("dev", "real"), default="dev")
    parser.add_argument("--keep", help="folder for logs, events and stamps, kept")
    options = parser.parse_args()
    if options.only is None:
        options.only = ",".join(torture_soak.FAULTS if options.soak else known)
    options.only = [name for name in options.only.split(",") if name]
    for name in options.only:
        if name not in known:
            parser.error(f"--only names '{name}', which is no fault; there are {', '.join(known)}")
    if not options.only:
        parser.error(f"--only names no fault; there are {', '.join(known)}")
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    return options


def main():
    options = parse()
    with tempfile.TemporaryDirectory(prefix="leasehold-torture-") as scratch:
        folder = pathlib.Path(options.keep or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        wants_net = any(name.startswith("net-") for name in options.only)
        net, net_why = torture_net.network(options.server, options.seed) if wants_net else (None, None)
        world = World(options, folder, net, net_why)
        try:
            torture_resources.prepare(world, options.only)
            torture = Torture(options, world)
            print(f"Three candidates, {options.lock} lock, lease {world.lease_s:.0f} s, {options.server} server, --seed {options.seed}\n", flush=True)
            torture.run()
            torture.table()
            both = world.overlap()
        finally:
            world.close()
    # Nothing tried is nothing shown.
    return 1 if torture.failures or both > 0 or not torture.rounds else 0


if __name__ == "__main__":
    sys.exit(main())
