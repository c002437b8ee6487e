package perf

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// firstProgram is what the kernel says when it starts the machine's first program, init/main.c.
const firstProgram = "Run /init as init process"

// sinceBoot gives when the kernel said a line, by its own clock, from the records of /dev/kmsg
// (Documentation/ABI/testing/dev-kmsg): "level,number,microseconds,...;text".
func sinceBoot(line string) (us float64, err error) {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("opening /dev/kmsg: %w", err)
	}
	defer unix.Close(fd)
	for b := make([]byte, 8<<10); ; {
		n, err := unix.Read(fd, b)
		switch {
		case errors.Is(err, unix.EPIPE), errors.Is(err, unix.EINTR): // overwritten meanwhile
			continue
		case errors.Is(err, unix.EAGAIN):
			return 0, fmt.Errorf("the kernel's log does not say %q", line)
		case err != nil:
			return 0, fmt.Errorf("reading /dev/kmsg: %w", err)
		}
		head, text, _ := strings.Cut(string(b[:n]), ";")
		if words := strings.Split(head, ","); strings.HasPrefix(text, line) && len(words) > 2 {
			return strconv.ParseFloat(words[2], 64)
		}
	}
}

// ownBoot probes for a machine that xtest booted, and whose kernel tells of its start.
var ownBoot = spec.Probe{Name: "the kernel's start in its log", Check: func() error {
	_, err := sinceBoot(firstProgram)
	return err
}}

// meminfo are the figures of memory that are kept: what proc_meminfo(5) calls them, and the benchmark's name.
var meminfo = [][2]string{
	{"MemTotal", "memory/total"}, {"Slab", "memory/slab"}, {"KernelStack", "memory/kernel-stacks"}, {"PageTables", "memory/page-tables"},
	{"Percpu", "memory/per-cpu"}, {"DirectMap4k", "memory/direct-map-4k"}, {"DirectMap2M", "memory/direct-map-2m"}, {"DirectMap1G", "memory/direct-map-1g"},
}

var _ = suite.Describe("boot", func() {
	suite.It(spec.Meta{
		ID: "boot/to-init", Level: spec.Should, Labels: []string{spec.Bench}, Needs: []spec.Probe{ownBoot},
		Clause: "init/main.c kernel_init(): the kernel's time, in its own clock, until it starts the first program",
	}, func(t *spec.T) {
		us, err := sinceBoot(firstProgram)
		t.Setup("reading the kernel's log", err)
		t.Sample(t.ID(), us*1000, strings.TrimSuffix(unit(t), "/op"))
	})

	suite.It(spec.Meta{
		ID: "boot/memory", Level: spec.Should, Labels: []string{spec.Bench},
		Clause: "proc_meminfo(5): memory that is taken, and by what, on a machine that does nothing else; benchmarks that came before in the same boot have their part in it",
	}, func(t *spec.T) {
		now := readCounters()
		available, ok := now["MemAvailable"]
		t.True("MemAvailable in /proc/meminfo", ok, "none", "a number")
		t.Sample("memory/used", now["MemTotal"]-available, "B")
		for _, m := range meminfo {
			if v, ok := now[m[0]]; ok {
				t.Sample(m[1], v, "B")
			}
		}
	})
})
