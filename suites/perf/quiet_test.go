package perf

import (
	"errors"
	"maps"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"xtest/suites/spec/child"
)

// TestNothingElseInTimedSections follows a benchmark's process with ptrace(2), system call by system call:
// between the readings of the clock there are the calls of the load and no others, and between those of an
// empty round there is none.
func TestNothingElseInTimedSections(t *testing.T) {
	if _, err := child.Image(); err != nil {
		t.Skip("programs run in a forked copy here:", err)
	}
	var at child.Result
	const n, size = 5, 8192
	l := load{
		ops: n,
		before: func(s *steps) {
			at = s.Do("mmap()", unix.SYS_MMAP, 0, n*size, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, -1, 0)
		},
		timed: func(s *steps) {
			s.Repeat(n, func() {
				s.Do("munmap()", unix.SYS_MUNMAP, at, n*size)
			})
		},
	}
	const runs = 3
	sections := traced(t, l, runs)
	if len(sections) != runs*stamps-1 {
		t.Fatalf("%d sections between readings of the clock, expected %d", len(sections), runs*stamps-1)
	}
	for i, calls := range sections {
		want := map[uint64]int{}
		switch i % stamps {
		case 0:
			want[unix.SYS_MUNMAP] = n
		case 3:
			want[unix.SYS_MMAP] = 1 // before the next round
		}
		if !maps.Equal(calls, want) {
			t.Errorf("section %d: calls by number %v, expected %v", i, calls, want)
		}
	}
}

// traced gives the numbers of calls by their number in each section between two readings of the clock.
func traced(t *testing.T, l load, runs int) (sections []map[uint64]int) {
	runtime.LockOSThread() // a tracer is a thread
	defer runtime.UnlockOSThread()
	var gate [2]int
	if err := unix.Pipe2(gate[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer closeAll(gate[:])
	s := &steps{Program: child.NewProgram()}
	s.Call(unix.SYS_READ, gate[0], s.Buffer(8), 1)
	l.program(s, runs)
	p, err := s.Start(0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_EXITKILL
	if err := ptrace(unix.PTRACE_SEIZE, p.PID(), options); errors.Is(err, unix.EPERM) {
		t.Skip("this machine allows no ptrace(2)")
	} else if err != nil {
		t.Fatal("PTRACE_SEIZE:", err)
	}
	if err := ptrace(unix.PTRACE_INTERRUPT, p.PID(), 0); err != nil {
		t.Fatal("PTRACE_INTERRUPT:", err)
	}
	unix.Write(gate[1], []byte{0})
	started := false
	for {
		var status unix.WaitStatus
		if _, err := unix.Wait4(p.PID(), &status, unix.WALL, nil); err != nil {
			t.Fatal("waiting for the traced process:", err)
		}
		if status.Exited() || status.Signaled() {
			if status.ExitStatus() != 0 {
				t.Errorf("the benchmark ended with %#x", status)
			}
			break
		}
		if status.StopSignal() == unix.SIGTRAP|0x80 { // PTRACE_O_TRACESYSGOOD
			var regs unix.PtraceRegs
			if err := unix.PtraceGetRegs(p.PID(), &regs); err != nil {
				t.Fatal("PTRACE_GETREGS:", err)
			}
			switch entering := int64(regs.Rax) == -int64(unix.ENOSYS); { // arch/x86/entry/entry_64.S
			case !entering:
			case regs.Orig_rax == unix.SYS_CLOCK_GETTIME:
				sections, started = append(sections, map[uint64]int{}), true
			case started:
				sections[len(sections)-1][regs.Orig_rax]++
			}
		}
		signal := 0
		if s := status.StopSignal(); s&^0x80 != unix.SIGTRAP {
			signal = int(s) // the process gets what it was sent
		}
		if err := unix.PtraceSyscall(p.PID(), signal); err != nil {
			t.Fatal("PTRACE_SYSCALL:", err)
		}
	}
	return sections[:max(len(sections)-1, 0)] // behind the last reading the process ends
}

func ptrace(request, pid, data int) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(request), uintptr(pid), 0, uintptr(data), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func TestSettled(t *testing.T) {
	flat := slices.Repeat([]float64{100, 100.5, 99.8, 100.1}, kept/4)
	falling := make([]float64, kept)
	for i := range falling {
		falling[i] = 1000 - 5*float64(i)
	}
	// Single rounds that something disturbed do not count.
	disturbed := slices.Clone(flat)
	disturbed[3], disturbed[12] = 700, 900
	for name, c := range map[string]struct {
		values []float64
		want   bool
	}{"flat": {flat, true}, "falling": {falling, false}, "disturbed": {disturbed, true}} {
		if got := settled(c.values); got != c.want {
			t.Errorf("%s: %v, expected %v", name, got, c.want)
		}
	}
}

// A round of steps without calls costs what the empty round does; one of calls costs more.
func TestOwnCostIsTakenOff(t *testing.T) {
	if _, err := child.Image(); err != nil {
		t.Skip("programs run in a forked copy here:", err)
	}
	// A round of steps without calls costs what the empty round does: nothing is left.
	cost := func(timed func(s *steps)) float64 {
		l := load{ops: 200, timed: timed}
		s := &steps{Program: child.NewProgram()}
		clock := l.program(s, rounds)
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		var took, idle []float64
		for i := range rounds {
			took = append(took, float64(clock.At(i*stamps+1)-clock.At(i*stamps)))
			idle = append(idle, float64(clock.At(i*stamps+3)-clock.At(i*stamps+2)))
		}
		return median(took) / median(idle)
	}
	nothing := cost(func(s *steps) { s.Repeat(200, func() { s.Nothing() }) })
	calls := cost(func(s *steps) { s.Repeat(200, func() { s.Do("getppid()", unix.SYS_GETPPID) }) })
	if nothing < 0.5 || nothing > 2 || calls < 2*nothing {
		t.Errorf("a round without calls takes %.2f of an empty one, one of calls %.2f", nothing, calls)
	}
}
