#!/usr/bin/env python3
"""The static leasehold, alone in a root of its own with an empty /tmp, /etc/hosts and /proc, as a container has them: it serves
and leads.

    static.py LEASEHOLD

Everything happens in namespaces of its own. Without the right to make them it
fails and says so."""
import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

PATIENCE = 30


def loopback_up():
    SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 1, 0x40
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP | IFF_RUNNING))


class Static(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="leasehold-test-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.world = pathlib.Path(cls.scratch.name)

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(dir=self.world))
        shutil.copy(LEASEHOLD, self.root / "leasehold")
        (self.root / "tmp").mkdir()
        (self.root / "proc").mkdir()
        (self.root / "etc").mkdir()
        (self.root / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
        subprocess.run(["mount", "--rbind", "/proc", self.root / "proc"], check=True)
        self.addCleanup(self.no_proc)

    def no_proc(self):
        if os.path.ismount(self.root / "proc"):
            subprocess.run(["umount", "-l", self.root / "proc"], check=True)

    def command(self, *arguments):
        return ["chroot", str(self.root), "/leasehold", *arguments]

    def run_here(self, *arguments, **environment):
        return subprocess.run(self.command(*arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE,
                              env={"HOME": "/", "PATH": os.environ["PATH"], **environment})

    def spawn(self, *command):
        process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def end():
            process.stdin.close()
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
            process.stdout.close()

        self.addCleanup(end)
        return process

    def start_dev(self, *more):
        dev = self.spawn(*self.command("dev", *more))
        return re.search(r"http://[\d.]+:(\d+)", dev.stdout.readline()).group(1)

    def assert_leads(self, result):
        self.assertEqual((result.returncode, result.stdout.count("leasehold ")), (0, 1), result.stderr)

    LEAD = ("run", "group", "--identity", "a", "--", "/leasehold", "version")

    def test_it_wants_no_library(self):
        listed = subprocess.run(["readelf", "-ld", LEASEHOLD], capture_output=True, text=True, check=True).stdout
        self.assertIn("Program Headers", listed)
        self.assertNotIn("NEEDED", listed)
        self.assertNotIn("INTERP", listed)

    def test_version(self):
        result = self.run_here("--version")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"^leasehold \d+\.\d+\.\d+\n$")

    def test_dev_and_run(self):
        self.assert_leads(self.run_here("dev", "--", "/leasehold", *self.LEAD))

    def test_run_says_that_it_needs_proc(self):
        self.no_proc()
        result = self.run_here("dev", "--", "/leasehold", *self.LEAD)
        self.assertEqual(result.returncode, 125)
        self.assertIn("mount proc", result.stderr)

    def test_by_address_and_by_localhost(self):
        port = self.start_dev()
        for host in ("127.0.0.1", "localhost"):
            with self.subTest(host):
                self.assert_leads(self.run_here(*self.LEAD, LEASEHOLD_SERVER=f"http://{host}:{port}"))


if __name__ == "__main__":
    LEASEHOLD = str(pathlib.Path(sys.argv[1]).resolve())
    if sys.argv[2:] != ["inside"]:
        unshare = ["unshare", "--net", "--mount", *(["--map-root-user"] if os.getuid() else [])]
        if subprocess.run([*unshare, "true"]).returncode != 0:
            sys.exit("static: namespaces are needed and cannot be made here; run as root, or where user namespaces are allowed")
        os.execvp(unshare[0], [*unshare, sys.executable, __file__, LEASEHOLD, "inside"])
    loopback_up()
    unittest.main(argv=sys.argv[:1], verbosity=2)
