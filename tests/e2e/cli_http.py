#!/usr/bin/env python3
"""`--http` and `sidecar` from outside: probes, who leads, events, metrics, and what is refused."""
import json
import pathlib
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request

from cli_world import LEASEHOLD, SHORT, World, main, wait_for


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(port, path):
    """(status, text), or None while nobody listens."""
    try:
        with OPENER.open(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return None


class Http(World):
    def setUp(self):
        super().setUp()
        self.start_dev()

    def served(self, *words, rest=()):
        port = free_port()
        process = self.spawn(LEASEHOLD, *words, *SHORT, "--http", f"127.0.0.1:{port}", *rest, stdout=subprocess.DEVNULL)
        wait_for(lambda: get(port, "/livez") == (200, "ok\n"), "the probe to answer")
        return process, port

    def leads(self, port):
        answer = get(port, "/leader")
        return answer is not None and answer[0] == 200

    def test_leader_moves_and_probes_tell(self):
        one, first = self.served("run", "g", "--identity", "a", rest=("--", "sleep", "1000"))
        wait_for(lambda: self.leads(first), "a to lead")
        _, second = self.served("candidate", "g", "--identity", "b")
        wait_for(lambda: get(second, "/readyz")[0] == 200, "the standby to be ready")
        status, text = get(second, "/leader")
        told = json.loads(text)
        self.assertEqual((status, told["leading"], told["holder"], told["identity"]), (503, False, "a", "b"))
        self.assertEqual(json.loads(get(second, "/")[1]), {"name": "a"})
        events = OPENER.open(f"http://127.0.0.1:{second}/events", timeout=60)
        self.assertEqual(events.headers["Content-Type"], "text/event-stream")
        self.assertEqual(events.readline(), b"event: present\n")
        one.send_signal(signal.SIGTERM)
        wait_for(lambda: self.leads(second), "b to lead")
        seen = b""
        while b"event: started_leading\n" not in seen:
            seen += events.readline()
        line = events.readline()
        self.assertEqual(json.loads(line.removeprefix(b"data: "))["identity"], "b")
        self.assertGreater(int(json.loads(get(second, "/leader")[1])["fencing_token"]), int(told["fencing_token"] or 0))

    def test_metrics_are_what_a_scraper_reads(self):
        _, port = self.served("candidate", "g", "--identity", "a")
        count = lambda name: next(float(line.split()[-1]) for line in get(port, "/metrics")[1].splitlines() if line.startswith(f'{name}{{name="g"}}'))
        wait_for(lambda: count("leasehold_renewals_total") >= 2, "renewals")
        self.assertEqual((count("leader_election_master_status"), count("leasehold_terms_total")), (1, 1))
        self.assertGreater(count("leasehold_renew_slack_seconds"), 0)
        family, kinds = None, {}
        for line in get(port, "/metrics")[1].splitlines():
            if line.startswith("# TYPE "):
                _, _, family, kinds[family] = line.split()
            elif not line.startswith("# HELP "):
                name = re.fullmatch(r'([a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+', line)[1]
                self.assertTrue(name == family or kinds[family] == "histogram" and name.startswith(family + "_"), line)

    def test_dashboard_and_alerts_speak_of_what_is_served(self):
        deploy = pathlib.Path(__file__).resolve().parents[2] / "deploy"
        _, port = self.served("candidate", "g", "--identity", "a")
        served = set(re.findall(r"^# TYPE (\S+)", get(port, "/metrics")[1], re.M))
        dashboard = json.loads((deploy / "grafana-dashboard.json").read_text())
        asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        alerts = re.findall(r"^    expr: (.*)$", (deploy / "prometheus-rules.yml").read_text(), re.M)
        self.assertGreater(len(alerts), 3)
        for expression in asked + alerts:
            names = re.findall(r"\b(?:leasehold|leader_election)_[a-z_]+", expression)
            self.assertTrue(names, expression)
            for name in names:
                self.assertIn(re.sub(r"_(bucket|sum|count)$", "", name), served)
            self.assertEqual(expression.count("("), expression.count(")"), expression)

    def test_sidecar_listens_where_its_like_did(self):
        port = free_port()
        self.spawn(LEASEHOLD, "sidecar", "g", "--identity", "s", *SHORT, "--http", f"127.0.0.1:{port}", stdout=subprocess.DEVNULL)
        wait_for(lambda: get(port, "/") == (200, '{"name":"s"}'), "the sidecar to lead")
        self.assertIn("127.0.0.1:4040", self.leasehold("sidecar", "--help").stdout)

    def test_bad_input(self):
        port = free_port()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", port))
            taken.listen()
            for words, part in (
                    (["run", "g", "--http", "nowhere", "--", "true"], "ADDRESS:PORT"),
                    (["candidate", "g", "--http", "127.0.0.1"], "ADDRESS:PORT"),
                    (["candidate", "g", "--http", "127.0.0.1:99999"], "ADDRESS:PORT"),
                    (["candidate", "g", "--http", "example.org:80"], "ADDRESS:PORT"),
                    (["candidate", "g", "--http", ":80"], "ADDRESS:PORT"),
                    (["sidecar"], "wants one GROUP"),
                    (["run", "g", "--http", f"127.0.0.1:{port}", "--", "true"], "in use"),
                    (["candidate", "g", "--http", f"127.0.0.1:{port}"], "in use")):
                result = self.leasehold(*words)
                self.assertEqual((result.returncode, len(result.stderr.splitlines())), (2, 1), (words, result.stderr))
                self.assertIn(part, result.stderr)
        # Nothing stood for election meanwhile.
        self.assertEqual(self.leasehold("status", "g").returncode, 4)

    def test_strange_requests(self):
        _, port = self.served("candidate", "g", "--identity", "a")
        wait_for(lambda: self.leads(port), "a to lead")
        for request in (b"\0" * 100 + b"\r\n\r\n", b"GET\r\n\r\n", b"GET /leader HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\n\r\n",
                        b"GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"GET /leader?group=" + b"%" * 50 + b" HTTP/1.1\r\nHost: h\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=40) as s:
                s.sendall(request)
                self.assertRegex(s.recv(64), rb"^HTTP/1\.1 4\d\d ")
        wait_for(lambda: self.leads(port), "a to lead on")


if __name__ == "__main__":
    main()
