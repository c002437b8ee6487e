package namespaces

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// counted is what the child of the limit specs saw.
type counted struct {
	Refused string        // what came back when the limit was reached
	Failed  string        // what came back when it should have been free again
	Slowest time.Duration // until a namespace could be made again
}

// limitOrder says which limit is tried.
type limitOrder struct {
	File  string // below /proc/sys/user
	Flag  uintptr
	Limit int // and how many are made within each other
}

// limitChild lives in a user namespace of its own, in which it may set limits: namespaces(7), "The
// /proc/sys/user directory".
var limitChild = child.NewFunc("namespaces-limits", func(s *child.Side) error {
	var o limitOrder
	if err := s.Recv(&o); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/user/"+o.File, fmt.Append(nil, o.Limit), 0); err != nil {
		return fmt.Errorf("setting the limit: %w", err)
	}
	var r counted
	_, err := nest(o.Flag, o.Limit+1)
	r.Refused = spec.ErrnoName(err)
	for range 20 {
		start := time.Now()
		for {
			made, err := nest(o.Flag, o.Limit)
			if err == nil {
				break
			}
			if !errors.Is(err, unix.ENOSPC) || time.Since(start) > gone {
				r.Failed = fmt.Sprintf("%s after %d of %d", spec.ErrnoName(err), made, o.Limit)
				return s.Send(r)
			}
			pause(2 * time.Millisecond)
		}
		r.Slowest = max(r.Slowest, time.Since(start))
	}
	return s.Send(r)
})

// nest makes n namespaces in one process, which ends: user namespaces within each other.
func nest(flag uintptr, n int) (made int, err error) {
	s := newScript()
	var calls []call
	for range n {
		calls = append(calls, s.must(fmt.Sprintf("unshare(%s)", flagNames(flag)), unix.SYS_UNSHARE, flag))
		if flag == unix.CLONE_NEWUSER {
			s.mapRoot(0, 0) // without an ID of its own the process may make no further one
		}
	}
	failed := s.try(context.Background())
	for _, c := range calls {
		if err := c.Err(); err != nil {
			return made, err
		}
		made++
	}
	return made, failed
}

func limited(m spec.Meta, o limitOrder, probe spec.Probe) {
	m.Level, m.Limit = spec.Must, 60*time.Second
	m.Needs = []spec.Probe{ordinaryUser, probe, exists("/proc/sys/user/" + o.File), writableLimits}
	suite.It(m, func(t *spec.T) {
		p, err := limitChild.Start(child.In(unix.CLONE_NEWUSER), child.MapRoot())
		t.Setup("clone(CLONE_NEWUSER)", err)
		var r counted
		t.Setup("in the child process", errors.Join(p.Send(o), p.Recv(&r)))
		p.Wait(t)
		call := fmt.Sprintf("unshare(%s) with %s = %d", flagNames(o.Flag), o.File, o.Limit)
		t.Equal(call+", one more", r.Refused, "ENOSPC")
		t.True(call+", 20 times after the last one's end", r.Failed == "", r.Failed, fmt.Sprintf("success within %v", gone))
		t.Sample("counted down", float64(r.Slowest.Nanoseconds()), "ns")
	})
}

var _ = suite.Describe("teardown", func() {
	limited(spec.Meta{
		ID: "teardown/net-count", Sources: []string{"TDN-010"},
		Clause: "namespaces(7) /proc/sys/user/max_net_namespaces: a namespace that has ended no longer counts",
	}, limitOrder{"max_net_namespaces", unix.CLONE_NEWNET, 1}, netNS)
	limited(spec.Meta{
		ID: "teardown/user-count", Sources: []string{"TDN-024"},
		Clause: "namespaces(7) /proc/sys/user/max_user_namespaces: nested user namespaces that have ended no longer count, in any of their ancestors",
	}, limitOrder{"max_user_namespaces", unix.CLONE_NEWUSER, 5}, userNS)
	limited(spec.Meta{
		ID: "teardown/uts-count", Sources: []string{"TDN-024"},
		Clause: "namespaces(7) /proc/sys/user/max_uts_namespaces: a namespace that has ended no longer counts",
	}, limitOrder{"max_uts_namespaces", unix.CLONE_NEWUTS, 1}, utsNS)
})
