#!/usr/bin/env python3
"""`leasehold run` end to end: a worker runs only where its candidate leads, and two never at once."""
import json
import os
import signal
import subprocess
import time

from cli_world import KEYS, LEASEHOLD, SHORT, STAMPER, Workers, main, read_events, wait_for
from processes import name_of, signal_all, tree_of


class Run(Workers):
    def test_worker_finds_its_term_in_the_environment(self):
        result = self.leasehold("run", "g", "--identity", "a", "--", "sh", "-c",
                                'echo "$LEASEHOLD_GROUP $LEASEHOLD_IDENTITY $LEASEHOLD_NAMESPACE $LEASEHOLD_FENCING_TOKEN $LEASEHOLD_LOCK_UID"')
        self.assertEqual(result.returncode, 0, result.stderr)
        group, identity, namespace, token, uid = result.stdout.split()
        self.assertEqual((group, identity, namespace), ("g", "a", "default"))
        self.assertGreater(int(token), 0)
        self.assertEqual(uid, self.lease("g")["metadata"]["uid"])
        self.assertEqual(self.lease("g")["spec"]["holderIdentity"], "", "released after the worker's end")

    def test_exit_codes(self):
        for script, code in (("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 128 + 9)):
            self.assertEqual(self.leasehold("run", "g", "--", "sh", "-c", script).returncode, code, script)
        self.assertEqual(self.leasehold("run", "g", "--", "/no/such/command").returncode, 127)
        self.assertEqual(self.leasehold("run", "g", "--", "/etc/passwd").returncode, 126)
        self.assertEqual(self.leasehold("run", "g").returncode, 2)

    def test_stdin_and_stdout_are_the_workers(self):
        process = self.spawn(LEASEHOLD, "run", "g", "--", "cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        output, _ = process.communicate("hello\n", timeout=60)
        self.assertEqual((process.returncode, output), (0, "hello\n"))

    def test_standby_told_to_stop_ends_with_0(self):
        self.run_worker("a")
        self.works("a")
        standby = self.run_worker("b")
        wait_for(lambda: any(e["event"] == "new_leader" and e["holder"] == "a" for e in self.events("b")), "b to know a")
        standby.terminate()
        self.assertEqual(standby.wait(30), 0)
        self.assertEqual(self.stamps("b"), [])

    def test_handover_drains_while_the_lease_is_kept(self):
        drains = "trap 'sleep 1; echo drained >>$1; exit 0' TERM; echo up >>$1; while :; do sleep 0.05; done"
        first = self.run_worker("a", "sh", "-c", drains, "sh", self.folder / "a.log")
        wait_for(lambda: (self.folder / "a.log").exists(), "a's worker")
        self.run_worker("b")
        wait_for(lambda: self.events("b"), "b to stand")
        first.terminate()
        self.assertEqual(first.wait(30), 0)
        self.assertEqual((self.folder / "a.log").read_text(), "up\ndrained\n")
        self.works("b")
        stopped = next(e for e in self.events("a") if e["event"] == "stopped_leading")
        started = next(e for e in self.events("b") if e["event"] == "started_leading")
        self.assertGreater(started["boottime_ns"], stopped["boottime_ns"])
        for event in self.events("a") + self.events("b"):
            self.assertEqual(set(event), KEYS)

    def test_the_environment_cannot_release_under_a_draining_worker(self):
        self.environment["LEASEHOLD_CONFIRM_STOP"] = "no"
        drains = "trap 'sleep 1; date +%s%N >>$1; exit 0' TERM; echo up >>$1; while :; do sleep 0.05; done"
        first = self.run_worker("a", "sh", "-c", drains, "sh", self.folder / "a.log")
        wait_for(lambda: (self.folder / "a.log").exists(), "a's worker")
        self.run_worker("b", "sh", "-c", "date +%s%N >$0; exec sleep 60", self.folder / "b.log")
        wait_for(lambda: self.events("b"), "b to stand")
        first.terminate()
        self.assertEqual(first.wait(30), 0)
        wait_for(lambda: (self.folder / "b.log").exists() and (self.folder / "b.log").read_text(), "b's worker")
        drained = int((self.folder / "a.log").read_text().split()[1])
        self.assertGreater(int((self.folder / "b.log").read_text()), drained, "two workers at once")

    def test_term_lost_before_its_work_was_started(self):
        """The keeper sleeps through the time in which it may start the work, then the lock is lost; it wakes before that, and after."""
        for wakes_before in (True, False):
            group = identity = "early" if wakes_before else "late"
            self.put_lease(group, {"holderIdentity": "x", "leaseDurationSeconds": 2})
            process = self.run_worker(identity, group=group)
            keeper = wait_for(lambda: next((p for p in tree_of(process.pid) if name_of(p) == "keeper"), None), "the keeper")
            wait_for(lambda: self.events(identity), "the election")
            os.kill(keeper, signal.SIGSTOP)
            wait_for(lambda: any(e["event"] == "started_leading" for e in self.events(identity)), "the term")
            time.sleep(1.5)
            rule = self.fault(action="hang", resource="leases", name=group, verb=["get", "update"])["rules"][-1]["id"]
            if wakes_before:
                os.kill(keeper, signal.SIGCONT)
            wait_for(lambda: any(e["event"] == "stop_work" for e in self.events(identity)), "the loss")
            if not wakes_before:
                os.kill(keeper, signal.SIGCONT)
            self.assertEqual(self.stamps(identity), [])
            self.request("DELETE", f"/leasehold/faults/{rule}")
            self.works(identity)

    def test_keeper_stopped_on_standby(self):
        """It cannot start the work it is asked for: it and the election are started anew, and the lock does not stay without work."""
        first = self.run_worker("a")
        self.works("a")
        standby = self.run_worker("b")
        wait_for(lambda: self.events("b"), "b to stand")
        keeper = next(p for p in tree_of(standby.pid) if name_of(p) == "keeper")
        os.kill(keeper, signal.SIGSTOP)
        first.terminate()
        first.wait(30)
        self.works("b")
        self.assertIsNone(name_of(keeper))
        self.assert_no_overlap("a", "b")

    def test_worker_that_ignores_term_is_killed_after_the_drain_timeout(self):
        process = self.run_worker("a", STAMPER, self.folder / "a.stamps", "--ignore-term", flags=["--drain-timeout", "500ms"])
        self.works("a")
        process.terminate()
        self.assertEqual(process.wait(30), 128 + 9)

    def test_kill_of_the_whole_tree_costs_a_lease(self):
        first = self.run_worker("a")
        self.works("a")
        self.run_worker("b")
        wait_for(lambda: self.events("b"), "b to stand")
        signal_all(tree_of(first.pid), signal.SIGKILL)
        self.works("b")
        self.assert_no_overlap("a", "b")

    def test_freeze_of_the_whole_tree(self):
        first = self.run_worker("a")
        self.works("a")
        self.run_worker("b")
        wait_for(lambda: self.events("b"), "b to stand")
        pids = tree_of(first.pid)
        self.addCleanup(signal_all, pids, signal.SIGCONT)
        signal_all(pids, signal.SIGSTOP)
        at, _ = self.works("b")
        signal_all(pids, signal.SIGCONT)
        # a stands again after the thaw; while b works, its old worker must not have come back.
        self.works("b", at + 2_000_000_000)
        self.assert_no_overlap("b")
        self.assertLess(max(s[0] for s in self.stamps("a")), at)

    def test_api_that_answers_no_more(self):
        self.run_worker("a")
        self.works("a")
        os.kill(self.dev.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, self.dev.pid, signal.SIGCONT)
        wait_for(lambda: any(e["event"] == "stopped_leading" and e["reason"] == "renew_deadline" for e in self.events("a")), "a to stop")
        last = self.stamps("a")[-1][0]
        os.kill(self.dev.pid, signal.SIGCONT)
        self.works("a", last)
        tokens = [int(e["fencing_token"]) for e in self.events("a") if e["event"] == "started_leading"]
        self.assertEqual(tokens, sorted(set(tokens)))
        self.assertEqual(len(tokens), 2)

    def test_refused_renewals_stop_the_worker(self):
        self.run_worker("a", flags=["--user-agent", "candidate-a"])
        self.works("a")
        self.run_worker("b")
        wait_for(lambda: self.events("b"), "b to stand")
        self.fault(action="refuse", code=403, user_agent="candidate-a", verb="update")
        self.works("b")
        self.assert_no_overlap("a", "b")

    def test_answers_lost_after_the_write_was_applied(self):
        self.run_worker("a", flags=["--user-agent", "candidate-a"])
        self.works("a")
        before = self.lease("g")["spec"]["renewTime"]
        self.fault(action="drop_answer", user_agent="candidate-a", verb="update", count=3)
        wait_for(lambda: self.lease("g")["spec"]["renewTime"] > before and self.request("GET", "/leasehold/faults")["rules"][0]["hits"] >= 3, "three lost answers")
        self.works("a", self.stamps("a")[-1][0])
        self.assertFalse([e for e in self.events("a") if e["event"] == "stop_work"], "a read-back proves the renewal")

    def test_lock_deleted_under_a_working_leader(self):
        self.run_worker("a")
        self.works("a")
        self.run_worker("b")
        wait_for(lambda: self.events("b"), "b to stand")
        self.request("DELETE", "/apis/coordination.k8s.io/v1/namespaces/default/leases/g")
        wait_for(lambda: any(e["event"] == "stopped_leading" and e["reason"] == "lost" for e in self.events("a")), "a to lose")
        wait_for(lambda: len([e for n in "ab" for e in self.events(n) if e["event"] == "started_leading"]) >= 2, "the next term")
        self.assert_no_overlap("a", "b")

    def test_once_ends_with_75_after_a_loss(self):
        process = self.run_worker("a", flags=["--once", "--user-agent", "candidate-a"])
        self.works("a")
        self.fault(action="refuse", code=500, user_agent="candidate-a", verb="update")
        self.assertEqual(process.wait(60), 75)

    def test_events_to_a_descriptor(self):
        read_end, write_end = os.pipe()
        process = self.spawn(LEASEHOLD, "run", "g", "--events", f"fd:{write_end}", "-o", "json", "--", "sh", "-c", f"ls /proc/self/fd >{self.folder}/fds",
                             pass_fds=[write_end])
        os.close(write_end)
        with os.fdopen(read_end) as events:
            names = [json.loads(line)["event"] for line in events]
        self.assertEqual(process.wait(30), 0)
        self.assertIn("started_leading", names)
        self.assertIn("stopped_leading", names)
        self.assertNotIn(str(write_end), (self.folder / "fds").read_text().split(), "our descriptors are not the worker's")

    def test_a_full_disk_for_events_does_not_stop_the_worker(self):
        result = self.leasehold("run", "g", "--events", "/dev/full", "--", "true")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("cannot write events", result.stderr)


if __name__ == "__main__":
    main()
