"""The processes of this machine as /proc tells them: who lives, whose child is whose, and signals to many.

For the demo, the tests and the benchmarks. Not here: what a process of ours should do.
"""
import collections
import os
import pathlib
import signal

# start: clock ticks after the machine's own start; with the pid it names a process for ever.
Stat = collections.namedtuple("Stat", "name state parent start cpu_s")


def stat_of(pid):
    """A process, a zombie too; None where there is none."""
    try:
        text = pathlib.Path("/proc", str(pid), "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name is in brackets and may hold some.
    name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
    return Stat(name, rest[0], int(rest[1]), int(rest[19]), (int(rest[11]) + int(rest[12])) / os.sysconf("SC_CLK_TCK"))


def is_alive(pid):
    stat = stat_of(pid)
    return stat is not None and stat.state not in "ZX"


def name_of(pid):
    """None where there is none, any more."""
    stat = stat_of(pid)
    return stat and stat.name


def processes():
    """All of them, with zombies."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        stat = stat_of(int(entry))
        if stat:
            yield int(entry), stat


def tree_of(root):
    """The living ones among a process and its descendants, each after its parent."""
    parents = {pid: stat.parent for pid, stat in processes() if stat.state not in "ZX"}
    tree = [root]
    for pid in tree:
        tree += [child for child, parent in parents.items() if parent == pid]
    return [pid for pid in tree if pid in parents]


def kill_at_one_blow(root, but=()):
    """A tree, so that none of it can act on the death of another. Children first: the kernel continues a stopped process group when the
    last parent of its members dies (setpgid(2), orphaned process groups)."""
    tree = [pid for pid in tree_of(root) if pid not in but]
    signal_all(tree, signal.SIGSTOP)
    signal_all(reversed(tree), signal.SIGKILL)


def signal_all(pids, number):
    """To each that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
