#!/usr/bin/env python3
"""One list of requests, good and bad, to `leasehold dev` and to a kube-apiserver: both must answer alike.

    same_answers.py --leasehold build/release/leasehold [-k PART]     asks both now, and the record too
    same_answers.py --leasehold build/release/leasehold --recorded    asks ours, and compares with same_answers_recorded.json
    same_answers.py --record                                          asks kube-apiserver and writes that file anew

The requests are in same_answers_requests.py, what is compared in same_answers_judge.py, and which differences are known in
same_answers_known.py: an unlisted difference fails, and so does a listed one that is no more.
"""
import argparse
import contextlib
import http.client
import json
import pathlib
import re
import ssl
import subprocess
import sys

from realserver import ADMIN, RealServer, die_with_parent
from same_answers_judge import comparable, verdict
from same_answers_known import KNOWN, REASONS
from same_answers_requests import REQUESTS, bytes_of

HERE = pathlib.Path(__file__).resolve().parent
RECORDED = HERE / "same_answers_recorded.json"
DOCUMENT = HERE.parents[1] / "docs" / "dev-server.md"
PATIENCE_S = 10


@contextlib.contextmanager
def dev(program):
    """A function that opens a connection to a fresh `leasehold dev`, and no token: it knows none."""
    process = subprocess.Popen([program, "dev"], stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
    try:
        port = int(process.stdout.readline().strip().rsplit(":", 1)[1])
        yield lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S), None
    finally:
        process.terminate()
        code = process.wait(PATIENCE_S)
        process.stdout.close()
    if code:
        raise RuntimeError(f"the development server ended with {code}")


@contextlib.contextmanager
def real():
    """The same to a fresh kube-apiserver, and its administrator's token."""
    with RealServer() as server:
        context = ssl.create_default_context(cafile=server.folder / "ca.crt")
        yield (lambda: http.client.HTTPSConnection("127.0.0.1", server.port, timeout=PATIENCE_S, context=context)), server.tokens[ADMIN]


def read_all(answer):
    """The body, and whether it ended: a watch may stay open that should not."""
    parts = []
    try:
        while part := answer.read1(65536):
            parts.append(part)
        return b"".join(parts), True
    except TimeoutError:
        return b"".join(parts), False


def exchange(connection, request, path, body, token):
    headers = dict(request["headers"])
    if body is not None and request["type"]:
        headers["Content-Type"] = request["type"]
    if request["accept"]:
        headers["Accept"] = request["accept"]
    token = token if request["token"] is None else request["token"]
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection.request(request["method"], path, body, headers)
    answer = connection.getresponse()
    body, ended = read_all(answer)
    media = (answer.getheader("Content-Type") or "").split(";")[0]
    return {"code": answer.status, "type": media, "warnings": len(answer.headers.get_all("Warning") or []), "body": body,
            "watch": "watch" in path, "ended": ended}


def remembered(body):
    try:
        meta = json.loads(body).get("metadata", {})
    except ValueError:
        meta = {}
    return {"rv": meta.get("resourceVersion", ""), "uid": meta.get("uid", ""), "continue": meta.get("continue", "")}


def ask_all(connect, token):
    """Sends every request in order; gives name to comparable answer."""
    memory, answers = {}, {}

    def filled(text):
        return re.sub(r"\$(\w+)\.(rv|uid|continue)", lambda m: memory[m.group(1)][m.group(2)], text)

    for request in REQUESTS:
        body = bytes_of(request["body"])
        if body is not None and b"$" in body and not isinstance(request["body"], bytes):
            body = filled(body.decode()).encode()
        with contextlib.closing(connect()) as connection:
            answer = exchange(connection, request, filled(request["path"]), body, token)
        if request["remember"]:
            memory[request["remember"]] = remembered(answer["body"])
        answers[request["name"]] = comparable(answer)
    return answers


def undocumented(text):
    """Reasons for differences that the manual does not give."""
    return [f"docs/dev-server.md does not say: {reason!r}" for reason in REASONS if reason not in " ".join(text.split())]


def write_record(answers):
    lines = (f"{json.dumps(name)}: {json.dumps(answer, sort_keys=True)}" for name, answer in answers.items())
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leasehold", help="the program")
    parser.add_argument("--recorded", action="store_true", help="compare with what kube-apiserver answered when it was recorded")
    parser.add_argument("--record", action="store_true", help="record kube-apiserver's answers")
    parser.add_argument("-k", dest="part", help="only requests whose name contains this (all are sent)")
    options = parser.parse_args()
    if not options.record and not options.leasehold:
        parser.error("--leasehold FILE is missing: the program that is asked")
    theirs = json.loads(RECORDED.read_text()) if options.recorded else None
    if theirs is None:
        with real() as (connect, token):
            theirs = ask_all(connect, token)
    if options.record:
        write_record(theirs)
        print(f"{len(theirs)} answers written to {RECORDED.name}")
        return 0
    with dev(options.leasehold) as (connect, token):
        ours = ask_all(connect, token)
    chosen = {name for name in ours if options.part is None or options.part in name}
    wrong = [] if options.part else undocumented(DOCUMENT.read_text())
    wrong += verdict({n: ours[n] for n in ours if n in chosen}, {n: theirs[n] for n in theirs if n in chosen or n not in ours},
                     {n for n in KNOWN if n in chosen or not options.part})
    if not options.recorded and not options.part:
        wrong += [f"the record is stale (--record): {one}" for one in verdict(theirs, json.loads(RECORDED.read_text()), ())]
    print("\n".join(wrong) if wrong else f"same answers: {len(chosen)} requests, {len(chosen & KNOWN.keys())} known differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
