#!/usr/bin/env python3
"""A small TLS front for tests: terminates TLS, checks client certificates and bearer tokens, passes HTTP/1.1 on.

    tls_front.py certificates FOLDER
        makes a little world of certificates with the openssl command: ca, server (localhost, 127.0.0.1, ::1), other
        (api.example), expired, stranger-ca, client, stranger-client; each NAME.pem and NAME.key.

    tls_front.py serve --backend HOST:PORT --certificate FILE --key FILE [options]
        listens on a free port of 127.0.0.1 and prints it as the first line; ends when its standard input does.
        --client-ca FILE     a client certificate signed by this is required
        --tokens FILE        401 unless the bearer token is a line of FILE (read for each request)
        --refuse N           401 for the first N requests
        --plain              no TLS: only the checks
        --rewrite-host       the backend is told its own address as Host

Only Python's standard library; not a proxy for anything but tests.
"""
import argparse
import asyncio
import os
import re
import ssl
import subprocess
import sys

HEAD_MAX = 64 << 10
REFUSAL = (
    b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized",'
    b'"reason":"Unauthorized","code":401}'
)


# ---- certificates ----


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def make_key(folder, name):
    openssl(folder, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", name + ".ec")
    openssl(folder, "pkcs8", "-topk8", "-nocrypt", "-in", name + ".ec", "-out", name + ".key")
    os.unlink(os.path.join(folder, name + ".ec"))


def make_authority(folder, name):
    make_key(folder, name)
    openssl(
        folder, "req", "-x509", "-new", "-key", name + ".key", "-days", "30", "-subj", "/CN=" + name,
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        "-out", name + ".pem",
    )  # fmt: skip


def make_certificate(folder, name, authority, subject, alternatives=None, dates=None):
    """Through `openssl ca`, the only way to a certificate of the past that every version of openssl has."""
    make_key(folder, name)
    openssl(folder, "req", "-new", "-key", name + ".key", "-subj", subject, "-out", name + ".csr")
    with open(os.path.join(folder, name + ".cnf"), "w", encoding="ascii") as config:
        config.write(
            "[ca]\ndefault_ca=x\n[x]\ndatabase=%s.index\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\nrand_serial=yes\n"
            "unique_subject=no\n[p]\nCN=supplied\nO=optional\n[e]\nbasicConstraints=CA:FALSE\n" % name
        )
        if alternatives:
            config.write("subjectAltName=%s\n" % alternatives)
    open(os.path.join(folder, name + ".index"), "w", encoding="ascii").close()
    start, end = dates or ("20200101000000Z", "20991231235959Z")
    openssl(
        folder, "ca", "-batch", "-notext", "-config", name + ".cnf", "-extensions", "e", "-cert", authority + ".pem",
        "-keyfile", authority + ".key", "-startdate", start, "-enddate", end, "-in", name + ".csr", "-out", name + ".pem",
    )  # fmt: skip


def make_certificates(folder):
    os.makedirs(folder, exist_ok=True)
    local = "DNS:localhost,IP:127.0.0.1,IP:::1"
    make_authority(folder, "ca")
    make_authority(folder, "stranger-ca")
    make_certificate(folder, "server", "ca", "/CN=server", local)
    make_certificate(folder, "other", "ca", "/CN=other", "DNS:api.example")
    make_certificate(folder, "expired", "ca", "/CN=expired", local, ("20200101000000Z", "20200201000000Z"))
    make_certificate(folder, "client", "ca", "/O=testers/CN=client")
    make_certificate(folder, "stranger-client", "stranger-ca", "/CN=stranger")


# ---- the front ----


class Gone(Exception):
    """One of the two sides has left."""


class Front:
    def __init__(self, options):
        self.options = options
        self.refuse = options.refuse

    def refuses(self, head):
        if self.refuse > 0:
            self.refuse -= 1
            return True
        if not self.options.tokens:
            return False
        try:
            with open(self.options.tokens, encoding="ascii") as file:
                tokens = file.read().split()
        except OSError:
            tokens = []
        return head.get("authorization", "").removeprefix("Bearer ") not in tokens

    async def serve(self, reader, writer):
        backend = None
        try:
            while True:
                raw, _, head = await read_head(reader)
                body = await reader.readexactly(int(head.get("content-length", "0")))
                if self.refuses(head):
                    writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n")
                    writer.write(b"Content-Length: %d\r\n\r\n" % len(REFUSAL) + REFUSAL)
                    await writer.drain()
                    continue
                if backend is None:
                    backend = await asyncio.open_connection(*self.options.backend.rsplit(":", 1))
                backend[1].write(addressed(raw, self.options) + body)
                await backend[1].drain()
                await relay_answer(reader, backend[0], writer)
        except (Gone, OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            for side in (writer, backend[1] if backend else None):
                if side is not None:
                    side.transport.abort()


async def read_head(reader):
    """The bytes, the first line and the headers by lower-case name."""
    raw = await reader.readuntil(b"\r\n\r\n")
    first, *lines = raw.decode("latin-1").split("\r\n")
    head = {}
    for line in lines:
        name, _, value = line.partition(":")
        head[name.strip().lower()] = value.strip()
    return raw, first, head


def addressed(raw, options):
    """The head as the backend wants it: some look at the Host header."""
    if not options.rewrite_host:
        return raw
    return re.sub(rb"(?mi)^Host:[^\r]*", b"Host: " + options.backend.encode(), raw, count=1)


async def relay_answer(client_reader, reader, writer):
    """Passes one answer on as it comes, and notices a client that leaves meanwhile."""
    relay = asyncio.ensure_future(relay_bytes(reader, writer))
    left = asyncio.ensure_future(client_gone(client_reader))
    try:
        await asyncio.wait({relay, left}, return_when=asyncio.FIRST_COMPLETED)
        if not relay.done():
            raise Gone
        relay.result()
    finally:
        for task in (relay, left):
            task.cancel()
        await asyncio.gather(relay, left, return_exceptions=True)


async def client_gone(reader):
    """Ends when the client does. It sends nothing while it waits for an answer, so that nothing is read here."""
    while not reader.at_eof() and reader.exception() is None:
        await asyncio.sleep(0.01)


async def relay_bytes(reader, writer):
    while True:
        raw, first, head = await read_head(reader)
        writer.write(raw)
        await writer.drain()
        if not first.split(" ")[1].startswith("1"):
            break
    if head.get("transfer-encoding", "").lower() == "chunked":
        size = 1
        while size > 0:
            line = await reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            writer.write(line + await reader.readexactly(size + 2))
            await writer.drain()
        return
    if "content-length" in head:
        left = int(head["content-length"])
        while left > 0:
            data = await reader.read(min(left, 65536))
            if not data:
                raise Gone
            left -= len(data)
            writer.write(data)
            await writer.drain()
        return
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    raise Gone


def make_context(options):
    if options.plain:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate, options.key)
    if options.client_ca:
        context.load_verify_locations(options.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def serve(options):
    front = Front(options)
    server = await asyncio.start_server(front.serve, "127.0.0.1", 0, ssl=make_context(options), limit=HEAD_MAX)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)  # clients that leave within a handshake are what tests are about
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    certificates = commands.add_parser("certificates")
    certificates.add_argument("folder")
    serving = commands.add_parser("serve")
    for name in ("--backend", "--certificate", "--key", "--client-ca", "--tokens"):
        serving.add_argument(name)
    serving.add_argument("--refuse", type=int, default=0)
    serving.add_argument("--plain", action="store_true")
    serving.add_argument("--rewrite-host", action="store_true")
    options = parser.parse_args()
    if options.command == "certificates":
        make_certificates(options.folder)
    else:
        asyncio.run(serve(options))


if __name__ == "__main__":
    main()
