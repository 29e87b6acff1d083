#!/usr/bin/env python3
"""candidate, status, watch, wait, version, help: against the embedded API server."""
import json
import resource
import signal
import subprocess

from cli_world import KEYS, LEASEHOLD, World, main, read_events, wait_for


class Commands(World):
    def setUp(self):
        super().setUp()
        self.start_dev()

    def test_version_and_help(self):
        self.assertRegex(self.leasehold("version").stdout, r"^leasehold \d+\.\d+\.\d+\n$")
        self.assertIn("run", self.leasehold("help").stdout)
        for command in ("run", "candidate", "status", "watch", "members", "wait", "dev", "sidecar"):
            for words in ([command, "--help"], ["help", command]):
                result = self.leasehold(*words)
                self.assertEqual((result.returncode, result.stderr), (0, ""), words)
                self.assertIn(command, result.stdout)
        result = self.leasehold("statsu")
        self.assertEqual(result.returncode, 2)
        self.assertIn("did you mean 'status'?", result.stderr)
        self.assertEqual(self.leasehold().returncode, 2)

    def test_candidates_tell_one_story_and_hand_over(self):
        first, first_events = self.candidate("g", "a")
        started = wait_for(lambda: self.saw(first_events, "started_leading"), "a to lead")
        second, second_events = self.candidate("g", "b")
        wait_for(lambda: self.saw(second_events, "new_leader", holder="a"), "b to know a")
        self.assertIsNone(self.saw(second_events, "started_leading"))
        first.send_signal(signal.SIGTERM)
        self.assertEqual(first.wait(20), 0)
        later = wait_for(lambda: self.saw(second_events, "started_leading"), "b to lead")
        for event in first_events() + second_events():
            self.assertEqual(set(event), KEYS)
            self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        stopped = self.saw(first_events, "stopped_leading", reason="closed")
        self.assertGreater(later["boottime_ns"], stopped["boottime_ns"])
        self.assertGreater(int(later["fencing_token"]), int(started["fencing_token"]))
        self.assertEqual(later["lock_uid"], started["lock_uid"])

    def test_candidate_prints_text_by_default(self):
        process = self.spawn(LEASEHOLD, "candidate", "g", "--identity", "a", stdout=subprocess.PIPE, text=True)
        self.assertIn("g:", process.stdout.readline())

    def test_status(self):
        result = self.leasehold("status", "g")
        self.assertEqual(result.returncode, 4, result.stderr)
        self.assertIn("lease/g", result.stderr)
        _, events = self.candidate("g", "a")
        started = wait_for(lambda: self.saw(events, "started_leading"), "a to lead")
        result = self.leasehold("status", "g", "-o", "json")
        self.assertEqual(result.returncode, 0, result.stderr)
        row = json.loads(result.stdout)
        self.assertEqual((row["holder"], row["leader"], row["valid"], row["validity"]), ("a", "a", True, "by-record"))
        self.assertEqual((row["lock"], row["namespace"], row["name"], row["lease_duration_s"], row["transitions"]), ("lease", "default", "g", 4.0, 0))
        self.assertEqual(row["lock_uid"], started["lock_uid"])
        self.assertLess(row["last_renewal_age_s"], 4)
        self.assertEqual(self.leasehold("status", "g", "-o", "name").stdout, "a\n")
        self.assertIn("a", self.leasehold("status", "g", "-o", "wide").stdout)
        observed = self.leasehold("status", "g", "--observe", "-o", "json")
        self.assertEqual((observed.returncode, json.loads(observed.stdout)["validity"]), (0, "observed"))

    def test_status_of_a_released_and_of_an_expired_lock(self):
        process, events = self.candidate("g", "a")
        wait_for(lambda: self.saw(events, "started_leading"), "a to lead")
        process.terminate()
        process.wait(20)
        self.assertEqual(self.leasehold("status", "g").returncode, 3)
        self.put_lease("old", {"holderIdentity": "x", "leaseDurationSeconds": 2, "renewTime": "2020-01-01T00:00:00.000000Z"})
        result = self.leasehold("status", "old", "-o", "json")
        self.assertEqual((result.returncode, json.loads(result.stdout)["leader"]), (3, None))
        # Its stamp is old, but nobody has watched it for its lease yet.
        observed = self.leasehold("status", "old", "--observe", "-o", "json")
        self.assertEqual((observed.returncode, json.loads(observed.stdout)["validity"]), (3, "observed"))

    def test_status_lists_all_locks(self):
        self.put_lease("one", {"holderIdentity": "x"})
        self.put_lease("two", {})
        rows = [json.loads(line) for line in self.leasehold("status", "-o", "json").stdout.splitlines()]
        self.assertEqual(sorted(row["name"] for row in rows), ["one", "two"])
        result = self.leasehold("status", "-A")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("default", result.stdout)
        self.assertEqual(self.leasehold("status", "g", "-A").returncode, 2)

    def test_watch_tells_the_present_and_reconnects(self):
        _, events = self.candidate("g", "a")
        wait_for(lambda: self.saw(events, "started_leading"), "a to lead")
        path = self.folder / "watch.events"
        watch = self.spawn(LEASEHOLD, "watch", "g", "h", "-o", "json", stdout=open(path, "w"))
        seen = lambda: read_events(path)
        wait_for(lambda: self.saw(seen, "new_leader", group="g", holder="a"), "the present leader")
        self.fault(action="restart", ms=300)
        wait_for(self.is_up, "the server to be back")
        _, more = self.candidate("h", "c")
        wait_for(lambda: self.saw(seen, "new_leader", group="h", holder="c"), "the leader of h")
        watch.terminate()
        self.assertEqual(watch.wait(20), 0)

    def test_watch_without_a_group_finds_what_there_is_and_what_comes(self):
        self.put_lease("other", {"holderIdentity": "x"})
        for lock in ("lease", "configmap"):
            names = [f"{lock}-{i}" for i in range(3)]
            settings = ("--lock", lock, "--lease-duration", "5s", "--renew-deadline", "3s", "--renew-interval", "1s", "--retry-period", "1s")
            for name in names[:2]:
                self.candidate(name, name.upper(), *settings)
            path = self.folder / f"{lock}.found"
            listed = lambda: {json.loads(line)["group"] for line in self.leasehold("status", "--lock", lock, "-o", "json").stdout.splitlines()}
            wait_for(lambda: listed() >= set(names[:2]), "both locks")
            watch = self.spawn(LEASEHOLD, "watch", "--lock", lock, "-o", "json", stdout=open(path, "w"))
            for name in names:
                wait_for(lambda: self.saw(lambda: read_events(path), "new_leader", group=name, holder=name.upper()), f"the leader of {name}")
                if name == names[1]:
                    self.candidate(names[2], names[2].upper(), *settings)
            watch.terminate()
            self.assertEqual(watch.wait(20), 0)

    def test_a_server_needs_no_kubeconfig(self):
        del self.environment["KUBECONFIG"]
        self.assertEqual(self.leasehold("status", "g").returncode, 1)
        self.candidate("g", "a", "--server", self.url)
        status = lambda: json.loads(self.leasehold("status", "g", "--server", self.url, "-o", "json").stdout or "{}").get("leader")
        wait_for(lambda: status() == "a", "a to lead")
        rows = self.leasehold("status", "--server", self.url, "-o", "name").stdout
        self.assertEqual(rows, "a\n")
        self.environment["LEASEHOLD_SERVER"] = self.url
        self.assertEqual(self.leasehold("status", "g").returncode, 0)

    def test_camels_names_say_where_the_server_is(self):
        del self.environment["KUBECONFIG"]
        config = self.folder / "camel.properties"
        config.write_text(f"masterUrl = {self.url}\noauthToken = SECRET\ntrustCerts = true\npodName = camel-0\n")
        path = self.folder / "camel.events"
        self.spawn(LEASEHOLD, "candidate", "g", "--config", config, "-o", "json", stdout=open(path, "w"))
        wait_for(lambda: self.saw(lambda: read_events(path), "started_leading", identity="camel-0"), "camel-0 to lead")
        self.assertEqual(self.leasehold("status", "--config", config, "-o", "name").stdout, "camel-0\n")

    def test_secrets_stay_secret(self):
        for flags in (("--token", "SE\tCRET"), ("--server", "https://me:SECRET@127.0.0.1:1"), ("--server", self.url, "--username", "a:b", "--password", "SECRET"),
                      ("--server", self.url, "--token", "SECRET", "--username", "me"), ("--server", self.url, "--client-key-data", "SECRET")):
            result = self.leasehold("status", "g", *flags)
            self.assertNotEqual(result.returncode, 0, flags)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertNotIn("CRET", result.stderr)
        self.assertIn("yes or no", self.leasehold("status", "g", "--insecure-skip-tls-verify=perhaps").stderr)
        self.assertNotEqual(self.leasehold("status", "g", "--server", self.url, "--insecure-skip-tls-verify").returncode, 2)

    def is_up(self):
        try:
            return self.lease("g")
        except OSError:
            return None

    def test_install_copies_the_program_whole_or_not_at_all(self):
        there = self.folder / "there"
        for _ in range(2):  # the second replaces the first
            self.assertEqual(self.leasehold("install", there).returncode, 0)
            said = subprocess.run([there, "version"], capture_output=True, text=True, timeout=60, env=self.environment)
            self.assertRegex(said.stdout, r"^leasehold ")
            there.write_text("#!/bin/sh\nexec false\n")
        for words, code, part in (([], 2, "one FILE"), ([there, there], 2, "one FILE"), ([self.folder], 2, "no file"),
                                  ([self.folder / "none" / "there"], 1, "folder must be there"), (["/dev/null"], 2, "no file")):
            result = self.leasehold("install", *words)
            self.assertEqual((result.returncode, len(result.stderr.splitlines())), (code, 1), words)
            self.assertIn(part, result.stderr)
        # No room for all of it: what was there stays, and nothing is left over.
        files = set(self.folder.iterdir())
        result = self.leasehold("install", there, preexec_fn=lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))))
        self.assertEqual((result.returncode, "File too large" in result.stderr), (1, True), result.stderr)
        self.assertEqual((there.read_text(), set(self.folder.iterdir())), ("#!/bin/sh\nexec false\n", files))

    def test_wait(self):
        result = self.leasehold("wait", "g", "--for", "leader", "--timeout", "300ms")
        self.assertEqual(result.returncode, 1)
        self.assertIn("nobody leads", result.stderr)
        self.assertEqual(self.leasehold("wait", "g", "--for", "none", "--timeout", "20s").returncode, 0)
        waiting = self.spawn(LEASEHOLD, "wait", "g", "--for", "holder=a", "--timeout", "50s", stdout=subprocess.PIPE, text=True)
        self.candidate("g", "a")
        self.assertEqual(waiting.wait(50), 0)
        self.assertEqual(waiting.stdout.read(), "a\n")
        self.assertEqual(self.leasehold("wait", "g", "--for", "leader").stdout, "a\n")

    def test_settings_come_from_flags_then_environment_then_file(self):
        config = self.folder / "settings"
        config.write_text("# a comment\nidentity = from-file\nlease-duration = 6s\nrenew-deadline = 3s\nretry-period = 500ms\n")
        self.environment.update(LEASEHOLD_CONFIG=str(config), LEASEHOLD_PORT="tcp://10.0.0.1:80", LEASEHOLD_SERVICE_HOST="10.0.0.1")
        for name, flags, environment in (("from-file", [], {}), ("from-environment", [], {"LEASEHOLD_IDENTITY": "from-environment"}),
                                         ("from-flag", ["--identity", "from-flag"], {"LEASEHOLD_IDENTITY": "from-environment"})):
            self.environment.update(environment)
            path = self.folder / f"{name}.events"
            process = self.spawn(LEASEHOLD, "candidate", name, *flags, "-o", "json", stdout=open(path, "w"))
            event = wait_for(lambda: self.saw(lambda: read_events(path), "started_leading"), f"{name} to lead")
            self.assertEqual(event["identity"], name)
            self.assertEqual(self.lease(name)["spec"]["leaseDurationSeconds"], 6)
            process.terminate()
            process.wait(20)

    def test_dev_runs_a_command(self):
        result = self.leasehold("dev", "--", "sh", "-c", 'test -f "$KUBECONFIG" && exit 7')
        self.assertEqual(result.returncode, 7, result.stderr)
        result = self.leasehold("dev", "--", LEASEHOLD, "status", "g")
        self.assertEqual(result.returncode, 4, result.stderr)

    def test_what_others_wrote_survives(self):
        self.put_lease("kept", {"holderIdentity": "", "leaseDurationSeconds": 1}, {"note": "mine"})
        process, events = self.candidate("kept", "a")
        wait_for(lambda: self.saw(events, "started_leading"), "a to lead")
        self.request("PATCH", "/apis/coordination.k8s.io/v1/namespaces/default/leases/kept",
                     {"metadata": {"labels": {"x": "y"}, "finalizers": ["example.com/f"]}}, "application/merge-patch+json")
        before = self.lease("kept")["spec"]["renewTime"]
        wait_for(lambda: self.lease("kept")["spec"]["renewTime"] != before, "a renewal after the label")
        self.assertEqual(self.saw(events, "stopped_leading"), None)
        process.terminate()
        process.wait(20)
        metadata = self.lease("kept")["metadata"]
        self.assertEqual((metadata["annotations"]["note"], metadata["labels"], metadata["finalizers"]), ("mine", {"x": "y"}, ["example.com/f"]))
        self.assertEqual(json.loads(metadata["annotations"]["leasehold.dev/term"])["released"], True)

    def test_a_full_disk_is_no_success(self):
        with open("/dev/full", "w") as full:
            for words in (["status", "-o", "json"], ["version"], ["help"]):
                self.put_lease(f"x{len(words)}", {}) if words[0] == "status" else None
                process = self.spawn(LEASEHOLD, *words, stdout=full, stderr=subprocess.PIPE, text=True)
                self.assertNotEqual(process.wait(20), 0, words)
                self.assertIn("cannot write", process.stderr.read())


if __name__ == "__main__":
    main()
