package child

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrNotReached is the error of a call that was never made: the process ended before it.
var ErrNotReached = errors.New("the child process ended before this call")

// Process is a started child.
type Process struct {
	pid    int
	status unix.WaitStatus
	ended  bool
}

// Run starts the program and waits for its end, ending it when ctx does. The error is nil when the
// process exited by itself with status 0; the results are readable in any case.
func (p *Program) Run(ctx context.Context) error {
	proc, err := p.Start(0)
	if err != nil {
		return err
	}
	return proc.Wait(ctx)
}

// Start forks the process with the given clone(2) flags and lets it execute the program. The caller
// waits for it or leaves it to [KillAll].
func (p *Program) Start(flags uintptr) (*Process, error) {
	if p.err != nil {
		return nil, p.err
	}
	pid, err := p.spawn(flags)
	if errors.Is(err, errors.ErrUnsupported) && !p.arena.spawned {
		pid, err = p.fork(flags)
	}
	if err != nil {
		return nil, fmt.Errorf("starting a child process: %w", err)
	}
	proc := &Process{pid: pid}
	ledger.add(proc, p.arena)
	return proc, nil
}

// fork starts the program in a copy of this process, which works everywhere.
func (p *Program) fork(flags uintptr) (int, error) {
	all := ^uint64(0)
	var old uint64
	first := uintptr(unsafe.Pointer(p.first))

	// A signal that reached the child before its first call would run Go's handler in a process
	// that has no Go runtime. The mask is a thread's, so the goroutine must stay on this one.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	syscall.ForkLock.Lock()
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	pid, errno := forkRaw(flags|uintptr(unix.SIGCHLD), first)
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&old)), 0, 8, 0, 0)
	syscall.ForkLock.Unlock()
	if errno != 0 {
		return 0, fmt.Errorf("clone(%#x): %w", flags, errno)
	}
	return int(pid), nil
}

// forkRaw returns in the parent only.
//
//go:norace
//go:nosplit
func forkRaw(flags, first uintptr) (uintptr, syscall.Errno) {
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, flags, 0, 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		return pid, errno
	}
	syscall.RawSyscall6(unix.SYS_SETPGID, 0, 0, 0, 0, 0, 0)
	syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0, 0)
	execute(first)
	return 0, 0
}

// execute runs ops and exits. It must neither allocate nor grow its stack: it runs in a forked copy
// of one thread of a Go program.
//
//go:norace
//go:nosplit
func execute(at uintptr) {
	var failed uintptr
	for at != 0 {
		o := (*op)(ptr(at))
		if o.kind == opUntilZero {
			if failed != 0 {
				break
			}
			o.done = 1
			at = o.next
			continue
		}
		if o.kind == opRepeat {
			at = o.next
			if o.args[0] != 0 {
				o.args[0]--
				at = o.subject
			} else {
				o.args[0] = o.args[1]
			}
			continue
		}
		for i := 0; i < len(o.args); i++ {
			if o.refs[i] != 0 {
				o.args[i] = (*op)(ptr(o.refs[i])).value
			}
		}
		v, _, errno := syscall.RawSyscall6(o.nr, o.args[0], o.args[1], o.args[2], o.args[3], o.args[4], o.args[5])
		if o.kind == opFork && errno == 0 && v == 0 {
			syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0, 0)
			failed = 0
			at = o.subject
			continue
		}
		o.value, o.errno, o.done = v, uintptr(errno), 1
		failed = uintptr(errno)
		at = o.next
	}
	for {
		syscall.RawSyscall6(unix.SYS_EXIT_GROUP, bit(failed != 0 && at != 0), 0, 0, 0, 0, 0)
	}
}

// ptr turns an address in mapped memory into a pointer: the collector does not own that memory, so
// vet's rule about stored addresses does not apply.
//
//go:nosplit
func ptr(at uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&at)) }

//go:nosplit
func bit(b bool) uintptr {
	if b {
		return 1
	}
	return 0
}
