"""A TCP proxy in front of an API server that can be told to lose, hold or cut what goes through it. For tests and benchmarks.

One thread turns all its connections; `mode` may be set from any other."""
import contextlib
import selectors
import socket
import threading

PASS = "pass"
# The client's bytes vanish; the server's do; both do. Connections stay open, as on a route that drops packets.
LOSE_REQUESTS, LOSE_ANSWERS, LOSE_BOTH = "lose requests", "lose answers", "lose both"
SIZE = 65536


class Proxy:
    """Forwards to 127.0.0.1:`port`. With statement, or close()."""

    def __init__(self, port):
        self.target = port
        self.mode = PASS
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.waker, self.woken = socket.socketpair()
        self.selector.register(self.woken, selectors.EVENT_READ)
        self.others = {}  # a socket: (its other end, whether it is the client's)
        self.cut = self.ended = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def reset(self):
        """Ends every connection with RST."""
        self.cut = True
        self.waker.send(b"x")

    def close(self):
        self.ended = True
        self.waker.send(b"x")
        self.thread.join()
        self.waker.close()

    # ---- in the thread ----

    def run(self):
        while not self.ended:
            for key, _ in self.selector.select():
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj is self.woken:
                    self.woken.recv(SIZE)
                elif key.fileobj in self.others:
                    self.forward(key.fileobj)
            if self.cut:
                self.cut = False
                for one in list(self.others):
                    self.drop(one, reset=True)
        for one in [*self.others, self.listener, self.woken]:
            one.close()
        self.selector.close()

    def accept(self):
        client, _ = self.listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
        except OSError:
            client.close()
            return
        for one, other, is_client in ((client, server, True), (server, client, False)):
            one.setblocking(True)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.settimeout(5)
            self.others[one] = (other, is_client)
            self.selector.register(one, selectors.EVENT_READ)

    def forward(self, one):
        other, is_client = self.others[one]
        try:
            data = one.recv(SIZE)
            if data and not self.lost(is_client):
                other.sendall(data)
        except OSError:
            data = b""
        # While packets are lost, so is the news that the other side has closed.
        if not data and not self.lost(is_client):
            self.drop(one)
        elif not data:
            self.selector.unregister(one)
            self.others.pop(one)
            one.close()

    def lost(self, from_client):
        return self.mode == LOSE_BOTH or self.mode == (LOSE_REQUESTS if from_client else LOSE_ANSWERS)

    def drop(self, one, reset=False):
        if one not in self.others:
            return
        for end in (one, self.others[one][0]):
            if end in self.others:
                self.others.pop(end)
                self.selector.unregister(end)
            if reset:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            end.close()
