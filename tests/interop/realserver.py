#!/usr/bin/env python3
"""A real kube-apiserver with etcd on loopback, for tests.

Here: start, stop, freeze and restart of the two; certificates, tokens and kubeconfigs; what the repository's deploy/rbac.yaml
grants. Not here: what is tested with it. The standard library only; the programs come from build-server.sh.

As a module:  with RealServer() as server: server.kubectl("get", "leases"); server.freeze(); ...
As a program: realserver.py [-- COMMAND ...]   serves until COMMAND ends (KUBECONFIG set), or until INT or TERM.
"""
import base64
import ctypes
import http.client
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
ADMIN = "admin"
RESTRICTED = "leasehold"
READY_WITHIN_S = 90
NAMESPACE = "default"
LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


def programs(*names):
    """Folder of the built programs; builds what is missing (minutes, the first time)."""
    done = subprocess.run([HERE / "build-server.sh", *names], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError("build-server.sh failed; see above")
    return pathlib.Path(done.stdout.strip())


def die_with_parent():
    """In a child before exec: no server outlives a test run that was killed. Start children from the main thread only: the
    signal comes when the thread that forked ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def free_ports(count):
    """Ports that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def wait_for(condition, timeout_s, what, every_s=0.02):
    """Polls until condition() is true and returns what it gave; raises TimeoutError with `what`."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise TimeoutError(f"not within {timeout_s} s: {what() if callable(what) else what}")
        time.sleep(every_s)


class ApiError(Exception):
    def __init__(self, method, path, status, body):
        super().__init__(f"{method} {path}: {status} {body[:300]!r}")
        self.status = status


class RealServer:
    """etcd and kube-apiserver of one test run, in a temporary folder of their own."""

    def __init__(self, keep=False):
        self.keep = keep
        self.programs = programs("etcd", "kube-apiserver", "kubectl")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="leasehold-real-"))
        self.tokens = {ADMIN: secrets.token_hex(16), RESTRICTED: secrets.token_hex(16)}
        self.etcd = self.apiserver = None
        self.frozen = False

    # ---- life -------------------------------------------------------------------------------------------------------

    def __enter__(self):
        try:
            self._make_certificates()
            self._start_etcd()
            self.port = free_ports(1)[0]
            self._write_kubeconfigs()
            self.start()
            self.grant()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        for process in (self.apiserver, self.etcd):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        if self.keep:
            print(f"realserver: kept {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        """Starts the API server (again) and returns when it is ready."""
        log = open(self.folder / "apiserver.log", "a")
        self.apiserver = subprocess.Popen(
            [
                self.programs / "kube-apiserver",
                f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
                "--bind-address=127.0.0.1",
                f"--secure-port={self.port}",
                "--tls-cert-file=server.crt",
                "--tls-private-key-file=server.key",
                "--token-auth-file=tokens.csv",
                "--authorization-mode=RBAC",
                "--anonymous-auth=false",
                f"--service-account-issuer=https://127.0.0.1:{self.port}",
                "--service-account-signing-key-file=accounts.key",
                "--service-account-key-file=accounts.key",
                "--service-cluster-ip-range=10.0.0.0/24",
                "--disable-admission-plugins=ServiceAccount",
                "--endpoint-reconciler-type=none",
                "--profiling=false",
            ],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,
        )
        log.close()
        self.frozen = False
        self.wait_ready()

    def stop(self):
        """Orderly stop by TERM: over ten seconds while somebody watches."""
        self.apiserver.terminate()
        self.apiserver.wait()

    def kill(self):
        self.apiserver.kill()
        self.apiserver.wait()
        self.frozen = False

    def restart(self):
        self.kill()
        self.start()

    def freeze(self):
        """The server accepts connections (its kernel does) and never answers."""
        self.apiserver.send_signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self):
        self.apiserver.send_signal(signal.SIGCONT)
        self.frozen = False

    def wait_ready(self):
        def ready():
            if self.apiserver.poll() is not None:
                raise RuntimeError(f"kube-apiserver ended with {self.apiserver.returncode}:\n{self._tail('apiserver.log')}")
            try:
                self.request("GET", "/readyz")
                self.request("GET", f"/api/v1/namespaces/{NAMESPACE}")
                return True
            except (OSError, http.client.HTTPException, ApiError):
                return False

        wait_for(ready, READY_WITHIN_S, lambda: f"kube-apiserver ready:\n{self._tail('apiserver.log')}")

    # ---- use --------------------------------------------------------------------------------------------------------

    def kubeconfig(self, user=ADMIN):
        return self.folder / f"{user}.kubeconfig"

    def kubectl(self, *arguments, user=ADMIN, stdin=None):
        """Runs the kubectl of the server's own version; gives its stdout, raises with its stderr."""
        done = subprocess.run(
            [self.programs / "kubectl", f"--kubeconfig={self.kubeconfig(user)}", f"--cache-dir={self.folder / 'kube-cache'}", *arguments],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(map(str, arguments))}: {done.stderr.strip()}")
        return done.stdout

    def request(self, method, path, body=None, user=ADMIN, timeout_s=5):
        """One request on a connection of its own; gives the JSON answer (or text), raises ApiError on 4xx and 5xx."""
        context = ssl.create_default_context(cafile=self.folder / "ca.crt")
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout_s, context=context)
        try:
            headers = {"Authorization": f"Bearer {self.tokens[user]}", "Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status >= 400:
                raise ApiError(method, path, answer.status, text)
            return json.loads(text) if "json" in answer.getheader("Content-Type", "") else text
        finally:
            connection.close()

    @staticmethod
    def lease_path(name="", namespace=NAMESPACE):
        return f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases" + (f"/{name}" if name else "")

    def lease(self, name, namespace=NAMESPACE):
        """The Lease as an object, None where there is none."""
        try:
            return self.request("GET", self.lease_path(name, namespace))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def delete_lease(self, name, namespace=NAMESPACE):
        if self.lease(name, namespace):
            self.request("DELETE", self.lease_path(name, namespace))

    def grant(self):
        """Gives the restricted user what deploy/rbac.yaml gives the service account, and nothing more."""
        self.kubectl("apply", "-f", REPOSITORY / "deploy" / "rbac.yaml")
        self.kubectl("create", "rolebinding", f"reports-{RESTRICTED}", "--role=reports", f"--user={RESTRICTED}", f"--namespace={NAMESPACE}")
        # The authorizer reads its rules through a watch: a moment passes until they hold.
        wait_for(self._granted, 10, "the Role in effect")

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _granted(self):
        try:
            self.request("GET", self.lease_path("reports"), user=RESTRICTED)
        except ApiError as error:
            return error.status == 404
        return True

    def _tail(self, name, lines=30):
        try:
            return "\n".join((self.folder / name).read_text(errors="replace").splitlines()[-lines:])
        except OSError as error:
            return str(error)

    def _openssl(self, *arguments):
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.strip()}")

    def _make_certificates(self):
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self._openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=leasehold tests")
        self._openssl("req", *new_key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=kube-apiserver")
        (self.folder / "server.ext").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n")
        self._openssl(
            *("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-out", "server.crt", "-days", "2", "-extfile", "server.ext"),
        )
        self._openssl("genrsa", "-out", "accounts.key", "2048")
        (self.folder / "tokens.csv").write_text(
            f'{self.tokens[ADMIN]},{ADMIN},{ADMIN},"system:masters"\n{self.tokens[RESTRICTED]},{RESTRICTED},{RESTRICTED}\n'
        )

    def _start_etcd(self):
        self.etcd_port, peer = free_ports(2)
        log = open(self.folder / "etcd.log", "a")
        self.etcd = subprocess.Popen(
            [
                self.programs / "etcd",
                f"--data-dir={self.folder / 'etcd'}",
                f"--listen-client-urls=http://127.0.0.1:{self.etcd_port}",
                f"--advertise-client-urls=http://127.0.0.1:{self.etcd_port}",
                f"--listen-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
                f"--initial-cluster=default=http://127.0.0.1:{peer}",
                "--unsafe-no-fsync",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,
        )
        log.close()

        def healthy():
            if self.etcd.poll() is not None:
                raise RuntimeError(f"etcd ended with {self.etcd.returncode}:\n{self._tail('etcd.log')}")
            connection = http.client.HTTPConnection("127.0.0.1", self.etcd_port, timeout=2)
            try:
                connection.request("GET", "/health")
                return connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False
            finally:
                connection.close()

        wait_for(healthy, READY_WITHIN_S, lambda: f"etcd healthy:\n{self._tail('etcd.log')}")

    def _write_kubeconfigs(self):
        authority = base64.b64encode((self.folder / "ca.crt").read_bytes()).decode()
        for user, token in self.tokens.items():
            path = self.kubeconfig(user)
            path.touch(mode=0o600)
            path.write_text(
                f"""apiVersion: v1
kind: Config
clusters:
- name: real
  cluster:
    server: https://127.0.0.1:{self.port}
    certificate-authority-data: {authority}
users:
- name: {user}
  user:
    token: {token}
contexts:
- name: real
  context:
    cluster: real
    user: {user}
    namespace: {NAMESPACE}
current-context: real
"""
            )


def main(arguments):
    if arguments and arguments[0] != "--":
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(0))
    with RealServer() as server:
        if arguments[1:]:
            path = f"{server.programs}:{os.environ['PATH']}"
            return subprocess.run(arguments[1:], env=dict(os.environ, KUBECONFIG=str(server.kubeconfig()), PATH=path)).returncode
        print(f"KUBECONFIG={server.kubeconfig()}\nrestricted: {server.kubeconfig(RESTRICTED)}", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
