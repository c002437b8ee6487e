package child

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

func TestProgramRunsCallsInOrder(t *testing.T) {
	p := NewProgram()
	fd := p.Call(unix.SYS_OPENAT, unix.AT_FDCWD, p.String("/proc/self/status"), unix.O_RDONLY, 0)
	buf := p.Buffer(64)
	n := p.Call(unix.SYS_READ, fd, buf, 64)
	bad := p.Call(unix.SYS_READ, -1, buf, 64)
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n.Err() != nil || n.Value() != 64 || string(buf.Bytes[:5]) != "Name:" {
		t.Errorf("read: %d, %v, %q", n.Value(), n.Err(), buf.Bytes)
	}
	if !errors.Is(bad.Err(), unix.EBADF) {
		t.Errorf("read(-1): got %v, expected EBADF", bad.Err())
	}
}

// unshare(CLONE_NEWUSER) is refused to multithreaded processes, so it proves that the child is
// single-threaded.
func TestProgramIsSingleThreaded(t *testing.T) {
	p := NewProgram()
	r := p.Call(unix.SYS_UNSHARE, unix.CLONE_THREAD)
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.Err() != nil {
		t.Errorf("unshare(CLONE_THREAD): got %v, expected success as in any single-threaded process", r.Err())
	}
}

func TestForkAndWait(t *testing.T) {
	p := NewProgram()
	var inner Result
	pid := p.Fork(0, func(sub *Program) {
		inner = sub.Call(unix.SYS_GETPPID)
		sub.Call(unix.SYS_EXIT_GROUP, 7)
	})
	status := p.Buffer(4)
	w := p.Call(unix.SYS_WAIT4, pid, status, 0, 0)
	self := p.Call(unix.SYS_GETPID)
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.Value() != pid.Value() || status.Bytes[1] != 7 {
		t.Errorf("wait4 gave %d (%v), status %v; the child was %d", w.Value(), w.Err(), status.Bytes, pid.Value())
	}
	if inner.Value() != self.Value() {
		t.Errorf("the inner process saw parent %d, expected %d", inner.Value(), self.Value())
	}
}

func TestMustEndsTheProgram(t *testing.T) {
	p := NewProgram()
	p.Call(unix.SYS_CLOSE, -1)
	p.Must()
	after := p.Call(unix.SYS_GETPID)
	if err := p.Run(t.Context()); err == nil {
		t.Error("the program exited with status 0")
	}
	if !errors.Is(after.Err(), ErrNotReached) {
		t.Errorf("the call behind Must: got %v", after.Err())
	}
}

// Both ways of starting a program must go round as often as asked, forks included, also when they go round in a round.
func TestRepeat(t *testing.T) {
	for name, start := range map[string]func(*Program) (int, error){
		"spawned": func(p *Program) (int, error) { return p.spawn(0) },
		"forked":  func(p *Program) (int, error) { return p.fork(0) },
	} {
		bell, err := unix.Eventfd(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(bell)
		p := NewProgram()
		one := p.Buffer(8)
		one.Bytes[0] = 1
		p.Repeat(10, func() {
			p.Call(unix.SYS_GETPID)
			p.Repeat(100, func() {
				pid := p.Fork(0, func(sub *Program) { sub.Call(unix.SYS_WRITE, bell, one, 8) })
				p.Call(unix.SYS_WAIT4, pid, 0, 0, 0)
				p.Must()
			})
		})
		behind := p.Call(unix.SYS_GETPID)
		pid, err := start(p)
		if errors.Is(err, errors.ErrUnsupported) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Wait4(pid, nil, 0, nil); err != nil || behind.Value() != pid {
			t.Errorf("%s: %v, and the call behind the loop gave %v", name, err, behind.Err())
		}
		count := make([]byte, 8)
		unix.Read(bell, count)
		if n := binary.NativeEndian.Uint64(count); n != 1000 {
			t.Errorf("%s: the body ran %d times, expected 1000", name, n)
		}
	}
}

func TestDeadlineEndsTheProcess(t *testing.T) {
	p := NewProgram()
	p.Call(unix.SYS_PAUSE)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestKillAllReapsTheWholeGroup(t *testing.T) {
	p := NewProgram()
	inner := p.Fork(0, func(sub *Program) { sub.Call(unix.SYS_PAUSE) })
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Call(unix.SYS_WRITE, w.Fd(), p.String("x"), 1)
	p.Call(unix.SYS_PAUSE)
	proc, err := p.Start(0)
	if err != nil {
		t.Fatal(err)
	}
	r.Read(make([]byte, 1))
	if n := KillAll(); n != 1 {
		t.Errorf("KillAll ended %d children, expected 1", n)
	}
	if err := unix.Kill(proc.PID(), 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("the child is still there: %v", err)
	}
	// The grandchild was killed with the group. A pidfd is readable from a process's end on, also
	// while nobody has reaped it.
	pidfd, err := unix.PidfdOpen(inner.Value(), 0)
	if err != nil {
		return
	}
	defer unix.Close(pidfd)
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 5000); n != 1 {
		t.Errorf("the grandchild is still running: %v", err)
	}
}

var echo = NewFunc("test-echo", func(s *Side) error {
	var in string
	if err := s.Recv(&in); err != nil {
		return err
	}
	if in == "fail" {
		return unix.EOWNERDEAD
	}
	return s.Send(in + in)
})

func TestFuncTalks(t *testing.T) {
	p, err := echo.Start()
	if err != nil {
		t.Fatal(err)
	}
	var out string
	if err := errors.Join(p.Send("ab"), p.Recv(&out), p.Wait(t.Context())); err != nil || out != "abab" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestFuncErrorKeepsItsErrno(t *testing.T) {
	p, err := echo.Start()
	if err != nil {
		t.Fatal(err)
	}
	p.Send("fail")
	if err := p.Recv(nil); !errors.Is(err, unix.EOWNERDEAD) {
		t.Errorf("got %v, expected EOWNERDEAD", err)
	}
	p.Kill()
}

func TestFuncInNamespace(t *testing.T) {
	p, err := echo.Start(MapRoot(), In(unix.CLONE_NEWUTS))
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) {
		t.Skip("this machine allows no user namespaces")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	here, _ := os.Readlink("/proc/self/ns/uts")
	there, err := os.Readlink("/proc/" + strconv.Itoa(p.PID()) + "/ns/uts")
	if err != nil || here == there {
		t.Errorf("child's uts namespace %q (%v), ours %q", there, err, here)
	}
}

// The programs above run as an executable of their own where they can; the copy of this process must
// do the same.
func TestForkedCopyGivesTheSame(t *testing.T) {
	p := NewProgram()
	fd := p.Call(unix.SYS_OPENAT, unix.AT_FDCWD, p.String("/proc/self/status"), unix.O_RDONLY, 0)
	buf := p.Buffer(64)
	n := p.Call(unix.SYS_READ, fd, buf, 64)
	p.Fork(0, func(sub *Program) { sub.Call(unix.SYS_GETPID) })
	bad := p.Call(unix.SYS_CLOSE, -1)
	pid, err := p.fork(0)
	if err != nil {
		t.Fatal(err)
	}
	proc := &Process{pid: pid}
	if err := proc.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n.Value() != 64 || string(buf.Bytes[:5]) != "Name:" || !errors.Is(bad.Err(), unix.EBADF) {
		t.Errorf("read %d (%v) %q, close(-1): %v", n.Value(), n.Err(), buf.Bytes, bad.Err())
	}
}

// BenchmarkProgram is the cost of a process; a spec makes a few.
func BenchmarkProgram(b *testing.B) {
	for b.Loop() {
		p := NewProgram()
		p.Call(unix.SYS_GETPID)
		if err := p.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkForkedCopy is what it costs without an executable of its own.
func BenchmarkForkedCopy(b *testing.B) {
	for b.Loop() {
		p := NewProgram()
		p.Call(unix.SYS_GETPID)
		pid, err := p.fork(0)
		if err != nil {
			b.Fatal(err)
		}
		if err := (&Process{pid: pid}).Wait(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func TestExecGoesOn(t *testing.T) {
	image, err := Image()
	if err != nil {
		t.Skip("programs run in a forked copy here:", err)
	}
	p := NewProgram()
	var before, after Result
	before = p.Call(unix.SYS_GETPID)
	exec := p.Exec(image, func(sub *Program) { after = sub.Call(unix.SYS_GETPID) })
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if exec.Done() || !after.Done() || before.Value() != after.Value() {
		t.Errorf("exec returned: %v, PID %d before it, %d behind", exec.Done(), before.Value(), after.Value())
	}
}

func TestFailedExecReturns(t *testing.T) {
	if _, err := Image(); err != nil {
		t.Skip("programs run in a forked copy here:", err)
	}
	p := NewProgram()
	exec := p.Exec(-1, func(*Program) {})
	behind := p.Call(unix.SYS_GETPID)
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(exec.Err(), unix.EBADF) || !behind.Done() {
		t.Errorf("got %v, the next call was made: %v", exec.Err(), behind.Done())
	}
}

func TestThreadSharesAndEnds(t *testing.T) {
	if _, err := Image(); err != nil {
		t.Skip("programs run in a forked copy here:", err)
	}
	p := NewProgram()
	var pid, tid Result
	event := p.Call(unix.SYS_EVENTFD2, 0, 0)
	one := p.Buffer(8)
	one.Bytes[0], one.Bytes[7] = 1, 1
	p.Thread(func(sub *Program) {
		pid, tid = sub.Call(unix.SYS_GETPID), sub.Call(unix.SYS_GETTID)
		sub.Call(unix.SYS_WRITE, event, one, 8)
	})
	p.Call(unix.SYS_READ, event, p.Buffer(8), 8)
	main := p.Call(unix.SYS_GETPID)
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if pid.Value() != main.Value() || tid.Value() == main.Value() {
		t.Errorf("process %d has a thread of process %d with the ID %d", main.Value(), pid.Value(), tid.Value())
	}
}

func TestFork3(t *testing.T) {
	p := NewProgram()
	args := p.Buffer(64)
	args.Bytes[32] = byte(unix.SIGCHLD) // exit_signal of struct clone_args, linux/sched.h
	var inner Result
	pid := p.Fork3(args, 64, func(sub *Program) { inner = sub.Call(unix.SYS_GETPID) })
	p.Call(unix.SYS_WAIT4, pid, 0, 0, 0)
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if pid.Err() != nil || pid.Value() != inner.Value() {
		t.Errorf("clone3() gave %d, %v; the process is %d", pid.Value(), pid.Err(), inner.Value())
	}
}

func TestWordIsReadWhenCalled(t *testing.T) {
	p := NewProgram()
	flags := p.Buffer(8)
	p.Call(unix.SYS_READ, p.Call(unix.SYS_EVENTFD2, 5, 0), flags, 8)
	fd := p.Call(unix.SYS_EVENTFD2, 0, Word{flags})
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(fd.Err(), unix.EINVAL) { // 5 is no flag of eventfd2(2)
		t.Errorf("got %v, expected the 5 that the call before it read", fd.Err())
	}
}

func TestForeverEndsWithTheProcess(t *testing.T) {
	p := NewProgram()
	event := p.Call(unix.SYS_EVENTFD2, 0, 0)
	one := p.Buffer(8)
	one.Bytes[0] = 1
	p.Fork(0, func(sub *Program) {
		sub.Forever(func() { sub.Call(unix.SYS_WRITE, event, one, 8) })
	})
	count := p.Buffer(8)
	for range 3 {
		p.Call(unix.SYS_READ, event, count, 8)
	}
	behind := p.Call(unix.SYS_GETPID)
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !behind.Done() || count.Bytes[0] == 0 {
		t.Errorf("reached: %v, written: %v", behind.Done(), count.Bytes)
	}
}

// TestHighDescriptors: a program has every descriptor of its parent, also one far above those that it was made with.
func TestHighDescriptors(t *testing.T) {
	first := NewProgram() // with which the interpreter gets its descriptor
	first.Call(unix.SYS_GETPID)
	if err := first.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := NewProgram() // its memory has a lower one
	var open []int
	for range 3 * 16 {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, fd)
		defer unix.Close(fd)
	}
	one := p.Buffer(8)
	binary.NativeEndian.PutUint64(one.Bytes, 1)
	var results []Result
	for _, fd := range open {
		results = append(results, p.Call(unix.SYS_WRITE, fd, one, 8))
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Err() != nil {
			t.Errorf("write() to descriptor %d: %v", open[i], r.Err())
		}
	}
}
