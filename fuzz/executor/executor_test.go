package executor

import (
	"testing"

	"golang.org/x/sys/unix"

	"xtest/fuzz/area"
	"xtest/fuzz/call"
	"xtest/fuzz/program"
	"xtest/runner/wire"
)

// TestUnknownSpace: what is not known is refused before anything is mapped.
func TestUnknownSpace(t *testing.T) {
	if err := Run(wire.Fuzz{Space: "vax"}, nil); err == nil {
		t.Error("calls of a vax were taken")
	}
}

// TestResultOf: a fixup of an argument names the call whose result it is.
func TestResultOf(t *testing.T) {
	r := &area.Record{Fixes: 2}
	r.Fixups[0] = area.Fixup{From: 2*area.RecordSize + 56, To: 5*area.RecordSize + 8 + 8*3, Size: 8}
	r.Fixups[1] = area.Fixup{From: 9*area.RecordSize + 56, To: 5*area.RecordSize + 8, Size: 8} // of a later call
	if from, ok := resultOf(r, 5, 3, 1); !ok || from != 2 {
		t.Errorf("call %d, %v", from, ok)
	}
	if _, ok := resultOf(r, 5, 3, 3); ok {
		t.Error("the result of another program was taken")
	}
	if _, ok := resultOf(r, 5, 0, 1); ok {
		t.Error("the result of a later call was taken")
	}
	r.Fixes = ^uint64(0)
	resultOf(r, 5, 1, 1)
}

// TestLinuxProgram has harmless calls made as programs' are: in a process that maps what they point at, one with
// what an earlier one returned.
func TestLinuxProgram(t *testing.T) {
	a, err := area.Make([]byte("key"))
	if err != nil {
		t.Skip(err) // memory that may be locked is short
	}
	_, list, err := program.ParseFile(program.Header(call.Linux()) + `openat(0xffffffffffffff9c, &18"/proc/self/ns/uts"{}, 0, 0)
dup(result0)
openat(0xffffffffffffff9c, unmapped, 0, 0)

dup(0xfffff)
`)
	if err != nil {
		t.Fatal(err)
	}
	s := a.Slot(0)
	var e program.Encoder
	e.Begin(s, area.Singles)
	for _, p := range list {
		if err := e.Encode(p); err != nil {
			t.Fatal(err)
		}
	}
	e.End()
	linux{}.do(a, 0, s)
	if s.Record(0).State == area.Stopped {
		t.Skip("namespaces need root here")
	}
	for i, want := range []func(int64) bool{
		func(r int64) bool { return r >= 0 }, func(r int64) bool { return r > 0 },
		func(r int64) bool { return r < 0 }, func(r int64) bool { return r == -int64(unix.EBADF) },
	} {
		if r := s.Record(i); r.State != area.Returned || !want(r.Result) {
			t.Errorf("call %d: state %d, result %d", i, r.State, r.Result)
		}
	}
	if slot, first, span := a.Current(); slot != 0 || first != 3 || span != 1 {
		t.Errorf("the last program is said to be %d of slot %d, %d calls", first, slot, span)
	}
}
