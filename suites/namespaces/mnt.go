package namespaces

import (
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// scratch is where specs mount in a mount namespace of their own; what lies beneath stays untouched.
const scratch = "/tmp"

// scratch mounts an empty tmpfs over the scratch folder, as a mount that is private.
func (s *script) scratch() { s.mount("xtest", scratch, "tmpfs", 0, "") }

// tmpfs mounts one at a new folder of the scratch folder.
func (s *script) tmpfs(folder string) string {
	path := scratch + "/" + folder
	s.mkdir(path)
	s.mount("xtest", path, "tmpfs", 0, "")
	return path
}

// mounts probes for the right to mount a tmpfs.
var mounts = attempt("mounting tmpfs", func(s *script) {
	s.own(unix.CLONE_NEWNS)
	s.scratch()
	s.tmpfs("a")
})

var mountNeeds = []spec.Probe{mountNS, mounts}

var _ = suite.Describe("mnt", func() {
	isolates(spec.Meta{
		ID: "mnt/private-isolated", Level: spec.Must, Sources: []string{"MNT-001"},
		Clause: "mount_namespaces(7) SHARED SUBTREES: a mount made under a private mount is seen in its namespace only",
		Needs:  []spec.Probe{mounts},
	}, ns.Mount, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.mkdir(scratch + "/a")
		s.wait(s.fork(flags, func(s *script) {
			s.mount("xtest", scratch+"/a", "tmpfs", 0, "")
			s.mkdir(scratch + "/a/inside")
		}))
		found := s.access(scratch + "/a/inside")
		s.run(t)
		return seen("mount(tmpfs) inside, then outside "+found.text, found, unix.ENOENT, t)
	})

	isolates(spec.Meta{
		ID: "mnt/umount-isolated", Level: spec.Must, Sources: []string{"MNT-001"},
		Clause: "mount_namespaces(7): unmounting in one namespace leaves the mounts of another as they are",
		Needs:  []spec.Probe{mounts},
	}, ns.Mount, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.tmpfs("a")
		s.mkdir(scratch + "/a/inside")
		var gone call
		s.wait(s.fork(flags, func(s *script) {
			gone = s.umount(scratch+"/a", unix.MNT_DETACH)
			s.Must()
		}))
		found := s.access(scratch + "/a/inside")
		s.run(t)
		gone.reached(t)
		t.Setup(gone.text, gone.Err())
		o := seen("umount2(inside, MNT_DETACH), then outside "+found.text, found, unix.ENOENT, t)
		o.shared = !o.shared // what would be shared is that it is gone
		return o
	})

	crosses(spec.Meta{
		ID: "mnt/shared-propagates", Level: spec.Must, Sources: []string{"MNT-002"},
		Clause: "mount_namespaces(7) MS_SHARED: a mount made under a shared mount propagates to its peers in other namespaces",
		Needs:  []spec.Probe{mounts},
	}, ns.Mount, func(t *spec.T, flags uintptr, act bool) observation {
		found := propagate(t, flags, act, unix.MS_SHARED)
		return seen("mount(tmpfs) outside, then inside "+found.text, found, unix.ENOENT, t)
	})

	crosses(spec.Meta{
		ID: "mnt/slave-receives", Level: spec.Must, Sources: []string{"MNT-003"},
		Clause: "mount_namespaces(7) MS_SLAVE: mounts of the master propagate into the slave",
		Needs:  []spec.Probe{mounts},
	}, ns.Mount, func(t *spec.T, flags uintptr, act bool) observation {
		found := propagate(t, flags, act, unix.MS_SLAVE)
		return seen("MS_SLAVE inside, mount(tmpfs) outside, then inside "+found.text, found, unix.ENOENT, t)
	})

	isolates(spec.Meta{
		ID: "mnt/slave-does-not-send", Level: spec.Must, Sources: []string{"MNT-003"},
		Clause: "mount_namespaces(7) MS_SLAVE: mounts of the slave do not propagate to its master",
		Needs:  []spec.Probe{mounts},
	}, ns.Mount, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		s.mount("none", scratch, "none", unix.MS_SHARED, "")
		s.mkdir(scratch + "/a")
		var info text
		s.wait(s.fork(flags, func(s *script) {
			s.mount("none", scratch, "none", unix.MS_SLAVE, "")
			info = s.read("/proc/self/mountinfo", 32<<10)
			s.mount("xtest", scratch+"/a", "tmpfs", 0, "")
			s.mkdir(scratch + "/a/inside")
		}))
		found := s.access(scratch + "/a/inside")
		s.run(t)
		if flags != 0 {
			line := mountLine(info.String(), scratch)
			t.True(`mount(NULL, "/tmp", NULL, MS_SLAVE): mountinfo`, strings.Contains(line, " master:"), line, "an optional field master:N")
		}
		return seen("MS_SLAVE and mount(tmpfs) inside, then outside "+found.text, found, unix.ENOENT, t)
	})
})

// propagate lets an outer process mount under a shared mount and an inner one, whose copy has the
// given propagation type, look for it.
func propagate(t *spec.T, flags uintptr, act bool, kind uintptr) call {
	s := newScript()
	s.own(unix.CLONE_NEWNS)
	s.scratch()
	s.mount("none", scratch, "none", unix.MS_SHARED, "")
	s.mkdir(scratch + "/a")
	ready, mounted := s.event(), s.event()
	var found call
	inner := s.fork(flags, func(s *script) {
		s.mount("none", scratch, "none", kind, "")
		s.signal(ready)
		s.await(mounted)
		found = s.access(scratch + "/a/outside")
	})
	s.await(ready)
	if act {
		s.mount("xtest", scratch+"/a", "tmpfs", 0, "")
		s.mkdir(scratch + "/a/outside")
	}
	s.signal(mounted)
	s.wait(inner)
	s.run(t)
	return found
}

// mountLine is the last line of a mountinfo text on what is mounted at a path.
func mountLine(info, path string) string {
	last := ""
	for line := range strings.Lines(info) {
		if f := strings.Fields(line); len(f) > 5 && f[4] == path {
			last = strings.TrimSpace(line)
		}
	}
	return last
}
