#!/usr/bin/env python3
"""A service that takes writes from leaders only, in the order of their terms: `service.py [--port-file FILE]`

PUT /NAME with the header Fencing-Token writes, unless a greater token was seen for NAME; GET /NAME reads. The token and what it guards
change together, under one lock; a service with a database keeps both in one row."""
import argparse
import http.server
import pathlib
import threading

lock = threading.Lock()
kept = {}  # name: (token, body)


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        word = self.headers.get("Fencing-Token", "")
        if not (word.isascii() and word.isdigit()):
            self.answer(428, b"Fencing-Token is missing: send the token of your term\n")
            return
        with lock:
            newest, _ = kept.get(self.path, (0, b""))
            if int(word) >= newest:
                kept[self.path] = (int(word), body)
        if int(word) < newest:
            self.answer(409, f"token {word} is older than {newest}: a newer leader was here\n".encode())
        else:
            self.answer(204)

    def do_GET(self):
        with lock:
            found = kept.get(self.path)
        self.answer(200, found[1]) if found else self.answer(404)

    def log_message(self, *arguments):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port-file", type=pathlib.Path, help="write the port there once it listens")
    arguments = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if arguments.port_file:
        arguments.port_file.write_text(str(server.server_port))
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
