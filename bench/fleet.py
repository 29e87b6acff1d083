"""Electors of several projects under one roof: started, ended, frozen and cut off alike, and judged by their workers' stamps alone.

For the benchmarks. What one is called and how it is started: the classes at the end."""
import bisect
import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "scripts"), str(HERE.parent / "tests" / "interop")]
from processes import is_alive, kill_at_one_blow, signal_all, tree_of  # noqa: E402
from realserver import NAMESPACE, die_with_parent  # noqa: E402

SECOND = 1_000_000_000
PATIENCE_S = 90


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def wait_for(condition, what, patience_s=PATIENCE_S, every_s=0.005):
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(every_s)
    raise TimeoutError(f"waited {patience_s} s for {what}")


class Candidate:
    """One program that stands for a lock, with all that it has started."""

    def __init__(self, fleet, name):
        self.fleet, self.name = fleet, name
        self.stamps_path, self.out_path = fleet.folder / f"{name}.stamps", fleet.folder / f"{name}.out"
        self.offset, self.times = 0, []
        self.begun_ns = now_ns()
        with open(self.out_path, "ab") as out, open(fleet.folder / f"{name}.log", "ab") as log:
            self.process = subprocess.Popen([str(word) for word in self.command()], stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                                            preexec_fn=die_with_parent, start_new_session=True, env=fleet.environment)

    def stamps(self):
        """(boot_ns, pid or name) of all until now; read on from where the last call ended."""
        if self.stamps_path.exists():
            with open(self.stamps_path, "rb") as file:
                file.seek(self.offset)
                text = file.read()
            text = text[: text.rfind(b"\n") + 1]
            self.offset += len(text)
            self.times += [(int(f[0]), f[1].decode()) for f in map(bytes.split, text.splitlines())]
        return self.times

    def terms(self):
        """[(first, last)] of each uninterrupted piece of work."""
        found = {}
        for at, key in self.keyed():
            first, _ = found.get(key, (at, at))
            found[key] = (first, at)
        return sorted(found.values())

    def pids(self):
        return tree_of(self.process.pid)

    def freeze(self):
        self.frozen = self.pids()
        signal_all(self.frozen, signal.SIGSTOP)

    def thaw(self):
        signal_all(filter(is_alive, reversed(self.frozen)), signal.SIGCONT)

    def crash(self):
        kill_at_one_blow(self.process.pid)
        self.process.wait()

    def leave(self):
        """Asked to end, and waited for."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.crash()


class Ours(Candidate):
    kind = "leasehold"

    def command(self):
        f = self.fleet
        return [f.programs[self.kind], "run", f.lock, "--kubeconfig", f.kubeconfig, *f.server_words, "-n", NAMESPACE, "--lock", "lease", "--identity", self.name,
                "--lease-duration", f"{f.lease_s * 1000:.0f}ms", "--renew-deadline", f"{f.deadline_s * 1000:.0f}ms", "--retry-period", f"{f.retry_s * 1000:.0f}ms",
                "--", f.programs["stamper"], self.stamps_path]

    def keyed(self):
        """The worker is a process of its own."""
        return self.stamps()


class OursStatic(Ours):
    kind = "leasehold-static"


class ClientGo(Candidate):
    kind = "client-go"

    def command(self):
        f = self.fleet
        return [f.programs[self.kind], "-kubeconfig", f.kubeconfig, "-namespace", NAMESPACE, "-lease", f.lock, "-identity", self.name, "-lease-duration",
                f"{f.lease_s * 1000:.0f}ms", "-renew-deadline", f"{f.deadline_s * 1000:.0f}ms", "-retry-period", f"{f.retry_s * 1000:.0f}ms",
                "-release-on-cancel", "-stamps", self.stamps_path]

    def keyed(self):
        """The worker is a goroutine; each time it said that it started is one piece."""
        starts = [json.loads(line)["boottime_ns"] for line in self.out_path.read_text().splitlines() if '"started"' in line and line.endswith("}")]
        return [(at, bisect.bisect_right(starts, at)) for at, _ in self.stamps()]


class Fleet:
    """Candidates of one kind for one lock."""

    def __init__(self, kind, bench, lock, settings=(15, 10, 2), proxy=None):
        self.kind, self.server, self.lock, self.programs = kind, bench.server, lock, bench.programs
        self.lease_s, self.deadline_s, self.retry_s = settings
        self.folder = bench.folder / f"{kind.kind}-{lock}"
        self.folder.mkdir()
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("LEASEHOLD_", "KUBE", "POD_"))}
        self.kubeconfig, self.server_words = bench.server.kubeconfig(), []
        if proxy:
            text = pathlib.Path(self.kubeconfig).read_text()
            self.kubeconfig = self.folder / "kubeconfig"
            self.kubeconfig.write_text(text.replace(f":{bench.server.port}", f":{proxy.port}"))
            self.kubeconfig.chmod(0o600)
        self.candidates, self.number = [], 0

    def add(self, count=1):
        for _ in range(count):
            self.number += 1
            self.candidates.append(self.kind(self, f"c{self.number}"))
        return self.candidates[-1]

    def take(self, candidate):
        self.candidates.remove(candidate)

    def holder(self):
        lease = self.server.lease(self.lock)
        name = lease and lease["spec"].get("holderIdentity")
        return next((c for c in self.candidates if c.name == name), None)

    def working(self):
        """The candidate that has stamped a moment ago."""
        now = now_ns()
        return next((c for c in self.candidates if c.stamps() and c.stamps()[-1][0] > now - 200_000_000), None)

    def leader(self):
        return wait_for(self.working, f"a leader of {self.folder.name}", every_s=0.02)

    def first_term_after(self, at, but=None):
        """(candidate, first stamp) of the first piece of work that began after `at`."""

        def begun():
            found = [(t[0], c.name, c) for c in self.candidates if c is not but for t in c.terms() if t[0] > at]
            return min(found, default=None)

        first, _, candidate = wait_for(begun, f"the next leader of {self.folder.name}")
        return candidate, first

    def renewed_ns(self):
        """The last renewal as the record says it, on the boot clock; holder and we read the same clocks."""
        lease = self.server.lease(self.lock)
        wall = datetime.datetime.strptime(lease["spec"]["renewTime"], "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
        return int(wall * 1e9) - (time.time_ns() - now_ns())

    def close(self):
        for candidate in self.candidates:
            candidate.process.terminate()
        for candidate in self.candidates:
            candidate.leave()
        self.server.delete_lease(self.lock)
        self.candidates = []
