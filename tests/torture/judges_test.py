#!/usr/bin/env python3
"""What judges the torture is judged here: each check is given what it must find. No real time, no leasehold."""
import contextlib
import io
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import types
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import torture  # noqa: E402
import torture_faults  # noqa: E402
import torture_soak  # noqa: E402
import torture_world  # noqa: E402
from stamps import SAME_PROCESS_S, Stamps, overlap  # noqa: E402


def stretches_of(text):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "stamps")
        path.write_text(text)
        return [(s[1], s[2]) for s in Stamps(path).read()]


def lines(*stamps):
    return "".join(f"{int(at * 1e9)} {pid} x\n" for at, pid in stamps)


class Overlaps(unittest.TestCase):
    def test_one_after_the_other(self):
        self.assertEqual(overlap(stretches_of(lines((1.0, 7), (1.5, 7), (1.6, 8), (2.0, 8)))), 0.0)

    def test_a_hidden_second_worker_of_the_same_candidate(self):
        """Its stamps lie between those of the first, in the same file."""
        self.assertAlmostEqual(overlap(stretches_of(lines((1.0, 7), (1.1, 8), (1.2, 7), (1.3, 8), (1.4, 7)))), 0.2)

    def test_one_stamp_of_a_thawed_worker(self):
        """It was silent while the other worked, and wrote once more: it lived all that time."""
        self.assertAlmostEqual(overlap(stretches_of(lines((1.0, 7), (5.0, 8), (6.0, 8), (6.5, 7)))), 1.0)

    def test_workers_of_two_candidates(self):
        self.assertAlmostEqual(overlap(stretches_of(lines((1.0, 7), (2.0, 7))) + stretches_of(lines((1.9, 8), (3.0, 8)))), 0.1)

    def test_one_inside_another_counts_once(self):
        self.assertAlmostEqual(overlap([(0.0, 10.0), (2.0, 3.0), (4.0, 5.0)]), 2.0)

    def test_a_number_used_again_is_another_process(self):
        self.assertEqual(overlap(stretches_of(lines((1.0, 7), (2.0, 7), (3.0, 8), (4.0, 8), (4.0 + SAME_PROCESS_S, 7)))), 0.0)

    def test_a_line_that_is_not_whole_waits(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "stamps")
            path.write_text("1000000000 7 x\n20000")
            stamps = Stamps(path)
            self.assertEqual(stamps.read()[0][1:3], [1.0, 1.0])
            with open(path, "a") as file:
                file.write("00000 7 x\n")
            self.assertEqual(stamps.read()[0][1:3], [1.0, 2.0])


class FakeWorld:
    """Overlap and recovery as the test says."""
    lease_s = 0.001

    def __init__(self, overlaps=(0.0,), recover=lambda: (0.1, "a"), stop=lambda: None):
        self.overlaps, self.recover, self.stop = list(overlaps), recover, stop
        self.server = types.SimpleNamespace(rules=False)

    def start(self, _name):
        pass

    def stretches(self):
        return []

    def overlap(self):
        return self.overlaps.pop(0) if len(self.overlaps) > 1 else self.overlaps[0]


def fail(sentence):
    def raises():
        raise torture_world.Failure(sentence)
    return raises


@contextlib.contextmanager
def nothing(_world, draw):
    yield f"nothing {draw.random()}"


class Rounds(unittest.TestCase):
    def setUp(self):
        real = dict(torture_faults.FAULTS)
        torture_faults.FAULTS.clear()
        torture_faults.FAULTS["nothing"] = torture_faults.Fault("nothing", nothing, lambda world: None)
        torture_faults.FAULTS["never"] = torture_faults.Fault("never", nothing, lambda world: "the machine is a toaster")
        self.addCleanup(torture_faults.FAULTS.update, real)
        self.addCleanup(torture_faults.FAULTS.clear)

    def after(self, world, rounds=1, seed=1):
        """Failures, and what was printed."""
        options = types.SimpleNamespace(seed=seed, only=list(torture_faults.FAULTS), time=0, soak=False)
        told = io.StringIO()
        with contextlib.redirect_stdout(told):
            t = torture.Torture(options, world)
            for _ in range(rounds):
                t.round()
            t.run()
            t.table()
        return t.failures, told.getvalue()

    def test_a_clean_round(self):
        failures, told = self.after(FakeWorld())
        self.assertEqual(failures, [])
        self.assertIn("1 rounds", told)

    def test_an_overlap(self):
        failures, _ = self.after(FakeWorld(overlaps=(0.0, 0.0005)))
        self.assertEqual(len(failures), 1)
        self.assertIn("two workers at once for 0.500 ms", failures[0])

    def test_no_leader_afterwards(self):
        world, times = FakeWorld(), []

        def recover():
            times.append(1)
            if len(times) == 1:
                raise torture_world.Failure("waited 90 s for a leader")
            return 0.1, "a"
        world.recover = recover
        failures, _ = self.after(world)
        self.assertEqual(len(failures), 1)
        self.assertIn("waited 90 s for a leader", failures[0])

    def test_somebody_left_at_the_end(self):
        failures, told = self.after(FakeWorld(stop=fail("a has ended, but some of its processes live")))
        self.assertEqual(failures, ["a has ended, but some of its processes live"])
        self.assertIn("failed: a has ended", told)

    def test_what_is_not_possible_is_said_and_never_tried(self):
        _, told = self.after(FakeWorld(), rounds=5)
        self.assertIn("not possible here: the machine is a toaster", told)
        self.assertNotIn("never+", told)

    def test_a_seed_repeats_the_rounds(self):
        self.assertEqual(self.after(FakeWorld(), 5, seed=3)[1], self.after(FakeWorld(), 5, seed=3)[1])
        self.assertNotEqual(self.after(FakeWorld(), 5, seed=3)[1], self.after(FakeWorld(), 5, seed=4)[1])


def life(memory=lambda n: 3000, descriptors=lambda n: 12, threads=lambda n: 2, rounds=40):
    soak = torture_soak.Soak()
    soak.lives["elector", "a", 7, 1] = [{"RssAnon KiB": memory(n), "descriptors": descriptors(n), "threads": threads(n)} for n in range(rounds)]
    return soak.judge()[1]


class Flat(unittest.TestCase):
    def test_what_wavers_is_flat(self):
        self.assertEqual(life(memory=lambda n: 3000 + 200 * (n % 3), descriptors=lambda n: 12 + n % 4, threads=lambda n: 2 + (n % 5 == 0)), [])

    def test_a_descriptor_leaks(self):
        self.assertEqual(life(descriptors=lambda n: 12 + n // 4), ["descriptors of elector a (pid 7) grew from 13 to 20"])

    def test_a_thread_leaks(self):
        self.assertEqual(life(threads=lambda n: 2 + n // 20), ["threads of elector a (pid 7) grew from 2 to 3"])

    def test_memory_leaks(self):
        self.assertEqual(life(memory=lambda n: 3000 + 30 * n), ["RssAnon KiB of elector a (pid 7) grew from 3135 to 4035"])

    def test_just_within_the_rule(self):
        self.assertEqual(life(memory=lambda n: 3000 if n < 20 else 3556, descriptors=lambda n: 12 if n < 20 else 15), [])
        self.assertEqual(len(life(memory=lambda n: 3000 if n < 20 else 3557)), 1)
        self.assertEqual(len(life(descriptors=lambda n: 12 if n < 20 else 16)), 1)

    def test_nothing_judged_is_no_success(self):
        self.assertEqual(len(life(rounds=torture_soak.SAMPLES_MIN - 1)), 1)
        self.assertEqual(life(rounds=torture_soak.SAMPLES_MIN), [])

    def test_a_real_process_that_leaks_descriptors(self):
        """This one, through /proc."""
        soak, held = torture_soak.Soak(), []
        self.addCleanup(lambda: [os.close(fd) for fd in held])
        for _ in range(24):
            held.append(os.dup(0))
            soak.sample([("elector", "a", os.getpid())])
        wrong = soak.judge()[1]
        self.assertEqual(len(wrong), 1)
        self.assertRegex(wrong[0], "^descriptors of elector a .* grew")


class Leftovers(unittest.TestCase):
    def test_an_orphan_of_a_run_is_found_and_killed(self):
        """A process that has left its parent, its group and its session still has the mark."""
        world = torture_world.World.__new__(torture_world.World)
        world.marks = {"a": f"test-{os.getpid()}-a-1"}
        child = subprocess.Popen(["sleep", "600"], start_new_session=True, env={"PATH": os.environ["PATH"], torture_world.MARK: world.marks["a"]})
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        torture_world.until(lambda: child.pid in world.marked(world.marks["a"]), 20, "the mark")
        patience, torture_world.LEFTOVER_S = torture_world.LEFTOVER_S, 0
        try:
            with self.assertRaisesRegex(torture_world.Failure, f"some of its processes live: {child.pid} .sleep."):
                world.await_nobody("a")
        finally:
            torture_world.LEFTOVER_S = patience
        self.assertEqual(child.wait(20), -signal.SIGKILL)
        world.await_nobody("a")

    def test_every_subset_of_our_processes(self):
        self.assertEqual(len(set(torture_faults.SUBSETS)), 15)


if __name__ == "__main__":
    unittest.main(verbosity=2)
