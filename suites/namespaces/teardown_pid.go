package namespaces

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// crowd is how many processes a PID namespace holds when its init is killed.
const crowd = 500

var _ = suite.Describe("teardown", func() {
	suite.It(spec.Meta{
		ID: "teardown/pid-crowd", Level: spec.Must, Sources: []string{"TDN-011"}, Limit: 100 * time.Second,
		Clause: "pid_namespaces(7): when init ends the kernel kills every process of the namespace; wait(2) for init returns when they are gone",
		Needs:  []spec.Probe{pidNS, pidfdOpen},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWPID)
		s.keep(s.must(`memfd_create("x", 0)`, unix.SYS_MEMFD_CREATE, s.String("x"), 0))
		bell := s.must("eventfd(0, EFD_SEMAPHORE)", unix.SYS_EVENTFD2, 0, unix.EFD_SEMAPHORE)
		init := s.fork(0, func(s *script) {
			s.Repeat(crowd, func() {
				s.fork(0, func(s *script) {
					s.must("setsid()", unix.SYS_SETSID)
					s.lock("flock(member's, LOCK_SH)", unix.LOCK_SH)
					s.Must()
					s.signal(bell)
					s.pause()
				})
			})
			s.pause()
		})
		s.Repeat(crowd, func() { s.must("read(eventfd, &count, 8)", unix.SYS_READ, bell, s.Buffer(8), 8) })
		s.lock("flock(LOCK_EX|LOCK_NB) while members hold the lock", unix.LOCK_EX).refused(unix.EWOULDBLOCK)
		s.must("kill(init, SIGKILL)", unix.SYS_KILL, init, int(unix.SIGKILL))
		s.wait(init)
		s.lock("flock(LOCK_EX|LOCK_NB) after waitpid(init)", unix.LOCK_EX).succeeds()
		s.log.long = 90 * time.Second // User-Mode Linux 5.10 forks ten to twenty times a second under load
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "teardown/pid-procfs-elsewhere", Level: spec.Must, Sources: []string{"TDN-027"},
		Clause: "pid_namespaces(7), proc(5): a procfs of a PID namespace that has ended shows no process, reads of open files give ESRCH, and it can be unmounted",
		Needs:  []spec.Probe{pidNS, mountNS, mounts, procMount},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWPID | unix.CLONE_NEWNS)
		s.scratch()
		mounted, end := s.event(), s.event()
		init := s.fork(0, func(s *script) {
			s.mount("proc", scratch, "proc", 0, "")
			s.signal(mounted)
			s.await(end)
		})
		s.await(mounted)
		status := s.open(scratch+"/1/status", unix.O_RDONLY)
		folder := s.open(scratch, unix.O_RDONLY|unix.O_DIRECTORY)
		stat := s.tryOpen(scratch+"/1/stat", unix.O_RDONLY)
		stat.succeeds()
		s.signal(end)
		s.wait(init)
		b := s.Buffer(512)
		s.call(`read(open("/tmp/1/status")) after init's end`, unix.SYS_READ, status, b, 512).refused(unix.ESRCH)
		s.tryOpen(scratch+"/1/stat", unix.O_RDONLY).refused(unix.ENOENT, unix.ESRCH)
		list := s.Buffer(16 << 10)
		listed := s.must("getdents64(/tmp)", unix.SYS_GETDENTS64, folder, list, len(list.Bytes))
		for _, fd := range []call{folder, status, stat} {
			s.must("close(fd)", unix.SYS_CLOSE, fd)
		}
		s.umount(scratch, 0).succeeds()
		s.run(t)
		for _, name := range direntNames(list.Bytes[:listed.Value()]) {
			t.True("getdents64(procfs) after init's end", name[0] < '0' || name[0] > '9', fmt.Sprintf("process %s", name), "no process")
		}
	})
})
