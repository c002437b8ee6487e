package namespaces

import (
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

var _ = suite.Describe("general", func() {
	suite.It(spec.Meta{
		ID: "general/exec-keeps", Level: spec.Must, Sources: []string{"GEN-016"},
		Clause: "namespaces(7), execve(2): a new image is in the namespaces that the process was in",
		Needs:  []spec.Probe{utsNS, ipcNS, netNS, mountNS, images},
	}, func(t *spec.T) {
		kinds := []ns.Kind{ns.UTS, ns.IPC, ns.Net, ns.Mount, ns.User}
		s := newScript()
		s.own(unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET | unix.CLONE_NEWNS)
		var before, after []text
		for _, k := range kinds {
			before = append(before, s.readlink("/proc/self/ns/"+k.Name))
		}
		s.exec("execve(image)", image(t), func(s *script) {
			for _, k := range kinds {
				after = append(after, s.readlink("/proc/self/ns/"+k.Name))
			}
		})
		s.run(t)
		for i, k := range kinds {
			t.Equal(fmt.Sprintf("execve(), readlink(%q)", "/proc/self/ns/"+k.Name), after[i].String(), before[i].String())
		}
	})
})

// mapTo maps an ordinary user's process to an ID of its new user namespace.
func (s *script) mapTo(inner int) {
	uid, gid := ids()
	s.write(setgroups, "deny")
	s.write(uidMap, fmt.Sprintf("%d %d 1", inner, uid))
	s.write(gidMap, fmt.Sprintf("%d %d 1", inner, gid))
}

var _ = suite.Describe("user", func() {
	for _, c := range []struct {
		id, source, clause string
		inner              int
	}{
		{"user/exec-drops", "USR-014", "execve(2) by a process whose user ID in the namespace is not 0 takes its capabilities", 1000},
		{"user/exec-as-root", "USR-015", "execve(2) by user ID 0 of the namespace keeps a full set of capabilities in it", 0},
	} {
		suite.It(spec.Meta{
			ID: c.id, Level: spec.Must, Sources: []string{c.source},
			Clause: "user_namespaces(7) Capabilities: " + c.clause,
			Needs:  []spec.Probe{ordinaryUser, images},
		}, func(t *spec.T) {
			s := newScript()
			s.unmapped()
			s.mapTo(c.inner)
			before := s.capabilities()
			var after func() uint64
			s.exec("execve(image)", image(t), func(s *script) { after = s.capabilities() })
			s.run(t)
			if before() == 0 {
				t.Broken("void: the process has no capabilities before")
			}
			want := before()
			if c.inner != 0 {
				want = 0
			}
			t.Equal(fmt.Sprintf("user ID %d, execve(), capget(): effective set", c.inner), fmt.Sprintf("%#x", after()), fmt.Sprintf("%#x", want))
		})
	}

	suite.It(spec.Meta{
		ID: "user/set-user-id", Level: spec.Must, Sources: []string{"USR-018"},
		Clause: "user_namespaces(7) Set-user-ID and set-group-ID programs: one whose owner has no mapping in the caller's namespace runs under the caller's ID",
		Needs:  []spec.Probe{spec.Root, userNS, mountNS, mounts, images, setuidWorks},
	}, func(t *spec.T) {
		run := func(namespace bool) (before, after func() int) {
			s := newScript()
			s.own(unix.CLONE_NEWNS)
			s.scratch()
			s.copyImage(t, scratch+"/program", 0o4755) // belongs to root
			s.keep(s.open(scratch+"/program", unix.O_RDONLY))
			s.wait(s.fork(0, func(s *script) {
				s.drop()
				if namespace {
					s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
					s.mapTo(1000)
				}
				b := s.call("geteuid()", unix.SYS_GETEUID)
				before = b.Value
				s.exec("execve(root's set-user-ID program)", theFile, func(s *script) {
					a := s.call("geteuid()", unix.SYS_GETEUID)
					after = a.Value
				})
			}))
			s.run(t)
			return before, after
		}
		before, after := run(true)
		t.Equal("in a user namespace without root: execve(root's set-user-ID program), geteuid()", after(), before())
		if before, after = run(false); before() == after() {
			t.Broken("void: the program changes no ID without a user namespace either")
		}
	})

	suite.It(spec.Meta{
		ID: "user/file-capabilities", Level: spec.Must, Sources: []string{"USR-027"},
		Clause: "capabilities(7) Namespaced file capabilities: those that root of a user namespace sets count in that namespace and its descendants alone",
		Needs:  []spec.Probe{spec.Root, userNS, mountNS, mounts, images, fileCapabilities},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.copyImage(t, scratch+"/program", 0o755)
		// VFS_CAP_REVISION_3 with the root of a namespace that nobody here is in: linux/capability.h.
		s.setFileCapability(scratch+"/program", 77777).succeeds()
		s.keep(s.open(scratch+"/program", unix.O_RDONLY))
		var other, root func() uint64
		s.wait(s.fork(0, func(s *script) {
			s.unprivilegedUser()
			s.exec("execve(program)", theFile, func(s *script) { other = s.capabilities() })
		}))
		s.setFileCapability(scratch+"/program", 0).succeeds()
		s.wait(s.fork(0, func(s *script) {
			s.unprivilegedUser()
			s.exec("execve(program)", theFile, func(s *script) { root = s.capabilities() })
		}))
		s.run(t)
		t.Equal("execve(program with capabilities for the namespace of root 77777): effective set", fmt.Sprintf("%#x", other()), "0x0")
		if root() != 1<<unix.CAP_NET_RAW {
			t.Broken("void: the file's capabilities have no effect in their own namespace: %#x", root())
		}
	})

	suite.It(spec.Meta{
		ID: "user/securebits", Level: spec.Must, Sources: []string{"USR-028"},
		Clause: "user_namespaces(7) Capabilities, kernel/user_namespace.c set_cred_user_ns: a new user namespace starts with securebits of 0 and without ambient capabilities",
		Needs:  []spec.Probe{spec.Root, userNS, settableSecurebits},
	}, func(t *spec.T) {
		s := newScript()
		s.must("prctl(PR_SET_SECUREBITS, SECBIT_NOROOT)", unix.SYS_PRCTL, unix.PR_SET_SECUREBITS, 1, 0, 0, 0)
		bits := func(text string) call { return s.call(text, unix.SYS_PRCTL, unix.PR_GET_SECUREBITS, 0, 0, 0, 0) }
		bits("prctl(PR_GET_SECUREBITS) before").gives(1)
		s.ambient("before").gives(1)
		s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
		bits("unshare(CLONE_NEWUSER), prctl(PR_GET_SECUREBITS)").gives(0)
		s.isAmbient("unshare(CLONE_NEWUSER), prctl(PR_CAP_AMBIENT_IS_SET, CAP_CHOWN)").gives(0)
		s.run(t)
	})
})

// unprivilegedUser makes the process an ordinary user's, whose capabilities come from files alone.
func (s *script) unprivilegedUser() {
	s.call("setgroups(0, NULL)", unix.SYS_SETGROUPS, 0, 0)
	s.must("setresgid(65534, 65534, 65534)", unix.SYS_SETRESGID, nobody, nobody, nobody)
	s.must("setresuid(65534, 65534, 65534)", unix.SYS_SETRESUID, nobody, nobody, nobody)
}

// ambient raises an inheritable capability into the ambient set and asks for it.
func (s *script) ambient(when string) call {
	s.must("capset(hdr, {CAP_CHOWN|CAP_SETPCAP|CAP_SYS_ADMIN})", unix.SYS_CAPSET, s.bytes(ns.CapabilityHeader()), s.bytes(ns.Capabilities(1<<unix.CAP_CHOWN|1<<unix.CAP_SETPCAP|1<<unix.CAP_SYS_ADMIN)))
	s.must("prctl(PR_CAP_AMBIENT_RAISE, CAP_CHOWN)", unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_CHOWN, 0, 0)
	return s.isAmbient("prctl(PR_CAP_AMBIENT_IS_SET, CAP_CHOWN) " + when)
}

func (s *script) isAmbient(text string) call {
	return s.call(text, unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_IS_SET, unix.CAP_CHOWN, 0, 0)
}

var settableSecurebits = attempt("CAP_SETPCAP", func(s *script) {
	s.must("prctl(PR_SET_SECUREBITS, 0)", unix.SYS_PRCTL, unix.PR_SET_SECUREBITS, 0, 0, 0, 0)
	s.ambient("")
})

// setFileCapability adds a setxattr(2) of CAP_NET_RAW, permitted and effective, for the user namespace
// whose root has this ID: struct vfs_ns_cap_data of linux/capability.h.
func (s *script) setFileCapability(path string, root uint32) call {
	b := binary.LittleEndian.AppendUint32(nil, 0x03000000|1)
	b = binary.LittleEndian.AppendUint32(b, 1<<unix.CAP_NET_RAW)
	b = append(b, make([]byte, 12)...)
	b = binary.LittleEndian.AppendUint32(b, root)
	return s.call(fmt.Sprintf("setxattr(program, security.capability, {CAP_NET_RAW, rootid %d})", root), unix.SYS_SETXATTR,
		s.String(path), s.String("security.capability"), s.bytes(b), len(b), 0)
}

// fileCapabilities probes for capabilities in files: the file system must keep them and the kernel
// know their third revision.
var fileCapabilities = attempt("namespaced file capabilities", func(s *script) {
	s.own(unix.CLONE_NEWNS)
	s.scratch()
	s.open(scratch+"/file", unix.O_CREAT|unix.O_WRONLY)
	s.require(s.setFileCapability(scratch+"/file", 77777))
})

// setuidWorks probes for set-user-ID programs: no new privileges, as containers have it, stops them.
var setuidWorks = answers("set-user-ID programs", func(s *script) call {
	return s.call("prctl(PR_GET_NO_NEW_PRIVS)", unix.SYS_PRCTL, unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
}, func(c call) string {
	if c.Err() == nil && c.Value() == 0 {
		return ""
	}
	return fmt.Sprintf("%d, %s", c.Value(), spec.ErrnoName(c.Err()))
})

var _ = suite.Describe("time", func() {
	suite.It(spec.Meta{
		ID: "time/exec-enters", Level: spec.Must, Sources: []string{"TIM-013", "GEN-016"},
		Clause: "time_namespaces(7), fs/exec.c begin_new_exec: execve(2) moves the caller into the time namespace of its children, since Linux 6.1",
		Needs:  []spec.Probe{timeNS, images},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWTIME)
		s.write(offsetsFile, "monotonic 1000 0\n")
		before, children := s.clock(unix.CLOCK_MONOTONIC), s.readlink("/proc/self/ns/time_for_children")
		var after func() time.Duration
		var link text
		s.exec("execve(image)", image(t), func(s *script) {
			link = s.readlink("/proc/self/ns/time")
			after = s.clock(unix.CLOCK_MONOTONIC)
		})
		s.run(t)
		d := after() - before()
		if link.String() != children.String() {
			t.Note("execve(2) does not enter the namespace here, as before Linux 6.1")
			t.True("execve(), clock_gettime(CLOCK_MONOTONIC) in the old time namespace", !far(d), fmt.Sprintf("%+d s", d/time.Second), "+0 s")
			return
		}
		t.True("execve(), clock_gettime(CLOCK_MONOTONIC) in the new time namespace", far(d), fmt.Sprintf("%+d s", d/time.Second), "+1000 s")
	})
})
