package namespaces

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// present lists the kinds that this kernel shows a link for: one without time namespaces has none.
func present() []ns.Kind {
	var kinds []ns.Kind
	for _, k := range ns.Kinds {
		if _, err := os.Lstat("/proc/self/ns/" + k.Name); err == nil {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

var _ = suite.Describe("general", func() {
	for _, k := range ns.Kinds {
		suite.It(spec.Meta{
			ID: "general/" + k.Name + "-link", Level: spec.Must, Sources: []string{"GEN-001", "GEN-002"},
			Clause: "namespaces(7) The /proc/PID/ns/ directory: " + k.Name + " is a link whose text is the kind and the inode number of the file it leads to",
			Needs:  []spec.Probe{canMake(k)},
		}, func(t *spec.T) {
			path := "/proc/self/ns/" + k.Name
			s := newScript()
			link, st := s.readlink(path), s.Buffer(256)
			s.call(fmt.Sprintf("stat(%q, &st)", path), unix.SYS_STATX, unix.AT_FDCWD, s.String(path), 0, unix.STATX_INO, st).succeeds()
			s.run(t)
			t.Equal(fmt.Sprintf("readlink(%q)", path), link.String(), fmt.Sprintf("%s:[%d]", k.Name, (*unix.Statx_t)(pointer(st)).Ino))
		})

		suite.It(spec.Meta{
			ID: "general/" + k.Name + "-unshare-changes-link", Level: spec.Must, Sources: []string{"GEN-003", "GEN-015"},
			Clause: "namespaces(7) The /proc/PID/ns/ directory: processes are in one namespace when their links' texts are equal; a child is in its parent's, and CLONE_NEW flags make another",
			Needs:  []spec.Probe{canMake(k)},
		}, func(t *spec.T) {
			// Kinds that a process enters only at birth have a link for its children.
			path := "/proc/self/ns/" + k.Name
			s := newScript()
			s.own(0)
			before := s.readlink(path)
			var child, other text
			s.wait(s.fork(0, func(s *script) { child = s.readlink(path) }))
			s.must("unshare("+k.C+")", unix.SYS_UNSHARE, k.Flag)
			s.wait(s.fork(0, func(s *script) { other = s.readlink(path) }))
			s.run(t)
			t.Equal(fmt.Sprintf("fork(), readlink(%q)", path), child.String(), before.String())
			t.True(fmt.Sprintf("unshare(%s), fork(), readlink(%q)", k.C, path), other.String() != before.String(), other.String(), "another namespace than "+before.String())
		})

		suite.It(spec.Meta{
			ID: "general/" + k.Name + "-unprivileged", Level: spec.Must, Sources: []string{"UNS-008", "IPC-013", "CGR-003"},
			Clause: "unshare(2) ERRORS: EPERM for " + k.C + " without CAP_SYS_ADMIN; a user namespace alone needs no capability",
			Needs:  []spec.Probe{canMake(k), ordinaryUser},
		}, func(t *spec.T) {
			s := newScript()
			s.drop()
			c := s.call("unshare("+k.C+")", unix.SYS_UNSHARE, k.Flag)
			if k == ns.User {
				c.succeeds()
			} else {
				c.refused(unix.EPERM)
			}
			s.run(t)
		})
	}

	suite.It(spec.Meta{
		ID: "general/nsfs", Level: spec.Must, Sources: []string{"GEN-004"},
		Clause: "statfs(2), fs/nsfs.c: the links lead to files of type NSFS_MAGIC",
	}, func(t *spec.T) {
		for _, k := range present() {
			var st unix.Statfs_t
			t.Setup("statfs", unix.Statfs("/proc/self/ns/"+k.Name, &st))
			t.Equal(fmt.Sprintf("statfs(%q): f_type", "/proc/self/ns/"+k.Name), int64(st.Type), int64(unix.NSFS_MAGIC))
		}
	})

	suite.It(spec.Meta{
		ID: "general/files-immutable", Level: spec.Must, Sources: []string{"GEN-011"},
		Clause: "fs/nsfs.c: namespace files are immutable: open for writing and chmod give EPERM",
	}, func(t *spec.T) {
		s := newScript()
		path := s.String("/proc/self/ns/uts")
		s.tryOpen("/proc/self/ns/uts", unix.O_RDWR).refused(unix.EPERM, unix.EACCES)
		s.call(`chmod("/proc/self/ns/uts", 0777)`, unix.SYS_FCHMODAT, unix.AT_FDCWD, path, 0o777).refused(unix.EPERM)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "general/initial-inodes", Level: spec.Must, Sources: []string{"GEN-012"},
		Clause: "include/linux/proc_ns.h: the initial namespaces have fixed inode numbers, from 0xEFFFFFFA on",
	}, func(t *spec.T) {
		// Only the initial PID namespace has the kernel's own threads.
		comm, err := os.ReadFile("/proc/2/comm")
		if err != nil || string(comm) != "kthreadd\n" {
			t.NotApplicable("this process is not in the initial PID namespace: process 2 is not kthreadd")
		}
		for _, k := range present() {
			var st unix.Stat_t
			t.Setup("stat", unix.Stat("/proc/self/ns/"+k.Name, &st))
			call := fmt.Sprintf("stat(%q): st_ino", "/proc/self/ns/"+k.Name)
			want, fixed := ns.InitialInodes[k.Name]
			// In the other kinds this process may have been moved: to a number outside the reserved 16.
			if fixed && (k == ns.PID || st.Ino>>4 == 0xEFFFFFF) {
				t.Equal(call, st.Ino, want)
			}
		}
	})

	suite.It(spec.Meta{
		ID: "general/zombie-has-none", Level: spec.Must, Sources: []string{"GEN-018"},
		Clause: "fs/proc/namespaces.c, fs/nsfs.c: a process that has ended is in no namespace: ENOENT for its links",
	}, func(t *spec.T) {
		s := newScript()
		proc, err := s.Start(0)
		t.Setup("fork()", err)
		fd, err := unix.PidfdOpen(proc.PID(), 0)
		t.Setup("pidfd_open(child)", err)
		defer unix.Close(fd)
		for {
			if _, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 5000); err != unix.EINTR {
				break
			}
		}
		t.Setup("poll(pidfd)", err)
		path := fmt.Sprintf("/proc/%d/ns/uts", proc.PID())
		_, err = unix.Readlink(path, make([]byte, 64))
		proc.Wait(t)
		t.Errno("readlink(\"/proc/PID/ns/uts\") of a zombie", err, unix.ENOENT, unix.EACCES)
	})

	suite.It(spec.Meta{
		ID: "general/links-of-others", Level: spec.Must, Sources: []string{"GEN-007"},
		Clause: "namespaces(7) The /proc/PID/ns/ directory: following or reading another user's links is refused (EACCES)",
		Needs:  []spec.Probe{spec.Root, unprivileged},
	}, func(t *spec.T) {
		other := newScript()
		other.pause()
		proc, err := other.Start(0)
		t.Setup("fork()", err)
		path := fmt.Sprintf("/proc/%d/ns/uts", proc.PID())
		s := newScript()
		s.readlink(path) // its own kind may
		s.drop()
		// The two are checked in two places: Linux 5.10.262 lets everybody read the link and still
		// refuses to follow it.
		s.call(`open("/proc/PID/ns/uts", O_RDONLY) of another user's process`, unix.SYS_OPENAT, unix.AT_FDCWD, s.String(path), unix.O_RDONLY, 0).refused(unix.EACCES)
		s.call(`readlink("/proc/PID/ns/uts") of another user's process`, unix.SYS_READLINKAT, unix.AT_FDCWD, s.String(path), s.Buffer(64), 64).refused(unix.EACCES)
		s.run(t)
		proc.Kill()
	})

	suite.It(spec.Meta{
		ID: "general/limits-exist", Level: spec.Must, Sources: []string{"GEN-008"},
		Clause: "namespaces(7) The /proc/sys/user directory: a file max_KIND_namespaces for each kind",
		Needs:  []spec.Probe{exists("/proc/sys/user")},
	}, func(t *spec.T) {
		var missing []string
		for _, k := range present() {
			if _, err := os.Stat("/proc/sys/user/max_" + k.Name + "_namespaces"); err != nil {
				missing = append(missing, k.Name)
			}
		}
		t.Equal(`stat("/proc/sys/user/max_KIND_namespaces"): missing`, strings.Join(missing, " "), "")
	})
})
