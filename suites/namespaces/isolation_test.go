package namespaces

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
)

// ledger notes how a judgement ended. Like the real one, each of its endings is final.
type ledger struct{ ended string }

func (l *ledger) True(call string, holds bool, got, expected string) {
	if !holds && l.ended == "" {
		l.ended = fmt.Sprintf("fail: %s: got %s, expected %s", call, got, expected)
	}
}

func (l *ledger) Broken(format string, args ...any) {
	if l.ended == "" {
		l.ended = "broken: " + fmt.Sprintf(format, args...)
	}
}

func TestCompare(t *testing.T) {
	for name, c := range map[string]struct {
		with, without bool
		want          string
	}{
		"isolated":  {with: false, without: true, want: ""},
		"not":       {with: true, without: true, want: "fail: CLONE_NEWUTS: look(): got true, expected not shared with the other namespace"},
		"void":      {with: false, without: false, want: "broken: void: uts/x passes without the namespace too: look() gave false"},
		"backwards": {with: true, without: false, want: "fail: CLONE_NEWUTS: look(): got true, expected not shared with the other namespace"},
	} {
		var l ledger
		compare(&l, "uts/x", ns.UTS, func(flags uintptr) observation {
			shared := c.without
			if flags == ns.UTS.Flag {
				shared = c.with
			} else if flags != 0 {
				t.Fatalf("observed with flags %#x", flags)
			}
			return observation{"look()", fmt.Sprint(shared), shared}
		})
		if l.ended != c.want {
			t.Errorf("%s: got %q, expected %q", name, l.ended, c.want)
		}
	}
}

// What failed of the set-up is told, and ends the process before it reaches what is judged.
func TestFailedSetupIsTold(t *testing.T) {
	s := newScript()
	s.must("close(-1)", unix.SYS_CLOSE, -1)
	after := s.call("getpid()", unix.SYS_GETPID)
	err := s.try(t.Context())
	if err == nil || after.Done() {
		t.Errorf("got %v, and the next call was made: %v", err, after.Done())
	}
}

// A refusal that the script saw before its set-up failed stays a verdict, one behind it does not.
func TestJudgedBeforeTheFailureStands(t *testing.T) {
	s := newScript()
	before := s.call("close(-1) before", unix.SYS_CLOSE, -1)
	before.succeeds()
	s.wait(s.fork(0, func(s *script) { s.must("close(-1)", unix.SYS_CLOSE, -1) }))
	s.call("close(-1) behind", unix.SYS_CLOSE, -1).succeeds()
	err := s.try(t.Context())
	if err == nil {
		t.Fatal("the set-up did not fail")
	}
	if sound := s.sound(err); len(sound) != 1 || sound[0].text != before.text {
		t.Errorf("judged %v, expected the call before the failure alone", sound)
	}
	if all := s.sound(nil); len(all) != 2 {
		t.Errorf("without failure %d of 2 are judged", len(all))
	}
}

// Processes that wait for each other for ever cost their script its patience and no more.
func TestAwaitIsBounded(t *testing.T) {
	Hurry()
	defer func() { hurried = false }()
	s := newScript()
	s.await(s.event())
	reached := s.call("getpid()", unix.SYS_GETPID)
	err := s.try(t.Context())
	if !errors.Is(err, unix.EAGAIN) || reached.Done() {
		t.Errorf("got %v, and the next call was made: %v", err, reached.Done())
	}
}
