package leak

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// What a round may leave behind: less than the smallest object of a kernel for each cycle, and what the
// allocator keeps at hand.
const (
	bytesPerCycle  = 64
	bytesAtHand    = 768 << 10
	cyclesPerGrown = 4 // an object in every fourth cycle
	objectsAtHand  = 64
)

// settling is how long the kernel has to take things down: it does much of that later, in work queues. It
// is done when nothing has become less for idle.
var settling, idle = 30 * time.Second, 5 * time.Second

// Report is what came of watching.
type Report struct {
	// Grown says what grew and by how much, in both of two rounds; empty: nothing leaks.
	Grown string
	// Once says what grew in the first round and not in the second: a cache that filled.
	Once string
	// Cycle and Control are the times of one cycle with and without what is judged.
	Cycle, Control time.Duration
	// Settled is how long it took after the last cycle until the counters were back.
	Settled time.Duration
}

// Watch runs a round of the control, then one of what is judged, and, where something grew, another:
// what leaks grows every time. A round does the given number of cycles.
func Watch(ctx context.Context, cycles int, control, judged func() error) (Report, error) {
	return watch(ctx, cycles, control, judged, Read)
}

func watch(ctx context.Context, cycles int, control, judged func() error, read func() (Memory, error)) (r Report, err error) {
	// What only the first cycle allocates is not a leak.
	if err := judged(); err != nil {
		return r, err
	}
	before, err := read()
	if err != nil {
		return r, err
	}
	if r.Control, err = timed(control, cycles); err != nil {
		return r, err
	}
	base, err := read()
	if err != nil {
		return r, err
	}
	usual := base.less(before)
	grown := ""
	for range 2 {
		if r.Cycle, err = timed(judged, cycles); err != nil {
			return r, err
		}
		r.Once = grown
		if grown, r.Settled, err = settle(ctx, base, usual, cycles, read); err != nil || grown == "" {
			return r, err
		}
		if base, err = read(); err != nil {
			return r, err
		}
	}
	r.Grown, r.Once = grown, ""
	return r, nil
}

func timed(round func() error, cycles int) (time.Duration, error) {
	start := time.Now()
	err := round()
	return time.Since(start) / time.Duration(max(cycles, 1)), err
}

// settle reads the counters until nothing is above what is allowed, or time is up.
func settle(ctx context.Context, base, usual Memory, cycles int, read func() (Memory, error)) (grown string, took time.Duration, err error) {
	start := time.Now()
	least, changed := int64(math.MaxInt64), start
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := read()
		if err != nil {
			return "", 0, err
		}
		growth := now.less(base)
		caches, text := growth.above(usual, cycles)
		shrink(caches)
		grown = text
		if left := growth.of(caches); left < least {
			least, changed = left, time.Now()
		}
		if took = time.Since(start); grown == "" || took > settling || time.Since(changed) > idle {
			return grown, took, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", took, fmt.Errorf("waiting for the kernel to take things down: %w", context.Cause(ctx))
		}
	}
}

// of is how much there is in some caches, with all memory in the place of none.
func (m Memory) of(caches []string) (n int64) {
	for _, c := range caches {
		n += m.Objects[c]
	}
	if len(caches) == 0 {
		return m.Bytes
	}
	return n
}

func (m Memory) less(base Memory) Memory {
	d := Memory{Bytes: m.Bytes - base.Bytes, Objects: map[string]int64{}}
	for name, n := range m.Objects {
		d.Objects[name] = n - base.Objects[name]
	}
	return d
}

// above says what of a growth is more than the usual one and what is allowed beside it, and in which caches.
func (m Memory) above(usual Memory, cycles int) (caches []string, text string) {
	var grown []string
	for _, name := range slices.Sorted(maps.Keys(m.Objects)) {
		n := m.Objects[name]
		if n > max(usual.Objects[name], 0)+int64(cycles/cyclesPerGrown)+objectsAtHand {
			caches = append(caches, name)
			grown = append(grown, fmt.Sprintf("%d objects of %s", n, name))
		}
	}
	if m.Bytes > max(usual.Bytes, 0)+int64(cycles)*bytesPerCycle+bytesAtHand {
		grown = append(grown, fmt.Sprintf("%d kB", m.Bytes>>10))
	}
	if len(grown) == 0 {
		return nil, ""
	}
	return caches, fmt.Sprintf("%s in %d cycles", strings.Join(grown, ", "), cycles)
}

// shrink has the allocator give up what it keeps at hand for each processor, which slabinfo counts as in
// use: Documentation/ABI/testing/sysfs-kernel-slab. Where that cannot be done the counts stay rough.
func shrink(caches []string) {
	for _, name := range caches {
		os.WriteFile(filepath.Join("/sys/kernel/slab", filepath.Base(name), "shrink"), []byte("1"), 0)
	}
}
