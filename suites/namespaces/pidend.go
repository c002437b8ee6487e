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
	// Read without the time limit of other events: forking many takes User-Mode Linux seconds.
	const members = 32
	bell := s.must("eventfd(0, EFD_SEMAPHORE)", unix.SYS_EVENTFD2, 0, unix.EFD_SEMAPHORE)
	end := s.must("eventfd(0, 0)", unix.SYS_EVENTFD2, 0, 0)
	init := s.fork(0, func(s *script) {
		s.Repeat(members, func() {
			s.fork(0, func(s *script) {
				s.must("setsid()", unix.SYS_SETSID)
				s.lock("flock(member's, LOCK_SH)", unix.LOCK_SH)
				s.Must()
				s.signal(bell)
				s.pause()
			})
		})
		if kill {
			s.pause()
		}
		s.must("read(end, &count, 8)", unix.SYS_READ, end, s.Buffer(8), 8)
		s.call("exit_group(7)", unix.SYS_EXIT_GROUP, 7)
	})
	s.Repeat(members, func() { s.must("read(eventfd, &count, 8)", unix.SYS_READ, bell, s.Buffer(8), 8) })
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
