package namespaces

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/leak"
)

// Rounds of the leak specs, in namespaces made and left: a brief one for every run, and one long
// enough for what leaks now and then.
const (
	briefRound = 120
	soakRound  = 10_000
)

// batch is how many cycles are run before it is looked at how they went.
const batch = 500

// Cycles makes and leaves namespaces of a kind, n times over. A limit of namespaces(7) that is reached,
// because the kernel frees them later, is waited for. An error wraps the unix.Errno of a refused unshare(2).
func Cycles(ctx context.Context, k ns.Kind, n int) error { return cycles(ctx, k, k.Flag, n) }

// cycles is Cycles, or with flag 0 its control.
func cycles(ctx context.Context, k ns.Kind, flag uintptr, n int) error {
	return fullCycles(ctx, k, flag, n, func(*script) {})
}

// fullCycles is cycles in which the members of the namespaces also do what fill adds.
func fullCycles(ctx context.Context, k ns.Kind, flag uintptr, n int, fill func(*script)) error {
	var since time.Time // of the first refusal in a row
	for n > 0 {
		made, err := cycle(ctx, k, flag, min(n, batch), fill)
		n -= made
		switch {
		case err == nil:
			since = time.Time{}
			continue
		case !errors.Is(err, unix.ENOSPC) || ctx.Err() != nil:
			return err
		case since.IsZero() || made > 0:
			since = time.Now()
		case time.Since(since) > gone:
			return fmt.Errorf("%w for %v", err, gone)
		}
		pause(20 * time.Millisecond)
	}
	return nil
}

// cycle makes n namespaces, each in a process that ends, with a member of its own where the maker itself
// does not become one, and says how many came about.
func cycle(ctx context.Context, k ns.Kind, flag uintptr, n int, fill func(*script)) (made int, err error) {
	s := newScript()
	s.own(0)
	bell := s.must("eventfd(0, EFD_NONBLOCK)", unix.SYS_EVENTFD2, 0, unix.EFD_NONBLOCK)
	s.Repeat(n, func() {
		s.wait(s.fork(0, func(s *script) {
			if flag != 0 {
				s.must(fmt.Sprintf("unshare(%s)", k.C), unix.SYS_UNSHARE, flag)
			}
			fill(s)
			if k == ns.PID || k == ns.Time {
				s.wait(s.fork(0, func(*script) {}))
			}
			s.signal(bell)
		}))
	})
	rung := s.Buffer(8)
	s.call("read(eventfd, &count, 8)", unix.SYS_READ, bell, rung, 8)
	err = s.Run(ctx)
	made = int(binary.NativeEndian.Uint64(rung.Bytes))
	if made == n {
		return made, err
	}
	// What was refused in the middle is tried again; what is refused for good is refused in the end, too.
	if cause := s.check(); cause != nil || made > 0 {
		return made, cause
	}
	return made, errors.Join(err, fmt.Errorf("none of %d namespaces was made", n))
}

// complaints of the kernel's log that tell of namespaces which do not go, or of memory that is used
// wrongly while they do.
var complaints = []string{
	"unregister_netdevice: waiting for", // net/core/dev.c netdev_wait_allrefs_any
	"refcount_t:",                       // lib/refcount.c
	"KASAN:", "KFENCE:", "UBSAN:",
	"possible recursive locking", "possible circular locking", // lockdep
	"soft lockup", "blocked for more than",
}

// quietLog judges that the kernel logs none of the complaints while f runs. Where its log cannot be read
// that is noted.
func quietLog(t *spec.T, f func()) {
	log, err := ns.OpenLog()
	if err != nil {
		t.Note("the kernel's log was not looked at: %v", err)
		f()
		return
	}
	defer log.Close()
	f()
	for line := range log.Lines() {
		for _, c := range complaints {
			t.True("the kernel's log", !strings.Contains(line, c), line, "no complaint")
		}
	}
}

func leaks(id string, k ns.Kind, probe spec.Probe, n int, m spec.Meta) {
	m.ID, m.Level, m.Grade, m.Needs = id, spec.Must, spec.Guest, []spec.Probe{probe}
	m.Clause = fmt.Sprintf("namespaces(7) \"Namespace lifetime\": a %s namespace is torn down when its last process has ended; making and leaving %d leaves no memory behind", k.Name, n)
	suite.It(m, func(t *spec.T) {
		quietLog(t, func() {
			r, err := leak.Watch(t, n, func() error { return cycles(t, k, 0, n) }, func() error { return cycles(t, k, k.Flag, n) })
			var errno unix.Errno
			if errors.As(err, &errno) {
				t.True(fmt.Sprintf("unshare(%s), again and again", k.C), false, err.Error(), "success every time")
			}
			t.Setup("watching the kernel's memory", err)
			t.Sample("cycle", float64(r.Cycle.Nanoseconds()), "ns/op")
			t.Sample("control", float64(r.Control.Nanoseconds()), "ns/op")
			t.Sample("settled", float64(r.Settled.Nanoseconds()), "ns")
			if r.Once != "" {
				t.Note("grew in the first of two rounds alone: %s", r.Once)
			}
			t.True(fmt.Sprintf("unshare(%s) and exit_group(0), %d times, twice", k.C, n), r.Grown == "", "grown beyond the control: "+r.Grown, "memory as before")
		})
	})
}

var _ = suite.Describe("leak", func() {
	for _, c := range []struct {
		kind   ns.Kind
		probe  spec.Probe
		source string
	}{
		{ns.Cgroup, cgroupNS, "TDN-008"}, {ns.IPC, ipcNS, "TDN-004"}, {ns.Mount, mountNS, "TDN-007"}, {ns.Net, netNS, "TDN-002"},
		{ns.PID, pidNS, "TDN-005"}, {ns.Time, timeNS, "TDN-026"}, {ns.User, userNS, "TDN-006"}, {ns.UTS, utsNS, "TDN-003"},
	} {
		leaks("leak/"+c.kind.Name, c.kind, c.probe, briefRound, spec.Meta{Limit: time.Minute})
		leaks("leak/"+c.kind.Name+"-soak", c.kind, c.probe, soakRound, spec.Meta{
			Sources: []string{c.source, "TDN-009", "TDN-017"}, Labels: []string{"soak"}, Limit: 15 * time.Minute,
		})
	}
})
