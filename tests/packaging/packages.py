#!/usr/bin/env python3
"""What `make package` makes, from nothing to installed and removed again: `packages.py`, as root.

The Dockerfile's stages are run line by line in minimal Debian roots, without a container engine; then the packages that its build
stage made are installed in a root that has nothing, where README's lines are run and its program is compiled. Downloads and static
libraries are this machine's caches; everything else begins anew."""
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "leasehold"
LIMIT = 1500  # seconds for one line; the first run without caches builds OpenSSL
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
# Its own mounts and processes, all of which end with it. The loopback and the mirrors are this machine's.
INSIDE = """set -e
mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"; mount -t tmpfs tmp "$1/tmp"
shift_root=$1; folder=$2; shift 2
while [ "$1" != -- ]; do mkdir -p "$shift_root$2"; mount --bind "$1" "$shift_root$2"; shift 2; done
shift
exec chroot "$shift_root" /bin/sh -c 'cd "$0" && "$@"; code=$?; exit $code' "$folder" "$@"  # the first process must reap what is orphaned
"""


class Machine:
    """A root. Its processes and mounts do not outlive a command."""

    def __init__(self, folder, base=None):
        self.folder = folder
        folder.mkdir()
        if base:
            subprocess.run(["tar", "-C", folder, "-xf", base], check=True)
            for name in ("resolv.conf", "hosts"):
                shutil.copy(f"/etc/{name}", folder / "etc" / name)

    def run(self, *command, folder="/", binds=(), **environment):
        words = [str(w) for pair in binds for w in pair]
        return subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE, "sh", str(self.folder), folder, *words, "--", *command],
                              env={**ENVIRONMENT, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT)

    def must(self, *command, **more):
        result = self.run(*command, **more)
        if result.returncode != 0:
            raise AssertionError(f"{shlex.join(command)}: {result.returncode}\n{result.stdout[-6000:]}")
        return result.stdout


class Stage:
    def __init__(self, base, name):
        self.base, self.name, self.lines = base, name, []


def stages_of(text):
    """The Dockerfile's stages in order. A line that nobody here can run is an error."""
    stages = []
    for line in re.sub(r"\\\n", " ", text).split("\n"):
        if not line.strip() or line.startswith("#"):
            continue
        word, rest = line.split(None, 1)
        if word == "FROM":
            base, as_, name = rest.split()
            assert as_ == "AS", line
            stages.append(Stage(base, name))
        elif word in ("WORKDIR", "COPY", "RUN", "ENTRYPOINT"):
            stages[-1].lines.append((word, rest))
        else:
            raise AssertionError(f"teach tests/packaging/packages.py to run {word}")
    return stages


class Builder:
    """Runs stages as an engine would, as far as roots on disk go."""

    def __init__(self, folder, base):
        self.folder, self.base, self.machines, self.entries = folder, base, {}, {}

    def build(self, stage):
        assert stage.base == "scratch" or stage.base.startswith("debian:12"), stage.base
        machine = self.machines[stage.name] = Machine(self.folder / stage.name, None if stage.base == "scratch" else self.base)
        at = "/"
        for word, rest in stage.lines:
            if word == "WORKDIR":
                at = rest
                (machine.folder / at.lstrip("/")).mkdir(parents=True, exist_ok=True)
            elif word == "COPY":
                self.copy(machine, rest.split())
            elif word == "RUN":
                (CACHE / "static").mkdir(parents=True, exist_ok=True)
                machine.must("sh", "-c", rest, folder=at, binds=[(CACHE / "static", "/root/.cache/leasehold/static")] if stage.name == "build" else ())
            else:
                self.entries[stage.name] = json.loads(rest)

    def copy(self, machine, words):
        source = ROOT
        if words[0].startswith("--from="):
            source = self.machines[words.pop(0).removeprefix("--from=")].folder
        what, to = words
        to = machine.folder / to.lstrip("/")
        if source == ROOT:
            assert what == "."  # .dockerignore leaves out what git does not know, and git's own folder
            listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z"], check=True, capture_output=True).stdout
            to.mkdir(parents=True, exist_ok=True)
            packed = subprocess.Popen(["tar", "-C", ROOT, "--null", "-T", "-", "-cf", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            unpack = subprocess.Popen(["tar", "-C", to, "-xf", "-"], stdin=packed.stdout)
            packed.stdin.write(listed)
            packed.stdin.close()
            packed.stdout.close()
            assert packed.wait() == 0 and unpack.wait() == 0
        elif (source / what.lstrip("/")).is_dir():
            shutil.copytree(source / what.lstrip("/"), to)
        else:
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / what.lstrip("/"), to)


def files_of(root):
    return {p.relative_to(root).as_posix() for top in ("usr", "etc") for p in (root / top).rglob("*") if p.is_symlink() or not p.is_dir()}


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="leasehold-test-", dir="/var/tmp")
        cls.addClassCleanup(scratch.cleanup)
        cls.folder = pathlib.Path(scratch.name)
        cls.base = subprocess.run([ROOT / "packaging/root.sh"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        cls.builder = Builder(cls.folder, cls.base)
        for stage in stages_of((ROOT / "Dockerfile").read_text()):
            cls.builder.build(stage)
        cls.packages = cls.builder.machines["build"].folder / "src/build/package"

    def machine(self):
        """A root in which nothing was installed, and that has this machine's lists of packages."""
        machine = Machine(pathlib.Path(tempfile.mkdtemp(dir=self.folder)) / "root", self.base)
        self.addCleanup(shutil.rmtree, machine.folder.parent)
        machine.must("apt-get", "-q", "update")
        return machine

    def only(self, pattern):
        found = sorted(self.packages.glob(pattern))
        self.assertEqual(len(found), 1, (pattern, found))
        return found[0]

    def test_images(self):
        static, debian = self.builder.machines["static"], self.builder.machines["debian"]
        self.assertEqual([p.name for p in static.folder.iterdir()], ["leasehold"])
        shown = subprocess.run(["chroot", static.folder, *self.builder.entries["static"], "version"], capture_output=True, text=True, check=True).stdout
        self.assertRegex(shown, r"^leasehold \d+\.\d+\.\d+\n$")
        entry = self.builder.entries["debian"]
        self.assertIn("led by it", debian.must(*entry, "dev", "--", *entry, "run", "group", "--", "echo", "led by it"))
        self.assertFalse((debian.folder / "packages").exists())

    def test_installed_used_and_removed(self):
        machine = self.machine()
        shutil.copytree(self.packages, machine.folder / "packages")
        before = files_of(machine.folder)
        names = [f"/packages/{p.name}" for p in sorted(self.packages.glob("*.deb"))]
        self.assertEqual(len(names), 3)
        machine.must("sh", "-c", "apt-get -q install -y --no-install-recommends \"$@\"", "sh", *names)
        own = {n for name in ("leasehold", "libleasehold0", "libleasehold-dev") for n in machine.must("dpkg-query", "-L", name).split("\n")}
        for path in ("/usr/bin/leasehold", "/usr/bin/kubectl-leasehold", "/usr/include/leasehold/leasehold.h", "/usr/share/man/man1/leasehold.1",
                     "/usr/share/man/man3/leasehold_options_new.3", "/usr/share/bash-completion/completions/leasehold", "/usr/share/doc/leasehold/copyright"):
            self.assertIn(path, own)
        machine.must("apt-get", "-q", "install", "-y", "--no-install-recommends", "gcc", "libc6-dev", "pkg-config", "python3")
        sources = [(ROOT / part, f"/project/{part}") for part in ("deploy", "docs", "examples", "bench", "tests", "packaging")]
        (machine.folder / "project").mkdir()
        for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
            shutil.copy(ROOT / name, machine.folder / "project" / name)
        said = machine.must("python3", "/project/tests/docs/run.py", "--installed", "/project/README.md", "/project/docs/install.md", binds=sources)
        self.assertRegex(said, r"docs: [1-9]\d+ shell lines run, [1-9]\d* blocks compiled")
        machine.must("sh", "-c", "ldd $(ls /usr/bin/leasehold /usr/lib/*/libleasehold.so.0) | grep -v 'not found'")
        machine.must("apt-get", "-q", "purge", "-y", "leasehold", "libleasehold0", "libleasehold-dev")
        left = {p for p in files_of(machine.folder) - before if "leasehold" in p and not p.startswith("usr/share/doc/") and "dpkg/info" not in p}
        self.assertEqual(left, set())

    def test_the_archive_needs_nothing(self):
        machine = Machine(pathlib.Path(tempfile.mkdtemp(dir=self.folder)) / "root", self.base)
        self.addCleanup(shutil.rmtree, machine.folder.parent)
        archive = self.only("leasehold-*-linux-*.tar.gz")
        with tarfile.open(archive) as tar:
            self.assertTrue(all(m.name.startswith("leasehold-") and m.uid == 0 and ".." not in m.name for m in tar.getmembers()))
            tar.extractall(machine.folder / "opt")
        program = "/opt/" + archive.name.removesuffix(".tar.gz") + "/bin/leasehold"
        self.assertIn("led by it", machine.must(program, "dev", "--", program, "run", "group", "--", "echo", "led by it"))
        self.assertTrue((machine.folder / program.lstrip("/")).with_name("kubectl-leasehold").is_symlink())

    def test_the_bill_of_materials(self):
        bill = json.loads(self.only("*.cdx.json").read_text())
        self.assertEqual((bill["bomFormat"], bill["specVersion"], bill["version"]), ("CycloneDX", "1.5", 1))
        components = {c["bom-ref"]: c for c in bill["components"]}
        self.assertEqual(len(components), len(bill["components"]))
        for component in bill["components"]:
            self.assertTrue(component["type"] in ("application", "library") and component["name"] and component["version"], component)
        wanted = {d["ref"]: d["dependsOn"] for d in bill["dependencies"]}
        self.assertEqual(set(wanted), set(components) | {"leasehold"})
        self.assertLessEqual({r for refs in wanted.values() for r in refs}, set(components))
        names = {c["name"] for c in bill["components"]}
        # What Debian's own tool found out, and what is in it without a name.
        fields = subprocess.run(["dpkg-deb", "-f", self.only("leasehold_*.deb"), "Depends"], capture_output=True, text=True, check=True).stdout
        depends = {word.split()[0] for word in fields.split(",")}
        self.assertTrue({"libc6", "libcurl4", "libjansson4", "libyaml-0-2"} <= depends, depends)
        self.assertLessEqual(depends, names)
        static = [components[r] for r in wanted["file:leasehold (static)"]]
        self.assertEqual({c["name"] for c in static}, {"curl", "openssl", "libc6-dev", "libjansson-dev", "libyaml-dev", "libevent-dev"})
        pins = (ROOT / "packaging/sources.txt").read_text()
        for component in static:
            for reference in component.get("externalReferences", ()):
                self.assertIn(f"{reference['hashes'][0]['content']} {reference['url']}", pins)
        binary = self.builder.machines["static"].folder / "leasehold"
        self.assertEqual(components["file:leasehold (static)"]["hashes"][0]["content"], hashlib.sha256(binary.read_bytes()).hexdigest())

    def test_the_sums(self):
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=self.packages, check=True)
        listed = {line.split("  ")[1] for line in (self.packages / "SHA256SUMS").read_text().strip().split("\n")}
        self.assertEqual(listed, {p.name for p in self.packages.iterdir()} - {"SHA256SUMS"})

    def test_the_unit_of_systemd(self):
        """As far as that goes without a machine that systemd runs: what it reads, and that it complains of nothing."""
        unit = self.folder / "leasehold@.service"
        text = (ROOT / "deploy/leasehold@.service").read_text()
        # It looks whether the program is there, which it is where the package is installed.
        unit.write_text(text.replace("/usr/bin/leasehold", str(self.builder.machines["debian"].folder / "usr/bin/leasehold")))
        result = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit.with_name("leasehold@reports.service"))], capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stderr), (0, ""))


class Reading(unittest.TestCase):
    def test_a_line_that_nobody_can_run(self):
        with self.assertRaises(AssertionError):
            stages_of("FROM scratch AS a\nUSER nobody\n")


if __name__ == "__main__":
    if os.getuid() != 0:
        sys.exit("package-test: roots of their own can only be made as root; run it with sudo")
    unittest.main(verbosity=2)
