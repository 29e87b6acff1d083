#!/usr/bin/env python3
"""The static leasehold, alone in a root of its own with an empty /tmp, /etc/hosts and /proc, as a container has them: it serves, leads,
looks up names, and speaks TLS.

    static.py LEASEHOLD

Everything happens in namespaces of its own, so that port 53 and /etc/resolv.conf can be the test's. Without the right to make them it
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
import threading
import unittest

FRONT = pathlib.Path(__file__).resolve().parents[1] / "tls_front.py"
NAME = b"\x03api\x07example"
PATIENCE = 30


def loopback_up():
    SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 1, 0x40
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP | IFF_RUNNING))


class NameServer:
    """Knows api.example, A 127.0.0.1, and counts who asks."""

    def __init__(self):
        self.asked = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                query, client = self.socket.recvfrom(1024)
            except OSError:
                return
            end = query.index(b"\0", 12) + 5
            question, kind = query[12:end], query[end - 4:end - 2]
            known = question.lower().startswith(NAME + b"\0")
            self.asked += known
            answers = known and kind == b"\0\x01"
            reply = query[:2] + struct.pack(">HHHHH", 0x8180 if known else 0x8183, 1, int(answers), 0, 0) + question
            if answers:
                reply += b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([127, 0, 0, 1])
            self.socket.sendto(reply, client)


class Static(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="leasehold-test-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.world = pathlib.Path(cls.scratch.name)
        cls.certificates = cls.world / "certificates"
        cls.certificates.mkdir()
        subprocess.run([sys.executable, FRONT, "certificates", cls.certificates], check=True)

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

    def test_by_a_name_of_hosts(self):
        (self.root / "etc" / "hosts").write_text("127.0.0.1 api.example\n")
        port = self.start_dev("--allow-host", "api.example")
        self.assert_leads(self.run_here(*self.LEAD, LEASEHOLD_SERVER=f"http://api.example:{port}"))

    def test_by_a_name_server_whatever_nsswitch_says(self):
        (self.root / "etc" / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        (self.root / "etc" / "nsswitch.conf").write_text("hosts: nothing_we_have [!UNAVAIL=return]\n")
        names = NameServer()
        self.addCleanup(names.socket.close)
        port = self.start_dev("--allow-host", "api.example")
        self.assert_leads(self.run_here(*self.LEAD, LEASEHOLD_SERVER=f"http://api.example:{port}"))
        self.assertGreater(names.asked, 0)

    def front(self, port, *more):
        front = self.spawn(sys.executable, FRONT, "serve", "--backend", f"127.0.0.1:{port}", "--certificate",
                           self.certificates / "server.pem", "--key", self.certificates / "server.key", "--rewrite-host", *more)
        return front.stdout.readline().strip()

    def test_tls_with_a_client_certificate(self):
        port = self.front(self.start_dev(), "--client-ca", self.certificates / "ca.pem")
        for name in ("ca.pem", "client.pem", "client.key"):
            shutil.copy(self.certificates / name, self.root / name)
        trust = {"LEASEHOLD_SERVER": f"https://localhost:{port}", "LEASEHOLD_CERTIFICATE_AUTHORITY": "/ca.pem"}
        us = {"LEASEHOLD_CLIENT_CERTIFICATE": "/client.pem", "LEASEHOLD_CLIENT_KEY": "/client.key"}
        self.assert_leads(self.run_here(*self.LEAD, **trust, **us))
        # The certificate's maker is believed by nobody who was not told so.
        refused = self.run_here("wait", "group", "--for", "none", "--timeout", "3s", LEASEHOLD_SERVER=trust["LEASEHOLD_SERVER"], **us)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("certificate", refused.stderr)

    def test_the_machines_authorities(self):
        port = self.front(self.start_dev())
        (self.root / "etc" / "ssl" / "certs").mkdir(parents=True)
        shutil.copy(self.certificates / "ca.pem", self.root / "etc" / "ssl" / "certs" / "ca-certificates.crt")
        self.assert_leads(self.run_here(*self.LEAD, LEASEHOLD_SERVER=f"https://localhost:{port}"))


if __name__ == "__main__":
    LEASEHOLD = str(pathlib.Path(sys.argv[1]).resolve())
    if sys.argv[2:] != ["inside"]:
        unshare = ["unshare", "--net", "--mount", *(["--map-root-user"] if os.getuid() else [])]
        if subprocess.run([*unshare, "true"]).returncode != 0:
            sys.exit("static: namespaces are needed and cannot be made here; run as root, or where user namespaces are allowed")
        os.execvp(unshare[0], [*unshare, sys.executable, __file__, LEASEHOLD, "inside"])
    loopback_up()
    unittest.main(argv=sys.argv[:1], verbosity=2)
