#!/usr/bin/env python3
"""Leasehold beside client-go on one kube-apiserver with etcd, in one run: tables on stdout, all values as JSON, pictures as SVG.

    python3 bench/peers.py --build build/release [--static build/static/leasehold] [--only handover,crash] [--rounds N] [--seed N] [--pictures docs]

Every figure comes from the workers' stamps (CLOCK_BOOTTIME), the server's own counters, or /proc; nothing from what an elector says of
itself."""
import argparse
import json
import os
import pathlib
import platform
import random
import sys
import tempfile
import time

from fleet import ClientGo, Ours, OursStatic
import measures
from pictures import strips
from realserver import RealServer, programs

# name: (function, arguments for so many rounds, title, what is shown, unit in ns)
MEASURES = {
    "handover": (lambda b, n: measures.handover(b, n), "planned handover", "asked", "ms"),
    "crash": (lambda b, n: measures.crash(b, max(2, n // 4)), "crash of the leader: beyond the lease, from its last renewal", "late", "ms"),
    "freeze": (lambda b, n: measures.freeze(b, max(2, n // 4)), "leader frozen beyond its lease: two at work", "overlap", "ms"),
    "hang": (lambda b, n: measures.hang(b, max(2, n // 4)), "leader's connection goes silent: two at work", "overlap", "ms"),
    "outage": (lambda b, n: measures.outage(b, max(2, n // 5)), "API server stopped for 12 s: from its return to work", "after", "ms"),
    "start": (lambda b, n: measures.start(b, n), "start to work", "to_work", "ms"),
    "requests": (lambda b, n: measures.requests(b, 60, [3, 10, 50]), "requests a minute", "a_minute", None),
    "resources": (lambda b, n: measures.resources(b, 60), "resources of one process tree", "usage", None),
}


class Bench:
    def __init__(self, options, server, folder):
        self.server, self.folder = server, folder
        build = pathlib.Path(options.build).resolve()
        self.programs = {"leasehold": build / "leasehold", "stamper": build / "stamper", "client-go": programs() / "elector"}
        self.kinds = self.start_kinds = [Ours, ClientGo]
        if options.static:
            self.programs["leasehold-static"] = pathlib.Path(options.static).resolve(strict=True)
            self.start_kinds = [Ours, OursStatic, ClientGo]


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def describe(values):
    return "  ".join(f"{name} {quantile(values, q) / 1e6:10.2f}" for name, q in (("p50", 0.5), ("p90", 0.9), ("max", 1))) + f"  n={len(values)}"


def tell(name, title, shown, unit, result):
    print(f"\n{title}" + (f" ({unit})" if unit else ""), flush=True)
    for kind, values in result[shown].items():
        if unit:
            print(f"  {kind:18} {describe(values)}")
        else:
            print(f"  {kind:18} {json.dumps(values)}")
    if name == "handover":
        print(f"  {'the server: a PUT':18} {describe(result['puts'])}")


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return f"{platform.release()} {platform.machine()}, {os.cpu_count()} x {model}, load {os.getloadavg()[0]:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--static", help="a second program of ours, for start and memory")
    parser.add_argument("--only", default=",".join(MEASURES))
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--json", help="all values, for other pictures")
    parser.add_argument("--pictures", help="a folder for SVGs")
    options = parser.parse_args()
    random.seed(options.seed)
    wanted = options.only.split(",")
    unknown = set(wanted) - set(MEASURES)
    if unknown:
        parser.error(f"--only knows {', '.join(MEASURES)}; found {', '.join(sorted(unknown))}")
    print(f"{machine()}; seed {options.seed}; {time.strftime('%Y-%m-%d')}")
    found = {}
    with tempfile.TemporaryDirectory(prefix="leasehold-bench-") as folder, RealServer() as server:
        bench = Bench(options, server, pathlib.Path(folder))
        for name in wanted:
            run, title, shown, unit = MEASURES[name]
            result = {key: {getattr(k, "kind", k): v for k, v in values.items()} if isinstance(values, dict) else values for key, values in run(bench, options.rounds).items()}
            found[name] = result
            tell(name, title, shown, unit, result)
            if options.pictures and unit:
                rows = dict(result[shown], **({"one PUT of the server": result["puts"]} if name == "handover" else {}))
                (pathlib.Path(options.pictures) / f"bench-{name}.svg").write_text(strips(title, rows))
    print("\nbinary (bytes): " + ", ".join(f"{n} {p.stat().st_size}" for n, p in bench.programs.items() if n != "stamper"))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"machine": machine(), "seed": options.seed, "values": found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
