package namespaces

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// onFirstCPU keeps the process and its children on one processor, which groups then share.
func (s *script) onFirstCPU() {
	mask := s.Buffer(128)
	mask.Bytes[0] = 1
	s.must("sched_setaffinity(0, {0})", unix.SYS_SCHED_SETAFFINITY, 0, 128, mask)
}

// longest is how long busy processes are given to get some of a processor that others want, too.
const longest = 3200 * time.Millisecond

// weighed gives what two busy processes got of one processor, in µs: one in a group of weight 100, one of 800.
func weighed(t *spec.T, span time.Duration) (light, heavy int) {
	s := newScript()
	s.enabled("cpu")
	one, other := s.group(t), s.group(t)
	s.write(one+"/cpu.weight", "100")
	s.write(other+"/cpu.weight", "800")
	// The waiting process is in neither group and must be let in: its own weight is the root's.
	var busy []call
	for _, path := range []string{one, other} {
		busy = append(busy, s.member(path, func(s *script) {
			s.onFirstCPU()
			s.burn()
		}))
	}
	s.pass(span)
	a, b := s.read(one+"/cpu.stat", 512), s.read(other+"/cpu.stat", 512)
	for _, c := range busy {
		s.must("kill(member, SIGKILL)", unix.SYS_KILL, c, int(unix.SIGKILL))
		s.wait(c)
	}
	s.run(t)
	return events(a, "usage_usec"), events(b, "usage_usec")
}

var _ = suite.Describe("cpu", func() {
	needs := []spec.Probe{cgroupTree, controller("cpu")}

	suite.It(spec.Meta{
		ID: "cpu/max", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-020", "CGR-024"}, Limit: time.Minute,
		Clause: "admin-guide/cgroup-v2 cpu.max: the group gets no more than its quota in each period; cpu.stat counts where it was throttled, not before",
		Needs:  append([]spec.Probe{cgroupFile("cpu.max", "cpu")}, needs...),
	}, func(t *spec.T) {
		const quota, period = 10 * time.Millisecond, 50 * time.Millisecond
		span := 400 * time.Millisecond
		// A machine from which its own processor was taken charges that time to whoever ran in it, so a
		// group beyond its quota is looked at again. What does not hold a quota exceeds it every time. One that
		// got no more than its quota, because others were busy, is given longer.
		for again := 2; ; again-- {
			s := newScript()
			s.enabled("cpu")
			path := s.group(t)
			s.write(path+"/cpu.max", fmt.Sprintf("%d %d", quota.Microseconds(), period.Microseconds()))
			before := s.read(path+"/cpu.stat", 512)
			start := s.clock(unix.CLOCK_MONOTONIC)
			busy := s.member(path, func(s *script) { s.burn() })
			s.pass(span)
			after, end := s.read(path+"/cpu.stat", 512), s.clock(unix.CLOCK_MONOTONIC)
			s.must("kill(member, SIGKILL)", unix.SYS_KILL, busy, int(unix.SIGKILL))
			s.wait(busy)
			s.run(t)
			used, passed := time.Duration(events(after, "usage_usec"))*time.Microsecond, end()-start()
			counts(t, "an idle group", "cpu.stat", before, "nr_throttled 0")
			if events(after, "nr_throttled") == 0 && again > 0 {
				t.Note("not throttled in %v, looked at again", passed)
				span *= 3
				continue
			}
			t.True("a busy process: nr_throttled, throttled_usec", events(after, "nr_throttled") > 0 && events(after, "throttled_usec") > 0, after.String(), "both above 0")
			// A quota each period, one that the span began within, and a tenth for the clock's ticks.
			most := (passed/period + 2) * quota * 11 / 10
			call := fmt.Sprintf("cpu.max of %v in %v, a busy process for %v: usage_usec", quota, period, passed)
			if used > most && again > 0 {
				t.Note("%s: %v, looked at again", call, used)
				continue
			}
			t.True(call, used <= most, used.String(), "at most "+most.String())
			return
		}
	})

	suite.It(spec.Meta{
		ID: "cpu/weight", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-020"},
		Clause: "admin-guide/cgroup-v2 cpu.weight: groups that want one processor share it by their weights",
		Needs:  append([]spec.Probe{cgroupFile("cpu.weight", "cpu")}, needs...),
	}, func(t *spec.T) {
		// What the groups need for a judgement: some ticks of the clock each, also where others are busy.
		const enough = 20_000 // µs
		x, y := 0, 0
		for span := 400 * time.Millisecond; x+y < enough; span *= 2 {
			if span > longest {
				t.Broken("the groups got %d µs in %v: the machine is too busy", x+y, longest)
			}
			x, y = weighed(t, span)
		}
		t.True("cpu.weight 100 and 800, two busy processes on one processor: usage_usec", y >= 3*x, fmt.Sprintf("%d and %d", x, y), "the second at least 3 times the first")
	})

	suite.It(spec.Meta{
		ID: "cpu/accounting", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-020"},
		Clause: "admin-guide/cgroup-v2 cpu.stat: what a group uses is counted for those above it, and for no other",
		Needs:  needs,
	}, func(t *spec.T) {
		for span := 40 * time.Millisecond; ; span *= 4 {
			s := newScript()
			s.enabled("cpu")
			path, other := s.group(t), s.group(t)
			inner := s.within(t, path, "inner", "cpu")
			busy := s.member(inner, func(s *script) { s.burn() })
			s.pass(span)
			s.must("kill(member, SIGKILL)", unix.SYS_KILL, busy, int(unix.SIGKILL))
			s.wait(busy)
			a, b, c := s.read(inner+"/cpu.stat", 512), s.read(path+"/cpu.stat", 512), s.read(other+"/cpu.stat", 512)
			s.run(t)
			used := events(a, "usage_usec")
			if used == 0 && 4*span <= longest { // it had no turn yet
				continue
			}
			t.True("a busy process: inner/cpu.stat usage_usec", used > 0, strconv.Itoa(used), "above 0")
			t.True("a busy process below: cpu.stat usage_usec", events(b, "usage_usec") >= used, strconv.Itoa(events(b, "usage_usec")), fmt.Sprintf("at least the %d below", used))
			counts(t, "a busy process in another group", "cpu.stat", c, "usage_usec 0")
			return
		}
	})

	suite.It(spec.Meta{
		ID: "cpu/values", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-020"},
		Clause: "admin-guide/cgroup-v2 cpu.max, cpu.weight: max 100000 and 100 at first; EINVAL for a period or quota that is too short, ERANGE for a weight outside 1 to 10000",
		Needs:  append([]spec.Probe{cgroupFile("cpu.max", "cpu")}, needs...),
	}, func(t *spec.T) {
		s := newScript()
		s.enabled("cpu")
		path := s.group(t)
		limit, weight := s.read(path+"/cpu.max", 64), s.read(path+"/cpu.weight", 64)
		for _, bad := range []string{"500 100000", "1000 500", "1000 2000000", "some"} {
			s.tryWrite(path+"/cpu.max", bad).refused(unix.EINVAL)
		}
		s.tryWrite(path+"/cpu.weight", "0").refused(unix.ERANGE)
		s.tryWrite(path+"/cpu.weight", "10001").refused(unix.ERANGE)
		s.tryWrite(path+"/cpu.max", "max").succeeds()
		s.run(t)
		t.Equal(`read("cpu.max") of a new group`, limit.String(), "max 100000\n")
		t.Equal(`read("cpu.weight") of a new group`, weight.String(), "100\n")
	})
})

var _ = suite.Describe("cpuset", func() {
	suite.It(spec.Meta{
		ID: "cpuset/cpus", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-021"},
		Clause: "admin-guide/cgroup-v2 cpuset.cpus: processes of the group run on these processors only, and may not leave them; EINVAL for one that is none",
		Needs:  []spec.Probe{cgroupTree, controller("cpuset")},
	}, func(t *spec.T) {
		s := newScript()
		s.enabled("cpuset")
		path := s.group(t)
		s.tryWrite(path+"/cpuset.cpus", "some").refused(unix.EINVAL)
		s.write(path+"/cpuset.cpus", "0")
		effective := s.read(path+"/cpuset.cpus.effective", 64)
		mask := s.Buffer(128)
		other := s.Buffer(128)
		other.Bytes[0] = 2
		s.wait(s.member(path, func(s *script) {
			s.must("sched_getaffinity(0)", unix.SYS_SCHED_GETAFFINITY, 0, 128, mask)
			s.call("sched_setaffinity(0, {1})", unix.SYS_SCHED_SETAFFINITY, 0, 128, other).refused(unix.EINVAL)
		}))
		s.run(t)
		t.Equal(`write("cpuset.cpus", "0"), read("cpuset.cpus.effective")`, strings.TrimSpace(effective.String()), "0")
		t.Equal("sched_getaffinity() of a member", fmt.Sprintf("%#x", mask.Bytes[:8]), "0x0100000000000000")
	})
})

// disk is the major and minor number of the device below the root file system, or why there is none.
func disk() (string, error) {
	var st unix.Stat_t
	if err := unix.Stat("/", &st); err != nil {
		return "", err
	}
	if unix.Major(st.Dev) == 0 {
		return "", fmt.Errorf("the root file system is on no block device")
	}
	return fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)), nil
}

// ioLimit probes for a limit on the device of the root file system.
var ioLimit = spec.Probe{Name: "io.max of the root's device", Check: func() error {
	device, err := disk()
	if err != nil {
		return err
	}
	return attempt("", func(s *script) {
		s.enabled("io")
		path := s.group(nil)
		s.wait(s.fork(0, func(s *script) { s.write(path+"/io.max", device+" wbps=max") }))
		s.rmdir(path)
	}).Check()
}}

var _ = suite.Describe("io", func() {
	suite.It(spec.Meta{
		ID: "io/max", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-024"},
		Clause: "admin-guide/cgroup-v2 io.max: the group writes no more bytes in a second than wbps allows; io.stat counts them",
		Needs:  []spec.Probe{cgroupTree, controller("io"), ioLimit},
	}, func(t *spec.T) {
		const rate, block, blocks = 1 << 20, 32 << 10, 8
		device, err := disk()
		t.Setup("finding the root's device", err)
		const file = "/xtest-io"
		t.Cleanup(func() { unix.Unlink(file) })
		s := newScript()
		s.enabled("io")
		path := s.group(t)
		s.write(path+"/io.max", fmt.Sprintf("%s wbps=%d", device, rate))
		// O_DIRECT takes whole blocks from memory that is aligned to them.
		at := s.must("mmap(256 KiB)", unix.SYS_MMAP, 0, 256<<10, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, -1, 0)
		var start, end func() time.Duration
		s.wait(s.member(path, func(s *script) {
			fd := s.open(file, unix.O_CREAT|unix.O_WRONLY|unix.O_DIRECT)
			start = s.clock(unix.CLOCK_MONOTONIC)
			for range blocks {
				s.must("write(O_DIRECT)", unix.SYS_WRITE, fd, at, block)
			}
			end = s.clock(unix.CLOCK_MONOTONIC)
		}))
		stat := s.read(path+"/io.stat", 1024)
		s.run(t)
		took := end() - start()
		// The first slice of a tenth of a second may be used at once.
		const least = time.Second*block*blocks/rate - 120*time.Millisecond
		t.True(fmt.Sprintf("wbps=%d, %d KiB written with O_DIRECT", rate, block*blocks>>10), took >= least, took.String(), "at least "+least.String())
		t.True(`read("io.stat")`, strings.Contains(stat.String(), device+" ") && strings.Contains(stat.String(), "wbytes="), stat.String(), "a line of the device "+device)
	})
})
