#!/usr/bin/env python3
"""An independent peer: the lease-based Kubernetes lock of Camel's commit e4cab329 (CAMEL-11331), by its described behaviour.

Here: its record, cycle, settings and defaults, and its flaws, since a peer that behaves better than the original proves nothing.
Not here: members, and anything of Leasehold's code. The standard library only.

    camel_lock_peer.py --server URL --pod-name p1 --group blue --group green --stamps-dir DIR [settings]

Each group has a controller (a thread) that reads, acquires and keeps; what it has to tell goes through a queue to the group's
listener (another thread), which prints one JSON line an event. While the listener believes that we lead, a third thread appends
"CLOCK_BOOTTIME_ns pid pod" to DIR/POD.GROUP.stamps every few milliseconds.

Flaws that are kept: a restarted pod carries on under its old record; expiry compares another pod's stamp with the own wall clock;
stamps lose their fraction; a request has no time limit; nothing is released on stop; the listener hears of a loss after it. One is
a switch, since it does nothing but load the server: --hammer waits milliseconds after an error where seconds are meant. One is
left out, since the pod then just falls silent: the null record that is dereferenced when the first read failed.
"""
import argparse
import base64
import collections
import datetime
import http.client
import json
import os
import pathlib
import queue
import random
import re
import signal
import socket
import ssl
import sys
import threading
import time
import urllib.parse

LABELS = {"provider": "camel", "kind": "locks"}
STAMP_PERIOD_S = 0.003
LISTENERS_MAY_TAKE_S = 2.0
# Java's pattern yyyy-MM-dd'T'HH:mm:ssX: a single X reads no further than the hours of a zone.
STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(Z|[+-]\d\d)")
SETTINGS = {  # the original's names and defaults
    "lease_duration": 20.0,
    "renew_deadline": 15.0,
    "retry_period": 6.0,
    "retry_on_error_interval": 5.0,
    "jitter_factor": 1.2,
}

Record = collections.namedtuple("Record", "holder renewed")  # renewed: seconds since the epoch
NOBODY = Record(None, None)


def check(settings):
    """The original's rules; gives a sentence where one is broken."""
    for name in ("lease_duration", "renew_deadline", "retry_period", "retry_on_error_interval"):
        if settings[name] <= 0:
            return f"{name} must be greater than 0, but is {settings[name]:g}"
    if settings["jitter_factor"] < 1:
        return f"jitter_factor must be at least 1, but is {settings['jitter_factor']:g}"
    if settings["lease_duration"] <= settings["renew_deadline"]:
        return f"lease_duration must be greater than renew_deadline, but is {settings['lease_duration']:g} beside {settings['renew_deadline']:g}"
    least = settings["jitter_factor"] * settings["retry_period"]
    if settings["renew_deadline"] <= least:
        return f"renew_deadline must be greater than jitter_factor x retry_period = {least:g}, but is {settings['renew_deadline']:g}"
    return None


# ---- the record -----------------------------------------------------------------------------------------------------


def format_stamp(seconds, zone_hours):
    zone = datetime.timezone(datetime.timedelta(hours=zone_hours))
    text = datetime.datetime.fromtimestamp(int(seconds), zone).strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f"{zone_hours:+03d}" if zone_hours else "Z")


def parse_stamp(text):
    found = STAMP.match(text) if isinstance(text, str) else None
    if not found:
        return None
    hours = 0 if found[2] == "Z" else int(found[2])
    try:
        local = datetime.datetime.strptime(found[1], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return None
    return (local - datetime.datetime(1970, 1, 1)).total_seconds() - 3600 * hours


def record_of(lock, group):
    """What a ConfigMap says of a group; a missing key or an unreadable stamp: no valid leader."""
    data = (lock or {}).get("data") or {}
    holder, renewed = data.get(f"leader.pod.{group}"), parse_stamp(data.get(f"leader.timestamp.{group}"))
    return Record(holder, renewed) if holder and renewed is not None else NOBODY


def with_record(lock, name, group, record, zone_hours):
    """The lock with our record; everything else in it as it was."""
    changed = dict(lock or {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": LABELS}})
    changed["data"] = dict(changed.get("data") or {})
    changed["data"][f"leader.pod.{group}"] = record.holder
    changed["data"][f"leader.timestamp.{group}"] = format_stamp(record.renewed, zone_hours)
    return changed


# ---- the server -----------------------------------------------------------------------------------------------------


class Server:
    """Where the API server is and who we are there."""

    def __init__(self, options):
        url, token, authority, namespace = options.server, options.token, None, None
        if options.kubeconfig:
            url, token, authority, namespace = self.read_kubeconfig(options.kubeconfig)
        self.url = urllib.parse.urlsplit(url)
        self.namespace = options.namespace or namespace or "default"
        self.headers = {"User-Agent": options.user_agent or f"camel-lock-peer ({options.pod_name})", "Content-Type": "application/json"}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        self.context = ssl.create_default_context(cadata=authority) if self.url.scheme == "https" else None

    @staticmethod
    def read_kubeconfig(path):
        """A kubeconfig of one cluster and one user, line by line: there is no YAML in the standard library."""
        found = dict(re.findall(r'^[ -]*"?(server|token|certificate-authority-data|namespace)"?: *"?([^",\s]+)', path.read_text(), re.M))
        if "server" not in found:
            raise SystemExit(f"camel_lock_peer: {path} has no line `server: URL`")
        authority = found.get("certificate-authority-data")
        return found["server"], found.get("token"), authority and base64.b64decode(authority).decode(), found.get("namespace")

    def connect(self):
        # No timeout: the original has none.
        if self.context:
            return http.client.HTTPSConnection(self.url.hostname, self.url.port, context=self.context)
        return http.client.HTTPConnection(self.url.hostname, self.url.port)


class Refused(Exception):
    """The server's no, or no server."""


class Connection:
    """The requests of one controller, one after the other."""

    def __init__(self, server, name):
        self.server, self.name, self.connection = server, name, None

    def request(self, method, name="", body=None):
        path = f"/api/v1/namespaces/{self.server.namespace}/configmaps" + (f"/{name}" if name else "")
        try:
            if not self.connection:
                self.connection = self.server.connect()
            self.connection.request(method, path, None if body is None else json.dumps(body), self.server.headers)
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            if self.connection:
                self.connection.close()
            self.connection = None
            raise Refused(f"{method} {path}: {error or type(error).__name__}") from None
        if answer.status == 404 and method == "GET":
            return None
        if answer.status >= 300:
            raise Refused(f"{method} {path}: {answer.status} {text[:200].decode(errors='replace')}")
        return json.loads(text)

    def read(self):
        return self.request("GET", self.name)

    def write(self, lock):
        """POST of what is new, else PUT of the whole object at the version that it was read at."""
        if "resourceVersion" in lock["metadata"]:
            return self.request("PUT", self.name, lock)
        return self.request("POST", "", lock)


# ---- the listener ---------------------------------------------------------------------------------------------------


class Listener:
    """Hears who leads, late and in order; works while it believes that we do."""

    def __init__(self, pod, group, stamps_path):
        self.pod, self.group = pod, group
        self.queue = queue.Queue()
        self.leader = None
        self.working = threading.Event()
        self.idle = threading.Event()
        self.stamps = os.open(stamps_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666) if stamps_path else None
        threading.Thread(target=self.hear, daemon=True).start()
        if self.stamps is not None:
            threading.Thread(target=self.work, daemon=True).start()

    def say(self, event, **more):
        now = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
        line = {"event": event, "group": self.group, "identity": self.pod, **more}
        line.update(time=now, boottime_ns=time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        os.write(1, (json.dumps(line) + "\n").encode())

    def hear(self):
        while True:
            leader, stopping = self.queue.get()
            if leader != self.leader:
                before, self.leader = self.leader, leader
                if before == self.pod:
                    self.working.clear()
                    self.say("stopped_leading", holder=leader)
                if not stopping:
                    self.say("new_leader", holder=leader)
                if leader == self.pod:
                    self.say("started_leading", holder=leader)
                    self.working.set()
            if stopping:
                self.idle.set()
                return

    def work(self):
        pid = os.getpid()
        while True:
            self.working.wait()
            os.write(self.stamps, f"{time.clock_gettime_ns(time.CLOCK_BOOTTIME)} {pid} {self.pod}\n".encode())
            time.sleep(STAMP_PERIOD_S)


# ---- the cycle ------------------------------------------------------------------------------------------------------


class Controller:
    """start, acquire, keep: one group, one request at a time."""

    def __init__(self, connection, listener, pod, settings, clock_offset, zone_hours, hammer):
        self.connection, self.listener, self.pod, self.settings = connection, listener, pod, settings
        self.clock_offset, self.zone_hours = clock_offset, zone_hours
        self.after_error_s = settings["retry_on_error_interval"] / (1000 if hammer else 1)
        self.lock, self.record = None, NOBODY  # as last read or written
        self.renewed = 0.0  # our last renewal with its fraction, which the record has lost
        self.complaint = None

    def now(self):
        """The own wall clock, which other pods' stamps are compared with."""
        return time.time() + self.clock_offset

    def age(self):
        return float("inf") if self.record.holder is None else self.now() - self.record.renewed

    def tell(self):
        """Who leads, by the record and our clock."""
        limit = self.settings["renew_deadline" if self.record.holder == self.pod else "lease_duration"]
        self.listener.queue.put((self.record.holder if self.age() < limit else None, False))

    def complain(self, error):
        if str(error) != self.complaint:
            self.listener.say("warning", reason=str(error))
        self.complaint = str(error)

    def try_read(self):
        try:
            self.lock = self.connection.read()
        except Refused as error:
            self.complain(error)
            return False
        self.record = record_of(self.lock, self.listener.group)
        self.complaint = None
        return True

    def try_write(self):
        now = self.now()
        ours = Record(self.pod, int(now))
        try:
            self.lock = self.connection.write(with_record(self.lock, self.connection.name, self.listener.group, ours, self.zone_hours))
        except Refused as error:
            self.complain(error)
            return False
        self.record, self.renewed = ours, now
        return True

    def wait_lease_out(self):
        retry, jitter = self.settings["retry_period"], self.settings["jitter_factor"]
        left = max(0.0, self.settings["lease_duration"] - self.age())
        time.sleep(left + retry * (1 + random.random() * (jitter - 1)))

    def run(self):
        while not self.try_read():
            time.sleep(self.after_error_s)
        leading = self.record.holder == self.pod and self.age() < self.settings["renew_deadline"]
        while True:
            if not leading:
                self.acquire()
            self.tell()
            self.keep()
            leading = False

    def acquire(self):
        while True:
            if not self.try_read():
                time.sleep(self.after_error_s)
                continue
            self.tell()
            if self.age() >= self.settings["lease_duration"]:
                if self.try_write():
                    return
                if not self.try_read():
                    time.sleep(self.after_error_s)
                    continue
                self.tell()
            self.wait_lease_out()

    def keep(self):
        next_try = max(self.renewed, self.record.renewed) + self.settings["retry_period"]
        while True:
            time.sleep(max(0.0, min(next_try, self.record.renewed + self.settings["renew_deadline"]) - self.now()))
            readable = self.try_read()
            if self.record.holder != self.pod or self.age() >= self.settings["renew_deadline"]:
                self.tell()
                return
            # A failed write is tried again at the next period.
            next_try = self.now() + self.settings["retry_period"]
            if readable and self.try_write():
                next_try = self.renewed + self.settings["retry_period"]
            self.tell()


# ---- the program ----------------------------------------------------------------------------------------------------


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--server", metavar="URL")
    where.add_argument("--kubeconfig", metavar="FILE", type=pathlib.Path, help="of one cluster and one user")
    parser.add_argument("--token", help="beside --server")
    parser.add_argument("-n", "--namespace")
    parser.add_argument("--configmap", default="leaders", metavar="NAME")
    parser.add_argument("--group", action="append", required=True, metavar="NAME", help="may be given several times")
    parser.add_argument("--pod-name", default=os.environ.get("HOSTNAME") or socket.gethostname(), metavar="NAME")
    for name, default in SETTINGS.items():
        parser.add_argument("--" + name.replace("_", "-"), type=float, default=default, metavar="FACTOR" if name == "jitter_factor" else "SECONDS")
    parser.add_argument("--hammer", action="store_true", help="wait milliseconds after an error where seconds are meant, as the original does")
    parser.add_argument("--clock-offset", type=float, default=0.0, metavar="SECONDS", help="how far our wall clock is ahead")
    parser.add_argument("--zone", type=int, default=0, metavar="HOURS", help="time zone that our stamps are written in")
    parser.add_argument("--user-agent", metavar="TEXT", help="default: camel-lock-peer (POD)")
    parser.add_argument("--stamps-dir", metavar="DIR", type=pathlib.Path, help="while leading, stamp DIR/POD.GROUP.stamps")
    options = parser.parse_args()
    settings = {name: getattr(options, name) for name in SETTINGS}
    broken = check(settings)
    if broken:
        parser.error(broken)
    return options, settings


def main():
    options, settings = parse_arguments()
    server = Server(options)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    listeners = []
    for group in options.group:
        stamps_path = options.stamps_dir and options.stamps_dir / f"{options.pod_name}.{group}.stamps"
        listener = Listener(options.pod_name, group, stamps_path)
        connection = Connection(server, options.configmap)
        controller = Controller(connection, listener, options.pod_name, settings, options.clock_offset, options.zone, options.hammer)
        listeners.append(listener)
        threading.Thread(target=controller.run, daemon=True).start()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    for listener in listeners:
        listener.queue.put((None, True))
    end = time.monotonic() + LISTENERS_MAY_TAKE_S
    for listener in listeners:
        listener.idle.wait(max(0.0, end - time.monotonic()))
    os._exit(0)  # a controller may hang in a request; nothing is released


if __name__ == "__main__":
    sys.exit(main())
