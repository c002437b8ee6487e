package namespaces

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// subjectProgram is the subject's copy of this program, below its folder.
const subjectProgram = "program"

// subjectNull is an empty file that stands for /dev/null, which is on a mount that a subject may not have.
const subjectNull = "null"

// facts are what a subject tells of itself, by name.
type facts map[string]string

// drawnFact is what a subject drew at its start.
const drawnFact = "what it drew at its start"

// subjectOrder says what a subject is to have.
type subjectOrder struct {
	Flags uintptr  // the namespaces that it was born in
	Parts []string // of subjectParts
	Peer  string   // address that it connects to
}

// part is something that a process has and that a checkpoint must keep.
type part struct {
	make func(*subject) error
	tell func(*subject, facts) error
}

type subject struct {
	order subjectOrder
	drawn string // at its start, so that no other one is taken for it
	kept  []any
	peer  *dialogue
	pair  [2]*dialogue
	ghost *os.File
}

// The subject lives in its folder and talks through files there: whatever else ties a process to one
// outside of the tree keeps criu from dumping it.
var _ = child.NewFunc("namespaces-subject", func(side *child.Side) error {
	s := &subject{kept: []any{side}, drawn: rand.Text()}
	err := s.live()
	return errors.Join(err, os.WriteFile("error", []byte(err.Error()), 0o644))
})

// A leaf is a member of the subject's tree.
var _ = child.NewFunc("namespaces-leaf", func(*child.Side) error {
	for {
		unix.Pause()
	}
})

func (s *subject) live() error {
	text, err := os.ReadFile("order")
	if err == nil {
		err = json.Unmarshal(text, &s.order)
	}
	if err == nil && s.order.Flags&unix.CLONE_NEWNS != 0 {
		err = enterRoot()
	}
	if err != nil {
		return fmt.Errorf("setting up: %w", err)
	}
	for _, name := range s.order.Parts {
		if err := subjectParts[name].make(s); err != nil {
			return fmt.Errorf("setting up %s: %w", name, err)
		}
	}
	for n := 1; ; n++ {
		for exists := false; !exists; pause(5 * time.Millisecond) {
			_, err := os.Stat(question(n))
			exists = err == nil
		}
		told := facts{drawnFact: s.drawn}
		for _, name := range s.order.Parts {
			if err := subjectParts[name].tell(s, told); err != nil {
				return fmt.Errorf("question %d: looking at %s: %w", n, name, err)
			}
		}
		text, err := json.Marshal(told)
		if err != nil {
			return err
		}
		if err := errors.Join(os.WriteFile("draft", text, 0o644), os.Rename("draft", answer(n))); err != nil {
			return err
		}
	}
}

func question(n int) string { return fmt.Sprintf("question-%d", n) }
func answer(n int) string   { return fmt.Sprintf("answer-%d", n) }

// enterRoot makes the current folder, which is a mount, the root.
func enterRoot() error {
	return errors.Join(
		unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		os.MkdirAll("old", 0o755), os.MkdirAll("proc", 0o755), os.MkdirAll("mnt", 0o755),
		unix.Mount("proc", "proc", "proc", 0, ""),
		unix.PivotRoot(".", "old"),
		unix.Unmount("/old", unix.MNT_DETACH),
		os.Remove("/old"),
		unix.Chdir("/"),
	)
}

// launch starts a subject in new namespaces, as the leader of a session of its own.
func (f *frozen) launch(t *spec.T, o subjectOrder) {
	text, err := json.Marshal(o)
	t.Setup("writing the subject's order", errors.Join(err, os.WriteFile(filepath.Join(f.dir, "order"), text, 0o644)))
	f.house(t, o)
	s := newScript()
	s.log.long = time.Minute
	flags := o.Flags
	if flags != 0 {
		s.must(fmt.Sprintf("unshare(%s)", flagNames(flags)), unix.SYS_UNSHARE, flags)
	}
	if flags&unix.CLONE_NEWUSER != 0 {
		s.mapRoot(0, 0)
		if flags&unix.CLONE_NEWNS != 0 {
			// Mounts that came with a user namespace are locked in their places: it takes a new one.
			s.mount("none", "/", "none", unix.MS_REC|unix.MS_PRIVATE, "")
			s.mount(f.dir, f.dir, "none", unix.MS_BIND, "")
		}
	}
	if o.Flags&unix.CLONE_NEWTIME != 0 {
		s.write("/proc/self/timens_offsets", fmt.Sprintf("monotonic %d 0", timeAhead))
	}
	alone := s.event()
	pid := s.fork(0, func(s *script) {
		s.must("setsid()", unix.SYS_SETSID)
		null := s.open(filepath.Join(f.dir, subjectNull), unix.O_RDWR)
		for fd := range 5 { // also where a child function expects its pipes
			s.must(fmt.Sprintf("dup2(null, %d)", fd), unix.SYS_DUP2, null, fd)
		}
		s.must("chdir(dir)", unix.SYS_CHDIR, s.String(f.dir))
		s.must("rt_sigprocmask(SIG_SETMASK, {})", unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, s.Buffer(8), 0, 8)
		s.must("prctl(PR_SET_PDEATHSIG, 0)", unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, 0, 0, 0, 0)
		s.signal(alone)
		s.must("close_range(5, UINT_MAX, CLOSE_RANGE_CLOEXEC)", unix.SYS_CLOSE_RANGE, 5, uint32(1<<32-1), unix.CLOSE_RANGE_CLOEXEC)
		s.execve(subjectProgram, "xtest-child", "namespaces-subject")
	})
	s.told(alone) // its end would be the subject's
	p, err := s.Start(0)
	t.Setup("starting the subject", err)
	t.Cleanup(f.end)
	t.Setup("starting the subject", errors.Join(p.Wait(t), s.check()))
	f.pid, f.born = pid.Value(), s
}

// house makes the root of a subject that has mounts of its own.
func (f *frozen) house(t *spec.T, o subjectOrder) {
	if o.Flags&unix.CLONE_NEWNS != 0 {
		t.Setup("making a root", unix.Mount(f.dir, f.dir, "", unix.MS_BIND, ""))
		t.Setup("making a root", unix.Mount("none", f.dir, "", unix.MS_PRIVATE, ""))
		f.restore = append(f.restore, "--root", f.dir)
	}
}

// timeAhead is the offset of the subject's monotonic clock, in seconds.
const timeAhead = 100_000

// execve adds an execve(2) of a program with its arguments and no environment.
func (s *script) execve(path string, args ...string) {
	vector := s.Buffer(8 * (len(args) + 1))
	for i, a := range args {
		*(*uintptr)(pointer(child.Buffer{Bytes: vector.Bytes[8*i:]})) = uintptr(pointer(s.String(a)))
	}
	s.must(fmt.Sprintf("execve(%q)", path), unix.SYS_EXECVE, s.String(path), vector, s.Buffer(8))
}

// ask has the subject look at itself for the n-th time.
func (f *frozen) ask(t *spec.T, n int) facts {
	at := func(name string) string { return filepath.Join(f.dir, name) }
	t.Setup("asking the subject", os.WriteFile(at(question(n)), nil, 0o644))
	start, limit := time.Now(), share(t, time.Minute)
	for ; ; pause(5 * time.Millisecond) {
		over := time.Since(start) > limit || ended(f.pid) || unix.Kill(f.pid, 0) != nil
		text, err := os.ReadFile(at(answer(n)))
		if err == nil {
			told := facts{}
			t.Setup("reading the subject's answer", json.Unmarshal(text, &told))
			return told
		}
		if why, err := os.ReadFile(at("error")); err == nil {
			t.Broken("the subject gave up: %s", why)
		}
		if f.born != nil { // in this machine
			t.Setup("starting the subject", f.born.check())
		}
		if over {
			t.True(fmt.Sprintf("question %d to process %d", n, f.pid), false, "no answer: "+stateOf(f.pid), "an answer")
		}
	}
}

// ended says whether a process is a zombie.
func ended(pid int) bool { return strings.HasPrefix(stateOf(pid), "Z") }

// stateOf is the state of a process, for people.
func stateOf(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "the process is gone"
	}
	_, state, _ := strings.Cut(string(text), "State:")
	state, _, _ = strings.Cut(state, "\n")
	return strings.TrimSpace(state)
}

// leaf starts a member of the subject's tree.
func (s *subject) leaf(attr *syscall.SysProcAttr) error {
	null, err := os.OpenFile(subjectNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	fd := null.Fd()
	// Not by os/exec: that holds a pidfd, which criu before 4.0 cannot dump.
	_, err = syscall.ForkExec("./"+subjectProgram, []string{"xtest-child", "namespaces-leaf"},
		&syscall.ProcAttr{Files: []uintptr{fd, fd, fd, fd, fd}, Sys: attr})
	return err
}
