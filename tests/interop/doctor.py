#!/usr/bin/env python3
"""`leasehold doctor` on the real server: content with exactly what deploy/rbac.yaml grants, and with each verb of it taken away it names
that verb and says what to apply.

    python3 tests/interop/doctor.py --leasehold build/release/leasehold
"""
import argparse
import json
import pathlib
import subprocess
import sys
import unittest

from realserver import NAMESPACE, REPOSITORY, RESTRICTED, RealServer, wait_for

LEASE = "reports"  # the one that deploy/rbac.yaml is about
ROLE = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/roles/reports"

options = None
server = None


def examine(*arguments, user=RESTRICTED):
    """(exit code, {what: [(result, finding, advice)]})"""
    result = subprocess.run([options.leasehold, "doctor", LEASE, "-n", NAMESPACE, "--kubeconfig", server.kubeconfig(user), "-o", "json", *arguments],
                            capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    findings = {}
    for line in map(json.loads, result.stdout.splitlines()):
        findings.setdefault(line["what"], []).append((line["result"], line["finding"], line["advice"] or ""))
    return result.returncode, findings


def rules_without(rules, verb, resource):
    """The Role's rules less one verb for one resource."""
    left = []
    for rule in rules:
        if resource in rule["resources"] and verb in rule["verbs"]:
            rule = {**rule, "verbs": [v for v in rule["verbs"] if v != verb]}
        if rule["verbs"]:
            left.append(rule)
    return left


class Doctor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.role = server.request("GET", ROLE)

    def put_rules(self, rules):
        role = server.request("GET", ROLE)
        role["rules"] = rules
        server.request("PUT", ROLE, role)

    def test_what_the_manifest_grants_is_enough(self):
        code, findings = examine()
        self.assertEqual([f for of in findings.values() for f in of if f[0] == "fail"], [])
        self.assertEqual(code, 0)
        self.assertIn("get leases/reports, watch leases/reports, update leases/reports, create leases", findings["rights"][0][1])
        self.assertIn("answers as v1.", findings["server"][0][1])
        self.assertRegex(findings["tls"][0][1], r"trusted|expires on")
        self.assertNotIn("not known", findings["tls"][0][1])

    def test_each_verb_that_is_missing_is_named(self):
        self.addCleanup(self.put_rules, self.role["rules"])
        verbs = sorted({(verb, resource) for rule in self.role["rules"] for resource in rule["resources"] for verb in rule["verbs"]})
        self.assertEqual(verbs, [(v, "leases") for v in ("create", "get", "update", "watch")])
        for verb, resource in verbs:
            with self.subTest(verb):
                self.put_rules(rules_without(self.role["rules"], verb, resource))
                what = resource if verb == "create" else f"{resource}/{LEASE}"
                says = f"to {verb} {what} in namespace {NAMESPACE} is not allowed"

                def told():
                    code, findings = examine()
                    bad = [f for f in findings["rights"] if f[0] != "ok"]
                    return (code, bad) if bad else None
                code, bad = wait_for(told, 30, f"the doctor to miss {verb}")
                # Without a watch it polls: slower, and no failure.
                self.assertEqual((code, bad[0][0]), (0, "warn") if verb == "watch" else (1, "fail"))
                self.assertEqual(len(bad), 1, bad)
                self.assertIn(says, bad[0][1])
                self.assertIn("deploy/rbac.yaml", bad[0][2])
        self.put_rules(self.role["rules"])
        wait_for(lambda: examine()[0] == 0, 30, "the doctor to be content again")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leasehold", required=True, type=lambda p: pathlib.Path(p).resolve())
    options, rest = parser.parse_known_args()
    with RealServer() as server:
        program = unittest.main(argv=[sys.argv[0], *rest], verbosity=2, exit=False)
    sys.exit(not program.result.wasSuccessful())
