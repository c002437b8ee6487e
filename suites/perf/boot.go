package perf

import (
	"fmt"
	"strings"
	"time"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// firstProgram is what the kernel says when it starts the machine's first program, init/main.c.
const firstProgram = "Run /init as init process"

// sinceBoot gives when the kernel said a line, by its own clock.
func sinceBoot(line string) (time.Duration, error) {
	log, err := ns.OpenWholeLog()
	if err != nil {
		return 0, err
	}
	defer log.Close()
	for at, text := range log.Records() {
		if strings.HasPrefix(text, line) {
			return at, nil
		}
	}
	return 0, fmt.Errorf("the kernel's log does not say %q", line)
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
		at, err := sinceBoot(firstProgram)
		t.Setup("reading the kernel's log", err)
		t.Sample(t.ID(), float64(at.Nanoseconds()), strings.TrimSuffix(unit(t), "/op"))
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
