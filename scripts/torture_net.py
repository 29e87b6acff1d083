"""The network of the torture: the server and each candidate in a network namespace of its own, and between them two tun devices whose
packets this process carries, so that it can lose them, hold them back, and cut one direction alone. Nothing of it is reachable from
outside, and it is gone with the process. (tc's netem would do less, and many kernels come without it.)

Not here: other faults (torture_faults.py, torture_resources.py).
"""
import collections
import ctypes
import fcntl
import os
import random
import select
import struct
import subprocess
import threading
import time

from torture_faults import fault, hold, victim
from torture_world import NAMES

SERVER, PORT = "10.213.0.1", 18080
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
PACKET_MAX = 65536
HELD_BACK_MAX = 2000  # packets of one direction; what is beyond is lost, as in a router
LIBC = ctypes.CDLL(None, use_errno=True)


def in_thread(function):
    """A namespace is a thread's: runs the function in one of its own; gives its result or raises its exception."""
    result = {}

    def run():
        try:
            result["value"] = function()
        except Exception as error:  # told by the caller's thread
            result["error"] = error
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if "error" in result:
        raise result["error"]
    return result["value"]


def must(result, what):
    if result:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def new_namespace():
    def make():
        must(LIBC.unshare(CLONE_NEWNET), "no network namespace")
        return os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    return in_thread(make)


def within(namespace, function):
    def run():
        must(LIBC.setns(namespace, CLONE_NEWNET), "setns")
        return function()
    return in_thread(run)


def open_tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


class Direction:
    """Packets from one device to the other."""

    def __init__(self, source, target, seed):
        self.source, self.target, self.random = source, target, random.Random(seed)
        self.loss, self.delay_s, self.carried, self.lost = 0.0, 0.0, 0, 0
        self.waiting = collections.deque()
        threading.Thread(target=self.carry, daemon=True).start()

    def carry(self):
        while True:
            timeout = max(0.0, self.waiting[0][0] - time.monotonic()) if self.waiting else None
            if select.select([self.source], [], [], timeout)[0]:
                packet = os.read(self.source, PACKET_MAX)
                if self.random.random() < self.loss or len(self.waiting) >= HELD_BACK_MAX:
                    self.lost += 1
                else:
                    self.waiting.append((time.monotonic() + self.delay_s, packet))
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                try:
                    os.write(self.target, self.waiting.popleft()[1])
                    self.carried += 1
                except OSError:  # the device is full: lost
                    self.lost += 1


class Network:
    def __init__(self, seed):
        self.namespaces = {name: new_namespace() for name in ("server", *NAMES)}
        self.up, self.down = {}, {}  # by candidate: to the server, from it
        self.ip("server", "link", "set", "lo", "up")
        self.ip("server", "addr", "add", f"{SERVER}/32", "dev", "lo")
        for number, name in enumerate(NAMES, 1):
            address, device = f"10.213.{number}.2/32", f"to-{name}"
            near = within(self.namespaces[name], lambda: open_tun("to-server"))
            far = within(self.namespaces["server"], lambda device=device: open_tun(device))
            self.ip(name, "link", "set", "lo", "up")
            self.ip(name, "addr", "add", address, "dev", "to-server")
            self.ip(name, "link", "set", "to-server", "up")
            self.ip(name, "route", "add", f"{SERVER}/32", "dev", "to-server")
            self.ip("server", "link", "set", device, "up")
            self.ip("server", "route", "add", address, "dev", device)
            self.up[name], self.down[name] = Direction(near, far, seed + number), Direction(far, near, seed - number)

    def enter(self, name):
        """Words before a command that shall run there."""
        return ("nsenter", f"--net=/proc/{os.getpid()}/fd/{self.namespaces[name]}")

    def ip(self, name, *arguments):
        done = subprocess.run([*self.enter(name), "ip", *arguments], capture_output=True, text=True)
        if done.returncode:
            raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")

    def listen(self):
        return f"{SERVER}:{PORT}"

    def ask(self, function):
        """From the server's namespace, so that no fault is in between."""
        return within(self.namespaces["server"], function)


def network(server, seed):
    """(the network, None), or (None, why not)."""
    if server == "real":
        return None, "the kube-apiserver of these tests listens on loopback only"
    try:
        return Network(seed), None
    except OSError as error:
        return None, error.strerror or str(error)


def why_not(world):
    return world.net_why


def disturb(world, draw, names, said, **how):
    """For a while; `how` has loss and delay_s by direction."""
    seconds = hold(world, draw)
    directions = [(getattr(world.net, direction)[name], settings) for name in names for direction, settings in how.items()]
    for direction, (loss, delay_s) in directions:
        direction.loss, direction.delay_s = loss, delay_s
    try:
        yield f"{said} for {'+'.join(names)} for {seconds:.1f} s"
        time.sleep(seconds)
    finally:
        for direction, _ in directions:
            direction.loss, direction.delay_s = 0.0, 0.0


def some(world, draw):
    return list(NAMES) if draw.random() < 0.4 else [victim(world, draw)]


@fault("net-loss", why_not)
def net_loss(world, draw):
    loss = draw.uniform(0.02, 0.7)
    yield from disturb(world, draw, some(world, draw), f"{loss:.0%} of packets lost", up=(loss, 0.0), down=(loss, 0.0))


@fault("net-delay", why_not)
def net_delay(world, draw):
    up, down = draw.uniform(0, 2.0) ** 2, draw.uniform(0, 1.0) ** 2
    yield from disturb(world, draw, some(world, draw), f"packets {up * 1000:.0f} and {down * 1000:.0f} ms late", up=(0.0, up), down=(0.0, down))


@fault("net-one-way", why_not)
def net_one_way(world, draw):
    way = draw.choice(("up", "down"))
    yield from disturb(world, draw, some(world, draw), f"nothing {'to' if way == 'up' else 'from'} the server", **{way: (1.0, 0.0)})


@fault("net-cut", why_not)
def net_cut(world, draw):
    yield from disturb(world, draw, some(world, draw), "no network", up=(1.0, 0.0), down=(1.0, 0.0))
