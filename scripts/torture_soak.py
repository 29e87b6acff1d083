"""Whether processes stay as they were through hours of faults: anonymous memory, descriptors and threads, once a round, when the faults
have ended.

Flat means: the median of the last quarter of a process's samples is above the median of its first quarter by no more than SLACK, and for
memory by a tenth more. A process that lived through fewer than SAMPLES_MIN rounds is not judged; if none lived longer, the soak has failed.

Not here: where faults come from (torture.py).
"""
import collections
import os
import pathlib
import statistics

from processes import stat_of

SAMPLES_MIN = 16
SLACK = {"RssAnon KiB": 256, "descriptors": 3, "threads": 0}
GROWTH = {"RssAnon KiB": 0.1}
# The development server keeps the history of its objects, up to 8,192 changes: it grows for hours, and docs/dev-server.md says so.
NOT_JUDGED = {("server", "RssAnon KiB")}
# Faults that leave most of our processes alive, so that there is something to watch.
FAULTS = ("api-outage", "api-hang", "api-rules", "net-loss", "net-delay", "net-one-way", "net-cut", "starve", "disk-full", "wall")


def measure(pid):
    """What a process has now; None when it has gone."""
    folder = pathlib.Path("/proc", str(pid))
    try:
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
        return {"RssAnon KiB": int(status["RssAnon"].split()[0]), "descriptors": len(os.listdir(folder / "fd")), "threads": int(status["Threads"])}
    except (OSError, KeyError):
        return None


def quarters(values):
    quarter = len(values) // 4
    return statistics.median(values[:quarter]), statistics.median(values[-quarter:])


def is_flat(what, values):
    first, last = quarters(values)
    return last <= first * (1 + GROWTH.get(what, 0)) + SLACK[what]


class Soak:
    def __init__(self):
        self.lives = collections.defaultdict(list)  # (part, name, pid, start) -> samples

    def sample(self, processes):
        """`processes`: (part, name, pid) of all that live."""
        for part, name, pid in processes:
            stat, values = stat_of(pid), measure(pid)
            if stat and values:
                self.lives[part, name, pid, stat.start].append(values)

    def judge(self):
        """(lines of a table, sentences of what was wrong)"""
        lines, wrong = [f"  {'process':<10} {'what':<12} {'judged':>6} {'samples':>8} {'first quarter':>14} {'last quarter':>13}"], []
        judged = {key: samples for key, samples in self.lives.items() if len(samples) >= SAMPLES_MIN}
        if not judged:
            wrong.append(f"no process lived through {SAMPLES_MIN} rounds: nothing was judged; give it more time")
        for part in sorted({key[0] for key in judged}):
            for what in SLACK:
                lives = {key: [s[what] for s in samples] for key, samples in judged.items() if key[0] == part}
                worst = max(lives.values(), key=lambda values: quarters(values)[1] - quarters(values)[0])
                first, last = quarters(worst)
                exempt = (part, what) in NOT_JUDGED
                lines.append(f"  {part:<10} {what:<12} {'no' if exempt else len(lives):>6} {len(worst):>8} {first:>14.0f} {last:>13.0f}")
                wrong += [f"{what} of {part} {key[1]} (pid {key[2]}) grew from {quarters(values)[0]:.0f} to {quarters(values)[1]:.0f}"
                          for key, values in lives.items() if not exempt and not is_flat(what, values)]
        lines.append(f"  not judged: {len(self.lives) - len(judged)} processes that lived through fewer than {SAMPLES_MIN} rounds")
        return lines, wrong
