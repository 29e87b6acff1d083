"""What the supervisor's end-to-end tests share: a run with the scripted elector, its processes, its promises and its worker's stamps."""
import collections
import concurrent.futures
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
from processes import is_alive, processes, signal_all, stat_of  # noqa: E402, F401

PATIENCE = 30.0  # seconds; only reached when something is broken


def until(what, condition, patience=PATIENCE):
    """Polls until condition() is true and returns its value; the sentence `what` names what was waited for."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience:.0f} s in vain: {what}")
        time.sleep(0.005)


def boot_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Starved(AssertionError):
    """The machine gave nobody the processor for so long that nothing can be said about us."""


class Canary:
    """A stamper beside the tests: the gaps between its stamps tell how long the machine kept a ready process waiting."""

    STARVED_NS = 40e6
    file = None

    def __init__(self, build):
        self.build = build

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="canary-")
        Canary.file = pathlib.Path(self.directory.name, "stamps")
        self.process = subprocess.Popen([f"{self.build}/stamper", Canary.file])

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.directory.cleanup()

    @classmethod
    def gap_ns(cls, begin, end):
        """The longest gap that touches the time from shortly before `begin` until `end`."""
        stamps = [int(line.split()[0]) for line in cls.file.read_text().splitlines()]
        return max((b - a for a, b in zip(stamps, stamps[1:]) if b > begin - 200e6 and a < end), default=0)


Promise = collections.namedtuple("Promise", "at word identity term value")
Stamp = collections.namedtuple("Stamp", "at pid identity")


class Run:
    """One supervisor_fake with its files; ends all of it on leaving."""

    def __init__(self, build, command=None, stamper=(), options=(), prefix=(), **popen):
        self.directory = tempfile.TemporaryDirectory(prefix="supervisor-")
        os.chmod(self.directory.name, 0o755)
        self.log = pathlib.Path(self.directory.name, "log")
        self.stamps_file = pathlib.Path(self.directory.name, "stamps")
        self.stderr_file = pathlib.Path(self.directory.name, "stderr")
        command = command or [f"{build}/stamper", str(self.stamps_file), *stamper]
        self.arguments = [*prefix, f"{build}/supervisor_fake", "--log", str(self.log), *map(str, options), "--", *map(str, command)]
        self.popen = popen

    def __enter__(self):
        with open(self.stderr_file, "wb") as stderr:
            self.process = subprocess.Popen(self.arguments, **{"stdin": subprocess.DEVNULL, "stderr": stderr, **self.popen})
        self.top = self.process.pid
        return self

    def __exit__(self, *_):
        for pid in [*self.stampers(), *self.family().values()]:
            for number in (signal.SIGCONT, signal.SIGKILL):
                signal_all([pid], number)
        self.process.wait(PATIENCE)
        until("the test's own processes end", lambda: not self.stampers())
        self.directory.cleanup()

    # -- what happened

    def promises(self, word=None):
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        found = [Promise(int(at), name, identity, int(term), int(value)) for at, name, identity, term, value in map(str.split, lines)]
        return [p for p in found if word is None or p.word == word]

    def stamps(self):
        text = self.stamps_file.read_text() if self.stamps_file.exists() else ""
        return [Stamp(int(at), int(pid), identity) for at, pid, identity in map(str.split, text.splitlines())]

    def stderr(self):
        return self.stderr_file.read_text(errors="replace")

    def wait_for(self, word, count=1):
        return until(f"{count} x {word}; log:\n{self.log.read_text() if self.log.exists() else '-'}\nstderr: {self.stderr()}",
                     lambda: len(self.promises(word)) >= count and self.promises(word)[count - 1])

    def wait_for_stamps(self, pids=1):
        until(f"stamps of {pids} processes", lambda: len({s.pid for s in self.stamps()}) >= pids)

    # -- who is there

    def family(self):
        """P, keeper and elector by name, as far as they live. P is `top`, or its only child of that program (unshare)."""
        found = {}
        table = dict(processes())
        for pid, (name, state, parent, *_) in table.items():
            if state in "ZX":
                continue
            if name == "supervisor_fake" and (pid == self.top or parent == self.top):
                found["P"] = pid
        for pid, (name, state, parent, *_) in table.items():
            if name in ("keeper", "elector") and state not in "ZX" and (parent == found.get("P") or pid in getattr(self, "known", ())):
                found[name] = pid
        self.known = set(getattr(self, "known", ())) | {found[n] for n in ("keeper", "elector") if n in found}
        return found

    def whole_family(self):
        return until("P, keeper and elector", lambda: len(self.family()) == 3 and self.family())

    def stampers(self):
        """Every living process that has our stamps file on its command line, but the supervisor's own."""
        found = []
        for pid, (name, state, *_) in processes():
            if state in "ZX" or name != "stamper":
                continue
            try:
                if str(self.stamps_file).encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
            except (FileNotFoundError, ProcessLookupError):
                pass
        return found

    # -- what must hold

    def assert_no_stamp_after_kill_at(self):
        """Each identity is one term; its last stamp is not after the last kill_at that was promised for it."""
        kill_at = {}
        for promise in self.promises():
            if promise.word in ("start", "deadline"):
                kill_at[promise.identity] = promise.value
        last = {}
        for stamp in self.stamps():
            last[stamp.identity] = max(stamp.at, last.get(stamp.identity, 0))
        assert last, "nothing was stamped"
        for identity, at in last.items():
            if at > kill_at[identity] and Canary.gap_ns(kill_at[identity], at) > Canary.STARVED_NS:
                raise Starved(f"{identity} stamped late, and so did everybody else on this machine")
            assert at <= kill_at[identity], f"{identity} stamped {(at - kill_at[identity]) / 1e6:.3f} ms after kill_at"
        return {identity: kill_at[identity] - at for identity, at in last.items()}

    def end(self, code=None):
        """Asks for an end and waits for it; nothing of ours is left."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended(code)

    def ended(self, code=None):
        result = self.process.wait(PATIENCE)
        if code is not None:
            assert result == code, f"exit code {result}, not {code}; stderr: {self.stderr()}"
        self.assert_nobody_is_left()
        return result

    def assert_nobody_is_left(self):
        until("no stamper is left", lambda: not self.stampers())
        until("no process of ours is left", lambda: not self.family())


def main(tests, workers=3):
    """Runs the tests whose names hold one of the words on the command line (default all), several at a time."""
    build, words = sys.argv[1], sys.argv[2:]
    chosen = [(name, test) for name, test in tests if not words or any(word in name for word in words)]
    failed = 0

    def one(pair):
        name, test = pair
        began = time.monotonic()
        try:
            for attempt in range(3):
                try:
                    note = test(build) or ""
                    return name, None, note + (f" (attempt {attempt + 1}: starved before)" if attempt else ""), time.monotonic() - began
                except Starved as error:
                    if attempt == 2:
                        raise error
        except Exception:  # pylint: disable=broad-except
            return name, traceback.format_exc(), "", time.monotonic() - began

    with Canary(build), concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for name, error, note, seconds in pool.map(one, chosen):
            print(f"{'ok  ' if error is None else 'FAIL'} {name} ({seconds:.1f} s) {note}", flush=True)
            if error:
                failed += 1
                print(error, flush=True)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed else 0
