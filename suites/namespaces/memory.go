package namespaces

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// Sizes of the memory specs in bytes: a limit that the small size is far below and the large beyond.
const (
	memoryLimit = 8 << 20
	memorySmall = 2 << 20
	memoryLarge = 24 << 20
)

var memoryNeeds = []spec.Probe{cgroupTree, controller("memory")}

// limited gives a group with memory.max, without swap.
func (s *script) limited(t *spec.T) string {
	s.enabled("memory")
	path := s.group(t)
	s.write(path+"/memory.max", strconv.Itoa(memoryLimit))
	s.tryOpenWrite(path+"/memory.swap.max", "0")
	return path
}

// tryOpenWrite writes a file that a kernel may be built without.
func (s *script) tryOpenWrite(path, value string) {
	fd := s.tryOpen(path, unix.O_WRONLY)
	s.call("write(fd)", unix.SYS_WRITE, fd, s.String(value), len(value))
	s.call("close(fd)", unix.SYS_CLOSE, fd)
}

func size(r text) int {
	n, _ := strconv.Atoi(strings.TrimSpace(r.String()))
	return n
}

var _ = suite.Describe("memory", func() {
	suite.It(spec.Meta{
		ID: "memory/max", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-009", "CGR-024"},
		Clause: "admin-guide/cgroup-v2 memory.max: beyond it a process of the group is killed, and none elsewhere; memory.events counts max, oom and oom_kill, not before",
		Needs:  memoryNeeds,
	}, func(t *spec.T) {
		s := newScript()
		path := s.limited(t)
		outside := s.group(t)
		ready, done := s.event(), s.event()
		neighbour := s.member(outside, func(s *script) {
			s.allocate(memoryLarge).succeeds()
			s.signal(ready)
			s.await(done)
		})
		s.await(ready)
		s.wait(s.member(path, func(s *script) { s.allocate(memorySmall).succeeds() }))
		before := s.read(path+"/memory.events", 256)
		victim := s.wait(s.member(path, func(s *script) { s.allocate(memoryLarge) }))
		after, others := s.read(path+"/memory.events", 256), s.read(outside+"/memory.events", 256)
		s.signal(done)
		survivor := s.wait(neighbour)
		s.run(t)
		counts(t, "below memory.max", "memory.events", before, "max 0", "oom 0", "oom_kill 0")
		killed(t, fmt.Sprintf("%d MiB with memory.max of %d MiB", memoryLarge>>20, memoryLimit>>20), victim)
		counts(t, "beyond memory.max", "memory.events", after, "oom_kill 1")
		t.True(`beyond memory.max, read("memory.events"): max, oom`, events(after, "max") > 0 && events(after, "oom") > 0, after.String(), "both above 0")
		t.True("a larger process of another group, waitpid()", survivor.get().ExitStatus() == 0, describe(survivor.get()), "exit status 0")
		counts(t, "beyond memory.max of another group", "memory.events", others, "max 0", "oom 0", "oom_kill 0")
	})

	suite.It(spec.Meta{
		ID: "memory/oom-group", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-015"},
		Clause: "admin-guide/cgroup-v2 memory.oom.group: 1 kills all processes of the group together; 0 leaves the others",
		Needs:  append([]spec.Probe{cgroupFile("memory.oom.group", "memory")}, memoryNeeds...),
	}, func(t *spec.T) {
		run := func(value string) (idle status) {
			s := newScript()
			path := s.limited(t)
			s.write(path+"/memory.oom.group", value)
			ready, done := s.event(), s.event()
			other := s.member(path, func(s *script) {
				s.signal(ready)
				s.await(done)
			})
			s.await(ready)
			s.wait(s.member(path, func(s *script) { s.allocate(memoryLarge) }))
			s.signal(done)
			idle = s.wait(other)
			s.run(t)
			return idle
		}
		killed(t, "memory.oom.group 1: an idle process of the group", run("1"))
		if alone := run("0"); alone.get().Signaled() {
			t.Broken("void: the idle process is killed with memory.oom.group 0, too: %s", describe(alone.get()))
		}
	})

	suite.It(spec.Meta{
		ID: "memory/high", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-013"},
		Clause: "admin-guide/cgroup-v2 memory.high: beyond it processes are throttled and never killed; memory.events counts high, not before",
		Needs:  memoryNeeds,
	}, func(t *spec.T) {
		s := newScript()
		s.enabled("memory")
		path := s.group(t)
		s.write(path+"/memory.high", strconv.Itoa(memoryLimit))
		s.tryOpenWrite(path+"/memory.swap.max", "0")
		s.wait(s.member(path, func(s *script) { s.allocate(memorySmall).succeeds() }))
		before := s.read(path+"/memory.events", 256)
		st := s.wait(s.member(path, func(s *script) { s.allocate(memoryLimit + memoryLimit/64).succeeds() }))
		after := s.read(path+"/memory.events", 256)
		s.run(t)
		counts(t, "below memory.high", "memory.events", before, "high 0")
		t.True("beyond memory.high, waitpid()", st.get().ExitStatus() == 0, describe(st.get()), "exit status 0")
		t.True(`beyond memory.high, read("memory.events"): high`, events(after, "high") > 0, after.String(), "above 0")
		counts(t, "beyond memory.high", "memory.events", after, "oom 0", "oom_kill 0")
	})

	suite.It(spec.Meta{
		ID: "memory/hierarchical", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-009", "CGR-016"},
		Clause: "admin-guide/cgroup-v2 memory.max, memory.current: what is charged to a group is charged to those above, whose limits hold for it; memory.events counts for the groups above, too",
		Needs:  memoryNeeds,
	}, func(t *spec.T) {
		s := newScript()
		path := s.limited(t)
		inner := s.within(t, path, "inner", "memory")
		s.tryOpenWrite(inner+"/memory.swap.max", "0")
		var current, above, limit text
		s.wait(s.member(inner, func(s *script) {
			s.allocate(memorySmall).succeeds()
			current, above, limit = s.read(inner+"/memory.current", 32), s.read(path+"/memory.current", 32), s.read(inner+"/memory.max", 32)
		}))
		victim := s.wait(s.member(inner, func(s *script) { s.allocate(memoryLarge) }))
		after, outer := s.read(inner+"/memory.events", 256), s.read(path+"/memory.events", 256)
		s.run(t)
		t.True(`read("inner/memory.current")`, size(current) >= memorySmall, current.String(), fmt.Sprintf("at least the %d allocated", memorySmall))
		t.True(`read("memory.current") of the group above`, size(above) >= memorySmall, above.String(), fmt.Sprintf("at least the %d allocated below", memorySmall))
		t.Equal(`read("inner/memory.max")`, limit.String(), "max\n")
		killed(t, "beyond memory.max of the group above", victim)
		counts(t, "beyond the limit above", "inner/memory.events", after, "oom_kill 1")
		counts(t, "beyond the limit", "memory.events", outer, "oom_kill 1")
	})

	suite.It(spec.Meta{
		ID: "memory/uncharged", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-009", "CGR-019", "TDN-022"},
		Clause: "admin-guide/cgroup-v2 memory.current: memory is given back when its processes end; a removed group does not stay as a dying one",
		Needs:  memoryNeeds,
	}, func(t *spec.T) {
		s := newScript()
		s.enabled("memory")
		outer := s.group(t)
		path := outer + "/inner"
		s.write(outer+"/cgroup.subtree_control", "+memory")
		s.mkdir(path)
		var during text
		s.wait(s.member(path, func(s *script) {
			s.allocate(memorySmall).succeeds()
			during = s.read(path+"/memory.current", 32)
		}))
		after := s.read(path+"/memory.current", 32)
		s.rmdir(path).succeeds()
		gone := s.read(outer+"/cgroup.stat", 256)
		s.run(t)
		t.True(`read("memory.current") behind the process's end`, size(after) < size(during)-memorySmall/2, after.String(), "less than "+during.String())
		counts(t, "rmdir(group)", "cgroup.stat", gone, "nr_descendants 0")
		t.Answer("nr_dying_descendants right behind rmdir", events(gone, "nr_dying_descendants"))
	})

	suite.It(spec.Meta{
		ID: "memory/peak", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-016"},
		Clause: "admin-guide/cgroup-v2 memory.peak: the most that was charged to the group, which stays when it is given back",
		Needs:  append([]spec.Probe{cgroupFile("memory.peak", "memory")}, memoryNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.enabled("memory")
		path := s.group(t)
		s.wait(s.member(path, func(s *script) { s.allocate(memorySmall).succeeds() }))
		current, peak := s.read(path+"/memory.current", 32), s.read(path+"/memory.peak", 32)
		fd := s.open(path+"/memory.peak", unix.O_RDWR)
		reset := s.call(`write("memory.peak", "1")`, unix.SYS_WRITE, fd, s.String("1"), 1)
		own := s.Buffer(32)
		s.call("lseek(fd, 0)", unix.SYS_LSEEK, fd, 0, 0)
		reread := s.call(`read("memory.peak") through the same descriptor`, unix.SYS_READ, fd, own, 32)
		others := s.read(path+"/memory.peak", 32)
		s.run(t)
		t.True(`read("memory.peak")`, size(peak) >= memorySmall && size(peak) >= size(current), peak.String(), fmt.Sprintf("at least the %d allocated", memorySmall))
		if reset.Err() != nil {
			t.Note("the peak cannot be reset, as before Linux 6.12: %s", spec.ErrnoName(reset.Err()))
			return
		}
		t.Success(reread.text, reread.Err())
		mine := text{reread, own}
		t.True(reread.text+" behind its reset", size(mine) < size(peak), mine.String(), "less than "+peak.String())
		t.Equal(`read("memory.peak") through another descriptor`, others.String(), peak.String())
	})

	suite.It(spec.Meta{
		ID: "memory/reclaim", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-017"},
		Clause: "admin-guide/cgroup-v2 memory.reclaim: EAGAIN when less than asked for can be taken back, EINVAL for no number",
		Needs:  append([]spec.Probe{cgroupFile("memory.reclaim", "memory")}, memoryNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.enabled("memory")
		path := s.group(t)
		s.tryWrite(path+"/memory.reclaim", "64M").refused(unix.EAGAIN)
		s.tryWrite(path+"/memory.reclaim", "some").refused(unix.EINVAL)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "memory/values", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-009", "CGR-014"},
		Clause: "admin-guide/cgroup-v2 memory: max and high are max at first, min and low 0; sizes are rounded down to pages, EINVAL for anything else",
		Needs:  memoryNeeds,
	}, func(t *spec.T) {
		s := newScript()
		s.enabled("memory")
		path := s.group(t)
		fresh := map[string]string{"max": "max\n", "high": "max\n", "min": "0\n", "low": "0\n"}
		first := map[string]text{}
		for file := range fresh {
			first[file] = s.read(path+"/memory."+file, 32)
			s.tryWrite(path+"/memory."+file, "some").refused(unix.EINVAL)
			s.tryWrite(path+"/memory."+file, "8388609").succeeds()
		}
		rounded := s.read(path+"/memory.min", 32)
		s.run(t)
		for file, want := range fresh {
			t.Equal(fmt.Sprintf("read(%q) of a new group", "memory."+file), first[file].String(), want)
		}
		t.Equal(`write("memory.min", "8388609"), read("memory.min")`, rounded.String(), "8388608\n")
	})

	for _, c := range []struct {
		name, clause, key string
		least             int // bytes
		use               func(*script)
	}{
		{"pipes", "pages in pipes", "", 16 * 60 << 10, func(s *script) {
			data := s.Buffer(64 << 10)
			for range 16 {
				ends := s.Buffer(16)
				s.must("pipe2(ends, O_NONBLOCK)", unix.SYS_PIPE2, ends, unix.O_NONBLOCK)
				s.must("write(pipe, data, 64 KiB)", unix.SYS_WRITE, s.descriptor(ends, 1), data, 64<<10)
			}
		}},
		{"dentries", "names and inodes of files", "slab", 64 << 10, func(s *script) {
			for i := range 300 {
				s.mkdir(fmt.Sprintf("%s/x%d", scratch, i))
			}
		}},
		{"stacks", "kernel stacks of processes", "kernel_stack", 8 * 8 << 10, func(s *script) {
			for range 8 {
				s.fork(0, func(s *script) { s.pause() })
			}
		}},
	} {
		suite.It(spec.Meta{
			ID: "memory/kernel-" + c.name, Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-019", "CGR-024"},
			Clause: "admin-guide/cgroup-v2 memory: " + c.clause + " are charged to the group of the process that uses them",
			Needs:  append([]spec.Probe{kernelMemory}, memoryNeeds...),
		}, func(t *spec.T) {
			s := newScript()
			s.log.long = 10 * time.Second // its processes are copies of this one where programs cannot be executed
			s.enabled("memory")
			path := s.group(t)
			file := "memory.current"
			if c.key != "" {
				file = "memory.stat"
			}
			var before, after text
			s.wait(s.member(path, func(s *script) {
				before = s.read(path+"/"+file, 8192)
				c.use(s)
				after = s.read(path+"/"+file, 8192)
			}))
			s.run(t)
			grown := size(after) - size(before)
			if c.key != "" {
				grown = events(after, c.key) - events(before, c.key)
			}
			t.True(fmt.Sprintf("%s, read(%q) %s", c.name, file, c.key), grown >= c.least, fmt.Sprintf("%d bytes more", grown), fmt.Sprintf("at least %d more", c.least))
		})
	}

	suite.It(spec.Meta{
		ID: "memory/sockets", Level: spec.Must, Grade: spec.Guest, Sources: []string{"CGR-018", "CGR-024"},
		Clause: "admin-guide/cgroup-v2 memory.stat sock: what waits in the buffers of TCP connections is charged to the group",
		Needs:  append([]spec.Probe{netNS, loUp, kernelMemory}, memoryNeeds...),
	}, func(t *spec.T) {
		s := newScript()
		s.enabled("memory")
		path := s.group(t)
		s.unshare(unix.CLONE_NEWNET)
		s.up()
		var before, after text
		s.wait(s.member(path, func(s *script) {
			before = s.read(path+"/memory.stat", 8192)
			addr, data := s.inet([4]byte{127, 0, 0, 1}, port), s.Buffer(64<<10)
			listener, dialled := s.socket(unix.AF_INET, unix.SOCK_STREAM), s.socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK)
			s.must("bind(fd, 127.0.0.1)", unix.SYS_BIND, listener, addr, 16)
			s.must("listen(fd, 1)", unix.SYS_LISTEN, listener, 1)
			s.call("connect(fd, 127.0.0.1)", unix.SYS_CONNECT, dialled, addr, 16)
			s.must("accept(fd)", unix.SYS_ACCEPT4, listener, 0, 0, 0)
			for range 8 {
				s.call("write(fd, data, 64 KiB)", unix.SYS_WRITE, dialled, data, 64<<10)
			}
			after = s.read(path+"/memory.stat", 8192)
		}))
		s.run(t)
		grown := events(after, "sock") - events(before, "sock")
		t.True(`data that nobody reads, read("memory.stat"): sock`, grown >= 4096, fmt.Sprintf("%d bytes more", grown), "at least a page more")
	})
})

// descriptor gives one of the two descriptors that pipe2(2) or socketpair(2) wrote.
func (s *script) descriptor(ends child.Buffer, n uint64) child.Arg {
	memory := s.must(`memfd_create("x", 0)`, unix.SYS_MEMFD_CREATE, s.String("x"), 0)
	word := s.Buffer(8)
	s.must("write(memfd, &ends[n], 4)", unix.SYS_WRITE, memory, address(ends)+4*n, 4)
	s.must("pread(memfd, word, 4, 0)", unix.SYS_PREAD64, memory, word, 4, 0)
	s.must("close(memfd)", unix.SYS_CLOSE, memory)
	return child.Word{Buffer: word}
}

// kernelMemory probes for the accounting of what the kernel holds for processes.
var kernelMemory = spec.Probe{Name: "accounting of kernel memory", Check: func() error {
	s := newScript()
	s.enabled("memory")
	path := s.group(nil)
	var stat text
	s.wait(s.member(path, func(s *script) { stat = s.read(path+"/memory.stat", 8192) }))
	s.rmdir(path)
	if err := s.try(context.Background()); err != nil {
		return err
	}
	if events(stat, "kernel_stack") < 0 || events(stat, "slab") < 0 {
		return errors.New("memory.stat has neither kernel_stack nor slab")
	}
	return nil
}}
