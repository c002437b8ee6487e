package namespaces

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// hierarchy is where the agent mounts control groups of version 2.
const hierarchy = "/sys/fs/cgroup"

// dying reads nr_dying_descendants of a group: those that were removed and that memory still refers to.
func dying(group string) (n int, err error) {
	text, err := os.ReadFile(filepath.Join(group, "cgroup.stat"))
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "nr_dying_descendants "); ok {
			_, err := fmt.Sscan(value, &n)
			return n, err
		}
	}
	return 0, errors.Join(err, errors.New("cgroup.stat has no nr_dying_descendants"))
}

var dyingCount = spec.Probe{Name: "nr_dying_descendants", Check: func() error {
	_, err := dying(hierarchy)
	return err
}}

var _ = suite.Describe("teardown", func() {
	suite.It(spec.Meta{
		ID: "teardown/cgroups-dying", Level: spec.Must, Grade: spec.Guest, Sources: []string{"TDN-022"}, Limit: 30 * time.Second,
		Clause: "Documentation/admin-guide/cgroup-v2.rst cgroup.stat nr_dying_descendants: a removed control group stays for some time undefined, and then is destroyed",
		Needs:  []spec.Probe{spec.Root, dyingCount},
	}, func(t *spec.T) {
		const groups = 40
		before, err := dying(hierarchy)
		t.Setup("reading cgroup.stat", err)
		for i := range groups {
			group := fmt.Sprintf("%s/xtest-%d", hierarchy, i)
			t.Setup("making a control group", os.Mkdir(group, 0o755))
			t.Cleanup(func() { unix.Rmdir(group) })
			s := newScript()
			s.write(group+"/cgroup.procs", "0")
			s.charge()
			t.Setup("in the control group", s.try(t))
			t.Setup("removing a control group", removed(t, group))
		}
		start := time.Now()
		now := 0
		left := leaves(t, func() (bool, error) {
			now, err = dying(hierarchy)
			return now <= before, err
		})
		t.True(fmt.Sprintf("rmdir of %d control groups: nr_dying_descendants", groups), left == nil, fmt.Sprint(now), fmt.Sprint(before))
		t.Sample("destroyed", float64(time.Since(start).Nanoseconds()), "ns")
	})
})

// charge has the process touch memory that is charged to its control group.
func (s *script) charge() {
	at := s.must("mmap(64 kB)", unix.SYS_MMAP, 0, 64<<10, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, -1, 0)
	s.must("read(/dev/zero, p, 64 kB)", unix.SYS_READ, s.open("/dev/zero", unix.O_RDONLY), at, 64<<10)
}
