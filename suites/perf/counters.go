package perf

import (
	"bufio"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"xtest/suites/spec"
)

// counters are the kernel's own figures by name.
type counters map[string]float64

// each are the counters of /proc/vmstat that are told for an operation: what mapped memory costs beyond
// instructions.
var each = []string{"pgfault", "pgmajfault", "pgfree", "nr_tlb_local_flush_all", "nr_tlb_local_flush_one", "nr_tlb_remote_flush", "nr_tlb_remote_flush_received", "thp_fault_alloc", "thp_split_pmd"}

// whole are prefixes of those that are told as they are: pages of the kernel's direct map, and how often
// large ones were split (arch/x86/mm/pat/set_memory.c).
var whole = []string{"direct_map_level", "DirectMap"}

// readCounters reads them. What a kernel does not count is left out.
func readCounters() counters {
	c := counters{}
	for _, file := range []string{"/proc/vmstat", "/proc/meminfo"} {
		f, err := os.Open(file)
		if err != nil {
			continue
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			words := strings.Fields(s.Text())
			if len(words) < 2 {
				continue
			}
			v, err := strconv.ParseFloat(words[1], 64)
			if err != nil {
				continue
			}
			if len(words) == 3 && words[2] == "kB" {
				v *= 1024
			}
			c[strings.TrimSuffix(words[0], ":")] = v
		}
		f.Close()
	}
	return c
}

// sample records what was counted since c, over so many operations, and the state of the direct map.
func (c counters) sample(t *spec.T, ops int) {
	now := readCounters()
	for _, name := range each {
		if d := now[name] - c[name]; d > 0 {
			t.Sample(t.ID(), round(d/float64(ops)), name+"/op")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		for _, prefix := range whole {
			if !strings.HasPrefix(name, prefix) {
				continue
			}
			// Of the direct map's state its changes matter.
			if d := now[name] - c[name]; d != 0 {
				t.Sample(t.ID(), d, name)
			}
		}
	}
}
