package namespaces

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// info adds a PIDFD_GET_INFO (linux/pidfd.h) and gives the structure as the script sees it.
func (s *script) info(text string, pidfd child.Arg, mask uint64) (call, *unix.PidfdInfo) {
	b := s.Buffer(unix.SizeofPidfdInfo)
	i := (*unix.PidfdInfo)(pointer(b))
	i.Mask = mask
	return s.call(text, unix.SYS_IOCTL, pidfd, pidfdGetInfo, b), i
}

// pidfdGetInfo is PIDFD_GET_INFO with the structure's first size, 64 bytes: newer kernels take any size
// from there on, and fill no more than they are given.
const pidfdGetInfo = 0xC040FF0B

// pidfdInfo probes for PIDFD_GET_INFO.
var pidfdInfo = attempt("PIDFD_GET_INFO", func(s *script) {
	c, _ := s.info("ioctl(pidfd, PIDFD_GET_INFO, &info)", s.pidfd(s.getpid()).Result, 0)
	s.require(c)
})

// pidfdExit probes for PIDFD_INFO_EXIT, which outlives its process.
var pidfdExit = attempt("PIDFD_INFO_EXIT", func(s *script) {
	other := s.fork(0, func(s *script) {})
	fd := s.pidfd(other)
	s.wait(other)
	c, _ := s.info("ioctl(pidfd of an ended process, PIDFD_GET_INFO, {PIDFD_INFO_EXIT})", fd.Result, unix.PIDFD_INFO_EXIT)
	s.require(c)
})

var _ = suite.Describe("pidfd", func() {
	suite.It(spec.Meta{
		ID: "pidfd/info-ids", Level: spec.Must, Sources: []string{"PFD-005"},
		Clause: "linux/pidfd.h PIDFD_GET_INFO: the process's PID, thread group and parent in the caller's PID namespace, and its user and group IDs",
		Needs:  []spec.Probe{pidfdOpen, pidfdInfo, pidNS},
	}, func(t *spec.T) {
		s := newScript()
		var inner *unix.PidfdInfo
		var outer *unix.PidfdInfo
		own := s.getpid()
		s.own(unix.CLONE_NEWPID)
		ready, done := s.event(), s.event()
		init := s.fork(0, func(s *script) {
			var c call
			c, inner = s.info("ioctl(pidfd, PIDFD_GET_INFO, &info) inside", s.pidfd(s.getpid()).Result, 0)
			c.succeeds()
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		c, outer := s.info("ioctl(pidfd, PIDFD_GET_INFO, &info) outside", s.pidfd(init).Result, 0)
		c.succeeds()
		uid := s.call("getuid()", unix.SYS_GETUID)
		s.signal(done)
		s.wait(init)
		s.run(t)
		t.Equal("PIDFD_GET_INFO of init inside: pid, tgid, ppid", fmt.Sprint(inner.Pid, inner.Tgid, inner.Ppid), "1 1 0")
		t.Equal("PIDFD_GET_INFO of init outside: pid, tgid, ppid", fmt.Sprint(outer.Pid, outer.Tgid, outer.Ppid), fmt.Sprint(init.Value(), init.Value(), own.Value()))
		t.Equal("PIDFD_GET_INFO: ruid, euid", fmt.Sprint(outer.Ruid, outer.Euid), fmt.Sprint(uid.Value(), uid.Value()))
	})

	isolates(spec.Meta{
		ID: "pidfd/info-outside", Level: spec.Must, Sources: []string{"PFD-006", "PFD-011"},
		Clause: "linux/pidfd.h PIDFD_GET_INFO, fs/pidfs.c pidfd_info: a process outside the caller's PID namespace has no ID there (ESRCH)",
		Needs:  []spec.Probe{pidfdOpen, pidfdInfo},
	}, ns.PID, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(0)
		fd := s.pidfd(s.getpid())
		var c call
		s.wait(s.fork(flags, func(s *script) {
			c, _ = s.info("ioctl(pidfd of the outer process, PIDFD_GET_INFO, &info)", fd.Result, 0)
		}))
		s.run(t)
		c.reached(t)
		if err := c.Err(); err != nil {
			t.Errno(c.text, err, unix.ESRCH, unix.EREMOTE)
		}
		return observation{"inside " + c.text, spec.ErrnoName(c.Err()), c.Err() == nil}
	})

	for _, c := range []struct {
		name string
		end  func(*script)
		want unix.WaitStatus
	}{
		{"status", func(s *script) { s.call("exit_group(7)", unix.SYS_EXIT_GROUP, 7) }, 7 << 8},
		{"signal", func(s *script) { s.call("kill(getpid(), SIGKILL)", unix.SYS_KILL, s.getpid(), int(unix.SIGKILL)) }, unix.WaitStatus(unix.SIGKILL)},
	} {
		suite.It(spec.Meta{
			ID: "pidfd/info-exit-" + c.name, Level: spec.Must, Sources: []string{"PFD-005"},
			Clause: "linux/pidfd.h PIDFD_INFO_EXIT: how the process ended, also after it was waited for; not before it ended",
			Needs:  []spec.Probe{pidfdOpen, pidfdInfo, pidfdExit},
		}, func(t *spec.T) {
			s := newScript()
			done := s.event()
			other := s.fork(0, func(s *script) {
				s.await(done)
				c.end(s)
			})
			fd := s.pidfd(other)
			running, before := s.info("ioctl(pidfd, PIDFD_GET_INFO, {PIDFD_INFO_EXIT}) of a running process", fd.Result, unix.PIDFD_INFO_EXIT)
			running.succeeds()
			s.signal(done)
			s.wait(other)
			ended, after := s.info("ioctl(pidfd, PIDFD_GET_INFO, {PIDFD_INFO_EXIT}) of one that was waited for", fd.Result, unix.PIDFD_INFO_EXIT)
			ended.succeeds()
			s.run(t)
			t.Equal(running.text+": mask & PIDFD_INFO_EXIT", before.Mask&unix.PIDFD_INFO_EXIT, uint64(0))
			t.Equal(ended.text+": mask & PIDFD_INFO_EXIT", after.Mask&unix.PIDFD_INFO_EXIT, uint64(unix.PIDFD_INFO_EXIT))
			t.Equal(ended.text+": exit_code", describe(unix.WaitStatus(after.Exit_code)), describe(c.want))
		})
	}

	suite.It(spec.Meta{
		ID: "pidfd/info-errors", Level: spec.Must, Sources: []string{"PFD-006"},
		Clause: "fs/pidfs.c pidfd_info: EINVAL without a structure, EINVAL or (since Linux 6.18) ENOTTY for one that is too small, ESRCH for a process that was waited for",
		Needs:  []spec.Probe{pidfdOpen, pidfdInfo},
	}, func(t *spec.T) {
		s := newScript()
		done := s.event()
		other := s.fork(0, func(s *script) { s.await(done) })
		fd := s.pidfd(other)
		s.ioctl("ioctl(pidfd, PIDFD_GET_INFO, NULL)", fd.Result, pidfdGetInfo, 0).refused(unix.EINVAL)
		s.ioctl("ioctl(pidfd, PIDFD_GET_INFO with 32 bytes, &info)", fd.Result, pidfdGetInfo&^(0x3FFF<<16)|32<<16, s.Buffer(32)).refused(unix.EINVAL, unix.ENOTTY)
		s.ioctl("ioctl(eventfd, PIDFD_GET_INFO, &info)", done, pidfdGetInfo, s.Buffer(96)).refused(unix.ENOTTY)
		s.signal(done)
		s.wait(other)
		c, _ := s.info("ioctl(pidfd, PIDFD_GET_INFO, &info) of a process that was waited for", fd.Result, 0)
		c.refused(unix.ESRCH)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "pidfd/info-mask", Level: spec.Must, Sources: []string{"PFD-012"},
		Clause: "linux/pidfd.h PIDFD_INFO_SUPPORTED_MASK: the bits that this kernel fills; PIDFD_INFO_PID and PIDFD_INFO_CREDS are always filled",
		Needs:  []spec.Probe{pidfdOpen, pidfdInfo, supportedMask},
	}, func(t *spec.T) {
		s := newScript()
		c, i := s.fullInfo(infoSupportedMask)
		c.succeeds()
		s.run(t)
		const always = unix.PIDFD_INFO_PID | unix.PIDFD_INFO_CREDS
		t.Equal(c.text+": mask & (PIDFD_INFO_PID|PIDFD_INFO_CREDS)", i.Mask&always, uint64(always))
		t.True(c.text+": supported_mask", i.Supported_mask&i.Mask == i.Mask, fmt.Sprintf("%#x", i.Supported_mask), fmt.Sprintf("all that it filled, %#x", i.Mask))
	})

	for _, c := range []struct {
		name, link string
		kind       ns.Kind
		request    uint
	}{
		{"PIDFD_GET_USER_NAMESPACE", "user", ns.User, ns.PidfdGetUser},
		{"PIDFD_GET_TIME_NAMESPACE", "time", ns.Time, ns.PidfdGetTime},
		{"PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE", "time_for_children", ns.Time, ns.PidfdGetTimeForChildren},
		{"PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE", "pid_for_children", ns.PID, ns.PidfdGetPIDForChildren},
	} {
		suite.It(spec.Meta{
			ID: "pidfd/" + c.link + "-namespace", Level: spec.Must, Sources: []string{"PFD-004"},
			Clause: "linux/pidfd.h " + c.name + ": a descriptor of the process's namespace, as its link in /proc/PID/ns; ESRCH for a process that was waited for",
			Needs:  []spec.Probe{pidfdOpen, pidfdNamespaces, canMake(c.kind)},
		}, func(t *spec.T) {
			s := newScript()
			s.own(0)
			done, ready := s.event(), s.event()
			var theirs text
			ours := s.readlink("/proc/self/ns/" + c.link)
			if c.link == "time" {
				s.unshare(unix.CLONE_NEWTIME) // entered at birth
			}
			other := s.fork(0, func(s *script) {
				switch {
				case c.kind == ns.User:
					s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
				case c.link != "time":
					s.unshare(c.kind.Flag)
				}
				if c.link == "pid_for_children" { // it is there with the first child
					s.fork(0, func(s *script) { s.await(done) })
				}
				theirs = s.readlink("/proc/self/ns/" + c.link)
				s.signal(ready)
				s.await(done)
			})
			s.await(ready)
			fd := s.pidfd(other)
			s.ioctl("ioctl(pidfd, "+c.name+", 1)", fd.Result, c.request, 1).refused(unix.EINVAL)
			s.keep(s.must("ioctl(pidfd, "+c.name+", 0)", unix.SYS_IOCTL, fd, c.request, 0))
			got := s.readlink(theFilePath)
			s.must("kill(child, SIGKILL)", unix.SYS_KILL, other, int(unix.SIGKILL))
			s.wait(other)
			s.ioctl("ioctl(pidfd of an ended process, "+c.name+", 0)", fd.Result, c.request, 0).refused(unix.ESRCH)
			s.run(t)
			t.Equal("ioctl(pidfd, "+c.name+", 0)", got.String(), theirs.String())
			if theirs.String() == ours.String() {
				t.Broken("void: the other process is in the same namespace")
			}
		})
	}
})

// infoSupportedMask is PIDFD_INFO_SUPPORTED_MASK of linux/pidfd.h, since Linux 6.19.
const infoSupportedMask = 1 << 5

// fullInfo adds a PIDFD_GET_INFO of the process itself with the whole structure.
func (s *script) fullInfo(mask uint64) (call, *unix.PidfdInfo) {
	b := s.Buffer(unix.SizeofPidfdInfo)
	i := (*unix.PidfdInfo)(pointer(b))
	i.Mask = mask
	return s.call("ioctl(pidfd, PIDFD_GET_INFO, {PIDFD_INFO_SUPPORTED_MASK})", unix.SYS_IOCTL, s.pidfd(s.getpid()), unix.PIDFD_GET_INFO, b), i
}

var supportedMask = spec.Probe{Name: "PIDFD_INFO_SUPPORTED_MASK", Check: func() error {
	s := newScript()
	c, i := s.fullInfo(infoSupportedMask)
	if err := s.try(context.Background()); err != nil {
		return err
	}
	if c.Err() == nil && i.Mask&infoSupportedMask == 0 {
		return fmt.Errorf("%s fills %#x", c.text, i.Mask)
	}
	return c.Err()
}}
