package namespaces

import (
	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// pidfd adds a pidfd_open(2) of a running process.
func (s *script) pidfd(pid call) call {
	return s.must("pidfd_open(pid, 0)", unix.SYS_PIDFD_OPEN, pid, 0)
}

var _ = suite.Describe("setns", func() {
	suite.It(spec.Meta{
		ID: "setns/pidfd-several", Level: spec.Must, Sources: []string{"SET-006"},
		Clause: "setns(2) fd refers to a PID file descriptor: joins all the named namespaces of the process, and no other",
		Needs:  []spec.Probe{utsNS, ipcNS, netNS, pidfds},
	}, func(t *spec.T) {
		const kinds = unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET
		s := newScript()
		s.own(0)
		ready, done := s.event(), s.event()
		links := func(s *script) (l []text) {
			for _, k := range []ns.Kind{ns.UTS, ns.IPC, ns.Net} {
				l = append(l, s.readlink("/proc/self/ns/"+k.Name))
			}
			return l
		}
		before := links(s)
		var theirs []text
		other := s.fork(kinds, func(s *script) {
			theirs = links(s)
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		fd := s.pidfd(other)
		s.setns("setns(pidfd, CLONE_NEWUTS|CLONE_NEWIPC)", fd, unix.CLONE_NEWUTS|unix.CLONE_NEWIPC).succeeds()
		after := links(s)
		s.signal(done)
		s.wait(other)
		s.run(t)
		t.Equal(`setns(pidfd, CLONE_NEWUTS|CLONE_NEWIPC), readlink("/proc/self/ns/uts")`, after[0].String(), theirs[0].String())
		t.Equal(`setns(pidfd, CLONE_NEWUTS|CLONE_NEWIPC), readlink("/proc/self/ns/ipc")`, after[1].String(), theirs[1].String())
		t.Equal(`setns(pidfd, CLONE_NEWUTS|CLONE_NEWIPC), readlink("/proc/self/ns/net")`, after[2].String(), before[2].String())
	})

	suite.It(spec.Meta{
		ID: "setns/pidfd-errors", Level: spec.Must, Sources: []string{"SET-005", "SET-015"},
		Clause: "setns(2) ERRORS: EINVAL for a pidfd with nstype 0 or with bits that are no CLONE_NEW flags",
		Needs:  []spec.Probe{utsNS, pidfds},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWUTS)
		fd := s.pidfd(s.getpid())
		s.setns("setns(pidfd, 0)", fd, 0).refused(unix.EINVAL)
		s.setns("setns(pidfd, CLONE_NEWUTS|CLONE_VM)", fd, unix.CLONE_NEWUTS|unix.CLONE_VM).refused(unix.EINVAL)
		s.setns("setns(pidfd, CLONE_NEWUTS|1<<31)", fd, -(1<<31)|unix.CLONE_NEWUTS).refused(unix.EINVAL)
		s.setns("setns(pidfd, CLONE_NEWUTS)", fd, unix.CLONE_NEWUTS).succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "setns/pidfd-ended", Level: spec.Must, Sources: []string{"SET-007"},
		Clause: "setns(2) ERRORS: ESRCH for the pidfd of a process that has ended and was waited for",
		Needs:  []spec.Probe{utsNS, pidfds},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWUTS)
		done := s.event()
		other := s.fork(0, func(s *script) { s.await(done) })
		fd := s.pidfd(other)
		s.setns("setns(pidfd, CLONE_NEWUTS) of a running process", fd, unix.CLONE_NEWUTS).succeeds()
		s.signal(done)
		s.wait(other)
		s.setns("setns(pidfd, CLONE_NEWUTS) of an ended process", fd, unix.CLONE_NEWUTS).refused(unix.ESRCH)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "setns/pidfd-all-or-nothing", Level: spec.Must, Sources: []string{"SET-019"},
		Clause: "setns(2) fd refers to a PID file descriptor: when one of the namespaces cannot be joined, none is",
		Needs:  []spec.Probe{utsNS, userNS, pidfds},
	}, func(t *spec.T) {
		s := newScript()
		s.own(0)
		ready, done := s.event(), s.event()
		before := s.readlink("/proc/self/ns/uts")
		other := s.fork(unix.CLONE_NEWUTS, func(s *script) {
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		fd := s.pidfd(other)
		// Both have one user namespace, which cannot be joined again.
		s.setns("setns(pidfd, CLONE_NEWUTS|CLONE_NEWUSER)", fd, unix.CLONE_NEWUTS|unix.CLONE_NEWUSER).refused(unix.EINVAL)
		after := s.readlink("/proc/self/ns/uts")
		s.setns("setns(pidfd, CLONE_NEWUTS)", fd, unix.CLONE_NEWUTS).succeeds()
		joined := s.readlink("/proc/self/ns/uts")
		s.signal(done)
		s.wait(other)
		s.run(t)
		t.Equal(`refused setns(), readlink("/proc/self/ns/uts")`, after.String(), before.String())
		if joined.String() == before.String() {
			t.Broken("void: the other process is in the same UTS namespace")
		}
	})
})
