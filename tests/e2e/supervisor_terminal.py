#!/usr/bin/env python3
"""`run` on a terminal (pty): Ctrl-C reaches CMD, Ctrl-Z stops CMD and P while the lease is kept, fg and bg go on.

Usage: supervisor_terminal.py BUILD_DIR_OF_TESTS [WORD...]"""
import os
import pathlib
import pty
import select
import signal
import sys
import tempfile
import termios
import time

from supervisor_world import PATIENCE, Promise, is_alive, main, processes, signal_all, stat_of, until


class Terminal:
    """A program in a session of its own on a pty; with job control where the program is a shell."""

    def __init__(self, arguments, **variables):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(arguments[0], [str(a) for a in arguments], {**os.environ, "PS1": "shell$ ", "TERM": "dumb", **variables})
        self.output = b""

    def read(self):
        while select.select([self.fd], [], [], 0)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return
            if not data:
                return
            self.output += data

    def see(self, text, after=0):
        def found():
            self.read()
            return text.encode() in self.output[after:]
        until(f"{text!r} on the terminal", found)

    def type(self, text):
        mark = len(self.output)
        os.write(self.fd, text.encode())
        return mark

    def front(self):
        return os.tcgetpgrp(self.fd)

    def code(self):
        def ended():
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return pid and (status,)
        status = until("the terminal's program ends", ended)[0]
        return os.waitstatus_to_exitcode(status)

    def close(self):
        session = [pid for pid, _ in processes() if self.is_in_session(pid)]
        signal_all(session, signal.SIGKILL)
        os.close(self.fd)
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            pass

    def is_in_session(self, pid):
        try:
            return os.getsid(pid) == self.pid
        except ProcessLookupError:
            return False


class Job:
    """The supervisor below a shell (or alone) on a terminal."""

    def __init__(self, build, command, options=(), shell=False):
        self.directory = tempfile.TemporaryDirectory(prefix="supervisor-")
        self.log = pathlib.Path(self.directory.name, "log")
        arguments = [f"{build}/supervisor_fake", "--log", self.log, *options, "--", *command]
        if shell:
            self.terminal = Terminal(["bash", "--norc", "--noprofile", "-i"])
            self.terminal.see("shell$ ")
            self.terminal.type(" ".join(f"'{a}'" for a in arguments) + "\n")
        else:
            self.terminal = Terminal(arguments)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.terminal.close()
        self.directory.cleanup()

    def promises(self, word):
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [p for p in (Promise(*line.split()) for line in lines) if p.word == word]

    def ends_with(self, code):
        """The shell has its terminal again, and knows this code."""
        until("the shell is in front", lambda: self.terminal.front() == self.terminal.pid)
        mark = self.terminal.type("echo code=$?.\n")
        self.terminal.see(f"code={code}.", mark)

    def wait_for(self, word, count=1):
        until(f"{count} x {word}", lambda: self.terminal.read() or len(self.promises(word)) >= count)

    def pid(self, name):
        """The one process of that name in the terminal's session."""
        def found():
            pids = [pid for pid, stat in processes() if stat[0] == name and stat[1] not in "ZX" and self.terminal.is_in_session(pid)]
            return pids[0] if len(pids) == 1 else None
        return until(f"one {name}", found)


def state(pid):
    stat = stat_of(pid)
    return stat[1] if stat else None


CAT = ("cat",)


def reads_the_terminal(build):
    """CMD is in front: it reads what is typed, in a process group of its own and no session of its own."""
    with Job(build, CAT) as job:
        job.wait_for("started")
        cat = job.pid("cat")
        assert job.terminal.front() == os.getpgid(cat) == cat
        assert os.getsid(cat) == job.terminal.pid
        mark = job.terminal.type("hello\n")
        job.terminal.see("hello\r\nhello", mark)
        job.terminal.type("\x04")  # end of file
        assert job.terminal.code() == 0


def ctrl_c(build):
    """Reaches CMD directly: the run ends with CMD's code, the lease given back."""
    with Job(build, CAT) as job:
        job.wait_for("started")
        job.pid("cat")
        until("cat is in front", lambda: job.terminal.front() == job.pid("cat"))
        job.terminal.type("\x03")
        assert job.terminal.code() == 130
        assert [p.word for p in (job.promises("asked") + job.promises("released"))] == ["released"]


def ctrl_c_that_cmd_handles(build):
    """CMD alone decides what Ctrl-C means."""
    script = "trap 'echo interrupted' INT; echo ready; while :; do sleep 0.02; done"
    with Job(build, ("sh", "-c", script)) as job:
        job.terminal.see("ready")
        job.terminal.type("\x03")
        job.terminal.see("interrupted")
        job.wait_for("deadline", 5)
        assert not job.promises("asked") and not job.promises("stopped")
        os.kill(job.terminal.pid, signal.SIGTERM)
        assert job.terminal.code() == 143


def ctrl_c_on_standby(build):
    with Job(build, CAT, options=("--terms", "0")) as job:
        job.wait_for("standing")
        job.pid("keeper"), job.pid("elector")
        job.terminal.type("\x03")
        assert job.terminal.code() == 0
        assert job.promises("released")


def ctrl_z_and_fg(build):
    """Ctrl-Z stops CMD and P; keeper and elector go on, the lease is kept for longer than it lasts; fg goes on, with the terminal."""
    with Job(build, CAT, options=("--lease-ms", "800"), shell=True) as job:
        job.wait_for("started")
        cat, top = job.pid("cat"), job.pid("supervisor_fake")
        until("cat is in front", lambda: job.terminal.front() == cat)
        mark = job.terminal.type("\x1a")
        job.terminal.see("Stopped", mark)
        until("P and CMD are stopped", lambda: state(top) == state(cat) == "T")
        assert job.terminal.front() == job.terminal.pid, "the shell has the terminal"
        # Twice the lease: eight pushes at 100 ms and more.
        job.wait_for("deadline", len(job.promises("deadline")) + 17)
        assert not job.promises("stopped") and state(job.pid("keeper")) in "SR" and state(job.pid("elector")) in "SR"
        mark = job.terminal.type("fg\n")
        until("CMD is in front again", lambda: job.terminal.front() == cat and state(cat) == "S" and state(top) == "S")
        mark = job.terminal.type("again\n")
        job.terminal.see("again\r\nagain", mark)
        # A second time, then the end.
        mark = job.terminal.type("\x1a")
        job.terminal.see("Stopped", mark)
        until("P and CMD are stopped", lambda: state(top) == state(cat) == "T")
        job.terminal.type("fg\n")
        until("CMD is in front again", lambda: job.terminal.front() == cat and state(cat) == "S")
        job.terminal.type("\x03")
        job.ends_with(130)
        assert job.terminal.front() == job.terminal.pid


def lost_while_stopped(build):
    """The lease is lost while CMD and P are stopped by Ctrl-Z: CMD is ended all the same."""
    with Job(build, CAT, options=("--lease-ms", "800", "--act", "silent@1500"), shell=True) as job:
        job.wait_for("started")
        cat, top = job.pid("cat"), job.pid("supervisor_fake")
        until("cat is in front", lambda: job.terminal.front() == cat)
        mark = job.terminal.type("\x1a")
        job.terminal.see("Stopped", mark)
        job.wait_for("stopped")
        assert not is_alive(cat) and state(top) == "T"
        # The next term's CMD starts behind the shell's back, does not take its terminal, and stops when it reads from it.
        job.wait_for("started", 2)
        assert job.terminal.front() == job.terminal.pid
        job.terminal.type("fg\n")
        cat = job.pid("cat")
        until("the new CMD is in front", lambda: job.terminal.front() == cat and state(cat) == "S")
        job.terminal.type("\x03")
        job.ends_with(130)


def ctrl_z_on_standby(build):
    with Job(build, CAT, options=("--terms", "0"), shell=True) as job:
        job.wait_for("standing")
        top = job.pid("supervisor_fake")
        until("P is in front", lambda: job.terminal.front() == top)
        mark = job.terminal.type("\x1a")
        job.terminal.see("Stopped", mark)
        assert state(top) == "T" and state(job.pid("keeper")) == "S"
        job.terminal.type("fg\n")
        until("P is in front", lambda: job.terminal.front() == top and state(top) == "S")
        job.terminal.type("\x03")
        job.ends_with(0)


def background(build):
    """bg: CMD goes on without the terminal. fg of a running job tells nobody: Ctrl-C is then P's, a request to stop."""
    # One process: a shell that has just called vfork(2) cannot stop before its child has called exec, and the child has stopped.
    script = "echo ready; exec sleep 600"
    with Job(build, ("sh", "-c", script), shell=True) as job:
        job.terminal.see("ready\r\n")
        top = job.pid("supervisor_fake")
        until("CMD is in front", lambda: job.terminal.front() not in (top, job.terminal.pid))
        cmd = job.terminal.front()
        mark = job.terminal.type("\x1a")
        job.terminal.see("Stopped", mark)
        job.terminal.type("bg\n")
        until("CMD and P run", lambda: state(cmd) in ("S", "R") and state(top) in ("S", "R"))
        assert job.terminal.front() == job.terminal.pid
        job.terminal.type("fg\n")
        until("P is in front", lambda: job.terminal.front() == top)
        job.terminal.type("\x03")
        job.ends_with(143)


def background_reader(build):
    """A CMD that reads the terminal in the background is stopped by it, and P with it; fg brings both back."""
    with Job(build, CAT, shell=True) as job:
        job.wait_for("started")
        cat, top = job.pid("cat"), job.pid("supervisor_fake")
        until("cat is in front", lambda: job.terminal.front() == cat)
        mark = job.terminal.type("\x1a")
        job.terminal.see("Stopped", mark)
        until("P and CMD are stopped", lambda: state(top) == state(cat) == "T")
        mark = job.terminal.type("bg\n")
        job.terminal.see("&", mark)
        until("both are stopped again", lambda: state(top) == state(cat) == "T")
        job.terminal.type("fg\n")
        until("cat is in front", lambda: job.terminal.front() == cat and state(cat) == "S")
        job.terminal.type("\x04")
        job.ends_with(0)


def ctrl_z_without_a_shell(build):
    """Nobody could continue us (docker run -it): CMD goes on at once, as the kernel has it for programs of their own."""
    with Job(build, CAT) as job:
        job.wait_for("started")
        cat = job.pid("cat")
        until("cat is in front", lambda: job.terminal.front() == cat)
        job.terminal.type("\x1a")
        mark = job.terminal.type("alive\n")
        job.terminal.see("alive\r\nalive", mark)
        assert job.terminal.front() == cat and state(job.terminal.pid) == "S"
        job.terminal.type("\x03")
        assert job.terminal.code() == 130


def hangup(build):
    """The terminal goes away: CMD gets HUP and ends, so does the run; a standby ends too."""
    for options in ((), ("--terms", "0")):
        with Job(build, CAT, options=options) as job:
            job.wait_for("standing" if options else "started")
            family = [job.pid("keeper"), job.pid("elector"), job.terminal.pid] + ([] if options else [job.pid("cat")])
            os.close(job.terminal.fd)
            job.terminal.fd = os.open("/dev/null", os.O_RDONLY)
            until("nobody is left", lambda: not any(map(is_alive, family)))
            assert job.promises("released")


def without_a_terminal_on_stdin(build):
    """A terminal elsewhere is none of ours: no process group is put in front."""
    with Job(build, ("sh", "-c", "echo ready; sleep 1000"), shell=False) as job:
        job.terminal.see("ready")
    directory = tempfile.TemporaryDirectory()
    terminal = Terminal(["sh", "-c", f"exec {build}/supervisor_fake -- sh -c 'echo ready; sleep 1000' < /dev/null"])
    try:
        terminal.see("ready")
        assert terminal.front() == terminal.pid
        terminal.type("\x03")  # P's: a request to stop
        assert terminal.code() == 143
    finally:
        terminal.close()
        directory.cleanup()


def tests():
    for test in (reads_the_terminal, ctrl_c, ctrl_c_that_cmd_handles, ctrl_c_on_standby, ctrl_z_and_fg, lost_while_stopped,
                 ctrl_z_on_standby, background, background_reader, ctrl_z_without_a_shell, hangup, without_a_terminal_on_stdin):
        yield test.__name__.replace("_", " "), test


if __name__ == "__main__":
    # One at a time: pty.fork() in a process of several threads is not for Python.
    sys.exit(main(list(tests()), workers=1))
