"""A thin typed wrapper of libleasehold over ctypes, as far as a candidate needs it. Copy it and add what is missing: the contract of
each function is in leasehold/leasehold.h.

Threads: ctypes gives the interpreter's lock away during each call, so no call here holds up other threads. The lease is kept by a
thread of the library's own that never runs Python, so a long garbage collection cannot lose it. For the same reason the library's
log function is left out: it is called with the service's lock held, and would wait there for the interpreter's.
"""
from __future__ import annotations

import ctypes
import dataclasses
import enum
import os
import select
import weakref
from ctypes import POINTER, c_bool, c_char, c_char_p, c_int, c_size_t, c_uint64, c_void_p
from typing import Iterator, Optional

_lib = ctypes.CDLL("libleasehold.so.0", use_errno=True)


def _declare(result, name: str, *arguments):
    # Without these a pointer would be passed as an int of 32 bits.
    function = getattr(_lib, "leasehold_" + name)
    function.restype, function.argtypes = result, arguments
    return function


class _Term(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("number", c_uint64), ("leading_until_ns", c_uint64), ("token", c_char * 64), ("lock_uid", c_char * 64)]


_strerror = _declare(c_char_p, "strerror", c_int)
_reason_name = _declare(c_char_p, "reason_name", c_int)
_options_new = _declare(c_void_p, "options_new")
_options_unref = _declare(c_void_p, "options_unref", c_void_p)
_options_set = _declare(c_int, "options_set", c_void_p, c_char_p, c_char_p)
_options_load_environment = _declare(c_int, "options_load_environment", c_void_p)
_options_error = _declare(c_char_p, "options_error", c_void_p)
_service_open = _declare(c_int, "service_open", POINTER(c_void_p), c_void_p)
_service_unref = _declare(c_void_p, "service_unref", c_void_p)
_service_start_thread = _declare(c_int, "service_start_thread", c_void_p)
_service_stop = _declare(c_int, "service_stop", c_void_p)
_service_fd = _declare(c_int, "service_fd", c_void_p)
_service_error = _declare(c_int, "service_error", c_void_p, c_char_p, c_size_t)
_service_next_event = _declare(c_int, "service_next_event", c_void_p, POINTER(c_void_p))
_group_open = _declare(c_int, "group_open", POINTER(c_void_p), c_void_p, c_char_p, c_int, c_void_p)
_group_unref = _declare(c_void_p, "group_unref", c_void_p)
_group_identity = _declare(c_char_p, "group_identity", c_void_p)
_group_is_leading = _declare(c_bool, "group_is_leading", c_void_p)
_group_term = _declare(c_int, "group_term", c_void_p, POINTER(_Term))
_group_work_stopped = _declare(c_int, "group_work_stopped", c_void_p, c_uint64)
_group_resign = _declare(c_int, "group_resign", c_void_p, c_uint64)
_event_kind = _declare(c_int, "event_kind", c_void_p)
_event_name = _declare(c_char_p, "event_name", c_void_p)
_event_group = _declare(c_void_p, "event_group", c_void_p)
_event_term = _declare(c_uint64, "event_term", c_void_p)
_event_stop_by_ns = _declare(c_uint64, "event_stop_by_ns", c_void_p)
_event_must_kill = _declare(c_bool, "event_must_kill", c_void_p)
_event_reason = _declare(c_int, "event_reason", c_void_p)
_event_holder = _declare(c_char_p, "event_holder", c_void_p)
_event_token = _declare(c_char_p, "event_token", c_void_p)
_event_text = _declare(c_char_p, "event_text", c_void_p)

_CANDIDATE = 0
_ERR_ARGUMENT, _ERR_STATE, _ERR_SYSTEM = -2, -5, -8


class Kind(enum.IntEnum):
    """Kinds of events that a candidate acts on; Event.kind is a plain int, since later releases have more."""
    STARTED_LEADING = 1
    STOP_WORK = 2
    STOPPED_LEADING = 3
    LEADER_CHANGED = 4
    WARNING = 5
    CLOSED = 6


class Error(Exception):
    """What the library refused: `code` is a LEASEHOLD_ERR_*, the text its sentence."""

    def __init__(self, code: int, sentence: str = ""):
        if not sentence:
            sentence = _strerror(code).decode()
            if code == _ERR_SYSTEM:
                sentence += ": " + os.strerror(ctypes.get_errno())
        super().__init__(sentence)
        self.code = code


@dataclasses.dataclass(frozen=True)
class Event:
    """A copy: the library's own event lives only until the next one is read."""
    kind: int
    name: str
    text: str
    group: Optional[Group]
    term: int
    stop_by_ns: int  # CLOCK_BOOTTIME, as time.clock_gettime_ns() has it
    must_kill: bool
    reason: str
    holder: str
    token: str


@dataclasses.dataclass(frozen=True)
class Term:
    number: int
    token: str
    lock_uid: str
    leading_until_ns: int


class Group:
    """One election; Service.stand() makes them. May be asked from any thread, also after its service was closed."""

    def __init__(self, handle: int):
        self._handle = handle
        # Not in Service.close(): another thread may be asking is_leading() at that moment. Its service refers to this object, so
        # the reference cannot be dropped while the service is open, which would abandon the lock.
        weakref.finalize(self, _group_unref, handle)
        self.identity = _group_identity(handle).decode()

    def is_leading(self) -> bool:
        return _group_is_leading(self._handle)

    def term(self) -> Optional[Term]:
        """The present term while leading, else None. Send its token with each write."""
        term = _Term(size=ctypes.sizeof(_Term))
        if _group_term(self._handle, ctypes.byref(term)) <= 0:
            return None
        return Term(term.number, term.token.decode(), term.lock_uid.decode(), term.leading_until_ns)

    def work_stopped(self, term: int) -> None:
        """All work of this term has ended. Only then is the lock released."""
        _check(_group_work_stopped(self._handle, term))

    def resign(self, stand_again_after_s: float = 0) -> None:
        if stand_again_after_s < 0:
            raise Error(_ERR_ARGUMENT, f"cannot stand again {stand_again_after_s} s from now: give 0 or more")
        _check(_group_resign(self._handle, round(stand_again_after_s * 1e9)))


class Service:
    """One API server and the groups stood for there. Settings are those of leasehold(1), `_` for `-`, over those of the environment:

        with Service(lease_duration="15s") as service:
            group = service.stand("reports")
            for event in service.events(): ...

    At the end of the block the locks are released: all work must have ended by then. One thread at a time reads events, and none
    may be in a call on the service while it is closed."""

    def __init__(self, **settings: str):
        self._handle: Optional[int] = None
        self._groups: dict[int, Group] = {}
        self._terms: dict[int, int] = {}
        self._closed = False
        options = _options_new()
        if not options:
            raise MemoryError("leasehold: out of memory")
        try:
            handle = c_void_p()
            code = _options_load_environment(options)
            for name, value in settings.items():
                code = code if code < 0 else _options_set(options, _bytes(name.replace("_", "-")), _bytes(value))
            code = code if code < 0 else _service_open(ctypes.byref(handle), options)
            if code < 0:
                raise Error(code, (_options_error(options) or b"").decode())
            self._handle = handle.value
        finally:
            _options_unref(options)
        code = _service_start_thread(self._handle)
        if code < 0:
            _service_unref(self._handle)
            self._handle = None
            raise Error(code)

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def stand(self, name: str) -> Group:
        """Stands for election from now on."""
        handle = c_void_p()
        code = _group_open(ctypes.byref(handle), self._open_handle(), _bytes(name), _CANDIDATE, None)
        if code < 0:
            sentence = ctypes.create_string_buffer(512)
            _service_error(self._handle, sentence, len(sentence))
            raise Error(code, sentence.value.decode(errors="replace"))
        group = Group(handle.value)
        self._groups[handle.value] = group
        return group

    def events(self) -> Iterator[Event]:
        """Waits for events; ends after the last one, which stop() brings about. Signals' handlers run meanwhile."""
        handle = self._open_handle()
        waiting = select.poll()
        waiting.register(_service_fd(handle), select.POLLIN)
        while not self._closed:
            event = self._next_event()
            if event:
                yield event
            elif not self._closed:
                waiting.poll()

    def stop(self) -> None:
        """Asks all groups to finish; returns at once. The events say what comes: STOP_WORK where work runs, CLOSED at the end.
        Again is fine, also after close()."""
        if self._handle is not None:
            _check(_service_stop(self._handle))

    def close(self) -> None:
        """All work has ended: releases what is held, waits until that is done, frees the service. Again is fine."""
        if self._handle is None:
            return
        try:
            self.stop()
            for handle, term in self._terms.items():
                _check(_group_work_stopped(handle, term))
            for event in self.events():
                # A term that began after the work had ended.
                if event.kind in (Kind.STARTED_LEADING, Kind.STOP_WORK) and event.group:
                    event.group.work_stopped(event.term)
        finally:
            # First forgotten, then freed: a signal's handler may call stop() in between.
            handle, self._handle = self._handle, None
            _service_unref(handle)

    def _open_handle(self) -> int:
        if self._handle is None:
            raise Error(_ERR_STATE, "the service was closed: open another one")
        return self._handle

    def _next_event(self) -> Optional[Event]:
        raw = c_void_p()
        if _check(_service_next_event(self._open_handle(), ctypes.byref(raw))) == 0:
            return None
        text = lambda accessor: accessor(raw).decode(errors="replace")
        group, kind, term = _event_group(raw), _event_kind(raw), _event_term(raw)
        if kind == Kind.STARTED_LEADING:
            self._terms[group] = term
        if kind == Kind.CLOSED and not group:
            self._closed = True
        return Event(kind, text(_event_name), text(_event_text), self._groups.get(group) if group else None, term, _event_stop_by_ns(raw),
                     _event_must_kill(raw), _reason_name(_event_reason(raw)).decode(), text(_event_holder), text(_event_token))


def _bytes(text: str) -> bytes:
    if "\0" in text:  # C would take what is before it for the whole
        raise Error(_ERR_ARGUMENT, f"{text!r} has a NUL in it: leave it out")
    return text.encode()


def _check(code: int) -> int:
    if code < 0:
        raise Error(code)
    return code
