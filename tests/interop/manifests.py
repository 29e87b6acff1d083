#!/usr/bin/env python3
"""Every manifest in deploy/ is taken by the real server, strictly and without being kept; and deployment.yaml grants what rbac.yaml does.

    python3 tests/interop/manifests.py
"""
import subprocess
import sys
import unittest

from realserver import ADMIN, REPOSITORY, RealServer, wait_for

DEPLOY = REPOSITORY / "deploy"
# What Prometheus and Grafana read, systemd, and kubectl itself.
OTHERS = {"prometheus-rules.yml", "grafana-dashboard.json", "leasehold@.service", "kustomization.yaml"}
server = None


def objects(path):
    """The documents without their comments."""
    text = "\n".join(line for line in path.read_text().split("\n") if not line.startswith("#"))
    return [document.strip() for document in text.split("\n---\n")]


class Manifests(unittest.TestCase):
    def test_the_server_takes_them(self):
        manifests = sorted(p for p in DEPLOY.iterdir() if p.name not in OTHERS)
        self.assertGreaterEqual(len(manifests), 9)
        for path in manifests:
            with self.subTest(path.name):
                said = server.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", path)
                self.assertEqual(said.count("(server dry run)"), len(objects(path)), said)

    def test_the_base_builds(self):
        said = server.kubectl("apply", "--dry-run=server", "--validate=strict", "-k", DEPLOY)
        self.assertEqual(said.count("(server dry run)"), 5, said)

    def test_the_flow_schema_is_the_one_that_counts(self):
        """The server says in each answer which one it has put the request under."""
        server.kubectl("apply", "-f", DEPLOY / "flow-schema.yaml")
        uid = server.kubectl("get", "flowschema", "leasehold", "-o", "jsonpath={.metadata.uid}")
        command = [server.programs / "kubectl", f"--kubeconfig={server.kubeconfig(ADMIN)}", f"--cache-dir={server.folder / 'kube-cache'}", "-v=8",
                   "--as=system:serviceaccount:default:reports", "get", "--raw", "/apis/coordination.k8s.io/v1/namespaces/default/leases/reports"]

        def told():
            said = subprocess.run(command, capture_output=True, text=True, timeout=60)
            return f"flowschema-uid: {uid}" in said.stderr.lower() or f'flowschema-uid"="{uid}' in said.stderr.lower()
        wait_for(told, 60, "a request of ours to come under it")

    def test_one_manifest_is_enough(self):
        self.assertEqual(objects(DEPLOY / "deployment.yaml")[:-1], objects(DEPLOY / "rbac.yaml"))


if __name__ == "__main__":
    with RealServer() as server:
        program = unittest.main(verbosity=2, exit=False)
    sys.exit(not program.result.wasSuccessful())
