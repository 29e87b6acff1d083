#!/usr/bin/env python3
"""Applies one mutation to a copy of the sources.

    mutate.py MUTATION SOURCE_DIR OUT_DIR

A .mutation file is a line that says what is broken, and one or more changes:

    Receipts are stamped with the time at which the turn began.
    file: sim/process.c
    old:
        exactly this text, once in the file
    new:
        this instead
    end

Text is taken as it stands between the lines, without the four columns of indentation in front of each of its lines. The file
is copied to OUT_DIR/file with the change made. It is an error when the old text is not there exactly once: a mutation that no
longer fits must not pass for one that was caught.
"""
import pathlib
import sys


def fail(sentence):
    sys.exit(f"mutate.py: {sentence}")


def parse(path):
    lines = path.read_text().splitlines()
    changes, current, part = [], None, None
    for number, line in enumerate(lines[1:], 2):
        if part in ("old", "new") and (line.startswith("    ") or not line):
            current[part].append(line[4:])
        elif line.startswith("file: "):
            current, part = {"file": line[6:].strip(), "old": [], "new": []}, None
        elif line in ("old:", "new:") and current:
            part = line[:-1]
        elif line == "end" and current:
            changes.append(current)
            file, current, part = current["file"], {"file": current["file"], "old": [], "new": []}, None
        elif line:
            fail(f"{path}:{number}: {line!r} is no part of a mutation")
    if not changes:
        fail(f"{path}: no change in it")
    return changes


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    mutation, source, out = map(pathlib.Path, sys.argv[1:])
    texts = {}
    for change in parse(mutation):
        file = change["file"]
        text = texts.get(file) or (source / file).read_text()
        old, new = ("\n".join(change[part]).strip("\n") for part in ("old", "new"))
        if not old or text.count(old) != 1:
            fail(f"{mutation}: the old text is {text.count(old) if old else 0} times in {file}, not once; the source has changed, so must the mutation:\n{old}")
        texts[file] = text.replace(old, new)
    for file, text in texts.items():
        target = out / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


main()
