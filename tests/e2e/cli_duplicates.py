#!/usr/bin/env python3
"""Two candidates of one name never both lead, and both say so; a restart waits, except where its local lock is free."""
import os
import signal
import subprocess
import time

from cli_world import LEASEHOLD, STAMPER, Workers, main, wait_for
from processes import kill_at_one_blow, signal_all, stat_of, tree_of

# So long that whoever works within a test's patience has not waited for it.
LONG = ["--lease-duration", "200s", "--renew-deadline", "100s", "--retry-period", "1s"]


class Duplicates(Workers):
    def setUp(self):
        super().setUp()
        self.lock = self.folder / "g.lock"

    def start(self, files, *command, flags=(), identity="a", **options):
        """A run as `identity` whose files begin with `files`; what it says on stderr is in FILES.log."""
        command = command or (STAMPER, self.folder / f"{files}.stamps")
        return self.spawn(LEASEHOLD, "run", "g", "--identity", identity, *flags, "--", *command, stderr=open(self.folder / f"{files}.log", "w"), **options)

    def says(self, files, *words):
        log = self.folder / f"{files}.log"
        try:
            wait_for(lambda: all(word in log.read_text() for word in words), f"{files} to say {words}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it said {log.read_text()!r}") from None

    def kill_all(self, process, but=()):
        """So that nobody can release."""
        kill_at_one_blow(process.pid, but)
        process.wait()

    def test_two_of_one_name_never_both_lead_and_both_say_so(self):
        short = ["--lease-duration", "4s", "--renew-deadline", "2s", "--retry-period", "500ms"]
        first = self.start("first", flags=short)
        self.works("first")
        self.start("second", flags=short)
        self.says("second", "which is our identity too")
        signal_all(tree_of(first.pid), signal.SIGSTOP)
        self.works("second")
        signal_all(tree_of(first.pid), signal.SIGCONT)
        self.says("first", "which is our identity too")
        self.assert_no_overlap("first", "second")

    def test_restart_waits_like_anybody_else(self):
        self.kill_all(self.started_and_works("first", LONG))
        self.start("second", flags=LONG)
        self.says("second", "wait if this is a restart")
        time.sleep(2)
        self.assertEqual(self.stamps("second"), [])

    def started_and_works(self, files, flags):
        process = self.start(files, flags=flags)
        self.works(files)
        return process

    def test_restart_that_finds_its_local_lock_free_does_not_wait(self):
        flags = [*LONG, "--local-lock", self.lock]
        for lock in ([], ["--lock", "configmap"]):
            files = "cm" if lock else "lease"
            for i in range(3):
                self.kill_all(self.started_and_works(f"{files}-{i}", [*flags, *lock]))
            self.assert_no_overlap(*(f"{files}-{i}" for i in range(3)))
        self.assertEqual(self.lease("g")["spec"]["leaseTransitions"], 0, "nobody else had it")

    def test_one_that_died_before_it_could_lead_hands_on_what_it_inherited(self):
        flags = [*LONG, "--local-lock", self.lock]
        self.kill_all(self.started_and_works("first", flags))
        self.fault(action="refuse", code=503, verb="update")
        second = self.start("second", flags=flags)
        wait_for(lambda: self.lock.read_text().count("nonce") == 2, "the second to name itself")
        self.kill_all(second)
        self.request("DELETE", "/leasehold/faults")
        self.start("third", flags=flags)
        self.works("third")

    def test_work_that_lives_on_holds_the_local_lock(self):
        flags = [*LONG, "--local-lock", self.lock]
        script = 'setsid sleep 1000 & echo $! >"$1"; wait'
        first = self.start("first", "sh", "-c", script, "sh", self.folder / "pid", flags=flags)
        orphan = int(wait_for(lambda: (self.folder / "pid").exists() and (self.folder / "pid").read_text(), "the work"))
        self.addCleanup(lambda: subprocess.run(["kill", "-9", str(orphan)], check=False))
        self.kill_all(first, but=[orphan])
        self.assertTrue(os.path.exists(f"/proc/{orphan}"))
        self.start("second", flags=flags)
        self.says("second", "is held", "which is our identity too")
        time.sleep(2)
        self.assertEqual(self.stamps("second"), [])

    def test_elector_that_dies_is_followed_at_once(self):
        run = self.started_and_works("first", [*LONG, "--local-lock", self.lock])
        before = self.stamps("first")[-1]
        elector = next(pid for pid in tree_of(run.pid) if stat_of(pid).parent == run.pid and self.has_connections(pid))
        os.kill(elector, signal.SIGKILL)
        wait_for(lambda: self.stamps("first")[-1][1] != before[1], "the next worker of the same run")
        self.assert_no_overlap("first")

    @staticmethod
    def has_connections(pid):
        """The elector has a connection to the API server; the keeper has only the socketpairs."""
        with open(f"/proc/{pid}/net/tcp") as table:
            inodes = {line.split()[9] for line in table.read().splitlines()[1:]}
        names = (os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
        return any(name == f"socket:[{inode}]" for name in names for inode in inodes)

    def test_bad_input(self):
        for value, part in ((self.folder / "no" / "g.lock", "folder"), (self.folder, "cannot be opened"), ("fd:7", "name a file"), ("/dev/null", "regular file")):
            result = self.leasehold("run", "g", "--identity", "a", "--local-lock", value, "--", "true")
            self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1), (value, result.stderr))
            self.assertIn(part, result.stderr)
        result = self.leasehold("candidate", "g", "--identity", "a", "--local-lock", self.folder / "no" / "g.lock")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("folder", result.stderr)
        self.assertEqual(self.leasehold("status", "g").returncode, 4, "nothing stood for election")


if __name__ == "__main__":
    main()
