#!/usr/bin/env python3
"""The stages of an election against a real kube-apiserver, alone and beside client-go.

    python3 tests/interop/stages.py --leasehold build/release/leasehold [--stamper FILE] [-k PATTERN] [--seed N --faults N] [--keep]

Every candidate's worker appends the boot time to a file every few milliseconds while it lives. From those files alone is
computed when two worked at once: it must be never. What a candidate says of itself proves nothing here, and neither does a
sleep: conditions are polled with generous bounds. The last line is `N passed, N failed`.

Without --leasehold only the server, its permissions, and the measuring itself are tested (client-go against client-go).
"""
import argparse
import bisect
import datetime
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[2] / "scripts")]
from processes import is_alive, signal_all, tree_of  # noqa: E402
from realserver import NAMESPACE, REPOSITORY, RESTRICTED, ApiError, RealServer, die_with_parent, programs, wait_for  # noqa: E402

LOCK = "reports"
SECOND = 1_000_000_000
# Short, but with room for rule 5: kill_at is 3.42 s after the send, so work has 0.92 s to stop.
SHORT = {"lease": 4.0, "deadline": 2.5, "retry": 0.5}
# Room for a restart of the API server within the deadline.
LONG = {"lease": 15.0, "deadline": 12.0, "retry": 1.0}
RATE_ERROR, KILL_MARGIN_S = 0.01, 0.5
SLACK_NS = 20_000_000  # between a record's wall clock and the boot clock
FIGURES = []  # measured on the way, printed at the end

server = None
options = None
stamper = None
elector = None


def boot_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def kill_after_ns(settings):
    """From the send of the last acknowledged write until no work lives (rule 5)."""
    return int((settings["lease"] * (1 - RATE_ERROR) / (1 + RATE_ERROR) - KILL_MARGIN_S) * SECOND)


def note(what, ns):
    FIGURES.append(f"{what}: {ns / 1e6:.1f} ms")


# ---- processes ------------------------------------------------------------------------------------------------------


def connected_to(pids, port):
    """True when one of the processes has an established TCP connection to the port."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in pathlib.Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "01" and int(fields[2].rsplit(":", 1)[1], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for pid in pids:
        folder = pathlib.Path("/proc", str(pid), "fd")
        try:
            for descriptor in os.listdir(folder):
                if os.readlink(folder / descriptor) in inodes:
                    return True
        except OSError:
            continue
    return False


class Candidate:
    """One program that stands for the lock, with everything it started."""

    def __init__(self, name, folder, settings, command):
        self.name = name
        self.settings = settings
        self.stamps_path = folder / f"{name}.stamps"
        self.log_path = folder / f"{name}.log"
        self.out_path = folder / f"{name}.out"
        self.frozen = []
        self.stamps_read, self.stamps_found = 0, []
        with open(self.log_path, "ab") as log, open(self.out_path, "ab") as out:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                preexec_fn=die_with_parent,
                start_new_session=True,
            )

    def __repr__(self):
        return self.name

    def alive(self):
        return self.process.poll() is None

    def connected(self):
        return connected_to(tree_of(self.process.pid), server.port)

    def freeze(self):
        """SIGSTOP to the whole tree, from the root, until it stopped growing."""
        while True:
            new = [pid for pid in tree_of(self.process.pid) if pid not in self.frozen]
            if not new:
                return
            signal_all(new, signal.SIGSTOP)
            self.frozen += new

    def thaw(self):
        signal_all(filter(is_alive, reversed(self.frozen)), signal.SIGCONT)
        self.frozen = []

    def crash(self):
        """kill -9 of the whole tree, as the loss of a machine would do it: nobody can act on another's end. All are frozen
        before, and children go first: a stopped process whose parent ends is continued by the kernel (an orphaned group)."""
        self.freeze()
        signal_all(reversed(self.frozen), signal.SIGKILL)
        self.frozen = []
        self.process.wait()

    def terminate(self):
        self.process.terminate()

    def wait(self, timeout_s=10):
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} has not ended {timeout_s} s after TERM") from None

    def stamps(self):
        """All stamps until now, as (boot_ns, writer); read on from where the last call ended."""
        if self.stamps_path.exists():
            with open(self.stamps_path, "rb") as file:
                file.seek(self.stamps_read)
                text = file.read()
            text = text[: text.rfind(b"\n") + 1]
            self.stamps_read += len(text)
            self.stamps_found += [(int(fields[0]), fields[1].decode()) for fields in map(bytes.split, text.splitlines())]
        return self.stamps_found

    def tell(self):
        """The ends of its log and output, for a failure's report."""
        parts = [f"--- {self.name}: exit {self.process.poll()}, stints {[(s.owner, s.first, s.last) for s in self.stints()]}"]
        for path in (self.log_path, self.out_path):
            parts += [f"    {line}" for line in path.read_text(errors="replace").splitlines()[-25:]]
        return "\n".join(parts)


class Ours(Candidate):
    kind = "ours"

    def __init__(self, name, folder, settings):
        self.events_path = folder / f"{name}.events"
        command = [options.leasehold, "run", LOCK, "--kubeconfig", server.kubeconfig(RESTRICTED), "-n", NAMESPACE]
        command += ["--lock", "lease", "--lock-name", LOCK, "--identity", name]
        for option, key in (("--lease-duration", "lease"), ("--renew-deadline", "deadline"), ("--retry-period", "retry")):
            command += [option, f"{settings[key] * 1000:.0f}ms"]
        command += ["--events", self.events_path, "--", stamper, folder / f"{name}.stamps"]
        super().__init__(name, folder, settings, command)

    def stints(self):
        """One for each process of the worker: whatever it did in between, it could work from its first stamp to its last."""
        times = {}
        for at, pid in self.stamps():
            times.setdefault(pid, []).append(at)
        return [Stint(self, f"{self.name}#{pid}", t) for pid, t in times.items()]

    def tell(self):
        events = self.events_path.read_text(errors="replace").splitlines()[-25:] if self.events_path.exists() else []
        return "\n".join([super().tell()] + [f"    {line}" for line in events])


class ClientGo(Candidate):
    kind = "client-go"

    def __init__(self, name, folder, settings):
        command = [elector, "-kubeconfig", server.kubeconfig(RESTRICTED), "-namespace", NAMESPACE, "-lease", LOCK, "-identity", name]
        for option, key in (("-lease-duration", "lease"), ("-renew-deadline", "deadline"), ("-retry-period", "retry")):
            command += [option, f"{settings[key] * 1000:.0f}ms"]
        command += ["-release-on-cancel", "-stamps", folder / f"{name}.stamps"]
        super().__init__(name, folder, settings, command)

    def stints(self):
        """One for each time it said it started, in its only process."""
        starts = [e["boottime_ns"] for e in self.events() if e["event"] == "started"]
        times = {}
        for at, _ in self.stamps():
            times.setdefault(bisect.bisect_right(starts, at), []).append(at)
        return [Stint(self, f"{self.name}#{term}", t) for term, t in times.items()]

    def events(self):
        return [json.loads(line) for line in self.out_path.read_text().splitlines() if line.endswith("}")]


class Stint:
    """One uninterrupted piece of somebody's work, by its stamps."""

    def __init__(self, candidate, owner, times):
        self.candidate, self.owner, self.times = candidate, owner, times
        self.first, self.last = min(times), max(times)


class Overlap:
    """Two worked at once; `older` had begun first."""

    def __init__(self, older, newer):
        self.older, self.newer = older, newer
        self.ns = min(older.last, newer.last) - newer.first

    def __repr__(self):
        return f"{self.older.owner} still worked {self.ns / 1e6:.3f} ms after {self.newer.owner} had begun"


def overlaps(stints):
    stints = sorted(stints, key=lambda s: s.first)
    found = []
    for i, older in enumerate(stints):
        found += [Overlap(older, newer) for newer in stints[i + 1 :] if newer.first <= older.last]
    return found


# ---- the fixture ----------------------------------------------------------------------------------------------------


class Stage(unittest.TestCase):
    """A stage has candidates; when it is over, nobody may have worked beside another."""

    settings = SHORT

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{self._testMethodName}-", dir=server.folder))
        self.candidates = []

    def tearDown(self):
        if server.frozen:
            server.thaw()
        for candidate in self.candidates:
            candidate.thaw()
            if candidate.alive():
                candidate.terminate()
        late = []
        for candidate in self.candidates:
            try:
                candidate.wait()
            except TimeoutError as error:
                late.append(str(error))
                candidate.crash()
        server.delete_lease(LOCK)
        bad = [o for o in overlaps(self.stints()) if not self.excused(o)]
        self.assertEqual(bad, [], "two worked at once")
        self.assertEqual(late, [])

    def excused(self, overlap):
        """Overlaps that are not Leasehold's doing; a stage that provokes one says which."""
        return False

    def start(self, kind, *names, settings=None):
        started = [kind(name, self.folder, settings or self.settings) for name in names]
        self.candidates += started
        return started

    def stints(self):
        return [stint for candidate in self.candidates for stint in candidate.stints()]

    def wait_stint(self, after, among=None, timeout_s=None):
        """The first stint that begins after that time, of one of those."""

        def begun():
            stints = [s for c in among or self.candidates for s in c.stints() if s.first > after]
            return min(stints, key=lambda s: s.first, default=None)

        names = among or self.candidates
        return wait_for(begun, timeout_s or 3 * self.settings["lease"], f"one of {names} at work")

    def wait_connected(self, candidates):
        for candidate in candidates:
            wait_for(candidate.connected, 15, f"{candidate} connected")

    def wait_time(self, until):
        wait_for(lambda: boot_ns() > until, 60, "the clock")

    def wait_renewed(self, name, after, timeout_s=None):
        """The record's holder renewed after that boot time."""

        def renewed():
            lease = server.lease(LOCK)
            return lease and lease["spec"].get("holderIdentity") == name and self.renewed_at(lease) > after

        wait_for(renewed, timeout_s or 2 * self.settings["lease"], f"a renewal by {name}")

    def leader(self):
        """Who holds the Lease, among the candidates."""
        holder = server.lease(LOCK)["spec"].get("holderIdentity")
        return next((candidate for candidate in self.candidates if candidate.name == holder), None)

    @staticmethod
    def renewed_at(lease):
        """Boot time of the record's renewal; holder and test read the same clocks."""
        wall = datetime.datetime.strptime(lease["spec"]["renewTime"], "%Y-%m-%dT%H:%M:%S.%f%z")
        epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        return (wall - epoch) // datetime.timedelta(microseconds=1) * 1000 - (time.time_ns() - boot_ns())

    def lease_end(self, lease):
        return self.renewed_at(lease) + lease["spec"]["leaseDurationSeconds"] * SECOND

    def assert_waited(self, lease, stint):
        """Nobody takes over from a holder that is gone before its lease has run out, counted from its last renewal."""
        end = self.lease_end(lease)
        self.assertGreaterEqual(stint.first + SLACK_NS, end, f"{stint.owner} took over {(end - stint.first) / 1e6:.1f} ms early")

    def lead(self, kind, *names):
        """Starts candidates, the first of which leads; returns them with the leader's stint."""
        now = boot_ns()
        first = self.start(kind, names[0])
        stint = self.wait_stint(now, first)
        rest = self.start(kind, *names[1:])
        self.wait_connected(rest)
        return first + rest, stint

    def tell(self):
        return "\n".join(candidate.tell() for candidate in self.candidates)


# ---- the server itself ----------------------------------------------------------------------------------------------


class Server(unittest.TestCase):
    """What deploy/ says is what this server takes."""

    def forbidden(self, method, path, body=None):
        with self.assertRaises(ApiError) as caught:
            server.request(method, path, body, user=RESTRICTED)
        self.assertEqual(caught.exception.status, 403)

    def test_role_gives_what_a_candidate_needs_and_no_more(self):
        def lease(name):
            return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}}

        everything = server.lease_path()
        try:
            server.request("POST", everything, lease(LOCK), user=RESTRICTED)
            server.request("POST", everything, lease("stranger"), user=RESTRICTED)
            mine, stranger = server.lease_path(LOCK), server.lease_path("stranger")
            found = server.request("GET", mine, user=RESTRICTED)
            found["spec"] = {"holderIdentity": "a"}
            server.request("PUT", mine, found, user=RESTRICTED)
            watch = f"{everything}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3D"
            self.assertIn("ADDED", str(server.request("GET", watch + LOCK, user=RESTRICTED, timeout_s=10)))
            self.forbidden("GET", watch + "stranger")
            self.forbidden("GET", f"{everything}?watch=true&timeoutSeconds=1")
            self.forbidden("GET", everything)
            self.forbidden("GET", stranger)
            self.forbidden("PUT", stranger, lease("stranger"))
            self.forbidden("DELETE", mine)
            self.forbidden("PATCH", mine, {})
            self.forbidden("GET", f"/api/v1/namespaces/{NAMESPACE}/pods")
            self.forbidden("GET", f"/api/v1/namespaces/{NAMESPACE}/configmaps/leaders")
        finally:
            server.delete_lease(LOCK)
            server.delete_lease("stranger")


class Measuring(Stage):
    """client-go against itself: what the stages below measure can be measured, and can fail."""

    def test_handover_by_release(self):
        (one, two), _ = self.lead(ClientGo, "go-1", "go-2")
        one.terminate()
        stint = self.wait_stint(0, [two])
        note("client-go to client-go, release", stint.first - one.stints()[-1].last)

    def test_a_thawed_leader_is_seen_working_beside_its_successor(self):
        (one, two), _ = self.lead(ClientGo, "go-1", "go-2")
        one.freeze()
        stint = self.wait_stint(0, [two])
        one.thaw()
        wait_for(lambda: overlaps(self.stints()), 10, "the overlap that client-go is known for")
        wait_for(lambda: any(e["event"] == "stopped" for e in one.events()), 15, "go-1 noticed its loss")
        found = overlaps(self.stints())
        self.assertEqual([(o.older.candidate, o.newer.candidate) for o in found], [(one, two)])
        note("client-go to client-go, freeze: both worked", one.stints()[-1].last - max(stint.first, self.thawed_at(one)))

    def thawed_at(self, candidate):
        """First stamp after the longest gap."""
        times = candidate.stints()[-1].times
        return max(zip(times, times[1:]), key=lambda pair: pair[1] - pair[0])[1]

    def excused(self, overlap):
        return self._testMethodName == "test_a_thawed_leader_is_seen_working_beside_its_successor"


# ---- three of ours --------------------------------------------------------------------------------------------------


class Alone(Stage):
    """`leasehold run` three times against the real server, over TLS, with a token that may do only what rbac.yaml says."""

    def test_election(self):
        started = boot_ns()
        self.start(Ours, "a", "b", "c")
        stint = self.wait_stint(started)
        note("election, from the start of three processes", stint.first - started)
        self.wait_connected(self.candidates)
        self.wait_renewed(stint.candidate.name, boot_ns())
        self.assertEqual(server.lease(LOCK)["spec"]["leaseDurationSeconds"], self.settings["lease"])
        self.assertEqual([s.owner for s in self.stints()], [stint.owner], "one work was started, once")
        self.assertTrue(all(candidate.alive() for candidate in self.candidates))
        standbys = [candidate for candidate in self.candidates if candidate is not stint.candidate]
        for standby in standbys:
            standby.terminate()
        self.assertEqual([standby.wait() for standby in standbys], [0, 0], "exit codes on standby")

    def test_planned_handover(self):
        self.lead(Ours, "a", "b", "c")
        for turn in range(4):
            before = server.lease(LOCK)["spec"]
            leader = self.leader()
            asked = boot_ns()
            leader.terminate()
            stint = self.wait_stint(asked)
            last = leader.stints()[-1].last
            note("planned handover, from the last work to the next", stint.first - last)
            self.assertLess(stint.first - last, self.settings["lease"] * SECOND / 2, "a release must spare the wait")
            self.assertEqual(leader.wait(), 128 + signal.SIGTERM, "exit code is that of the work, ended by TERM")
            self.wait_renewed(stint.candidate.name, 0)
            self.assertEqual(server.lease(LOCK)["spec"]["leaseTransitions"], before["leaseTransitions"] + 1)
            self.wait_connected(self.start(Ours, f"d{turn}"))

    def test_crash_of_the_leaders_tree(self):
        _, first = self.lead(Ours, "a", "b", "c")
        crashed = boot_ns()
        first.candidate.crash()
        lease = server.lease(LOCK)
        stint = self.wait_stint(crashed)
        note("failover after kill -9, from the kill", stint.first - crashed)
        self.assert_waited(lease, stint)

    def test_freeze_of_the_leaders_tree(self):
        (a, b, c), first = self.lead(Ours, "a", "b", "c")
        frozen = boot_ns()
        a.freeze()
        lease = server.lease(LOCK)
        stint = self.wait_stint(frozen, [b, c])
        note("failover after SIGSTOP, from the stop", stint.first - frozen)
        self.assert_waited(lease, stint)
        self.wait_time(frozen + int((self.settings["lease"] + 1) * SECOND))
        thawed = boot_ns()
        a.thaw()
        # It must neither have died nor be stuck: it stands again.
        self.wait_connected([a])
        for other in (b, c):
            other.terminate()
        again = self.wait_stint(thawed, [a])
        self.assertNotEqual(again.owner, first.owner)

    def test_deleted_lock(self):
        _, first = self.lead(Ours, "a", "b", "c")
        self.wait_renewed("a", boot_ns())  # a standby that has not yet read the lock may take an absent one at once
        lease = server.lease(LOCK)
        deleted = boot_ns()
        server.delete_lease(LOCK)
        stint = self.wait_stint(deleted)
        note("lock deleted: the work was dead after", first.candidate.stints()[0].last - deleted)
        note("lock deleted: work again after", stint.first - deleted)
        self.assert_waited(lease, stint)
        self.assertNotEqual(stint.owner, first.owner)

    def test_short_outage_is_survived(self):
        _, stint = self.lead(Ours, "a", "b", "c")
        for _ in range(3):
            server.freeze()
            self.wait_time(boot_ns() + SECOND)
            server.thaw()
            self.wait_renewed("a", boot_ns())
        self.assertEqual([s.owner for s in self.stints()], [stint.owner], "the same work, never stopped")

    def test_outage_between_deadline_and_lease(self):
        self.lead(Ours, "a", "b", "c")
        server.freeze()
        down = boot_ns()
        self.wait_time(down + int(3.2 * SECOND))
        server.thaw()
        stint = self.wait_stint(down + int(self.settings["deadline"] * SECOND))
        self.wait_renewed(stint.candidate.name, boot_ns())
        note("outage of 3.2 s: work again, from its end", stint.first - down - int(3.2 * SECOND))

    def outage(self, begin, end):
        _, first = self.lead(Ours, "a", "b", "c")
        begin()
        down = boot_ns()
        self.wait_time(down + int((self.settings["lease"] + 2) * SECOND))
        last = max(s.last for s in self.stints())
        note("long outage: last work after the server was gone", last - down)
        self.assertLess(last, down + kill_after_ns(self.settings), "work outlived kill_at")
        self.assertEqual([s.owner for s in self.stints()], [first.owner], "nobody may begin without the server")
        end()
        back = boot_ns()
        stint = self.wait_stint(last)
        note("long outage: work again, from the readiness of the server", stint.first - back)
        self.wait_renewed(stint.candidate.name, boot_ns())
        self.assertTrue(all(candidate.alive() for candidate in self.candidates), "an outage ends no candidate")

    def test_long_outage(self):
        self.outage(server.kill, server.start)

    def test_server_accepts_and_never_answers(self):
        self.outage(server.freeze, server.thaw)


class AloneLong(Stage):
    settings = LONG

    def test_restart_of_the_server_is_survived(self):
        _, stint = self.lead(Ours, "a", "b", "c")
        server.restart()
        self.wait_renewed("a", boot_ns())
        self.assertEqual([s.owner for s in self.stints()], [stint.owner], "the same work, never stopped")


# ---- beside client-go -----------------------------------------------------------------------------------------------


class Mixed(Stage):
    """One Lease for three of ours and client-go: both hand over to each other, and none of ours works beside anybody."""

    def setUp(self):
        super().setUp()
        self.freezes = []  # of client-go, as (candidate, begin, end of its lease, end)

    def excused(self, overlap):
        # client-go works on for its renew deadline when it wakes up in somebody else's lease. That is its own doing if it had
        # begun first, and the other waited its lease out.
        older, newer = overlap.older, overlap.newer
        allowed_ns = int((self.settings["deadline"] + 1) * SECOND)
        return any(
            older.candidate is candidate and begin < newer.first and lease_end <= newer.first + SLACK_NS and older.last < end + allowed_ns
            for candidate, begin, lease_end, end in self.freezes
        )

    def freeze_client_go(self, candidate, until):
        """Freezes it until that time."""
        begin = boot_ns()
        candidate.freeze()
        lease_end = self.lease_end(server.lease(LOCK))
        self.wait_time(until)
        candidate.thaw()
        self.freezes.append((candidate, begin, lease_end, boot_ns()))

    def end_all(self, candidates):
        """The standbys first, so that none of them takes over."""
        leader = self.leader()
        for candidate in sorted(candidates, key=lambda c: c is leader):
            candidate.terminate()
            candidate.wait()

    def test_releases(self):
        go, _ = self.lead(ClientGo, "go-1")
        ours = self.start(Ours, "a", "b", "c")
        self.wait_connected(ours)
        for turn in range(2):
            asked = boot_ns()
            go[0].terminate()
            stint = self.wait_stint(asked, ours)
            note("client-go releases, ours works", stint.first - go[0].stints()[-1].last)
            self.assertLess(stint.first - go[0].stints()[-1].last, self.settings["lease"] * SECOND / 2, "a release must spare the wait")
            go = self.start(ClientGo, f"go-{turn + 2}")
            self.wait_connected(go)
            asked = boot_ns()
            self.end_all(ours)
            stint_go = self.wait_stint(asked, go)
            note("ours releases, client-go works", stint_go.first - max(s.last for o in ours for s in o.stints()))
            ours = self.start(Ours, *(f"{name}{turn}" for name in "abc"))
            self.wait_connected(ours)

    def test_kills(self):
        (go,), _ = self.lead(ClientGo, "go-1")
        ours = self.start(Ours, "a", "b", "c")
        self.wait_connected(ours)
        killed = boot_ns()
        go.crash()
        lease = server.lease(LOCK)
        stint = self.wait_stint(killed, ours)
        note("client-go killed, ours works", stint.first - killed)
        self.assert_waited(lease, stint)
        (go,) = self.start(ClientGo, "go-2")
        self.wait_connected([go])
        killed = boot_ns()
        for one in sorted(ours, key=lambda c: c is stint.candidate):
            one.crash()
        stint = self.wait_stint(killed, [go])
        note("ours killed, client-go works", stint.first - killed)

    def test_freeze_of_ours(self):
        (a,), first = self.lead(Ours, "a")
        (go,) = self.start(ClientGo, "go-1")
        self.wait_connected([go])
        frozen = boot_ns()
        a.freeze()
        self.wait_stint(frozen, [go])
        others = self.start(Ours, "b", "c")
        self.wait_connected(others)
        thawed = boot_ns()
        a.thaw()
        self.wait_connected([a])
        go.terminate()
        stint = self.wait_stint(thawed, [a, *others])
        self.assertNotEqual(stint.owner, first.owner)

    def test_freeze_of_client_go(self):
        (go,), _ = self.lead(ClientGo, "go-1")
        ours = self.start(Ours, "a", "b", "c")
        self.wait_connected(ours)
        frozen = boot_ns()
        self.freeze_client_go(go, frozen + int((self.settings["lease"] + 1) * SECOND))
        thawed = boot_ns()
        stint = self.wait_stint(frozen, ours)
        wait_for(lambda: any(e["event"] == "stopped" for e in go.events()), 15, "client-go noticed its loss")
        note("client-go thawed: it worked beside ours (its known fault)", max(0, go.stints()[-1].last - thawed))
        self.wait_renewed(stint.candidate.name, boot_ns())
        self.assertEqual([s.owner for o in ours for s in o.stints()], [stint.owner], "ours is not disturbed by it")

    def test_many_faults(self):
        """Whoever leads is released, killed or frozen, again and again; the seed is printed, so that a run can be repeated."""
        chance = random.Random(options.seed)
        self.lead(Ours, "a", "b", "c")
        self.wait_connected(self.start(ClientGo, "go"))
        done = []
        for turn in range(options.faults):
            leader = wait_for(self.leader, 3 * self.settings["lease"], f"a leader after {done}, seed {options.seed}")
            # Ours take over faster, so that client-go leads only where all of ours leave.
            fault = chance.choice(("release", "kill", "freeze", "freeze") + ("leave",) * isinstance(leader, Ours))
            pause_s = chance.uniform(0.2, 1.8 * self.settings["lease"])
            done.append(f"{fault} {leader}" + (f" {pause_s:.1f} s" if fault == "freeze" else ""))
            began = boot_ns()
            if fault == "freeze":
                if isinstance(leader, ClientGo):
                    self.freeze_client_go(leader, began + int(pause_s * SECOND))
                else:
                    leader.freeze()
                    self.wait_time(began + int(pause_s * SECOND))
                    leader.thaw()
            else:
                gone = [leader]
                if fault == "kill":
                    leader.crash()
                else:
                    if fault == "leave":
                        gone = [c for c in self.candidates if isinstance(c, Ours) and c.alive()]
                    self.end_all(gone)
                    wait_for(self.leader, 3 * self.settings["lease"], "client-go leads")
                for one in gone:
                    self.wait_connected(self.start(type(one), f"{one.name.rstrip('0123456789')}{turn}"))
            after = boot_ns()
            at_work = lambda: any(s.last > after for s in self.stints())  # noqa: E731
            wait_for(at_work, 3 * self.settings["lease"], f"work after {done}, seed {options.seed}")
        FIGURES.append(f"seed {options.seed}: {', '.join(done)}")


# ---- the run --------------------------------------------------------------------------------------------------------


class Result(unittest.TextTestResult):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.passed = 0
        self.began = 0.0
        self.explained = None

    def getDescription(self, test):
        return test.id().split(".", 1)[-1]

    def startTest(self, test):
        self.began = time.monotonic()
        super().startTest(test)

    def addSuccess(self, test):
        self.passed += 1
        self.stream.write(f"[{time.monotonic() - self.began:.1f} s] ")
        super().addSuccess(test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.explain(test)

    def addError(self, test, error):
        super().addError(test, error)
        self.explain(test)

    def explain(self, test):
        if isinstance(test, Stage) and test is not self.explained:
            self.explained = test
            self.stream.writeln(test.tell())


def compile_stamper(folder):
    source = REPOSITORY / "tests" / "e2e" / "stamper.c"
    target = folder / "stamper"
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-O2", "-o", target, source], check=True)
    return target


def main():
    global server, options, stamper, elector
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--leasehold", metavar="FILE", help="the program to test")
    parser.add_argument("--stamper", metavar="FILE", help="the worker; compiled from tests/e2e/stamper.c when not given")
    parser.add_argument("-k", metavar="PATTERN", default="", help="only tests whose Class.name contains it")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of the random faults")
    parser.add_argument("--faults", type=int, default=8, help="how many random faults")
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs and stamps")
    options = parser.parse_args()
    if options.leasehold:
        options.leasehold = pathlib.Path(options.leasehold).resolve(strict=True)

    classes = [Server, Measuring] + ([Alone, AloneLong, Mixed] if options.leasehold else [])
    suite = unittest.TestSuite()
    for tests in map(unittest.defaultTestLoader.loadTestsFromTestCase, classes):
        suite.addTests(test for test in tests if options.k in test.id())
    if not suite.countTestCases():
        parser.error(f"no test is called like {options.k}" + ("" if options.leasehold else " (most need --leasehold)"))

    began = time.monotonic()
    elector = programs() / "elector"
    with RealServer(keep=options.keep) as server:
        if options.leasehold:
            stamper = pathlib.Path(options.stamper).resolve(strict=True) if options.stamper else compile_stamper(server.folder)
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result).run(suite)
    for figure in FIGURES:
        print(figure)
    failed = suite.countTestCases() - result.passed
    print(f"{time.monotonic() - began:.0f} s")
    print(f"{result.passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
