#!/usr/bin/env python3
"""The judge of same_answers.py alone: what it must see, it sees; what may differ, may. Needs no server."""
import json
import sys
import unittest

from same_answers_judge import comparable, differences, verdict
from same_answers_known import KNOWN
from same_answers_requests import REQUESTS

OBJECT = {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1",
          "metadata": {"name": "a", "namespace": "answers", "uid": "12345678-1234-1234-1234-123456789abc", "resourceVersion": "7",
                       "creationTimestamp": "2026-11-23T03:00:00Z"},
          "spec": {"holderIdentity": "h", "leaseDurationSeconds": 15}}
STATUS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "some words", "reason": "Invalid", "code": 422,
          "details": {"name": "a", "kind": "Lease", "causes": [{"reason": "FieldValueInvalid", "message": "words", "field": "spec.x"}]}}


def answer(body, code=200, type="application/json", warnings=0, watch=False, ended=True):
    return {"code": code, "type": type, "warnings": warnings, "watch": watch, "ended": ended,
            "body": body if isinstance(body, bytes) else json.dumps(body).encode()}


def changed(value, path, new):
    """A copy of the value with one member set, or without it where new is None."""
    copy = json.loads(json.dumps(value))
    at = copy
    for step in path[:-1]:
        at = at[step]
    if new is None:
        del at[path[-1]]
    else:
        at[path[-1]] = new
    return copy


def found(ours, theirs):
    return differences(comparable(ours), comparable(theirs))


class Sees(unittest.TestCase):
    def assert_sees(self, what, ours, theirs):
        for one, other in ((ours, theirs), (theirs, ours)):
            sentences = found(one, other)
            self.assertTrue(any(what in sentence for sentence in sentences), sentences)

    def test_a_wrong_code(self):
        self.assert_sees("code", answer(OBJECT, 201), answer(OBJECT, 200))

    def test_a_wrong_reason(self):
        self.assert_sees("body.reason", answer(changed(STATUS, ["reason"], "Conflict"), 422), answer(STATUS, 422))

    def test_a_missing_reason(self):
        self.assert_sees("body.reason", answer(changed(STATUS, ["reason"], None), 422), answer(STATUS, 422))

    def test_a_wrong_code_in_the_status(self):
        self.assert_sees("body.code", answer(changed(STATUS, ["code"], 400), 422), answer(STATUS, 422))

    def test_wrong_details(self):
        self.assert_sees("body.details.kind", answer(changed(STATUS, ["details", "kind"], "leases"), 422), answer(STATUS, 422))
        self.assert_sees("body.details.name", answer(changed(STATUS, ["details", "name"], None), 422), answer(STATUS, 422))

    def test_a_wrong_cause(self):
        self.assert_sees("causes", answer(changed(STATUS, ["details", "causes", 0, "field"], "spec.y"), 422), answer(STATUS, 422))
        self.assert_sees("causes", answer(changed(STATUS, ["details", "causes"], []), 422), answer(STATUS, 422))

    def test_a_missing_field(self):
        self.assert_sees("body.spec.holderIdentity", answer(changed(OBJECT, ["spec", "holderIdentity"], None)), answer(OBJECT))
        self.assert_sees("body.metadata.uid", answer(changed(OBJECT, ["metadata", "uid"], None)), answer(OBJECT))

    def test_another_type_of_a_value(self):
        self.assert_sees("leaseDurationSeconds", answer(changed(OBJECT, ["spec", "leaseDurationSeconds"], "15")), answer(OBJECT))

    def test_a_time_of_another_form(self):
        bad = changed(OBJECT, ["metadata", "creationTimestamp"], "2026-11-23 03:00:00")
        self.assert_sees("creationTimestamp", answer(bad), answer(OBJECT))

    def test_an_object_for_a_status(self):
        self.assert_sees("body.kind", answer(OBJECT), answer(changed(STATUS, ["code"], 200)))

    def test_a_missing_item(self):
        both = {"kind": "LeaseList", "metadata": {"resourceVersion": "9"}, "items": [OBJECT]}
        self.assert_sees("body.items", answer(changed(both, ["items"], [])), answer(both))

    def test_a_missing_event(self):
        line = json.dumps({"type": "ADDED", "object": OBJECT}).encode() + b"\n"
        self.assert_sees("events", answer(line, watch=True), answer(line + line, watch=True))

    def test_a_watch_that_does_not_end(self):
        self.assert_sees("ended", answer(b"", watch=True, ended=False), answer(b"", watch=True))

    def test_another_media_type(self):
        self.assert_sees("type", answer(OBJECT, type="text/plain"), answer(OBJECT))

    def test_a_missing_warning(self):
        self.assert_sees("warnings", answer(OBJECT), answer(OBJECT, warnings=1))

    def test_what_is_no_json(self):
        self.assert_sees("unreadable", answer(b"{nonsense"), answer(OBJECT))


class Overlooks(unittest.TestCase):
    def test_uids_versions_and_times(self):
        other = changed(changed(OBJECT, ["metadata", "uid"], "00000000-1234-1234-1234-123456789abc"), ["metadata", "resourceVersion"], "99")
        self.assertEqual(found(answer(OBJECT), answer(changed(other, ["metadata", "creationTimestamp"], "2027-01-01T00:00:00Z"))), [])

    def test_words(self):
        self.assertEqual(found(answer(STATUS, 422), answer(changed(STATUS, ["message"], "other words"), 422)), [])

    def test_bookmarks_by_the_clock(self):
        line = json.dumps({"type": "BOOKMARK", "object": {"kind": "Lease", "metadata": {"resourceVersion": "9"}}}).encode()
        self.assertEqual(found(answer(line, watch=True), answer(b"", watch=True)), [])


class Verdict(unittest.TestCase):
    same, other = comparable(answer(OBJECT)), comparable(answer(OBJECT, 201))

    def test_an_unlisted_difference(self):
        self.assertEqual(len(verdict({"a": self.same}, {"a": self.other}, set())), 1)

    def test_a_listed_difference(self):
        self.assertEqual(verdict({"a": self.same}, {"a": self.other}, {"a"}), [])

    def test_a_listed_difference_that_is_no_more(self):
        self.assertIn("take it from the list", verdict({"a": self.same}, {"a": self.same}, {"a"})[0])

    def test_a_listed_name_that_no_request_has(self):
        self.assertIn("no request has that name", verdict({"a": self.same}, {"a": self.same}, {"b"})[0])

    def test_a_request_that_one_was_not_asked(self):
        self.assertEqual(len(verdict({"a": self.same, "b": self.same}, {"a": self.same}, set())), 1)
        self.assertEqual(len(verdict({"a": self.same}, {"a": self.same, "b": self.same}, set())), 1)


class List(unittest.TestCase):
    def test_names_are_unique(self):
        names = [request["name"] for request in REQUESTS]
        self.assertEqual(len(names), len(set(names)))

    def test_known_differences_have_requests(self):
        self.assertEqual(KNOWN.keys() - {request["name"] for request in REQUESTS}, set())


if __name__ == "__main__":
    sys.exit(unittest.main())
