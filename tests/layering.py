#!/usr/bin/env python3
"""The shape of the house: which room may include which, and what the pure rooms may link with.

Usage: layering.py SOURCE_DIR [CC]     Ends non-zero with one line for each break.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

# room: the rooms whose headers it may include, besides its own and the public ones.
MAY_INCLUDE = {
    "election": set(),
    "membership": set(),
    "wire": {"election", "membership"},
    "kube": {"wire", "election"},
    "service": {"wire", "election", "membership"},
    "io": {"service", "kube", "wire", "election"},
    "store": {"wire", "election"},
    "httpd": {"election"},
    "probe": {"httpd", "service", "election"},
    "devserver": {"httpd", "store", "wire", "election"},
    "model": {"election"},
    "sim": {"store", "wire", "election", "membership", "service"},
    "library": {"service", "io", "kube", "wire", "election"},
    "testing": {"service", "store", "wire", "election", "library"},
    "supervisor": {"election"},
    "cli": {"service", "library", "io", "kube", "wire", "election", "supervisor", "devserver", "probe", "httpd"},
}
PURE = ("election", "membership")
PURE_LINKS = re.compile(r"^(mem(cpy|set|cmp|move)|str(cmp|ncmp|len|nlen))$")
# Headers that bring sockets, clocks, threads or processes; the pure rooms and the wire do without.
IMPURE_HEADER = re.compile(r"^(sys/(socket|epoll|timerfd|eventfd|signalfd|wait|prctl|mman)|pthread|time|unistd|signal|curl/.*|event2/.*|netinet/.*|poll)(\.h)?$")
NO_SYSTEM = {"election", "membership", "wire", "store"}


def included(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if match:
            yield number, match.group(1) == '"', match.group(2)


def check_includes(root):
    for room_dir in sorted((root / "src").iterdir()):
        room = room_dir.name
        if room not in MAY_INCLUDE:
            yield f"src/{room}: this room is not in the plan of the house; add it to tests/layering.py and docs/design.md"
            continue
        for path in sorted(room_dir.rglob("*.[ch]")):
            for number, quoted, name in included(path):
                where = f"{path.relative_to(root)}:{number}"
                other = name.split("/")[0] if quoted and "/" in name else None
                if other and other != "leasehold" and other != room and other not in MAY_INCLUDE[room]:
                    yield f"{where}: {room} may not include {name}; dependencies point one way only"
                if room in NO_SYSTEM and IMPURE_HEADER.match(name):
                    yield f"{where}: {room} does no I/O and reads no clock, but includes {name}"


def check_links(root, cc):
    for room in PURE:
        sources = sorted((root / "src" / room).glob("*.c"))
        if not sources:
            continue
        with tempfile.TemporaryDirectory() as tmp:
            objects = []
            for source in sources:
                target = f"{tmp}/{source.stem}.o"
                subprocess.run([cc, "-std=gnu11", "-O2", "-fno-stack-protector", f"-I{root}/src", "-c", str(source), "-o", target], check=True)
                objects.append(target)
            subprocess.run(["ld", "-r", "-o", f"{tmp}/room.o", *objects], check=True)
            symbols = subprocess.run(["nm", "-u", f"{tmp}/room.o"], check=True, capture_output=True, text=True).stdout.split()
            for symbol in symbols:
                if symbol not in ("U", "_GLOBAL_OFFSET_TABLE_") and not PURE_LINKS.match(symbol):
                    yield f"src/{room}: links with {symbol}; it may link with nothing but mem* and str*"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    cc = sys.argv[2] if len(sys.argv) > 2 else "cc"
    breaks = list(check_includes(root)) + list(check_links(root, cc))
    for line in breaks:
        print(line)
    print(f"layering: {len(breaks)} breaks")
    return 1 if breaks else 0


if __name__ == "__main__":
    sys.exit(main())
