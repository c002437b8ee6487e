package namespaces

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// canMake probes for the right and the ability to make namespaces of a kind, directly or inside a
// user namespace. A kernel that knows the kind shows it: gVisor's unshare(2) ignores flags that it
// does not know.
func canMake(k ns.Kind) spec.Probe {
	return attempt(k.Name+" namespaces", func(s *script) {
		s.readlink("/proc/self/ns/" + k.Name)
		s.own(k.Flag)
	})
}

// answers is a probe that runs a script and looks at one call of it: lacks gives the reason why the
// capability is missing, or "".
func answers(name string, build func(*script) call, lacks func(call) string) spec.Probe {
	return spec.Probe{Name: name, Check: func() error {
		s := newScript()
		c := build(s)
		if err := s.try(context.Background()); err != nil {
			return err
		}
		if reason := lacks(c); reason != "" {
			return fmt.Errorf("%s: %s", c.text, reason)
		}
		return nil
	}}
}

// unless gives a call's error as a reason when it is one of those that tell of a missing capability.
func unless(missing ...unix.Errno) func(call) string {
	return func(c call) string {
		for _, m := range missing {
			if errors.Is(c.Err(), m) {
				return spec.ErrnoName(m)
			}
		}
		return ""
	}
}

// exists probes for a file that a kernel may be built without.
func exists(path string) spec.Probe {
	return spec.Probe{Name: path, Check: func() error {
		_, err := os.Lstat(path)
		return err
	}}
}

// attempt is a probe that runs a script.
func attempt(name string, build func(*script)) spec.Probe {
	return spec.Probe{Name: name, Check: func() error {
		s := newScript()
		build(s)
		return s.try(context.Background())
	}}
}

var (
	cgroupNS = canMake(ns.Cgroup)
	ipcNS    = canMake(ns.IPC)
	mountNS  = canMake(ns.Mount)
	netNS    = canMake(ns.Net)
	pidNS    = canMake(ns.PID)
	timeNS   = canMake(ns.Time)
	userNS   = canMake(ns.User)
	utsNS    = canMake(ns.UTS)
)

var (
	unprivileged = attempt("unprivileged user", func(s *script) { s.drop() })
	ordinaryUser = attempt("user namespaces for ordinary users", func(s *script) {
		s.ordinary()
		s.unshare(unix.CLONE_NEWUTS)
	})
)
