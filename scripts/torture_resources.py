"""Faults of the torture that take something away: processor, memory, disk, descriptors, limits; and wall time, which is moved.

Not here: signals and the API (torture_faults.py), the network (torture_net.py).
"""
import contextlib
import ctypes
import errno
import os
import pathlib
import resource
import subprocess
import sys
import time

from torture_faults import fault, hold, victim
from torture_world import NAMES, REPOSITORY

BURNERS = 3
CLONE_NEWNS, MS_REC_PRIVATE = 0x20000, 0x44000
TINY_KIB = 1024


# ---- what is made once, before the candidates ----

def tiny_disk(folder):
    """A small file system of our own for events and status files, in a mount namespace of ours, so that nothing stays behind; None, and
    why not."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None):
        return None, f"no mount namespace: {os.strerror(ctypes.get_errno())}"
    place = folder / "out"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={TINY_KIB}k", "none", place], capture_output=True, text=True)
    return (place, None) if done.returncode == 0 else (None, f"no tmpfs: {done.stderr.strip()}")


class Wall:
    """Steps of CLOCK_REALTIME for our candidates alone, by a preloaded library; the machine's clock is never touched."""

    def __init__(self, leasehold, folder):
        self.why, self.environment = None, {}
        self.library, self.offset = folder / "wall_step.so", folder / "wall_step"
        self.step(0)
        if b"__asan_init" in pathlib.Path(leasehold).read_bytes() or b"__tsan_init" in pathlib.Path(leasehold).read_bytes():
            self.why = "a sanitizer's library must be loaded first"
            return
        try:
            subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-o", self.library, REPOSITORY / "tests" / "torture" / "wall_step.c"],
                           check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            self.why = f"the library that steps the clock does not build: {error}"
            return
        environment = {"LD_PRELOAD": str(self.library), "TORTURE_WALL": str(self.offset)}
        self.step(-1000000)
        done = subprocess.run(["date", "+%s"], env={**os.environ, **environment}, capture_output=True, text=True)
        self.step(0)
        if not done.stdout.strip().isdigit() or abs(time.time() - int(done.stdout)) < 900000:
            self.why = "a preloaded library does not change what a program sees of the clock"
            return
        self.environment = environment

    def step(self, seconds):
        """At once, in all processes: they map the file."""
        with open(self.offset, "r+b" if self.offset.exists() else "wb") as file:
            file.write(int(seconds * 1e9).to_bytes(8, sys.byteorder, signed=True))


def memory_group():
    """A cgroup of its own that can be limited: (its folder, the name of its limit), or None and why not."""
    own = {}
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            own[controller] = path.lstrip("/")
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields, kind = line.split(" - ")
        point, options = pathlib.Path(fields.split()[4]), kind.split()[2].split(",")
        if kind.startswith("cgroup2 "):
            controller, limit = "", "memory.max"
        elif kind.startswith("cgroup ") and "memory" in options:
            controller, limit = "memory", "memory.limit_in_bytes"
        else:
            continue
        group = point / own.get(controller, "") / f"leasehold-torture-{os.getpid()}"
        with contextlib.suppress(OSError):
            group.mkdir()
            if (group / limit).exists():
                (group / limit).write_text(str(64 << 20))
                return (group, limit), None
        with contextlib.suppress(OSError):
            group.rmdir()
    return None, "no cgroup with a limit of memory can be made"


def prepare(world, wanted):
    """Before the first candidate is started: makes what the wanted faults need."""
    if "disk-full" in wanted:
        world.out, world.disk_why = tiny_disk(world.folder)
    if "memory" in wanted:
        world.memory, world.memory_why = memory_group()
    if "wall" in wanted:
        world.wall = Wall(world.options.leasehold, world.folder)
        world.plain = {name: how._replace(environment={**how.environment, **world.wall.environment}) for name, how in world.plain.items()}


# ---- faults ----

@fault("starve")
def starve(world, draw):
    """All candidates share one processor with burners; with the right to it they get only what nobody else wants."""
    cpu, seconds, idle = max(os.sched_getaffinity(0)), hold(world, draw), os.geteuid() == 0

    def place(cpus, policy):
        for pid in world.marked(world.token):
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    os.sched_setaffinity(int(task), cpus)
                    if idle:
                        os.sched_setscheduler(int(task), policy, os.sched_param(0))

    every = os.sched_getaffinity(0)
    burn = f"import time\nend = time.monotonic() + {seconds + 2}\nwhile time.monotonic() < end: pass"
    burners = [subprocess.Popen([sys.executable, "-c", burn], preexec_fn=lambda: (os.nice(10), os.sched_setaffinity(0, {cpu}))) for _ in range(BURNERS)]
    try:
        place({cpu}, os.SCHED_IDLE)
        yield f"{BURNERS} burners and all candidates{' at idle priority' if idle else ''} on one processor for {seconds:.1f} s"
        time.sleep(seconds)
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
        place(every, os.SCHED_OTHER)


def alone(world, draw, said, before=(), **how):
    """One candidate is started anew in a strange way, has the field for itself for a while, then rivals; and is started as usual."""
    name = draw.choice(NAMES)
    usual = world.plain[name]
    world.restart(name, usual._replace(before=(*usual.before, *before), **how))
    others = [other for other in NAMES if other != name]
    for other in others:
        world.end(other)
    try:
        yield f"{name} {said}"
        time.sleep(hold(world, draw))
        for other in others:
            world.restart(other)
        time.sleep(hold(world, draw))
    finally:
        world.restart(name)


@fault("memory", lambda world: world.memory_why)
def memory(world, draw):
    """The tree of a candidate in a cgroup that is so small that the kernel kills, or nearly."""
    group, limit = world.memory
    size = draw.choice((1, 2, 3, 4, 6, 8, 12)) << 20
    (group / limit).write_text(str(size))
    enter = ("sh", "-c", f"echo $$ >'{group}/cgroup.procs' && exec \"$@\"", "sh")
    yield from alone(world, draw, f"in a cgroup of {size >> 20} MiB", before=enter)


@fault("memory-limit")
def memory_limit(world, draw):
    """Allocations of running processes begin to fail: RLIMIT_AS at what they have, or little more."""
    yield from limit_running(world, draw, ((resource.RLIMIT_AS, draw.choice((0, 1 << 12, 1 << 20))),), "no more address space")


@fault("limit-running")
def limit_running_ones(world, draw):
    limit, value, said = draw.choice(((resource.RLIMIT_NOFILE, draw.randint(0, 12), "no more descriptors"),
                                      (resource.RLIMIT_FSIZE, 0, "no file may grow"),
                                      (resource.RLIMIT_SIGPENDING, 0, "no more timers and queued signals"),
                                      (resource.RLIMIT_MEMLOCK, 0, "no more locked memory")))
    yield from limit_running(world, draw, ((limit, value),), said)


def limit_running(world, draw, limits, said):
    name, seconds = victim(world, draw), hold(world, draw)
    before = []
    for pid in [pid for part, pid in world.tree(name).items() if part != "worker"]:
        for limit, value in limits:
            with contextlib.suppress(OSError):
                before.append((pid, limit, resource.prlimit(pid, limit)))
                resource.prlimit(pid, limit, (value, before[-1][2][1]))
    try:
        yield f"{said} for {name} for {seconds:.1f} s"
        time.sleep(seconds)
    finally:
        for pid, limit, old in before:
            with contextlib.suppress(OSError):
                resource.prlimit(pid, limit, old)


@fault("limit-start")
def limit_start(world, draw):
    """A candidate that is started with little: it may refuse to stand, or stand and work."""
    limit, value, said = draw.choice(((resource.RLIMIT_NOFILE, draw.randint(3, 24), "descriptors"), (resource.RLIMIT_SIGPENDING, draw.randint(0, 3), "pending signals"),
                                      (resource.RLIMIT_MEMLOCK, 0, "bytes of locked memory"), (resource.RLIMIT_STACK, 64 << 10, "bytes of stack"),
                                      (resource.RLIMIT_NPROC, draw.randint(0, 4), "processes"), (resource.RLIMIT_AS, draw.randint(16, 64) << 20, "bytes of address space")))
    yield from alone(world, draw, f"with {value} {said}", limits=((limit, value),))


@fault("closed")
def closed(world, draw):
    """Started without some of stdin, stdout and stderr: what is opened next gets their numbers."""
    fds = draw.choice(((0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)))
    yield from alone(world, draw, f"with descriptors {', '.join(map(str, fds))} closed", closed=fds)


@fault("dev-full", lambda world: None if os.path.exists("/dev/full") else "there is no /dev/full")
def dev_full(world, draw):
    """Events, log and the worker's output go where every write fails."""
    yield from alone(world, draw, "with events and output on /dev/full", events="/dev/full", output="/dev/full")


@fault("disk-full", lambda world: world.disk_why)
def disk_full(world, draw):
    """The file system of events and status files of all candidates is full; a handover meanwhile, so that there is something to say."""
    seconds, filler = hold(world, draw), world.out / "filler"
    name = victim(world, draw)
    try:
        with open(filler, "wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
        world.runs[name].terminate()
        yield f"full disk for {seconds:.1f} s, TERM {name}"
        time.sleep(seconds)
    finally:
        filler.unlink()
        # What is appended to, shall not fill it for good.
        for path in world.out.glob("*.events"):
            os.truncate(path, 0)


@fault("wall", lambda world: world.wall.why)
def wall(world, draw):
    """Wall time jumps for all candidates, a few times, and back in the end."""
    steps = [draw.choice((-1, 1)) * draw.choice((0.5, 3, 60, 3600, 86400, 3e7)) for _ in range(draw.randint(1, 4))]
    try:
        yield f"wall clock off by {', '.join(f'{s:+g} s' for s in steps)}"
        for step in steps:
            world.wall.step(step)
            time.sleep(hold(world, draw) / len(steps))
    finally:
        world.wall.step(0)
