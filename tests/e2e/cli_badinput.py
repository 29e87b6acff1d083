#!/usr/bin/env python3
"""Bad input: a clear sentence and an exit code, no crash, no busy loop, nobody's data lost."""
import json
import os
import subprocess
import time

from cli_world import CPU_SHARE, LEASEHOLD, Strange, World, cpu_seconds, kubeconfig_for, main, strange_server, wait_for

LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"


class CommandLine(World):
    """What is refused before any server is asked."""

    def refused(self, *words, code=2, says=()):
        result = self.leasehold(*words)
        self.assertEqual(result.returncode, code, (words, result.stderr))
        self.assertEqual(result.stdout, "")
        sentences = result.stderr.strip().split("\n")
        self.assertEqual(len(sentences), 1, result.stderr)
        for part in says:
            self.assertIn(part, sentences[0])

    def test_words_that_are_none(self):
        self.refused("candidate", says=["wants one GROUP"])
        self.refused("candidate", "g", "h", says=["wants one GROUP"])
        self.refused("candidate", "g", "--no-such", says=["--no-such"])
        self.refused("candidate", "g", "--port", "1", says=["--port"])
        self.refused("candidate", "g", "--identity", says=["--identity", "wants a value"])
        self.refused("candidate", "g", "-o", "yaml", says=["yaml", "text, json"])
        self.refused("status", "g", "-o", "yaml", says=["yaml", "wide"])
        self.refused("run", "g", "true", says=["behind --"])
        self.refused("wait", "g", says=["--for"])
        self.refused("wait", "g", "--for", "rain", says=["rain", "holder=NAME"])
        self.refused("wait", "g", "--for", "leader", "--timeout", "5", says=["timeout", "unit"])
        self.refused("watch", "g", "--", "true", says=["runs no command"])

    def test_settings(self):
        run = lambda *flags: ("run", "g", *flags, "--", "true")
        self.refused(*run("--lease-duration", "15"), says=["lease-duration", "15", "unit"])
        self.refused(*run("--lease-duration", "15.5s"), says=["lease-duration", "15.5s"])
        self.refused(*run("--lease-duration", "1s"), says=["lease-duration", "1s", "2s"])
        self.refused(*run("--lease-duration", "10s"), says=["lease-duration", "10s", "renew-deadline"])
        self.refused(*run("--renew-deadline", "-1s"), says=["renew-deadline"])
        self.refused(*run("--retry-period", "9s"), says=["retry-period", "9s"])
        self.refused(*run("--jitter", "0.5"), says=["jitter", "0.5"])
        self.refused(*run("--jitter", "x"), says=["jitter", "x"])
        self.refused(*run("--renew-deadline", "14s", "--stop-timeout", "1s"), says=["14s", "0.2s", "1s", "15s", "13.2s"])
        self.refused(*run("--lock", "stone"), says=["lock", "stone", "lease"])
        self.refused(*run("--clock-rate-error", "80%"), says=["clock-rate-error", "80%"])
        self.refused(*run("--identity", "x" * 254), says=["identity"])
        self.refused(*run("--stop-signal", "NOISE"), says=["stop-signal", "NOISE"])
        self.refused(*run("--drain-timeout", "soon"), says=["drain-timeout", "soon"])
        self.refused(*run("--events", "/no/such/folder/events"), says=["/no/such/folder/events"])
        self.refused(*run("--events", "fd:999"), says=["fd:999"])

    def test_names_of_groups(self):
        for name in ("", "A", "a_b", ".a", "a-", "a..b", "a/b", "a b", "ä", "x" * 254, "../etc", "a\nb"):
            self.refused("run", name, "--", "true", says=["group"])
            self.refused("candidate", name, "--kubeconfig", kubeconfig_for(self.folder, 1), says=["group"])

    def test_settings_in_environment_and_file(self):
        self.environment["LEASEHOLD_LEASE_DURATION"] = "15"
        self.refused("candidate", "g", says=["LEASEHOLD_LEASE_DURATION", "15"])
        del self.environment["LEASEHOLD_LEASE_DURATION"]
        config = self.folder / "settings"
        for text, says in (("lease-duration = 15\n", "lease-duration"), ("no-such = 1\n", "no-such"), ("lease-duration\n", "lease-duration"), ("\x00\xff", "zero byte")):
            config.write_bytes(text.encode("latin-1"))
            self.refused("candidate", "g", "--config", config, says=[str(config), says])
        self.refused("candidate", "g", "--config", self.folder, says=[str(self.folder)])
        self.refused("candidate", "g", "--config", "/no/such/file", says=["/no/such/file"])

    def test_kubeconfigs(self):
        self.refused("candidate", "g", code=1, says=["kubeconfig"])
        self.refused("candidate", "g", "--kubeconfig", "/no/such/file", code=1, says=["/no/such/file"])
        path = self.folder / "bad"
        for text in ("", "a: [", "- a", "apiVersion: v1\n", "current-context: x\n", "\x00", "&a [*a]", "a: &a [*a, *a]\n" * 3):
            path.write_text(text)
            self.refused("candidate", "g", "--kubeconfig", path, code=1, says=[str(path)])
        path.write_text(json.dumps({"current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "c"}}],
                                    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1", "certificate-authority": "/no/such/ca.crt"}}]}))
        self.refused("candidate", "g", "--kubeconfig", path, code=1, says=["/no/such/ca.crt"])
        self.refused("candidate", "g", "--kubeconfig", path, "--context", "nowhere", code=1, says=["nowhere"])

    def test_run_says_125_for_a_failure_of_its_own(self):
        result = self.leasehold("run", "g", "--kubeconfig", "/no/such/file", "--", "true")
        self.assertEqual(result.returncode, 125, result.stderr)
        self.assertIn("/no/such/file", result.stderr)


class Servers(World):
    """Servers that are none. A candidate goes on trying, says why, and spends next to nothing on it."""

    def candidate_says(self, kubeconfig, *says, requests=None, seconds=2.0, most=40):
        process = self.spawn(LEASEHOLD, "candidate", "g", "--kubeconfig", kubeconfig, "-o", "json", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        os.set_blocking(process.stdout.fileno(), False)
        seen = []

        def warned():
            seen.extend(process.stdout.readlines())
            return any(all(part in line for part in says) for line in seen if '"warning"' in line)
        wait_for(warned, f"a warning that says {says}, not {seen}")
        before, asked = cpu_seconds(process.pid), requests() if requests else 0
        time.sleep(seconds)
        self.assertIsNone(process.poll(), "it goes on trying")
        self.assertLess(cpu_seconds(process.pid) - before, CPU_SHARE * seconds, "no busy loop")
        if requests:
            self.assertLess(requests() - asked, most * seconds, "no storm of requests")
        self.assertFalse(any("started_leading" in line for line in seen))
        process.terminate()
        process.wait(20)

    def strange(self, answer, *says):
        server = strange_server(answer)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.candidate_says(kubeconfig_for(self.folder, server.server_port), *says, requests=lambda: server.requests)

    def test_nobody_listens(self):
        self.candidate_says(kubeconfig_for(self.folder, 1), "127.0.0.1:1")

    def test_a_web_server(self):
        self.strange(lambda h: h.say(200, "text/html", b"<html>hello</html>"), "lease")
        self.strange(lambda h: h.say(404, "text/html", b"<html>no such page</html>"), "404")

    def test_json_of_something_else(self):
        self.strange(lambda h: h.say(200, "application/json", b"[]"), "lease")
        self.strange(lambda h: h.say(200, "application/json", b'{"kind":"Pod"}'), "lease")
        self.strange(lambda h: h.say(200, "application/json", b'{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"uid":7}}'), "lease")

    def test_ten_megabytes(self):
        self.strange(lambda h: h.say(200, "application/json", b" " * 10_000_000), "lease")

    def test_drop_by_drop(self):
        def answer(h):
            h.send_response(200)
            h.send_header("Content-Length", "1000")
            h.end_headers()
            try:
                for _ in range(1000):
                    h.wfile.write(b" ")
                    time.sleep(0.02)
            except OSError:
                pass
        self.strange(answer, "GET")

    def test_unauthorized_and_internal_error(self):
        self.strange(lambda h: h.say(401, "application/json", b'{"kind":"Status","apiVersion":"v1","code":401,"reason":"Unauthorized","message":"Unauthorized"}'), "401")
        self.strange(lambda h: h.say(500, "text/plain", b"no"), "500")


class Rights(World):
    def setUp(self):
        super().setUp()
        self.start_dev()

    def test_forbidden_names_verb_resource_and_rule(self):
        for verb in ("get", "create"):
            self.fault(action="refuse", code=403, verb=verb, user_agent=f"tester-{verb}")
            _, events = self.candidate(f"forbidden-{verb}", f"a-{verb}", "--user-agent", f"tester-{verb}")
            event = wait_for(lambda: self.saw(events, "warning"), "a warning")
            for part in (verb, "leases", "coordination.k8s.io", "Role"):
                self.assertIn(part, event["reason"])

    def test_status_and_wait_that_are_forbidden(self):
        self.fault(action="refuse", code=403, user_agent="tester")
        for words, says in ((["status", "g"], ['"get"', "Role"]), (["status"], ['"list"', "Role", "namespace default"]), (["status", "-A"], ['"list"', "ClusterRole", "all namespaces"]),
                            (["wait", "g", "--for", "none", "--timeout", "500ms"], ["nothing is known", "Role"])):
            result = self.leasehold(*words, "--user-agent", "tester")
            self.assertEqual((result.returncode, result.stdout), (1, ""), words)
            for part in (*says, "leases", "coordination.k8s.io"):
                self.assertIn(part, result.stderr, words)

    def test_garbage_in_every_field_of_the_lock(self):
        good = {"holderIdentity": "x", "leaseDurationSeconds": 2, "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:00.000000Z"}
        marks = ["", "{", "[]", '{"holder":7}', "x" * 100_000]
        for number, mark in enumerate(marks):
            self.put_lease(f"garbage-{number}", good, {"leasehold.dev/term": mark, "note": "kept"})
            _, events = self.candidate(f"garbage-{number}", f"g{number}")
            wait_for(lambda: self.saw(events, "started_leading"), "the stranger's lease to run out")
            lease = self.lease(f"garbage-{number}")
            self.assertEqual(lease["metadata"]["annotations"]["note"], "kept")
            self.assertEqual(lease["spec"]["holderIdentity"], f"g{number}")

    def test_a_holder_of_an_older_time_is_waited_out(self):
        self.put_lease("old", {"holderIdentity": "x", "leaseDurationSeconds": 3, "renewTime": "1999-01-01T00:00:00.000000Z"})
        began = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        _, events = self.candidate("old", "a")
        event = wait_for(lambda: self.saw(events, "started_leading"), "a to lead")
        self.assertGreater(event["boottime_ns"] - began, 3_000_000_000, "by our receipt, not by its stamp")


if __name__ == "__main__":
    main()
