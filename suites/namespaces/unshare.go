package namespaces

import (
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// allKinds are the flags of all kinds that this kernel shows.
func allKinds() (flags uintptr) {
	for _, k := range present() {
		flags |= k.Flag
	}
	return flags
}

// flag is an argument of unshare(2) with its name in linux/sched.h.
type flag struct {
	text string
	bits int
}

// clone3 adds a clone3(2) that must be refused: were the process made, it would execute the rest of
// the script, too.
func (s *script) clone3(text string, args ns.CloneArgs, size int) call {
	return s.call(text, unix.SYS_CLONE3, s.bytes(args.Bytes()), size)
}

// cloneThree probes for clone3(2): with a bad size it gives EINVAL rather than ENOSYS.
var cloneThree = spec.Probe{Name: "clone3", Check: func() error {
	if _, _, errno := unix.RawSyscall(unix.SYS_CLONE3, 0, 0, 0); errno != unix.EINVAL {
		return fmt.Errorf("clone3(NULL, 0): %w", errno)
	}
	return nil
}}

var _ = suite.Describe("unshare", func() {
	suite.It(spec.Meta{
		ID: "unshare/bad-flags", Level: spec.Must, Sources: []string{"UNS-001"},
		Clause: "unshare(2) ERRORS: EINVAL for bits that name nothing to unshare",
	}, func(t *spec.T) {
		s := newScript()
		for _, f := range []flag{{"CLONE_PARENT", unix.CLONE_PARENT}, {"CLONE_VFORK", unix.CLONE_VFORK}, {"SIGCHLD", int(unix.SIGCHLD)}} {
			s.call("unshare("+f.text+")", unix.SYS_UNSHARE, f.bits).refused(unix.EINVAL)
		}
		s.call("unshare(0)", unix.SYS_UNSHARE, 0).succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "unshare/pid-twice", Level: spec.Must, Sources: []string{"UNS-003", "CLN-003"},
		Clause: "unshare(2), clone(2) ERRORS: EINVAL for a PID namespace or a thread when the children's PID namespace is another already",
		Needs:  []spec.Probe{pidNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWPID)
		s.call("unshare(CLONE_NEWPID) for the second time", unix.SYS_UNSHARE, unix.CLONE_NEWPID).refused(unix.EINVAL)
		s.tryFork("clone(CLONE_THREAD|CLONE_SIGHAND|CLONE_VM) behind unshare(CLONE_NEWPID)", unix.CLONE_THREAD|unix.CLONE_SIGHAND|unix.CLONE_VM, func(s *script) {}).refused(unix.EINVAL)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "unshare/all-at-once", Level: spec.Must, Sources: []string{"UNS-009"},
		Clause: "user_namespaces(7) Interaction of user namespaces and other types: with CLONE_NEWUSER in the same call all others need no privilege",
		Needs:  []spec.Probe{ordinaryUser, utsNS, ipcNS, netNS, mountNS, pidNS, cgroupNS},
	}, func(t *spec.T) {
		flags := allKinds()
		s := newScript()
		s.drop()
		s.call(fmt.Sprintf("unshare(%s)", flagNames(flags&^unix.CLONE_NEWUSER)), unix.SYS_UNSHARE, flags&^unix.CLONE_NEWUSER).refused(unix.EPERM)
		s.call(fmt.Sprintf("unshare(%s)", flagNames(flags)), unix.SYS_UNSHARE, flags).succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "unshare/user-in-chroot", Level: spec.Must, Sources: []string{"UNS-006"},
		Clause: "unshare(2) ERRORS: EPERM for CLONE_NEWUSER by a caller in a chroot environment",
		Needs:  []spec.Probe{userNS, mountNS, mounts},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.wait(s.fork(0, func(s *script) {
			s.call("unshare(CLONE_NEWUSER) outside", unix.SYS_UNSHARE, unix.CLONE_NEWUSER).succeeds()
		}))
		s.must(`chroot("/tmp")`, unix.SYS_CHROOT, s.String(scratch))
		s.call(`chroot("/tmp"), unshare(CLONE_NEWUSER)`, unix.SYS_UNSHARE, unix.CLONE_NEWUSER).refused(unix.EPERM)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "unshare/user-unmapped", Level: spec.Must, Sources: []string{"UNS-007"},
		Clause: "unshare(2) ERRORS: EPERM for CLONE_NEWUSER when the caller's IDs have no mapping in its user namespace",
		Needs:  []spec.Probe{ordinaryUser},
	}, func(t *spec.T) {
		s := newScript()
		s.unmapped()
		s.call("unshare(CLONE_NEWUSER) without mapping", unix.SYS_UNSHARE, unix.CLONE_NEWUSER).refused(unix.EPERM)
		s.mapRoot(ids())
		s.call("unshare(CLONE_NEWUSER) with mapping", unix.SYS_UNSHARE, unix.CLONE_NEWUSER).succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "unshare/mount-implies-fs", Level: spec.Must, Sources: []string{"UNS-011"},
		Clause: "unshare(2) CLONE_NEWNS: implies CLONE_FS, so that the working directory and umask are shared no longer",
		Needs:  []spec.Probe{mountNS},
	}, func(t *spec.T) {
		umask := func(s *script, text string, mask int) call { return s.call(text, unix.SYS_UMASK, mask) }
		s := newScript()
		s.own(0)
		umask(s, "umask(0)", 0)
		s.wait(s.fork(unix.CLONE_FS, func(s *script) {
			umask(s, "umask(011)", 0o11)
			s.unshare(unix.CLONE_NEWNS)
			umask(s, "umask(022)", 0o22)
		}))
		umask(s, "umask(0) after the sharer's umask(011), unshare(CLONE_NEWNS), umask(022)", 0).gives(0o11)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "clone/contradictions", Level: spec.Must, Sources: []string{"CLN-001", "CLN-002", "CLN-011"},
		Clause: "clone(2) ERRORS: EINVAL for a new namespace together with sharing what it replaces, and for CLONE_SIGHAND or CLONE_THREAD alone",
	}, func(t *spec.T) {
		s := newScript()
		for _, c := range []struct {
			text  string
			flags uintptr
		}{
			{"CLONE_NEWNS|CLONE_FS", unix.CLONE_NEWNS | unix.CLONE_FS},
			{"CLONE_NEWUSER|CLONE_FS", unix.CLONE_NEWUSER | unix.CLONE_FS},
			{"CLONE_SIGHAND", unix.CLONE_SIGHAND},
			{"CLONE_THREAD", unix.CLONE_THREAD},
			{"CLONE_THREAD|CLONE_SIGHAND|CLONE_VM|CLONE_NEWPID", unix.CLONE_THREAD | unix.CLONE_SIGHAND | unix.CLONE_VM | unix.CLONE_NEWPID},
			{"CLONE_THREAD|CLONE_SIGHAND|CLONE_VM|CLONE_NEWUSER", unix.CLONE_THREAD | unix.CLONE_SIGHAND | unix.CLONE_VM | unix.CLONE_NEWUSER},
		} {
			s.tryFork("clone("+c.text+"|SIGCHLD)", c.flags, func(s *script) {}).refused(unix.EINVAL)
		}
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "clone/ipc-and-sysvsem", Level: spec.Must, Sources: []string{"CLN-001"},
		Clause: "clone(2) ERRORS: EINVAL for CLONE_NEWIPC together with CLONE_SYSVSEM",
		Needs:  []spec.Probe{ipcNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(0)
		s.tryFork("clone(CLONE_NEWIPC|CLONE_SYSVSEM|SIGCHLD)", unix.CLONE_NEWIPC|unix.CLONE_SYSVSEM, func(s *script) {}).refused(unix.EINVAL)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "clone/clone3-arguments", Level: spec.Must, Sources: []string{"CLN-004"},
		Clause: "kernel/fork.c copy_clone_args_from_user: EINVAL for a structure that is too small, E2BIG for one beyond a page or with unknown fields set, EFAULT for a bad address",
		Needs:  []spec.Probe{cloneThree},
	}, func(t *spec.T) {
		s := newScript()
		s.clone3("clone3(&args, 63)", ns.CloneArgs{}, ns.CloneArgsSize0-1).refused(unix.EINVAL)
		big := s.Buffer(4096)
		big.Bytes[4095] = 1
		s.call("clone3(&args, 4096) with its last byte set", unix.SYS_CLONE3, big, 4096).refused(unix.E2BIG)
		s.call("clone3(&args, 1<<20)", unix.SYS_CLONE3, big, 1<<20).refused(unix.E2BIG)
		s.call("clone3(-1, 88)", unix.SYS_CLONE3, -1, ns.CloneArgsSize2).refused(unix.EFAULT)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "clone/clone3-flags", Level: spec.Must, Sources: []string{"CLN-009"},
		Clause: "clone(2) clone3 ERRORS: EINVAL for unknown flags, a signal or CLONE_DETACHED in flags, and CLONE_SIGHAND with CLONE_CLEAR_SIGHAND",
		Needs:  []spec.Probe{cloneThree},
	}, func(t *spec.T) {
		s := newScript()
		for _, c := range []struct {
			text  string
			flags uint64
		}{
			{"1<<63", ns.ReservedCloneFlag},
			{"SIGCHLD", uint64(unix.SIGCHLD) & ns.CSignal},
			{"CLONE_DETACHED", ns.CloneDetached},
			{"CLONE_VM|CLONE_SIGHAND|CLONE_CLEAR_SIGHAND", unix.CLONE_VM | unix.CLONE_SIGHAND | unix.CLONE_CLEAR_SIGHAND},
		} {
			s.clone3("clone3({.flags = "+c.text+"})", ns.CloneArgs{Flags: c.flags}, ns.CloneArgsSize2).refused(unix.EINVAL)
		}
		s.run(t)
	})
})
