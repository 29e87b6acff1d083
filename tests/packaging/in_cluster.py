#!/usr/bin/env python3
"""A Pod's service account instead of a kubeconfig, and the build that knows nothing else.

    in_cluster.py SOURCE BUILD

Builds the tool and the library without kubeconfig into BUILD/in-cluster, looks at what they want, and lets both builds lead with what
a Pod has: KUBERNETES_SERVICE_HOST and the files of its service account, in a mount namespace."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
FRONT = HERE.parent / "tls_front.py"
ACCOUNT = pathlib.Path("/run/secrets/kubernetes.io/serviceaccount")
PATIENCE = 60


def build(source, folder):
    common = dict(check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        # Not even looked for: a pkg-config that does not know libyaml is enough.
        folder.mkdir(exist_ok=True)
        blind = folder / "pkg-config"
        blind.write_text(f'#!/bin/sh\ncase " $* " in *" yaml"*) echo "yaml was asked for" >&2; exit 1 ;; esac\nexec {shutil.which("pkg-config")} "$@"\n')
        blind.chmod(0o755)
        subprocess.run(["cmake", "-S", source, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DLEASEHOLD_TESTS=OFF", "-DLEASEHOLD_KUBECONFIG=OFF",
                        f"-DPKG_CONFIG_EXECUTABLE={blind}"], **common)
        subprocess.run(["cmake", "--build", folder, "--target", "leasehold-cli", "src/library/libleasehold.so"], **common)
    except subprocess.CalledProcessError as failed:
        sys.exit(f"in_cluster: {failed}\n{failed.stdout}")


def exported(library):
    listed = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in listed.split("\n") if " T " in line}


class InCluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="leasehold-test-")
        cls.addClassCleanup(scratch.cleanup)
        cls.folder = pathlib.Path(scratch.name)
        subprocess.run([sys.executable, FRONT, "certificates", cls.folder], check=True)
        cls.environment = {"PATH": os.environ["PATH"], "HOME": str(cls.folder)}

    def spawn(self, *command):
        process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def end():
            process.stdin.close()
            process.terminate()
            process.wait(PATIENCE)
            process.stdout.close()
        self.addCleanup(end)
        return process

    def run_with(self, program, *arguments, **environment):
        return subprocess.run([program, *arguments], env={**self.environment, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=PATIENCE)

    def test_it_wants_no_yaml(self):
        for path in (ALONE / "leasehold", ALONE / "src/library/libleasehold.so"):
            self.assertNotIn("yaml", subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout)
        self.assertIn("yaml", subprocess.run(["ldd", BUILD / "leasehold"], capture_output=True, text=True, check=True).stdout)
        self.assertNotIn("yaml", (ALONE / "src/library/leasehold.pc").read_text())
        self.assertNotIn("yaml", (ALONE / "src/library/leaseholdConfig.cmake").read_text())

    def test_the_library_has_the_same_functions(self):
        self.assertGreater(len(exported(BUILD / "src/library/libleasehold.so")), 100)
        self.assertEqual(exported(ALONE / "src/library/libleasehold.so"), exported(BUILD / "src/library/libleasehold.so"))

    def test_a_service_account_is_enough(self):
        dev = self.spawn(BUILD / "leasehold", "dev")
        port = re.search(r":(\d+)", dev.stdout.readline().split("//")[1]).group(1)
        tokens = self.folder / "tokens"
        tokens.write_text("of-the-pod\n")
        front = self.spawn(sys.executable, FRONT, "serve", "--rewrite-host", "--backend", f"127.0.0.1:{port}", "--certificate", self.folder / "server.pem",
                           "--key", self.folder / "server.key", "--tokens", tokens)
        pod = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": front.stdout.readline().strip()}
        ACCOUNT.mkdir(parents=True)
        self.addCleanup(shutil.rmtree, ACCOUNT)
        shutil.copy(self.folder / "ca.pem", ACCOUNT / "ca.crt")
        (ACCOUNT / "token").write_text("of-the-pod")
        (ACCOUNT / "namespace").write_text("default")
        for program in (ALONE / "leasehold", BUILD / "leasehold"):
            result = self.run_with(program, "run", "group", "--", "echo", "led", **pod)
            self.assertEqual((result.returncode, result.stdout), (0, "led\n"), result.stderr)
        (ACCOUNT / "token").unlink()
        result = self.run_with(ALONE / "leasehold", "run", "group", "--", "echo", "led", **pod)
        self.assertEqual(result.returncode, 125)
        self.assertIn("automountServiceAccountToken", result.stderr)

    def test_a_server_may_be_named(self):
        dev = self.spawn(ALONE / "leasehold", "dev")
        result = self.run_with(ALONE / "leasehold", "run", "group", "--", "echo", "led", LEASEHOLD_SERVER=dev.stdout.readline().split()[-1])
        self.assertEqual((result.returncode, result.stdout), (0, "led\n"), result.stderr)

    def test_what_is_for_a_kubeconfig_is_refused(self):
        for words, environment, says in ((["--kubeconfig", "/etc/config"], {}, "kubeconfig is /etc/config"), ([], {"KUBECONFIG": "/etc/c:/d"}, "KUBECONFIG is /etc/c:/d"),
                                         (["--context", "x"], {}, "context is x"), (["--cluster", "c"], {}, "cluster is c"), (["--user", "u"], {}, "user is u")):
            result = self.run_with(ALONE / "leasehold", "status", "group", *words, **environment)
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertIn(says, result.stderr)
            self.assertIn("this build reads no kubeconfig", result.stderr)
        (self.folder / ".kube").mkdir()
        (self.folder / ".kube" / "config").write_text("not even looked at")
        result = self.run_with(ALONE / "leasehold", "status", "group")
        self.assertEqual(result.returncode, 1)
        self.assertIn("give a --server", result.stderr)


if __name__ == "__main__":
    SOURCE, BUILD = (pathlib.Path(name).resolve() for name in sys.argv[1:3])
    ALONE = BUILD / "in-cluster"
    if sys.argv[3:] != ["inside"]:
        build(SOURCE, ALONE)
        unshare = ["unshare", "--mount", *(["--map-root-user"] if os.getuid() else [])]
        if subprocess.run([*unshare, "true"]).returncode != 0:
            sys.exit("in_cluster: a mount namespace is needed and cannot be made here; run as root, or where user namespaces are allowed")
        os.execvp(unshare[0], [*unshare, sys.executable, __file__, SOURCE, BUILD, "inside"])
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    unittest.main(argv=sys.argv[:1], verbosity=2)
