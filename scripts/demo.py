#!/usr/bin/env python3
"""make demo: three candidates on the embedded API server; see leadership pass, and never two workers.

Each candidate is `leasehold run reports -- WORKER FILE`; the worker appends a stamp (CLOCK_BOOTTIME, its pid) every few
milliseconds. Everything shown is computed from these stamps. Ends with 1 on any overlap or a stage that did not happen.
"""
import argparse
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from processes import kill_at_one_blow, signal_all, tree_of
from stamps import Stamps, boottime, overlap

NAMES = ("a", "b", "c")
LEASE, DEADLINE, RETRY = 5.0, 3.0, 0.5
# Stamps in a ConfigMap are whole seconds, so its periods are at least one.
SETTINGS = {lock: ["--lease-duration", "5s", "--renew-deadline", "3s", "--retry-period", retry] for lock, retry in (("lease", "500ms"), ("configmap", "1s"))}
PATIENCE = 30.0  # seconds until a stage counts as failed; far above what any should take
COLUMNS = 96


class Demo:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.stamps = {name: Stamps(folder / f"{name}.stamps") for name in NAMES}
        self.runs = {}
        self.stages = []  # (name, at, measured sentence)
        self.failures = []
        self.dev = None

    # ---- processes ----

    def start_dev(self):
        self.kubeconfig = self.folder / "kubeconfig"
        log = open(self.folder / "dev.log", "w")
        self.dev = subprocess.Popen(
            [self.options.leasehold, "dev", "--enable-faults", "--write-kubeconfig", str(self.kubeconfig)],
            stdout=subprocess.PIPE, stderr=log, text=True)
        self.url = next(word for word in self.dev.stdout.readline().split() if word.startswith("http"))
        self.wait_for(self.kubeconfig.exists, "the kubeconfig of leasehold dev")

    def start(self, name):
        log = open(self.folder / f"{name}.log", "a")
        self.runs[name] = subprocess.Popen(
            [self.options.leasehold, "run", "reports", "--identity", name, "--kubeconfig", str(self.kubeconfig),
             "--lock", self.options.lock, *SETTINGS[self.options.lock], "--events", str(self.folder / f"{name}.events"), "-o", "json",
             "--", self.options.worker, str(self.stamps[name].path)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def fault(self, rule):
        request = urllib.request.Request(f"{self.url}/leasehold/faults", json.dumps(rule).encode(), {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=10).read()

    def stop_everything(self):
        for process in [*self.runs.values(), self.dev]:
            if process and process.poll() is None:
                signal_all(tree_of(process.pid), signal.SIGCONT)
                process.terminate()
        for process in [*self.runs.values(), self.dev]:
            if process:
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    signal_all(tree_of(process.pid), signal.SIGKILL)

    # ---- what the stamps say ----

    def read(self):
        for stamps in self.stamps.values():
            stamps.read()

    def stretches(self):
        return sorted((s[1], s[2], name, s[3]) for name, stamps in self.stamps.items() for s in stamps.stretches)

    def working(self, fresh=0.3):
        """The candidate whose worker has just stamped, or None."""
        self.read()
        now = boottime()
        for start, last, name, _ in reversed(self.stretches()):
            if now - last < fresh:
                return name
        return None

    def wait_for(self, condition, what):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.02)
        raise TimeoutError(f"waited {PATIENCE:.0f} s for {what}")

    def wait_worker(self, since, other_than=None):
        def found():
            self.read()
            for start, _, name, _ in self.stretches():
                if start > since and name != other_than:
                    return name, start
            return None
        return self.wait_for(found, "the next worker")

    def last_stamp_before(self, at):
        return max((last for _, last, _, _ in self.stretches() if last < at), default=None)

    # ---- stages ----

    def stage(self, title, action):
        self.read()
        at = boottime()
        before = ""
        if sys.stdout.isatty():
            print(f"  {title} …", end="", flush=True)
            before = "\r"
        try:
            sentence = action(at)
            print(f"{before}  {title}: {sentence}", flush=True)
        except (TimeoutError, RuntimeError, OSError) as error:
            sentence = f"FAILED: {error}"
            self.failures.append(f"{title}: {error}")
            print(f"{before}  {title}: {sentence}", flush=True)
        self.stages.append((title, at, sentence))
        time.sleep(0.7)  # so that stages stand apart in the picture

    def handed_over(self, at, other_than=None):
        name, start = self.wait_worker(at, other_than)
        self.read()
        gap = start - self.last_stamp_before(start)
        return f"{name} works, {gap * 1000:.0f} ms after the last stamp of the worker before"

    def election(self, at):
        for name in NAMES:
            self.start(name)
        name, start = self.wait_worker(0)
        return f"{name} works, {(start - at) * 1000:.0f} ms after three candidates were started"

    def leader(self):
        return self.wait_for(self.working, "a working leader")

    def release(self, at):
        leader = self.leader()
        self.runs[leader].terminate()
        sentence = self.handed_over(at, leader)
        self.runs[leader].wait(PATIENCE)
        self.start(leader)
        return sentence

    def crash(self, at):
        leader = self.leader()
        # Killed one after the other, the ones left would clean up and release, as they should, but as no crash does.
        kill_at_one_blow(self.runs[leader].pid)
        sentence = self.handed_over(at, leader)
        self.runs[leader].wait(PATIENCE)
        self.start(leader)
        return sentence

    def freeze(self, at):
        leader = self.leader()
        pids = tree_of(self.runs[leader].pid)
        signal_all(pids, signal.SIGSTOP)
        sentence = self.handed_over(at, leader)
        left = at + LEASE + 2.0 - boottime()
        if left > 0:
            time.sleep(left)
        signal_all(pids, signal.SIGCONT)
        if self.runs[leader].poll() is not None:
            self.start(leader)
        return sentence + f"; {leader} was thawed after {boottime() - at:.1f} s and found its worker dead"

    def short_outage(self, at):
        leader = self.leader()
        workers = len(self.stretches())
        self.fault({"action": "restart", "ms": 1000})
        time.sleep(1.0 + DEADLINE)
        self.read()
        if len(self.stretches()) != workers or self.leader() != leader:
            raise RuntimeError(f"{leader} lost the lease in an outage of 1 s")
        return f"the API was away for 1 s, {leader} worked on"

    def long_outage(self, at):
        self.leader()
        down = LEASE + 1.0
        self.fault({"action": "restart", "ms": int(down * 1000)})
        name, start = self.wait_worker(at)
        return f"the API was away for {down:.0f} s, work stopped in time; {name} works {(start - at - down) * 1000:.0f} ms after its return"

    def hang(self, at):
        self.leader()
        self.dev.send_signal(signal.SIGSTOP)
        down = LEASE + 1.0
        time.sleep(down)
        self.read()
        stopped = self.working() is None
        self.dev.send_signal(signal.SIGCONT)
        back = boottime()
        if not stopped:
            raise RuntimeError("a worker was still at work after the lease")
        name, start = self.wait_worker(back - 0.05)
        return f"the API accepted and never answered for {down:.0f} s, work stopped in time; {name} works {(start - back) * 1000:.0f} ms after it answered again"

    def run(self):
        print(f"Three candidates, one job, lease {LEASE:.0f} s, renew deadline {DEADLINE:.0f} s ({self.options.lock} lock)\n")
        self.start_dev()
        self.began = boottime()
        for title, action in (("election", self.election), ("planned handover", self.release), ("kill -9 of the leader's tree", self.crash),
                              ("freeze of the leader's tree", self.freeze), ("short API outage", self.short_outage),
                              ("long API outage", self.long_outage), ("API that never answers", self.hang)):
            self.stage(title, action)
        self.ended = boottime()
        self.stop_everything()
        self.read()

    # ---- results ----

    def timeline(self):
        scale = COLUMNS / (self.ended - self.began)
        column = lambda at: min(COLUMNS - 1, max(0, int((at - self.began) * scale)))
        for name in NAMES:
            row = ["·"] * COLUMNS
            for start, last, owner, _ in self.stretches():
                if owner == name:
                    for i in range(column(start), column(last) + 1):
                        row[i] = "█"
            print(f"  {name} {''.join(row)}")
        marks = [" "] * COLUMNS
        for number, (_, at, _) in enumerate(self.stages, 1):
            marks[column(at)] = str(number)
        print(f"    {''.join(marks)}")
        print("    " + "  ".join(f"{number} {title}" for number, (title, _, _) in enumerate(self.stages, 1)))

    def svg(self, path):
        width, row, left, top = 960, 34, 40, 30
        scale = (width - left - 20) / (self.ended - self.began)
        x = lambda at: left + (at - self.began) * scale
        colours = {"a": "#2f6fb0", "b": "#c8662b", "c": "#3d8b53"}
        out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top + 3 * row + 40 + 18 * len(self.stages)}" font-family="sans-serif" font-size="12">',
               '<rect width="100%" height="100%" fill="white"/>']
        for index, name in enumerate(NAMES):
            y = top + index * row
            out.append(f'<text x="14" y="{y + 18}">{name}</text><rect x="{left}" y="{y + 4}" width="{width - left - 20}" height="20" fill="#eee"/>')
            for start, last, owner, _ in self.stretches():
                if owner == name:
                    out.append(f'<rect x="{x(start):.1f}" y="{y + 4}" width="{max(1.0, (last - start) * scale):.1f}" height="20" fill="{colours[name]}"/>')
        for number, (title, at, sentence) in enumerate(self.stages, 1):
            out.append(f'<line x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{top - 8}" y2="{top + 3 * row}" stroke="#888" stroke-dasharray="3 3"/>')
            out.append(f'<text x="{x(at) + 3:.1f}" y="{top - 10}">{number}</text>')
            text = f"{number} {title}: {sentence}".replace("&", "&amp;").replace("<", "&lt;")
            out.append(f'<text x="{left}" y="{top + 3 * row + 22 + 18 * number}">{text}</text>')
        out.append("</svg>")
        pathlib.Path(path).write_text("\n".join(out) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leasehold", required=True)
    parser.add_argument("--worker", required=True)
    parser.add_argument("--lock", default="lease", choices=sorted(SETTINGS))
    parser.add_argument("--svg")
    parser.add_argument("--keep", help="folder for the logs and stamps, kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="leasehold-demo-") as scratch:
        folder = pathlib.Path(options.keep or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        demo = Demo(options, folder)
        try:
            demo.run()
        finally:
            demo.stop_everything()
        print()
        demo.timeline()
        both = overlap(demo.stretches())
        print(f"\n  workers: {len(demo.stretches())}, overlap of workers: {both * 1000:.3f} ms")
        if options.svg:
            demo.svg(options.svg)
            print(f"  picture: {options.svg}")
        for failure in demo.failures:
            print(f"  failed: {failure}")
        return 1 if both > 0 or demo.failures else 0


if __name__ == "__main__":
    sys.exit(main())
