package child

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// needsImage skips where programs cannot run as executables of their own.
func needsImage(t *testing.T) {
	if _, err := Image(); err != nil {
		t.Skip("programs run in a forked copy here:", err)
	}
}

func TestClockInNestedRepeats(t *testing.T) {
	needsImage(t)
	p := NewProgram()
	c := p.Clock(6)
	bell := p.Call(unix.SYS_EVENTFD2, 0, 0)
	one, count := p.Buffer(8), p.Buffer(8)
	one.Bytes[0] = 1
	p.Repeat(3, func() {
		c.Stamp(0, 2)
		p.Repeat(5, func() { p.Call(unix.SYS_WRITE, bell, one, 8) })
		c.Stamp(1, 2)
	})
	p.Call(unix.SYS_READ, bell, count, 8)
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if c.At(i) <= 0 || c.At(i+1) < c.At(i) {
			t.Errorf("reading %d is %v, the next one %v", i, c.At(i), c.At(i+1))
		}
	}
	if n := binary.NativeEndian.Uint64(count.Bytes); n != 15 {
		t.Errorf("5 times in each of 3: %d", n)
	}
}

func TestTouchFaultsPagesIn(t *testing.T) {
	needsImage(t)
	for _, c := range []struct{ touched, written int }{{0, 0}, {3, 0}, {4, 4}} {
		p := NewProgram()
		mem := p.Call(unix.SYS_MMAP, 0, 8*Page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, -1, 0)
		p.Nothing(mem)
		p.Touch(mem, c.touched*Page, false)
		p.Touch(mem, c.written*Page, true)
		there, first := p.Buffer(8), p.Buffer(8)
		r := p.Call(unix.SYS_MINCORE, mem, 8*Page, there)
		p.Call(unix.SYS_PREAD64, p.Call(unix.SYS_OPENAT, unix.AT_FDCWD, p.String("/proc/self/mem"), unix.O_RDONLY), first, 1, mem)
		if err := p.Run(t.Context()); err != nil || r.Err() != nil {
			t.Fatal(err, r.Err())
		}
		// What was only read is the page of zeros, which is no page of its own to mincore(2).
		n := 0
		for _, b := range there.Bytes {
			n += int(b & 1)
		}
		if n != max(c.written, c.touched) || first.Bytes[0] != byte(min(c.written, 1)) {
			t.Errorf("%d pages read and %d written: %d in memory, the first byte is %d", c.touched, c.written, n, first.Bytes[0])
		}
	}
}

func TestHandlerReturns(t *testing.T) {
	needsImage(t)
	p := NewProgram()
	set := p.Call(unix.SYS_RT_SIGACTION, int(unix.SIGUSR1), p.Handler(), 0, 8)
	sent := p.Call(unix.SYS_KILL, p.Call(unix.SYS_GETPID), int(unix.SIGUSR1))
	after := p.Call(unix.SYS_GETPID)
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if set.Err() != nil || sent.Err() != nil || !after.Done() {
		t.Errorf("sigaction: %v, kill: %v, the call behind it: %v", set.Err(), sent.Err(), after.Err())
	}
}
