"""The world that the torture happens in: an API server, candidates whose workers stamp, and what can be seen of them.

Not here: faults (torture_faults.py), rounds and the table (torture.py).
"""
import collections
import json
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import time
import urllib.request

from processes import processes, signal_all, stat_of
from stamps import Stamps, boottime, overlap

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
NAMES = ("a", "b", "c")
GROUP = "reports"  # the group that deploy/rbac.yaml grants
PATIENCE_S = 90.0  # for the next leader, after the faults: the longest pause before a restart is 16 s
LEFTOVER_S = 20.0  # for the last processes of a run that has ended
STEADY_S = 1.0  # so long must one worker have stamped to count as a leader at work
MARK = "TORTURE_RUN"
# Stamps in a ConfigMap are whole seconds, so its periods are at least one.
LEASE_S = {"lease": 3.0, "configmap": 5.0}
SETTINGS = {"lease": ("--lease-duration", "3s", "--renew-deadline", "1500ms", "--retry-period", "500ms"),
            "configmap": ("--lease-duration", "5s", "--renew-deadline", "3s", "--retry-period", "1s")}

# How a candidate is started, when not plainly: words before the command, resource limits, descriptors closed, files for the output.
Start = collections.namedtuple("Start", "before limits closed events status output environment", defaults=((), (), (), None, None, None, {}))


class Failure(Exception):
    """What must not happen; one sentence."""


def until(condition, patience_s, what):
    end = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise Failure(f"waited {patience_s:.0f} s for {what() if callable(what) else what}")
        time.sleep(0.02)


def mark_of(pid):
    """The mark in the environment that a process was started with, or None."""
    try:
        data = pathlib.Path("/proc", str(pid), "environ").read_bytes()
    except OSError:
        return None
    return next((e.split(b"=", 1)[1].decode() for e in data.split(b"\0") if e.startswith(MARK.encode() + b"=")), None)


class DevServer:
    """`leasehold dev --enable-faults`."""
    rules = True

    def __init__(self, leasehold, folder, net=None):
        """`net`: the network of torture_net.py that it shall live in; without, on loopback."""
        self.path, self.ask = folder / "kubeconfig", net.ask if net else lambda function: function()
        before, arguments = (net.enter("server"), ("--listen", net.listen())) if net else ((), ())
        self.log = open(folder / "dev.log", "w")
        self.process = subprocess.Popen([*before, leasehold, "dev", "--enable-faults", "--write-kubeconfig", self.path, *arguments],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.url = next((word for word in self.process.stdout.readline().split() if word.startswith("http")), None)
        if not self.url:
            raise RuntimeError(f"leasehold dev did not start; see {folder / 'dev.log'}")
        until(self.path.exists, PATIENCE_S, "the kubeconfig of leasehold dev")

    def rule(self, **rule):
        request = urllib.request.Request(f"{self.url}/leasehold/faults", json.dumps(rule).encode(), {"Content-Type": "application/json"})
        self.ask(lambda: urllib.request.urlopen(request, timeout=10).read())

    def no_rules(self):
        """Again until the server hears it: it may be away by another fault."""
        def forgotten():
            try:
                request = urllib.request.Request(f"{self.url}/leasehold/faults", method="DELETE")
                self.ask(lambda: urllib.request.urlopen(request, timeout=10).read())
                return True
            except OSError:
                return None
        until(forgotten, PATIENCE_S, "leasehold dev to forget its rules")

    def outage(self, seconds):
        self.rule(action="restart", ms=int(seconds * 1000))
        time.sleep(seconds)

    def hang(self, seconds):
        self.process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            self.process.send_signal(signal.SIGCONT)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.log.close()


class KubeApiserver:
    """A real kube-apiserver with etcd, as tests/interop/realserver.py starts it."""
    rules = False

    def __init__(self):
        sys.path.insert(0, str(REPOSITORY / "tests" / "interop"))
        import realserver
        self.server = realserver.RealServer()
        self.server.__enter__()
        self.path = self.server.kubeconfig()

    def outage(self, seconds):
        self.server.kill()
        time.sleep(seconds)
        self.server.start()

    def hang(self, seconds):
        self.server.freeze()
        try:
            time.sleep(seconds)
        finally:
            self.server.thaw()

    def close(self):
        self.server.close()


class World:
    def __init__(self, options, folder, net=None, net_why=None):
        self.net, self.net_why = net, net_why
        self.options, self.folder, self.token = options, folder, secrets.token_hex(8)
        self.lease_s = LEASE_S[options.lock]
        self.stamps = {name: Stamps(folder / f"{name}.stamps") for name in NAMES}
        self.runs, self.marks, self.starts = {}, {}, 0
        self.plain = {name: Start(before=net.enter(name) if net else ()) for name in NAMES}  # how each is started when no fault says otherwise
        # What torture_resources.py has made of this machine, and why not.
        self.out = self.disk_why = self.memory = self.memory_why = self.wall = None
        self.server = KubeApiserver() if options.server == "real" else DevServer(options.leasehold, folder, net)

    # ---- candidates ----

    def start(self, name, how=None):
        how = how or self.plain[name]
        if how.events is None and self.out:
            how = how._replace(events=self.out / f"{name}.events")
        if how.status is None and self.out:
            how = how._replace(status=self.out / f"{name}.status")
        self.starts += 1
        self.marks[name] = f"{self.token}-{name}-{self.starts}"
        command = [*how.before, self.options.leasehold, "run", GROUP, "--identity", name, "--kubeconfig", self.server.path, "--lock", self.options.lock,
                   *SETTINGS[self.options.lock], "--events", how.events or self.folder / f"{name}.events",
                   "--status-file", how.status or self.folder / f"{name}.status", "-o", "json",
                   "--", self.options.worker, self.stamps[name].path]

        def prepare():  # in the child, before exec
            import resource
            for limit, value in how.limits:
                resource.setrlimit(limit, (value, value))
            for fd in how.closed:
                os.close(fd)

        environment = {k: v for k, v in os.environ.items() if not k.startswith(("LEASEHOLD_", "KUBE", "POD_"))}
        with open(how.output or self.folder / f"{name}.log", "a") as log:
            self.runs[name] = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=prepare,
                                               env={**environment, **how.environment, MARK: self.marks[name]})

    def end(self, name):
        """Asks it to go and waits; a candidate that does not go is a failure."""
        signal_all(self.marked(self.marks[name]), signal.SIGCONT)  # another fault may have stopped it
        self.runs[name].terminate()
        try:
            self.runs[name].wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise Failure(f"{name} did not end {PATIENCE_S:.0f} s after TERM") from None

    def restart(self, name, how=None):
        if self.runs[name].poll() is None:
            self.end(name)
        self.await_nobody(name)
        self.start(name, how)

    def tree(self, name):
        """The living processes of a candidate by their part: P, keeper, elector, worker."""
        parts = {"keeper": "keeper", "elector": "elector", pathlib.Path(self.options.worker).name[:15]: "worker"}
        found = {}
        for pid in self.marked(self.marks[name]):
            stat = stat_of(pid)
            if stat:
                found["P" if pid == self.runs[name].pid else parts.get(stat.name, stat.name)] = pid
        return found

    def long_lived(self):
        """(part, name, pid) of what is to live for months: the server and our own, not the workers."""
        ours = [(part, name, pid) for name in NAMES for part, pid in self.tree(name).items() if part in ("P", "keeper", "elector")]
        return ours + ([("server", "dev", self.server.process.pid)] if self.server.rules else [])

    def marked(self, mark):
        """Living processes whose mark begins so."""
        return [pid for pid, stat in processes() if stat.state not in "ZX" and (mark_of(pid) or "").startswith(mark)]

    def await_nobody(self, name):
        """After its end, nothing of a run is left."""
        mark = self.marks[name]
        try:
            until(lambda: not self.marked(mark), LEFTOVER_S, "nobody")
        except Failure:
            left = ", ".join(f"{pid} ({stat_of(pid).name if stat_of(pid) else 'gone'})" for pid in self.marked(mark))
            signal_all(self.marked(mark), signal.SIGKILL)
            raise Failure(f"{name} has ended, but {LEFTOVER_S:.0f} s later some of its processes live: {left}") from None

    # ---- what the stamps say ----

    def stretches(self):
        for stamps in self.stamps.values():
            stamps.read()
        return sorted((s[1], s[2], name, s[0]) for name, stamps in self.stamps.items() for s in stamps.stretches)

    def overlap(self):
        return overlap(self.stretches())

    def leader(self):
        """Who stamped last; before anybody did, the first."""
        stretches = self.stretches()
        return max(stretches, key=lambda s: s[1])[2] if stretches else NAMES[0]

    def recover(self):
        """After the faults: candidates that have ended are started again; waits for a worker that goes on working. Seconds and name."""
        healed = boottime()
        # A tree that was stopped while a part of it was killed ends only when it goes on.
        signal_all(self.marked(self.token), signal.SIGCONT)
        for name in NAMES:
            if self.runs[name].poll() is not None:
                self.await_nobody(name)
                self.start(name)

        def working():
            for first, last, name, _ in reversed(self.stretches()):
                begun = max(first, healed)
                if last - begun >= STEADY_S and boottime() - last < STEADY_S:
                    return begun - healed, name
            return None
        return until(working, PATIENCE_S, "a leader at work after the faults had ended")

    # ---- end ----

    def stop(self):
        """Orderly; then nobody may be left. What is left is killed, and is a failure."""
        for run in self.runs.values():
            if run.poll() is None:
                run.terminate()
        for name, run in self.runs.items():
            try:
                run.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                raise Failure(f"{name} did not end {PATIENCE_S:.0f} s after TERM") from None
        for name in self.runs:
            self.await_nobody(name)

    def close(self):
        """Whatever happened: nobody of ours outlives the torture."""
        left = self.marked(self.token)
        signal_all(left, signal.SIGKILL)
        for run in self.runs.values():
            run.wait()
        self.server.close()
        if self.memory:
            until(lambda: not (self.memory[0] / "cgroup.procs").read_text(), LEFTOVER_S, "an empty cgroup")
            self.memory[0].rmdir()
        if self.out:
            subprocess.run(["umount", self.out], check=True)
