"""Requests whose answers the development server shares with a real kube-apiserver.

Here: the steps, and how an answer is made comparable. Not here: servers. `devserver_recorded.json` holds what kube-apiserver 1.36.3
answered; `devserver.py --record` makes it anew, `devserver.py` compares.
"""
import json
import re

L = "/apis/coordination.k8s.io/v1/namespaces/steps/leases"
C = "/api/v1/namespaces/steps/configmaps"
P = "/api/v1/namespaces/steps/pods"
N = "/api/v1/namespaces"
E = "/api/v1/namespaces/steps/events"
E8 = "/apis/events.k8s.io/v1/namespaces/steps/events"
MERGE = "application/merge-patch+json"
JSONPATCH = "application/json-patch+json"

LEASE = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
MAP = {"apiVersion": "v1", "kind": "ConfigMap"}
POD = {"apiVersion": "v1", "kind": "Pod"}


def lease(name, spec=None, **meta):
    return {**LEASE, "metadata": {"name": name, **meta}, "spec": spec or {}}


def config(name, data=None, **meta):
    return {**MAP, "metadata": {"name": name, **meta}, "data": data or {}}


def pod(name, **meta):
    return {**POD, "metadata": {"name": name, **meta}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def step(label, method, path, body=None, content_type="application/json", remember=None):
    return {"label": label, "method": method, "path": path, "body": body, "type": content_type, "remember": remember}


# $x.rv and $x.uid stand for what the answer remembered as x said.
STEPS = [
    step("namespace", "POST", N, {"metadata": {"name": "steps"}}),
    step("lease created", "POST", L, lease("a", {"holderIdentity": "h", "leaseDurationSeconds": 15,
                                                "renewTime": "2026-11-23T03:00:00.123456+02:30"}), remember="a"),
    step("lease exists", "POST", L, lease("a")),
    step("lease read", "GET", L + "/a"),
    step("lease missing", "GET", L + "/none"),
    step("lease without kind", "POST", L, {"metadata": {"name": "nokind"}}),
    step("lease of another kind", "POST", L, config("x")),
    step("lease of another version", "POST", L, {"apiVersion": "v1", "kind": "Lease", "metadata": {"name": "x"}}),
    step("lease in another namespace", "POST", L, lease("x", namespace="other")),
    step("lease in a missing namespace", "POST", L.replace("steps", "missing"), lease("x")),
    step("lease without a name", "POST", L, lease("")),
    step("lease with a bad name", "POST", L, lease("A_b")),
    step("lease with a long name", "POST", L, lease("a" * 254)),
    step("lease with a version", "POST", L, lease("x", resourceVersion="5")),
    step("duration 0", "POST", L, lease("x", {"leaseDurationSeconds": 0})),
    step("transitions -1, duration -1", "POST", L, lease("x", {"leaseTransitions": -1, "leaseDurationSeconds": -1})),
    step("duration as text", "POST", L, lease("x", {"leaseDurationSeconds": "15"})),
    step("time without fraction", "POST", L, lease("x", {"renewTime": "2026-11-23T03:00:00Z"})),
    step("time with nine digits", "POST", L, lease("x", {"renewTime": "2026-11-23T03:00:00.123456789Z"})),
    step("preferred holder alone", "POST", L, lease("x", {"preferredHolder": "b"})),
    step("bad label", "POST", L, lease("x", labels={"a b": "c"})),
    step("bad label value", "POST", L, lease("x", labels={"a": "c d"})),
    step("bad annotation key", "POST", L, lease("x", annotations={"/x": ""})),
    step("empty holder", "POST", L, lease("empty", {"holderIdentity": "", "leaseDurationSeconds": 1})),
    step("not JSON", "POST", L, "{nonsense"),
    step("no body", "POST", L, ""),
    step("list as body", "POST", L, [1]),
    step("unknown content type", "POST", L, "x", "text/plain"),
    step("no content type", "POST", L, lease("untyped"), None),
    step("update", "PUT", L + "/a", lease("a", {"holderIdentity": "i"}, resourceVersion="$a.rv", uid="$a.uid"), remember="b"),
    step("update stale", "PUT", L + "/a", lease("a", {"holderIdentity": "j"}, resourceVersion="$a.rv")),
    step("update unchanged", "PUT", L + "/a", lease("a", {"holderIdentity": "i"}, resourceVersion="$b.rv", uid="$a.uid"),
         remember="c"),
    step("update without version", "PUT", L + "/a", lease("a", {"holderIdentity": "j"})),
    step("update with another uid", "PUT", L + "/a", lease("a", resourceVersion="$b.rv", uid="other")),
    step("update with a bad version", "PUT", L + "/a", lease("a", resourceVersion="abc")),
    step("update under another name", "PUT", L + "/a", lease("z", resourceVersion="$b.rv")),
    step("update without a name", "PUT", L + "/a", {**LEASE, "spec": {}}),
    step("update in another namespace", "PUT", L + "/a", lease("a", namespace="other")),
    step("update creates", "PUT", L + "/made", lease("made", {"holderIdentity": "m"}), remember="made"),
    step("delete", "DELETE", L + "/made"),
    step("update of a deleted one with version", "PUT", L + "/made", lease("made", resourceVersion="$made.rv")),
    step("delete again", "DELETE", L + "/made"),
    step("update of a deleted one with uid", "PUT", L + "/made", lease("made", uid="$made.uid", resourceVersion="$made.rv")),
    step("dry update creates", "PUT", L + "/made?dryRun=All", lease("made")),
    step("dry create", "POST", L + "?dryRun=All", lease("dry")),
    step("dry run of something", "POST", L + "?dryRun=Some", lease("dry")),
    step("merge patch", "PATCH", L + "/a", {"spec": {"leaseDurationSeconds": 20}}, MERGE, remember="p"),
    step("merge patch stale", "PATCH", L + "/a", {"metadata": {"resourceVersion": "$b.rv"}, "spec": {"leaseTransitions": 1}}, MERGE),
    step("merge patch current", "PATCH", L + "/a", {"metadata": {"resourceVersion": "$p.rv"}, "spec": {"leaseTransitions": 1}}, MERGE),
    step("merge patch removes", "PATCH", L + "/a", {"spec": {"leaseDurationSeconds": None}}, MERGE),
    step("merge patch of the uid", "PATCH", L + "/a", {"metadata": {"uid": "other"}}, MERGE),
    step("merge patch of the name", "PATCH", L + "/a", {"metadata": {"name": "other"}}, MERGE),
    step("merge patch of nothing", "PATCH", L + "/none", {}, MERGE),
    step("merge patch invalid", "PATCH", L + "/a", {"spec": {"leaseDurationSeconds": 0}}, MERGE),
    step("merge patch that is none", "PATCH", L + "/a", [], MERGE),
    step("JSON patch", "PATCH", L + "/a", [{"op": "replace", "path": "/spec/holderIdentity", "value": "k"}], JSONPATCH),
    step("JSON patch test fails", "PATCH", L + "/a", [{"op": "test", "path": "/spec/holderIdentity", "value": "q"}], JSONPATCH),
    step("JSON patch of a missing path", "PATCH", L + "/a", [{"op": "remove", "path": "/spec/nothing"}], JSONPATCH),
    step("JSON patch that is none", "PATCH", L + "/a", {}, JSONPATCH),
    step("patch of unknown type", "PATCH", L + "/a", {}, "text/plain"),
    step("dry patch", "PATCH", L + "/a?dryRun=All", {"spec": {"holderIdentity": "dry"}}, MERGE),
    step("lease after all", "GET", L + "/a"),
    step("delete with a wrong uid", "DELETE", L + "/a", {"preconditions": {"uid": "other"}}),
    step("delete with a stale version", "DELETE", L + "/a", {"preconditions": {"resourceVersion": "1"}}),
    step("dry delete", "DELETE", L + "/a?dryRun=All"),
    step("delete with options", "DELETE", L + "/a", {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}),
    step("configmap", "POST", C, config("c", {"leader.pod.g": "b"}), remember="cm"),
    step("configmap overwritten blindly", "PUT", C + "/c", config("c", {"leader.pod.g": "c"})),
    step("configmap update stale", "PUT", C + "/c", config("c", {"x": "y"}, resourceVersion="$cm.rv")),
    step("configmap update missing", "PUT", C + "/none", config("none")),
    step("configmap key with a space", "POST", C, config("d", {"a b": "1"})),
    step("configmap key ..", "POST", C, config("d", {"..": "1"})),
    step("configmap null value", "POST", C, config("nulls", {"a": None})),
    step("configmap number", "POST", C, config("d", {"a": 1})),
    step("configmap immutable", "POST", C, {**config("im", {"a": "1"}), "immutable": True}),
    step("configmap immutable changed", "PATCH", C + "/im", {"data": {"a": "2"}}, MERGE),
    step("configmap immutable no more", "PATCH", C + "/im", {"immutable": False}, MERGE),
    step("finalizer", "POST", C, config("fin", finalizers=["example.com/a"])),
    step("finalizer unqualified", "POST", C, config("fin2", finalizers=["not ok"])),
    step("finalizer holds", "DELETE", C + "/fin"),
    step("finalizer added too late", "PATCH", C + "/fin", {"metadata": {"finalizers": ["example.com/a", "example.com/b"]}}, MERGE),
    step("finalizer removed", "PATCH", C + "/fin", {"metadata": {"finalizers": None}}, MERGE),
    step("finalized is gone", "GET", C + "/fin"),
    step("list by label", "GET", C + "?labelSelector=a%3Db"),
    step("bad label selector", "GET", C + "?labelSelector=a%20in"),
    step("bad field selector", "GET", C + "?fieldSelector=data.x%3D1"),
    step("list by name", "GET", C + "?fieldSelector=metadata.name%3Dc"),
    step("list too new", "GET", C + "?resourceVersion=99999999999999999"),
    step("list at nonsense", "GET", C + "?resourceVersion=abc"),
    step("get at nonsense", "GET", C + "/c?resourceVersion=abc"),
    step("pod", "POST", P, pod("p", labels={"app": "g"})),
    step("pod status", "PATCH", P + "/p/status", {"status": {"phase": "Running"}}, MERGE),
    step("pods by phase", "GET", P + "?fieldSelector=status.phase%3DPending"),
    step("event of elsewhere", "POST", E, {"metadata": {"name": "e"}, "involvedObject": {"namespace": "other", "name": "x"}}),
    step("event", "POST", E, {"metadata": {"name": "e"}, "involvedObject": {"namespace": "steps", "name": "x", "kind": "Lease"},
                              "reason": "R", "message": "hello", "type": "Normal"}),
    step("event as events.k8s.io", "GET", E8 + "/e"),
    step("unknown resource", "GET", "/api/v1/namespaces/steps/nothings"),
    step("unknown group", "GET", "/apis/nothing.k8s.io/v1/things"),
    step("unknown subresource", "GET", L + "/a/status"),
    step("POST on an object", "POST", L + "/a", lease("a")),
    step("PUT on a list", "PUT", L, lease("a")),
    step("POST without namespace", "POST", "/apis/coordination.k8s.io/v1/leases", lease("a")),
    step("namespace default", "DELETE", N + "/default"),
    step("namespace with a dot", "POST", N, {"metadata": {"name": "a.b"}}),
    step("namespaced deletion of nothing", "DELETE", L + "/none"),
    step("collection", "DELETE", C + "?fieldSelector=metadata.name%3Dnone"),
]

VARYING = ("uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "managedFields", "generation")
UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def comparable(code, body):
    """What both servers must agree on: the code; a Status' reason, message and details; an object's own content."""
    try:
        value = json.loads(body)
    except ValueError:
        return {"code": code, "text": UID.sub("UID", body.decode(errors="replace"))[:200]}
    if value.get("kind") == "Status":
        details = dict(value.get("details") or {})
        details.pop("uid", None)
        message = re.sub(r"\b\d{3,}\b", "N", UID.sub("UID", value.get("message", "")))
        return {"code": code, "status": value.get("status"), "reason": value.get("reason"), "message": message,
                "details": json.loads(re.sub(r"\b\d{3,}\b", "N", UID.sub("UID", json.dumps(details))))}
    if "items" in value:
        return {"code": code, "kind": value.get("kind"), "items": [item["metadata"]["name"] for item in value["items"]]}
    meta = {k: v for k, v in value.get("metadata", {}).items() if k not in VARYING}
    content = {k: v for k, v in value.items() if k in ("kind", "apiVersion", "data", "spec", "note", "message", "reason")}
    if value.get("kind") == "Pod":
        content.pop("spec")
    return {"code": code, "metadata": meta, **content}


def run(send):
    """Sends every step with send(method, path, headers, body) -> (code, bytes); returns label -> comparable answer."""
    memory, answers = {}, {}
    for s in STEPS:
        body = s["body"] if isinstance(s["body"], str) else json.dumps(s["body"]) if s["body"] is not None else None
        if body is not None:
            body = re.sub(r"\$(\w+)\.(rv|uid)", lambda m: memory[m.group(1)][m.group(2)], body)
        headers = {"Content-Type": s["type"]} if s["type"] and body is not None else {}
        code, answer = send(s["method"], s["path"], headers, body)
        if s["remember"]:
            meta = json.loads(answer)["metadata"]
            memory[s["remember"]] = {"rv": meta["resourceVersion"], "uid": meta["uid"]}
        answers[s["label"]] = comparable(code, answer)
    return answers
