#!/usr/bin/env python3
"""The examples in Python and Go stand for election through the shared library: `bindings.py BUILD Python` or `bindings.py BUILD Go`.

Without a Go that is new enough it exits with 77 and says so: skipped, not passed.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from cli_world import BUILD, World, main, wait_for  # noqa: E402

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
LIBRARY = BUILD / "src" / "library"
SKIPPED = 77
GO_AT_LEAST = (1, 21)


class Candidate:
    """A process of an example, and what it has printed."""

    def __init__(self, world, name, command):
        self.path = world.folder / f"{name}.out"
        self.errors = world.folder / f"{name}.err"
        with open(self.path, "w") as out, open(self.errors, "w") as errors:
            self.process = world.spawn(*command, "reports", stdout=out, stderr=errors, env={**world.environment, "POD_NAME": name})

    def lines(self, word):
        return [line for line in self.path.read_text().split("\n")[:-1] if line.startswith(word)]

    def works(self):
        """(wall clock, token) of each piece of work."""
        return [tuple(map(int, line.split()[1:])) for line in self.lines("work ")]

    def end(self):
        self.process.terminate()
        return self.process.wait(60)


class Bindings:
    def setUp(self):
        super().setUp()
        self.environment.update(LD_LIBRARY_PATH=str(LIBRARY), LEASEHOLD_LEASE_DURATION="4s", LEASEHOLD_RENEW_DEADLINE="2s",
                                LEASEHOLD_RETRY_PERIOD="500ms", PYTHONDONTWRITEBYTECODE="1")

    def candidates(self, *names):
        return [Candidate(self, name, self.command()) for name in names]

    def leader_of(self, candidates):
        leader = wait_for(lambda: next((c for c in candidates if len(c.works()) > 3), None), "one that works")
        return leader, *(c for c in candidates if c is not leader)

    def assert_works_after(self, later, earlier):
        """No piece of work of one while the other still worked, and a larger token."""
        wait_for(lambda: len(later.works()) > 3, "the next one to work")
        (last, old), (first, new) = earlier.works()[-1], later.works()[0]
        self.assertGreater(first, last)
        self.assertGreater(new, old)

    def test_killed(self):
        self.start_dev()
        a, b = self.leader_of(self.candidates("a", "b"))
        wait_for(lambda: b.lines("new_leader"), "the other to know the leader")
        self.assertEqual([], b.works())
        self.assertEqual([], b.lines("started_leading"))
        mark = lambda: json.loads(self.lease("reports")["metadata"]["annotations"]["leasehold.dev/term"])
        self.assertEqual(str(a.works()[0][1]), wait_for(lambda: mark().get("token"), "the first renewal"))
        a.process.kill()
        a.process.wait()
        self.assert_works_after(b, a)

    def test_stopped_in_peace(self):
        self.start_dev()
        a, b = self.leader_of(self.candidates("a", "b"))
        self.assertEqual(0, a.end())
        self.assertTrue(a.lines("stop_work"))
        self.assertTrue(a.lines("closed"))
        self.assert_works_after(b, a)
        self.assertEqual(0, b.end())
        # Released, not left to be waited out, by the last one too; on standby nothing needs to be released.
        self.assertFalse(self.lease("reports")["spec"].get("holderIdentity"))
        self.assertEqual("", a.errors.read_text() + b.errors.read_text())

    def test_standby_stopped(self):
        self.start_dev()
        a, b = self.leader_of(self.candidates("a", "b"))
        self.assertEqual(0, b.end())
        self.assertEqual([], b.works())
        self.assertTrue(b.lines("closed"))
        before = len(a.works())
        wait_for(lambda: len(a.works()) > before, "the leader to work on")

    def test_cut_off(self):
        self.start_dev()
        a, b = self.leader_of(self.candidates("a", "b"))
        rule = {"action": "hang", "resource": "leases"}
        identity = wait_for(lambda: a.lines("a") + a.lines("b"), "its name")[0].split()[0]
        self.assertIn(identity, self.lease("reports")["spec"]["holderIdentity"])
        self.fault(**rule)
        wait_for(lambda: a.lines("stop_work") and a.lines("stopped_leading"), "the work to stop")
        self.request("DELETE", "/leasehold/faults")
        wait_for(lambda: len(a.lines("started_leading") + b.lines("started_leading")) > 1, "somebody to lead again")
        works = sorted([(when, token, "a") for when, token in a.works()] + [(when, token, "b") for when, token in b.works()])
        tokens = [token for _, token, _ in works]
        self.assertEqual(sorted(tokens), tokens, "pieces of work of an earlier term after those of a later one")

    def test_bad_settings(self):
        self.start_dev()
        self.environment["LEASEHOLD_LEASE_DURATION"] = "soon"
        (a,) = self.candidates("a")
        self.assertEqual(1, a.process.wait(60))
        self.assertRegex(a.errors.read_text(), r"^(leasehold_)?example: .*soon.*\n$")

    def test_settings_that_contradict(self):
        self.start_dev()
        self.environment["LEASEHOLD_RENEW_DEADLINE"] = "20s"
        (a,) = self.candidates("a")
        self.assertEqual(1, a.process.wait(60))
        self.assertRegex(a.errors.read_text(), r"^(leasehold_)?example: .*20s.*\n$")


class Python(Bindings, World):
    @staticmethod
    def command():
        return [sys.executable, EXAMPLES / "python" / "leasehold_example.py"]

    def run_python(self, program):
        environment = {**self.environment, "PYTHONPATH": str(EXAMPLES / "python")}
        done = subprocess.run([sys.executable, "-X", "dev", "-c", program], env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(("", 0), (done.stderr, done.returncode))
        return done.stdout

    def test_block_releases(self):
        """What a block held is released at its end, by an exception too; its handles are dead, not dangling."""
        self.start_dev()
        out = self.run_python("""if True:
            import leasehold
            try:
                with leasehold.Service(renew_interval="500ms") as service:
                    group = service.stand("block")
                    next(e for e in service.events() if e.kind == leasehold.Kind.STARTED_LEADING)
                    print(group.is_leading(), group.term().token.isdigit())
                    raise KeyError
            except KeyError:
                print(group.is_leading(), group.term())
            service.close()
            service.stop()
            try:
                service.stand("block")
            except leasehold.Error as error:
                print(error)""")
        self.assertEqual("True True\nFalse None\nthe service was closed: open another one\n", out)
        self.assertFalse(self.lease("block")["spec"].get("holderIdentity"))

    def test_block_left_between(self):
        """It was asked to stop work and left the block before it had confirmed: the end of the block does."""
        self.start_dev()
        self.run_python("""if True:
            import leasehold
            with leasehold.Service() as service:
                group = service.stand("block")
                for event in service.events():
                    if event.kind == leasehold.Kind.STARTED_LEADING:
                        service.stop()
                    if event.kind == leasehold.Kind.STOP_WORK:
                        break""")
        self.assertFalse(self.lease("block")["spec"].get("holderIdentity"))

    def test_bad_input(self):
        self.start_dev()
        out = self.run_python("""if True:
            import leasehold
            def refused(function, *arguments, **named):
                try:
                    function(*arguments, **named)
                except leasehold.Error as error:
                    print(error.code)
            refused(leasehold.Service, no_such_setting="1")
            refused(leasehold.Service, namespace="a\\0b")
            with leasehold.Service() as service:
                refused(service.stand, "Not A Name")
                refused(service.stand, "a\\0b")
                group = service.stand("good")
                refused(service.stand, "good")
                refused(group.resign, -1)
                refused(group.work_stopped, 99)""")
        self.assertEqual(["-3", "-2", "-2", "-2", "-5", "-2", "-2"], out.split())


def find_go():
    for go in (os.environ.get("GO"), shutil.which("go"), "/usr/local/go/bin/go"):
        if go and os.path.exists(go):
            found = re.match(r"go(\d+)\.(\d+)", subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True).stdout)
            if found and tuple(map(int, found.groups())) >= GO_AT_LEAST:
                return go
    return None


class Go(Bindings, World):
    program = BUILD / "example_go"

    def command(self):
        return [self.program]

    @classmethod
    def setUpClass(cls):
        go = find_go()
        environment = {
            **os.environ, "CGO_ENABLED": "1", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOWORK": "off",
            "GOCACHE": str(BUILD / "go-cache"), "CGO_CFLAGS": f"-I{EXAMPLES.parent / 'include'}", "CGO_LDFLAGS": f"-L{LIBRARY}"}
        for step in (["vet", "./..."], ["build", "-buildvcs=false", "-o", str(cls.program), "."]):
            done = subprocess.run([go, *step], cwd=EXAMPLES / "go", env=environment, capture_output=True, text=True)
            if done.returncode:
                raise AssertionError(f"go {' '.join(step)}:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    if "Go" in sys.argv[2:] and not find_go():
        print(f"skipped: no Go {GO_AT_LEAST[0]}.{GO_AT_LEAST[1]} or newer on PATH or in /usr/local/go/bin; set GO to one")
        sys.exit(SKIPPED)
    main()
