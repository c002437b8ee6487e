package child

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Program is a list of system calls for a single-threaded process. Calls run in order; one that
// fails does not end the program. The process exits with status 0 behind the last call.
type Program struct {
	arena *arena
	ops   []*op
	first *op
	last  *op
	err   error
}

// Arg is an argument of a call: an integer of any kind, a [Buffer], a [Word], or the [Result] of an
// earlier call of the same program.
type Arg any

// Word is an argument whose value stands in the first 8 bytes of a buffer by the time of the call.
type Word struct{ Buffer }

// Result is what a call returned, readable once the program has run past it.
type Result struct {
	op    *op
	arena *arena // keeps op mapped
}

// Buffer is memory shared with the process, as an argument and for reading what the kernel wrote.
type Buffer struct {
	Bytes []byte
	arena *arena // keeps Bytes mapped
}

// op is one step as the forked process sees it: plain words in shared memory, since nothing of Go's
// runtime works there.
type op struct {
	next    uintptr // address of the next op, 0 at the end
	kind    uintptr
	nr      uintptr
	args    [6]uintptr
	refs    [6]uintptr // address of the op whose value replaces the argument, or 0
	value   uintptr
	errno   uintptr
	done    uintptr
	subject uintptr // opFork: the first op of the forked process; opRepeat: where to go back to
}

const (
	opCall uintptr = iota
	opFork
	opUntilZero // stop the program here unless the last call succeeded
	opRepeat    // go back to subject while args[0], which counts down, is not 0; then it becomes args[1] again
	opStamp     // a call behind which args[5] is added to args[1]
	opNothing   // a call that is not made
	opTouch     // access each page of args[1] bytes from args[0] on: write where args[2] is not 0
	opHandler   // write the address of a signal handler to args[0], and of its restorer behind 16 bytes
)

// NewProgram gives an empty program. An error in building it is reported by [Program.Start].
func NewProgram() *Program {
	a, err := newArena()
	if err != nil {
		return &Program{err: err}
	}
	return &Program{arena: a}
}

// Call adds the system call nr.
func (p *Program) Call(nr uintptr, args ...Arg) Result {
	return p.step(opCall, nr, args)
}

func (p *Program) step(kind, nr uintptr, args []Arg) Result {
	o := p.add(kind)
	o.nr = nr
	for i, a := range args {
		o.args[i], o.refs[i] = p.word(a)
	}
	return Result{o, p.arena}
}

// Must ends the program here, with exit status 1, when the call before it failed.
func (p *Program) Must() { p.add(opUntilZero) }

// Fork adds a clone(2) with flags beside SIGCHLD; the new process executes what body adds and exits.
// The result is the new process's ID as its parent sees it.
func (p *Program) Fork(flags uintptr, body func(sub *Program)) Result {
	return p.Clone(flags, nil, body)
}

// Clone is [Program.Fork] with the arguments of clone(2) behind flags.
func (p *Program) Clone(flags uintptr, more []Arg, body func(sub *Program)) Result {
	r := p.step(opFork, unix.SYS_CLONE, append([]Arg{flags | uintptr(unix.SIGCHLD)}, more...))
	r.op.subject = p.part(body)
	return r
}

// Fork3 adds a clone3(2) with size bytes of a struct clone_args, else like [Program.Fork].
func (p *Program) Fork3(args Buffer, size int, body func(sub *Program)) Result {
	o := p.add(opFork)
	o.nr = unix.SYS_CLONE3
	o.args[0], o.args[1] = address(args.Bytes), uintptr(size)
	o.subject = p.part(body)
	return Result{o, p.arena}
}

// Forever adds what body adds, to be executed again and again until the process is killed. Nothing
// behind it is reached.
func (p *Program) Forever(body func()) {
	p.add(opUntilZero) // so that there is one to return to
	first := p.last
	body()
	p.last.next = uintptr(unsafe.Pointer(first))
	p.last = &op{}
}

// part gives the address of the first op that body adds to a program of its own in the same memory, 0
// when it adds none.
func (p *Program) part(body func(sub *Program)) uintptr {
	sub := &Program{arena: p.arena, err: p.err}
	body(sub)
	return uintptr(unsafe.Pointer(sub.first))
}

// Repeat adds what body adds, to be run n times, at least once. The results are those of the last time.
func (p *Program) Repeat(n int, body func()) {
	before := p.last
	body()
	first := p.first
	if before != nil {
		first = (*op)(ptr(before.next))
	}
	if n <= 1 || first == nil {
		return
	}
	o := p.add(opRepeat)
	o.args[0], o.args[1], o.subject = uintptr(n-1), uintptr(n-1), uintptr(unsafe.Pointer(first))
}

// String is a NUL-terminated string in the program's memory.
func (p *Program) String(s string) Buffer {
	b := p.Buffer(len(s) + 1)
	copy(b.Bytes, s)
	return b
}

// Buffer is n zeroed bytes in the program's memory, aligned to 16.
func (p *Program) Buffer(n int) Buffer {
	if p.err != nil {
		return Buffer{Bytes: make([]byte, n)}
	}
	return Buffer{p.arena.take(n), p.arena}
}

func (p *Program) add(kind uintptr) *op {
	var o *op
	if p.err != nil {
		o = &op{}
	} else {
		o = (*op)(unsafe.Pointer(unsafe.SliceData(p.arena.take(int(unsafe.Sizeof(op{}))))))
	}
	o.kind = kind
	if p.last == nil {
		p.first = o
	} else {
		p.last.next = uintptr(unsafe.Pointer(o))
	}
	p.last = o
	p.ops = append(p.ops, o)
	return o
}

func (p *Program) word(a Arg) (value, ref uintptr) {
	switch v := a.(type) {
	case Result:
		return 0, uintptr(unsafe.Pointer(v.op))
	case Buffer:
		return address(v.Bytes), 0
	case Word:
		// A reference is read like an op, at the place of its value.
		return 0, address(v.Bytes[:8]) - unsafe.Offsetof(op{}.value)
	case int:
		return uintptr(v), 0
	case int32:
		return uintptr(v), 0
	case int64:
		return uintptr(v), 0
	case uint:
		return uintptr(v), 0
	case uint32:
		return uintptr(v), 0
	case uint64:
		return uintptr(v), 0
	case uintptr:
		return v, 0
	}
	panic("child program: an argument is an integer, a Buffer, a Word or a Result")
}

// Done says whether the call was made and returned.
func (r Result) Done() bool { return r.op.done != 0 }

// Value is what the call returned; meaningless unless Err is nil.
func (r Result) Value() int { return int(r.op.value) }

// Err is the call's error as a unix.Errno, nil when it succeeded, and [ErrNotReached] when the
// program did not get there.
func (r Result) Err() error {
	switch {
	case !r.Done():
		return ErrNotReached
	case r.op.errno != 0:
		return unix.Errno(r.op.errno)
	}
	return nil
}
