package namespaces

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

func (s *script) sendSignal(text string, pidfd any, sig unix.Signal) call {
	return s.call(text, unix.SYS_PIDFD_SEND_SIGNAL, pidfd, int(sig), 0, 0)
}

// pidfdNonblock probes for PIDFD_NONBLOCK.
var pidfdNonblock = attempt("PIDFD_NONBLOCK", func(s *script) {
	s.must("pidfd_open(getpid(), PIDFD_NONBLOCK)", unix.SYS_PIDFD_OPEN, s.getpid(), unix.PIDFD_NONBLOCK)
})

// pidfdGetfd probes for pidfd_getfd(2).
var pidfdGetfd = answers("pidfd_getfd", func(s *script) call {
	return s.call("pidfd_getfd(-1, 0, 0)", unix.SYS_PIDFD_GETFD, -1, 0, 0)
}, unless(unix.ENOSYS))

// pidfdLevels probes for the line that tells a pidfd's PIDs.
var pidfdLevels = attempt("NSpid in fdinfo of pidfds", func(s *script) {
	s.keep(s.pidfd(s.getpid()))
	s.read(theInfoPath, 512)
})

// pidfs probes for the file system on which pidfds have inodes of their own.
var pidfs = spec.Probe{Name: "pidfs", Check: func() error {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return fmt.Errorf("pidfd_open(getpid(), 0): %w", err)
	}
	defer unix.Close(fd)
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return fmt.Errorf("fstatfs(pidfd): %w", err)
	}
	if st.Type != unix.PID_FS_MAGIC {
		return fmt.Errorf("fstatfs(pidfd): type %#x", st.Type)
	}
	return nil
}}

var theInfoPath = fmt.Sprintf("/proc/self/fdinfo/%d", theFile)

var _ = suite.Describe("pidfd", func() {
	suite.It(spec.Meta{
		ID: "pidfd/nonblock", Level: spec.Must, Sources: []string{"PFD-003"},
		Clause: "pidfd_open(2) PIDFD_NONBLOCK: waitid(2) on the pidfd of a running child gives EAGAIN",
		Needs:  []spec.Probe{pidfdNonblock},
	}, func(t *spec.T) {
		s := newScript()
		done := s.event()
		// It ends on its own: a target that blocks comes back, and says so.
		other := s.fork(0, func(s *script) { s.poll("poll(eventfd, POLLIN)", done, unix.POLLIN, waits()) })
		fd := s.must("pidfd_open(child, PIDFD_NONBLOCK)", unix.SYS_PIDFD_OPEN, other, unix.PIDFD_NONBLOCK)
		wait := func(text string) call {
			return s.call(text, unix.SYS_WAITID, unix.P_PIDFD, fd, s.Buffer(128), unix.WEXITED, 0)
		}
		wait("waitid(P_PIDFD, fd) of a running child").refused(unix.EAGAIN)
		s.signal(done)
		s.keep(fd)
		s.poll("poll(pidfd, POLLIN)", theFile, unix.POLLIN, waits()).gives(1)
		wait("waitid(P_PIDFD, fd) of an ended child").succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "pidfd/send-signal", Level: spec.Must, Sources: []string{"PFD-003"},
		Clause: "pidfd_send_signal(2) ERRORS: EBADF for no pidfd, EINVAL for unknown flags, ESRCH for a process that was waited for",
		Needs:  []spec.Probe{pidfdOpen},
	}, func(t *spec.T) {
		s := newScript()
		done := s.event()
		other := s.fork(0, func(s *script) { s.await(done) })
		fd := s.pidfd(other)
		s.sendSignal("pidfd_send_signal(eventfd, 0)", done, 0).refused(unix.EBADF)
		s.call("pidfd_send_signal(pidfd, 0, NULL, 1<<31)", unix.SYS_PIDFD_SEND_SIGNAL, fd, 0, 0, 1<<31).refused(unix.EINVAL)
		s.sendSignal("pidfd_send_signal(pidfd, 0) of a running process", fd, 0).succeeds()
		s.signal(done)
		s.wait(other)
		s.sendSignal("pidfd_send_signal(pidfd, 0) of an ended process", fd, 0).refused(unix.ESRCH)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "pidfd/getfd", Level: spec.Must, Sources: []string{"PFD-008"},
		Clause: "pidfd_getfd(2): duplicates a descriptor of the process, close-on-exec; EBADF for one that it has not, EINVAL for flags",
		Needs:  []spec.Probe{pidfdOpen, pidfdGetfd},
	}, func(t *spec.T) {
		s := newScript()
		fd := s.pidfd(s.getpid())
		getfd := func(text string, target, flags int) call {
			return s.call(text, unix.SYS_PIDFD_GETFD, fd, target, flags)
		}
		bell := s.event()
		getfd("pidfd_getfd(pidfd, 9999, 0)", 9999, 0).refused(unix.EBADF)
		getfd("pidfd_getfd(pidfd, fd, 1)", bell, 1).refused(unix.EINVAL)
		copied := getfd("pidfd_getfd(pidfd, fd, 0)", bell, 0)
		copied.succeeds()
		s.call("fcntl(copy, F_GETFD)", unix.SYS_FCNTL, copied, unix.F_GETFD).gives(unix.FD_CLOEXEC)
		s.signal(bell)
		s.call("read(copy) of an eventfd that was signalled", unix.SYS_READ, copied, s.Buffer(8), 8).gives(8)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "pidfd/fdinfo-levels", Level: spec.Must, Sources: []string{"PFD-009"},
		Clause: "proc(5) /proc/PID/fdinfo: NSpid of a pidfd lists the process's PIDs from the reader's procfs to its own namespace",
		Needs:  []spec.Probe{pidNS, pidfdOpen, pidfdLevels},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWPID)
		done := s.event()
		init := s.fork(0, func(s *script) { s.await(done) })
		s.keep(s.pidfd(init))
		info := s.read(theInfoPath, 512)
		s.signal(done)
		s.wait(init)
		s.run(t)
		t.Equal("read(fdinfo of a pidfd): Pid", statusField(info.String(), "Pid"), fmt.Sprint(init.Value()))
		got := strings.Join(strings.Fields(statusField(info.String(), "NSpid")), " ")
		t.Equal("read(fdinfo of a pidfd): NSpid", got, fmt.Sprintf("%d 1", init.Value()))
	})

	suite.It(spec.Meta{
		ID: "pidfd/inodes", Level: spec.Must, Sources: []string{"PFD-007"},
		Clause: "pidfd_open(2), linux/magic.h PID_FS_MAGIC: pidfds of one process have one inode number, those of two have two",
		Needs:  []spec.Probe{pidfs},
	}, func(t *spec.T) {
		s := newScript()
		inode := func(of call) func() uint64 {
			st := s.Buffer(256)
			s.must("statx(pidfd, \"\", AT_EMPTY_PATH)", unix.SYS_STATX, s.pidfd(of), s.String(""), unix.AT_EMPTY_PATH, unix.STATX_INO, st)
			return func() uint64 { return (*unix.Statx_t)(pointer(st)).Ino }
		}
		done := s.event()
		other := s.fork(0, func(s *script) { s.await(done) })
		first, again, second := inode(s.getpid()), inode(s.getpid()), inode(other)
		s.signal(done)
		s.wait(other)
		s.run(t)
		t.Equal("fstat(pidfd_open(getpid(), 0)) twice: st_ino", again(), first())
		t.True("fstat(pidfd_open(child, 0)): st_ino", second() != first(), fmt.Sprint(second()), "another than the parent's")
	})

	isolates(spec.Meta{
		ID: "pidfd/outer-invisible", Level: spec.Must, Sources: []string{"PFD-011"},
		Clause: "pidfd_send_signal(2) ERRORS: EINVAL for a process outside the caller's PID namespace",
		Needs:  []spec.Probe{pidfdOpen},
	}, ns.PID, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(0)
		fd := s.pidfd(s.getpid())
		var sent call
		s.wait(s.fork(flags, func(s *script) { sent = s.sendSignal("pidfd_send_signal(outer, 0)", fd, 0) }))
		s.run(t)
		return seen("inside "+sent.text, sent, unix.EINVAL, t)
	})
})

var _ = suite.Describe("clone", func() {
	suite.It(spec.Meta{
		ID: "clone/pidfd-contradictions", Level: spec.Must, Sources: []string{"CLN-014"},
		Clause: "clone(2) ERRORS: EINVAL for CLONE_PIDFD together with CLONE_DETACHED or, in clone(2), with CLONE_PARENT_SETTID",
	}, func(t *spec.T) {
		s := newScript()
		s.tryFork("clone(CLONE_PIDFD|CLONE_DETACHED|SIGCHLD)", unix.CLONE_PIDFD|ns.CloneDetached, func(s *script) {}).refused(unix.EINVAL)
		s.tryFork("clone(CLONE_PIDFD|CLONE_PARENT_SETTID|SIGCHLD)", unix.CLONE_PIDFD|unix.CLONE_PARENT_SETTID, func(s *script) {}).refused(unix.EINVAL)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "clone/into-no-cgroup", Level: spec.Must, Sources: []string{"CLN-010"},
		Clause: "clone(2) clone3 CLONE_INTO_CGROUP, kernel/cgroup/cgroup.c cgroup_css_set_fork: EBADF for a descriptor that refers to no cgroup",
		Needs:  []spec.Probe{cloneThree, cgroupTree},
	}, func(t *spec.T) {
		s := newScript()
		into := func(text string, fd uint64) call {
			return s.clone3(text, ns.CloneArgs{Flags: unix.CLONE_INTO_CGROUP, ExitSignal: uint64(unix.SIGCHLD), Cgroup: fd}, ns.CloneArgsSize2)
		}
		s.keep(s.open("/proc/self/status", unix.O_RDONLY))
		into(`clone3({CLONE_INTO_CGROUP, .cgroup = open("/proc/self/status")})`, theFile).refused(unix.EBADF)
		into("clone3({CLONE_INTO_CGROUP, .cgroup = 9999})", 9999).refused(unix.EBADF)
		s.run(t)
	})
})

var _ = suite.Describe("ioctl", func() {
	suite.It(spec.Meta{
		ID: "ioctl/id-is-cookie", Level: spec.Must, Sources: []string{"IOC-013"},
		Clause: "linux/nsfs.h NS_GET_ID: the number of a network namespace is the SO_NETNS_COOKIE of its sockets",
		Needs:  []spec.Probe{namespaceIDs, cookies, netNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNET)
		id := s.Buffer(8)
		s.ioctl("ioctl(net, NS_GET_ID, &id)", s.open("/proc/self/ns/net", unix.O_RDONLY), unix.NS_GET_ID, id).succeeds()
		cookie := s.cookie()
		s.run(t)
		t.Equal("ioctl(net, NS_GET_ID, &id)", binary.NativeEndian.Uint64(id.Bytes), binary.NativeEndian.Uint64(cookie.Bytes))
	})

	suite.It(spec.Meta{
		ID: "ioctl/mount-info", Level: spec.Must, Sources: []string{"IOC-010"},
		Clause: "linux/nsfs.h NS_MNT_GET_INFO: the namespace's number of mounts and its ID; EINVAL for other kinds",
		Needs:  []spec.Probe{mountInfo, mountIDs, mountNS, mounts},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		fd, id := s.open("/proc/self/ns/mnt", unix.O_RDONLY), s.Buffer(8)
		before, after := s.Buffer(ns.MountInfoSize), s.Buffer(ns.MountInfoSize)
		s.ioctl("ioctl(mnt, NS_GET_MNTNS_ID, &id)", fd.Result, unix.NS_GET_MNTNS_ID, id).succeeds()
		s.ioctl("ioctl(mnt, NS_MNT_GET_INFO, &info)", fd.Result, ns.MountGetInfo, before).succeeds()
		s.scratch()
		s.ioctl("ioctl(mnt, NS_MNT_GET_INFO, &info)", fd.Result, ns.MountGetInfo, after).succeeds()
		s.ioctl("ioctl(uts, NS_MNT_GET_INFO, &info)", s.open("/proc/self/ns/uts", unix.O_RDONLY).Result, ns.MountGetInfo, s.Buffer(ns.MountInfoSize)).refused(unix.EINVAL)
		s.run(t)
		// struct mnt_ns_info: size, nr_mounts, mnt_ns_id.
		number := func(b []byte) uint32 { return binary.NativeEndian.Uint32(b[4:]) }
		t.Equal("mount(tmpfs), ioctl(mnt, NS_MNT_GET_INFO, &info): nr_mounts", number(after.Bytes), number(before.Bytes)+1)
		t.Equal("ioctl(mnt, NS_MNT_GET_INFO, &info): mnt_ns_id", binary.NativeEndian.Uint64(after.Bytes[8:]), binary.NativeEndian.Uint64(id.Bytes))
	})
})

var mountInfo = has("NS_MNT_GET_INFO", "/proc/self/ns/mnt", ns.MountGetInfo)
