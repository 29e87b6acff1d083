#!/usr/bin/env python3
"""Kubeconfigs merged as kubectl merges them: what Leasehold takes from a list of files is what `kubectl config view` shows of it.

    kubeconfig.py --view build/release/kubeconfig_view             compares with what kubectl said when the files were written
    kubeconfig.py --view … --kubectl PATH                          asks kubectl afresh, and checks that it still says that
    kubeconfig.py --kubectl PATH --write                           writes kubeconfig/golden.json

The files are in kubeconfig/; a case is a list of them and a context.
"""
import argparse
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent / "kubeconfig"
GOLDEN = HERE / "golden.json"
ONE, TWO, THREE = "one.yaml", "sub/two.yaml", "three.yaml"
CASES = [
    ([ONE], "shared"), ([ONE], ""), ([ONE], "nobody"), ([ONE], "across"), ([ONE], "lost"), ([ONE], "gone"), ([TWO], ""), ([TWO], "basic"),
    ([ONE, TWO], ""), ([TWO, ONE], ""), ([ONE, TWO], "across"), ([TWO, ONE], "across"), ([ONE, TWO], "nobody"), ([TWO, ONE], "nobody"),
    ([ONE, TWO, THREE], ""), ([THREE, TWO, ONE], ""), ([ONE, THREE, TWO], ""), ([ONE, TWO, THREE], "basic"), ([THREE, ONE, TWO], "data"),
    (["gone.yaml", ONE, "", TWO], ""), ([ONE, ONE, TWO], ""), (["empty.yaml", ONE], "shared"), ([ONE, "empty.yaml", TWO], ""),
    ([ONE, "broken.yaml"], "shared"), (["broken.yaml", ONE, TWO], ""), ([ONE, TWO, THREE], "lost"), ([ONE, "sub"], "shared"),
]
TEXTS = ("tls-server-name", "token", "username", "password", "namespace")

options = None


def name_of(case):
    return f"{':'.join(case[0])} {case[1]}".rstrip()


def environment(case, home):
    return {"PATH": os.environ["PATH"], "HOME": home, "KUBECONFIG": ":".join(str(HERE / name) if name else "" for name in case[0])}


def ask_kubectl(case):
    """What kubectl shows, or None where it refuses."""
    with tempfile.TemporaryDirectory() as home:
        command = [options.kubectl, "config", "view", "--minify", "--flatten", "-o", "json"]
        done = subprocess.run(command + ([f"--context={case[1]}"] if case[1] else []), env=environment(case, home), capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else None


def expected(view):
    """The same as kubeconfig_view tells it."""
    cluster, context = view["clusters"][0]["cluster"], view["contexts"][0]["context"]
    user = view["users"][0].get("user") if view["users"] else None
    says = {**cluster, **(user or {}), "namespace": context.get("namespace", "default")}
    url = urllib.parse.urlsplit(cluster["server"])
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    values = {key: says.get(key, "").encode() for key in TEXTS}
    values["server"] = f"{url.scheme}://{host}:{url.port or 443}{url.path}".encode()
    values["insecure-skip-tls-verify"] = b"true" if cluster.get("insecure-skip-tls-verify") else b""
    for key in ("certificate-authority-data", "client-certificate-data", "client-key-data"):
        values[key] = base64.b64decode(says.get(key, ""))
    return values


def ours(case):
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run([options.view] + ([case[1]] if case[1] else []), env=environment(case, home), capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        return None, done.stderr.strip()
    return {key: bytes.fromhex(value) for key, _, value in (line.partition("=") for line in done.stdout.splitlines())}, ""


class Merge(unittest.TestCase):
    maxDiff = None

    def test_as_kubectl_merges(self):
        golden = json.loads(GOLDEN.read_text())
        self.assertEqual(sorted(golden), sorted({name_of(case) for case in CASES}), "write the golden file anew")
        self.assertGreater(sum(view is not None for view in golden.values()), 10)
        for case in CASES:
            with self.subTest(case=name_of(case)):
                view = golden[name_of(case)]
                if options.kubectl:
                    self.assertEqual(ask_kubectl(case), view, "kubectl says otherwise by now")
                got, sentence = ours(case)
                if view is None:
                    self.assertIsNone(got)
                    self.assertRegex(sentence, r"^\S.{20,}$")
                else:
                    self.assertEqual(got, expected(view), sentence)


def main():
    global options
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--view", metavar="PROGRAM", type=pathlib.Path)
    parser.add_argument("--kubectl", metavar="PROGRAM", type=pathlib.Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.write:
        GOLDEN.write_text(json.dumps({name_of(case): ask_kubectl(case) for case in CASES}, indent=1, sort_keys=True) + "\n")
        return
    unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main()
