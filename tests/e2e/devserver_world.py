"""What the tests of the development server share: the server, raw watches, and how tests are run."""
import http.client
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "scripts")]
from processes import stat_of  # noqa: E402

LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
WATCHES = 10000
PROGRAM = None


class Server:
    """One `leasehold dev` for one test."""

    def __init__(self, *options):
        self.process = subprocess.Popen([PROGRAM, *options], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        self.process.stdout.close()
        check(code == 0, f"the server ended with {code}")

    def send(self, method, path, headers=None, body=None, timeout_s=10):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            self.headers = answer.headers
            return answer.status, answer.read()
        finally:
            connection.close()

    def call(self, method, path, body=None, **headers):
        code, answer = self.send(method, path, {k.replace("_", "-"): v for k, v in headers.items()},
                                 None if body is None else json.dumps(body))
        return code, json.loads(answer) if answer[:1] in (b"{", b"[") else answer

    def fault(self, **rule):
        code, answer = self.call("POST", "/leasehold/faults", rule)
        check(code == 201, answer)

    def raw(self, data, timeout_s=5):
        """Sends bytes on a new connection and reads until the server closes it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s) as s:
            s.sendall(data)
            answer = b""
            while part := s.recv(65536):
                answer += part
            return answer

    def watch(self, query=""):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        s.sendall(f"GET {LEASES}?watch=true{query} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode())
        return Watch(s)

    def state(self):
        return self.call("GET", "/leasehold/faults")[1]

    def cpu_s(self):
        return stat_of(self.process.pid).cpu_s

    def memory_kib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Watch:
    """A raw watch: its lines as events. end() is true once the terminating chunk was read."""

    def __init__(self, sock):
        self.socket = sock
        self.file = sock.makefile("rb")
        self.status = self.file.readline()
        while self.file.readline().strip():
            pass

    def event(self, timeout_s=5):
        self.socket.settimeout(timeout_s)
        size = int(self.file.readline() or b"-1", 16)
        if size <= 0:
            return None
        data = self.file.read(size)
        self.file.read(2)
        return json.loads(data)

    def quiet(self, seconds):
        """True when nothing comes for so long. The watch cannot be read any more after that."""
        try:
            return self.event(seconds) is None
        except TimeoutError:
            return True

    def close(self):
        self.file.close()
        self.socket.close()


def check(condition, what="wrong"):
    if not condition:
        raise AssertionError(what)


def wait_until(condition, timeout_s=5, what="in time"):
    end = time.monotonic() + timeout_s
    while not condition():
        check(time.monotonic() < end, f"not {what}")
        time.sleep(0.01)


def lease(name, holder="h", **meta):
    return {"metadata": {"name": name, **meta}, "spec": {"holderIdentity": holder}}


def summary(event):
    return f"{event['type']} {event['object']['metadata'].get('name', '')} {event['object'].get('spec', {}).get('holderIdentity', '')}"


def run(tests, usage):
    """Runs the functions called test_… of a module; the words behind PROGRAM choose some. For sys.exit()."""
    global PROGRAM
    if len(sys.argv) < 2:
        sys.exit(usage)
    PROGRAM = sys.argv[1]
    # Under AddressSanitizer freed memory is kept for a while, which would look like growth.
    os.environ.setdefault("ASAN_OPTIONS", "quarantine_size_mb=1:malloc_context_size=5")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, WATCHES + 1000), hard))
    failed = 0
    for name, function in list(tests.items()):
        if not name.startswith("test_") or (sys.argv[2:] and not any(part in name for part in sys.argv[2:])):
            continue
        began = time.monotonic()
        try:
            note = function()
            print(f"ok     {name} ({time.monotonic() - began:.1f} s){': ' + note if note else ''}", flush=True)
        except Exception as error:  # noqa: BLE001
            failed += 1
            line = traceback.extract_tb(error.__traceback__)
            where = next((f.lineno for f in reversed(line) if f.name.startswith("test_")), 0)
            print(f"FAILED {name} (line {where}): {type(error).__name__} {error}", flush=True)
    return 1 if failed else 0
