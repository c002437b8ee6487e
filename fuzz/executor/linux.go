package executor

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"xtest/fuzz/area"
	"xtest/suites/spec/child"
)

// linux makes system calls, those of each program in a process of its own.
type linux struct{}

func (linux) close() error       { return nil }
func (linux) facts(a *area.Area) {}

// patience is how long a program may take: some of its calls wait.
const patience = 500 * time.Millisecond

func (l linux) do(a *area.Area, n uint64, s area.Slot) {
	calls := s.Calls()
	for first := 0; first < calls; {
		end := first + 1
		for end < calls && s.Record(end).State != area.First {
			end++
		}
		a.SetSpan(n, first, end-first)
		l.program(a, s, first, end)
		first = end
	}
}

// apart are the namespaces that a program gets for itself, so that what it mounts and names ends with it.
const apart = unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC

// program has a forked process make the calls. What it made ends with it.
func (linux) program(a *area.Area, s area.Slot, first, end int) {
	p := child.NewProgram()
	// The process has its own memory: what the calls point at it maps where we have it.
	shared := p.Call(unix.SYS_OPEN, p.String(a.Path()), unix.O_RDWR, 0)
	p.Call(unix.SYS_MMAP, area.Base, area.Size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_FIXED, shared, 0)
	p.Call(unix.SYS_CLOSE, shared)
	results := make([]child.Result, 0, end-first)
	for i := first; i < end; i++ {
		r := s.Record(i)
		args := make([]child.Arg, len(r.Args))
		for k, v := range r.Args {
			args[k] = v
			if from, ok := resultOf(r, i, k, first); ok {
				args[k] = results[from-first]
			}
		}
		if r.Op == unix.SYS_CLONE3 {
			// A child that shares our memory would go on in it.
			size := int(min(r.Args[1], 4096))
			b := p.Buffer(max(size, 8))
			copy(b.Bytes, s.At(r.Args[0], size))
			b.Bytes[1] &^= unix.CLONE_VM >> 8
			results = append(results, p.Fork3(b, size, func(*child.Program) {}))
			continue
		}
		results = append(results, p.Call(uintptr(r.Op), args...))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if process, err := p.Start(apart); err == nil {
		_ = process.Wait(ctx) // one that was killed or died: the calls that are not done tell
	}
	// Whom programs left to us.
	for {
		if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); pid <= 0 || err != nil {
			break
		}
	}
	for i := first; i < end; i++ {
		r := s.Record(i)
		var errno unix.Errno
		switch got := results[i-first]; {
		case !got.Done():
			r.State = area.Stopped // the process ended or waits: not the kernel's fault
		case errors.As(got.Err(), &errno):
			r.Result, r.State = -int64(errno), area.Returned
		default:
			r.Result, r.State = int64(got.Value()), area.Returned
		}
	}
}

// resultOf says which call's result is this call's k-th argument.
func resultOf(r *area.Record, i, k, first int) (from int, ok bool) {
	for _, f := range r.Fixups[:min(r.Fixes, area.MaxFixups)] {
		if int(f.To) == i*area.RecordSize+8+8*k {
			from = int(f.From) / area.RecordSize
			return from, from >= first && from < i
		}
	}
	return 0, false
}
