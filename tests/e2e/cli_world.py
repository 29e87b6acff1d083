"""What the tests of the command line share: the server, processes that are always ended, waiting for a condition."""
import http.server
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
from processes import stat_of  # noqa: E402

BUILD = pathlib.Path(sys.argv[1]).resolve()
LEASEHOLD = str(BUILD / "leasehold")
STAMPER = str(BUILD / "stamper")
SHORT = ["--lease-duration", "4s", "--renew-deadline", "2s", "--retry-period", "500ms"]
PATIENCE = 60.0
# Of one processor, on standby before a bad server. Sanitizers make each byte of a long answer dear; a busy loop takes all of it.
CPU_SHARE = 0.9 if re.search(b"__[at]san_init", pathlib.Path(LEASEHOLD).read_bytes()) else 0.25
KEYS = {"event", "group", "identity", "holder", "fencing_token", "lock_uid", "reason", "time", "boottime_ns"}


def clean_environment(**more):
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("LEASEHOLD_", "KUBE")) and k not in ("POD_NAME",)}
    return {**keep, **more}


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {PATIENCE:.0f} s for {what}")


class World(unittest.TestCase):
    """A folder, and processes that end with the test."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="leasehold-test-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.environment = clean_environment(HOME=str(self.folder))

    def spawn(self, *arguments, **options):
        options.setdefault("env", self.environment)
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen([str(a) for a in arguments], **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()

    def leasehold(self, *arguments, timeout=PATIENCE, **options):
        """Runs to the end; the result has returncode, stdout, stderr."""
        options.setdefault("env", self.environment)
        return subprocess.run([LEASEHOLD, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, **options)

    def start_dev(self):
        self.kubeconfig = self.folder / "kubeconfig"
        self.dev = self.spawn(LEASEHOLD, "dev", "--enable-faults", "--write-kubeconfig", self.kubeconfig, stdout=subprocess.PIPE, text=True)
        self.url = next(word for word in self.dev.stdout.readline().split() if word.startswith("http"))
        wait_for(self.kubeconfig.exists, "the kubeconfig")
        self.environment["KUBECONFIG"] = str(self.kubeconfig)

    def request(self, method, path, body=None, kind="application/json"):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": kind}, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"{}")

    def fault(self, **rule):
        return self.request("POST", "/leasehold/faults", rule)

    def lease(self, name, namespace="default"):
        return self.request("GET", f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}")

    def put_lease(self, name, spec, annotations=None):
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name, "annotations": annotations or {}}, "spec": spec}
        return self.request("POST", "/apis/coordination.k8s.io/v1/namespaces/default/leases", body)

    def candidate(self, group, identity, *more):
        """A candidate that prints JSON lines into a file; returns the process and a function that gives its events so far."""
        path = self.folder / f"{identity}.events"
        process = self.spawn(LEASEHOLD, "candidate", group, "--identity", identity, *SHORT, "-o", "json", *more, stdout=open(path, "w"), stderr=subprocess.PIPE)
        return process, lambda: read_events(path)

    def saw(self, events, name, **fields):
        return next((e for e in events() if e["event"] == name and all(e.get(k) == v for k, v in fields.items())), None)


def read_events(path):
    lines = pathlib.Path(path).read_text().split("\n")[:-1] if pathlib.Path(path).exists() else []
    return [json.loads(line) for line in lines]


class Workers(World):
    """`leasehold run` with workers that stamp a file while they live."""

    def setUp(self):
        super().setUp()
        self.start_dev()

    def run_worker(self, identity, *command, flags=(), group="g", **options):
        command = command or (STAMPER, self.folder / f"{identity}.stamps")
        return self.spawn(LEASEHOLD, "run", group, "--identity", identity, *SHORT, "--events", self.folder / f"{identity}.run", "-o", "json", *flags, "--",
                          *command, **options)

    def events(self, identity):
        return read_events(self.folder / f"{identity}.run")

    def stamps(self, identity):
        """[(boottime_ns, pid)] of a worker's file."""
        path = self.folder / f"{identity}.stamps"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [(int(line.split()[0]), int(line.split()[1])) for line in lines]

    def works(self, identity, after_ns=0):
        return wait_for(lambda: next((s for s in self.stamps(identity) if s[0] > after_ns), None), f"{identity}'s worker")

    def assert_no_overlap(self, *identities):
        stretches = {}
        for identity in identities:
            for at, pid in self.stamps(identity):
                first, _ = stretches.get((identity, pid), (at, at))
                stretches[identity, pid] = (first, at)
        end = 0
        for first, last in sorted(stretches.values()):
            self.assertGreater(first, end, "two workers at once")
            end = max(end, last)


class Strange(http.server.BaseHTTPRequestHandler):
    """A server that is no API server: what it says is chosen by its class attribute."""
    protocol_version = "HTTP/1.1"
    answer = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.requests += 1
        self.answer(self)

    do_POST = do_PUT = do_GET

    def say(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass


def strange_server(answer):
    handler = type("Handler", (Strange,), {"answer": staticmethod(answer)})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.requests = 0
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def kubeconfig_for(folder, port, **user):
    path = folder / f"kubeconfig-{port}"
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": user}], "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}]}))
    return path


def cpu_seconds(pid):
    return stat_of(pid).cpu_s


def main():
    """Runs the tests of the calling file: all, or those whose names hold one of the words behind BUILD on the command line."""
    loader = unittest.defaultTestLoader
    loader.testNamePatterns = [f"*{word}*" for word in sys.argv[2:]] or None
    suite = loader.loadTestsFromModule(sys.modules["__main__"])
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed or not result.testsRun else 0)
