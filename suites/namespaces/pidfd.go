package namespaces

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// pidfdOpen probes for pidfd_open(2).
var pidfdOpen = attempt("pidfd_open", func(s *script) { s.pidfd(s.getpid()) })

// pidfdNamespaces probes for the requests that give a process's namespaces.
var pidfdNamespaces = attempt("PIDFD_GET_UTS_NAMESPACE", func(s *script) {
	s.must("ioctl(pidfd, PIDFD_GET_UTS_NAMESPACE, 0)", unix.SYS_IOCTL, s.pidfd(s.getpid()), ns.PidfdGetUTS, 0)
})

var _ = suite.Describe("pidfd", func() {
	suite.It(spec.Meta{
		ID: "pidfd/open-errors", Level: spec.Must, Sources: []string{"PFD-001"},
		Clause: "pidfd_open(2) ERRORS: EINVAL for a PID below 1 or unknown flags, ESRCH for no process; the descriptor is close-on-exec",
		Needs:  []spec.Probe{pidfdOpen},
	}, func(t *spec.T) {
		s := newScript()
		open := func(text string, pid, flags any) call { return s.call(text, unix.SYS_PIDFD_OPEN, pid, flags) }
		open("pidfd_open(0, 0)", 0, 0).refused(unix.EINVAL)
		open("pidfd_open(-1, 0)", -1, 0).refused(unix.EINVAL)
		open("pidfd_open(INT_MAX, 0)", math.MaxInt32, 0).refused(unix.ESRCH)
		open("pidfd_open(getpid(), 1<<31)", s.getpid().Result, 1<<31).refused(unix.EINVAL)
		s.call("fcntl(pidfd_open(getpid(), 0), F_GETFD)", unix.SYS_FCNTL, s.pidfd(s.getpid()), unix.F_GETFD).gives(unix.FD_CLOEXEC)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "pidfd/polls-at-exit", Level: spec.Must, Sources: []string{"PFD-002"},
		Clause: "pidfd_open(2): a pidfd becomes readable when its process ends, and not before",
		Needs:  []spec.Probe{pidfdOpen},
	}, func(t *spec.T) {
		s := newScript()
		done := s.event()
		other := s.fork(0, func(s *script) { s.await(done) })
		s.keep(s.pidfd(other))
		s.poll("poll(pidfd, POLLIN, 0) of a running process", theFile, unix.POLLIN, 0).gives(0)
		s.signal(done)
		ended := s.poll("poll(pidfd, POLLIN) of a process that ends", theFile, unix.POLLIN, waits())
		ended.gives(1)
		s.wait(other)
		s.run(t)
		t.True("poll(pidfd): revents", ended.answer.Revents&unix.POLLIN != 0, fmt.Sprintf("%#x", ended.answer.Revents), "POLLIN")
	})

	for _, c := range []struct {
		kind    ns.Kind
		request int
		name    string
	}{
		{ns.Cgroup, ns.PidfdGetCgroup, "PIDFD_GET_CGROUP_NAMESPACE"}, {ns.IPC, ns.PidfdGetIPC, "PIDFD_GET_IPC_NAMESPACE"},
		{ns.Mount, ns.PidfdGetMount, "PIDFD_GET_MNT_NAMESPACE"}, {ns.Net, ns.PidfdGetNet, "PIDFD_GET_NET_NAMESPACE"},
		{ns.PID, ns.PidfdGetPID, "PIDFD_GET_PID_NAMESPACE"}, {ns.UTS, ns.PidfdGetUTS, "PIDFD_GET_UTS_NAMESPACE"},
	} {
		suite.It(spec.Meta{
			ID: "pidfd/" + c.kind.Name + "-namespace", Level: spec.Must, Sources: []string{"PFD-004"},
			Clause: "linux/pidfd.h " + c.name + ": a descriptor of the process's namespace, as its link in /proc/PID/ns; EINVAL for an argument other than 0",
			Needs:  []spec.Probe{pidfdOpen, pidfdNamespaces, canMake(c.kind)},
		}, func(t *spec.T) {
			s := newScript()
			s.own(0)
			ready, done := s.event(), s.event()
			var theirs text
			other := s.fork(c.kind.Flag, func(s *script) {
				theirs = s.readlink("/proc/self/ns/" + c.kind.Name)
				s.signal(ready)
				s.await(done)
			})
			s.await(ready)
			ours := s.readlink("/proc/self/ns/" + c.kind.Name)
			fd := s.pidfd(other)
			s.ioctl("ioctl(pidfd, "+c.name+", 1)", fd.Result, uint(c.request), 1).refused(unix.EINVAL)
			s.keep(s.must("ioctl(pidfd, "+c.name+", 0)", unix.SYS_IOCTL, fd, c.request, 0))
			got := s.readlink(theFilePath)
			s.signal(done)
			s.wait(other)
			s.run(t)
			t.Equal("ioctl(pidfd, "+c.name+", 0)", got.String(), theirs.String())
			if theirs.String() == ours.String() {
				t.Broken("void: the other process is in the same namespace")
			}
		})
	}
})
