package lsb

import (
	"context"
	"encoding/binary"
	"testing"

	"xtest/internal/linkage/elftest"
)

func TestABITag(t *testing.T) {
	note := func(system, a, b, c uint32) []byte {
		n := []byte("\x04\x00\x00\x00\x10\x00\x00\x00\x01\x00\x00\x00GNU\x00")
		for _, v := range []uint32{system, a, b, c} {
			n = binary.LittleEndian.AppendUint32(n, v)
		}
		return n
	}
	running := [3]uint32{6, 1, 0}
	tag := func(_ context.Context, m *machine) (finding, error) { return checkNote(m, running) }
	for _, c := range []struct {
		note []byte
		ok   bool
	}{
		{note(0, 3, 2, 0), true}, {note(0, 6, 1, 0), true}, {note(0, 5, 9, 9), true},
		{note(0, 6, 2, 0), false}, {note(0, 7, 0, 0), false}, {note(1, 3, 2, 0), false}, {note(0, 3, 2, 0)[:30], false}, {nil, false},
	} {
		f := newFixture(t)
		f.put("/lib64/libc.so.6", string(elftest.Image{SOName: "libc.so.6", Note: c.note}.Bytes()))
		if c.ok {
			f.passes(tag)
		} else {
			f.fails(tag)
		}
	}
	newFixture(t).skips(tag)
	if v, err := kernelRelease(); err != nil || v[0] == 0 {
		t.Errorf("kernelRelease: %v, %v", v, err)
	}
}

// A program runs under this machine's own interpreter, and not under one that is not there.
func TestRunUnder(t *testing.T) {
	m := newMachine("/")
	own, err := m.Interpreter("/bin/true")
	if err != nil {
		t.Skipf("no dynamically linked program to borrow: %v", err)
	}
	f := fixture{t, m}
	f.passes(func(ctx context.Context, m *machine) (finding, error) { return runUnder(ctx, m, own.Name) })
	f.fails(func(ctx context.Context, m *machine) (finding, error) { return runUnder(ctx, m, "/nonexistent/ld.so") }, "not executed")
}
