#!/usr/bin/env python3
"""Every manifest in deploy/ is taken by the real server, strictly and without being kept; and deployment.yaml grants what rbac.yaml does.

    python3 tests/interop/manifests.py
"""
import sys
import unittest

from realserver import REPOSITORY, RealServer

DEPLOY = REPOSITORY / "deploy"
# What Prometheus and Grafana read, and systemd.
OTHERS = {"prometheus-rules.yml", "grafana-dashboard.json", "leasehold@.service"}
server = None


def objects(path):
    """The documents without their comments."""
    text = "\n".join(line for line in path.read_text().split("\n") if not line.startswith("#"))
    return [document.strip() for document in text.split("\n---\n")]


class Manifests(unittest.TestCase):
    def test_the_server_takes_them(self):
        manifests = sorted(p for p in DEPLOY.iterdir() if p.name not in OTHERS)
        self.assertGreaterEqual(len(manifests), 5)
        for path in manifests:
            with self.subTest(path.name):
                said = server.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", path)
                self.assertEqual(said.count("(server dry run)"), len(objects(path)), said)

    def test_one_manifest_is_enough(self):
        self.assertEqual(objects(DEPLOY / "deployment.yaml")[:-1], objects(DEPLOY / "rbac.yaml"))


if __name__ == "__main__":
    with RealServer() as server:
        program = unittest.main(verbosity=2, exit=False)
    sys.exit(not program.result.wasSuccessful())
