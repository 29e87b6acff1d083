#!/usr/bin/env python3
"""The way through a proxy: HTTP forwarded and tunnelled, SOCKS 5, over TLS, with a user; named by a kubeconfig or the environment.

The server is called api.example, which no resolver knows: whatever arrives was led there by the proxy."""
import base64
import pathlib
import select
import socket
import ssl
import subprocess
import sys
import threading

from cli_world import LEASEHOLD, World, main, wait_for

FRONT = pathlib.Path(__file__).resolve().parents[1] / "tls_front.py"


def read_until(connection, end):
    data = b""
    while not data.endswith(end):
        more = connection.recv(1)
        if not more:
            raise OSError("closed")
        data += more
    return data


def exactly(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise OSError("closed")
        data += more
    return data


class Proxy:
    """Leads everybody to `port` of this machine, whatever they ask for; remembers what that was."""

    def __init__(self, port, tls=None, user=None):
        self.port, self.user, self.asked = port, user, []
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listening.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            first = exactly(connection, 1)
            (self.socks if first == b"\x05" else self.http)(connection, first)
        except (OSError, ValueError):
            pass
        finally:
            connection.close()

    def http(self, connection, first):
        head = first + read_until(connection, b"\r\n\r\n")
        line, _, rest = head.partition(b"\r\n")
        self.asked.append(head.decode())
        if self.user and b"Proxy-Authorization: Basic " + base64.b64encode(self.user) not in head:
            connection.sendall(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", self.port)) as server:
            if line.startswith(b"CONNECT "):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-From: proxy\r\nDate: Mon, 01 Jan 2001 00:00:00 GMT\r\nRetry-After: 1000\r\n\r\n")
            else:  # one request for each connection
                method, url, version = line.split(b" ")
                server.sendall(b" ".join((method, b"/" + url.split(b"/", 3)[3], version)) + b"\r\nConnection: close\r\n" + rest)
            self.pump(connection, server)

    def socks(self, connection, _):
        exactly(connection, exactly(connection, 1)[0])
        connection.sendall(b"\x05\x00")
        exactly(connection, 3)
        kind = exactly(connection, 1)[0]
        name = exactly(connection, exactly(connection, 1)[0]) if kind == 3 else b"an address"
        exactly(connection, 2)
        self.asked.append(name.decode())
        with socket.create_connection(("127.0.0.1", self.port)) as server:
            connection.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
            self.pump(connection, server)

    @staticmethod
    def pump(one, other):
        while True:
            ready = [s for s in (one, other) if getattr(s, "pending", int)()] or select.select([one, other], [], [])[0]
            for source in ready:
                data = source.recv(65536)
                if not data:
                    return
                (other if source is one else one).sendall(data)


class Proxies(World):
    def setUp(self):
        super().setUp()
        self.kubeconfig = self.folder / "kubeconfig"
        self.dev = self.spawn(LEASEHOLD, "dev", "--allow-host", "api.example:6443", stdout=subprocess.PIPE, text=True)
        self.url = next(word for word in self.dev.stdout.readline().split() if word.startswith("http"))
        self.environment["KUBECONFIG"] = str(self.kubeconfig)
        self.port = int(self.url.rsplit(":", 1)[1].strip("/"))
        self.there = "http://api.example:6443"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"):
            self.environment.pop(name, None)

    def proxy(self, port=None, **more):
        proxy = Proxy(port or self.port, **more)
        self.addCleanup(proxy.listening.close)
        return proxy

    def config(self, server, proxy_url="", more=""):
        way = f", proxy-url: '{proxy_url}'" if proxy_url else ""
        self.kubeconfig.write_text(f"clusters: [{{name: c, cluster: {{server: '{server}'{way}{more}}}}}]\n"
                                   "contexts: [{name: x, context: {cluster: c}}]\ncurrent-context: x\n")

    def leads(self, identity):
        """A candidate gets there, follows its lock and releases it."""
        process, events = self.candidate("g", identity)
        wait_for(lambda: self.saw(events, "started_leading"), f"{identity} to lead")
        process.terminate()
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(self.lease("g")["spec"].get("holderIdentity", ""), "")

    def refused(self, *words):
        result = self.leasehold("status", "g", "--timeout", "5s")
        self.assertEqual(result.returncode, 1, result)
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertNotIn("SECRET", result.stderr)

    def test_http_is_forwarded(self):
        proxy = self.proxy()
        self.config(self.there, f"http://{proxy.address}")
        self.leads("forwarded")
        self.assertIn(self.there + "/", proxy.asked[0])

    def test_socks_gets_the_name(self):
        proxy = self.proxy()
        self.config(self.there, f"socks5://{proxy.address}")
        self.leads("socks")
        self.assertEqual(set(proxy.asked), {"api.example"})

    def test_the_environment_names_it(self):
        proxy = self.proxy()
        self.config(self.there)
        self.environment["HTTP_PROXY"] = proxy.address
        self.leads("by-environment")
        self.environment["NO_PROXY"] = "example"
        asked = len(proxy.asked)
        self.refused("its name cannot be resolved")
        self.assertEqual(len(proxy.asked), asked)

    def test_a_user_is_told_to_the_proxy_alone(self):
        proxy = self.proxy(user=b"me:SECRET word")
        self.config(self.there, f"http://me:SECRET%20word@{proxy.address}")
        self.leads("user")
        self.config(self.there, f"http://me:SECRET@{proxy.address}")
        self.assertEqual(self.leasehold("status", "g", "--timeout", "5s").returncode, 1)

    def test_bad_proxies_are_named(self):
        for url, word in (("ftp://p", "proxy-url"), ("http://me:SECRET%@p", "proxy-url"), ("http://127.0.0.1:1", "by the proxy http://127.0.0.1:1"),
                          ("http://nobody.invalid", "the proxy's name cannot be resolved")):
            with self.subTest(url=url):
                self.config(self.there, url)
                self.refused(word)

    def test_tls_goes_through_and_the_token_only_to_the_server(self):
        subprocess.run([sys.executable, FRONT, "certificates", self.folder], check=True, capture_output=True)
        front = self.spawn(sys.executable, FRONT, "serve", "--backend", f"127.0.0.1:{self.port}", "--certificate", self.folder / "other.pem", "--key",
                           self.folder / "other.key", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        port = int(front.stdout.readline())
        trust = f", certificate-authority: '{self.folder}/ca.pem'"
        tls = (self.folder / "server.pem", self.folder / "server.key")
        self.environment["LEASEHOLD_TOKEN"] = "SECRET"
        for scheme, how in (("http", {}), ("https", {"tls": tls}), ("http", {"user": b"a:b"})):
            with self.subTest(scheme=scheme, how=how):
                proxy = self.proxy(port, **how)
                user = "a:b@" if how.get("user") else ""
                self.config(self.there.replace("http", "https"), f"{scheme}://{user}{proxy.address}", trust)
                self.leads("tunnelled")
                self.assertTrue(all(head.startswith("CONNECT api.example:6443") for head in proxy.asked), proxy.asked)
                self.assertNotIn("SECRET", "".join(proxy.asked))
                # What the proxy says of the tunnel, its clock of 2001 with it, is not the server's word.
                said = self.leasehold("doctor", "--timeout", "20s")
                self.assertRegex(said.stdout, r"(?m)^ok    clock: ", said)
        # One that refuses the tunnel says so, and it is no answer of the server's.
        self.config(self.there.replace("http", "https"), f"http://{self.proxy(port, user=b'x:y').address}", trust)
        self.refused("407")
        # One that is not trusted hears nothing.
        stranger = self.proxy(port, tls=(self.folder / "expired.pem", self.folder / "expired.key"))
        self.config(self.there.replace("http", "https"), f"https://{stranger.address}", trust)
        self.refused("by the proxy")
        self.assertEqual(stranger.asked, [])
        front.stdin.close()


if __name__ == "__main__":
    main()
