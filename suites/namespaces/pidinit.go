package namespaces

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// mortal gives a signal its default effect. Script processes start with all signals blocked and
// with the handlers of the Go program they are forked from.
func (s *script) mortal(sig unix.Signal) {
	if sig == unix.SIGKILL || sig == unix.SIGSTOP {
		return
	}
	s.must("sigaction(sig, SIG_DFL)", unix.SYS_RT_SIGACTION, int(sig), s.Buffer(32), 0, 8)
	s.must("sigprocmask(SIG_UNBLOCK, sig)", unix.SYS_RT_SIGPROCMASK, unix.SIG_UNBLOCK, s.signalSet(sig), 0, 8)
}

// signalSet gives the kernel's sigset_t with one signal in it.
func (s *script) signalSet(sig unix.Signal) child.Buffer {
	set := s.Buffer(8)
	*(*uint64)(pointer(set)) = 1 << (sig - 1)
	return set
}

// theFile is the number of a descriptor that processes of a script reopen through /proc/self/fd,
// whose path must be known when the script is written.
const theFile = 777

var theFilePath = fmt.Sprintf("/proc/self/fd/%d", theFile)

// keep gives a descriptor the known number.
func (s *script) keep(fd call) call {
	return s.must(fmt.Sprintf("dup3(fd, %d, 0)", theFile), unix.SYS_DUP3, fd, theFile, 0)
}

var _ = suite.Describe("pid", func() {
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGKILL, unix.SIGSTOP} {
		suite.It(spec.Meta{
			ID:    "pid/init-ignores-" + map[unix.Signal]string{unix.SIGTERM: "term", unix.SIGKILL: "kill", unix.SIGSTOP: "stop"}[sig],
			Level: spec.Must, Sources: []string{"PID-006"},
			Clause: "pid_namespaces(7) The namespace init process: members can send it only signals that it handles; SIGKILL and SIGSTOP have no effect",
			Needs:  []spec.Probe{pidNS},
		}, func(t *spec.T) {
			s := newScript()
			var victim status
			var kill call
			st := s.inside(func(s *script) {
				s.mortal(sig)
				s.wait(s.fork(0, func(s *script) {
					// Not a plain 1: were there no namespace, that would be the machine's init.
					init := s.getppid()
					init.gives(1)
					kill = s.call(fmt.Sprintf("kill(1, %s)", unix.SignalName(sig)), unix.SYS_KILL, init, int(sig))
				}))
				// The control: another member takes the same signal.
				other := s.fork(0, func(s *script) {
					s.mortal(sig)
					s.pause()
				})
				// The signal stays pending until it is unblocked.
				s.must("kill(other, sig)", unix.SYS_KILL, other, int(sig))
				victim = s.waitStopped(other)
				s.call("exit_group(7)", unix.SYS_EXIT_GROUP, 7)
			})
			s.run(t)
			// First, since an init that ends may take the caller of kill(2) with it.
			t.True(kill.text+" inside, then waitpid(init)", st.get().Exited() && st.get().ExitStatus() == 7, describe(st.get()), "init goes on and exits with status 7")
			kill.reached(t)
			t.Success(kill.text, kill.Err())
			if got := victim.get(); got.Signal() != sig && got.StopSignal() != sig {
				t.Broken("void: a process that is not init survives %s too: %s", unix.SignalName(sig), describe(got))
			}
		})
	}

	suite.It(spec.Meta{
		ID: "pid/init-and-outer-signals", Level: spec.Must, Sources: []string{"PID-007"},
		Clause: "pid_namespaces(7) The namespace init process: from an ancestor namespace unhandled SIGTERM has no effect, SIGSTOP and SIGKILL are forced",
		Needs:  []spec.Probe{pidNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWPID)
		ready := s.event()
		init := s.fork(0, func(s *script) {
			s.mortal(unix.SIGTERM)
			s.signal(ready)
			s.pause()
		})
		s.await(ready)
		// One that SIGTERM ended is gone for the others, and the first wait tells.
		s.must("kill(init, SIGTERM)", unix.SYS_KILL, init, int(unix.SIGTERM))
		s.call("kill(init, SIGSTOP)", unix.SYS_KILL, init, int(unix.SIGSTOP))
		stopped := s.waitStopped(init)
		s.call("kill(init, SIGKILL)", unix.SYS_KILL, init, int(unix.SIGKILL))
		w := s.Buffer(4)
		killed := status{s.call("waitpid(init, &status, 0)", unix.SYS_WAIT4, init, w, 0, 0), w}
		s.run(t)
		t.True("kill(init, SIGTERM), kill(init, SIGSTOP), waitpid(init, WUNTRACED)", stopped.get().StopSignal() == unix.SIGSTOP, describe(stopped.get()), "stopped by SIGSTOP")
		t.True("kill(init, SIGKILL), waitpid(init)", killed.get().Signal() == unix.SIGKILL, describe(killed.get()), "killed by SIGKILL")
	})

	suite.It(spec.Meta{
		ID: "pid/orphans-adopted", Level: spec.Must, Sources: []string{"PID-010"},
		Clause: "pid_namespaces(7) Adoption of orphaned children: an orphan's new parent is the init of its namespace",
		Needs:  []spec.Probe{pidNS},
	}, func(t *spec.T) {
		s := newScript()
		var orphan, reaped call
		s.inside(func(s *script) {
			ready, orphaned := s.event(), s.event()
			s.wait(s.fork(0, func(s *script) {
				orphan = s.fork(0, func(s *script) {
					s.must("prctl(PR_SET_PDEATHSIG, 0)", unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, 0, 0, 0, 0)
					s.signal(ready)
					s.await(orphaned)
					s.getppid().gives(1)
				})
				s.await(ready)
			}))
			s.signal(orphaned)
			reaped = s.call("waitpid(-1) by init", unix.SYS_WAIT4, -1, 0, 0, 0)
		})
		s.run(t)
		reaped.reached(t)
		t.Success(reaped.text, reaped.Err())
		t.Equal(reaped.text, reaped.Value(), orphan.Value())
	})

	suite.It(spec.Meta{
		ID: "pid/init-clone-parent", Level: spec.Must, Sources: []string{"PID-021"},
		Clause: "clone(2) ERRORS: EINVAL for CLONE_PARENT by an init process",
		Needs:  []spec.Probe{pidNS},
	}, func(t *spec.T) {
		s := newScript()
		s.inside(func(s *script) {
			s.tryFork("clone(CLONE_PARENT|SIGCHLD) by PID 1", unix.CLONE_PARENT, func(s *script) {}).refused(unix.EINVAL)
		})
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "pid/session-outside-is-0", Level: spec.Must, Sources: []string{"PID-020"},
		Clause: "pid_namespaces(7), credentials(7): getsid(2) and getpgid(2) give 0 when the leader is outside the namespace",
		Needs:  []spec.Probe{pidNS},
	}, func(t *spec.T) {
		s := newScript()
		s.inside(func(s *script) {
			s.call("getsid(0) by PID 1", unix.SYS_GETSID, 0).gives(0)
			s.call("getpgid(0) by PID 1", unix.SYS_GETPGID, 0).gives(0)
			s.must("setsid()", unix.SYS_SETSID)
			s.call("setsid(), getsid(0) by PID 1", unix.SYS_GETSID, 0).gives(1)
		})
		s.run(t)
	})

	// Creators without rights outside keep a target that does not separate reboot(2) from rebooting.
	for _, c := range []struct {
		name string
		cmd  int
		want unix.Signal
	}{{"restart", unix.LINUX_REBOOT_CMD_RESTART, unix.SIGHUP}, {"halt", unix.LINUX_REBOOT_CMD_HALT, unix.SIGINT}} {
		suite.It(spec.Meta{
			ID: "pid/reboot-" + c.name, Level: spec.Must, Sources: []string{"PID-014"},
			Clause: "reboot(2) Behavior inside PID namespaces: the init is killed, and its parent sees " + unix.SignalName(c.want),
			Needs:  []spec.Probe{pidNS, ordinaryUser},
		}, func(t *spec.T) {
			s := newScript()
			s.ordinary()
			s.unshare(unix.CLONE_NEWPID)
			var reboot call
			st := s.wait(s.fork(0, func(s *script) {
				reboot = s.call("reboot(cmd)", unix.SYS_REBOOT, unix.LINUX_REBOOT_MAGIC1, unix.LINUX_REBOOT_MAGIC2, c.cmd, 0)
			}))
			s.run(t)
			got := describe(st.get())
			if reboot.Done() {
				got = spec.ErrnoName(reboot.Err()) + ", then " + got
			}
			if reboot.Err() == unix.ENOSYS {
				t.NotApplicable("reboot(2): ENOSYS")
			}
			t.True("reboot("+c.name+") inside, waitpid(init)", st.get().Signal() == c.want, got, "killed by "+unix.SignalName(c.want))
		})
	}

	suite.It(spec.Meta{
		ID: "pid/nesting-limit", Level: spec.Must, Sources: []string{"UNS-004"}, Limit: 20 * time.Second,
		Clause: "pid_namespaces(7): at most 32 nested levels; clone(2) ERRORS: ENOSPC beyond",
		Needs:  []spec.Probe{pidNS},
	}, func(t *spec.T) {
		const limit = 32
		s := newScript()
		s.own(0)
		var levels []call
		var nest func(s *script, depth int)
		nest = func(s *script, depth int) {
			c := s.tryFork(fmt.Sprintf("clone(CLONE_NEWPID) at depth %d", depth), ns.PID.Flag, func(s *script) {
				if depth <= limit {
					nest(s, depth+1)
				}
			})
			levels = append(levels, c)
			s.Must()
			s.call("waitpid(child)", unix.SYS_WAIT4, c, 0, 0, 0)
		}
		nest(s, 1)
		s.Run(t) // refused somewhere: the calls tell where
		s.judgeNesting(t, levels, inInitial("pid"), []int{limit}, unix.ENOSPC)
	})
})

// judgeNesting judges that namespaces nest to one of the limits, counted from the initial one, and that
// the next is refused with one of the errors; it gives the depth. Levels come with the deepest first.
func (s *script) judgeNesting(t *spec.T, levels []call, initial bool, limits []int, refusals ...unix.Errno) (depth int) {
	t.Setup("in the child process", s.check())
	var refused *call
	for i := range levels {
		switch c := levels[len(levels)-1-i]; {
		case c.Done() && c.Err() == nil:
			depth++
		case c.Done() && refused == nil:
			refused = &c
		}
	}
	t.Answer("nested levels", depth)
	if refused == nil {
		t.True(fmt.Sprintf("%d nested namespaces", depth), depth <= slices.Max(limits), "all made", fmt.Sprintf("at most %d", slices.Max(limits)))
		t.Broken("the child process ended at depth %d without an answer", depth)
		return depth
	}
	t.Errno(refused.text, refused.Err(), refusals...)
	if initial {
		t.True("nested namespaces", slices.Contains(limits, depth), fmt.Sprint(depth), strings.Trim(fmt.Sprint(limits), "[]"))
	}
	return depth
}

// inInitial says whether this process is in the machine's first namespace of a kind.
func inInitial(kind string) bool {
	link, err := os.Readlink("/proc/self/ns/" + kind)
	return err == nil && link == fmt.Sprintf("%s:[%d]", kind, ns.InitialInodes[kind])
}

// describe tells in words how a process ended.
func describe(w unix.WaitStatus) string {
	switch {
	case w.Signaled():
		return "killed by " + unix.SignalName(w.Signal())
	case w.Stopped():
		return "stopped by " + unix.SignalName(w.StopSignal())
	}
	return fmt.Sprintf("exit status %d", w.ExitStatus())
}
