#!/usr/bin/env python3
"""The ConfigMap lock on the real server, over TLS, with the rights of deploy/rbac-configmap.yaml and no others: three candidates for
each of two groups in one object, through a handover, a kill, a freeze and an operator's hand.

    python3 tests/interop/configmap.py --leasehold build/release/leasehold --stamper build/release/stamper"""
import argparse
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from realserver import NAMESPACE, REPOSITORY, RESTRICTED, ApiError, RealServer, wait_for

sys.path.insert(0, str(REPOSITORY / "scripts"))
from processes import signal_all, tree_of  # noqa: E402

PATH = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
SETTINGS = ["--lock", "configmap", "--lease-duration", "5s", "--renew-deadline", "3s", "--retry-period", "1s"]
PATIENCE = 60


class Fleet:
    """Three runs of one group."""

    def __init__(self, options, server, folder, group):
        self.options, self.server, self.folder, self.group = options, server, folder, group
        self.runs = {}
        for name in "abc":
            self.start(name)

    def start(self, name):
        stamps = self.folder / f"{self.group}-{name}.stamps"
        log = open(self.folder / f"{self.group}-{name}.log", "a")
        command = [self.options.leasehold, "run", self.group, "--kubeconfig", self.server.kubeconfig(RESTRICTED), "-n", NAMESPACE, "--identity", name, *SETTINGS, "--",
                   self.options.stamper, stamps]
        self.runs[name] = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stamps(self, name):
        path = self.folder / f"{self.group}-{name}.stamps"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [(int(line.split()[0]), int(line.split()[1])) for line in lines]

    def working(self):
        """Who stamps now, or None."""
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        return next((n for n in self.runs if (self.stamps(n) or [(0, 0)])[-1][0] > now - 100_000_000), None)

    def await_worker(self, but=None):
        return wait_for(lambda: (n := self.working()) and n != but and n, PATIENCE, f"a worker of {self.group}")

    def overlaps(self):
        stretches = {}
        for name in self.runs:
            for at, pid in self.stamps(name):
                first, _ = stretches.get((name, pid), (at, at))
                stretches[name, pid] = (first, at)
        end, found = 0, 0
        for first, last in sorted(stretches.values()):
            found += first <= end
            end = max(end, last)
        return len(stretches), found

    def close(self):
        for run in self.runs.values():
            signal_all(tree_of(run.pid), signal.SIGCONT)
            run.terminate()
        for run in self.runs.values():
            try:
                run.wait(20)
            except subprocess.TimeoutExpired:
                signal_all(tree_of(run.pid), signal.SIGKILL)
                run.wait()


def grant(server):
    server.kubectl("apply", "-f", REPOSITORY / "deploy" / "rbac-configmap.yaml")
    server.kubectl("create", "rolebinding", f"leaders-{RESTRICTED}", "--role=leaders", f"--user={RESTRICTED}", f"--namespace={NAMESPACE}")

    def granted():
        try:
            server.request("GET", f"{PATH}/leaders", user=RESTRICTED)
        except ApiError as error:
            return error.status == 404
        return True
    wait_for(granted, 10, "the Role in effect")


def data(server):
    return server.request("GET", f"{PATH}/leaders")["data"]


def stages(options, server, fleets):
    for fleet in fleets:
        fleet.await_worker()
    yield "election"
    server.kubectl("patch", "configmap", "leaders", "--type=merge", "-p", '{"data":{"foreign":"kept"}}')
    first = fleets[0]
    leader = first.await_worker()
    first.runs[leader].terminate()
    first.runs[leader].wait(30)
    first.await_worker(but=leader)
    first.start(leader)
    yield "planned handover"
    leader = first.await_worker()
    signal_all(tree_of(first.runs[leader].pid), signal.SIGKILL)
    first.runs[leader].wait()
    first.await_worker(but=leader)
    first.start(leader)
    yield "kill -9 of the leader's tree"
    second = fleets[1]
    leader = second.await_worker()
    frozen = tree_of(second.runs[leader].pid)
    signal_all(frozen, signal.SIGSTOP)
    second.await_worker(but=leader)
    signal_all(frozen, signal.SIGCONT)
    time.sleep(2)
    yield "freeze of the leader's tree"
    before = {fleet: len({pid for n in fleet.runs for _, pid in fleet.stamps(n)}) for fleet in fleets}
    server.kubectl("delete", "configmap", "leaders")
    for fleet in fleets:
        wait_for(lambda fleet=fleet: len({pid for n in fleet.runs for _, pid in fleet.stamps(n)}) > before[fleet], PATIENCE, "work after the deletion")
    yield "lock deleted by kubectl"
    found = subprocess.run([str(options.leasehold), "status", "--lock", "configmap", "--kubeconfig", str(server.kubeconfig(RESTRICTED)), "-o", "json"], capture_output=True, text=True)
    rows = {row["group"]: row for row in map(json.loads, found.stdout.splitlines())}
    assert set(rows) == {"g1", "g2"} and all(row["leasehold"] for row in rows.values()), (rows, found.stderr)
    yield "status of the whole object"
    for fleet in fleets:
        fleet.close()
    left = data(server)
    assert left["leader.pod.g1"] == left["leader.pod.g2"] == "" and "leader.timestamp.g1" not in left, left
    yield "release of both groups"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leasehold", required=True, type=pathlib.Path)
    parser.add_argument("--stamper", required=True, type=pathlib.Path)
    options = parser.parse_args()
    with RealServer() as server, tempfile.TemporaryDirectory(prefix="leasehold-configmap-") as scratch:
        grant(server)
        fleets = [Fleet(options, server, pathlib.Path(scratch), group) for group in ("g1", "g2")]
        try:
            for stage in stages(options, server, fleets):
                print(f"  ok  {stage}", flush=True)
            failed = 0
            for fleet in fleets:
                workers, overlaps = fleet.overlaps()
                print(f"  {fleet.group}: {workers} workers, {overlaps} overlaps")
                failed += overlaps > 0 or workers < 2
        except Exception:
            for log in sorted(pathlib.Path(scratch).glob("*.log")):
                print(f"--- {log.name}\n{log.read_text()[-2000:]}", file=sys.stderr)
            raise
        finally:
            for fleet in fleets:
                fleet.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
