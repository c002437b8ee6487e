package namespaces

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

const (
	uidMap    = "/proc/self/uid_map"
	gidMap    = "/proc/self/gid_map"
	setgroups = "/proc/self/setgroups"
)

var _ = suite.Describe("user", func() {
	suite.It(spec.Meta{
		ID: "user/map-once", Level: spec.Must, Sources: []string{"USR-003"},
		Clause: "user_namespaces(7) Defining user and group ID mappings: a map is written once, a second write gives EPERM",
		Needs:  []spec.Probe{ordinaryUser},
	}, func(t *spec.T) {
		uid, gid := ids()
		s := newScript()
		s.unmapped()
		s.write(setgroups, "deny")
		s.tryWrite(uidMap, fmt.Sprintf("0 %d 1", uid)).succeeds()
		s.tryWrite(uidMap, fmt.Sprintf("0 %d 1", uid)).refused(unix.EPERM)
		s.tryWrite(gidMap, fmt.Sprintf("0 %d 1", gid)).succeeds()
		s.tryWrite(gidMap, fmt.Sprintf("0 %d 1", gid)).refused(unix.EPERM)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "user/map-syntax", Level: spec.Must, Sources: []string{"USR-004"},
		Clause: "user_namespaces(7) Defining user and group ID mappings: EINVAL for missing or extra fields and what is no ID",
		Needs:  []spec.Probe{ordinaryUser},
	}, func(t *spec.T) {
		uid, _ := ids()
		s := newScript()
		s.unmapped()
		for _, bad := range []string{"-1 %d 1", "0 %d", "0 %d 1 1", "x %d 1", "4294967295 %d 1"} {
			s.tryWrite(uidMap, fmt.Sprintf(bad, uid)).refused(unix.EINVAL)
		}
		s.tryWrite(uidMap, fmt.Sprintf("0 %d 1", uid)).succeeds() // the refusals took nothing
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "user/map-ranges", Level: spec.Must, Sources: []string{"USR-004"},
		Clause: "user_namespaces(7) Defining user and group ID mappings: EINVAL for a length of 0 and for ranges that overlap",
		Needs:  []spec.Probe{userNS, spec.Root, mapsRoot},
	}, func(t *spec.T) {
		s := newScript()
		s.mapChild(func(write func(string) call) {
			for _, bad := range []string{"0 0 0", "0 0 1\n0 0 1\n", "0 0 1\n5 0 1\n"} {
				write(bad).refused(unix.EINVAL)
			}
			write("0 0 1\n").succeeds() // the refusals took nothing
		})
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "user/map-lines", Level: spec.Must, Sources: []string{"USR-005"},
		Clause: "user_namespaces(7) Defining user and group ID mappings: up to 340 lines (EINVAL above)",
		Needs:  []spec.Probe{ordinaryUser},
	}, func(t *spec.T) {
		lines := func(n int) string {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, "%d %d 1\n", i, i)
			}
			return b.String()
		}
		s := newScript()
		s.unmapped()
		// An ordinary user may map one ID only: 340 lines are read and then refused for that.
		s.tryWrite(uidMap, lines(340)).refused(unix.EPERM)
		s.tryWrite(uidMap, lines(341)).refused(unix.EINVAL)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "user/map-rights", Level: spec.Must, Sources: []string{"USR-006"},
		Clause: "user_namespaces(7) Defining user and group ID mappings: without CAP_SETUID in the parent a process may map its own effective ID only, and a group only after setgroups was denied",
		Needs:  []spec.Probe{ordinaryUser},
	}, func(t *spec.T) {
		uid, gid := ids()
		s := newScript()
		s.unmapped()
		s.tryWrite(uidMap, fmt.Sprintf("0 %d 1", uid-1)).refused(unix.EPERM)
		s.tryWrite(uidMap, fmt.Sprintf("0 %d 2", uid-1)).refused(unix.EPERM)
		s.tryWrite(uidMap, fmt.Sprintf("0 %d 1\n1 %d 1\n", uid, uid-1)).refused(unix.EPERM)
		s.tryWrite(gidMap, fmt.Sprintf("0 %d 1", gid)).refused(unix.EPERM)
		s.write(setgroups, "deny")
		s.tryWrite(gidMap, fmt.Sprintf("0 %d 1", gid-1)).refused(unix.EPERM)
		s.tryWrite(gidMap, fmt.Sprintf("0 %d 1", gid)).succeeds()
		s.tryWrite(uidMap, fmt.Sprintf("0 %d 1", uid)).succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "user/setgroups-file", Level: spec.Must, Sources: []string{"USR-007", "USR-008"},
		Clause: "user_namespaces(7) The /proc/PID/setgroups file: allow or deny (EINVAL otherwise); no allow behind deny, and no deny behind a group map (EPERM)",
		Needs:  []spec.Probe{ordinaryUser},
	}, func(t *spec.T) {
		s := newScript()
		s.unmapped()
		before := s.read(setgroups, 16)
		s.tryWrite(setgroups, "maybe").refused(unix.EINVAL)
		s.tryWrite(setgroups, "deny").succeeds()
		s.tryWrite(setgroups, "allow").refused(unix.EPERM)
		_, gid := ids()
		s.write(gidMap, fmt.Sprintf("0 %d 1", gid))
		after := s.read(setgroups, 16)
		s.run(t)
		t.Equal("read(setgroups) of a new user namespace", before.String(), "allow\n")
		t.Equal("read(setgroups) behind deny", after.String(), "deny\n")
	})

	suite.It(spec.Meta{
		ID: "user/setgroups-before-map", Level: spec.Must, Sources: []string{"USR-009"},
		Clause: "user_namespaces(7), setgroups(2) ERRORS: EPERM before the group map is written, and when setgroups is denied",
		Needs:  []spec.Probe{ordinaryUser},
	}, func(t *spec.T) {
		s := newScript()
		s.unmapped()
		s.call("setgroups(0, NULL) before gid_map", unix.SYS_SETGROUPS, 0, 0).refused(unix.EPERM)
		s.mapRoot(ids())
		s.call("setgroups(0, NULL) behind deny", unix.SYS_SETGROUPS, 0, 0).refused(unix.EPERM)
		s.run(t)
	})

	for _, k := range ns.Kinds {
		suite.It(spec.Meta{
			ID: "user/max-" + k.Name + "-namespaces", Level: spec.Must, Sources: []string{"GEN-008", "GEN-009", "USR-024"},
			Clause: "namespaces(7) The /proc/sys/user directory: ENOSPC beyond max_" + k.Name + "_namespaces of the user namespace, also for its root",
			Needs:  []spec.Probe{canMake(k), ordinaryUser, writableLimits},
		}, func(t *spec.T) {
			file := "/proc/sys/user/max_" + k.Name + "_namespaces"
			s := newScript()
			s.ordinary()
			s.wait(s.fork(0, func(s *script) {
				s.call("unshare("+k.C+") below the limit", unix.SYS_UNSHARE, k.Flag).succeeds()
			}))
			s.write(file, "0")
			s.call("unshare("+k.C+") with "+file+" = 0", unix.SYS_UNSHARE, k.Flag).refused(unix.ENOSPC)
			s.run(t)
		})
	}

	suite.It(spec.Meta{
		ID: "user/nesting-limit", Level: spec.Must, Sources: []string{"UNS-005"},
		Clause: "user_namespaces(7): at most 32 nested levels, EUSERS beyond; unshare(2) ERRORS: ENOSPC since Linux 4.9; kernel/user_namespace.c create_user_ns: 33 levels",
		Needs:  []spec.Probe{ordinaryUser},
	}, func(t *spec.T) {
		const manual, code = 32, 33
		s := newScript()
		s.drop()
		uid, gid := ids()
		var levels []call
		for depth := 1; depth <= code+1; depth++ {
			c := s.call(fmt.Sprintf("unshare(CLONE_NEWUSER) at depth %d", depth), unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
			levels = append([]call{c}, levels...)
			s.Must()
			s.write(uidMap, fmt.Sprintf("0 %d 1", uid))
			s.write(setgroups, "deny")
			s.write(gidMap, fmt.Sprintf("0 %d 1", gid))
			uid, gid = 0, 0
		}
		s.Run(t)
		depth := s.judgeNesting(t, levels, inInitial("user"), []int{manual, code}, unix.ENOSPC, unix.EUSERS)
		if depth == code {
			t.Note("user_namespaces(7) says %d levels; Linux has allowed %d since the limit is there (3.9)", manual, code)
		}
	})
})

// mapChild gives a way to write the map of a user namespace from its parent. One who may map root
// there may map any ID, so that nothing but the text can be wrong.
func (s *script) mapChild(use func(write func(text string) call)) {
	ready, done := s.event(), s.event()
	var proc call
	other := s.fork(unix.CLONE_FILES, func(s *script) {
		s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
		proc = s.open("/proc/self", unix.O_RDONLY|unix.O_DIRECTORY)
		s.signal(ready)
		s.await(done)
	})
	s.await(ready)
	use(func(text string) call {
		file := s.must(`openat(child's proc, "uid_map", O_WRONLY)`, unix.SYS_OPENAT, proc, s.String("uid_map"), unix.O_WRONLY, 0)
		return s.call(fmt.Sprintf("write(child's uid_map, %q)", text), unix.SYS_WRITE, file, s.String(text), len(text))
	})
	s.signal(done)
	s.wait(other)
}

// mapsRoot probes for the right to give root to a user namespace, which takes CAP_SETFCAP, too.
var mapsRoot = answers("mapping root", func(s *script) (written call) {
	s.mapChild(func(write func(string) call) { written = write("0 0 1\n") })
	return written
}, unless(unix.EPERM))

// writableLimits probes for the right of a user namespace's root to lower its limits.
var writableLimits = attempt("writable limits in /proc/sys/user", func(s *script) {
	s.ordinary()
	s.write("/proc/sys/user/max_uts_namespaces", "1")
})
