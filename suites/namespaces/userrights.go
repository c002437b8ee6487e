package namespaces

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// blockKinds are file systems of this kernel that lie on block devices.
func blockKinds() (kinds []string) {
	list, _ := os.ReadFile("/proc/filesystems")
	for line := range strings.Lines(string(list)) {
		if !strings.HasPrefix(line, "nodev") {
			kinds = append(kinds, strings.TrimSpace(line))
		}
	}
	return kinds
}

var _ = suite.Describe("user", func() {
	suite.It(spec.Meta{
		ID: "user/mount-block", Level: spec.Must, Sources: []string{"USR-012"},
		Clause: "user_namespaces(7): root of a user namespace mounts tmpfs in a mount namespace of its own, and no file system that lies on a block device (EPERM)",
		Needs:  append([]spec.Probe{ordinaryUser}, mountNeeds...),
	}, func(t *spec.T) {
		kinds := blockKinds()
		if len(kinds) == 0 {
			t.NotApplicable("/proc/filesystems lists no file system on block devices")
		}
		s := newScript()
		s.ordinary()
		s.unshare(unix.CLONE_NEWNS)
		s.tryMount("xtest", scratch, "tmpfs", 0, "").succeeds()
		s.mkdir(scratch + "/a")
		for _, kind := range kinds {
			// ENODEV and ENOTBLK tell of the source, which must not be looked at first; /dev may be empty.
			s.tryMount("/dev/null", scratch+"/a", kind, 0, "").refused(unix.EPERM)
		}
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "user/map-relative", Level: spec.Must, Sources: []string{"USR-016"},
		Clause: "user_namespaces(7) Defining user and group ID mappings: /proc/PID/uid_map shows IDs of the reader's user namespace, of the parent's to members",
		Needs:  []spec.Probe{ordinaryUser},
	}, func(t *spec.T) {
		uid, _ := ids()
		s := newScript()
		s.drop()
		ready, done := s.event(), s.event()
		var inside text
		var proc call
		other := s.fork(unix.CLONE_FILES, func(s *script) {
			s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
			s.mapRoot(ids())
			s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
			s.write(setgroups, "deny")
			s.write(uidMap, "5 0 1")
			inside = s.read(uidMap, 128)
			proc = s.open("/proc/self", unix.O_RDONLY|unix.O_DIRECTORY)
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		fd := s.must(`openat(child's proc, "uid_map")`, unix.SYS_OPENAT, proc, s.String("uid_map"), unix.O_RDONLY, 0)
		b := s.Buffer(128)
		outside := text{s.must("read(child's uid_map)", unix.SYS_READ, fd, b, 128), b}
		s.signal(done)
		s.wait(other)
		s.run(t)
		fields := func(r text) string { return strings.Join(strings.Fields(r.String()), " ") }
		t.Equal(`uid_map of a nested namespace, read inside`, fields(inside), "5 0 1")
		t.Equal(`uid_map of a nested namespace, read two levels above`, fields(outside), fmt.Sprintf("5 %d 1", uid))
	})

	suite.It(spec.Meta{
		ID: "user/map-root-capability", Level: spec.Must, Sources: []string{"USR-025"},
		Clause: "user_namespaces(7) Defining user and group ID mappings: mapping the parent's ID 0 takes CAP_SETFCAP, since Linux 5.12 (EPERM)",
		Needs:  []spec.Probe{spec.Root, userNS, mapsRoot},
	}, func(t *spec.T) {
		s := newScript()
		s.must("capset(hdr, {0})", unix.SYS_CAPSET, s.bytes(ns.CapabilityHeader()), s.Buffer(ns.CapabilitySets)) // mapping one's own ID takes no other one
		s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
		s.tryWrite(uidMap, "0 0 1").known("EPERM (since Linux 5.12), success (before)", unix.EPERM, 0)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "user/map-of-stranger", Level: spec.Must, Sources: []string{"USR-033"},
		Clause: "user_namespaces(7) Defining user and group ID mappings: the writer must be in the namespace or in its parent (EPERM)",
		Needs:  []spec.Probe{ordinaryUser},
	}, func(t *spec.T) {
		uid, _ := ids()
		s := newScript()
		s.drop()
		ready, done := s.event(), s.event()
		var proc call
		write := func(s *script, who string) call {
			value := fmt.Sprintf("0 %d 1", uid)
			fd := s.must(`openat(proc, "uid_map", O_WRONLY)`, unix.SYS_OPENAT, proc, s.String("uid_map"), unix.O_WRONLY, 0)
			return s.call("write(uid_map) by "+who, unix.SYS_WRITE, fd, s.String(value), len(value))
		}
		other := s.fork(unix.CLONE_FILES, func(s *script) {
			s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
			proc = s.open("/proc/self", unix.O_RDONLY|unix.O_DIRECTORY)
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		s.wait(s.fork(0, func(s *script) {
			s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
			write(s, "a member of a sibling namespace").refused(unix.EPERM)
		}))
		write(s, "a member of the parent").succeeds()
		s.signal(done)
		s.wait(other)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "user/map-nested-ranges", Level: spec.Must, Sources: []string{"USR-032", "USR-005"},
		Clause: "user_namespaces(7), kernel/user_namespace.c map_write: maps of more than five ranges are right at every level, also below another such map",
		Needs:  []spec.Probe{spec.Root, userNS, mapsRoot, manyRanges},
	}, func(t *spec.T) {
		s := newScript()
		var id call
		st := s.Buffer(256)
		s.mapWith(ranges(8, func(i int) int { return 100000 + 2*i }), func(s *script) {
			s.must("setresgid(0, 0, 0)", unix.SYS_SETRESGID, 0, 0, 0)
			s.must("setresuid(0, 0, 0)", unix.SYS_SETRESUID, 0, 0, 0)
			s.must("prctl(PR_SET_DUMPABLE, 1)", unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
			s.mapWith(ranges(8, func(i int) int { return i }), func(s *script) {
				s.must("setresuid(6, 6, 6)", unix.SYS_SETRESUID, 6, 6, 6)
				id = s.call("getuid()", unix.SYS_GETUID)
				s.must("prctl(PR_SET_DUMPABLE, 1)", unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
				s.keep(s.must("memfd_create() by user 6", unix.SYS_MEMFD_CREATE, s.String("x"), 0))
			}, func(*script) {})
		}, func(s *script) {
			s.must("statx(file of user 6)", unix.SYS_STATX, theFile, s.String(""), unix.AT_EMPTY_PATH, unix.STATX_UID, st)
		})
		s.run(t)
		t.Equal("setresuid(6), getuid() in the inner namespace", id.Value(), 6)
		t.Equal("a file made by user 6 of the inner namespace, stat() outside: st_uid", int((*unix.Statx_t)(pointer(st)).Uid), 100012)
	})

	suite.It(spec.Meta{
		ID: "user/nproc", Level: spec.Must, Sources: []string{"USR-029"},
		Clause: "getrlimit(2) RLIMIT_NPROC: fork(2) beyond it gives EAGAIN, also to root of a user namespace, whose processes count for its creator",
		Needs:  []spec.Probe{ordinaryUser},
	}, func(t *spec.T) {
		s := newScript()
		s.ordinary()
		limit := func(n uint64) {
			b := s.Buffer(16)
			*(*unix.Rlimit)(pointer(b)) = unix.Rlimit{Cur: n, Max: n}
			s.must(fmt.Sprintf("setrlimit(RLIMIT_NPROC, %d)", n), unix.SYS_SETRLIMIT, unix.RLIMIT_NPROC, b)
		}
		s.wait(s.tried(s.tryFork("fork() before", 0, func(*script) {})))
		limit(0)
		s.tryFork("fork() by root of a user namespace with RLIMIT_NPROC 0", 0, func(*script) {}).refused(unix.EAGAIN)
		s.run(t)
	})

	isolates(spec.Meta{
		ID: "user/keyring", Level: spec.Must, Sources: []string{"USR-030"},
		Clause: "user-keyring(7), user_namespaces(7): each user namespace has user keyrings of its own",
		Needs:  []spec.Probe{ordinaryUser, keyrings},
	}, ns.User, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.ordinary()
		s.addKey("user keyring")
		var found call
		s.wait(s.fork(flags, func(s *script) {
			found = s.call(`keyctl_search(KEY_SPEC_USER_KEYRING, "user", "xtest")`, unix.SYS_KEYCTL, unix.KEYCTL_SEARCH, userKeyring, s.String("user"), s.String("xtest"), 0)
		}))
		s.run(t)
		found.reached(t)
		if err := found.Err(); err != nil {
			t.Errno(found.text, err, unix.ENOKEY, unix.EACCES)
		}
		return observation{"add_key(user keyring) outside, then inside " + found.text, spec.ErrnoName(found.Err()), found.Err() == nil}
	})

	suite.It(spec.Meta{
		ID: "user/overlay", Level: spec.Must, Sources: []string{"USR-031"},
		Clause: "user_namespaces(7): root of a user namespace mounts overlayfs, since Linux 5.11 (EPERM before)",
		Needs:  append([]spec.Probe{ordinaryUser, overlay}, mountNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.ordinary()
		s.unshare(unix.CLONE_NEWNS)
		s.overlay().known("success (since Linux 5.11), EPERM (before)", 0, unix.EPERM)
		s.run(t)
	})

	isolates(spec.Meta{
		ID: "user/ptrace", Level: spec.Must, Sources: []string{"USR-034"},
		Clause: "ptrace(2) Ptrace access mode checking, user_namespaces(7): a process is not traced from a user namespace below its own (EPERM)",
		Needs:  []spec.Probe{ordinaryUser},
	}, ns.User, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.drop()
		// Yama lets descendants alone be traced; where there is none the request is unknown.
		s.call("prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY)", unix.SYS_PRCTL, unix.PR_SET_PTRACER, ^uintptr(0), 0, 0, 0)
		outer := s.getpid()
		var seized call
		s.wait(s.fork(flags, func(s *script) {
			seized = s.call("ptrace(PTRACE_SEIZE, outer)", unix.SYS_PTRACE, unix.PTRACE_SEIZE, outer, 0, 0)
		}))
		s.run(t)
		return seen("inside "+seized.text, seized, unix.EPERM, t)
	})

	suite.It(spec.Meta{
		ID: "user/limits-count-above", Level: spec.Must, Sources: []string{"GEN-010", "TDN-024"},
		Clause: "namespaces(7) The /proc/sys/user directory: a namespace counts for every user namespace above its owner; the place is free again when it goes",
		Needs:  []spec.Probe{ordinaryUser, utsNS, writableLimits},
	}, func(t *spec.T) {
		s := newScript()
		s.ordinary()
		s.write("/proc/sys/user/max_uts_namespaces", "1")
		s.wait(s.fork(0, func(s *script) {
			s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
			s.wait(s.fork(0, func(s *script) {
				s.call("unshare(CLONE_NEWUTS) in a nested user namespace", unix.SYS_UNSHARE, unix.CLONE_NEWUTS).succeeds()
				s.call("unshare(CLONE_NEWUTS) again: beyond the limit of the user namespace above", unix.SYS_UNSHARE, unix.CLONE_NEWUTS).refused(unix.ENOSPC)
			}))
			s.call("unshare(CLONE_NEWUTS) behind the end of the first", unix.SYS_UNSHARE, unix.CLONE_NEWUTS).succeeds()
		}))
		s.run(t)
	})
})

// userKeyring is KEY_SPEC_USER_KEYRING of linux/keyctl.h.
const userKeyring = -4

func (s *script) addKey(text string) {
	s.must("add_key(\"user\", \"xtest\", ..., "+text+")", unix.SYS_ADD_KEY, s.String("user"), s.String("xtest"), s.String("x"), 1, userKeyring)
}

// keyrings probes for keys, which a kernel can be built without and a container be denied.
var keyrings = attempt("keyrings", func(s *script) {
	s.ordinary()
	s.addKey("user keyring")
})

// overlay adds a read-only overlay of two folders of a tmpfs.
func (s *script) overlay() call {
	s.scratch()
	for _, dir := range []string{"/a", "/b", "/both"} {
		s.mkdir(scratch + dir)
	}
	return s.tryMount("xtest", scratch+"/both", "overlay", 0, "lowerdir="+scratch+"/a:"+scratch+"/b")
}

var overlay = spec.Probe{Name: "overlayfs", Check: func() error {
	list, err := os.ReadFile("/proc/filesystems")
	if err == nil && !strings.Contains(string(list), "\toverlay\n") {
		err = fmt.Errorf("/proc/filesystems does not list it")
	}
	return err
}}

// manyRanges probes for maps of more than five lines, since Linux 4.15.
var manyRanges = answers("maps of more than five lines", func(s *script) (written call) {
	s.mapChild(func(write func(string) call) { written = write(ranges(8, func(i int) int { return i })) })
	return written
}, func(c call) string {
	if c.Err() == nil {
		return ""
	}
	return spec.ErrnoName(c.Err())
})

// ranges gives a map of n lines of one ID each.
func ranges(n int, outer func(int) int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d %d 1\n", i, outer(i))
	}
	return b.String()
}

// mapWith makes a user namespace with a map that its parent writes. Inside is what the member does,
// then outside what the parent does while it lives.
func (s *script) mapWith(text string, inside, outside func(*script)) {
	ready, mapped, looked, done := s.event(), s.event(), s.event(), s.event()
	var proc call
	other := s.fork(unix.CLONE_FILES, func(s *script) {
		s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
		proc = s.open("/proc/self", unix.O_RDONLY|unix.O_DIRECTORY)
		s.signal(ready)
		s.await(mapped)
		inside(s)
		s.signal(looked)
		s.await(done)
	})
	s.await(ready)
	for _, file := range []string{"uid_map", "gid_map"} {
		fd := s.must(fmt.Sprintf("openat(child's proc, %q, O_WRONLY)", file), unix.SYS_OPENAT, proc, s.String(file), unix.O_WRONLY, 0)
		s.must("write(child's map, lines)", unix.SYS_WRITE, fd, s.String(text), len(text))
	}
	s.signal(mapped)
	s.await(looked)
	outside(s)
	s.signal(done)
	s.wait(other)
}
