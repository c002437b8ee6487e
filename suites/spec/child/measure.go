package child

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

// What follows is for measuring. It works in an executable of its own alone (see [Image]): there nothing
// runs beside the program's steps.

// Clock is a series of readings of CLOCK_MONOTONIC_RAW, clock_gettime(2), taken by one program.
type Clock struct {
	p     *Program
	times Buffer
}

const stampSize = 16 // struct timespec

// Clock makes a clock that can be read n times.
func (p *Program) Clock(n int) *Clock {
	p.needImage()
	return &Clock{p: p, times: p.Buffer(stampSize * n)}
}

// Stamp adds a reading of the clock. In a [Program.Repeat] it gives the readings first, first+every and
// so on.
func (c *Clock) Stamp(first, every int) {
	c.p.step(opStamp, unix.SYS_CLOCK_GETTIME, []Arg{unix.CLOCK_MONOTONIC_RAW, address(c.times.Bytes[first*stampSize:]), 0, 0, 0, every * stampSize})
}

// At is the n-th reading; 0 when it was never taken.
func (c *Clock) At(n int) time.Duration {
	b := c.times.Bytes[n*stampSize:]
	return time.Duration(binary.NativeEndian.Uint64(b))*time.Second + time.Duration(binary.NativeEndian.Uint64(b[8:]))
}

// Nothing adds a call that is not made: what it takes is what the program itself takes for a call.
func (p *Program) Nothing(args ...Arg) {
	p.needImage()
	p.step(opNothing, 0, args)
}

// Page is how far apart [Program.Touch] touches, in bytes.
const Page = 4096

// Touch adds a read of the first byte of each page of size bytes at address, or a write.
func (p *Program) Touch(at Arg, size int, write bool) {
	p.needImage()
	var w int
	if write {
		w = 1
	}
	p.step(opTouch, 0, []Arg{at, size, w})
}

// Handler gives a struct sigaction, as rt_sigaction(2) takes it, with a handler that does nothing.
func (p *Program) Handler() Buffer {
	p.needImage()
	const restorer = 0x04000000 // SA_RESTORER, asm/signal.h
	act := p.Buffer(32)         // handler, flags, restorer, mask
	if p.err == nil {
		binary.NativeEndian.PutUint64(act.Bytes[8:], restorer)
	}
	p.step(opHandler, 0, []Arg{act})
	return act
}
