#!/usr/bin/env python3
"""Every command against servers that answer nonsense, and locks with nonsense in every field: a sentence, an end or patience, little
CPU, few requests, and nothing of others' lost."""
import copy
import json
import socket
import subprocess
import threading
import time

from cli_world import CPU_SHARE, LEASEHOLD, SHORT, World, cpu_seconds, kubeconfig_for, main, read_events, wait_for

LEASE = {
    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
    "metadata": {"name": "g", "namespace": "default", "uid": "11111111-2222-3333-4444-555555555555", "resourceVersion": "100",
                 "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"theirs": "label"}, "annotations": {"theirs": "annotation"},
                 "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}], "finalizers": ["example.com/theirs"],
                 "managedFields": [{"manager": "theirs", "fieldsV1": {"f:spec": {}}}], "futureField": {"theirs": [1, 2.5, None, True]}},
    "spec": {"holderIdentity": "x", "leaseDurationSeconds": 2, "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:00.000000Z",
             "leaseTransitions": 3, "strategy": "OldestEmulationVersion", "preferredHolder": "theirs", "futureField": {"theirs": "spec"}},
    "futureField": "theirs",
}
OURS = {"holderIdentity", "leaseDurationSeconds", "acquireTime", "renewTime", "leaseTransitions"}
NONSENSE = [None, True, 7, -1, 1.5, 10**18, 10**40, "", "x", "\x1b\n", "é" * 2000, [], ["x"], {}, {"x": {"y": []}}]


class Server(threading.Thread):
    """One lock as a real server would keep it, except that it checks nothing: it holds whatever it was given."""

    def __init__(self, lease, watch="hold"):
        super().__init__(daemon=True)
        self.lease, self.watch, self.requests, self.puts, self.lock = lease, watch, 0, [], threading.Lock()
        self.version = 1000
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rb") as stream:
            try:
                while True:
                    head = [line.decode() for line in iter(stream.readline, b"\r\n") if line]
                    if not head:
                        return
                    size = next((int(line.split(":")[1]) for line in head if line.lower().startswith("content-length")), 0)
                    method, path, _ = head[0].split()
                    self.answer(connection, method, path, stream.read(size))
            except (OSError, ValueError):
                pass

    def answer(self, connection, method, path, body):
        with self.lock:
            self.requests += 1
        if "watch=" in path:
            return self.answer_watch(connection)
        if method == "PUT":
            with self.lock:
                self.version += 1
                self.lease = json.loads(body)
                self.puts.append(copy.deepcopy(self.lease))
                if isinstance(self.lease.get("metadata"), dict):
                    self.lease["metadata"]["resourceVersion"] = str(self.version)
        return self.say(connection, json.dumps(self.lease).encode())

    def answer_watch(self, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        if self.watch == "hold":
            time.sleep(60)
        for chunk in self.watch if self.watch != "hold" else ():
            connection.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        connection.sendall(b"0\r\n\r\n")

    @staticmethod
    def say(connection, body):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def with_field(path, value):
    lease = copy.deepcopy(LEASE)
    where = lease
    for name in path[:-1]:
        where = where[name]
    where[path[-1]] = value
    return lease


def theirs(lease, original):
    """What of a lock no candidate may change: everything but its own fields, and objects where the original had something else."""
    rest = copy.deepcopy(lease)
    rest["metadata"].pop("managedFields", None)  # a PUT without them keeps the server's
    if isinstance(original["metadata"].get("annotations"), dict):
        rest["metadata"]["annotations"].pop("leasehold.dev/term", None)
    else:
        rest["metadata"].pop("annotations", None)
    if isinstance(original.get("spec"), dict):
        for name in OURS:
            rest["spec"].pop(name, None)
    else:
        rest.pop("spec", None)
    return rest


class Nonsense(World):
    def server(self, lease, **options):
        server = Server(lease, **options)
        self.addCleanup(server.socket.close)
        return server, kubeconfig_for(self.folder, server.port)

    def stand(self, kubeconfig, name, *more):
        path = self.folder / f"{name}.events"
        process = self.spawn(LEASEHOLD, "candidate", "g", "--kubeconfig", kubeconfig, "--identity", "me", *SHORT, "--foreign-lease", "2s", "-o", "json", *more,
                             stdout=open(path, "w"), stderr=subprocess.DEVNULL)
        return process, lambda: read_events(path)

    def paths(self):
        yield ("metadata",)
        yield ("spec",)
        yield from (("metadata", name) for name in LEASE["metadata"])
        yield from (("spec", name) for name in LEASE["spec"])
        yield ("metadata", "annotations", "leasehold.dev/term")

    def test_nonsense_in_every_field(self):
        """One look at each: an answer or a sentence, and no write."""
        for path in self.paths():
            server, kubeconfig = self.server(None)
            for value in NONSENSE if path[0] == "spec" or path[-1] in ("uid", "resourceVersion", "leasehold.dev/term") else NONSENSE[::4]:
                server.lease = with_field(path, value)
                result = self.leasehold("status", "g", "--kubeconfig", kubeconfig, "-o", "json", "--timeout", "5s")
                self.assertIn(result.returncode, (0, 1, 3, 4), (path, value, result.stderr))
                self.assertNotIn("\x1b", result.stdout + result.stderr)
                if result.returncode in (0, 3):
                    json.loads(result.stdout)
                else:
                    self.assertEqual(len(result.stderr.strip().splitlines()), 1, (path, value, result.stderr))
                self.assertEqual(server.puts, [])

    def test_candidates_keep_what_is_not_theirs(self):
        standing = []
        for number, path in enumerate(self.paths()):
            for value in (7, "x", [], {"x": 1}, None):
                lease = with_field(path, value)
                server, kubeconfig = self.server(lease)
                standing.append((path, value, lease, server, self.stand(kubeconfig, f"{number}-{len(standing)}")[0]))
            if len(standing) >= 20:
                self.look_at(standing)
                standing = []
        self.look_at(standing)

    def look_at(self, standing):
        # Some lead after the stranger's lease, some never do: both are right, as long as a write keeps everything else.
        wait_for(lambda: all(server.requests >= 1 for *_, server, _ in standing), "requests")
        time.sleep(5)
        for path, value, lease, server, process in standing:
            self.assertIsNone(process.poll(), (path, value, process.returncode))
            for put in server.puts[:1]:
                self.assertEqual(theirs(put, lease), theirs(lease, lease), (path, value))
                self.assertEqual(put["metadata"]["uid"], lease["metadata"]["uid"])
                self.assertEqual(put["metadata"]["resourceVersion"], lease["metadata"]["resourceVersion"])
            self.assertLess(server.requests, 60, (path, value, "no storm of requests"))
            self.assertLess(cpu_seconds(process.pid), 5 * CPU_SHARE, (path, value, "no busy loop"))
            process.terminate()
        for *_, process in standing:
            self.assertIn(process.wait(30), (0, 1))

    def test_watches_that_are_none(self):
        event = json.dumps({"type": "MODIFIED", "object": LEASE}).encode() + b"\n"
        watches = {"nothing": [], "html": [b"<html>\n"], "half": [event[:50]], "a number": [b"7\n"], "zero bytes": [b"\0" * 1000], "unknown": [b'{"type":"RAINED","object":{}}\n'],
                   "an error": [b'{"type":"ERROR","object":{"kind":"Status","code":500}}\n'], "gone": [b'{"type":"ERROR","object":{"kind":"Status","code":410}}\n'],
                   "another": [b'{"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"g"}}}\n'], "no end": [b"x" * 65536] * 200, "a flood": [event * 100] * 100}
        standing = []
        for name, watch in watches.items():
            lease = with_field(("spec", "leaseDurationSeconds"), 600)
            server, kubeconfig = self.server(lease, watch=watch)
            standing.append((name, server, self.stand(kubeconfig, name.replace(" ", "-"))[0]))
        wait_for(lambda: all(server.requests >= 2 for _, server, _ in standing), "watches")
        before = [(server.requests, cpu_seconds(process.pid)) for _, server, process in standing]
        time.sleep(4)
        for (name, server, process), (requests, cpu) in zip(standing, before):
            self.assertIsNone(process.poll(), name)
            self.assertLess(server.requests - requests, 80, (name, "no storm of requests"))
            self.assertLess(cpu_seconds(process.pid) - cpu, max(2.0, 4 * CPU_SHARE), (name, "no busy loop"))
            self.assertEqual(server.puts, [], (name, "somebody holds it"))


class Commands(World):
    """status, wait, watch and run against a server that is none."""

    def strange(self, raw):
        """A server that sends these bytes to everybody, again and again if it is a generator function."""
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)

        def serve(connection):
            with connection:
                try:
                    connection.recv(65536)
                    for part in raw() if callable(raw) else [raw]:
                        connection.sendall(part)
                except OSError:
                    pass

        def accept():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        return kubeconfig_for(self.folder, listening.getsockname()[1])

    def servers(self):
        def head(status, more=b""):
            return b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\n" + more + b"\r\n"

        def endless_body():
            yield head(b"200 OK", b"Transfer-Encoding: chunked\r\n")
            while True:
                yield b"10000\r\n" + b" " * 65536 + b"\r\n"
                time.sleep(0.01)  # as fast as it can would be work, and no loop of ours

        def endless_head():
            yield b"HTTP/1.1 200 OK\r\n"
            while True:
                yield b"X-More: " + b"x" * 8192 + b"\r\n"
                time.sleep(0.001)

        def deep():
            yield head(b"200 OK", b"Content-Length: 200000\r\n") + b"[" * 200000
        return {
            "html": head(b"200 OK", b"Content-Length: 6\r\n") + b"<html>", "no http": b"SSH-2.0-OpenSSH_9.2\r\n", "nothing": b"", "empty": head(b"200 OK", b"Content-Length: 0\r\n"),
            "elsewhere": head(b"302 Found", b"Location: http://127.0.0.1:1/\r\nContent-Length: 0\r\n"), "no content": head(b"204 No Content"), "short": head(b"200 OK", b"Content-Length: 99\r\n") + b"{",
            "deep": deep, "endless body": endless_body, "endless head": endless_head, "coded": head(b"200 OK", b"Content-Encoding: gzip\r\nContent-Length: 3\r\n") + b"\x1f\x8b\x00",
            "list": head(b"200 OK", b"Content-Length: 31\r\n") + b'{"kind":"LeaseList","items":{}}', "null": head(b"200 OK", b"Content-Length: 4\r\n") + b"null",
            "status": head(b"418 I'm a teapot", b"Content-Length: 49\r\n") + b'{"kind":"Status","code":418,"message":"\\u001b[m"}',
        }

    def test_status_ends_with_a_sentence(self):
        for name, raw in self.servers().items():
            kubeconfig = self.strange(raw)
            for words in (["status", "g"], ["status"], ["status", "-A"]):
                began = time.monotonic()
                result = self.leasehold(*words, "--kubeconfig", kubeconfig, "--timeout", "2s")
                self.assertLess(time.monotonic() - began, 20, name)
                self.assertIn(result.returncode, (1,), (name, words, result.stdout, result.stderr))
                self.assertEqual(len(result.stderr.strip().splitlines()), 1, (name, words, result.stderr))
                self.assertNotIn("\x1b", result.stderr)

    def test_wait_ends_with_a_sentence(self):
        waiting = []
        for name, raw in self.servers().items():
            kubeconfig = self.strange(raw)
            for condition in ("leader", "none"):
                waiting.append((name, condition, self.spawn(LEASEHOLD, "wait", "g", "--for", condition, "--timeout", "2s", "--kubeconfig", kubeconfig,
                                                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)))
        for name, condition, process in waiting:
            output, errors = process.communicate(timeout=60)
            self.assertEqual((process.returncode, output), (1, ""), (name, condition, errors))
            self.assertIn("not so", errors)

    def test_watch_and_run_are_patient(self):
        standing = []
        marker = self.folder / "worked"
        for name, raw in self.servers().items():
            kubeconfig = self.strange(raw)
            standing.append((name, self.spawn(LEASEHOLD, "watch", "g", "--kubeconfig", kubeconfig, "-o", "json", stdout=subprocess.DEVNULL)))
            standing.append((name, self.spawn(LEASEHOLD, "run", "g", "--kubeconfig", kubeconfig, *SHORT, "--", "touch", marker, stderr=subprocess.DEVNULL)))
        time.sleep(8)
        before = [cpu_seconds(process.pid) for _, process in standing]
        time.sleep(4)
        for (name, process), cpu in zip(standing, before):
            self.assertIsNone(process.poll(), name)
            self.assertLess(cpu_seconds(process.pid) - cpu, max(2.0, 4 * CPU_SHARE), (name, "no busy loop"))
            process.terminate()
        for name, process in standing:
            self.assertEqual(process.wait(30), 0, name)
        self.assertFalse(marker.exists(), "nobody led")


if __name__ == "__main__":
    main()
