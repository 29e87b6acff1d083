"""Requests that kube-apiserver and `leasehold dev` must answer alike, in the order in which they are sent.

Here: the requests, good and bad, as a table. Not here: sending (same_answers.py) and judging (same_answers_judge.py). The first
half is tests/e2e/devserver_steps.py; this file adds what else clients send, and what they send wrong. A name is unique; a
difference that is known is listed under it in same_answers_known.py.
"""
import json
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "e2e")]
import devserver_steps  # noqa: E402

N = "/api/v1/namespaces"
L = "/apis/coordination.k8s.io/v1/namespaces/answers/leases"
C = N + "/answers/configmaps"
P = N + "/answers/pods"
E = N + "/answers/events"
E8 = "/apis/events.k8s.io/v1/namespaces/answers/events"
SSAR = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
SSRR = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
SSR = "/apis/authentication.k8s.io/v1/selfsubjectreviews"

JSON = "application/json"
MERGE = "application/merge-patch+json"
PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


def ask(name, method, path, body=None, type=JSON, accept=None, remember=None, token=None, **headers):
    """One request. $x.rv, $x.uid and $x.continue in path and body stand for what the answer remembered as x said. A token of
    None is the administrator's, "" none at all. A watch reads until the server ends it."""
    return {"name": name, "method": method, "path": path, "body": body, "type": type, "accept": accept, "remember": remember,
            "token": token, "headers": {key.replace("_", "-"): value for key, value in headers.items()}}


def lease(name, spec=None, **meta):
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name, **meta}, "spec": spec or {}}


def config(name, data=None, **meta):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **meta}, "data": data or {}}


def pod(name, **meta):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **meta}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def event(name, **rest):
    return {"metadata": {"name": name}, "involvedObject": {"namespace": "answers", "name": "a", "kind": "Lease"}, "reason": "R",
            "message": "m", "type": "Normal", **rest}


# ---- protobuf as client-go writes it ------------------------------------------------------------------------------------


def field(number, value):
    """A field of bytes, text or a number below 128."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    data = value.encode() if isinstance(value, str) else value
    size = bytes([len(data)]) if len(data) < 128 else bytes([len(data) & 127 | 128, len(data) >> 7])
    return bytes([number << 3 | 2]) + size + data


def protobuf(version, kind, raw):
    return b"k8s\x00" + field(1, field(1, version) + field(2, kind)) + field(2, raw)


def lease_protobuf(name, holder):
    return protobuf("coordination.k8s.io/v1", "Lease", field(1, field(1, name)) + field(2, field(1, holder) + field(2, 15)))


# ---- the requests ---------------------------------------------------------------------------------------------------------

DOCUMENTS = [
    ask("version", "GET", "/version"),
    ask("version with a time limit", "GET", "/version?timeout=32s"),
    ask("version posted", "POST", "/version", {}),
    ask("api", "GET", "/api"),
    ask("apis", "GET", "/apis?timeout=32s"),
    ask("apis aggregated", "GET", "/apis", accept=DISCOVERY),
    ask("apis posted", "POST", "/apis", {}),
    ask("resources of v1", "GET", "/api/v1"),
    ask("resources of v2", "GET", "/api/v2"),
    ask("group of leases", "GET", "/apis/coordination.k8s.io"),
    ask("resources of leases", "GET", "/apis/coordination.k8s.io/v1"),
    ask("resources of leases v2", "GET", "/apis/coordination.k8s.io/v2"),
    ask("resources of events", "GET", "/apis/events.k8s.io/v1"),
    ask("resources of authentication", "GET", "/apis/authentication.k8s.io/v1"),
    ask("resources of authorization", "GET", "/apis/authorization.k8s.io/v1"),
    ask("resources deleted", "DELETE", "/api/v1"),
    ask("livez", "GET", "/livez"),
    ask("readyz", "GET", "/readyz"),
    ask("healthz", "GET", "/healthz"),
    ask("livez verbose", "GET", "/livez/ping"),
    ask("openapi index", "GET", "/openapi/v3"),
    ask("openapi of an unknown group", "GET", "/openapi/v3/apis/nope/v1"),
    ask("path unknown", "GET", "/nothing"),
    ask("path unknown posted", "POST", "/nothing", {}),
    ask("path with a broken escape", "GET", N + "/%zz"),
    ask("kind not served here", "GET", "/apis/apps/v1/namespaces/answers/deployments"),
]

TOKENS = [
    ask("no token", "GET", "/version", token=""),
    ask("no token on a resource", "GET", N + "/default/configmaps", token=""),
    ask("bad token", "GET", N + "/default/configmaps", token="wrong"),
    ask("bad token writes", "POST", N + "/default/configmaps", config("x"), token="wrong"),
]

NAMESPACES = [
    ask("namespace made", "POST", N, {"metadata": {"name": "answers"}}),
    ask("namespace exists", "POST", N, {"metadata": {"name": "answers"}}),
    ask("namespace read", "GET", N + "/answers"),
    ask("namespace of upper case", "POST", N, {"metadata": {"name": "Answers"}}),
    ask("namespace too long", "POST", N, {"metadata": {"name": "a" * 64}}),
    ask("namespace without a name", "POST", N, {"metadata": {}}),
    ask("namespace in a dry run", "POST", N + "?dryRun=All", {"metadata": {"name": "dry"}}),
    ask("namespace of a dry run", "GET", N + "/dry"),
    ask("namespace labelled", "PATCH", N + "/answers", {"metadata": {"labels": {"a": "b"}}}, MERGE),
    ask("namespaces by label", "GET", N + "?labelSelector=a%3Db"),
    ask("namespace default read", "GET", N + "/default"),
    ask("namespace missing", "GET", N + "/missing"),
    ask("namespaces deleted together", "DELETE", N + "?labelSelector=x%3Dnone"),
    ask("namespaced Namespace", "GET", N + "/answers/namespaces"),
]

LEASES = [
    ask("lease made", "POST", L, lease("a", {"holderIdentity": "h", "leaseDurationSeconds": 15, "leaseTransitions": 0}), remember="a"),
    ask("lease with strict validation", "POST", L + "?fieldValidation=Strict&fieldManager=kubectl-create", lease("strict")),
    ask("lease unknown member, strict", "POST", L + "?fieldValidation=Strict", lease("x", {"nope": 1})),
    ask("lease unknown top member, strict", "POST", L + "?fieldValidation=Strict", {**lease("x"), "nope": 1}),
    ask("lease unknown meta member, strict", "POST", L + "?fieldValidation=Strict", lease("x", nope="1")),
    ask("lease unknown member, ignored", "POST", L + "?fieldValidation=Ignore", lease("ignored", {"nope": 1})),
    ask("lease unknown member, warned", "POST", L + "?fieldValidation=Warn", lease("warned", {"nope": 1})),
    ask("lease with an unknown member goes", "DELETE", L + "/ignored"),
    ask("lease with a warned member goes", "DELETE", L + "/warned"),
    ask("lease member twice, strict", "POST", L + "?fieldValidation=Strict",
        '{"metadata":{"name":"twice"},"spec":{"holderIdentity":"a","holderIdentity":"b"}}'),
    ask("lease member twice, warned", "POST", L + "?fieldValidation=Warn",
        '{"metadata":{"name":"twice"},"spec":{"holderIdentity":"a","holderIdentity":"b"}}'),
    ask("lease with bad validation", "POST", L + "?fieldValidation=Maybe", lease("x")),
    ask("lease with a manager of 129 letters", "POST", L + "?fieldManager=" + "m" * 129, lease("x")),
    ask("lease with a manager that cannot be printed", "POST", L + "?fieldManager=%01", lease("x")),
    ask("lease of protobuf", "POST", L, lease_protobuf("proto", "p"), PROTOBUF),
    ask("lease of protobuf read", "GET", L + "/proto"),
    ask("lease of broken protobuf", "POST", L, b"k8s\x00\x0a\xff", PROTOBUF),
    ask("lease of protobuf without its magic", "POST", L, b"\x0a\x02hi", PROTOBUF),
    ask("lease of JSON called protobuf", "POST", L, lease("x"), PROTOBUF),
    ask("lease of another kind in protobuf", "POST", L, protobuf("v1", "ConfigMap", field(1, field(1, "x"))), PROTOBUF),
    ask("lease of YAML", "POST", L, "metadata:\n  name: yaml\nspec:\n  holderIdentity: y\n", YAML),
    ask("lease as a form", "POST", L, "a=b", "application/x-www-form-urlencoded"),
    ask("lease of JSON with a charset", "POST", L, lease("charset"), "application/json; charset=utf-8"),
    ask("lease of JSON in capitals", "POST", L, lease("capitals"), "Application/JSON"),
    ask("lease of a broken media type", "POST", L, lease("x"), "application"),
    ask("lease of null", "POST", L, "null"),
    ask("lease of a number", "POST", L, "1"),
    ask("lease of a text", "POST", L, '"x"'),
    ask("lease cut off", "POST", L, '{"metadata":{"name":"cut"'),
    ask("lease with more behind", "POST", L, '{"metadata":{"name":"behind"}} x'),
    ask("lease whose metadata is a list", "POST", L, {"metadata": []}),
    ask("lease whose labels are numbers", "POST", L, lease("x", labels={"a": 1})),
    ask("lease whose spec is null", "POST", L, {"metadata": {"name": "nullspec"}, "spec": None}),
    ask("lease whose spec is a text", "POST", L, {"metadata": {"name": "x"}, "spec": "s"}),
    ask("lease whose holder is a number", "POST", L, lease("x", {"holderIdentity": 1})),
    ask("lease whose duration is a fraction", "POST", L, lease("x", {"leaseDurationSeconds": 1.5})),
    ask("lease whose duration is beyond 32 bits", "POST", L, lease("x", {"leaseDurationSeconds": 4294967296})),
    ask("lease whose time is garbage", "POST", L, lease("x", {"renewTime": "yesterday"})),
    ask("lease whose time is null", "POST", L, lease("nulltime", {"renewTime": None, "holderIdentity": None})),
    ask("lease with a uid of its own", "POST", L, lease("owned", uid="11111111-2222-3333-4444-555555555555")),
    ask("lease with a creation time of its own", "POST", L, lease("aged", creationTimestamp="2001-01-01T00:00:00Z")),
    ask("lease of a generated name", "POST", L, {"metadata": {"generateName": "gen-"}}),
    ask("lease of a bad generated name", "POST", L, {"metadata": {"generateName": "Gen_"}}),
    ask("lease with a dot at the end", "POST", L, lease("a.")),
    ask("lease with a slash", "POST", L, lease("a/b")),
    ask("lease with an owner", "POST", L, lease("child", ownerReferences=[{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}])),
    ask("lease with half an owner", "POST", L, lease("x", ownerReferences=[{"kind": "Pod", "name": "p"}])),
    ask("lease with a long label value", "POST", L, lease("x", labels={"a": "b" * 64})),
    ask("lease with too many annotations", "POST", L, lease("x", annotations={"a": "b" * (256 * 1024)})),
    ask("lease with a bad version", "POST", L, lease("x", resourceVersion="abc")),
    ask("lease too large", "POST", L, lease("x", {"holderIdentity": "h" * (3 * 1024 * 1024 + 100)})),
    ask("lease in a dry run of two", "POST", L + "?dryRun=All&dryRun=All", lease("drytwo")),
    ask("lease printed", "POST", L + "?pretty=true", lease("pretty")),
    ask("lease of another time limit", "GET", L + "/a?timeout=5s"),
    ask("lease with a bad time limit", "GET", L + "/a?timeout=soon"),
    ask("lease as a table", "GET", L + "/a", accept=TABLE),
    ask("lease as a table without objects", "GET", L + "/a?includeObject=None", accept=TABLE),
    ask("lease as a table with a bad include", "GET", L + "/a?includeObject=Some", accept=TABLE),
    ask("lease as metadata", "GET", L + "/a", accept=PARTIAL),
    ask("lease as XML", "GET", L + "/a", accept="text/html"),
    ask("lease as anything", "GET", L + "/a", accept="*/*"),
    ask("lease as any application", "GET", L + "/a", accept="application/*"),
    ask("lease as protobuf or JSON", "GET", L + "/a", accept=PROTOBUF + "," + JSON),
    ask("lease as YAML", "GET", L + "/a", accept=YAML),
    ask("lease as an unknown view", "GET", L + "/a", accept="application/json;as=Nothing;v=v1;g=meta.k8s.io"),
    ask("lease at version 0", "GET", L + "/a?resourceVersion=0"),
    ask("lease at a version to come", "GET", L + "/a?resourceVersion=99999999999999999"),
    ask("lease head", "HEAD", L + "/a"),
    ask("lease options", "OPTIONS", L + "/a"),
    ask("lease brewed", "BREW", L + "/a"),
    ask("lease posted with its name", "POST", L + "/a", lease("a")),
    ask("leases patched", "PATCH", L, {}, MERGE),
    ask("lease scale", "GET", L + "/a/scale"),
    ask("lease with a slash at the end", "GET", L + "/a/"),
    ask("leases of all namespaces posted", "POST", "/apis/coordination.k8s.io/v1/leases", lease("x")),
    ask("leases of a missing namespace", "GET", L.replace("answers", "missing")),
    ask("lease of a missing namespace", "GET", L.replace("answers", "missing") + "/a"),
]

UPDATES = [
    ask("update in order", "PUT", L + "/a", lease("a", {"holderIdentity": "i"}, resourceVersion="$a.rv"), remember="b"),
    ask("update with an old version", "PUT", L + "/a", lease("a", {"holderIdentity": "j"}, resourceVersion="$a.rv")),
    ask("update with version 0", "PUT", L + "/a", lease("a", {"holderIdentity": "j"}, resourceVersion="0")),
    ask("update of protobuf", "PUT", L + "/proto", lease_protobuf("proto", "q"), PROTOBUF),
    ask("update of a dry run", "PUT", L + "/a?dryRun=All", lease("a", {"holderIdentity": "dry"}, resourceVersion="$b.rv")),
    ask("update with an unknown member, strict", "PUT", L + "/a?fieldValidation=Strict", lease("a", {"nope": 1}, resourceVersion="$b.rv")),
    ask("update to a bad duration", "PUT", L + "/a", lease("a", {"leaseDurationSeconds": -5}, resourceVersion="$b.rv")),
    ask("update of another kind", "PUT", L + "/a", config("a", resourceVersion="$b.rv")),
    ask("update without a body", "PUT", L + "/a", ""),
    ask("update as text", "PUT", L + "/a", "x", "text/plain"),
    ask("update in a missing namespace", "PUT", L.replace("answers", "missing") + "/a", lease("a")),
    ask("update of a namespace's labels", "PUT", N + "/answers", {"metadata": {"name": "answers", "labels": {"c": "d"}}}),
    ask("merge patch in order", "PATCH", L + "/a", {"spec": {"leaseDurationSeconds": 9}, "metadata": {"labels": {"app": "g"}}}, MERGE),
    ask("merge patch that changes nothing", "PATCH", L + "/a", {}, MERGE),
    ask("merge patch of null", "PATCH", L + "/a", "null", MERGE),
    ask("merge patch cut off", "PATCH", L + "/a", "{", MERGE),
    ask("merge patch of an unknown member, strict", "PATCH", L + "/a?fieldValidation=Strict", {"spec": {"nope": 1}}, MERGE),
    ask("merge patch of the kind", "PATCH", L + "/a", {"kind": "Other"}, MERGE),
    ask("merge patch to a text", "PATCH", L + "/a", {"spec": {"leaseDurationSeconds": "9"}}, MERGE),
    ask("merge patch with force", "PATCH", L + "/a?force=true", {}, MERGE),
    ask("merge patch of the namespace", "PATCH", L + "/a", {"metadata": {"namespace": "other"}}, MERGE),
    ask("JSON patch in order", "PATCH", L + "/a", [{"op": "test", "path": "/spec/leaseDurationSeconds", "value": 9},
                                                  {"op": "add", "path": "/metadata/annotations", "value": {"k": "v"}}], PATCH),
    ask("JSON patch copies and moves", "PATCH", L + "/a", [{"op": "copy", "from": "/metadata/annotations/k", "path": "/metadata/annotations/l"},
                                                          {"op": "move", "from": "/metadata/annotations/k", "path": "/metadata/annotations/m"}],
        PATCH),
    ask("JSON patch of nothing", "PATCH", L + "/a", [], PATCH),
    ask("JSON patch of an unknown operation", "PATCH", L + "/a", [{"op": "turn", "path": "/spec"}], PATCH),
    ask("JSON patch without a path", "PATCH", L + "/a", [{"op": "remove"}], PATCH),
    ask("JSON patch too long", "PATCH", L + "/a", [{"op": "test", "path": "/kind", "value": "Lease"}] * 10001, PATCH),
    ask("strategic patch in order", "PATCH", L + "/a", {"metadata": {"labels": {"s": "t"}}}, STRATEGIC),
    ask("strategic patch with a bad directive", "PATCH", L + "/a", {"spec": {"$patch": "turn"}}, STRATEGIC),
    ask("strategic patch of finalizers", "PATCH", L + "/a", {"metadata": {"$setElementOrder/finalizers": [], "finalizers": []}}, STRATEGIC),
    ask("strategic patch of a list", "PATCH", L + "/a", [], STRATEGIC),
    ask("patch without a type", "PATCH", L + "/a", {}, None),
    ask("patch as plain JSON", "PATCH", L + "/a", {}, JSON),
    ask("patch of a missing namespace", "PATCH", L.replace("answers", "missing") + "/a", {}, MERGE),
    ask("server-side apply makes", "PATCH", L + "/applied?fieldManager=m&force=false", lease("applied", {"holderIdentity": "s"}), APPLY),
    ask("server-side apply changes", "PATCH", L + "/applied?fieldManager=m", lease("applied", {"holderIdentity": "t"}), APPLY),
    ask("server-side apply conflicts", "PATCH", L + "/applied?fieldManager=n", lease("applied", {"holderIdentity": "u"}), APPLY),
    ask("server-side apply without a manager", "PATCH", L + "/applied", lease("applied"), APPLY),
    ask("server-side applied goes", "DELETE", L + "/applied"),
]

MAPS = [
    ask("configmap made", "POST", C, config("c", {"k": "v"}, labels={"app": "g"}), remember="c"),
    ask("configmap without data", "POST", C, {"metadata": {"name": "bare"}}),
    ask("configmap with binary", "POST", C, {"metadata": {"name": "binary"}, "binaryData": {"b": "AAEC"}}),
    ask("configmap with bad binary", "POST", C, {"metadata": {"name": "x"}, "binaryData": {"b": "%%%"}}),
    ask("configmap with a key twice", "POST", C, {"metadata": {"name": "x"}, "data": {"b": "1"}, "binaryData": {"b": "AAEC"}}),
    ask("configmap with an empty key", "POST", C, config("x", {"": "1"})),
    ask("configmap with a long key", "POST", C, config("x", {"k" * 254: "1"})),
    ask("configmap whose data is a list", "POST", C, {"metadata": {"name": "x"}, "data": []}),
    ask("configmap beyond a mebibyte", "POST", C, config("x", {"k": "v" * (1024 * 1024 + 1)})),
    ask("configmap unknown member, strict", "POST", C + "?fieldValidation=Strict", {**config("x"), "spec": {}}),
    ask("configmap of protobuf", "POST", C, protobuf("v1", "ConfigMap", field(1, field(1, "proto")) + field(2, field(1, "k") + field(2, "v"))),
        PROTOBUF),
    ask("configmap as a table", "GET", C + "/c", accept=TABLE),
    ask("configmap as metadata", "GET", C + "/c", accept=PARTIAL),
    ask("configmap with an annotation", "PATCH", C + "/c",
        {"metadata": {"annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}}}, MERGE, remember="c2"),
    ask("configmap put with its old version", "PUT", C + "/c", config("c", {"k": "w"}, resourceVersion="$c.rv")),
    ask("configmap put with its version", "PUT", C + "/c", config("c", {"k": "w"}, resourceVersion="$c2.rv"),
        "application/json; charset=utf-8"),
]

PODS = [
    ask("pod made", "POST", P, pod("p", labels={"app": "g"})),
    ask("pod read", "GET", P + "/p"),
    ask("pod status by merge", "PATCH", P + "/p/status",
        {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}, MERGE),
    ask("pod status by strategic merge", "PATCH", P + "/p/status",
        {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, STRATEGIC),
    ask("pod status read", "GET", P + "/p/status"),
    ask("pods by label", "GET", P + "?labelSelector=app%3Dg"),
    ask("pods by an unknown field", "GET", P + "?fieldSelector=spec.nothing%3Dx"),
    ask("pods by phase and not by name", "GET", P + "?fieldSelector=status.phase%3DRunning,metadata.name%21%3Dq"),
    ask("pods as a table", "GET", P, accept=TABLE),
    ask("pod without containers", "POST", P, {"metadata": {"name": "empty"}, "spec": {}}),
    ask("pod deleted at once", "DELETE", P + "/p", {"gracePeriodSeconds": 0}),
    ask("pod deleted again", "DELETE", P + "/p"),
]

EVENTS = [
    ask("event made", "POST", E, event("e")),
    ask("event of another type", "POST", E, event("f", type="Loud")),
    ask("event without an object", "POST", E, {"metadata": {"name": "g"}}),
    ask("event of the new group", "POST", E8, {
        "metadata": {"name": "n"}, "eventTime": "2026-11-23T03:00:00.000000Z", "reportingController": "example.com/c",
        "reportingInstance": "i", "action": "Act", "reason": "R", "note": "n", "type": "Normal",
        "regarding": {"namespace": "answers", "name": "a", "kind": "Lease"}}),
    ask("event of the new group without its time", "POST", E8, {
        "metadata": {"name": "o"}, "reportingController": "example.com/c", "reportingInstance": "i", "action": "Act", "reason": "R",
        "type": "Normal", "regarding": {"namespace": "answers", "name": "a", "kind": "Lease"}}),
    ask("events of an object", "GET", E + "?fieldSelector=involvedObject.name%3Da,involvedObject.kind%3DLease&limit=500"),
    ask("events by an unknown field", "GET", E + "?fieldSelector=involvedObject.colour%3Dx"),
    ask("event patched", "PATCH", E + "/e", {"count": 2}, STRATEGIC),
    ask("event deleted", "DELETE", E + "/e"),
]

REVIEWS = [
    ask("may I", "POST", SSAR, {"spec": {"resourceAttributes": {"namespace": "answers", "verb": "get", "resource": "configmaps"}}}),
    ask("may I, of a path", "POST", SSAR, {"spec": {"nonResourceAttributes": {"path": "/version", "verb": "get"}}}),
    ask("may I, of nothing", "POST", SSAR, {"spec": {}}),
    ask("may I, of both", "POST", SSAR, {"spec": {"resourceAttributes": {"verb": "get"}, "nonResourceAttributes": {"path": "/"}}}),
    ask("may I, read", "GET", SSAR),
    ask("may I, of a garbled body", "POST", SSAR, "{"),
    ask("may I, of another kind", "POST", SSAR, config("x")),
    ask("what may I", "POST", SSRR, {"spec": {"namespace": "answers"}}),
    ask("what may I, nowhere", "POST", SSRR, {"spec": {}}),
    ask("who am I", "POST", SSR, {}),
    ask("who am I, read", "GET", SSR),
    ask("who am I, deleted", "DELETE", SSR),
]

LISTS = [
    ask("list of two", "GET", L + "?limit=2", remember="page"),
    ask("list goes on", "GET", L + "?limit=2&continue=$page.continue"),
    ask("list goes on with a version", "GET", L + "?limit=2&resourceVersion=5&continue=$page.continue"),
    ask("list goes on from garbage", "GET", L + "?limit=2&continue=garbage"),
    ask("list of a negative limit", "GET", L + "?limit=-1"),
    ask("list of a limit that is a word", "GET", L + "?limit=many"),
    ask("list of limit 0", "GET", L + "?limit=0"),
    ask("list by name that is missing", "GET", L + "?fieldSelector=metadata.name%3Dnone"),
    ask("list by not a name", "GET", L + "?fieldSelector=metadata.name%21%3Da"),
    ask("list by namespace", "GET", "/apis/coordination.k8s.io/v1/leases?fieldSelector=metadata.namespace%3Danswers"),
    ask("list by the holder", "GET", L + "?fieldSelector=spec.holderIdentity%3Dh"),
    ask("list by a garbled field", "GET", L + "?fieldSelector=metadata.name"),
    ask("list by set of labels", "GET", L + "?labelSelector=app%20in%20%28g,h%29,s"),
    ask("list by absence of a label", "GET", C + "?labelSelector=%21app"),
    ask("list by notin", "GET", C + "?labelSelector=app%20notin%20%28g%29"),
    ask("list by a label greater", "GET", L + "?labelSelector=app%3E3"),
    ask("list by a bad label key", "GET", L + "?labelSelector=a%20b%3Dc"),
    ask("list by a bad label value", "GET", L + "?labelSelector=a%3Db%20c"),
    ask("list by an open bracket", "GET", L + "?labelSelector=a%20in%20%28b"),
    ask("list at version 0", "GET", C + "?resourceVersion=0"),
    ask("list at version 0, limited", "GET", C + "?resourceVersion=0&limit=1"),
    ask("list not older", "GET", C + "?resourceVersion=$c.rv&resourceVersionMatch=NotOlderThan"),
    ask("list exactly", "GET", C + "?resourceVersion=$c.rv&resourceVersionMatch=Exact"),
    ask("list exactly at 0", "GET", C + "?resourceVersion=0&resourceVersionMatch=Exact"),
    ask("list exactly at nothing", "GET", C + "?resourceVersionMatch=Exact"),
    ask("list by an unknown match", "GET", C + "?resourceVersion=$c.rv&resourceVersionMatch=Roughly"),
    ask("list exactly in the future", "GET", C + "?resourceVersion=99999999999999999&resourceVersionMatch=Exact"),
    ask("list of a negative version", "GET", C + "?resourceVersion=-1"),
    ask("list with initial events", "GET", C + "?sendInitialEvents=true"),
    ask("list as a table", "GET", L + "?limit=500", accept=TABLE),
    ask("list as metadata", "GET", L, accept=PARTIAL_LIST),
    ask("list as XML", "GET", L, accept="text/xml"),
]

WATCHES = [
    ask("watch from the start", "GET", C + "?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dc"),
    ask("watch from 0", "GET", C + "?watch=1&resourceVersion=0&timeoutSeconds=1&fieldSelector=metadata.name%3Dc"),
    ask("watch from a version", "GET", C + "?watch=true&resourceVersion=$c.rv&timeoutSeconds=1&fieldSelector=metadata.name%3Dc"),
    ask("watch from version 1", "GET", C + "?watch=true&resourceVersion=1&timeoutSeconds=1"),
    ask("watch from nonsense", "GET", C + "?watch=true&resourceVersion=abc&timeoutSeconds=1"),
    ask("watch from the future", "GET", C + "?watch=true&resourceVersion=99999999999999999&timeoutSeconds=1"),
    ask("watch with initial events", "GET", C + "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        "&allowWatchBookmarks=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dc"),
    ask("watch with initial events and no bookmarks", "GET", C + "?watch=true&sendInitialEvents=true"
        "&resourceVersionMatch=NotOlderThan&timeoutSeconds=1&fieldSelector=metadata.name%3Dc"),
    ask("watch with initial events and no match", "GET", C + "?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&timeoutSeconds=1"),
    ask("watch with initial events, exactly", "GET", C + "?watch=true&sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=1"),
    ask("watch with a match", "GET", C + "?watch=true&resourceVersionMatch=NotOlderThan&resourceVersion=0&timeoutSeconds=1"),
    ask("watch by an unknown field", "GET", C + "?watch=true&fieldSelector=data.k%3Dv&timeoutSeconds=1"),
    ask("watch by a bad label", "GET", C + "?watch=true&labelSelector=a%20in&timeoutSeconds=1"),
    ask("watch for a word", "GET", C + "?watch=true&timeoutSeconds=soon"),
    ask("watch that is not", "GET", C + "?watch=maybe&timeoutSeconds=1&fieldSelector=metadata.name%3Dc"),
    ask("watch of one path", "GET", C + "/c?watch=true&timeoutSeconds=1"),
    ask("watch as a table", "GET", L + "?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Da", accept=TABLE),
    ask("watch as metadata", "GET", L + "?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Da", accept=PARTIAL),
    ask("watch of a missing namespace", "GET", L.replace("answers", "missing") + "?watch=true&timeoutSeconds=1"),
    ask("watch with a limit and a continue", "GET", C + "?watch=true&continue=x&timeoutSeconds=1"),
    ask("watch by the old path", "GET", "/api/v1/watch/namespaces/answers/configmaps?timeoutSeconds=1&fieldSelector=metadata.name%3Dc"),
]

DELETES = [
    ask("delete with a protobuf body", "DELETE", L + "/proto", protobuf("v1", "DeleteOptions", field(4, "Background")), PROTOBUF),
    ask("delete by another uid", "DELETE", L + "/a", {"preconditions": {"uid": "other"}}),
    ask("delete by another version", "DELETE", L + "/a", {"preconditions": {"resourceVersion": "1"}}),
    ask("delete by its uid", "DELETE", C + "/c", {"preconditions": {"uid": "$c.uid"}}),
    ask("delete with a bad policy", "DELETE", L + "/a", {"propagationPolicy": "Sideways"}),
    ask("delete with a bad policy in the query", "DELETE", L + "/a?propagationPolicy=Sideways"),
    ask("delete with orphans both ways", "DELETE", L + "/a", {"orphanDependents": True, "propagationPolicy": "Orphan"}),
    ask("delete after a negative time", "DELETE", L + "/a", {"gracePeriodSeconds": -1}),
    ask("delete with another kind", "DELETE", L + "/a", config("a")),
    ask("delete with a garbled body", "DELETE", L + "/a", "{"),
    ask("delete as text", "DELETE", L + "/a", "x", "text/plain"),
    ask("delete in a dry run of the body", "DELETE", L + "/a", {"dryRun": ["All"]}),
    ask("delete in a bad dry run", "DELETE", L + "/a", {"dryRun": ["Some"]}),
    ask("delete in a bad dry run of the query", "DELETE", L + "/a?dryRun=Some"),
    ask("delete after the deletions that were not", "GET", L + "/a"),
    ask("delete in the foreground", "DELETE", L + "/strict?propagationPolicy=Foreground"),
    ask("delete leaving orphans", "DELETE", L + "/charset", {"propagationPolicy": "Orphan"}),
    ask("delete of a missing namespace", "DELETE", L.replace("answers", "missing") + "/a"),
    ask("collection in a dry run", "DELETE", L + "?dryRun=All&labelSelector=app%3Dg"),
    ask("collection by a bad label", "DELETE", L + "?labelSelector=a%20in"),
    ask("collection by an unknown field", "DELETE", L + "?fieldSelector=spec.x%3D1"),
    ask("collection by label", "DELETE", L + "?labelSelector=app%3Dg"),
    ask("collection deleted", "GET", L + "?labelSelector=app%3Dg"),
    ask("collection of all namespaces", "DELETE", "/apis/coordination.k8s.io/v1/leases"),
    ask("collection with a garbled body", "DELETE", C, "{"),
    ask("collection whole", "DELETE", C),
    ask("collection empty", "DELETE", C),
]


def of_step(s):
    return ask(s["label"], s["method"], s["path"], s["body"], s["type"], remember=s["remember"])


REQUESTS = [*map(of_step, devserver_steps.STEPS), *DOCUMENTS, *TOKENS, *NAMESPACES, *LEASES, *UPDATES, *MAPS, *PODS, *EVENTS, *REVIEWS,
            *LISTS, *WATCHES, *DELETES]


def bytes_of(body):
    """As sent."""
    if body is None or isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
