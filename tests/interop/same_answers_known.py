"""Differences between `leasehold dev` and kube-apiserver that are meant, by the name of the request.

Each reason is the name of a paragraph in docs/dev-server.md.
"""
REASONS = {
    "nobody is asked for a token": [
        "no token", "no token on a resource", "bad token", "bad token writes",
    ],
    "answers are JSON only": [
        "lease as YAML", "lease as protobuf or JSON", "lease of YAML", "openapi index",
    ],
    "no server-side apply": [
        "server-side apply makes", "server-side apply changes", "server-side apply conflicts", "server-side apply without a manager",
        "server-side applied goes",
    ],
    "unknown members of a Lease's `spec` are kept": [
        "lease unknown member, ignored", "lease unknown member, warned",
    ],
    "`strategy` and `preferredHolder` are kept and checked": [
        "preferred holder alone",
    ],
    "not served": [
        "apis aggregated", "apis posted", "kind not served here", "livez verbose", "openapi of an unknown group", "watch by the old path",
    ],
    "its history begins with the process": [
        "watch from version 1",
    ],
    "Pods are not validated beyond their metadata": [
        "pod without containers", "pod deleted at once",
    ],
    "no garbage collector": [
        "delete in the foreground", "delete leaving orphans",
    ],
    "a broken request target": [
        "path with a broken escape",
    ],
    "a mistake of the client is not answered 500": [
        "strategic patch of finalizers", "strategic patch with a bad directive",
    ],
    "a body has at most 1 MiB": [
        "configmap beyond a mebibyte",
    ],
    "not yet brought in line": [
        "JSON patch of an unknown operation", "JSON patch too long", "JSON patch without a path", "collection whole",
        "configmap with bad binary", "delete after a negative time", "delete in a bad dry run", "delete with a bad policy",
        "delete with a bad policy in the query", "delete with orphans both ways", "event of the new group without its time",
        "events of an object", "lease as any application", "lease member twice, strict", "lease member twice, warned",
        "lease of a bad generated name", "lease of null", "lease with a bad time limit", "lease with a bad version",
        "lease with a manager of 129 letters", "lease with a manager that cannot be printed", "lease with bad validation",
        "lease with half an owner", "list at version 0, limited", "list by an unknown match", "list exactly at 0",
        "list exactly at nothing", "list of a negative limit", "list with initial events", "may I", "may I, of a path",
        "may I, of another kind", "may I, of both", "may I, of nothing", "merge patch of an unknown member, strict",
        "merge patch of the kind", "merge patch to a text", "merge patch with force", "path unknown posted", "resources deleted",
        "resources of leases v2", "resources of v1", "resources of v2", "update of a namespace's labels", "version posted",
        "watch for a word", "watch from nonsense", "watch of one path", "watch with a limit and a continue", "watch with a match",
        "watch with initial events and no bookmarks", "watch with initial events and no match", "watch with initial events, exactly",
        "what may I", "what may I, nowhere", "who am I",
    ],
}
KNOWN = {name: reason for reason, names in REASONS.items() for name in names}
