#!/usr/bin/env python3
"""The swarm: random menus by seed on every core for a while. `sim.py LEASEHOLD-SIM [--time SECONDS] [--seed N] [--jobs N]`

Each core takes the depths in turn, each with a range of seeds of its own. What fails is printed with the command that plays it again,
and written as a short scenario beside the build. Ends with 1 when something failed."""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

DEPTHS = (("core", ()), ("store", ()), ("bytes", ()), ("core", ("--shared",)), ("bytes", ("--lock", "lease")))
SLICE_S = 10  # of one process; then the next depth has its turn
SEEDS = 1_000_000  # more than a slice can play


def play(sim, depth, more, seed, seconds, folder):
    words = [sim, "--depth", depth, *more, "--seed", str(seed), "--time", f"{seconds:.1f}", "--shrink", str(folder / f"failed-{depth}-{seed}.seed")]
    done = subprocess.run(words, capture_output=True, text=True)
    number = lambda pattern: float(m[1]) if (m := re.search(pattern, done.stdout)) else 0.0
    counts = {"runs": number(r"^(\d+) runs"), "simulated": number(r"; (\d+) s simulated"), "elections": number(r"(\d+) elections"),
              "faults": number(r"elections, (\d+) faults"), "events": number(r"; (\d+) events")}
    if done.returncode == 0 and counts["runs"] > 0:
        return depth, counts, None
    failed = re.search(r"^seed (\d+) fails: .*$", done.stdout, re.M)
    shown = " ".join([os.path.relpath(sim), "--depth", depth, *more, "--seed", failed[1] if failed else str(seed), "--trace"])
    said = re.findall(r"^.*\.seed: .*$", done.stdout, re.M)
    return depth, counts, "\n  ".join([failed[0] if failed else f"ended with {done.returncode}: {done.stderr.strip()}", shown, *said])


def worker(index, arguments, end):
    results, turn = [], index
    while (left := end - time.monotonic()) > 0:
        depth, more = DEPTHS[turn % len(DEPTHS)]
        results.append(play(arguments.sim, depth, more, arguments.seed + turn * SEEDS, min(left, SLICE_S), arguments.sim.parent))
        turn += arguments.jobs
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sim", type=lambda p: pathlib.Path(p).resolve())
    parser.add_argument("--time", type=float, default=60, help="seconds (60)")
    parser.add_argument("--seed", type=int, default=int(time.time()) * 1000, help="first seed (by the clock, and printed)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at once (all cores)")
    arguments = parser.parse_args()
    print(f"sim: from seed {arguments.seed}, {arguments.jobs} at once, for {arguments.time:.0f} s", flush=True)
    end = time.monotonic() + arguments.time
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        results = [r for of in pool.map(lambda i: worker(i, arguments, end), range(arguments.jobs)) for r in of]
    totals = {}
    for depth, counts, _ in results:
        for of in (depth, "all"):
            total = totals.setdefault(of, dict.fromkeys(counts, 0.0))
            for name, value in counts.items():
                total[name] += value
    for depth in sorted(totals):
        t = totals[depth]
        print(f"{depth:6} {t['runs']:9.0f} runs  {t['elections']:10.0f} elections  {t['faults']:10.0f} faults  {t['events']:12.0f} events  "
              f"{t['simulated'] / 86400:8.1f} days simulated")
    failed = [f for _, _, f in results if f]
    for sentence in failed:
        print(f"FAILED: {sentence}")
    print(f"sim: {len(failed)} failed")
    sys.exit(1 if failed or not results else 0)


if __name__ == "__main__":
    main()
