"""What workers leave behind (tests/e2e/stamper.c): lines of CLOCK_BOOTTIME in nanoseconds, pid, identity; and whether two lived at once.

For the demo and the torture. Not here: who wrote the files, and why.
"""
import pathlib
import time

# The same number after a pause longer than this is another process; far above any freeze that a test makes.
SAME_PROCESS_S = 120.0


def boottime():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Stamps:
    """The worker's file of one candidate, read as it grows: one stretch a worker process, however the lines of several are mixed."""

    def __init__(self, path):
        self.path, self.offset, self.rest = pathlib.Path(path), 0, b""
        self.stretches = []  # [pid, first, last, widest pause]
        self.newest = {}  # pid -> its stretch
        self.path.touch()

    def read(self):
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            data = file.read()
        self.offset += len(data)
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            stamp, pid = line.split()[:2]
            self.add(int(pid), int(stamp) / 1e9)
        return self.stretches

    def add(self, pid, at):
        stretch = self.newest.get(pid)
        if stretch is None or at - stretch[2] > SAME_PROCESS_S:
            stretch = self.newest[pid] = [pid, at, at, 0.0]
            self.stretches.append(stretch)
        stretch[3] = max(stretch[3], at - stretch[2])
        stretch[2] = max(stretch[2], at)


def overlap(stretches):
    """Seconds in which two workers lived. Each stretch begins with (first, last): a worker lives from its first stamp to its last,
    pauses included."""
    total, end = 0.0, 0.0
    for first, last, *_ in sorted(stretches):
        total += max(0.0, min(end, last) - first)
        end = max(end, last)
    return total
