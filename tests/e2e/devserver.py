#!/usr/bin/env python3
"""The development server from outside: answers as the real server gives them, watches, limits, faults, `dev -- CMD`.

usage: devserver.py PROGRAM [NAME...]     runs the tests (or those whose names contain NAME); PROGRAM is `leasehold dev` alone
       devserver.py --record              asks a real kube-apiserver (tests/interop) and writes devserver_recorded.json
The standard library only. Exits non-zero when a test failed.
"""
import http.client
import json
import os
import pathlib
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import devserver_steps as steps
import devserver_world as world
from devserver_world import LEASES, WATCHES, Server, check, lease, run, summary, wait_until

HERE = pathlib.Path(__file__).resolve().parent
RECORDED = HERE / "devserver_recorded.json"

# Where only the sentence differs: Go's JSON and time parsers speak there, or the real server repeats a cause.
OTHER_WORDS = {
    "lease of another kind", "lease of another version", "time without fraction", "time with nine digits", "bad annotation key",
    "not JSON", "no body", "list as body", "unknown content type", "merge patch of the uid", "merge patch that is none",
    "JSON patch that is none", "patch of unknown type", "finalizer added too late", "bad label selector",
}
# The real server drops `strategy` and `preferredHolder` unless a feature gate is on; here the gate is on.
OTHER_ANSWER = {"preferred holder alone"}


# ---- the tests --------------------------------------------------------------------------------------------------------
def test_answers_are_the_real_servers():
    recorded = json.loads(RECORDED.read_text())
    with Server() as server:
        answers = steps.run(server.send)
    wrong = []
    for label, answer in answers.items():
        wanted = recorded[label]
        if label in OTHER_ANSWER:
            continue
        if label in OTHER_WORDS:
            answer, wanted = [{k: a.get(k) for k in ("code", "reason")} for a in (answer, wanted)]
        if answer != wanted:
            wrong.append(f"{label}\n  real {json.dumps(wanted)}\n  here {json.dumps(answer)}")
    check(not wrong, "\n".join(wrong))
    return f"{len(answers)} requests, {len(OTHER_WORDS)} in other words"


def test_discovery_and_health():
    with Server() as server:
        for path in ("/livez", "/readyz", "/healthz"):
            check(server.send("GET", path) == (200, b"ok"), path)
        check(server.call("GET", "/version")[1]["major"] == "1")
        check(server.call("GET", "/api")[1]["versions"] == ["v1"])
        groups = server.call("GET", "/apis")[1]["groups"]
        check([g["name"] for g in groups] == ["authentication.k8s.io", "authorization.k8s.io", "coordination.k8s.io", "events.k8s.io"])
        for path in ("/api/v1", "/apis/coordination.k8s.io/v1", "/apis/events.k8s.io/v1"):
            resources = server.call("GET", path)[1]["resources"]
            check(all("watch" in r["verbs"] or "/" in r["name"] for r in resources), path)
        for group in ("authentication.k8s.io", "authorization.k8s.io"):
            resources = server.call("GET", f"/apis/{group}/v1")[1]["resources"]
            check(resources and all(r["verbs"] == ["create"] for r in resources), group)
        index = server.call("GET", "/openapi/v3")[1]["paths"]
        check(sorted(index) == ["api/v1", "apis/coordination.k8s.io/v1", "apis/events.k8s.io/v1"], index)
        for entry in index.values():
            document = server.call("GET", entry["serverRelativeURL"])[1]
            patches = [p["patch"] for p in document["paths"].values() if "patch" in p]
            check(patches and all("fieldValidation" in [q["name"] for q in p["parameters"]] for p in patches), document)
        for path in ("/openapi", "/openapi/v2", "/openapi/v3/apis/nope/v1", "/openapi/v3/api/v2"):
            check(server.send("GET", path)[0] == 404, path)
        check(server.call("GET", "/apis/coordination.k8s.io")[1]["kind"] == "APIGroup")


def test_pages_and_rebound_names_are_refused():
    with Server("--allow-host", "front:6443", "--allow-host", "api.example") as server:
        def code(**headers):
            return server.send("GET", "/livez", headers)[0]
        check(code(Origin="http://localhost") == 403)
        for host in (f"localhost:{server.port}", f"127.9.9.9:{server.port}", f"[::1]:{server.port}", "front:6443", "api.example", f"API.example:{server.port}"):
            check(code(Host=host) == 200, host)
        for host in ("example.com", f"example.com:{server.port}", "127.0.0.1", f"127.0.0.1:{server.port + 1}", f"10.0.0.1:{server.port}",
                     f"127.0.0.1.example.com:{server.port}", "front", f"front:{server.port}", f"api.example:{server.port + 1}", ""):
            check(code(Host=host) == 403, host)
        check(b" 403 " in server.raw(b"GET /livez HTTP/1.0\r\n\r\n").split(b"\r\n")[0])


def test_malformed_http():
    with Server() as server:
        def first(data):
            return server.raw(data).split(b"\r\n")[0].split(b" ")[1]
        host = f"Host: 127.0.0.1:{server.port}\r\n".encode()
        check(first(b"nonsense\r\n\r\n") == b"400")
        check(first(b"GET / HTTP/2.0\r\n" + host + b"\r\n") == b"505")
        check(first(b"GET /\x01 HTTP/1.1\r\n" + host + b"\r\n") == b"400")
        check(first(b"GET / HTTP/1.1\r\n" + host + b" folded: x\r\n\r\n") == b"400")
        check(first(b"GET / HTTP/1.1\r\n" + host + b"A: b\r\n" * 100 + b"\r\n") == b"431")
        check(first(b"GET / HTTP/1.1\r\n" + host + b"A: " + b"b" * 70000 + b"\r\n\r\n") == b"431")
        check(first(b"PUT /x HTTP/1.1\r\n" + host + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx") == b"400")
        check(first(b"PUT /x HTTP/1.1\r\n" + host + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == b"400")
        check(first(b"PUT /x HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n") == b"400")
        check(first(b"PUT /x HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n") == b"400")
        check(first(b"GET /%zz HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n") == b"400")
        check(first(b"GET /%00 HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n") == b"400")
        check(first(b"GET " + b"/a" * 40 + b" HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n") == b"400")
        check(server.send("GET", "/livez")[0] == 200)


def test_bodies():
    with Server() as server:
        big = json.dumps({**lease("big"), "pad": "x" * (1024 * 1024)})
        check(server.send("POST", LEASES, {}, big)[0] == 413)
        exact = json.dumps(lease("exact"))
        check(server.send("POST", LEASES, {}, exact + " " * (1024 * 1024 - len(exact)))[0] == 201)
        check(server.send("POST", LEASES, {}, iter([b'{"metadata":', b'{"name":"chunks"}}']))[0] == 201)
        check(server.send("POST", LEASES, {"Expect": "100-continue"}, json.dumps(lease("expect")))[0] == 201)
        check(server.send("POST", LEASES, {"Accept": "application/vnd.kubernetes.protobuf"}, "{}")[0] == 406)
        check(server.send("POST", LEASES, {"Accept": "application/vnd.kubernetes.protobuf, application/json"},
                          json.dumps(lease("accept")))[0] == 201)
        check(server.send("POST", LEASES, {"Content-Type": "application/yaml"}, "{}")[0] == 415)
        # Two requests in one packet, and one byte after the other.
        host = f"Host: 127.0.0.1:{server.port}\r\n".encode()
        both = server.raw(b"GET /livez HTTP/1.1\r\n" + host + b"\r\nGET /readyz HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n")
        check(both.count(b"HTTP/1.1 200 OK") == 2, both)
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            for byte in b"PUT " + LEASES.encode() + b"/slow HTTP/1.1\r\n" + host + b"Content-Length: 28\r\n\r\n{\"metadata\":{\"name\":\"slow\"}}":
                s.sendall(bytes([byte]))
            check(b" 201 " in s.recv(4096))


def test_watch_from_everywhere():
    with Server() as server:
        server.call("POST", LEASES, lease("a", "1"))
        version = server.call("GET", LEASES)[1]["metadata"]["resourceVersion"]
        watches = [server.watch(), server.watch("&resourceVersion=0"), server.watch(f"&resourceVersion={version}")]
        for w in watches[:2]:
            check(summary(w.event()) == "ADDED a 1")
        began = time.monotonic()
        server.call("PATCH", LEASES + "/a", {"spec": {"holderIdentity": "2"}}, Content_Type="application/merge-patch+json")
        for w in watches:
            check(summary(w.event()) == "MODIFIED a 2")
        check(time.monotonic() - began < 0.5)
        server.call("DELETE", LEASES + "/a")
        for w in watches:
            gone = w.event()
            check(summary(gone) == "DELETED a 2" and int(gone["object"]["metadata"]["resourceVersion"]) > int(version))
            w.close()
        old = server.watch("&resourceVersion=7")
        error = old.event()
        check(error["type"] == "ERROR" and error["object"]["code"] == 410 and error["object"]["reason"] == "Expired", error)
        check(old.event() is None)
        check(server.send("GET", LEASES + "?watch=true&resourceVersion=x")[0] == 500)  # the real server's too
        old.close()


def test_watch_ends_with_a_bookmark():
    with Server() as server:
        began = time.monotonic()
        w = server.watch("&timeoutSeconds=1&allowWatchBookmarks=true")
        check(time.monotonic() - began < 0.5, "the head of a watch leaves at once")
        mark = w.event()
        check(mark["type"] == "BOOKMARK" and mark["object"]["kind"] == "Lease", mark)
        check(w.event() is None and 0.9 < time.monotonic() - began < 2)
        # The connection serves on.
        w.socket.sendall(f"GET /livez HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        check(w.socket.recv(1000).startswith(b"HTTP/1.1 200"))
        w.close()
        w = server.watch("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true")
        check(w.event()["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"})
        w.close()
        w = server.watch("&fieldSelector=metadata.name%3Dmine")
        server.call("POST", LEASES, lease("other"))
        server.call("POST", LEASES, lease("mine"))
        check(summary(w.event()) == "ADDED mine h")
        w.close()


def test_a_watcher_that_left_is_noticed_at_once():
    with Server("--enable-faults") as server:
        for how in ("fin", "rst"):
            w = server.watch()
            check(server.state()["watches"] == 1)
            if how == "rst":
                w.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            w.close()
            wait_until(lambda: server.state()["watches"] == 0, 2, "noticed")


def test_a_watcher_that_reads_nothing_grows_nothing():
    with Server("--enable-faults") as server:
        w = server.watch()
        data = {"metadata": {"name": "a", "annotations": {"pad": "x" * 200000}}, "spec": {}}
        server.call("POST", LEASES, data)
        before = server.memory_kib()
        for i in range(600):  # 120 MB of events
            server.call("PATCH", LEASES + "/a", {"spec": {"leaseTransitions": i}}, Content_Type="application/merge-patch+json")
        grown = server.memory_kib() - before
        last = None
        while (event := w.event()) is not None:
            last = event
        check(last["type"] == "ERROR" and last["object"]["code"] == 410, last["type"])
        w.close()
        check(grown < 200 * 1024, f"grew by {grown} KiB")
        return f"{grown // 1024} MiB of bounded history"


def test_ten_thousand_watches_leave_nothing():
    with Server("--enable-faults") as server:
        server.call("POST", LEASES, lease("a"))
        at_once = min(WATCHES, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
        descriptors = server.descriptors()

        def round_of_watches():
            opened = 0
            while opened < WATCHES:
                batch = [server.watch() for _ in range(min(at_once, WATCHES - opened))]
                check(all(w.status.startswith(b"HTTP/1.1 200") for w in batch))
                check(server.state()["watches"] == len(batch))
                opened += len(batch)
                if opened >= WATCHES:
                    busy = server.cpu_s()
                    time.sleep(2)
                    busy = server.cpu_s() - busy
                for w in batch:
                    w.close()
                wait_until(lambda: server.state()["watches"] == 0, 10, "dropped")
            return busy

        cpu = server.cpu_s()
        began = time.monotonic()
        standing = round_of_watches()
        first = server.memory_kib()
        took = time.monotonic() - began
        cpu = server.cpu_s() - cpu
        # What leaks, leaks in every round; an allocator that keeps freed memory for a while settles.
        sizes = [first]
        while len(sizes) < 2 or (len(sizes) < 6 and sizes[-1] - sizes[-2] >= 2048):
            round_of_watches()
            sizes.append(server.memory_kib())
        idle = server.cpu_s()
        time.sleep(2)
        idle = server.cpu_s() - idle
        check(idle <= 0.02, f"{idle} s of CPU in 2 s of nothing")
        check(standing <= 0.05, f"{standing} s of CPU in 2 s with {at_once} standing watches")
        wait_until(lambda: server.descriptors() <= descriptors + 1, 5, "closed")
        check(sizes[-1] - sizes[-2] < 2048, f"every round grew it: {sizes} KiB")
        return (f"{WATCHES} watches, {at_once} at once, in {took:.1f} s with {cpu:.2f} s of CPU; standing {standing:.2f} s and idle "
                f"{idle:.2f} s of CPU in 2 s; resident after each round: {sizes} KiB")


# ---- faults -----------------------------------------------------------------------------------------------------------


def test_faults_need_their_flag():
    with Server() as server:
        check(server.send("POST", "/leasehold/faults", {}, "{}")[0] == 404)
    with Server("--enable-faults") as server:
        for bad in ('{"action":"explode"}', '{"action":"delay"}', '{"action":"refuse","cod":1}', '{"action":"refuse","code":200}', "[1]",
                    "nonsense", '{"action":"hang","when":"now"}', '{"action":"refuse","verb":"fly"}'):
            code, answer = server.send("POST", "/leasehold/faults", {}, bad)
            check(code == 400, bad)
        check(server.state()["rules"] == [])
        check(server.send("PUT", "/leasehold/faults", {}, "{}")[0] == 405)


def test_rules_select():
    with Server("--enable-faults") as server:
        server.call("POST", LEASES, lease("a"))
        server.fault(action="refuse", token="a-token", code=503, retry_after_s=3)
        check(server.call("GET", LEASES + "/a", Authorization="Bearer a-token")[0] == 503)
        check(server.headers["Retry-After"] == "3")
        check(server.call("GET", LEASES + "/a", Authorization="Bearer b-token")[0] == 200)
        check(server.call("DELETE", "/leasehold/faults")[1]["rules"] == [])
        server.fault(action="refuse", user_agent="candidate-a", verb=["update", "get"], resource="leases", name="a", code=429, count=2, skip=1)
        codes = [server.call("GET", LEASES + "/a", User_Agent="x candidate-a/1")[0] for _ in range(4)]
        check(codes == [200, 429, 429, 200], codes)
        check(server.call("GET", LEASES, User_Agent="candidate-a")[0] == 200)
        check(server.state()["rules"][0]["hits"] == 2)
        server.fault(action="refuse", header={"name": "X-Who", "value": "a"}, code=500)
        check(server.call("GET", LEASES, X_Who="a")[0] == 500 and server.call("GET", LEASES, X_Who="b")[0] == 200)
        server.call("DELETE", f"/leasehold/faults/{server.state()['rules'][-1]['id']}")
        check(server.call("GET", LEASES, X_Who="a")[0] == 200 and len(server.state()["rules"]) == 1)


def put(server, name, holder, **options):
    return server.send("PUT", f"{LEASES}/{name}", {}, json.dumps(lease(name, holder)), **options)


def holder(server, name):
    return server.call("GET", f"{LEASES}/{name}")[1].get("spec", {}).get("holderIdentity")


def no_answer(function):
    try:
        function()
    except (ConnectionError, TimeoutError, http.client.HTTPException):
        return True
    return False


def test_faults_on_requests():
    with Server("--enable-faults") as server:
        server.fault(action="delay", verb="update", ms=300, count=1)
        began = time.monotonic()
        check(put(server, "a", "1")[0] == 201 and time.monotonic() - began >= 0.3)
        server.fault(action="delay", verb="update", ms=200, count=1)  # the client leaves before: not applied
        check(no_answer(lambda: put(server, "left", "1", timeout_s=0.05)))
        time.sleep(0.3)
        check(holder(server, "left") is None)
        server.fault(action="delay_answer", verb="update", ms=200, count=1)
        check(no_answer(lambda: put(server, "b", "1", timeout_s=0.05)) and holder(server, "b") == "1")
        server.fault(action="apply_late", verb="update", ms=300, count=1)
        check(no_answer(lambda: put(server, "c", "1", timeout_s=0.05)) and holder(server, "c") is None)
        wait_until(lambda: holder(server, "c") == "1", 2, "applied late")
        server.fault(action="drop_answer", verb="update", count=1)
        check(no_answer(lambda: put(server, "d", "1")) and holder(server, "d") == "1")
        server.fault(action="drop_answer", verb="update", count=1, keep_open=True)
        check(no_answer(lambda: put(server, "e", "1", timeout_s=0.2)) and holder(server, "e") == "1")
        server.fault(action="hang", verb="update", count=1)
        check(no_answer(lambda: put(server, "f", "1", timeout_s=0.2)) and holder(server, "f") is None)
        server.fault(action="reset", verb="update", count=1)
        try:
            put(server, "g", "1")
            check(False, "answered")
        except ConnectionResetError:
            pass
        check(holder(server, "g") is None and server.state()["held"] == 0)
        server.fault(action="hang", verb="watch", count=1)
        with socket.create_connection(("127.0.0.1", server.port), timeout=0.3) as s:
            s.sendall(f"GET {LEASES}?watch=1 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
            check(no_answer(lambda: s.recv(1)))
        server.fault(action="delay_answer", verb="watch", count=1, ms=100)
        server.watch().close()


def test_freeze_and_restart():
    with Server("--enable-faults") as server:
        put(server, "a", "1")
        w = server.watch()
        check(summary(w.event()) == "ADDED a 1")
        server.fault(action="freeze", ms=600)
        began = time.monotonic()
        # A write whose client leaves during the freeze is in the kernel's hands, and applied after it.
        check(no_answer(lambda: put(server, "late", "1", timeout_s=0.1)))
        check(server.send("GET", "/livez")[0] == 200 and time.monotonic() - began > 0.5)
        check(summary(w.event()) == "ADDED late 1")
        server.fault(action="restart", ms=400)
        check(no_answer(lambda: server.send("GET", "/livez")))
        wait_until(lambda: not no_answer(lambda: server.send("GET", "/livez")), 3, "back")
        check(holder(server, "a") == "1")
        check(no_answer(lambda: int("0") if w.event() is not None else (_ for _ in ()).throw(ConnectionError())))
        w.close()


def test_faults_on_watches():
    with Server("--enable-faults") as server:
        w = server.watch()
        for value in "123":
            code, now = server.call("GET", LEASES + "/a")
            if code == 404:
                put(server, "a", value)
            else:
                server.call("PATCH", LEASES + "/a", {"spec": {"holderIdentity": value}}, Content_Type="application/merge-patch+json")
        check([summary(w.event())[-1] for _ in "123"] == ["1", "2", "3"])
        server.fault(action="repeat_watch")
        check(summary(w.event()) == "MODIFIED a 3")
        server.fault(action="step_back", events=2)
        check([summary(w.event())[-1] for _ in "23"] == ["2", "3"])
        version = server.call("GET", LEASES + "/a")[1]["metadata"]["resourceVersion"]
        server.call("PATCH", LEASES + "/a", {"spec": {"holderIdentity": "4"}}, Content_Type="application/merge-patch+json")
        check(summary(w.event())[-1] == "4")
        server.fault(action="compact")
        old = server.watch(f"&resourceVersion={version}")
        check(old.event()["object"]["code"] == 410)
        old.close()
        server.fault(action="mute_watch", resource="leases")
        server.call("DELETE", LEASES + "/a")
        check(w.quiet(0.3))
        w.close()


# ---- dev -- CMD -------------------------------------------------------------------------------------------------------


def test_dev_runs_a_command():
    def code(*arguments, **options):
        return subprocess.run([world.PROGRAM, *arguments], stderr=subprocess.PIPE, text=True, timeout=20, **options)
    check(code("--", "sh", "-c", "exit 7").returncode == 7)
    check(code("--", "sh", "-c", "kill -9 $$").returncode == 137)
    check(code("--", "/nonexistent/command").returncode == 127)
    check(code("--", "/etc/passwd").returncode == 126)
    check(code("--listen", "nowhere").returncode == 125)
    check(code("--nonsense").returncode == 2 and code("stray").returncode == 2)
    script = ("import os,re,urllib.request as u; t=open(os.environ['KUBECONFIG']).read();"
              "print(u.urlopen(re.search(r'http://\\S+',t).group()+'/readyz').read().decode(), os.environ['KUBECONFIG'])")
    done = subprocess.run([world.PROGRAM, "--", sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, timeout=20)
    word, path = done.stdout.split()
    check(word == "ok" and not os.path.exists(path), done.stdout)
    child = subprocess.Popen([world.PROGRAM, "--", "sh", "-c", "trap 'exit 9' TERM; echo up; while :; do sleep 0.05; done"],
                             stdout=subprocess.PIPE, text=True)
    check(child.stdout.readline() == "up\n")
    child.terminate()
    check(child.wait(5) == 9, child.returncode)
    child.stdout.close()


def test_dev_writes_a_kubeconfig():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "config")
        with Server("--write-kubeconfig", path) as server:
            check(f"server: {server.url}\n" in open(path).read() and os.stat(path).st_mode & 0o777 == 0o600)
            taken = subprocess.run([world.PROGRAM, "--listen", f"127.0.0.1:{server.port}"], stderr=subprocess.PIPE, text=True, timeout=10)
            check(taken.returncode == 125 and "Address already in use" in taken.stderr)
        done = subprocess.run([world.PROGRAM, "--write-kubeconfig", "/nonexistent/x"], stderr=subprocess.PIPE, text=True, timeout=10)
        check(done.returncode == 125 and "/nonexistent/x" in done.stderr)


def test_versions_grow_across_lives():
    versions = []
    for _ in range(3):
        with Server() as server:
            versions.append(int(server.call("GET", LEASES)[1]["metadata"]["resourceVersion"]))
    check(versions == sorted(set(versions)), versions)


# ---- running ----------------------------------------------------------------------------------------------------------


def record():
    import ssl
    sys.path.insert(0, str(HERE.parent / "interop"))
    import realserver
    with realserver.RealServer() as server:
        context = ssl._create_unverified_context()

        def send(method, path, headers, body):
            connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=10)
            connection.request(method, path, body, {**headers, "Authorization": "Bearer " + server.tokens[realserver.ADMIN]})
            answer = connection.getresponse()
            data = answer.read()
            connection.close()
            return answer.status, data
        RECORDED.write_text(json.dumps(steps.run(send), indent=1, sort_keys=True) + "\n")


def main():
    if sys.argv[1:2] == ["--record"]:
        record()
        return 0
    return run(globals(), __doc__)


if __name__ == "__main__":
    sys.exit(main())
