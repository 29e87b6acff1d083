"""What the tests beside Camel's lock share: the embedded API server, candidates of both kinds, who worked when, what the lock said.

Two groups live in one ConfigMap. A peer is one process for both; ours is a `leasehold run` for each. Who worked when is computed
from the workers' stamps alone; what the lock said comes from a watch of its own, the witness.
"""
import argparse
import bisect
import http.client
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

import stages
from camel_lock_peer import record_of
from realserver import HERE, die_with_parent, wait_for
from stages import SECOND, Candidate, Overlap, Stint, boot_ns, overlaps  # noqa: F401

LOCK, BLUE, GREEN = "leaders", "blue", "green"
GROUPS = (BLUE, GREEN)
LOCKS = "/api/v1/namespaces/default/configmaps"
# Camel's own tests use these.
SETTINGS = {"lease": 5.0, "deadline": 3.0, "retry": 1.0}
LEASE_NS = int(SETTINGS["lease"] * SECOND)
DEADLINE_NS = int(SETTINGS["deadline"] * SECOND)
# A takeover costs at most a lease and a jittered retry; the rest is for a machine that is busy.
TAKEOVER_S = 30.0
FOREIGN = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": LOCK, "labels": {"app": "shop"}, "annotations": {"note": "keep me"}},
    "data": {"leader.pod.red": "r", "leader.timestamp.red": "2017-08-08T14:43:24Z", "colours": "many"},
    "binaryData": {"blob": "AAECAw=="},
}

build = None
dev = None


class Dev:
    """`leasehold dev` with its faults."""

    def __init__(self, folder):
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self.process = subprocess.Popen(
            [build / "leasehold", "dev", "--enable-faults", "--write-kubeconfig", self.kubeconfig],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )
        self.url = next(word for word in self.process.stdout.readline().split() if word.startswith("http"))
        self.address = urllib.parse.urlsplit(self.url)
        wait_for(self.kubeconfig.exists, 20, "the kubeconfig of leasehold dev")

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def connect(self, timeout_s=10):
        return http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=timeout_s)

    def request(self, method, path, body=None, kind="application/json"):
        """The answer's JSON; None for 404."""
        connection = self.connect()
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": kind})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status == 404:
            return None
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
        return json.loads(text or b"{}")

    def fault(self, action, agent, **more):
        """From now on for all requests of that candidate; gives the rule's number."""
        state = self.request("POST", "/leasehold/faults", {"action": action, "user_agent": agent, **more})
        return state["rules"][-1]["id"]

    def hits(self, rule):
        return next(r["hits"] for r in self.request("GET", "/leasehold/faults")["rules"] if r["id"] == rule)

    def heal(self):
        self.request("DELETE", "/leasehold/faults")

    def lock(self, name=LOCK):
        return self.request("GET", f"{LOCKS}/{name}")


class Stamps:
    """One worker's file, read on as it grows."""

    def __init__(self, path):
        self.path, self.offset, self.found = path, 0, []

    def read(self):
        """All stamps until now, as (boot_ns, pid)."""
        if self.path.exists():
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                text = file.read()
            text = text[: text.rfind(b"\n") + 1]
            self.offset += len(text)
            self.found += [(int(fields[0]), int(fields[1])) for fields in map(bytes.split, text.splitlines())]
        return self.found


class Contender(Candidate):
    """One process of either kind; `agent` is what faults know it by."""

    clock_offset = 0.0

    def __init__(self, name, folder, command, groups):
        self.groups = groups
        self.killed = False
        super().__init__(name, folder, SETTINGS, command)

    def crash(self):
        self.killed = True
        super().crash()

    def stints(self, group=None):
        groups = [group] if group else self.groups
        return [stint for one in groups if one in self.groups for stint in self.stints_in(one)]

    def works(self, group):
        """It stamped in the last moments."""
        return any(stint.last > boot_ns() - SECOND // 2 for stint in self.stints(group))

    def events_in(self, path, group):
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [event for event in map(json.loads, lines) if event.get("group") == group]


class Peer(Contender):
    """The independent implementation of the original."""

    kind = "peer"

    def __init__(self, name, folder, *more, groups=GROUPS, identity=None, clock_offset=0.0):
        self.identity = identity or name
        self.agent = f"peer ({name})"
        self.clock_offset = clock_offset
        stamps = folder / name
        stamps.mkdir(exist_ok=True)
        self.stamps_of = {group: Stamps(stamps / f"{self.identity}.{group}.stamps") for group in groups}
        command = [sys.executable, HERE / "camel_lock_peer.py", "--kubeconfig", dev.kubeconfig, "--pod-name", self.identity]
        command += ["--configmap", LOCK, "--user-agent", self.agent, "--stamps-dir", stamps, "--clock-offset", clock_offset]
        command += ["--lease-duration", SETTINGS["lease"], "--renew-deadline", SETTINGS["deadline"], "--retry-period", SETTINGS["retry"]]
        command += ["--retry-on-error-interval", 1, *more]
        super().__init__(name, folder, command + [part for group in groups for part in ("--group", group)], groups)

    def events(self, group):
        return self.events_in(self.out_path, group)

    def stints_in(self, group):
        """One for each time it said it started."""
        starts = [e["boottime_ns"] for e in self.events(group) if e["event"] == "started_leading"]
        times = {}
        for at, _ in self.stamps_of[group].read():
            times.setdefault(bisect.bisect_right(starts, at), []).append(at)
        return [Stint(self, f"{self.name}/{group}#{term}", t) for term, t in times.items()]

    def told(self, group):
        """Who leads, as it was told last."""
        return next((e["holder"] for e in reversed(self.events(group)) if e["event"] == "new_leader"), None)


class Ours(Contender):
    """One group of ours, with a worker."""

    kind = "ours"
    settings = {"lease-duration": "5s", "renew-deadline": "3s", "retry-period": "1s", "peer-lease": "5s", "foreign-lease": "5s"}

    def __init__(self, identity, folder, group, **other):
        name = f"{identity}.{group}"
        self.identity = identity
        self.agent = f"ours ({name})"
        self.events_path = folder / f"{name}.events"
        self.stamps_of = {group: Stamps(folder / f"{name}.stamps")}
        command = [build / "leasehold", "run", group, "--lock", "configmap", "--lock-name", LOCK, "--kubeconfig", dev.kubeconfig]
        command += ["--identity", identity, "--user-agent", self.agent]
        for option, value in {**self.settings, **other}.items():
            command += [f"--{option.replace('_', '-')}", value]
        command += ["-o", "json", "--events", self.events_path, "--", build / "stamper", folder / f"{name}.stamps"]
        super().__init__(name, folder, command, (group,))

    def events(self, group):
        return self.events_in(self.events_path, group)

    def stints_in(self, group):
        """One for each process of the worker."""
        times = {}
        for at, pid in self.stamps_of[group].read():
            times.setdefault(pid, []).append(at)
        return [Stint(self, f"{self.name}#{pid}", t) for pid, t in times.items()]

    def told(self, group):
        return next((e["holder"] for e in reversed(self.events(group)) if e["event"] in ("new_leader", "started_leading")), None)

    def tell(self):
        events = self.events_path.read_text(errors="replace").splitlines()[-25:] if self.events_path.exists() else []
        return "\n".join([super().tell()] + [f"    {line}" for line in events])


class Witness:
    """Watches the lock from before the first candidate: every version, with the time at which it was seen."""

    def __init__(self):
        self.seen = []  # (boot_ns, wall seconds, object)
        self.connection = dev.connect(timeout_s=None)
        self.connection.request("GET", f"{LOCKS}?watch=true&fieldSelector=metadata.name%3D{LOCK}")
        self.answer = self.connection.getresponse()
        threading.Thread(target=self.look, daemon=True).start()

    def look(self):
        try:
            for line in self.answer:
                event = json.loads(line)
                if event["type"] in ("ADDED", "MODIFIED"):
                    self.seen.append((boot_ns(), time.time(), event["object"]))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # closed

    def takeovers(self, group):
        """Each change of the holder: (record before, holder after, wall seconds, boot_ns); a released record has no holder."""
        found, before = [], None
        for at, wall, lock in list(self.seen):
            record = record_of(lock, group)
            if before and before.holder and record.holder and record.holder != before.holder:
                found.append((before, record.holder, wall, at))
            before = record
        return found

    def renewed(self, group, holder, until):
        """The last stamp of that holder which was seen before that boot time; None: there was none."""
        records = (record_of(lock, group) for at, _, lock in list(self.seen) if at <= until)
        return max((record.renewed for record in records if record.holder == holder), default=None)


class Stage(unittest.TestCase):
    """A lock with other people's content, and candidates for two groups in it."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{self._testMethodName}-", dir=dev.folder))
        self.candidates = []
        dev.request("POST", LOCKS, FOREIGN)
        self.witness = Witness()

    def tearDown(self):
        dev.heal()
        late = []
        for candidate in self.candidates:
            candidate.thaw()
            if candidate.alive():
                candidate.terminate()
        for candidate in self.candidates:
            try:
                candidate.wait(30)
            except TimeoutError as error:
                late.append(str(error))
                candidate.crash()
        lock = dev.lock()
        dev.request("DELETE", f"{LOCKS}/{LOCK}")
        self.assertEqual(late, [])
        self.judge(lock)

    def judge(self, lock):
        """After everybody has ended."""
        self.assertEqual({k: lock["data"][k] for k in FOREIGN["data"]}, FOREIGN["data"], "other keys must survive")
        self.assertEqual(lock.get("binaryData"), FOREIGN["binaryData"])
        self.assertEqual(lock["metadata"]["annotations"]["note"], "keep me")
        self.assertEqual(lock["metadata"]["labels"], FOREIGN["metadata"]["labels"], "labels are set on creation only")

    def start(self, *candidates):
        self.candidates += candidates
        return candidates if len(candidates) > 1 else candidates[0]

    def peer(self, name, *more, **how):
        return self.start(Peer(name, self.folder, *more, **how))

    def stints(self, group):
        return [stint for candidate in self.candidates for stint in candidate.stints(group)]

    def overlaps(self, group):
        return overlaps(self.stints(group))

    def wait_stint(self, group, after, among=None):
        """The first stint in the group that begins after that time, of one of those."""

        def begun():
            stints = [s for c in among or self.candidates for s in c.stints(group) if s.first > after]
            return min(stints, key=lambda s: s.first, default=None)

        return wait_for(begun, TAKEOVER_S, f"one of {among or self.candidates} at work for {group}")

    def wait_told(self, group, candidates):
        """All of them agree on one holder; gives its name."""

        def agreed():
            told = {candidate.told(group) for candidate in candidates}
            return told.pop() if len(told) == 1 else None

        return wait_for(agreed, TAKEOVER_S, lambda: f"agreement on {group}: {[(c.name, c.told(group)) for c in candidates]}")

    def record(self, group):
        return record_of(dev.lock(), group)

    def boot_of(self, wall):
        """Boot time of a wall time."""
        return int(wall * SECOND) - (time.time_ns() - boot_ns())

    def tell(self):
        return "\n".join(candidate.tell() for candidate in self.candidates)


class Result(stages.Result):
    def explain(self, test):
        if isinstance(test, Stage) and test is not self.explained:
            self.explained = test
            self.stream.writeln(test.tell())


def main(module, description):
    """Runs the tests of a module against one development server; gives the exit code."""
    global build, dev
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("build", type=pathlib.Path, help="folder of leasehold and stamper")
    parser.add_argument("-k", metavar="PATTERN", default="", help="only tests whose Class.name contains it")
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs and stamps")
    options = parser.parse_args()
    build = options.build.resolve(strict=True)
    suite = unittest.TestSuite()
    for tests in unittest.defaultTestLoader.loadTestsFromModule(module):
        suite.addTests(test for test in tests if options.k in test.id())
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(1))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="leasehold-camel-"))
    began = time.monotonic()
    dev = Dev(folder)
    try:
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result).run(suite)
    finally:
        dev.close()
        if options.keep:
            print(f"kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    failed = suite.countTestCases() - result.passed
    print(f"{time.monotonic() - began:.0f} s\n{result.passed} passed, {failed} failed")
    return 1 if failed or not result.testsRun else 0
