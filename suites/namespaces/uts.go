package namespaces

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// utsField is the length of each field of struct new_utsname (linux/utsname.h), in bytes.
const utsField = 65

// uname adds an uname(2) and gives the fields once the script has run.
func (s *script) uname() func(field int) string {
	b := s.Buffer(6 * utsField)
	s.must("uname(&u)", unix.SYS_UNAME, b)
	return func(field int) string {
		text, _, _ := strings.Cut(string(b.Bytes[field*utsField:][:utsField]), "\x00")
		return text
	}
}

// The fields of struct new_utsname.
const (
	utsNode    = 1
	utsRelease = 2 // then version and machine
	utsDomain  = 5
)

// sethostname adds a sethostname(2) that is judged. Where it must be refused it is given the name
// that the machine has, so that a target which allows it loses nothing.
func (s *script) sethostname(name string) call {
	return s.call(fmt.Sprintf("sethostname(%q, %d)", name, len(name)), unix.SYS_SETHOSTNAME, s.String(name), len(name))
}

func hostname() string {
	name, _ := os.Hostname() // an empty name is refused or does no harm either
	return name
}

// writableSysctls probes for the right to write what sysctl files belong to a namespace: a sandbox
// may mount /proc read-only, and the files belong to the machine's root.
var writableSysctls = attempt("writable sysctls", func(s *script) {
	s.own(unix.CLONE_NEWUTS)
	s.write("/proc/sys/kernel/hostname", "xtest")
})

// nameIsolated lets an inner process set a name and the outer one read it.
func nameIsolated(field int, look string, set func(s *script)) func(*spec.T, uintptr) observation {
	return func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWUTS)
		s.wait(s.fork(flags, set))
		names := s.uname()
		s.run(t)
		return observation{look, names(field), names(field) == "inner"}
	}
}

var _ = suite.Describe("uts", func() {
	isolates(spec.Meta{
		ID: "uts/hostname-isolated", Level: spec.Must, Sources: []string{"UTS-001"},
		Clause: "uts_namespaces(7): changes of the hostname are visible to all processes of the namespace and to no other",
	}, ns.UTS, nameIsolated(utsNode, `sethostname("inner") inside, then uname(&u) outside: u.nodename`, func(s *script) {
		s.must(`sethostname("inner", 5)`, unix.SYS_SETHOSTNAME, s.String("inner"), 5)
	}))

	isolates(spec.Meta{
		ID: "uts/domainname-isolated", Level: spec.Must, Sources: []string{"UTS-002"},
		Clause: "uts_namespaces(7): changes of the NIS domain name are visible to all processes of the namespace and to no other",
	}, ns.UTS, nameIsolated(utsDomain, `setdomainname("inner") inside, then uname(&u) outside: u.domainname`, func(s *script) {
		s.must(`setdomainname("inner", 5)`, unix.SYS_SETDOMAINNAME, s.String("inner"), 5)
	}))

	isolates(spec.Meta{
		ID: "uts/proc-hostname-isolated", Level: spec.Must, Sources: []string{"UTS-005"},
		Clause: "proc(5) /proc/sys/kernel/hostname: writing it is like sethostname(2), in the writer's namespace alone",
		Needs:  []spec.Probe{writableSysctls},
	}, ns.UTS, nameIsolated(utsNode, `write("/proc/sys/kernel/hostname", "inner") inside, then uname(&u) outside: u.nodename`, func(s *script) {
		s.write("/proc/sys/kernel/hostname", "inner")
	}))

	suite.It(spec.Meta{
		ID: "uts/starts-as-copy", Level: spec.Must, Sources: []string{"UTS-001"},
		Clause: "uts_namespaces(7): the names of a new namespace are copied from the creator's namespace",
		Needs:  []spec.Probe{utsNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWUTS)
		s.must(`sethostname("outer", 5)`, unix.SYS_SETHOSTNAME, s.String("outer"), 5)
		s.must(`setdomainname("realm", 5)`, unix.SYS_SETDOMAINNAME, s.String("realm"), 5)
		s.unshare(unix.CLONE_NEWUTS)
		names := s.uname()
		s.run(t)
		t.Equal("unshare(CLONE_NEWUTS), uname(&u): u.nodename", names(utsNode), "outer")
		t.Equal("unshare(CLONE_NEWUTS), uname(&u): u.domainname", names(utsDomain), "realm")
	})

	suite.It(spec.Meta{
		ID: "uts/name-length", Level: spec.Must, Sources: []string{"UTS-003"},
		Clause: "sethostname(2), setdomainname(2) ERRORS: EINVAL for a length below 0 or above the maximum (64), EFAULT for a bad address",
		Needs:  []spec.Probe{utsNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWUTS)
		long := s.String(strings.Repeat("n", 65))
		for _, c := range []struct {
			name string
			nr   uintptr
		}{{"sethostname", unix.SYS_SETHOSTNAME}, {"setdomainname", unix.SYS_SETDOMAINNAME}} {
			s.call(c.name+"(name, 65)", c.nr, long, 65).refused(unix.EINVAL)
			s.call(c.name+"(name, -1)", c.nr, long, -1).refused(unix.EINVAL)
			s.call(c.name+"((char *)-1, 8)", c.nr, -1, 8).refused(unix.EFAULT)
			s.call(c.name+"(name, 64)", c.nr, long, 64).succeeds()
		}
		s.run(t)
	})
	suite.It(spec.Meta{
		ID: "uts/sethostname-unprivileged", Level: spec.Must, Sources: []string{"UTS-004"},
		Clause: "sethostname(2) ERRORS: EPERM without CAP_SYS_ADMIN in the user namespace that owns the UTS namespace",
		Needs:  []spec.Probe{unprivileged},
	}, func(t *spec.T) {
		s := newScript()
		s.drop()
		s.sethostname(hostname()).refused(unix.EPERM)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "uts/owner-decides", Level: spec.Must, Sources: []string{"UTS-007"},
		Clause: "user_namespaces(7): a capability in a user namespace holds for the namespaces that it owns, not for its parent's",
		Needs:  []spec.Probe{ordinaryUser},
	}, func(t *spec.T) {
		s := newScript()
		s.ordinary()
		s.sethostname(hostname()).refused(unix.EPERM)
		s.unshare(unix.CLONE_NEWUTS)
		s.sethostname("x").succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "uts/kernel-not-virtualised", Level: spec.Must, Sources: []string{"UTS-008"},
		Clause: "uts_namespaces(7): a UTS namespace isolates the hostname and the NIS domain name; release, version and machine are the kernel's",
		Needs:  []spec.Probe{utsNS},
	}, func(t *spec.T) {
		s := newScript()
		before := s.uname()
		s.own(unix.CLONE_NEWUTS)
		after := s.uname()
		s.run(t)
		for i, name := range []string{"release", "version", "machine"} {
			t.Equal("unshare(CLONE_NEWUTS), uname(&u): u."+name, after(utsRelease+i), before(utsRelease+i))
		}
	})

	suite.It(spec.Meta{
		ID: "uts/poll-hostname", Level: spec.Should, Sources: []string{"UTS-006"},
		Clause: "kernel/utsname_sysctl.c: poll(2) on /proc/sys/kernel/hostname reports POLLERR and POLLPRI when the name has changed",
		Needs:  []spec.Probe{utsNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWUTS)
		fd := s.keep(s.open("/proc/sys/kernel/hostname", unix.O_RDONLY))
		s.must("read(fd)", unix.SYS_READ, fd, s.Buffer(64), 64)
		poll := func(text string) polled { return s.poll(text, theFile, unix.POLLERR|unix.POLLPRI, 0) }
		poll("poll(fd, 1, 0) before").gives(0)
		s.must(`sethostname("x")`, unix.SYS_SETHOSTNAME, s.String("x"), 1)
		changed := poll("poll(fd, 1, 0) after the change")
		changed.gives(1)
		s.run(t)
		t.Equal("poll(fd, 1, 0) after the change: revents", changed.answer.Revents, int16(unix.POLLERR|unix.POLLPRI))
	})

	suite.It(spec.Meta{
		ID: "uts/kernel-files-read-only", Level: spec.Must, Sources: []string{"UTS-009"},
		Clause: "proc(5) /proc/sys/kernel/ostype, osrelease and version: cannot be written in any namespace",
		Needs:  []spec.Probe{utsNS, exists("/proc/sys/kernel/osrelease")},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWUTS)
		for _, f := range []string{"ostype", "osrelease", "version"} {
			fd := s.tryOpen("/proc/sys/kernel/"+f, unix.O_WRONLY)
			write := s.call(fmt.Sprintf(`write(open("/proc/sys/kernel/%s"), "xtest")`, f), unix.SYS_WRITE, fd, s.String("xtest"), 5)
			// Linux refuses to open them, others to write: EBADF is that of a descriptor which is none.
			write.expect(func(t *spec.T) { t.True(write.text, write.Err() != nil, "success", "refused") })
			s.tryOpen("/proc/sys/kernel/"+f, unix.O_RDONLY).succeeds()
		}
		names := s.uname()
		s.run(t)
		t.True("uname(&u) behind it: u.release", names(utsRelease) != "xtest", names(utsRelease), "the kernel's")
	})

	suite.It(spec.Meta{
		ID: "uts/personality-26", Level: spec.Must, Sources: []string{"UTS-011"},
		Clause: "personality(2) UNAME26: uname(2) gives a release 2.6.x to this process, and to no other",
		Needs:  []spec.Probe{personality26},
	}, func(t *spec.T) {
		s := newScript()
		var inner func(int) string
		s.wait(s.fork(0, func(s *script) {
			s.must("personality(UNAME26)", unix.SYS_PERSONALITY, uname26)
			inner = s.uname()
		}))
		outer := s.uname()
		s.run(t)
		t.True("personality(UNAME26), uname(&u): u.release", strings.HasPrefix(inner(utsRelease), "2.6."), inner(utsRelease), "2.6.x")
		t.True("the parent's uname(&u): u.release", !strings.HasPrefix(outer(utsRelease), "2.6."), outer(utsRelease), "not 2.6.x")
	})
})

// uname26 is UNAME26 of linux/personality.h.
const uname26 = 0x0020000

// personality26 probes for the flag: a kernel that knows it keeps it.
var personality26 = answers("personality(UNAME26)", func(s *script) call {
	s.call("personality(UNAME26)", unix.SYS_PERSONALITY, uname26)
	return s.call("personality(0xffffffff)", unix.SYS_PERSONALITY, 0xffffffff)
}, func(c call) string {
	if c.Err() == nil && c.Value() == uname26 {
		return ""
	}
	return fmt.Sprintf("%#x %s", c.Value(), spec.ErrnoName(c.Err()))
})
