#!/usr/bin/env python3
"""`--status-file`: what it says through takeover, kill, handover and end, always whole, and never in the election's way."""
import ctypes
import datetime
import json
import os
import shutil
import signal
import stat
import struct
import subprocess

from cli_world import LEASEHOLD, SHORT, World, main, wait_for

NOTIFY_MOVED_TO = 0x80
NOTIFY = (NOTIFY_MOVED_TO, 0x2, 0x40, 0x100, 0x200)  # and IN_MODIFY, IN_MOVED_FROM, IN_CREATE, IN_DELETE
KEYS = {"group", "identity", "namespace", "lock", "lock_name", "state", "leading", "holder", "address", "fencing_token", "lock_uid", "term_begin",
        "valid_until", "observed", "pid"}


def moment(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


class StatusFile(World):
    def setUp(self):
        super().setUp()
        self.start_dev()

    def path(self, identity):
        return self.folder / f"{identity}.json"

    def state(self, identity):
        """What the file says; it is never half."""
        try:
            text = self.path(identity).read_text()
        except FileNotFoundError:
            return None
        self.assertTrue(text.endswith("\n"), text)
        return json.loads(text)

    def candidate_with_file(self, identity, command="candidate", group="g", more=(), **options):
        options.setdefault("stderr", subprocess.DEVNULL)
        return self.spawn(LEASEHOLD, command, group, "--identity", identity, *SHORT, "--status-file", self.path(identity), *more,
                          stdout=subprocess.DEVNULL, **options)

    def run_with_file(self, identity):
        return self.candidate_with_file(identity, "run", more=("--", "sleep", "1000"))

    def leads(self, identity):
        def condition():
            state = self.state(identity)
            return state if state and state["leading"] else None
        return wait_for(condition, f"{identity} to lead by its file")

    def follows(self, identity, holder):
        def condition():
            state = self.state(identity)
            return state if state and not state["leading"] and state["holder"] == holder else None
        return wait_for(condition, f"{identity} to name {holder} in its file")

    def test_takeover_and_resign(self):
        a = self.run_with_file("a")
        first = self.leads("a")
        self.assertEqual(set(first), KEYS)
        self.assertEqual((first["group"], first["identity"], first["namespace"], first["lock"], first["lock_name"]), ("g", "a", "default", "lease", "g"))
        self.assertEqual((first["state"], first["holder"], first["pid"]), ("leading", "a", a.pid))
        self.assertEqual(first["lock_uid"], self.lease("g")["metadata"]["uid"])
        self.assertGreater(moment(first["valid_until"]), moment(first["term_begin"]))
        # Each renewal moves the end, and not the begin.
        later = wait_for(lambda: (s := self.state("a"))["valid_until"] > first["valid_until"] and s, "a renewal in the file")
        self.assertEqual((later["term_begin"], later["fencing_token"]), (first["term_begin"], first["fencing_token"]))
        b = self.run_with_file("b")
        standby = self.follows("b", "a")
        self.assertEqual((standby["state"], standby["valid_until"], standby["pid"]), ("standby", None, b.pid))
        self.assertEqual(self.leasehold("resign", "g").returncode, 0)
        second = self.leads("b")
        self.assertGreater(int(second["fencing_token"]), int(first["fencing_token"]))
        self.assertEqual(self.follows("a", "b")["state"], "standby")

    def test_a_reader_never_finds_half_of_it(self):
        """The file comes about by renames alone: under its name nothing is ever created, written or missing."""
        libc = ctypes.CDLL(None, use_errno=True)
        watch = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.addCleanup(os.close, watch)
        self.assertGreaterEqual(libc.inotify_add_watch(watch, bytes(self.folder), sum(NOTIFY)), 0)
        self.candidate_with_file("a")
        first = self.leads("a")
        for _ in range(3):
            wait_for(lambda: self.state("a")["valid_until"] > first["valid_until"], "a renewal in the file")
            first = self.state("a")
        seen, events = [], os.read(watch, 1 << 20)
        while events:
            _, mask, _, size = struct.unpack_from("iIII", events)
            seen.append((events[16:16 + size].rstrip(b"\0").decode(), mask))
            events = events[16 + size:]
        of_file = [mask for name, mask in seen if name == "a.json"]
        self.assertGreaterEqual(len(of_file), 4)
        self.assertEqual(set(of_file), {NOTIFY_MOVED_TO})

    def test_the_end_is_told(self):
        process = self.run_with_file("a")
        self.leads("a")
        process.terminate()
        self.assertEqual(process.wait(30), 128 + signal.SIGTERM)
        last = self.state("a")
        self.assertEqual((last["state"], last["leading"], last["holder"], last["valid_until"]), ("stopped", False, None, None))
        self.assertFalse((self.folder / ".a.json.new").exists())

    def test_after_a_kill_the_end_in_the_file_passes(self):
        process = self.candidate_with_file("a")
        self.leads("a")
        process.kill()
        process.wait()
        stale = self.state("a")
        self.assertTrue(stale["leading"])
        wait_for(lambda: now() > moment(stale["valid_until"]), "the end of what the file says")
        self.assertEqual(self.state("a"), stale)
        again = self.candidate_with_file("a")
        wait_for(lambda: self.state("a")["pid"] == again.pid, "the next process's state")
        self.leads("a")

    def test_sidecar_and_umask(self):
        self.candidate_with_file("s", "sidecar", more=("--http", "127.0.0.1:0"), preexec_fn=lambda: os.umask(0o077))
        self.leads("s")
        self.assertEqual(stat.S_IMODE(self.path("s").stat().st_mode), 0o644)

    def test_one_of_several_groups(self):
        self.spawn(LEASEHOLD, "run", "--one-of", "x,y", "--identity", "a", *SHORT, "--status-file", self.path("a"), "--", "sleep", "1000",
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        state = self.leads("a")
        self.assertEqual(set(state), {"group", "leading", "groups", "observed", "pid"})
        self.assertEqual({g["group"] for g in state["groups"]}, {"x", "y"})
        self.assertEqual([g["group"] for g in state["groups"] if g["leading"]], [state["group"]])

    def test_a_file_that_cannot_be_written_stops_no_leader(self):
        folder = self.folder / "goes"
        folder.mkdir()
        complaints = self.folder / "complaints"
        process = self.spawn(LEASEHOLD, "candidate", "g", "--identity", "a", *SHORT, "--status-file", folder / "f", stdout=subprocess.DEVNULL,
                             stderr=open(complaints, "w"))
        wait_for(lambda: (folder / "f").exists() and json.loads((folder / "f").read_text())["leading"], "the file")
        shutil.rmtree(folder)
        wait_for(lambda: "cannot be written" in complaints.read_text(), "the warning")
        for _ in range(3):
            renewed = self.lease("g")["spec"]["renewTime"]
            wait_for(lambda: self.lease("g")["spec"]["renewTime"] != renewed, "a renewal")
        self.assertEqual(len(complaints.read_text().splitlines()), 1)
        folder.mkdir()
        wait_for(lambda: (folder / "f").exists() and json.loads((folder / "f").read_text())["leading"], "the file once more")
        self.assertIsNone(process.poll())

    def test_bad_input(self):
        link = self.folder / "link"
        link.symlink_to("/dev/null")
        for path, part in ((self.folder, "directory"), (self.folder / "none" / "f", "No such file"), ("", "no name"), ("/dev/null", "device"),
                           (link, "symbolic link"), (f"{self.folder}/", "no name"), ("/proc/f", "cannot be written"), (self.folder / ("n" * 300), "too long")):
            for words in (["candidate", "g"], ["sidecar", "g", "--http", "127.0.0.1:0"], ["run", "g"]):
                result = self.leasehold(*words, "--status-file", path, *(["--", "true"] if words[0] == "run" else []))
                self.assertEqual((result.returncode, result.stdout, len(result.stderr.splitlines())), (2, "", 1), (words, path, result.stderr))
                self.assertIn("--status-file", result.stderr)
                self.assertIn(part, result.stderr)
        self.assertTrue(link.is_symlink())


if __name__ == "__main__":
    main()
