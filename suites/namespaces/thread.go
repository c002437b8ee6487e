package namespaces

import (
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// sibling gives the process a second thread that lives until the returned event is signalled.
func (s *script) sibling() (end int) {
	ready, end := s.event(), s.event()
	s.thread(func(s *script) {
		s.signal(ready)
		s.await(end)
	})
	s.await(ready)
	return end
}

var _ = suite.Describe("unshare", func() {
	suite.It(spec.Meta{
		ID: "unshare/multithreaded", Level: spec.Must, Sources: []string{"UNS-002", "UNS-010"},
		Clause: "unshare(2) ERRORS: EINVAL for CLONE_THREAD, CLONE_SIGHAND, CLONE_VM or CLONE_NEWUSER when the caller is multithreaded",
		Needs:  []spec.Probe{images},
	}, func(t *spec.T) {
		s := newScript()
		end := s.sibling()
		for _, f := range []flag{{"CLONE_THREAD", unix.CLONE_THREAD}, {"CLONE_SIGHAND", unix.CLONE_SIGHAND}, {"CLONE_VM", unix.CLONE_VM}, {"CLONE_NEWUSER", unix.CLONE_NEWUSER}} {
			s.call("unshare("+f.text+") by one of several threads", unix.SYS_UNSHARE, f.bits).refused(unix.EINVAL)
		}
		s.signal(end)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "unshare/one-thread", Level: spec.Must, Sources: []string{"GEN-017"},
		Clause: "unshare(2), namespaces(7): a thread that unshares leaves the other threads of its process where they are",
		Needs:  []spec.Probe{utsNS, images, exists("/proc/thread-self")},
	}, func(t *spec.T) {
		s := newScript()
		s.own(0)
		done := s.event()
		before := s.readlink("/proc/thread-self/ns/uts")
		var inner, leader text
		s.thread(func(s *script) {
			s.unshare(unix.CLONE_NEWUTS)
			inner, leader = s.readlink("/proc/thread-self/ns/uts"), s.readlink("/proc/self/ns/uts")
			s.signal(done)
		})
		s.await(done)
		after := s.readlink("/proc/thread-self/ns/uts")
		s.run(t)
		t.True(`unshare(CLONE_NEWUTS) by a thread, readlink("/proc/thread-self/ns/uts")`, inner.String() != before.String(), inner.String(), "another namespace than "+before.String())
		t.Equal(`unshare(CLONE_NEWUTS) by a thread, readlink("/proc/self/ns/uts")`, leader.String(), before.String())
		t.Equal(`unshare(CLONE_NEWUTS) by another thread, readlink("/proc/thread-self/ns/uts")`, after.String(), before.String())
	})
})

var _ = suite.Describe("setns", func() {
	suite.It(spec.Meta{
		ID: "setns/user-multithreaded", Level: spec.Must, Sources: []string{"SET-011"},
		Clause: "setns(2) ERRORS: EINVAL for a user namespace when the caller is multithreaded",
		Needs:  []spec.Probe{ordinaryUser, images},
	}, func(t *spec.T) {
		s := newScript()
		s.drop()
		var user call
		s.wait(s.fork(unix.CLONE_FILES, func(s *script) {
			s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
			user = s.open("/proc/self/ns/user", unix.O_RDONLY)
		}))
		s.wait(s.fork(0, func(s *script) {
			s.setns("setns(child's user, CLONE_NEWUSER) by the only thread", user, unix.CLONE_NEWUSER).succeeds()
		}))
		end := s.sibling()
		s.setns("setns(child's user, CLONE_NEWUSER) by one of several threads", user, unix.CLONE_NEWUSER).refused(unix.EINVAL)
		s.signal(end)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "setns/mount-multithreaded", Level: spec.Must, Sources: []string{"SET-012"},
		Clause: "setns(2) Mount namespaces: EINVAL when the caller shares its root and working directory with another thread",
		Needs:  []spec.Probe{mountNS, images},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		fd := s.open("/proc/self/ns/mnt", unix.O_RDONLY)
		s.setns("setns(mnt, CLONE_NEWNS) by the only thread", fd, unix.CLONE_NEWNS).succeeds()
		end := s.sibling()
		s.setns("setns(mnt, CLONE_NEWNS) by one of several threads", fd, unix.CLONE_NEWNS).refused(unix.EINVAL)
		s.signal(end)
		s.run(t)
	})

	for _, k := range []ns.Kind{ns.UTS, ns.IPC, ns.Net} {
		suite.It(spec.Meta{
			ID: "setns/" + k.Name + "-one-thread", Level: spec.Must, Sources: []string{"GEN-017"},
			Clause: "setns(2): moves the calling thread into the " + k.Name + " namespace, and no other thread of its process",
			Needs:  []spec.Probe{canMake(k), images, exists("/proc/thread-self")},
		}, func(t *spec.T) {
			link := "/proc/thread-self/ns/" + k.Name
			s := newScript()
			s.own(0)
			done := s.event()
			before := s.readlink(link)
			var fd call
			var target, inner text
			s.wait(s.fork(unix.CLONE_FILES, func(s *script) {
				s.unshare(k.Flag)
				fd, target = s.open("/proc/self/ns/"+k.Name, unix.O_RDONLY), s.readlink(link)
			}))
			s.thread(func(s *script) {
				s.setns(fmt.Sprintf("setns(child's %s, %s) by a thread", k.Name, k.C), fd, int(k.Flag)).succeeds()
				inner = s.readlink(link)
				s.signal(done)
			})
			s.await(done)
			after := s.readlink(link)
			s.run(t)
			t.Equal(fmt.Sprintf("setns() by a thread, readlink(%q)", link), inner.String(), target.String())
			t.Equal(fmt.Sprintf("setns() by another thread, readlink(%q)", link), after.String(), before.String())
		})
	}
})

// pidfdThread probes for pidfds of threads.
var pidfdThread = attempt("PIDFD_THREAD", func(s *script) {
	s.must("pidfd_open(getpid(), PIDFD_THREAD)", unix.SYS_PIDFD_OPEN, s.getpid(), unix.O_EXCL)
})

var _ = suite.Describe("pidfd", func() {
	suite.It(spec.Meta{
		ID: "pidfd/thread", Level: spec.Must, Sources: []string{"PFD-013"},
		Clause: "pidfd_open(2) PIDFD_THREAD: a descriptor of a thread, readable when that thread ends while others go on; without the flag a thread that is no leader is refused",
		Needs:  []spec.Probe{pidfdThread, images},
	}, func(t *spec.T) {
		s := newScript()
		end := s.event()
		tid := s.thread(func(s *script) { s.await(end) })
		// EINVAL up to Linux 6.14, ENOENT since: kernel/fork.c pidfd_prepare.
		s.call("pidfd_open(thread, 0)", unix.SYS_PIDFD_OPEN, tid, 0).refused(unix.EINVAL, unix.ENOENT)
		s.keep(s.must("pidfd_open(thread, PIDFD_THREAD)", unix.SYS_PIDFD_OPEN, tid, unix.O_EXCL))
		s.poll("poll(pidfd, POLLIN, 0) of a running thread", theFile, unix.POLLIN, 0).gives(0)
		s.signal(end)
		s.poll("poll(pidfd, POLLIN) of a thread that ends", theFile, unix.POLLIN, waits()).gives(1)
		s.run(t)
	})
})
