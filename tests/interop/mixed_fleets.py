#!/usr/bin/env python3
"""Ours and the electors that people run today, on one Lease of the real server: each takes over from the other.

    python3 tests/interop/mixed_fleets.py --leasehold build/release/leasehold --stamper build/release/stamper [-k FLEET] [--keep]

A fleet is one of ours and one of theirs. All fleets go through the same rounds at once: the leader is killed, asked to leave, frozen
or hangs until the other works, and the API is away for less and for more than the renew deadline. Every worker stamps the boot time
while its elector believes that it leads. Foreign electors overlap by themselves: an overlap is charged to the one that began before
the other's lease had passed, by the record, else to the one that held on. Ours may never be charged, nor work beyond its lease.
"""
import argparse
import asyncio
import bisect
import datetime
import functools
import http.client
import json
import pathlib
import signal
import ssl
import sys
import tempfile
import threading
import time

import stages
from dev_clients import class_path, node_modules
from pythons import python_with
from realserver import HERE, NAMESPACE, REPOSITORY, RESTRICTED, RealServer, wait_for
from stages import SECOND, SLACK_NS, Candidate, Stint, boot_ns, connected_to, overlaps

sys.path.insert(0, str(REPOSITORY / "scripts"))
from processes import tree_of  # noqa: E402

LEASE_S, DEADLINE_S, RETRY_S = 5, 3, 0.5
FOREIGN_S = 6  # what ours waits for where a record has no duration: longer than any lease here
TAKEOVER_S = 45
SHORT_OUTAGE_S = 1.0
IDLE_NS = SECOND // 2
OURS, THEIRS = "ours", "theirs"
ROUNDS = [("kill", THEIRS), ("kill", OURS), ("release", THEIRS), ("release", OURS), ("freeze", THEIRS), ("freeze", OURS), ("hang", THEIRS),
          ("hang", OURS), ("short", THEIRS), ("long", THEIRS), ("short", OURS), ("long", OURS)]

server = None
options = None
loop = None


def python_with_client():
    return python_with(HERE / "python-client" / "requirements.txt")


@functools.cache
def cached(build, *arguments):
    """What a builder gives, asked once."""
    return build(*arguments)


def milliseconds(seconds):
    return str(int(seconds * 1000))


class Proxy:
    """Passes TCP on to the server. Told to hang, it keeps all connections, takes new ones, and passes nothing until it flows again."""

    def __init__(self):
        asyncio.run_coroutine_threadsafe(self._listen(), loop).result()

    async def _listen(self):
        self.flow = asyncio.Event()
        self.flow.set()
        listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = listener.sockets[0].getsockname()[1]

    async def _accept(self, reader, writer):
        try:
            await self.flow.wait()
            there, back = await asyncio.open_connection("127.0.0.1", server.port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))

    async def _pump(self, reader, writer):
        try:
            while data := await reader.read(65536):
                await self.flow.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def hang(self):
        loop.call_soon_threadsafe(self.flow.clear)

    def heal(self):
        loop.call_soon_threadsafe(self.flow.set)


class Witness(threading.Thread):
    """Follows all Leases: what each version said, in order. Where the server is away it goes on behind the version it knew."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen = {}  # name of the Lease: [(holder, boot_ns of the renewal, seconds)]
        self.version = None
        self.start()

    def run(self):
        while True:
            try:
                self._follow()
            except (OSError, ValueError, http.client.HTTPException):
                time.sleep(0.05)
            except stages.ApiError:
                time.sleep(0.05)

    def _take(self, lease):
        spec = lease.get("spec", {})
        renewed = self._boot(spec["renewTime"]) if spec.get("renewTime") else None
        self.seen.setdefault(lease["metadata"]["name"], []).append((spec.get("holderIdentity"), renewed, spec.get("leaseDurationSeconds")))

    def _follow(self):
        if self.version is None:
            # A restarted server forgets what was before. No holder comes and goes within the moment until this list: leases are longer.
            leases = server.request("GET", server.lease_path())
            self.version = leases["metadata"]["resourceVersion"]
            for lease in leases["items"]:
                self._take(lease)
        context = ssl.create_default_context(cafile=server.folder / "ca.crt")
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=60)
        connection.request("GET", f"{server.lease_path()}?watch=true&resourceVersion={self.version}",
                           headers={"Authorization": f"Bearer {server.tokens['admin']}"})
        for line in connection.getresponse():
            event = json.loads(line)
            if event.get("code") == 410 or event.get("object", {}).get("code") == 410:
                self.version = None
            if event.get("type") not in ("ADDED", "MODIFIED", "DELETED"):
                raise ValueError(line)
            self.version = event["object"]["metadata"]["resourceVersion"]
            self._take(event["object"])

    @staticmethod
    def _boot(stamp):
        wall = datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00"))
        epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        return (wall - epoch) // datetime.timedelta(microseconds=1) * 1000 - (time.time_ns() - boot_ns())

    def lease_end(self, name, holder, until):
        """When the lease of that holder ends, by its last renewal before that boot time; None: it never held."""
        ends = [renewed + (seconds or LEASE_S) * SECOND for who, renewed, seconds in self.seen.get(name, []) if who == holder and renewed and renewed <= until]
        return ends[-1] if ends else None


class Member(Candidate):
    """One elector with everything it started; its worker is a process of its own."""

    def __init__(self, fleet, side, turn):
        self.fleet, self.side = fleet, side
        self.identity = f"{side}-{turn}"
        self.proxy = fleet.proxies[side]
        command = (ours_command if side == OURS else fleet.command)(fleet, self.identity)
        super().__init__(self.identity, fleet.folder, {}, command)

    def connected(self):
        return connected_to(tree_of(self.process.pid), self.proxy.port)

    def stints(self):
        """One for each process of the worker; client-go's is one for each time it said that it started, in its only process."""
        lines = self.out_path.read_text(errors="replace").splitlines()
        starts = [json.loads(line)["boottime_ns"] for line in lines if line.startswith('{"event":"started"') and line.endswith("}")]
        times = {}
        for at, pid in self.stamps():
            times.setdefault((pid, bisect.bisect_right(starts, at)), []).append(at)
        return [Stint(self, f"{self.fleet.name}/{self.identity}#{pid}.{term}", t) for (pid, term), t in times.items()]

    def last_stamp(self):
        return max((at for at, _ in self.stamps()), default=0)

    def works(self):
        return self.last_stamp() > boot_ns() - IDLE_NS // 2

    def idle(self):
        return self.last_stamp() < boot_ns() - IDLE_NS


# ---- the electors ---------------------------------------------------------------------------------------------------


def ours_command(fleet, identity):
    return [options.leasehold, "run", fleet.lease, "--kubeconfig", fleet.kubeconfigs[OURS], "-n", NAMESPACE, "--identity", identity,
            "--lease-duration", f"{LEASE_S}s", "--renew-deadline", f"{DEADLINE_S}s", "--retry-period", milliseconds(RETRY_S) + "ms",
            "--foreign-lease", f"{FOREIGN_S}s", "--", options.stamper, fleet.folder / f"{identity}.stamps"]


def client_go(program, *more):
    def command(fleet, identity):
        return [cached(stages.programs, program) / program, "-kubeconfig", fleet.kubeconfigs[THEIRS], "-lease", fleet.lease, "-identity", identity,
                "-lease-duration", f"{LEASE_S}s", "-renew-deadline", f"{DEADLINE_S}s", "-retry-period", f"{RETRY_S}s", *more,
                "-stamps", fleet.folder / f"{identity}.stamps"]
    return command


def fabric8(fleet, identity):
    return ["env", f"KUBECONFIG={fleet.kubeconfigs[THEIRS]}", "java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", cached(class_path), "Fabric8Elector",
            "lease", identity, fleet.lease, *map(milliseconds, (LEASE_S, DEADLINE_S, RETRY_S)), options.stamper, fleet.folder / f"{identity}.stamps"]


def npm(fleet, identity):
    return ["env", f"KUBECONFIG={fleet.kubeconfigs[THEIRS]}", "KUBERNETES_SERVICE_HOST=127.0.0.1", f"NODE_PATH={cached(node_modules)}",
            f"LEASE_NAME={fleet.lease}", f"LEASE_SECONDS={LEASE_S}", f"STAMPER={options.stamper}", f"STAMPS={fleet.folder / identity}.stamps",
            "node", HERE / "npm-client" / "elect.js", identity]


def python(fleet, identity):
    return [cached(python_with_client), HERE / "python-client" / "elect.py", fleet.kubeconfigs[THEIRS], "lease", fleet.lease, identity, options.stamper,
            fleet.folder / f"{identity}.stamps"]


class Fleet:
    """Ours and one of theirs on a Lease of their own."""

    def __init__(self, name, command, stands=True):
        self.name, self.command = name, command
        self.stands = stands  # it takes over while it stands; npm's tries three times at its start and never again
        self.lease = "fleet-" + name.replace(" ", "-")
        self.members, self.now, self.turn = [], {}, 0
        self.cells, self.failures = {}, []

    def prepare(self, folder):
        self.folder = folder / self.lease
        self.folder.mkdir()
        self.proxies = {side: Proxy() for side in (OURS, THEIRS)}
        self.kubeconfigs = {}
        for side, user in ((OURS, RESTRICTED), (THEIRS, "admin")):
            path = self.kubeconfigs[side] = self.folder / f"{side}.kubeconfig"
            path.touch(mode=0o600)
            path.write_text(server.kubeconfig(user).read_text().replace(f":{server.port}\n", f":{self.proxies[side].port}\n"))

    def start(self, side):
        self.turn += 1
        member = self.now[side] = Member(self, side, self.turn)
        self.members.append(member)

    def end(self, side):
        member = self.now[side]
        member.thaw()
        if member.alive():
            member.terminate()
            try:
                member.wait(20)
            except TimeoutError:
                member.crash()

    def leads(self, side):
        return self.now[side].works()

    def judge(self, witness):
        """What ours did wrong, as sentences, and for how long theirs worked beside somebody."""
        stints = [stint for member in self.members for stint in member.stints()]
        bad, foreign_ns = [], 0
        for overlap in overlaps(stints):
            older, newer = overlap.older, overlap.newer
            end = witness.lease_end(self.lease, older.candidate.identity, newer.first)
            culprit = newer if end and newer.first + SLACK_NS < end else older
            if culprit.candidate.side == OURS:
                bad.append(f"{overlap}, charged to {culprit.owner}")
            foreign_ns += overlap.ns
        for stint in stints:
            if stint.candidate.side == OURS:
                end = witness.lease_end(self.lease, stint.candidate.identity, stint.last)
                if end is None or stint.last > end:
                    bad.append(f"{stint.owner} worked until {stint.last}, its lease ended at {end}")
        return bad, foreign_ns


def fleets():
    return [
        Fleet("client-go 0.36 release", client_go("elector", "-release-on-cancel")),
        Fleet("client-go 0.36", client_go("elector")),
        Fleet("client-go 0.29 release", client_go("elector-0.29", "-release-on-cancel")),
        Fleet("client-go 0.29", client_go("elector-0.29")),
        Fleet("fabric8", fabric8),
        Fleet("npm", npm, stands=False),
        Fleet("python", python),
    ]


# ---- the rounds -----------------------------------------------------------------------------------------------------


def wait_all(fleets, condition, what):
    """The fleets for which it came true; the others fail and leave."""
    waiting, end = list(fleets), time.monotonic() + TAKEOVER_S
    while waiting and time.monotonic() < end:
        waiting = [fleet for fleet in waiting if not condition(fleet)]
        time.sleep(0.02)
    for fleet in waiting:
        fleet.failures.append(f"{fleet.name}: not within {TAKEOVER_S} s: {what}\n" + "\n".join(m.tell() for m in fleet.now.values()))
        fleets.remove(fleet)


def other(side):
    return THEIRS if side == OURS else OURS


def make_lead(side, those):
    """Brings the rounds' starting point about: that side works, the other stands by."""
    for fleet in those:
        if not (fleet.leads(side) and not fleet.leads(other(side)) and fleet.now[other(side)].alive()):
            fleet.end(other(side))
            if side == THEIRS and not fleet.leads(side):
                fleet.end(side)
                fleet.start(side)
            elif not fleet.now[side].alive():
                fleet.start(side)
    wait_all(those, lambda fleet: fleet.leads(side), f"{side} leads before a round")
    for fleet in those:
        if not fleet.now[other(side)].alive():
            fleet.start(other(side))
    wait_all(those, lambda fleet: fleet.now[other(side)].connected() or not fleet.stands, f"{other(side)} connected")


def take_over(fault, side, those):
    """The leader suffers until the other works; then it is healed or replaced, and stands by."""
    faulted = {}
    for fleet in those:
        leader = faulted[fleet] = fleet.now[side]
        faulted[fleet].at = boot_ns()
        {"kill": leader.crash, "release": leader.terminate, "freeze": leader.freeze, "hang": leader.proxy.hang}[fault]()
        if side == OURS and not fleet.stands:
            fleet.end(THEIRS)
            fleet.start(THEIRS)
    wait_all(those, lambda fleet: fleet.now[other(side)].last_stamp() > faulted[fleet].at, f"{other(side)} takes over after {fault} of {side}")
    for fleet in those:
        leader, heir = faulted[fleet], fleet.now[other(side)]
        fleet.cells[fault, side] = min(s.first for s in heir.stints() if s.last > leader.at) - leader.at
        leader.thaw()
        leader.proxy.heal()
    # Not: that the faulted one stands by. client-go's late release can wipe our record; ours then stops, and either may lead next.
    wait_all(those, lambda fleet: sum(not member.idle() for member in fleet.now.values()) == 1, f"one works after {fault} of {side}")


def outage(length, side, those):
    before = {fleet: max((s for s in fleet.now[side].stints()), key=lambda s: s.last).owner for fleet in those}
    began = boot_ns()
    if length == "short":
        server.freeze()
        time.sleep(SHORT_OUTAGE_S)
        server.thaw()
    else:
        server.kill()
        # Theirs may hold on for ever (npm's gives up at its next renewal, the others at their deadline): ours may not.
        wait_all(those, lambda fleet: boot_ns() > began + LEASE_S * SECOND and fleet.now[OURS].idle(), "ours stops while the API is away")
        server.start()
    back = boot_ns()
    # A foreign elector may have given up for good: then ours is there.
    wait_all(those, lambda fleet: any(m.last_stamp() > back + SECOND // 10 for m in fleet.now.values()), f"work after a {length} outage")
    for fleet in those:
        after = min((s for m in fleet.now.values() for s in m.stints() if s.last > back), key=lambda s: s.first)
        fleet.cells[length, side] = max(0, after.first - back)
        if length == "short" and side == OURS and after.owner != before[fleet]:
            fleet.failures.append(f"{fleet.name}: ours lost its lead in an outage of {SHORT_OUTAGE_S} s: {before[fleet]}, then {after.owner}")


def grant(all_fleets):
    """Ours gets the rights of deploy/rbac.yaml, for these Leases."""
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
    role = server.request("GET", f"{path}/roles/reports")
    for rule in role["rules"]:
        if "resourceNames" in rule:
            rule["resourceNames"] = [fleet.lease for fleet in all_fleets]
    server.request("POST", f"{path}/roles", {"metadata": {"name": "fleets"}, "rules": role["rules"]})
    server.kubectl("create", "rolebinding", "fleets", "--role=fleets", f"--user={RESTRICTED}", f"--namespace={NAMESPACE}")


def show(all_fleets, witness):
    width = max(len(fleet.name) for fleet in all_fleets)
    print("seconds from the fault to the other's work; after an outage: from readiness to work. > theirs suffers, < ours suffers")
    print(" " * width, *(f"{fault + ('>' if side == THEIRS else '<'):>9}" for fault, side in ROUNDS), f"{'overlap':>9}")
    failed = []
    for fleet in all_fleets:
        bad, foreign_ns = fleet.judge(witness)
        cells = [f"{fleet.cells[r] / SECOND:9.2f}" if r in fleet.cells else f"{'-':>9}" for r in ROUNDS]
        print(f"{fleet.name:{width}}", *cells, f"{foreign_ns / SECOND:8.2f}s" + (" OURS" if bad else " (theirs)" if foreign_ns else ""))
        failed += fleet.failures + bad
    return failed


def run(all_fleets, folder):
    grant(all_fleets)
    witness = Witness()
    for fleet in all_fleets:
        fleet.prepare(folder)
        fleet.start(THEIRS)
    those = list(all_fleets)
    try:
        wait_all(those, lambda fleet: fleet.leads(THEIRS), "theirs leads at first")
        for fleet in all_fleets:
            fleet.start(OURS)
        wait_all(those, lambda fleet: fleet.now[OURS].connected(), "ours connected")
        for fault, side in ROUNDS:
            began = time.monotonic()
            make_lead(side, those)
            (outage if fault in ("short", "long") else take_over)(fault, side, those)
            print(f"  {fault} of {side}: {len(those)} fleets, {time.monotonic() - began:.1f} s", flush=True)
    finally:
        for fleet in all_fleets:
            for member in fleet.members:
                if member.alive():
                    member.thaw()
                    member.terminate()
        for fleet in all_fleets:
            for side in fleet.now:
                fleet.end(side)
    return show(all_fleets, witness)


def main():
    global server, options, loop
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leasehold", required=True, type=lambda p: pathlib.Path(p).resolve(strict=True))
    parser.add_argument("--stamper", required=True, type=lambda p: pathlib.Path(p).resolve(strict=True))
    parser.add_argument("-k", metavar="FLEET", default="", help="only fleets whose name contains it")
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs and stamps")
    options = parser.parse_args()
    chosen = [fleet for fleet in fleets() if options.k in fleet.name]
    if not chosen:
        parser.error(f"no fleet is called like {options.k}")
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(1))
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    began = time.monotonic()
    with RealServer(keep=options.keep) as server:
        stages.server = server
        failed = run(chosen, pathlib.Path(tempfile.mkdtemp(dir=server.folder)))
    for sentence in failed:
        print(sentence)
    print(f"{len(chosen)} fleets, {len(ROUNDS)} rounds, {time.monotonic() - began:.0f} s, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
