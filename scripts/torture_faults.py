"""The faults of the torture. Each is a generator in the manner of contextlib: it begins the fault, yields a sentence that says what was
done, and ends the fault when it is resumed. Whatever is drawn comes from the given random numbers, so that a seed repeats it.

Not here: waiting for recovery, judging (torture.py).
"""
import collections
import contextlib
import itertools
import signal
import subprocess
import time

from processes import signal_all
from torture_world import NAMES

PARTS = ("P", "keeper", "elector", "worker")
SUBSETS = [subset for size in range(1, 5) for subset in itertools.combinations(PARTS, size)]

# possible(world): None, or why it cannot be done here.
Fault = collections.namedtuple("Fault", "name begin possible")
FAULTS = {}


def anywhere(_world):
    return None


def fault(name, possible=anywhere):
    def register(function):
        FAULTS[name] = Fault(name, contextlib.contextmanager(function), possible)
        return function
    return register


def victim(world, draw):
    """Mostly the leader: there is more to break."""
    return world.leader() if draw.random() < 0.75 else draw.choice(NAMES)


def chosen(world, name, subset):
    tree = world.tree(name)
    return [tree[part] for part in subset if part in tree]


def hold(world, draw):
    """From a moment to well beyond the lease."""
    return draw.uniform(0.05, 1.8 * world.lease_s)


@fault("stop")
def stop(world, draw):
    name, subset, seconds = victim(world, draw), draw.choice(SUBSETS), hold(world, draw)
    pids = chosen(world, name, subset)
    signal_all(pids, signal.SIGSTOP)
    try:
        yield f"STOP {name}: {'+'.join(subset)} for {seconds:.1f} s"
        time.sleep(seconds)
    finally:
        draw.shuffle(pids)
        signal_all(pids, signal.SIGCONT)


@fault("kill")
def kill(world, draw):
    name, subset = victim(world, draw), draw.choice(SUBSETS)
    signal_all(chosen(world, name, subset), signal.SIGKILL)
    yield f"KILL {name}: {'+'.join(subset)}"
    time.sleep(draw.uniform(0, 1.0))


@fault("stop-kill")
def stop_kill(world, draw):
    """Some are stopped, others of the same tree killed meanwhile, and then the stopped go on."""
    name, stopped, killed, seconds = victim(world, draw), draw.choice(SUBSETS), draw.choice(SUBSETS), hold(world, draw)
    pids = chosen(world, name, stopped)
    signal_all(pids, signal.SIGSTOP)
    try:
        yield f"STOP {name}: {'+'.join(stopped)}, KILL {'+'.join(killed)}, CONT after {seconds:.1f} s"
        signal_all(chosen(world, name, killed), signal.SIGKILL)
        time.sleep(seconds)
    finally:
        signal_all(pids, signal.SIGCONT)


@fault("freeze-all")
def freeze_all(world, draw):
    """Every process of every candidate, as when the machine's hypervisor takes the processor away; thawed one after the other."""
    seconds = hold(world, draw)
    trees = [list(world.tree(name).values()) for name in NAMES]
    for tree in trees:
        signal_all(tree, signal.SIGSTOP)
    try:
        yield f"STOP of all candidates for {seconds:.1f} s"
        time.sleep(seconds)
    finally:
        draw.shuffle(trees)
        for tree in trees:
            signal_all(tree, signal.SIGCONT)
            time.sleep(draw.uniform(0, 0.3))


@fault("term")
def term(world, draw):
    """No fault, but what an operator does: the leader is asked to go, and comes back."""
    name = victim(world, draw)
    world.runs[name].send_signal(signal.SIGTERM)
    yield f"TERM {name}"
    with contextlib.suppress(subprocess.TimeoutExpired):
        world.runs[name].wait(draw.uniform(0, 3.0))


@fault("api-outage")
def api_outage(world, draw):
    seconds = hold(world, draw)
    yield f"API gone for {seconds:.1f} s"
    world.server.outage(seconds)


@fault("api-hang")
def api_hang(world, draw):
    seconds = hold(world, draw)
    yield f"API silent for {seconds:.1f} s"
    world.server.hang(seconds)


def needs_rules(world):
    return None if world.server.rules else "a kube-apiserver takes no fault rules"


@fault("api-rules", needs_rules)
def api_rules(world, draw):
    """A few rules of the development server at once, each for requests of any kind or of one verb."""
    rules = []
    for _ in range(draw.randint(1, 3)):
        action = draw.choice(("delay", "delay_answer", "refuse", "reset", "drop_answer", "apply_late", "hang", "compact", "repeat_watch", "step_back", "mute_watch"))
        rule = {"action": action}
        if action in ("delay", "delay_answer", "apply_late"):
            rule["ms"] = draw.randint(10, int(1500 * world.lease_s))
        if action == "refuse":
            rule["code"] = draw.choice((409, 429, 500, 503, 504))
        if action == "drop_answer":
            rule["keep_open"] = draw.random() < 0.5
        if action in ("compact", "repeat_watch", "step_back", "mute_watch"):
            rules.append(rule)
            continue
        if draw.random() < 0.6:
            rule["verb"] = draw.choice(("get", "watch", "update", "create"))
        if draw.random() < 0.5:
            rule["count"] = draw.randint(1, 6)
        rules.append(rule)
    seconds = hold(world, draw)
    for rule in rules:
        world.server.rule(**rule)
    try:
        told = ", ".join(r["action"] + (f"({r['verb']})" if "verb" in r else "") for r in rules)
        yield f"API rules {told} for {seconds:.1f} s"
        time.sleep(seconds)
    finally:
        world.server.no_rules()
