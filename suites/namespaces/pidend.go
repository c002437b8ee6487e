package namespaces

import (
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// lock takes a lock that lasts as long as the process and its children.
func (s *script) lock(text string, kind int) call {
	fd := s.open(theFilePath, unix.O_RDWR)
	return s.call(text, unix.SYS_FLOCK, fd, kind|unix.LOCK_NB)
}

// endInit ends the init of a PID namespace, whose members hold a lock as long as they live.
func endInit(t *spec.T, kill bool) {
	s := newScript()
	s.own(unix.CLONE_NEWPID)
	s.keep(s.must(`memfd_create("x", 0)`, unix.SYS_MEMFD_CREATE, s.String("x"), 0))
	ready, locked, end := s.event(), s.event(), s.event()
	init := s.fork(0, func(s *script) {
		for range 32 {
			s.fork(0, func(s *script) {
				s.must("setsid()", unix.SYS_SETSID)
				s.lock("flock(member's, LOCK_SH)", unix.LOCK_SH)
				s.Must()
				s.signal(ready)
				s.pause()
			})
			s.await(ready)
		}
		s.signal(locked)
		if kill {
			s.pause()
		}
		s.await(end)
		s.call("exit_group(7)", unix.SYS_EXIT_GROUP, 7)
	})
	s.await(locked)
	s.lock("flock(LOCK_EX|LOCK_NB) while members hold the lock", unix.LOCK_EX).refused(unix.EWOULDBLOCK)
	if kill {
		s.must("kill(init, SIGKILL)", unix.SYS_KILL, init, int(unix.SIGKILL))
	} else {
		s.signal(end)
	}
	st := s.wait(init)
	s.lock("flock(LOCK_EX|LOCK_NB) after waitpid(init)", unix.LOCK_EX).succeeds()
	s.log.long = 20 * time.Second
	s.run(t)
	if kill {
		t.True("waitpid(init)", st.get().Signal() == unix.SIGKILL, describe(st.get()), "killed by SIGKILL")
	} else {
		t.True("waitpid(init)", st.get().ExitStatus() == 7, describe(st.get()), "exit status 7")
	}
}

var _ = suite.Describe("pid", func() {
	for _, how := range []string{"killed", "exited"} {
		suite.It(spec.Meta{
			ID: "pid/init-" + how + "-ends-members", Level: spec.Must,
			Sources: map[string][]string{"killed": {"PID-005"}, "exited": {"TDN-012"}}[how],
			Clause:  "pid_namespaces(7) The namespace init process: when it ends, the kernel ends all members by SIGKILL, before its parent's wait returns",
			Needs:   []spec.Probe{pidNS}, Limit: 65 * time.Second,
		}, func(t *spec.T) {
			// A target that does not wait for the members is only seen when it loses the race with them:
			// they are many, and it is tried several times.
			for range 3 {
				endInit(t, how == "killed")
			}
		})
	}
})
