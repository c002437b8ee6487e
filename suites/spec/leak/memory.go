// Package leak tells whether something that is made and destroyed over and over leaves memory behind in
// the kernel. A round of cycles is held against a round of a control that does the same without what is
// judged, so that what every process costs is not charged.
//
// Beware: it reads the counters of the whole machine. It means something only where nothing else is at
// work: inside a machine of one's own.
package leak

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// Memory is what the kernel says of its own memory at one moment.
type Memory struct {
	// Bytes is memory that cannot be reclaimed: SUnreclaim, Percpu and KernelStack of proc(5) meminfo.
	Bytes int64
	// Objects are the active ones of each slab cache, slabinfo(5). It is nil where that cannot be read.
	Objects map[string]int64
}

// Read takes the counters. It is an error when meminfo cannot be read.
func Read() (Memory, error) {
	m := Memory{}
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return m, fmt.Errorf("reading the kernel's memory counters: %w", err)
	}
	defer f.Close()
	if m.Bytes, err = meminfo(f); err != nil {
		return m, err
	}
	slabs, err := os.Open("/proc/slabinfo")
	if err != nil {
		return m, nil // it takes root, and a kernel that has it
	}
	defer slabs.Close()
	m.Objects, err = slabinfo(slabs)
	return m, err
}

var counted = map[string]bool{"SUnreclaim:": true, "Percpu:": true, "KernelStack:": true}

func meminfo(r io.Reader) (bytes int64, err error) {
	found := 0
	for s := bufio.NewScanner(r); s.Scan(); {
		f := strings.Fields(s.Text())
		if len(f) < 2 || !counted[f[0]] {
			continue
		}
		kb, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading %s of meminfo: %w", f[0], err)
		}
		bytes += kb << 10
		found++
	}
	if found == 0 {
		return 0, errors.New("meminfo has none of SUnreclaim, Percpu, KernelStack")
	}
	return bytes, nil
}

// slabinfo reads "name active_objs num_objs ...", version 2.1.
func slabinfo(r io.Reader) (map[string]int64, error) {
	objects := map[string]int64{}
	for s := bufio.NewScanner(r); s.Scan(); {
		f := strings.Fields(s.Text())
		if len(f) < 3 || f[0] == "#" || f[0] == "slabinfo" {
			continue
		}
		n, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("reading the objects of %s in slabinfo: %w", f[0], err)
		}
		objects[f[0]] += n
	}
	return objects, nil
}
