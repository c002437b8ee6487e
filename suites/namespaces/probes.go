package namespaces

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// canMake probes for the right and the ability to make namespaces of a kind, directly or inside a
// user namespace.
func canMake(k ns.Kind) spec.Probe {
	return attempt(k.Name+" namespaces", func(s *script) { s.own(k.Flag) })
}

// attempt is a probe that runs a script.
func attempt(name string, build func(*script)) spec.Probe {
	return spec.Probe{Name: name, Check: func() error {
		s := newScript()
		build(s)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return s.try(ctx)
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
