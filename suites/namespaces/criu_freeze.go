package namespaces

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// subjectGroup is the control group of a subject that has one.
const subjectGroup = "/sys/fs/cgroup/xtest-criu"

// group makes the subject's control group, which goes when the subject has been ended.
func (f *frozen) group(t *spec.T) {
	t.Cleanup(func() {
		f.end()
		if err := removed(t, subjectGroup); err != nil && !errors.Is(err, unix.ENOENT) {
			t.Note("left behind: %s: %v", subjectGroup, err)
		}
	})
	t.Setup("making a control group", os.Mkdir(subjectGroup, 0o755))
}

// join moves the subject's processes into its control group.
func (f *frozen) join(t *spec.T) {
	for _, pid := range append(descendants(f.pid), f.pid) {
		t.Setup("moving the subject", os.WriteFile(filepath.Join(subjectGroup, "cgroup.procs"), fmt.Append(nil, pid), 0))
	}
}

// changed says how often the subject's control group told of a change (cgroup.events) while act ran. The group has
// members all the time: what changes is whether it is frozen, if only for a moment.
func changed(act func()) (times int, err error) {
	fd, err := unix.Open(filepath.Join(subjectGroup, "cgroup.events"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	over := event()
	defer unix.Close(over)
	b := make([]byte, 256)
	if _, err := unix.Pread(fd, b, 0); err != nil { // changes count from here on
		return 0, err
	}
	type seen struct {
		times int
		err   error
	}
	watched := make(chan seen, 1)
	go func() {
		var s seen
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}, {Fd: int32(over), Events: unix.POLLIN}}
		for s.err == nil && p[1].Revents == 0 {
			if _, err := unix.Poll(p, -1); errors.Is(err, unix.EINTR) {
				continue
			} else if err != nil {
				s.err = err
			} else if p[0].Revents&unix.POLLPRI != 0 {
				s.times++
				_, s.err = unix.Pread(fd, b, 0)
			}
		}
		watched <- s
	}()
	defer func() { // also when act ends the spec
		signal(over)
		s := <-watched
		times, err = s.times, s.err
	}()
	act()
	return 0, nil
}

var _ = suite.Describe("criu", func() {
	suite.It(spec.Meta{
		ID: "criu/freeze-cgroup", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CRT-007"}, Limit: 90 * time.Second,
		Clause: "criu(8) dump --freeze-cgroup: a tree is held by its control group's freezer, which lets it go on behind a dump with --leave-running; what is dumped so can be restored",
		Needs:  []spec.Probe{spec.Root, criu, exists(filepath.Join("/sys/fs/cgroup", "cgroup.subtree_control"))},
	}, func(t *spec.T) {
		f := newFrozen(t)
		f.group(t)
		f.launch(t, subjectOrder{Parts: []string{"tree", "ids"}})
		before := f.ask(t, 1) // behind which its tree is complete
		f.join(t)
		tree, err := identities(f.pid, false)
		t.Setup("looking at the tree", err)

		// The control: criu holds a tree by ptrace(2) otherwise.
		times, err := changed(func() { f.copy(t, "without") })
		t.Setup("watching cgroup.events", err)
		if times > 0 {
			t.Broken("void: criu dump without --freeze-cgroup: cgroup.events changed %d times", times)
		}
		times, err = changed(func() { f.copy(t, "with", "--freeze-cgroup", subjectGroup) })
		t.Setup("watching cgroup.events", err)
		t.True("criu dump --freeze-cgroup --leave-running", times > 0, "cgroup.events did not change", "frozen 1 meanwhile")
		state, err := os.ReadFile(filepath.Join(subjectGroup, "cgroup.events"))
		t.Setup("reading cgroup.events", err)
		t.True("criu dump --freeze-cgroup --leave-running, read(cgroup.events)", strings.Contains(string(state), "frozen 0\n"), strings.TrimSpace(string(state)), "frozen 0")
		same(t, before, f.ask(t, 2))

		f.options = []string{"--freeze-cgroup", subjectGroup}
		f.dump(t)
		f.options = nil
		f.revive(t)
		same(t, before, f.ask(t, 3))
		after, err := identities(f.pid, false)
		t.Setup("looking at the tree", err)
		t.Equal("criu dump --freeze-cgroup, criu restore: /proc/PID/status of the tree", after, tree)
	})
})

// copy has criu dump the tree into a folder of its own and leave it running.
func (f *frozen) copy(t *spec.T, folder string, options ...string) {
	images := filepath.Join(f.images, folder)
	t.Setup("making a folder", os.Mkdir(images, 0o700))
	_, err := criuRun(t, slices.Concat([]string{"dump", "--tree", fmt.Sprint(f.pid), "--images-dir", images, "--leave-running", "-v4", "--log-file", "dump.log"}, options)...)
	f.judge(t, strings.Join(slices.Concat([]string{"criu dump --leave-running"}, options), " "), filepath.Join(folder, "dump.log"), err)
}
