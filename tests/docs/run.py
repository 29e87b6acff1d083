#!/usr/bin/env python3
"""Runs every shell line, and compiles every C and C++ block, of README.md and docs/*.md: `run.py BUILD|--installed [FILE...]`.

A ```sh fence runs as one script of bash -eu in a folder of its document, with a server of `leasehold dev` behind KUBECONFIG and the
built programs on PATH. What cannot run as it stands is told by an HTML comment right before the fence, one order a line:

    <!-- test:
    prepare: SHELL                run before the fence, in the same script
    until REGEX: LINE             the line of the fence that begins so does not end by itself: it has to print REGEX, then gets TERM
    check: SHELL                  run after the fence; for a program in C, while it runs; properties are in block.properties by then
    skip because REASON           the fence is not run; LINE at its end in backticks: only the line that begins so
    -->

Skipped lines are printed and counted. An order that names no line, an order nobody knows, and shell lines in a fence without a
language are failures, so that no line is left out by mistake.
"""
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = float(os.environ.get("DOCS_PATIENCE", 60))
LANGUAGES = {"sh", "c", "cpp", "properties", "text", ""}
# What a block that is no whole program may take for granted.
PARTS = ["-include", "leasehold/leasehold.h", "-include", "poll.h", "-include", "stdio.h"]
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-function"]


class Wrong(Exception):
    pass


class Fence:
    def __init__(self, document, line, language, text, orders):
        self.where, self.language, self.text = f"{document}:{line}", language, text
        self.prepare, self.check, self.until, self.skip_lines, self.skip = [], [], {}, {}, None
        for order in orders:
            self.take(order)

    def take(self, order):
        if m := re.fullmatch(r"(prepare|check): (.+)", order):
            getattr(self, m[1]).append(m[2])
        elif m := re.fullmatch(r"until (.+?): (.+)", order):
            self.until[self.named(m[2])] = m[1]
        elif m := re.fullmatch(r"skip because (.+?) `(.+)`", order):
            self.skip_lines[self.named(m[2])] = m[1]
        elif m := re.fullmatch(r"skip because (.+)", order):
            self.skip = m[1]
        else:
            raise Wrong(f"{self.where}: no such order: {order}; see tests/docs/run.py")

    def named(self, start):
        plain = lambda line: " ".join(line.split())
        found = [line for line in self.lines() if plain(line).startswith(plain(start))]
        if len(found) != 1:
            raise Wrong(f"{self.where}: `{start}` begins {len(found)} lines of the fence, not one")
        return found[0]

    def lines(self):
        """Continued lines are one; empty ones and comments are none."""
        joined = re.sub(r"\\\n\s*", " ", self.text)
        return [line for line in joined.split("\n") if line.strip() and not line.lstrip().startswith("#")]


def fences_of(name, text):
    fences, orders, lines = [], [], iter(enumerate(text.split("\n"), 1))
    for number, line in lines:
        if line.startswith("<!-- test:"):
            comment = line
            while "-->" not in comment:
                comment += "\n" + next(lines)[1]
            orders = [order.strip() for order in comment[len("<!-- test:"):comment.index("-->")].split("\n") if order.strip()]
            continue
        if m := re.match(r"\s*```(.*)$", line):
            body = []
            while not re.match(r"\s*```\s*$", follows := next(lines, (0, "```"))[1]):
                body.append(follows)
            fences.append(Fence(name, number, m[1].strip(), "\n".join(body), orders))
        elif line.strip() and orders:
            raise Wrong(f"{name}:{number}: orders to the test belong right before a fence")
        orders = []
    return fences


def wait_for(condition, what, process=None):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return
        if process and process.poll() is not None and not condition():
            raise Wrong(f"ended with {process.returncode} before {what}")
        time.sleep(0.02)
    raise Wrong(f"waited {PATIENCE:.0f} s for {what}")


def end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Wrong("did not end within 30 s of TERM")


def until(pattern, line):
    """Runs in the fence's script in place of a line that does not end by itself."""
    with tempfile.NamedTemporaryFile() as out:
        # Read by its name: reading through `out` would move the place at which the process writes.
        text = lambda: pathlib.Path(out.name).read_text(errors="replace")
        process = subprocess.Popen(["bash", "-c", "exec " + line], stdout=out, stderr=subprocess.STDOUT)
        try:
            wait_for(lambda: re.search(pattern, text()), f"it printed {pattern}", process)
        finally:
            end(process)
            print(text())


class Document:
    """The server and the folder that the fences of one document share."""

    def __init__(self, build, path, folder):
        self.name, self.build, self.folder = os.path.relpath(path, ROOT), build, folder
        self.text = path.read_text()
        self.failed, self.skipped, self.ran, self.compiled = [], [], 0, 0
        for part in ("deploy", "examples", "bench"):
            (folder / part).symlink_to(ROOT / part)
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("LEASEHOLD_", "KUBE")) and k != "POD_NAME"}
        self.environment = {**keep, "HOME": str(folder), "KUBECONFIG": str(folder / "kubeconfig"), "PATH": f"{build}:{keep['PATH']}" if build else keep["PATH"],
                            **({"LD_LIBRARY_PATH": str(build / "src/library")} if build else {})}
        self.server = subprocess.Popen([build / "leasehold" if build else "leasehold", "dev", "--enable-faults", "--write-kubeconfig", folder / "kubeconfig"],
                                       env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.environment["URL"] = self.server.stdout.readline().split()[-1]
        wait_for((folder / "kubeconfig").exists, "the kubeconfig", self.server)

    def run(self):
        try:
            self.check_links()
            fences = fences_of(self.name, self.text)
        except Wrong as wrong:
            self.failed.append(str(wrong))
            return
        for fence in fences:
            try:
                self.run_fence(fence)
            except Wrong as wrong:
                self.failed.append(f"{fence.where}: {wrong}")

    def check_links(self):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", self.text):
            if "://" not in target and not (ROOT / self.name).parent.joinpath(target).exists():
                raise Wrong(f"{self.name}: links to {target}, which is not there")

    def run_fence(self, fence):
        if fence.language not in LANGUAGES:
            raise Wrong(f"nobody knows how to test {fence.language}; teach tests/docs/run.py")
        if fence.language not in ("sh", "c", "cpp"):
            if any(line.startswith("$ ") for line in fence.text.split("\n")):
                raise Wrong("shell lines in a fence that is not marked sh would not be run")
            if fence.language == "properties":
                self.check_file(fence)
            return
        self.check_paths(fence)
        if fence.skip:
            self.skipped += [f"{fence.where}: {line}: {fence.skip}" for line in fence.lines()]
        elif fence.language == "sh":
            self.run_shell(fence)
        else:
            self.compile(fence)

    def check_file(self, fence):
        if not fence.check:
            raise Wrong(f"a file that nobody reads: give it a `check` that takes block.{fence.language}")
        (self.folder / f"block.{fence.language}").write_text(fence.text + "\n")
        self.script("\n".join(fence.prepare + fence.check))

    @staticmethod
    def check_paths(fence):
        """Also of lines that are skipped."""
        for path in re.findall(r"(?<![\w/.-])(?:deploy|examples|bench|docs)/[\w./-]+", fence.text):
            if not (ROOT / path).exists():
                raise Wrong(f"names {path}, which is not there")

    def run_shell(self, fence):
        script = list(fence.prepare)
        for line in fence.lines():
            if line in fence.skip_lines:
                self.skipped.append(f"{fence.where}: {line}: {fence.skip_lines[line]}")
                continue
            self.ran += 1
            script.append(shlex.join([sys.executable, __file__, "--until", fence.until[line], line]) if line in fence.until else line)
        self.script("\n".join(script + fence.check))

    def script(self, text):
        """What the script leaves running ends with it: all of it is in one process group, that of the script."""
        with tempfile.TemporaryFile("w+") as out:
            process = subprocess.Popen(["bash", "-eu", "-c", text], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
            try:
                code = process.wait(2 * PATIENCE)
            except subprocess.TimeoutExpired:
                code = "a line that does not end: give it an `until`"
            finally:
                if not self.gone(process, signal.SIGTERM):
                    self.gone(process, signal.SIGKILL)
                    code = "processes that did not end within 20 s of TERM"
            out.seek(0)
            if code != 0:
                raise Wrong(f"the script ended with {code}\n{text}\n-- printed --\n{out.read()}")

    @staticmethod
    def gone(process, number):
        limit = time.monotonic() + 20
        try:
            os.killpg(process.pid, number)
            while time.monotonic() < limit:
                process.poll()
                os.killpg(process.pid, 0)
                time.sleep(0.02)
        except ProcessLookupError:
            return True
        return False

    def compile(self, fence):
        self.compiled += 1
        source = self.folder / f"block{self.compiled}.{fence.language}"
        source.write_text(f'#line {int(fence.where.split(":")[1]) + 1} "{self.name}"\n{fence.text}\n')
        compiler = [os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE"] if fence.language == "c" else [os.environ.get("CXX", "c++"), "-std=c++17"]
        program = "int main(" in fence.text
        library = "leasehold-testing" if "testing.h" in fence.text else "leasehold"
        out = source.with_suffix(".out" if program else ".o")
        command = [*compiler, *WARNINGS, str(source), "-o", str(out), *self.flags("--cflags", library)]
        command += [*self.flags("--libs", library), "-pthread"] if program else ["-c", *PARTS]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Wrong(f"does not compile\n{done.stderr}")
        if program:
            self.run_program(fence, out)

    def flags(self, kind, library):
        if not self.build:
            return subprocess.run(["pkg-config", kind, library], check=True, capture_output=True, text=True).stdout.split()
        return [f"-I{ROOT / 'include'}"] if kind == "--cflags" else [f"-L{self.build / 'src/library'}", f"-l{library}"]

    def run_program(self, fence, program):
        """To its end, or with a check as long as that takes."""
        process = subprocess.Popen([program], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL)
        try:
            if fence.check:
                self.script("\n".join(fence.check))
            elif process.wait(PATIENCE):
                raise Wrong(f"the program ended with {process.returncode}")
        finally:
            end(process)


def main():
    build = pathlib.Path(sys.argv[1]).resolve() if sys.argv[1] != "--installed" else None
    paths = [pathlib.Path(name).resolve() for name in sys.argv[2:]] or [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
    failed, ran, compiled, skipped = [], 0, 0, []
    for path in paths:
        with tempfile.TemporaryDirectory(prefix="leasehold-docs-") as folder:
            document = Document(build, path, pathlib.Path(folder))
            try:
                document.run()
            finally:
                end(document.server)
        failed, skipped = failed + document.failed, skipped + document.skipped
        ran, compiled = ran + document.ran, compiled + document.compiled
    for line in skipped:
        print(f"skipped: {line}")
    for line in failed:
        print(f"FAILED: {line}")
    print(f"docs: {ran} shell lines run, {compiled} blocks compiled, {len(skipped)} lines skipped, {len(failed)} failures")
    sys.exit(1 if failed or not ran else 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--until"]:
        try:
            until(*sys.argv[2:4])
        except Wrong as wrong:
            sys.exit(f"{sys.argv[3]}: {wrong}")
    else:
        main()
