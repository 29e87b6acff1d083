#!/usr/bin/env python3
"""The examples of examples/fencing against PostgreSQL and a store with conditional writes: a late write changes nothing.

    python3 tests/interop/fencing.py --leasehold build/release/leasehold
"""
import argparse
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

from pythons import python_with
from realserver import REPOSITORY, die_with_parent, wait_for

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = REPOSITORY / "examples" / "fencing"
options = None


def as_nobody():
    """PostgreSQL does not run as root."""
    die_with_parent()
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(pwd.getpwnam("nobody").pw_gid)
        os.setuid(pwd.getpwnam("nobody").pw_uid)


class Store(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="leasehold-fencing-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.environment = {**os.environ, "KUBECONFIG": str(cls.folder / "kubeconfig")}
        cls.start([options.leasehold, "dev", "--write-kubeconfig", cls.folder / "kubeconfig"])
        wait_for((cls.folder / "kubeconfig").exists, 60, "the kubeconfig")

    @classmethod
    def start(cls, command, preexec=die_with_parent):
        log = open(cls.folder / f"{pathlib.Path(command[0]).name}.log", "wb")
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=preexec)
        cls.addClassCleanup(log.close)
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.terminate)
        return process

    def call(self, *command, token=None, code=0, **more):
        environment = {**self.environment, **more, **({} if token is None else {"LEASEHOLD_FENCING_TOKEN": str(token)})}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr if code else done.stdout.strip()


class PostgreSQL(Store):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        programs = max(pathlib.Path("/usr/lib/postgresql").iterdir(), key=lambda p: int(p.name)) / "bin"
        data = cls.folder / "data"
        os.chmod(cls.folder, 0o755)
        data.mkdir()
        if os.getuid() == 0:
            os.chown(data, pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
        subprocess.run([programs / "initdb", "-U", "leasehold", "-A", "trust", "--no-sync", "-D", data], preexec_fn=as_nobody, check=True,
                       stdout=subprocess.DEVNULL, cwd=cls.folder)
        cls.start([programs / "postgres", "-D", data, "-k", data, "-c", "listen_addresses=", "-c", "fsync=off"], preexec=as_nobody)
        cls.environment.update(PGHOST=str(data), PGDATABASE="postgres", PGUSER="leasehold")
        cls.write = EXAMPLES / "postgresql.sh"
        wait_for(lambda: subprocess.run(["psql", "-qc", "SELECT 1"], env=cls.environment, capture_output=True).returncode == 0, 60, "PostgreSQL")
        table = next(line for line in cls.write.read_text().split("\n") if "CREATE TABLE" in line).lstrip("# ")
        subprocess.run(["psql", "-qc", table], env=cls.environment, check=True)

    def setUp(self):
        self.sql("DELETE FROM reports")

    def sql(self, text):
        return self.call("psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", text)

    def test_a_smaller_token_is_refused(self):
        self.call(self.write, "by the old leader", token=7)
        self.call(self.write, "by the old leader again", token=7)
        self.call(self.write, "by the new leader", token=9)
        self.assertIn("a newer leader was here", self.call(self.write, "late", token=7, code=1))
        self.assertEqual(self.sql("SELECT body, token FROM reports"), "by the new leader|9")

    def test_a_write_that_waits_for_the_row_looks_at_the_token_again(self):
        self.call(self.write, "by the old leader", token=7)
        newer = subprocess.Popen(["psql", "-qAtX"], stdin=subprocess.PIPE, env=self.environment, text=True)
        newer.stdin.write("BEGIN; UPDATE reports SET body = 'by the new leader', token = 9;\n")
        newer.stdin.flush()
        waits = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO reports%' AND wait_event_type = 'Lock'"
        wait_for(lambda: self.sql("SELECT count(*) FROM pg_locks WHERE mode = 'RowExclusiveLock' AND relation = 'reports'::regclass") == "1", 60, "the new leader's lock")
        late = subprocess.Popen([self.write, "late"], env={**self.environment, "LEASEHOLD_FENCING_TOKEN": "8"}, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: self.sql(waits) == "1", 60, "the late write to wait")
        newer.communicate("COMMIT;\n", timeout=60)
        self.assertIn("a newer leader was here", late.communicate(timeout=60)[1])
        self.assertEqual(late.returncode, 1)
        self.assertEqual(self.sql("SELECT body, token FROM reports"), "by the new leader|9")

    def test_a_leader_writes_with_the_token_of_its_term(self):
        for text in ("first", "second"):
            self.call(options.leasehold, "run", "reports", "--", self.write, text)
        self.assertEqual(self.sql("SELECT body FROM reports"), "second")
        self.assertGreater(int(self.sql("SELECT token FROM reports")), 0)


class ConditionalWrites(Store):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.python = str(python_with(HERE / "fencing" / "requirements.txt"))
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        cls.start([cls.python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)])
        cls.environment.update(AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}", AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="us-east-1")
        make = "import boto3; boto3.client('s3').create_bucket(Bucket='reports')"
        wait_for(lambda: subprocess.run([cls.python, "-c", make], env=cls.environment, capture_output=True).returncode == 0, 60, "the store")

    def write(self, key, text, token, code=0):
        return self.call(self.python, str(EXAMPLES / "s3.py"), "reports", key, text, token=token, code=code)

    def read(self, key):
        return self.call(self.python, "-c", f"import boto3; print(boto3.client('s3').get_object(Bucket='reports', Key='{key}')['Body'].read().decode())")

    def paused(self, key, *careless):
        return self.call(self.python, str(HERE / "fencing" / "paused.py"), str(EXAMPLES / "s3.py"), "reports", key, *careless).split("\n")

    def test_a_smaller_token_is_refused(self):
        self.write("k", "by the old leader", 7)
        self.write("k", "by the new leader", 9)
        self.assertIn("a newer leader was here", self.write("k", "late", 7, code=1))
        self.assertEqual(self.read("k"), "by the new leader")

    def test_a_writer_paused_between_look_and_write_is_refused(self):
        self.assertEqual(self.paused("paused"), ["refused", "by the new leader"])

    def test_without_the_condition_it_would_not_be(self):
        self.assertEqual(self.paused("careless", "careless"), ["written", "late"])

    def test_a_leader_writes_with_the_token_of_its_term(self):
        self.call(options.leasehold, "run", "store", "--", self.python, str(EXAMPLES / "s3.py"), "reports", "run", "by a leader")
        self.assertEqual(self.read("run"), "by a leader")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--leasehold", required=True, type=lambda p: str(pathlib.Path(p).resolve()))
    options, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
