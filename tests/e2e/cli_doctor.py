#!/usr/bin/env python3
"""`doctor`: what it finds on a good server, on bad ones, in a strange lock, and that it changes nothing."""
import datetime
import email.utils
import json
import pathlib
import subprocess
import sys
import time

from cli_world import SHORT, World, kubeconfig_for, main, strange_server, wait_for


FRONT = pathlib.Path(__file__).resolve().parents[1] / "tls_front.py"


def openssl_end(path):
    said = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-enddate"], capture_output=True, text=True, check=True).stdout
    return " ".join(said.split("=")[1].split())


class Doctor(World):
    def setUp(self):
        super().setUp()
        self.start_dev()

    def examine(self, *arguments, **environment):
        """(exit code, {what: [(result, finding, advice)]})"""
        result = self.leasehold("doctor", *arguments, "-o", "json", env={**self.environment, **environment})
        findings = {}
        for line in map(json.loads, result.stdout.splitlines()):
            self.assertEqual(line["event"], "check")
            findings.setdefault(line["what"], []).append((line["result"], line["finding"], line["advice"]))
        self.assertEqual(result.returncode, int(any(f[0] == "fail" for of in findings.values() for f in of)), result)
        return findings

    def one(self, findings, what, grade, words, advice=""):
        for result, finding, advised in findings.get(what, []):
            if words in finding:
                self.assertEqual(result, grade, finding)
                self.assertIn(advice, advised or "")
                return
        self.fail(f"no {what} says {words!r}: {findings}")

    def test_a_good_world(self):
        before = self.request("GET", "/apis/coordination.k8s.io/v1/leases")
        findings = self.examine("g", "--selector", "app=x", "--label-pod", "role=leader", "--kubernetes-events")
        # Whether memory may be locked is the machine's affair.
        self.assertEqual([f for what, of in findings.items() for f in of if f[0] != "ok" and what != "memory"], [])
        self.one(findings, "rights", "ok", "get leases/g, watch leases/g, update leases/g, create leases, get pods, list pods, watch pods, "
                                           "patch pods, create events")
        self.one(findings, "lock", "ok", "there is no Lease g")
        self.one(findings, "clock", "ok", "of ours")
        self.one(findings, "server", "ok", "answers as v1.")
        self.assertEqual(self.request("GET", "/apis/coordination.k8s.io/v1/leases")["metadata"], before["metadata"], "it wrote something")
        text = self.leasehold("doctor").stdout.splitlines()
        self.assertTrue(all(line.startswith(("ok    ", "warn  ", "fail  ")) for line in text), text)

    def test_a_right_that_is_missing(self):
        self.fault(action="refuse", code=403, verb="update", resource="leases", namespace="default")
        findings = self.examine("g")
        self.one(findings, "rights", "fail", "to update leases/g in namespace default is not allowed", 'deploy/rbac.yaml')
        self.one(findings, "rights", "ok", "create leases")
        self.fault(action="refuse", code=403, verb="create", resource="events")
        self.assertEqual(self.examine()["rights"][0][0], "ok")
        self.one(self.examine("--kubernetes-events"), "rights", "fail", "create events", "deploy/rbac-notices.yaml")

    def test_a_leader_and_a_stranger(self):
        _, events = self.candidate("g", "a")
        wait_for(lambda: self.saw(events, "started_leading"), "a to lead")
        self.one(self.examine("g"), "lock", "ok", "Lease g is held by a, renewed")
        self.put_lease("theirs", {"holderIdentity": "them", "leaseDurationSeconds": 15, "renewTime": "2020-01-01T00:00:00.000000Z"})
        findings = self.examine("theirs")
        self.one(findings, "lock", "warn", "nobody leads", "a candidate runs")
        self.one(findings, "peers", "warn", "them is no Leasehold")
        self.put_lease("odd", {"leaseDurationSeconds": 15, "leaseTransitions": 5000})
        self.one(self.examine("odd"), "history", "warn", "5000 changes of leader", "leasehold watch odd")

    def test_settings_that_contradict_each_other(self):
        findings = self.examine(LEASEHOLD_RENEW_DEADLINE="15s")
        self.one(findings, "settings", "fail", "LEASEHOLD_RENEW_DEADLINE", "change them together")
        self.one(findings, "server", "ok", "answers")  # the rest is looked at all the same

    def test_no_server(self):
        findings = self.examine("--server", "http://127.0.0.1:1", "--timeout", "5s")
        self.one(findings, "connection", "fail", "127.0.0.1:1", "address and port")
        self.assertNotIn("rights", findings)
        self.assertIn("timer", findings)
        findings = self.examine("--server", "http://no-such-host.invalid", "--timeout", "20s")
        self.one(findings, "name", "fail", "no-such-host.invalid", "name server")
        findings = self.examine(KUBECONFIG=str(self.folder / "none"))
        self.one(findings, "kubeconfig", "fail", "none", "KUBECONFIG")

    def test_certificates(self):
        subprocess.run([sys.executable, FRONT, "certificates", self.folder], check=True)

        def serve(name):
            front = self.spawn(sys.executable, FRONT, "serve", "--rewrite-host", "--backend", self.url.split("//")[1].strip("/"), "--certificate",
                               self.folder / f"{name}.pem", "--key", self.folder / f"{name}.key", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            return ("--server", f"https://localhost:{int(front.stdout.readline())}", "--certificate-authority")
        good = serve("server")
        # The authority of the tests makes certificates for less than a month.
        until = datetime.datetime.strptime(openssl_end(self.folder / "server.pem"), "%b %d %H:%M:%S %Y GMT")
        grade, words = ("warn", "expires on") if until - datetime.datetime.utcnow() < datetime.timedelta(days=14) else ("ok", "good until")
        self.one(self.examine(*good, self.folder / "ca.pem"), "tls", grade, f"{words} {until:%Y-%m-%d}")
        self.one(self.examine(*good, self.folder / "stranger-ca.pem"), "certificate", "fail", "not trusted", "certificate-authority")
        self.one(self.examine(*serve("expired"), self.folder / "ca.pem"), "certificate", "fail", "expired", "renewed")
        other = serve("other")
        self.one(self.examine(*other, self.folder / "ca.pem"), "certificate", "fail", "no alternative certificate subject name matches", "--tls-server-name")
        self.one(self.examine(*other, self.folder / "ca.pem", "--tls-server-name", "api.example"), "server", "ok", "answers as v1.")
        plain = strange_server(lambda handler: None)
        self.addCleanup(plain.server_close)
        self.addCleanup(plain.shutdown)
        self.one(self.examine("--server", f"https://127.0.0.1:{plain.server_port}"), "tls", "fail", "TLS failed", "port")

    def test_a_server_with_another_clock_and_no_reviews(self):
        def answer(handler):
            handler.date_time_string = lambda stamp=None: email.utils.formatdate(time.time() + 120, usegmt=True)
            if handler.path == "/version":
                handler.say(200, "application/json", b'{"gitVersion": "v1.20.0"}')
            else:
                handler.say(404, "application/json", b'{"kind": "Status", "status": "Failure", "code": 404, "message": "no"}')
        server = strange_server(answer)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        where = {"KUBECONFIG": str(kubeconfig_for(self.folder, server.server_port))}
        findings = self.examine("g", **where)
        self.one(findings, "clock", "warn", "ahead of ours, more than 500ms", "NTP")
        self.one(findings, "rights", "warn", "no self-reviews")
        self.one(self.examine("g", "--lock", "configmap", **where), "clock", "fail", "ahead of ours", "--max-clock-skew")

    def test_servers_that_are_none(self):
        for body in (b"", b"<html>", b"[]", b'{"gitVersion": 1}'):
            server = strange_server(lambda handler: handler.say(200, "application/json", body))
            self.one(self.examine("g", KUBECONFIG=str(kubeconfig_for(self.folder, server.server_port))), "server", "fail", "no API server's answer")
            server.shutdown()
            server.server_close()

    def test_bad_command_lines(self):
        for arguments in (("a", "b"), ("A!",), ("--timeout", "5"), ("--timeout", "never"), ("g", "--", "x"), ("--lock", "paper")):
            result = self.leasehold("doctor", *arguments, *SHORT)
            self.assertEqual((result.returncode, result.stdout), (2, ""), (arguments, result))
            self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)


if __name__ == "__main__":
    main()
