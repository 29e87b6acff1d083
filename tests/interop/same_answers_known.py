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
    "there are no `Warning` headers": ["lease member twice, warned"],
    "a body of `null` is no object": ["lease of null"],
}
KNOWN = {name: reason for reason, names in REASONS.items() for name in names}
