#!/usr/bin/env python3
"""Prints what is linked, as CycloneDX 1.5 (JSON): `sbom.py VERSION PROGRAM... [--static PROGRAM]`.

A dynamic program's libraries are those that its header names, and those that they name in turn; which Debian package brings each,
in which version, under which licences, is asked of dpkg. A static program names nothing: it is made of the sources that
packaging/sources.txt pins, and of the archives of the -dev packages that cmake/static.cmake links."""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
# The static program's archives beside the pinned sources: a file of each.
ARCHIVES = ("libjansson.a", "libyaml.a", "libevent_core.a", "libc.a")


def say(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needed(path):
    return re.findall(r"\(NEEDED\).*\[(.+)\]", say("readelf", "-d", path))


def libraries(path):
    """Every library of a program: its name and the file that the loader takes."""
    found = {}
    for line in say("ldd", path).split("\n"):
        if m := re.match(r"\s*(\S+) => (/\S+)", line):
            found[m[1]] = os.path.realpath(m[2])
        elif m := re.match(r"\s*(/\S+)\s", line):  # the loader
            found[os.path.basename(m[1])] = os.path.realpath(m[1])
    return found


def owner(path):
    """The package that a file is of; dpkg may know it by its name before /usr was merged."""
    for name in (path, path.removeprefix("/usr")):
        result = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True)
        if result.returncode == 0:
            return result.stdout.split(":")[0]
    sys.exit(f"sbom: no Debian package has {path}: a library that was not installed by apt cannot be listed")


def licences(package):
    path = pathlib.Path("/usr/share/doc", package, "copyright")
    text = path.read_text(errors="replace") if path.exists() else ""
    if not text.startswith("Format:"):
        return []
    return [{"license": {"name": name}} for name in sorted(set(re.findall(r"^License: *(\S.*)$", text, re.M)))]


class Bill:
    def __init__(self, version):
        self.version, self.components, self.dependencies = version, {}, {}

    def package(self, name):
        version, machine, source = say("dpkg-query", "-W", "-f", "${Version}\t${Architecture}\t${source:Package}", name).split("\t")
        ref = f"pkg:deb/debian/{name}@{version}?arch={machine}&distro=debian-12"
        self.components.setdefault(ref, {"type": "library", "bom-ref": ref, "name": name, "version": version, "purl": ref, "licenses": licences(name),
                                         "properties": [{"name": "debian:source", "value": source}]})
        self.dependencies.setdefault(ref, set())
        return ref

    def file(self, path, name):
        ref = f"file:{name}"
        digest = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
        self.components[ref] = {"type": "application" if name.startswith("leasehold") else "library", "bom-ref": ref, "name": name, "version": self.version,
                                "hashes": [{"alg": "SHA-256", "content": digest}],
                                "licenses": [{"expression": "Apache-2.0 OR MIT"}]}
        self.dependencies[ref] = set()
        return ref

    def dynamic(self, path):
        ref, files = self.file(path, os.path.basename(path)), libraries(path)
        owners = {name: self.package(owner(file)) for name, file in files.items()}
        self.dependencies[ref] |= {owners[name] for name in needed(path)}
        for name, file in files.items():
            self.dependencies[owners[name]] |= {owners[n] for n in needed(file) if n in owners and owners[n] != owners[name]}

    def static(self, path):
        if needed(path):
            sys.exit(f"sbom: {path} is not static: it needs {', '.join(needed(path))}")
        ref, package = self.file(path, "leasehold (static)"), None
        for line in (HERE / "sources.txt").read_text().split("\n"):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] == "package":
                package = f"pkg:deb/debian/{words[1]}@{words[2]}?arch=source&distro=debian-12"
                self.components[package] = {"type": "library", "bom-ref": package, "name": words[1], "version": words[2], "purl": package,
                                            "externalReferences": []}
                self.dependencies[package] = set()
                self.dependencies[ref].add(package)
            else:
                self.components[package]["externalReferences"].append(
                    {"type": "source-distribution", "url": words[1], "hashes": [{"alg": "SHA-256", "content": words[0]}]})
        for archive in ARCHIVES:
            file = say("gcc", f"-print-file-name={archive}").strip()
            self.dependencies[ref].add(self.package(owner(os.path.realpath(file))))

    def text(self):
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
        return json.dumps({
            "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
            "metadata": {"timestamp": when, "component": {"type": "application", "bom-ref": "leasehold", "name": "leasehold", "version": self.version}},
            "components": [self.components[ref] for ref in sorted(self.components)],
            "dependencies": [{"ref": "leasehold", "dependsOn": sorted(r for r in self.components if r.startswith("file:"))}]
            + [{"ref": ref, "dependsOn": sorted(self.dependencies[ref])} for ref in sorted(self.dependencies)],
        }, indent=1)


def main():
    words = sys.argv[1:]
    static = words[words.index("--static") + 1:] if "--static" in words else []
    programs = words[1:words.index("--static")] if "--static" in words else words[1:]
    if not programs:
        sys.exit("usage: sbom.py VERSION PROGRAM... [--static PROGRAM]")
    bill = Bill(words[0])
    for path in programs:
        bill.dynamic(path)
    for path in static:
        bill.static(path)
    print(bill.text())


if __name__ == "__main__":
    main()
