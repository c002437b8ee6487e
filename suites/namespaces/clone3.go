package namespaces

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// knowsClone3 probes for a flag of clone3(2) by making a process with it.
func knowsClone3(name string, args ns.CloneArgs) spec.Probe {
	return answers("clone3 with "+name, func(s *script) call {
		s.own(0)
		return s.fork3("clone3({"+name+"})", args.Bytes(), func(*script) {})
	}, unless(unix.EINVAL, unix.ENOSYS, unix.E2BIG, unix.ENOTSUP))
}

// child3 are the arguments of a clone3(2) like fork(2), with flags.
func child3(flags uint64) ns.CloneArgs {
	return ns.CloneArgs{Flags: flags, ExitSignal: uint64(unix.SIGCHLD)}
}

// handler installs a handler for SIGUSR1, which stays blocked, and adds a look at it.
func (s *script) handler() {
	action := s.Buffer(32)
	*(*uint64)(pointer(action)) = 0x1000
	s.must("sigaction(SIGUSR1, {handler})", unix.SYS_RT_SIGACTION, int(unix.SIGUSR1), action, 0, 8)
}

func (s *script) handled() func() uint64 {
	old := s.Buffer(32)
	s.must("sigaction(SIGUSR1, NULL, &old)", unix.SYS_RT_SIGACTION, int(unix.SIGUSR1), 0, old, 8)
	return func() uint64 { return *(*uint64)(pointer(old)) }
}

var _ = suite.Describe("clone", func() {
	suite.It(spec.Meta{
		ID: "clone/clone3-larger", Level: spec.Must, Sources: []string{"CLN-004"},
		Clause: "clone(2) clone3: a structure that is larger than the kernel's is taken when what the kernel does not know is 0",
		Needs:  []spec.Probe{cloneThree},
	}, func(t *spec.T) {
		s := newScript()
		c := s.fork3("clone3(&args, 256)", append(child3(0).Bytes(), make([]byte, 256-ns.CloneArgsSize2)...), func(*script) {})
		c.succeeds()
		s.wait(c)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "clone/clear-sighand", Level: spec.Must, Sources: []string{"CLN-009"},
		Clause: "clone(2) CLONE_CLEAR_SIGHAND: signals that the caller handles have their default effect in the child",
		Needs:  []spec.Probe{cloneThree, knowsClone3("CLONE_CLEAR_SIGHAND", child3(unix.CLONE_CLEAR_SIGHAND))},
	}, func(t *spec.T) {
		s := newScript()
		s.handler()
		var cleared, kept func() uint64
		s.wait(s.mustFork3("clone3({CLONE_CLEAR_SIGHAND})", child3(unix.CLONE_CLEAR_SIGHAND), func(s *script) { cleared = s.handled() }))
		s.wait(s.mustFork3("clone3({})", child3(0), func(s *script) { kept = s.handled() }))
		s.run(t)
		t.Equal("clone3({CLONE_CLEAR_SIGHAND}), sigaction(SIGUSR1, NULL, &old): old.sa_handler", cleared(), uint64(0))
		if kept() == 0 {
			t.Broken("void: the handler is gone in a child without the flag, too")
		}
	})

	suite.It(spec.Meta{
		ID: "clone/pidfd-of-init", Level: spec.Must, Sources: []string{"CLN-008"},
		Clause: "clone(2) CLONE_PIDFD: gives a close-on-exec pidfd of the child, also of the init of a new PID namespace",
		Needs:  []spec.Probe{cloneThree, pidNS, pidfdOpen},
	}, func(t *spec.T) {
		s := newScript()
		s.own(0)
		fd, ready := s.Buffer(8), s.event()
		args := child3(unix.CLONE_PIDFD | unix.CLONE_NEWPID)
		args.Pidfd = address(fd)
		init := s.mustFork3("clone3({CLONE_PIDFD|CLONE_NEWPID})", args, func(s *script) {
			s.getpid().gives(1)
			s.signal(ready)
			s.pause()
		})
		s.await(ready)
		s.call("fcntl(pidfd, F_GETFD)", unix.SYS_FCNTL, child.Word{Buffer: fd}, unix.F_GETFD).gives(unix.FD_CLOEXEC)
		s.sendSignal("pidfd_send_signal(pidfd, SIGKILL)", child.Word{Buffer: fd}, unix.SIGKILL).succeeds()
		st := s.wait(init)
		s.run(t)
		t.True("pidfd_send_signal(pidfd, SIGKILL), waitpid(init)", st.get().Signal() == unix.SIGKILL, describe(st.get()), "killed by SIGKILL")
	})

	suite.It(spec.Meta{
		ID: "clone/new-time", Level: spec.Must, Sources: []string{"CLN-007"},
		Clause: "kernel/fork.c copy_process: clone3(2) with CLONE_NEWTIME makes the child in a new time namespace, though clone(2) names unshare(2) alone",
		Needs:  []spec.Probe{cloneThree, timeNS, knowsClone3("CLONE_NEWTIME", child3(unix.CLONE_NEWTIME))},
	}, func(t *spec.T) {
		s := newScript()
		s.own(0)
		outer := s.readlink("/proc/self/ns/time")
		var inner text
		s.wait(s.mustFork3("clone3({CLONE_NEWTIME})", child3(unix.CLONE_NEWTIME), func(s *script) { inner = s.readlink("/proc/self/ns/time") }))
		after := s.readlink("/proc/self/ns/time_for_children")
		s.run(t)
		t.True(`clone3({CLONE_NEWTIME}), readlink("/proc/self/ns/time") in the child`, inner.String() != outer.String(), inner.String(), "another namespace than "+outer.String())
		t.Equal(`clone3({CLONE_NEWTIME}), readlink("/proc/self/ns/time_for_children")`, after.String(), outer.String())
	})

	suite.It(spec.Meta{
		ID: "clone/set-tid-chooses", Level: spec.Must, Sources: []string{"CLN-005"},
		Clause: "clone(2) clone3 set_tid: the child gets the PIDs that the array names, from its own namespace outwards",
		Needs:  []spec.Probe{pidNS, setTID},
	}, func(t *spec.T) {
		s := newScript()
		var inner, outer call
		s.inside(func(s *script) {
			one := s.Buffer(8)
			binary.NativeEndian.PutUint32(one.Bytes, 4242)
			args := child3(0)
			args.SetTID, args.SetTIDSize = address(one), 1
			outer = s.mustFork3("clone3({.set_tid = {4242}})", args, func(s *script) { s.getpid().gives(4242) })
			s.wait(outer)
			two := s.Buffer(8)
			binary.NativeEndian.PutUint32(two.Bytes, 1)
			binary.NativeEndian.PutUint32(two.Bytes[4:], 4343)
			args = child3(unix.CLONE_NEWPID)
			args.SetTID, args.SetTIDSize = address(two), 2
			inner = s.mustFork3("clone3({CLONE_NEWPID, .set_tid = {1, 4343}})", args, func(s *script) { s.getpid().gives(1) })
			s.wait(inner)
		})
		s.run(t)
		t.Equal("clone3({.set_tid = {4242}})", outer.Value(), 4242)
		t.Equal("clone3({CLONE_NEWPID, .set_tid = {1, 4343}})", inner.Value(), 4343)
	})

	suite.It(spec.Meta{
		ID: "clone/parent", Level: spec.Must, Sources: []string{"CLN-011"},
		Clause: "clone(2) ERRORS, kernel/fork.c copy_process: CLONE_NEWPID or CLONE_NEWUSER with CLONE_PARENT gives EINVAL by the manual; kernels since 4.x make the process",
		Needs:  []spec.Probe{pidNS},
	}, func(t *spec.T) {
		const where = "EINVAL (clone(2)), success (kernel/fork.c)"
		s := newScript()
		// The process's own parent is the one who waits for a sibling that is made.
		s.wait(s.fork(0, func(s *script) {
			s.own(0)
			s.wait(s.fork(0, func(s *script) {
				s.tryFork("clone(CLONE_NEWPID|CLONE_PARENT)", unix.CLONE_NEWPID|unix.CLONE_PARENT, func(*script) {}).known(where, unix.EINVAL, 0)
				s.tryFork("clone(CLONE_NEWUSER|CLONE_PARENT)", unix.CLONE_NEWUSER|unix.CLONE_PARENT, func(*script) {}).known(where, unix.EINVAL, 0)
			}))
		}))
		s.run(t)
	})

	for _, c := range []struct {
		id, source, name string
		flag             uint64
	}{
		{"clone/autoreap", "CLN-016", "CLONE_AUTOREAP", unix.CLONE_AUTOREAP},
		{"clone/no-new-privs", "CLN-017", "CLONE_NNP", unix.CLONE_NNP},
	} {
		known := c.flag
		args := ns.CloneArgs{Flags: known}
		if c.flag == unix.CLONE_NNP {
			args.ExitSignal = uint64(unix.SIGCHLD)
		}
		suite.It(spec.Meta{
			ID: c.id, Level: spec.Must, Sources: []string{c.source},
			Clause: fmt.Sprintf("linux/sched.h %s: %s", c.name, map[uint64]string{
				unix.CLONE_AUTOREAP: "the child leaves no zombie and cannot be waited for (ECHILD); EINVAL together with an exit signal",
				unix.CLONE_NNP:      "the child, and it alone, has no_new_privs; EINVAL for a thread",
			}[c.flag]),
			Needs: []spec.Probe{cloneThree, pidfdOpen, knowsClone3(c.name, args)},
		}, func(t *spec.T) {
			s := newScript()
			privs := func(s *script, text string) call {
				return s.call(text, unix.SYS_PRCTL, unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
			}
			if c.flag == unix.CLONE_NNP {
				s.clone3("clone3({CLONE_NNP|CLONE_THREAD|CLONE_SIGHAND|CLONE_VM})", ns.CloneArgs{Flags: known | unix.CLONE_THREAD | unix.CLONE_SIGHAND | unix.CLONE_VM}, ns.CloneArgsSize2).refused(unix.EINVAL)
				before := privs(s, "prctl(PR_GET_NO_NEW_PRIVS) before")
				s.wait(s.mustFork3("clone3({CLONE_NNP})", args, func(s *script) { privs(s, "prctl(PR_GET_NO_NEW_PRIVS) in the child").gives(1) }))
				after := privs(s, "prctl(PR_GET_NO_NEW_PRIVS) of the caller")
				s.run(t)
				t.Equal(after.text, after.Value(), before.Value())
				return
			}
			s.clone3("clone3({CLONE_AUTOREAP, .exit_signal = SIGCHLD})", child3(known), ns.CloneArgsSize2).refused(unix.EINVAL)
			done := s.event()
			pid := s.mustFork3("clone3({CLONE_AUTOREAP})", args, func(s *script) { s.await(done) })
			s.keep(s.pidfd(pid))
			s.signal(done)
			s.poll("poll(pidfd, POLLIN)", theFile, unix.POLLIN, waits()).gives(1)
			s.call("waitpid(child, __WALL)", unix.SYS_WAIT4, pid, 0, unix.WALL, 0).refused(unix.ECHILD)
			s.run(t)
		})
	}

	suite.It(spec.Meta{
		ID: "clone/autokill", Level: spec.Must, Sources: []string{"CLN-015"},
		Clause: "linux/sched.h CLONE_PIDFD_AUTOKILL: closing the pidfd that clone3(2) gave kills the child",
		Needs:  []spec.Probe{cloneThree, pidfdOpen, autokill},
	}, func(t *spec.T) {
		s := newScript()
		ready := s.event()
		pid, fd := s.autokill(func(s *script) {
			s.signal(ready)
			s.pause()
		})
		s.await(ready)
		s.keep(s.pidfd(pid))
		s.poll("poll(another pidfd, POLLIN, 0) before", theFile, unix.POLLIN, 0).gives(0)
		s.must("close(pidfd)", unix.SYS_CLOSE, child.Word{Buffer: fd})
		s.poll("close(pidfd), poll(another pidfd, POLLIN)", theFile, unix.POLLIN, waits()).gives(1)
		s.run(t)
	})
})

// autokill adds a clone3(2) of a process that is killed when the descriptor in fd is closed. It takes
// two further flags.
func (s *script) autokill(body func(*script)) (pid call, fd child.Buffer) {
	fd = s.Buffer(8)
	args := ns.CloneArgs{Flags: unix.CLONE_PIDFD | unix.CLONE_PIDFD_AUTOKILL | unix.CLONE_AUTOREAP | unix.CLONE_NNP, Pidfd: address(fd)}
	return s.mustFork3("clone3({CLONE_PIDFD|CLONE_PIDFD_AUTOKILL|CLONE_AUTOREAP|CLONE_NNP})", args, body), fd
}

var autokill = attempt("clone3 with CLONE_PIDFD_AUTOKILL", func(s *script) { s.autokill(func(*script) {}) })
