#!/usr/bin/env python3
"""The development server as clients of many kinds ask it: pages, tables, upgrades, patches of three kinds, protobuf, reviews, and the same badly.

usage: devserver_clients.py PROGRAM [NAME...]     as devserver.py
"""
import json
import socket
import sys

from devserver_world import LEASES, Server, Watch, check, lease, run, summary

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
PROTOBUF = "application/vnd.kubernetes.protobuf"
STRATEGIC = "application/strategic-merge-patch+json"


def names(answer):
    return [item["metadata"]["name"] for item in answer["items"]]


def test_pages():
    with Server("--enable-faults") as server:
        for number in range(7):
            check(server.call("POST", LEASES, lease(f"n{number}"))[0] == 201)
        seen, token, version = [], "", None
        while True:
            code, page = server.call("GET", f"{LEASES}?limit=3&continue={token}")
            check(code == 200, page)
            version = version or page["metadata"]["resourceVersion"]
            check(page["metadata"]["resourceVersion"] == version, page["metadata"])
            seen += names(page)
            token = page["metadata"].get("continue", "")
            if not token:
                break
            server.call("DELETE", f"{LEASES}/n6")  # in the pages to come all the same: they are of one moment
        check(seen == [f"n{number}" for number in range(7)], seen)
        check(names(server.call("GET", LEASES)[1]) == [f"n{number}" for number in range(6)])

        table = server.call("GET", f"{LEASES}?limit=2", Accept=TABLE)[1]
        check(len(table["rows"]) == 2 and table["metadata"]["continue"], table)
        token = table["metadata"]["continue"]
        server.call("DELETE", f"{LEASES}/n5")
        server.fault(action="compact")
        code, status = server.call("GET", f"{LEASES}?limit=2&continue={token}")
        check((code, status["reason"]) == (410, "Expired"), status)
        check(names(server.call("GET", f"{LEASES}?continue={status['metadata']['continue']}")[1]) == ["n2", "n3", "n4"])
        for query in ("continue=nonsense", "limit=x", "limit=99999999999999999999", f"continue={token}&resourceVersion=1"):
            code, status = server.call("GET", f"{LEASES}?{query}")
            check((code, status["reason"]) == (400, "BadRequest"), (query, status))


def test_tables_of_watches():
    with Server() as server:
        check(server.call("POST", LEASES, lease("a"))[0] == 201)
        s = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        s.sendall(f"GET {LEASES}?watch=true HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAccept: {TABLE}\r\n\r\n".encode())
        tables, plain = Watch(s), server.watch()
        for holder in ("h", "i"):
            event = tables.event()
            check(event["object"]["kind"] == "Table" and event["object"]["rows"][0]["cells"][:2] == ["a", holder], event)
            check(event["object"]["rows"][0]["object"]["metadata"]["name"] == "a", event)
            event = plain.event()  # the same change in both forms
            check(event["object"]["kind"] == "Lease" and event["object"]["spec"]["holderIdentity"] == holder, event)
            server.call("PATCH", f"{LEASES}/a", {"spec": {"holderIdentity": "i"}}, Content_Type=STRATEGIC)
        tables.close()
        plain.close()
        code, status = server.call("GET", f"{LEASES}/nope", Accept=TABLE)
        check((code, status["kind"]) == (404, "Status"), status)
        check(server.call("GET", f"{LEASES}?includeObject=None", Accept=TABLE)[1]["rows"][0].keys() == {"cells"})
        check(server.call("GET", f"{LEASES}?includeObject=Half", Accept=TABLE)[0] == 400)


def test_an_upgrade_is_answered_as_a_plain_stream():
    """fabric8's first clients ask for a WebSocket and go on with an ordinary watch when they get 200."""
    with Server() as server:
        check(server.call("POST", LEASES, lease("a"))[0] == 201)
        s = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        s.sendall((f"GET {LEASES}?watch=true HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
        watch = Watch(s)
        check(b" 200 " in watch.status, watch.status)
        check(summary(watch.event()) == "ADDED a h")
        watch.close()


def test_informers_get_their_bookmark():
    with Server() as server:
        for name in ("a", "b"):
            check(server.call("POST", LEASES, lease(name))[0] == 201)
        query = "&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&sendInitialEvents=true&resourceVersion=&timeoutSeconds=60"
        for selector, wanted in (("", ["a", "b"]), ("&fieldSelector=metadata.name%3Db", ["b"])):
            watch = server.watch(query + selector)
            got = [watch.event() for _ in wanted]
            check([e["object"]["metadata"]["name"] for e in got] == wanted and {e["type"] for e in got} == {"ADDED"}, got)
            end = watch.event()
            check(end["type"] == "BOOKMARK" and end["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true", end)
            watch.close()


def test_bodies_without_a_type():
    with Server() as server:
        check(server.send("POST", LEASES, {}, json.dumps(lease("a")))[0] == 201)
        put = json.loads(server.send("GET", f"{LEASES}/a")[1])
        put["spec"]["holderIdentity"] = "z"
        check(server.send("PUT", f"{LEASES}/a", {}, json.dumps(put))[0] == 200)
        check(server.send("PUT", f"{LEASES}/a", {"Content-Type": "text/plain"}, json.dumps(put))[0] == 415)
        check(server.send("PATCH", f"{LEASES}/a", {}, "{}")[0] == 415)


def test_patches():
    pods = "/api/v1/namespaces/default/pods"
    with Server() as server:
        pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        check(server.call("POST", pods, pod)[0] == 201)
        code, got = server.call("PATCH", f"{pods}/p", {"spec": {"containers": [{"name": "d", "image": "j"}]}}, Content_Type=STRATEGIC)
        check(code == 200 and [c["name"] for c in got["spec"]["containers"]] == ["c", "d"], got)
        before = server.call("GET", f"{pods}/p")[1]
        bad = [({"spec": {"containers": [{"image": "x"}]}}, 400), ({"spec": {"$patch": "no"}}, 400), ([], 400), (1, 400),
               ({"metadata": {"resourceVersion": "1"}}, 409), ({"metadata": {"name": "q"}}, 400), ({"metadata": {"labels": {"-": "x"}}}, 422)]
        for patch, wanted in bad:
            code, status = server.call("PATCH", f"{pods}/p", patch, Content_Type=STRATEGIC)
            check((code, status["kind"]) == (wanted, "Status"), (patch, status))
        deep = b'{"a":' * 70 + b"1" + b"}" * 70
        check(server.send("PATCH", f"{pods}/p", {"Content-Type": STRATEGIC}, deep)[0] == 400)
        code, answer = server.send("PATCH", f"{pods}/p?fieldManager=x", {"Content-Type": "application/apply-patch+yaml"}, "{}")
        check(code == 415 and b"serves no server-side apply" in answer, answer)
        check(server.call("GET", f"{pods}/p")[1] == before, "a refused patch changed something")
        strict = server.call("POST", LEASES + "?fieldValidation=Strict", {"metadata": {"name": "s"}, "spec": {"holder": "x"}})
        check(strict[0] == 400 and 'unknown field \\"spec.holder\\"' in json.dumps(strict[1]), strict)
        check(server.call("POST", LEASES + "?fieldValidation=Sometimes", lease("s"))[0] == 422)
        check(server.call("GET", f"{LEASES}/s")[0] == 404)


def test_reviews():
    def ask(verb, resource="leases", group="coordination.k8s.io"):
        attributes = {"namespace": "default", "verb": verb, "group": group, "resource": resource}
        code, answer = server.call("POST", REVIEWS, {"spec": {"resourceAttributes": attributes}})
        check(code == 201, answer)
        return answer["status"]["allowed"]
    with Server("--enable-faults") as server:
        check(ask("create") and ask("delete", "nodes", ""))
        server.fault(action="refuse", code=403, verb="create", resource="leases")
        check(not ask("create") and ask("update"))
        check(server.call("POST", LEASES, lease("a"))[0] == 403)
        code, answer = server.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
        check(code == 201 and "system:masters" in answer["status"]["userInfo"]["groups"], answer)
        for body in ("", "{", "[]", "1", "{}", '{"spec": {}}'):
            code, answer = server.send("POST", REVIEWS, {}, body)
            check(code in (400, 422) and json.loads(answer)["kind"] == "Status", (body, answer))
        check(server.send("GET", REVIEWS)[0] == 405)
        check(server.send("POST", REVIEWS.replace("access", "excess"), {}, "{}")[0] == 404)


def field(number, value):
    """One field of a protobuf message: bytes and text with their length, numbers as varints."""
    def varint(n):
        out = b""
        while n > 127:
            out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n])
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def envelope(version, kind, raw):
    return b"k8s\0" + field(1, field(1, version) + field(2, kind)) + field(2, raw)


def test_protobuf_bodies():
    coordination = "coordination.k8s.io/v1"
    meta, spec = field(1, field(1, "a")), field(1, "h") + field(2, 15)
    with Server() as server:
        def send(method, path, body):
            code, answer = server.send(method, path, {"Content-Type": PROTOBUF, "Accept": f"{PROTOBUF},application/json"}, body)
            return code, json.loads(answer)
        code, made = send("POST", LEASES, envelope(coordination, "Lease", meta + field(2, spec)))
        check(code == 201 and made["spec"] == {"holderIdentity": "h", "leaseDurationSeconds": 15}, made)
        check(send("POST", LEASES, envelope(coordination, "Lease", meta))[0] == 409)
        known = field(1, field(1, "a") + field(6, made["metadata"]["resourceVersion"]))
        code, made = send("PUT", f"{LEASES}/a", b"k8s\0" + field(2, known + field(2, field(1, "i"))))  # an envelope without a type
        check(code == 200 and made["spec"]["holderIdentity"] == "i", made)

        good = envelope(coordination, "Lease", meta + field(2, spec))
        deep = b""
        for _ in range(3000):
            deep = field(1, deep)
        bad = [(good[:-3], 400), (b"k8s", 400), (b"{}", 400), (b"", 400), (b"K8s\0" + good[4:], 400), (b"k8s\0" + b"\xff" * 64, 400),
               (envelope(coordination, "Lease", meta + field(2, spec + field(77, "new"))), 400),
               (envelope("v1", "ConfigMap", meta), 400), (envelope("v1", "Pod", meta), 415), (envelope("v9", "Lease", meta), 415),
               (envelope(coordination, "Lease", deep), 400), (b"k8s\0", 400), (envelope(coordination, "Lease", field(1, field(1, "UPPER"))), 400)]
        for body, wanted in bad:
            code, status = send("PUT", f"{LEASES}/a", body)
            check((code, status["kind"]) == (wanted, "Status"), (body[:80], status))
            check(send("POST", LEASES, body)[0] in (400, 415, 422), body[:80])
        check("LeaseSpec has a field 77" in send("POST", LEASES, bad[6][0])[1]["message"])
        check(server.call("GET", f"{LEASES}/a")[1] == made, "a refused body changed something")
        check(server.send("PATCH", f"{LEASES}/a", {"Content-Type": PROTOBUF}, good)[0] == 415)
        check(server.call("GET", f"{LEASES}/a", Accept=PROTOBUF)[0] == 406)

        code, answer = send("POST", REVIEWS, envelope("authorization.k8s.io/v1", "SelfSubjectAccessReview",
                                                      field(2, field(1, field(2, "get") + field(5, "leases")))))
        check(code == 201 and answer["status"]["allowed"], answer)
        wrong = envelope(coordination, "DeleteOptions", field(2, field(1, "0-0")))
        check(send("DELETE", f"{LEASES}/a", wrong)[0] == 409)
        check(send("DELETE", f"{LEASES}/a", envelope(coordination, "DeleteOptions", field(4, "Background")))[0] == 200)


if __name__ == "__main__":
    sys.exit(run(globals(), __doc__))
