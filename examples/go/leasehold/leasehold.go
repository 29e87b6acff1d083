// Package leasehold is a thin wrapper of libleasehold, as far as a candidate needs it. Copy it and add what is missing: the contract
// of each function is in leasehold/leasehold.h.
//
// Threads: runtime.LockOSThread is not needed. The library keeps nothing by thread (errno is fetched by cgo with the call itself), and
// all its functions may be called from any thread; one goroutine reads the events, whatever threads it runs on. The lease is kept by
// a thread of the library's own that never runs Go, so neither the scheduler nor the collector can hold it up.
//
// Memory: C keeps no Go pointer. Strings passed in are copied by the library and freed here after the call; groups are found again by
// their C address in a map of Go's; nothing is called back.
package leasehold

/*
#cgo LDFLAGS: -lleasehold
#include <leasehold/leasehold.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

// Blocks one thread of the runtime's, not the others. A signal (Go's own preemption, too) only makes the caller look again.
static void wait_readable(int fd)
{
	struct pollfd waiting = { .fd = fd, .events = POLLIN };
	poll(&waiting, 1, -1);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// Kind of an Event. Later releases have more kinds: ignore those you do not know.
type Kind int

const (
	StartedLeading Kind = C.LEASEHOLD_EVENT_STARTED_LEADING
	StopWork       Kind = C.LEASEHOLD_EVENT_STOP_WORK
	StoppedLeading Kind = C.LEASEHOLD_EVENT_STOPPED_LEADING
	LeaderChanged  Kind = C.LEASEHOLD_EVENT_LEADER_CHANGED
	Warning        Kind = C.LEASEHOLD_EVENT_WARNING
	Closed         Kind = C.LEASEHOLD_EVENT_CLOSED
)

// Error is what the library refused: Code is a LEASEHOLD_ERR_*, Sentence says what to do.
type Error struct {
	Code     int
	Sentence string
}

func (e *Error) Error() string { return e.Sentence }

// ErrClosed is what the methods of a closed Service return.
var ErrClosed = errors.New("the service was closed: open another one")

// Event is a copy: the library's own event lives only until the next one is read.
type Event struct {
	Kind     Kind
	Name     string
	Text     string
	Group    *Group // nil: the whole service
	Term     uint64
	StopByNs uint64 // CLOCK_BOOTTIME
	MustKill bool
	Reason   string
	Holder   string
	Token    string
}

// Term is one uninterrupted leadership.
type Term struct {
	Number         uint64
	Token          string // a decimal number that grows from term to term, across processes
	LockUID        string
	LeadingUntilNs uint64 // CLOCK_BOOTTIME
}

// Service is one API server and the groups stood for there.
type Service struct {
	events  chan Event
	closing chan struct{} // closed by Close: nobody reads events any more
	pumped  chan struct{} // closed when the last event was read

	mutex  sync.RWMutex // over handle and everything below: no call runs while Close frees
	handle *C.leasehold_service
	groups map[*C.leasehold_group]*Group
	once   sync.Once
}

// Group is one election.
type Group struct {
	Identity string
	service  *Service
	handle   *C.leasehold_group
	started  uint64 // the newest term that was told
}

func failure(code C.int, errno error) error {
	sentence := C.GoString(C.leasehold_strerror(code))
	if code == C.LEASEHOLD_ERR_SYSTEM && errno != nil {
		sentence = fmt.Sprintf("%s: %v", sentence, errno)
	}
	return &Error{int(code), sentence}
}

// cString is freed by the caller. C would take what is before a NUL for the whole.
func cString(text string) (*C.char, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return nil, &Error{C.LEASEHOLD_ERR_ARGUMENT, fmt.Sprintf("%q has a NUL in it: leave it out", text)}
	}
	return C.CString(text), nil
}

func set(options *C.leasehold_options, name, value string) error {
	cName, err := cString(name)
	if err != nil {
		return err
	}
	defer C.free(unsafe.Pointer(cName))
	cValue, err := cString(value)
	if err != nil {
		return err
	}
	defer C.free(unsafe.Pointer(cValue))
	return refusal(options, C.leasehold_options_set(options, cName, cValue))
}

func refusal(options *C.leasehold_options, code C.int) error {
	if code >= 0 {
		return nil
	}
	return &Error{int(code), C.GoString(C.leasehold_options_error(options))}
}

// Open opens a service with the settings of leasehold(1), over those of the environment. Close must be called.
func Open(settings map[string]string) (*Service, error) {
	options := C.leasehold_options_new()
	if options == nil {
		return nil, failure(C.LEASEHOLD_ERR_MEMORY, nil)
	}
	defer C.leasehold_options_unref(options)
	if err := refusal(options, C.leasehold_options_load_environment(options)); err != nil {
		return nil, err
	}
	for name, value := range settings {
		if err := set(options, name, value); err != nil {
			return nil, err
		}
	}
	var handle *C.leasehold_service
	if err := refusal(options, C.leasehold_service_open(&handle, options)); err != nil {
		return nil, err
	}
	if code, errno := C.leasehold_service_start_thread(handle); code < 0 {
		C.leasehold_service_unref(handle)
		return nil, failure(code, errno)
	}
	s := &Service{
		events:  make(chan Event),
		closing: make(chan struct{}),
		pumped:  make(chan struct{}),
		handle:  handle,
		groups:  map[*C.leasehold_group]*Group{},
	}
	go s.pump(handle)
	return s, nil
}

// Events are told in their order; the channel is closed behind the last one, which Stop or Close bring about.
func (s *Service) Events() <-chan Event { return s.events }

// Stand stands for election from now on.
func (s *Service) Stand(name string) (*Group, error) {
	cName, err := cString(name)
	if err != nil {
		return nil, err
	}
	defer C.free(unsafe.Pointer(cName))
	s.mutex.Lock() // before its first event can be told the group is in the map
	defer s.mutex.Unlock()
	if s.handle == nil {
		return nil, ErrClosed
	}
	var handle *C.leasehold_group
	if code := C.leasehold_group_open(&handle, s.handle, cName, C.LEASEHOLD_CANDIDATE, nil); code < 0 {
		var sentence [512]C.char
		C.leasehold_service_error(s.handle, &sentence[0], C.size_t(len(sentence)))
		return nil, &Error{int(code), C.GoString(&sentence[0])}
	}
	g := &Group{Identity: C.GoString(C.leasehold_group_identity(handle)), service: s, handle: handle}
	s.groups[handle] = g
	return g, nil
}

// Stop asks all groups to finish and returns at once. The events say what comes: StopWork where work runs, Closed at the end.
// Again is fine, also after Close.
func (s *Service) Stop() error {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	if s.handle == nil {
		return nil
	}
	if code, errno := C.leasehold_service_stop(s.handle); code < 0 {
		return failure(code, errno)
	}
	return nil
}

// Close says that all work has ended: it releases what is held, waits until that is done, and frees the service. Again is fine.
func (s *Service) Close() {
	s.once.Do(func() {
		close(s.closing)
		_ = s.Stop() // it refuses NULL and forked handles, and this is neither
		s.mutex.RLock()
		for _, g := range s.groups {
			C.leasehold_group_work_stopped(g.handle, C.uint64_t(g.started)) // no term, or one that is over: ignored
		}
		s.mutex.RUnlock()
		<-s.pumped
		s.mutex.Lock()
		defer s.mutex.Unlock()
		for _, g := range s.groups {
			g.handle = C.leasehold_group_unref(g.handle)
		}
		s.handle = C.leasehold_service_unref(s.handle)
	})
}

// pump reads the events until the last one. The service lives as long: Close waits for it.
func (s *Service) pump(handle *C.leasehold_service) {
	defer close(s.pumped)
	defer close(s.events)
	for {
		event, more := s.next(handle)
		if !more {
			C.wait_readable(C.leasehold_service_fd(handle))
			continue
		}
		select {
		case s.events <- event:
		case <-s.closing:
			if event.Kind == StartedLeading || event.Kind == StopWork {
				_ = event.Group.WorkStopped(event.Term)
			}
		}
		if event.Kind == Closed && event.Group == nil {
			return
		}
	}
}

func (s *Service) next(handle *C.leasehold_service) (Event, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var e *C.leasehold_event
	if C.leasehold_service_next_event(handle, &e) <= 0 {
		return Event{}, false
	}
	group := s.groups[C.leasehold_event_group(e)]
	event := Event{
		Kind:     Kind(C.leasehold_event_kind(e)),
		Name:     C.GoString(C.leasehold_event_name(e)),
		Text:     C.GoString(C.leasehold_event_text(e)),
		Group:    group,
		Term:     uint64(C.leasehold_event_term(e)),
		StopByNs: uint64(C.leasehold_event_stop_by_ns(e)),
		MustKill: bool(C.leasehold_event_must_kill(e)),
		Reason:   C.GoString(C.leasehold_reason_name(C.leasehold_event_reason(e))),
		Holder:   C.GoString(C.leasehold_event_holder(e)),
		Token:    C.GoString(C.leasehold_event_token(e)),
	}
	if event.Kind == StartedLeading {
		group.started = event.Term
	}
	return event, true
}

// Leading is the present term, and whether there is one. From any goroutine; false for a closed service.
func (g *Group) Leading() (Term, bool) {
	g.service.mutex.RLock()
	defer g.service.mutex.RUnlock()
	term := C.struct_leasehold_term{size: C.sizeof_struct_leasehold_term}
	if C.leasehold_group_term(g.handle, &term) <= 0 {
		return Term{}, false
	}
	return Term{uint64(term.number), C.GoString(&term.token[0]), C.GoString(&term.lock_uid[0]), uint64(term.leading_until_ns)}, true
}

// WorkStopped says that all work of this term has ended. Only then is the lock released.
func (g *Group) WorkStopped(term uint64) error {
	return g.call(func() C.int { return C.leasehold_group_work_stopped(g.handle, C.uint64_t(term)) })
}

// Resign hands leadership over and stands again that much later, 0: after the retry period.
func (g *Group) Resign(standAgainAfter time.Duration) error {
	if standAgainAfter < 0 {
		return &Error{C.LEASEHOLD_ERR_ARGUMENT, fmt.Sprintf("cannot stand again %v from now: give 0 or more", standAgainAfter)}
	}
	return g.call(func() C.int { return C.leasehold_group_resign(g.handle, C.uint64_t(standAgainAfter)) })
}

func (g *Group) call(function func() C.int) error {
	g.service.mutex.RLock()
	defer g.service.mutex.RUnlock()
	if g.handle == nil {
		return ErrClosed
	}
	if code := function(); code < 0 {
		return failure(code, nil)
	}
	return nil
}
