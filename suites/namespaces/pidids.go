package namespaces

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

const lastPID = "/proc/sys/kernel/ns_last_pid"

// settableLastPID probes for ns_last_pid, which a kernel has when it is built for checkpointing.
var settableLastPID = attempt("ns_last_pid", func(s *script) {
	s.inside(func(s *script) { s.write(lastPID, "99") })
})

// address is a buffer's address, for pointers inside structures.
func address(b child.Buffer) uint64 { return uint64(uintptr(pointer(b))) }

// cloneWithID adds a clone3(2) that asks for a PID and must be refused.
func (s *script) cloneWithID(text string, pid int32, levels uint64) call {
	ids := s.Buffer(256)
	for i := range 64 {
		binary.NativeEndian.PutUint32(ids.Bytes[4*i:], uint32(pid))
	}
	return s.clone3(text, ns.CloneArgs{ExitSignal: uint64(unix.SIGCHLD), SetTID: address(ids), SetTIDSize: levels}, ns.CloneArgsSize2)
}

// setTID probes for clone3's set_tid: a kernel without it refuses the fields with E2BIG, gVisor with
// ENOTSUP.
var setTID = answers("clone3 with set_tid", func(s *script) (c call) {
	s.inside(func(s *script) { c = s.cloneWithID("clone3({.set_tid = {0}})", 0, 1) })
	return c
}, unless(unix.E2BIG, unix.ENOSYS, unix.ENOTSUP))

// lockRange gives a struct flock (linux/fcntl.h) over a whole file.
func (s *script) lockRange(kind int16) child.Buffer {
	b := s.Buffer(32)
	*(*unix.Flock_t)(pointer(b)) = unix.Flock_t{Type: kind, Pid: -1}
	return b
}

var _ = suite.Describe("pid", func() {
	isolates(spec.Meta{
		ID: "pid/last-pid-isolated", Level: spec.Must, Sources: []string{"PID-016"},
		Clause: "pid_namespaces(7) /proc files, /proc/sys/kernel/ns_last_pid: the last PID given in the writer's namespace; the next process gets the one above",
		Needs:  []spec.Probe{settableLastPID},
	}, ns.PID, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		var next call
		s.inside(func(s *script) {
			s.wait(s.fork(flags, func(s *script) { s.write(lastPID, "4711") }))
			next = s.fork(0, func(s *script) {})
			s.wait(next)
		})
		s.run(t)
		return observation{`write("ns_last_pid", "4711") inside, then fork() outside`, fmt.Sprint("PID ", next.Value()), next.Value() == 4712}
	})

	isolates(spec.Meta{
		ID: "pid/lock-owner", Level: spec.Must, Sources: []string{"PID-019"},
		Clause: "fcntl(2) F_GETLK, fs/locks.c: l_pid is the owner's PID in the caller's namespace, 0 for one outside",
	}, ns.PID, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(0)
		file := s.must(`memfd_create("x", 0)`, unix.SYS_MEMFD_CREATE, s.String("x"), 0)
		s.must("fcntl(fd, F_SETLK, {F_WRLCK})", unix.SYS_FCNTL, file, unix.F_SETLK, s.lockRange(unix.F_WRLCK))
		var lock child.Buffer
		s.wait(s.fork(flags, func(s *script) {
			lock = s.lockRange(unix.F_WRLCK)
			s.must("fcntl(fd, F_GETLK, {F_WRLCK})", unix.SYS_FCNTL, file, unix.F_GETLK, lock)
		}))
		s.run(t)
		l := (*unix.Flock_t)(pointer(lock))
		t.Equal("locked outside, fcntl(fd, F_GETLK, &l) inside: l.l_type", l.Type, int16(unix.F_WRLCK))
		return observation{"locked outside, fcntl(fd, F_GETLK, &l) inside: l.l_pid", fmt.Sprint(l.Pid), l.Pid > 0}
	})

	suite.It(spec.Meta{
		ID: "pid/subreaper", Level: spec.Must, Sources: []string{"PID-024"},
		Clause: "prctl(2) PR_SET_CHILD_SUBREAPER: an orphan goes to its nearest ancestor that is a subreaper, before the namespace's init",
		Needs:  []spec.Probe{pidNS},
	}, func(t *spec.T) {
		s := newScript()
		s.inside(func(s *script) {
			s.wait(s.fork(0, func(s *script) {
				s.must("prctl(PR_SET_CHILD_SUBREAPER, 1)", unix.SYS_PRCTL, unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
				ready, orphaned := s.event(), s.event()
				s.wait(s.fork(0, func(s *script) {
					s.fork(0, func(s *script) {
						s.must("prctl(PR_SET_PDEATHSIG, 0)", unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, 0, 0, 0, 0)
						s.signal(ready)
						s.await(orphaned)
						s.getppid().gives(2)
					})
					s.await(ready)
				}))
				s.signal(orphaned)
				s.must("waitpid(-1)", unix.SYS_WAIT4, -1, 0, 0, 0)
			}))
		})
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "clone/set-tid", Level: spec.Must, Sources: []string{"CLN-005"},
		Clause: "clone(2) clone3 ERRORS: EEXIST for a PID in set_tid that is taken, EINVAL for one below 1 and for more levels than namespaces nest",
		Needs:  []spec.Probe{pidNS, setTID},
	}, func(t *spec.T) {
		s := newScript()
		s.inside(func(s *script) {
			s.cloneWithID("clone3({.set_tid = {1}}) by PID 1", 1, 1).refused(unix.EEXIST)
			s.cloneWithID("clone3({.set_tid = {0}})", 0, 1).refused(unix.EINVAL)
			s.cloneWithID("clone3({.set_tid = {-1}})", -1, 1).refused(unix.EINVAL)
			s.cloneWithID("clone3({.set_tid_size = 33})", 1, 33).refused(unix.EINVAL)
		})
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "clone/set-tid-unprivileged", Level: spec.Must, Sources: []string{"CLN-006"},
		Clause: "clone(2) clone3 ERRORS: EPERM for set_tid without the capability in the owner of the PID namespace",
		Needs:  []spec.Probe{pidNS, setTID, unprivileged},
	}, func(t *spec.T) {
		s := newScript()
		s.drop()
		s.cloneWithID("clone3({.set_tid = {1}}) without capabilities", 1, 1).refused(unix.EPERM)
		s.run(t)
	})
})
