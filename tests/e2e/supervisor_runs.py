#!/usr/bin/env python3
"""`run` as its users see it: exit codes, environment, descriptors, signals, drain, losses, restarts, PID 1.

Usage: supervisor_runs.py BUILD_DIR_OF_TESTS [WORD...]"""
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile

from supervisor_world import Run, boot_ns, main, until

OUTCOME = {"ended": 1, "stopped": 2, "killed": 3, "overdue": 4, "late": 5, "stale": 6, "error": 7}


def outcomes(run):
    return [p.value for p in run.promises("stopped")]


# -- exit codes

def exits_with(code, *command, options=(), words=""):
    def test(build):
        with Run(build, command=command, options=options) as run:
            run.ended(code)
            assert words in run.stderr(), run.stderr()
    return test


def not_found_later(build):
    """CMD was there when it was checked, and is gone when it is started."""
    with tempfile.TemporaryDirectory() as directory:
        program = pathlib.Path(directory, "program")
        program.write_text("#!/bin/sh\nexit 0\n")
        program.chmod(0o755)
        with Run(build, command=[program], options=("--wait-ms", 500)) as run:
            run.wait_for("standing")
            program.unlink()
            run.ended(127)
            assert outcomes(run) == [OUTCOME["error"]]
            assert "cannot be executed any more" in run.stderr()


def script_without_shebang(build):
    with tempfile.TemporaryDirectory() as directory:
        program = pathlib.Path(directory, "program")
        program.write_text("exit $1\n")
        program.chmod(0o755)
        with Run(build, command=[program, "9"]) as run:
            run.ended(9)


def told_to_stop_on_standby(build):
    with Run(build, command=["true"], options=("--terms", 0)) as run:
        run.wait_for("standing")
        run.end(0)
        assert [p.word for p in run.promises()] == ["standing", "asked", "released"]


def once_after_a_loss(build):
    with Run(build, options=("--once", "--act", "loss@100")) as run:
        run.ended(75)
        assert run.promises()[-1].word == "released"
        run.assert_no_stamp_after_kill_at()


def elector_gives_up(build):
    with Run(build, options=("--act", "return@200", "--return-code", 125)) as run:
        run.ended(125)
        run.assert_no_stamp_after_kill_at()


def elector_crashes(build):
    """Work is stopped with what grace is left, then both stand anew."""
    with Run(build, options=("--act", "crash@150")) as run:
        run.wait_for("standing", 2)
        run.assert_no_stamp_after_kill_at()
        assert "the elector has died" in run.stderr()
        run.wait_for("started", 2)
        run.process.send_signal(signal.SIGTERM)
        run.process.wait()
        run.assert_nobody_is_left()


# -- what CMD finds

def environment(build):
    with Run(build, command=["sh", "-c", "env | grep ^LEASEHOLD_ | sort"], stdout=subprocess.PIPE,
             env={**os.environ, "LEASEHOLD_GROUP": "stale", "LEASEHOLD_OTHER": "kept"}) as run:
        text = run.process.stdout.read().decode()
        run.ended(0)
        identity = run.promises("start")[0].identity
        expected = {"GROUP": "reports", "NAMESPACE": "default", "IDENTITY": identity, "FENCING_TOKEN": "1001", "LOCK_UID": "uid-1",
                    "OTHER": "kept"}
        assert text.splitlines() == sorted(f"LEASEHOLD_{k}={v}" for k, v in expected.items()), text


def pipes(build):
    """stdin and stdout are CMD's alone: every byte goes through, and the end comes when CMD's does."""
    with Run(build, command=["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        data = bytes(range(256)) * 4000
        out, _ = run.process.communicate(data, timeout=30)
        assert out == data
        run.ended(0)


def descriptors(build):
    """An inherited descriptor passes to CMD, ours do not."""
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    with Run(build, command=["bash", "-c", f"ls /proc/$$/fd; echo passed >&{write_end}"], stdout=subprocess.PIPE, pass_fds=(write_end,)) as run:
        seen = {int(n) for n in run.process.stdout.read().split()}
        run.ended(0)
    os.close(write_end)
    assert os.read(read_end, 100) == b"passed\n"
    os.close(read_end)
    assert seen - {10, 255} == {0, 1, 2, write_end}, seen  # 10, 255: where shells keep their own


def status_field(text, name):
    return next(line.split()[1] for line in text.splitlines() if line.startswith(name + ":"))


def signals_as_found(build):
    """Mask and dispositions of CMD are those that P was started with."""
    def before():
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    with Run(build, command=["cat", "/proc/self/status"], stdout=subprocess.PIPE, preexec_fn=before) as run:
        text = run.process.stdout.read().decode()
        run.ended(0)
    assert int(status_field(text, "SigBlk"), 16) == 1 << (signal.SIGUSR2 - 1), text
    # 32 and 33 are the C library's own; make(1) leaves them ignored.
    ignored = int(status_field(text, "SigIgn"), 16) & ~(3 << 31)
    assert ignored == 1 << (signal.SIGHUP - 1), text
    assert status_field(text, "NoNewPrivs") == "1"


def new_privileges(build):
    with Run(build, command=["cat", "/proc/self/status"], options=("--allow-new-privs",), stdout=subprocess.PIPE) as run:
        text = run.process.stdout.read().decode()
        run.ended(0)
    assert status_field(text, "NoNewPrivs") == "0"


# -- signals

TRAPS = 'trap "echo {0} >> {1}" {0}; '


def forwards(build):
    names = ("HUP", "USR1", "USR2", "QUIT", "WINCH")
    with tempfile.TemporaryDirectory() as directory:
        got = pathlib.Path(directory, "got")
        script = "".join(TRAPS.format(n, got) for n in names) + f"echo ready > {got}; while :; do sleep 0.02; done"
        with Run(build, command=["sh", "-c", script]) as run:
            run.wait_for("started")
            until("traps are set", got.exists)
            for name in names:
                os.kill(run.top, getattr(signal, f"SIG{name}"))
                until(f"{name} arrives", lambda: name in got.read_text().split())
            assert got.read_text().split() == ["ready", *names]
            run.end(143)


def signals_are_dropped_on_standby(build):
    with Run(build, command=["true"], options=("--terms", 0)) as run:
        run.wait_for("standing")
        run.whole_family()
        for name in ("HUP", "USR1", "USR2", "QUIT", "WINCH"):
            os.kill(run.top, getattr(signal, f"SIG{name}"))
        run.end(0)


def term_to_everybody(build):
    """As systemd does it: TERM to every process of the service. Ours count it once."""
    with Run(build, stamper=("--ignore-term",), options=("--drain-ms", 700)) as run:
        run.wait_for_stamps()
        family = run.whole_family()
        began = boot_ns()
        for pid in (*run.stampers(), family["keeper"], family["elector"], family["P"]):
            os.kill(pid, signal.SIGTERM)
        run.ended(137)
        assert run.promises("stopped")[0].at - began >= 600e6, "the drain was cut short"


def stop_signal(build):
    script = "trap 'exit 42' INT; echo ready; while :; do sleep 0.02; done"
    with Run(build, command=["sh", "-c", script], options=("--stop-signal", int(signal.SIGINT)), stdout=subprocess.PIPE) as run:
        assert run.process.stdout.readline() == b"ready\n"
        os.kill(run.top, signal.SIGINT)
        run.ended(42)


def group(build):
    """--group: the stop signal reaches what CMD has forked too; otherwise CMD alone."""
    script = 'sh -c "trap \\"echo child >> $0; exit\\" TERM; echo ready >> $0; while :; do sleep 0.02; done" & trap "echo cmd >> $0; wait; exit 5" TERM; echo set >> $0; wait'
    for options, expected in ((("--group",), {"ready", "set", "cmd", "child"}),):
        with tempfile.TemporaryDirectory() as directory:
            got = pathlib.Path(directory, "got")
            with Run(build, command=["sh", "-c", script, got], options=options) as run:
                run.wait_for("started")
                until("both are ready", lambda: got.exists() and {"ready", "set"} <= set(got.read_text().split()))
                run.end(5)
                assert set(got.read_text().split()) == expected, got.read_text()


# -- stopping

def drains_while_renewing(build):
    """CMD takes longer than a lease to end; it may, because the lease is kept."""
    script = "trap 'sleep 1.6; exit 7' TERM; echo ready; while :; do sleep 0.02; done"
    with Run(build, command=["sh", "-c", script], options=("--lease-ms", 800), stdout=subprocess.PIPE) as run:
        assert run.process.stdout.readline() == b"ready\n"
        run.end(7)
        asked, stopped = run.promises("asked")[0].at, run.promises("stopped")[0].at
        assert stopped - asked >= 1.5e9
        assert any(p.word == "deadline" and p.at > asked + 1e9 for p in run.promises()), "renewed while draining"
        assert outcomes(run) == [OUTCOME["stopped"]]
        assert run.promises()[-1].word == "released"


def drain_has_an_end(build):
    with Run(build, stamper=("--ignore-term", "--children", "2"), options=("--drain-ms", 400)) as run:
        run.wait_for_stamps(3)
        run.end(137)
        assert outcomes(run) == [OUTCOME["killed"]]
        assert run.promises("stopped")[0].at - run.promises("asked")[0].at < 5e9


def second_term(build):
    with Run(build, stamper=("--ignore-term",), options=("--drain-ms", 60000)) as run:
        run.wait_for_stamps()
        run.process.send_signal(signal.SIGTERM)
        run.wait_for("asked")
        run.process.send_signal(signal.SIGTERM)
        run.ended(137)
        assert outcomes(run) == [OUTCOME["killed"]]


def release_has_an_end(build):
    with Run(build, command=["true"], options=("--release-ms", 60000, "--release-limit-ms", 300)) as run:
        run.ended(0)
        assert "released" not in [p.word for p in run.promises()]


def release_after_work(build):
    """Nothing is released while anything of the work lives."""
    with Run(build, stamper=("--children", "2", "--daemonize", "--ignore-term"), options=("--drain-ms", 300)) as run:
        run.wait_for_stamps(3)
        run.end(137)
        assert run.promises("released")[0].at > max(s.at for s in run.stamps())


def leftovers(build):
    """CMD's exit is not the end of the work: its daemons are stopped first, and only then it counts."""
    for arguments in (("--daemonize",), ("--daemonize", "--ignore-term")):
        with Run(build, stamper=("--children", "2", "--exit-after", "300", "--exit-code", "6", *arguments),
                 options=("--stop-ms", 400)) as run:
            run.ended(6)
            words = [p.word for p in run.promises() if p.word in ("exited", "stopped", "released")]
            assert words == ["exited", "stopped", "released"], words
            assert run.promises("stopped")[0].at > max(s.at for s in run.stamps())
            run.assert_no_stamp_after_kill_at()


def stopped_cmd_is_asked(build):
    """A stopped CMD gets the stop signal and is continued, so that it can obey."""
    with Run(build) as run:
        run.wait_for_stamps()
        os.kill(run.stampers()[0], signal.SIGSTOP)
        run.end(143)


# -- losses

def stands_again_after(act, outcome, arguments=()):
    def test(build):
        with Run(build, stamper=arguments, options=("--act", f"{act}@200", "--stop-ms", 300, "--drain-ms", 300)) as run:
            run.wait_for("started", 2)
            assert outcomes(run)[0] == OUTCOME[outcome], outcomes(run)
            run.assert_no_stamp_after_kill_at()
            first = [s.at for s in run.stamps() if s.identity.endswith("-t1")]
            assert max(first) < run.promises("stopped")[0].at
            run.end()
    return test


def lost_lease_to_another(build):
    """KILL leaves no grace: not even a worker that would obey gets any."""
    with Run(build, stamper=("--ignore-term",), options=("--act", "kill@200", "--stop-ms", 60000, "--drain-ms", 300)) as run:
        stopped = run.wait_for("stopped")
        assert stopped.value == OUTCOME["killed"]
        assert stopped.at - run.promises("kill")[0].at < 2e9
        run.wait_for("started", 2)
        run.end()


def late_start(build):
    """A START whose time has passed executes nothing; the next one of the same term does."""
    with Run(build, options=("--first-late",)) as run:
        run.wait_for("started")
        assert outcomes(run) == [OUTCOME["late"]]
        assert [(p.identity[-2:]) for p in run.promises("start")] == ["t1", "t1"]
        run.wait_for_stamps()
        run.end()


def words_of_other_terms(build):
    with Run(build, options=("--act", "old@150")) as run:
        run.wait_for("old")
        run.wait_for("deadline", 8)
        assert not outcomes(run), "a DEADLINE or KILL of another term has ended the work"
        run.end(143)


def no_timer(build):
    """Without the kernel's timer nothing is started."""
    def before():
        resource.setrlimit(resource.RLIMIT_SIGPENDING, (0, 0))
    with Run(build, preexec_fn=before) as run:
        run.ended(125)
        assert "timer" in run.stderr() and "ulimit -i" in run.stderr(), run.stderr()
        assert not run.stamps()


# -- as PID 1

UNSHARE = ("unshare", "-p", "-f", "--mount-proc", "--kill-child")


def can_unshare():
    return subprocess.run([*UNSHARE, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0


def as_pid_1(build):
    """TERM reaches PID 1, orphans are reaped, CMD's code comes back."""
    script = "(sleep 0.05 & ) ; trap 'exit 11' TERM; echo $PPID; while :; do sleep 0.02; done"
    with Run(build, command=["sh", "-c", script], prefix=UNSHARE, stdout=subprocess.PIPE) as run:
        run.wait_for("deadline", 2)
        assert run.process.stdout.readline() == b"2\n", "CMD's parent is the keeper, the second process there"
        os.kill(run.family()["P"], signal.SIGTERM)
        code = run.process.wait(30)
        assert code == 11, code
        run.assert_nobody_is_left()


def as_pid_1_frozen(name):
    def test(build):
        with Run(build, stamper=("--children", "2"), prefix=UNSHARE, options=("--lease-ms", 800)) as run:
            run.wait_for_stamps(3)
            victim = run.whole_family()[name]
            first = run.stampers()
            os.kill(victim, signal.SIGSTOP)
            until("the work is dead", lambda: not set(first) & set(run.stampers()))
            run.assert_no_stamp_after_kill_at()
            if name == "elector":
                os.kill(victim, signal.SIGCONT)
            run.wait_for("started", 2)
            os.kill(run.family()["P"], signal.SIGTERM)
            run.process.wait(30)
            run.assert_nobody_is_left()
    return test


def as_pid_1_killed(name):
    def test(build):
        with Run(build, stamper=("--children", "2", "--daemonize"), prefix=UNSHARE) as run:
            run.wait_for_stamps(3)
            os.kill(run.whole_family()[name], signal.SIGKILL)
            if name != "P":
                run.wait_for("started", 2)
                os.kill(run.family()["P"], signal.SIGTERM)
            run.process.wait(30)
            run.assert_nobody_is_left()
            run.assert_no_stamp_after_kill_at()
    return test


def foreign_proc(build):
    """A /proc of another PID namespace would name strangers: refused."""
    with Run(build, prefix=("unshare", "-p", "-f")) as run:
        run.ended(125)
        assert "mount proc" in run.stderr(), run.stderr()


# -- neighbours

def spares_other_children(build):
    """A child that P had before (a shell's background job, then exec) is left alone, also when the keeper dies."""
    with Run(build, prefix=("sh", "-c", 'sleep 1000 & echo $!; exec "$@"', "sh"), stdout=subprocess.PIPE) as run:
        other = int(run.process.stdout.readline())
        run.wait_for("started")
        os.kill(run.whole_family()["keeper"], signal.SIGKILL)
        run.wait_for("started", 2)
        run.end(143)
        os.kill(other, 0)
        os.kill(other, signal.SIGKILL)


def tests():
    yield "exit 0", exits_with(0, "true")
    yield "exit 3", exits_with(3, "sh", "-c", "exit 3")
    yield "exit by signal", exits_with(128 + 9, "sh", "-c", "kill -9 $$")
    yield "exit not found", exits_with(127, "no-such-program", words="PATH")
    yield "exit not found by path", exits_with(127, "/no/such/program", words="does not exist")
    yield "exit not executable", exits_with(126, "/etc/passwd", words="chmod")
    yield "exit directory", exits_with(126, "/etc", words="directory")
    yield "exit not found later", not_found_later
    yield "script without #!", script_without_shebang
    yield "told to stop on standby", told_to_stop_on_standby
    yield "--once after a loss", once_after_a_loss
    yield "elector gives up", elector_gives_up
    yield "elector crashes", elector_crashes
    yield "environment", environment
    yield "pipes", pipes
    yield "descriptors", descriptors
    yield "signals as found", signals_as_found
    yield "new privileges", new_privileges
    yield "forwards", forwards
    yield "signals are dropped on standby", signals_are_dropped_on_standby
    yield "TERM to everybody", term_to_everybody
    yield "stop signal", stop_signal
    yield "--group", group
    yield "drains while renewing", drains_while_renewing
    yield "drain has an end", drain_has_an_end
    yield "second TERM", second_term
    yield "release has an end", release_has_an_end
    yield "release after work", release_after_work
    yield "leftovers", leftovers
    yield "stopped CMD is asked", stopped_cmd_is_asked
    yield "loss", stands_again_after("loss", "stopped")
    yield "loss, TERM ignored", stands_again_after("loss", "killed", ("--ignore-term", "--children", "1"))
    yield "silence", stands_again_after("silent", "overdue")
    yield "request", stands_again_after("request", "stopped")
    yield "lost to another", lost_lease_to_another
    yield "late start", late_start
    yield "words of other terms", words_of_other_terms
    yield "no timer", no_timer
    yield "spares other children", spares_other_children
    if can_unshare():
        yield "as PID 1", as_pid_1
        for name in ("keeper", "elector"):
            yield f"as PID 1, {name} frozen", as_pid_1_frozen(name)
        for name in ("keeper", "elector", "P"):
            yield f"as PID 1, {name} killed", as_pid_1_killed(name)
        yield "foreign /proc", foreign_proc
    else:
        print("skipped: PID 1 (unshare needs privileges)")


if __name__ == "__main__":
    sys.exit(main(list(tests()), workers=4))
