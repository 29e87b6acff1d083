"""What is measured of a fleet, a function each: it gets fleets of each kind and gives, for each kind, a list of values.

Fleets of all kinds stand at the same server at the same time, each for its own lock, and take turns, so that a slow moment of the machine
meets all of them."""
import http.client
import json
import os
import random
import ssl
import time

from fleet import SECOND, Fleet, now_ns, wait_for
from processes import stat_of
from tcp_proxy import LOSE_BOTH, PASS, Proxy

MS = 1_000_000


class Settled:
    """Three candidates of each kind, one of which leads."""

    def __init__(self, bench, name, count=3, settings=(15, 10, 2), proxies=False):
        self.bench, self.fleets, self.proxies = bench, {}, {}
        for kind in bench.kinds:
            if proxies:
                self.proxies[kind] = Proxy(bench.server.port)
            self.fleets[kind] = Fleet(kind, bench, f"{name}-{kind.kind}", settings, self.proxies.get(kind))
            self.fleets[kind].add()
        for fleet in self.fleets.values():
            fleet.leader()
            fleet.add(count - 1)
        time.sleep(3)  # standbys have read and watch by then

    def __enter__(self):
        return self.fleets

    def __exit__(self, *unused):
        for fleet in self.fleets.values():
            fleet.close()
        for proxy in self.proxies.values():
            proxy.close()


def put_round_trips(server, count):
    """Of one connection that is kept, with a Lease of the usual size (ns)."""
    context = ssl.create_default_context(cafile=server.folder / "ca.crt")
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=10, context=context)
    headers = {"Authorization": f"Bearer {server.tokens['admin']}", "Content-Type": "application/json"}
    name, found = "bench-put", []
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": {"holderIdentity": "x", "leaseDurationSeconds": 15}}

    def call(method, path):
        began = now_ns()
        connection.request(method, path, json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        took = now_ns() - began
        if answer.status >= 300:
            raise RuntimeError(text)
        body["metadata"] = {"name": name, "resourceVersion": json.loads(text)["metadata"]["resourceVersion"]}
        return took

    server.delete_lease(name)
    body["metadata"] = {"name": name}
    call("POST", server.lease_path())
    for i in range(count):
        body["spec"]["leaseTransitions"] = i
        found.append(call("PUT", server.lease_path(name)))
    connection.close()
    return found


def handover(bench, rounds):
    """From TERM at the leader, at a random moment, to the next worker's first stamp; and the pause between both workers."""
    asked, paused, puts = {k: [] for k in bench.kinds}, {k: [] for k in bench.kinds}, []
    with Settled(bench, "handover") as fleets:
        for _ in range(rounds):
            for kind in random.sample(list(fleets), len(fleets)):
                fleet = fleets[kind]
                leader = fleet.leader()
                time.sleep(random.uniform(0.2, 2.2))
                at = now_ns()
                leader.process.terminate()
                _, first = fleet.first_term_after(at, but=leader)
                leader.process.wait()
                asked[kind].append(first - at)
                paused[kind].append(first - leader.stamps()[-1][0])
                fleet.take(leader)
                fleet.add()
            puts += put_round_trips(bench.server, 5)
    return {"asked": asked, "paused": paused, "puts": puts}


def crash(bench, rounds):
    """From the last renewal as the record has it to the next worker's first stamp, less the lease duration."""
    late = {k: [] for k in bench.kinds}
    with Settled(bench, "crash") as fleets:
        for _ in range(rounds):
            time.sleep(random.uniform(0.2, 3.5))
            at, killed = {}, {}
            for kind, fleet in fleets.items():
                killed[kind] = fleet.leader()
                killed[kind].crash()
                at[kind] = now_ns()
                late[kind].append(-fleet.renewed_ns() - int(fleet.lease_s * SECOND))
            for kind, fleet in fleets.items():
                _, first = fleet.first_term_after(at[kind], but=killed[kind])
                late[kind][-1] += first
                fleet.take(killed[kind])
                fleet.add()
    return {"late": late}


def overlap_of(old, next_first):
    """How long the old worker worked on after the next had begun."""
    return max(0, max(t[1] for t in old.terms() if t[0] < next_first) - next_first)


def freeze(bench, rounds):
    """The leader's processes are stopped for longer than the lease and continued: how long do two work?"""
    found = {k: [] for k in bench.kinds}
    with Settled(bench, "freeze", settings=(5, 3, 1)) as fleets:
        for _ in range(rounds):
            for kind, fleet in fleets.items():
                leader = fleet.leader()
                time.sleep(random.uniform(0, 1))
                at = now_ns()
                leader.freeze()
                _, first = fleet.first_term_after(at, but=leader)
                time.sleep(0.3)
                leader.thaw()
                time.sleep(4)
                found[kind].append(overlap_of(leader, first))
                leader.leave()
                fleet.take(leader)
                fleet.add()
    return {"overlap": found}


def hang(bench, rounds):
    """The leader's connections to the API server go silent without a reset, at a random moment; the others have their own way there."""
    found = {k: [] for k in bench.kinds}
    fleets, proxies = {}, {}
    for kind in bench.kinds:
        fleets[kind] = Fleet(kind, bench, f"hang-{kind.kind}", (5, 3, 1))
    try:
        for _ in range(rounds):
            for kind, fleet in fleets.items():
                proxy = proxies[kind] = Proxy(bench.server.port)
                behind = Fleet(kind, bench, f"{fleet.lock}-{len(found[kind])}", (5, 3, 1), proxy)
                behind.lock = fleet.lock
                leader = behind.add()
                fleet.add()
                wait_for(lambda: behind.holder() or fleet.holder(), "a holder")
                if fleet.holder():  # the one without the proxy was faster
                    fleet.holder().leave()
                behind.leader()
                for one in [c for c in fleet.candidates if c.process.poll() is not None]:
                    fleet.take(one)
                    fleet.add()
                time.sleep(random.uniform(1, 3))
                at = now_ns()
                proxy.mode = LOSE_BOTH
                _, first = fleet.first_term_after(at)
                time.sleep(6)
                found[kind].append(overlap_of(leader, first))
                proxy.mode = PASS
                leader.leave()
                proxy.close()
                fleet.close()
    finally:
        for fleet in fleets.values():
            fleet.close()
    return {"overlap": found}


def outage(bench, rounds, down_s=12):
    """The API server is stopped for 12 s: from its return to the next worker's stamp, where the leader had to give up."""
    found = {k: [] for k in bench.kinds}
    with Settled(bench, "outage") as fleets:
        for _ in range(rounds):
            for fleet in fleets.values():
                fleet.leader()
            time.sleep(random.uniform(0, 3))
            bench.server.freeze()
            time.sleep(down_s)
            bench.server.thaw()
            back = now_ns()
            for kind, fleet in fleets.items():
                wait_for(fleet.working, "work after the outage")
                stamps = sorted(at for c in fleet.candidates for at, _ in c.stamps())
                found[kind].append(max(0, next(at for at in stamps if at > back) - back))
            time.sleep(15)
    return {"after": found}


def requests(bench, seconds, counts):
    """Requests about Leases in a minute, by the server's own counters."""

    def total():
        text = bench.server.request("GET", "/metrics", timeout_s=20)
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("apiserver_request_total{") and 'resource="leases"' in line)

    found = {k: {} for k in bench.kinds}
    for count in counts:
        for kind in bench.kinds:
            fleet = Fleet(kind, bench, f"requests-{kind.kind}-{count}")
            try:
                fleet.add()
                fleet.leader()
                fleet.add(count - 1)
                time.sleep(8)
                before = total()
                time.sleep(seconds)
                found[kind][count] = (total() - before) * 60 / seconds
            finally:
                fleet.close()
    return {"a_minute": found}


def start(bench, rounds):
    """From fork to the first stamp, alone and with the lock free."""
    found = {k: [] for k in bench.start_kinds}
    for i in range(rounds):
        for kind in random.sample(bench.start_kinds, len(bench.start_kinds)):
            fleet = Fleet(kind, bench, f"start-{kind.kind}-{i}")
            one = fleet.add()
            _, first = fleet.first_term_after(0)
            found[kind].append(first - one.begun_ns)
            fleet.close()
    return {"to_work": found}


def rollup(pid):
    text = open(f"/proc/{pid}/smaps_rollup").read()
    return {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}


def resources(bench, seconds):
    """Of a leader and of a standby, without their workers: memory (KiB), threads, CPU, wake-ups (voluntary switches)."""

    def usage(pids):
        sums = {"Rss": 0, "Pss": 0, "Anonymous": 0, "threads": 0, "cpu_s": 0.0, "wakeups": 0, "processes": len(pids)}
        for pid in pids:
            for key, value in rollup(pid).items():
                if key in sums:
                    sums[key] += value
            status = dict(line.split(":\t", 1) for line in open(f"/proc/{pid}/status").read().splitlines() if ":\t" in line)
            sums["threads"] += int(status["Threads"])
            for task in os.listdir(f"/proc/{pid}/task"):
                text = open(f"/proc/{pid}/task/{task}/status").read()
                sums["wakeups"] += int(text.split("voluntary_ctxt_switches:\t")[1].split("\n")[0])
            sums["cpu_s"] += stat_of(pid).cpu_s
        return sums

    found = {k: {} for k in bench.start_kinds}
    fleets = {k: Fleet(k, bench, f"resources-{k.kind}") for k in bench.start_kinds}
    try:
        ours = {}
        for kind, fleet in fleets.items():
            leader = fleet.add()
            fleet.leader()
            standby = fleet.add()
            worker = {int(pid) for _, pid in leader.stamps()[-1:]} if kind.kind.startswith("leasehold") else set()
            ours[kind] = {"leader": [p for p in leader.pids() if p not in worker], "standby": standby.pids()}
        time.sleep(10)
        before = {k: {role: usage(pids) for role, pids in roles.items()} for k, roles in ours.items()}
        time.sleep(seconds)
        for kind, roles in ours.items():
            for role, pids in roles.items():
                after = usage(pids)
                for key in ("cpu_s", "wakeups"):
                    after[key] = (after[key] - before[kind][role][key]) * 60 / seconds
                found[kind][role] = after
    finally:
        for fleet in fleets.values():
            fleet.close()
    return {"usage": found}
