#!/usr/bin/env python3
"""What is at the other end of our descriptors: readers that go away or do not read, closed ones, terminals that could be steered."""
import json
import os
import pathlib
import select
import signal
import subprocess
import time

from cli_world import KEYS, LEASEHOLD, SHORT, World, cpu_seconds, main, wait_for

STEERS = "\x1b[31mred\nx\x07\u202e"
STEERS_SHOWN = "\\x1b[31mred\\x0ax\\x07\\xe2\\x80\\xae"


def fill(fd):
    """Fills a pipe; what is in it stays until somebody reads."""
    os.set_blocking(fd, False)
    try:
        while True:
            os.write(fd, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(fd, True)


def now_utc():
    return subprocess.run(["date", "-u", "+%Y-%m-%dT%H:%M:%S.000000Z"], capture_output=True, text=True, check=True).stdout.strip()


class Streams(World):
    def setUp(self):
        super().setUp()
        self.start_dev()

    def holder(self, name):
        try:
            return self.lease(name)["spec"].get("holderIdentity")
        except OSError:
            return None

    def renewed_more_often_than(self, name, times):
        seen = set()

        def again():
            seen.add(self.lease(name)["spec"]["renewTime"])
            return len(seen) > times
        return again

    def worker(self, *more, script="echo up; exec sleep 60", **options):
        process = self.spawn(LEASEHOLD, "run", "g", "--identity", "a", *SHORT, *more, "--", "sh", "-c", script, **options)
        wait_for(lambda: self.holder("g") == "a", "a to lead")
        return process

    # ---- readers ----

    def test_a_candidate_that_nobody_hears_releases(self):
        process = self.spawn(LEASEHOLD, "candidate", "g", "--identity", "a", *SHORT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: "term 1" in process.stdout.readline(), "a to lead")
        process.stdout.close()
        # A refused renewal is an event: the warning cannot be written, and the lock is given back once renewals work again.
        self.fault(action="refuse", code=500, verb="update", count=1)
        self.assertEqual(process.wait(30), 1)
        self.assertIn("cannot write events", process.stderr.read())
        self.assertEqual(self.holder("g"), "", "released")

    def test_readers_that_go_away_end_a_watch(self):
        watch = self.spawn(LEASEHOLD, "watch", "g", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        watch.stdout.readline()
        watch.stdout.close()
        _, events = self.candidate("g", "a")
        self.assertEqual(watch.wait(30), 1)
        self.assertIn("cannot write events", watch.stderr.read())

    def test_an_unread_pipe_of_events_does_not_stop_the_election(self):
        read_end, write_end = os.pipe()
        fill(write_end)
        process = self.worker("--events", f"fd:{write_end}", "-o", "json", pass_fds=[write_end])
        os.close(write_end)
        wait_for(self.renewed_more_often_than("g", 8), "renewals for longer than a lease")
        os.set_blocking(read_end, False)
        while select.select([read_end], [], [], 0)[0]:
            os.read(read_end, 65536)
        os.set_blocking(read_end, True)
        process.terminate()
        with os.fdopen(read_end) as events:
            lines = events.read().splitlines()
        self.assertEqual(process.wait(30), 128 + signal.SIGTERM)
        seen = [json.loads(line) for line in lines]
        for event in seen:
            self.assertEqual(set(event), KEYS)
        self.assertEqual(seen[0]["event"], "warning")
        self.assertIn("were not written", seen[0]["reason"])
        self.assertIn("stopped_leading", [event["event"] for event in seen])

    def test_an_unread_stderr_does_not_stop_the_election(self):
        read_end, write_end = os.pipe()
        self.addCleanup(os.close, read_end)
        fill(write_end)
        self.worker("-vv", stderr=write_end, stdout=subprocess.DEVNULL)
        os.close(write_end)
        wait_for(self.renewed_more_often_than("g", 8), "renewals for longer than a lease")

    def test_a_fifo_without_a_reader_is_refused(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        result = self.leasehold("run", "g", "--events", fifo, "--", "true")
        self.assertEqual(result.returncode, 2)
        self.assertIn("nobody reads", result.stderr)
        read_end = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.assertEqual(self.leasehold("run", "g", "--events", fifo, "--", "true").returncode, 0)
        self.assertIn(b"term 1", os.read(read_end, 65536))
        os.close(read_end)

    def test_events_whose_reader_goes_away_do_not_stop_the_worker(self):
        read_end, write_end = os.pipe()
        process = self.worker("--events", f"fd:{write_end}", pass_fds=[write_end], stderr=subprocess.PIPE, script="sleep 1; exit 7")
        os.close(write_end)
        os.close(read_end)
        self.assertEqual(process.wait(30), 7)
        self.assertIn(b"cannot write events", process.stderr.read())

    # ---- descriptors of CMD, and closed ones ----

    def test_events_never_take_cmds_own_descriptors(self):
        for fd, name in ((0, "stdin"), (1, "stdout")):
            result = self.leasehold("run", "g", "--events", f"fd:{fd}", "--", "true")
            self.assertEqual(result.returncode, 2)
            self.assertIn(f"{name} is CMD's alone", result.stderr)
        result = self.leasehold("run", "g", "--events", "fd:2", "-o", "json", "--", "sh", "-c", "echo out; echo err >&2")
        self.assertEqual((result.returncode, result.stdout), (0, "out\n"))
        self.assertIn("err\n", result.stderr)
        self.assertIn('"started_leading"', result.stderr)

    def test_standard_descriptors_that_are_closed(self):
        """No file and no connection of ours may become stdin, stdout or stderr instead."""
        for closed in ("0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"):
            events, fds = self.folder / "events", self.folder / "fds"
            result = self.leasehold_in_shell(f"run g -vv --events {events} -o json -- sh -c 'ls -l /proc/self/fd >{fds}' {closed}")
            self.assertEqual(result.returncode, 0, (closed, result.stderr))
            self.assertIn('"started_leading"', events.read_text(), closed)
            for line in fds.read_text().splitlines():
                self.assertNotIn(str(events), line, closed)
                self.assertNotIn("socket:", line, closed)
            events.unlink()
            result = self.leasehold_in_shell(f"candidate never --kubeconfig /no/such/file {closed}")
            self.assertEqual(result.returncode, 1)
        self.assertIn("cannot write to stdout", self.leasehold_in_shell("status 1>&-").stderr)
        self.assertEqual(self.leasehold_in_shell("version 1>&-").returncode, 1, "closed is as full")

    def leasehold_in_shell(self, line):
        return subprocess.run(["sh", "-c", f"{LEASEHOLD} {line}"], env=self.environment, capture_output=True, text=True, timeout=60)

    # ---- what others wrote, on our terminal ----

    def test_names_that_would_steer_the_terminal_are_spelled_out(self):
        self.put_lease("g", {"holderIdentity": STEERS, "leaseDurationSeconds": 600, "renewTime": now_utc()})
        for words in (("status",), ("status", "g"), ("status", "-o", "wide"), ("status", "-A"), ("status", "g", "-o", "name"), ("wait", "g", "--for", "leader")):
            result = self.leasehold(*words)
            self.assertEqual(result.returncode, 0, (words, result.stderr))
            self.assertIn(STEERS_SHOWN, result.stdout, words)
            self.assertNotIn("\x1b", result.stdout, words)
        self.assertEqual(json.loads(self.leasehold("status", "g", "-o", "json").stdout)["holder"], STEERS)
        watch = self.spawn(LEASEHOLD, "watch", "g", stdout=subprocess.PIPE, text=True)
        self.assertIn(STEERS_SHOWN, watch.stdout.readline())
        result = self.leasehold("wait", "g", "--for", "none", "--timeout", "200ms")
        self.assertIn(STEERS_SHOWN, result.stderr)

    def test_a_lease_without_end_is_not_observed_for_ever(self):
        self.put_lease("g", {"holderIdentity": "x", "leaseDurationSeconds": 2**31 - 1, "renewTime": now_utc()})
        result = self.leasehold("status", "g", "--observe", "--timeout", "500ms", "-o", "json")
        self.assertEqual((result.returncode, json.loads(result.stdout)["validity"]), (0, "by-record"))
        self.assertIn("--timeout", result.stderr)

    def test_whose_locks_these_are(self):
        self.put_lease("theirs", {"holderIdentity": "x", "leaseDurationSeconds": 600, "renewTime": now_utc()})
        _, events = self.candidate("ours", "a")
        wait_for(lambda: self.saw(events, "started_leading") and self.holder("ours") == "a", "a to lead")
        rows = wait_for(lambda: (lambda r: r if r["ours"]["leasehold"] else None)(
            {row["name"]: row for row in map(json.loads, self.leasehold("status", "-o", "json").stdout.splitlines())}), "the mark")
        self.assertEqual((rows["ours"]["leasehold"], rows["theirs"]["leasehold"]), (True, False))
        lines = self.leasehold("status").stdout.splitlines()
        self.assertIn("leasehold", next(line for line in lines if line.startswith("ours")))
        self.assertIn("other", next(line for line in lines if line.startswith("theirs")))

    def test_wait_as_json(self):
        self.candidate("g", "a")
        event = json.loads(self.leasehold("wait", "g", "--for", "leader", "-o", "json").stdout)
        self.assertEqual((set(event), event["event"], event["holder"]), (KEYS, "new_leader", "a"))
        event = json.loads(self.leasehold("wait", "h", "--for", "none", "-o", "json").stdout)
        self.assertEqual((event["group"], event["holder"]), ("h", None))

    def test_standing_by_costs_next_to_nothing(self):
        self.put_lease("g", {"holderIdentity": "x", "leaseDurationSeconds": 600, "renewTime": now_utc()})
        processes = [self.candidate("g", "a")[0], self.spawn(LEASEHOLD, "watch", "g", stdout=subprocess.DEVNULL)]
        wait_for(lambda: all(pathlib.Path("/proc", str(p.pid), "fd").exists() and len(os.listdir(f"/proc/{p.pid}/fd")) > 5 for p in processes), "connections")
        before = [cpu_seconds(p.pid) for p in processes]
        time.sleep(3)
        for process, cpu in zip(processes, before):
            self.assertLess(cpu_seconds(process.pid) - cpu, 0.3)


if __name__ == "__main__":
    main()
