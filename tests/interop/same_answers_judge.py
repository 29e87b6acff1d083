"""What two servers must agree on, and where they do not. Pure: values in, values out.

An answer is {"code", "type", "warnings", "body": bytes, "watch": bool, "ended": bool}. comparable() reduces it to what docs/dev-server.md
promises: uids, times, versions and tokens become marks that say only that they are there and well formed; the words of a
Status and what the promise leaves out go. differences() then tells each place where two of them differ.
"""
import json
import re

UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
GENERATED = re.compile(r"\b([Gg]en[-_])[a-z0-9]{5}\b")
AGE = re.compile(r"(\d+[smhdy])+")
NUMBER = re.compile(r"\d+")
MARKS = {"uid": UID, "resourceVersion": NUMBER, "creationTimestamp": TIME, "deletionTimestamp": TIME, "continue": re.compile(r".+")}
# Discovery: the real server knows more than the development server serves.
GROUPS = ("authentication.k8s.io", "authorization.k8s.io", "coordination.k8s.io", "events.k8s.io")
RESOURCES = ("leases", "configmaps", "events", "namespaces", "pods", "pods/status", "selfsubjectaccessreviews",
             "selfsubjectrulesreviews", "selfsubjectreviews")
NAMESPACES = ("steps", "answers")


def marked(key, value):
    """A value that differs from server to server, as a mark; itself when it is not what it should be."""
    shape = MARKS.get(key)
    return f"<{key}>" if shape and isinstance(value, str) and shape.fullmatch(value) else value


def without(value, *keys):
    return {key: part for key, part in value.items() if key not in keys}


def of_meta(meta):
    return {key: marked(key, value) for key, value in meta.items() if key != "managedFields"}


def of_status(value):
    details = value.get("details") or {}
    causes = sorted({f"{cause.get('reason', '')} {cause.get('field', '')}" for cause in details.get("causes") or []})
    return {"kind": "Status", **{key: value.get(key) for key in ("apiVersion", "status", "reason", "code")},
            "details": {**{key: details[key] for key in ("group", "kind", "name") if key in details}, "causes": causes}}


def of_object(value, kind):
    kept = {**value, "metadata": of_meta(value.get("metadata") or {})}
    if kind == "Event":  # a member that is empty is one that is not there
        kept = {key: part for key, part in kept.items() if part not in ("", {})}
    if kind == "Pod":  # of a Pod its metadata, and of its status what somebody patched, are promised
        kept.pop("spec", None)
        status = value.get("status") or {}
        kept["status"] = {"phase": status.get("phase"), "conditions": [[c.get("type"), c.get("status")] for c in status.get("conditions") or []]}
    return kept


def is_of_ours(item):
    meta = (item.get("object") or item).get("metadata") or {}
    return meta.get("namespace", meta.get("name")) in NAMESPACES


def of_table(value):
    columns = [[column[key] for key in ("name", "type", "format", "priority")] for column in value["columnDefinitions"] or []]
    rows = [{"cells": ["<age>" if isinstance(cell, str) and AGE.fullmatch(cell) else cell for cell in row["cells"]],
             "object": of_any(row["object"]) if row.get("object") else None} for row in value["rows"] or []]
    return {**without(value, "columnDefinitions", "rows"), "metadata": of_meta(value.get("metadata") or {}), "columns": columns, "rows": rows}


def of_list(value):
    items = [of_any(item, value.get("kind", "").removesuffix("List")) for item in value["items"] or [] if is_of_ours(item)]
    return {**value, "metadata": of_meta(value.get("metadata") or {}), "items": items}


def of_group(group):
    return {**without(group, "serverAddressByClientCIDRs"), "versions": [v["groupVersion"] for v in group["versions"]][:1],
            "preferredVersion": group["preferredVersion"]["groupVersion"]}


def of_discovery(value):
    kind = value["kind"]
    if kind == "APIVersions":
        return {"kind": kind, "versions": value["versions"]}
    if kind == "APIGroup":
        return of_group(value)
    if kind == "APIGroupList":
        return {"kind": kind, "groups": sorted(({**of_group(g)} for g in value["groups"] if g["name"] in GROUPS), key=lambda g: g["name"])}
    return {**value, "resources": {r["name"]: {**without(r, "storageVersionHash", "categories"), "verbs": sorted(r["verbs"])}
                                   for r in value["resources"] if r["name"] in RESOURCES}}


def of_any(value, of_kind=""):
    kind = value.get("kind", of_kind) if isinstance(value, dict) else ""
    if not isinstance(value, dict):
        return value
    if kind == "Status":
        return of_status(value)
    if kind == "Table":
        return of_table(value)
    if "items" in value:
        return of_list(value)
    if kind in ("APIVersions", "APIGroup", "APIGroupList", "APIResourceList"):
        return of_discovery(value)
    if kind.startswith("SelfSubject"):  # who asks, and which rules he has, is the matter of each server
        status = {key: None if isinstance(part, (list, dict)) else part for key, part in value.get("status", {}).items() if key != "reason"}
        return {**without(value, "status"), "metadata": of_meta(value.get("metadata") or {}), "status": status}
    if "gitVersion" in value:
        return {"major": value.get("major"), "members": sorted(key for key in value if not key.startswith(("emulation", "minCompat")))}
    if "paths" in value:  # which paths there are is the matter of each server
        return {"paths": isinstance(value["paths"], dict) or sorted(value["paths"])[:1]}
    return of_object(value, kind)


def is_kept_alive(event):
    """A BOOKMARK that comes by the clock, not to end the initial events."""
    annotations = ((event.get("object") or {}).get("metadata") or {}).get("annotations") or {}
    return event.get("type") == "BOOKMARK" and "k8s.io/initial-events-end" not in annotations


def of_events(body):
    """The lines of a watch."""
    events = [event for event in map(json.loads, body.splitlines()) if not is_kept_alive(event)]
    return [{"type": e.get("type"), "object": of_any(e.get("object"))} if "type" in e else {"no event": of_any(e)} for e in events]


def comparable(answer):
    """What is promised of an answer, as plain data."""
    kept = {"code": answer["code"], "type": answer["type"], "warnings": answer["warnings"]}
    if not answer["ended"]:
        kept["ended"] = False
    if answer["type"] != "application/json" and not answer["body"].startswith(b'{"'):
        return kept if answer["type"] != "text/plain" else {**kept, "text": answer["body"].decode(errors="replace")[:200]}
    try:
        if answer["watch"] and answer["code"] == 200:
            return {**kept, "events": of_events(answer["body"])}
        return {**kept, "body": of_any(json.loads(GENERATED.sub(r"\1<five>", answer["body"].decode())))}
    except (ValueError, KeyError, TypeError) as error:
        return {**kept, "unreadable": f"{type(error).__name__} {error}: {answer['body'][:200]!r}"}


def flat(value, path=""):
    """Leaf by leaf; an empty list or object is a leaf, so that it is not the same as none. A null is: no client tells them apart."""
    if value is None:
        return {}
    if isinstance(value, dict) and value:
        return {p: leaf for key, part in value.items() for p, leaf in flat(part, f"{path}.{key}" if path else str(key)).items()}
    if isinstance(value, list) and value:
        return {p: leaf for i, part in enumerate(value) for p, leaf in flat(part, f"{path}[{i}]").items()}
    return {path: value}


def differences(ours, theirs):
    """Each place where two comparable answers differ, as sentences; empty when they say the same. Where the codes differ, or
    what kind of thing was answered, the rest is not told: it follows from that."""
    a, b = flat(ours), flat(theirs)
    for telling in (("code", "body.reason"), ("unreadable",), ("body.kind",)):
        if any(a.get(path) != b.get(path) for path in telling[:1]):
            a, b = ({path: side[path] for path in telling if path in side} for side in (a, b))
    nothing = object()

    def shown(value):
        return "nothing" if value is nothing else json.dumps(value)[:160]

    return [f"{path}: here {shown(a.get(path, nothing))}, there {shown(b.get(path, nothing))}"
            for path in sorted({*a, *b}) if path not in a or path not in b or a[path] != b[path]
            or isinstance(a[path], bool) != isinstance(b[path], bool)]


def verdict(ours, theirs, known):
    """Of whole runs, name to comparable answer: sentences of what is wrong. `known` names requests that must differ."""
    wrong = [f"{name}: was {'sent here only' if name in ours else 'not sent here'}" for name in sorted({*ours} ^ {*theirs})]
    wrong += [f"{name}: listed as a known difference, but no request has that name" for name in sorted({*known} - {*ours})]
    for name in ours:
        if name not in theirs:
            continue
        found = differences(ours[name], theirs[name])
        if found and name not in known:
            wrong += [f"{name}: {one}" for one in found]
        if not found and name in known:
            wrong.append(f"{name}: listed as a known difference, but both answer the same now; take it from the list")
    return wrong
