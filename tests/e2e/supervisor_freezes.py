#!/usr/bin/env python3
"""Stops (SIGSTOP) and kills each of the supervisor's processes alone and together, for longer than the lease: the worker's last
stamp is never after kill_at, and nobody outlives the run.

Usage: supervisor_freezes.py BUILD_DIR_OF_TESTS [WORD...]"""
import os
import pathlib
import signal
import sys
import time

from supervisor_world import Run, boot_ns, main, signal_all, until

LEASE_MS = 900
WORKERS = {
    "plain": ((), 1),
    "ignores-term": (("--ignore-term",), 1),
    "forks": (("--children", "2"), 3),
    "daemonizes": (("--children", "2", "--daemonize"), 3),
    "leaves-daemons": (("--children", "2", "--daemonize", "--exit-after", "60000"), 3),
    "drops-uid": (("--setuid", "65534", "--children", "1"), 2),
}
SETS = {
    "P": ("P",),
    "keeper": ("keeper",),
    "elector": ("elector",),
    "P+keeper": ("P", "keeper"),
    "P+elector": ("P", "elector"),
    "keeper+elector": ("keeper", "elector"),
    "all": ("P", "keeper", "elector"),
    "all+worker": ("P", "keeper", "elector", "worker"),
}
# What docs/supervisor.md#not-promised names: what CMD forked, or CMD after it changed its uid, when nobody of ours is left to act.
NOT_PROMISED = {(s, w) for s in ("all", "all+worker") for w in ("forks", "daemonizes", "leaves-daemons", "drops-uid")}
# With P and keeper killed at one moment only group and cgroup still name the work; daemons are in no group of ours.
NEEDS_CGROUP = {("P+keeper", "daemonizes"), ("P+keeper", "leaves-daemons")}


def can_cgroup():
    """Whether a leaf with a kill file can be made below our own cgroup, as src/supervisor/cgroup.c does."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields, kind = line.split(" - ")
        if kind.startswith("cgroup2 "):
            own = next((l[3:].strip("/") for l in pathlib.Path("/proc/self/cgroup").read_text().splitlines() if l.startswith("0::")), "")
            leaf = pathlib.Path(fields.split()[4], own, f"leasehold-test-{os.getpid()}")
            try:
                leaf.mkdir()
                possible = (leaf / "cgroup.kill").exists()
                leaf.rmdir()
                return possible
            except OSError:
                return False
    return False


CAN_CGROUP = can_cgroup()


def options(cgroup):
    return ("--lease-ms", LEASE_MS, "--stop-ms", 300, "--drain-ms", 2000, *(() if cgroup else ("--no-cgroup",)))


def send(run, names, number):
    family = run.family()
    for name in names:
        signal_all(run.stampers() if name == "worker" else [family[name]] if name in family else [], number)


def margin(run):
    left = run.assert_no_stamp_after_kill_at()
    return f"nearest {min(left.values()) / 1e6:.0f} ms before kill_at"


def freeze(worker, names, cgroup):
    def test(build):
        arguments, pids = WORKERS[worker]
        with Run(build, stamper=arguments, options=options(cgroup)) as run:
            run.wait_for("started")
            run.wait_for_stamps(pids)
            family = run.whole_family()
            terms = len(run.promises("started"))
            frozen = [family[n] for n in names if n != "worker"] + (run.stampers() if "worker" in names else [])
            for pid in frozen:
                os.kill(pid, signal.SIGSTOP)
            # Longer than the lease, whatever was pushed last.
            end = boot_ns() + int(1.5 * LEASE_MS * 1e6)
            until("the freeze is over", lambda: boot_ns() > end)
            run.assert_no_stamp_after_kill_at()
            for pid in reversed(frozen):
                try:
                    os.kill(pid, signal.SIGCONT)
                except ProcessLookupError:
                    pass
            if names == ("P",):
                assert len(run.promises("started")) == terms == 1, "a stopped P is no reason to lose the lease"
            else:
                run.wait_for("started", terms + 1)  # stands again
            note = margin(run)
            run.end()
            run.assert_no_stamp_after_kill_at()
            return note
    return test


def kill(worker, names, cgroup):
    def test(build):
        arguments, pids = WORKERS[worker]
        with Run(build, stamper=arguments, options=options(cgroup)) as run:
            run.wait_for("started")
            run.wait_for_stamps(pids)
            run.whole_family()
            fatal = "P" in names
            send(run, names, signal.SIGKILL)
            if fatal:
                run.process.wait()
                run.assert_nobody_is_left()
                return margin(run)
            run.wait_for("started", 2)
            note = margin(run)
            run.end()
            return note
    return test


def stop_keeper_then_kill_reaper(build):
    """P dies while the keeper cannot act: the elector's guard ends the work, then the keeper."""
    with Run(build, stamper=("--children", "2"), options=(*options(False), "--release-limit-ms", 300)) as run:
        run.wait_for_stamps(3)
        family = run.whole_family()
        os.kill(family["keeper"], signal.SIGSTOP)
        os.kill(family["P"], signal.SIGKILL)
        run.process.wait()
        run.assert_nobody_is_left()
        return margin(run)


def standby_without_elector(build):
    """The elector dies while the keeper has no work and is stopped: P ends it, and both are started anew."""
    with Run(build, options=(*options(False), "--wait-ms", 1000)) as run:
        family = run.whole_family()
        os.kill(family["keeper"], signal.SIGSTOP)
        os.kill(family["elector"], signal.SIGKILL)
        run.wait_for("started")
        assert "the keeper does not end" in run.stderr(), run.stderr()
        run.end()


def stopped_worker(build):
    """A stopped worker is killed at kill_at as any other."""
    with Run(build, options=(*options(True), "--act", "silent@300")) as run:
        run.wait_for_stamps()
        run.wait_for("started")
        worker = run.stampers()[0]
        os.kill(worker, signal.SIGSTOP)
        run.wait_for("stopped")
        until("the worker is gone", lambda: worker not in run.stampers())
        assert run.promises("stopped")[0].at <= [p for p in run.promises() if p.word == "deadline" and p.term == 1][-1].value
        run.wait_for("started", 2)
        run.end()
        return margin(run)


def thaw_of_everything(build):
    """All stopped together with the worker, thawed worker first: it was dead before it could do anything."""
    with Run(build, options=options(True)) as run:
        run.wait_for_stamps()
        family = run.whole_family()
        worker = run.stampers()[0]
        everybody = [worker, family["keeper"], family["elector"], family["P"]]
        for pid in reversed(everybody):
            os.kill(pid, signal.SIGSTOP)
        until("the kernel's timer has killed worker and keeper while all was stopped",
              lambda: not run.stampers() and "keeper" not in run.family())
        time.sleep(0.3)
        for pid in everybody:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
        run.wait_for("started", 2)
        note = margin(run)
        run.end()
        return note


def tests():
    for set_name, names in SETS.items():
        for worker in WORKERS:
            if (set_name, worker) in NOT_PROMISED:
                continue
            # A cgroup makes it easier; once is enough to see that it works.
            for cgroup in (False, True) if "daemons" in worker or "daemonizes" == worker else (False,):
                if cgroup and not CAN_CGROUP:
                    continue
                suffix = f"{set_name} {worker}{' cgroup' if cgroup else ''}"
                if worker in ("plain", "forks", "daemonizes", "drops-uid"):
                    yield f"freeze {suffix}", freeze(worker, names, cgroup)
                if set_name != "all+worker" and (cgroup or (set_name, worker) not in NEEDS_CGROUP):
                    yield f"kill {suffix}", kill(worker, names, cgroup)
    yield "stop keeper, kill P", stop_keeper_then_kill_reaper
    yield "keeper stopped, elector killed on standby", standby_without_elector
    yield "stopped worker", stopped_worker
    yield "thaw of everything", thaw_of_everything


if __name__ == "__main__":
    sys.exit(main(list(tests()), workers=4))
