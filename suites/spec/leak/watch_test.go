package leak

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// kernel is a stand-in whose counters are what the test makes of them.
type kernel struct {
	objects, bytes int64
	reads          int
	// drains is how many objects go with each reading: those that are taken down later.
	drains, pending int64
}

func (k *kernel) read() (Memory, error) {
	k.reads++
	m := Memory{Bytes: k.bytes, Objects: map[string]int64{"uts_namespace": k.objects + k.pending}}
	k.pending = max(k.pending-k.drains, 0)
	return m, nil
}

func TestWatch(t *testing.T) {
	// Not settling: how many readings that has time for is the machine's choice.
	defer func(d time.Duration) { idle = d }(idle)
	idle = 200 * time.Millisecond
	const cycles = 1000
	for name, c := range map[string]struct {
		judged      func(k *kernel, round int)
		grown, once string
	}{
		"clean":             {func(*kernel, int) {}, "", ""},
		"object per cycle":  {func(k *kernel, _ int) { k.objects += cycles }, "1000 objects of uts_namespace", ""},
		"every second":      {func(k *kernel, _ int) { k.objects += cycles / 2 }, "500 objects of uts_namespace", ""},
		"memory":            {func(k *kernel, _ int) { k.bytes += 2 << 20 }, "2048 kB", ""},
		"taken down later":  {func(k *kernel, _ int) { k.pending, k.drains = cycles, cycles/4 }, "", ""},
		"first round alone": {func(k *kernel, round int) { k.objects += map[int]int64{1: cycles}[round] }, "", ""},
		"second alone":      {func(k *kernel, round int) { k.objects += map[int]int64{2: cycles}[round] }, "", "1000 objects of uts_namespace"},
		"as the control":    {func(k *kernel, _ int) { k.objects += 3; k.bytes += 100 << 10 }, "", ""},
	} {
		k := &kernel{}
		round := 0
		r, err := watch(t.Context(), cycles, func() error { k.objects += 3; return nil }, func() error {
			round++
			c.judged(k, round)
			return nil
		}, k.read)
		if err != nil || !strings.HasPrefix(r.Grown, c.grown) || (r.Grown == "") != (c.grown == "") || !strings.HasPrefix(r.Once, c.once) {
			t.Errorf("%s: %v, grown %q, once %q; expected %q, %q", name, err, r.Grown, r.Once, c.grown, c.once)
		}
	}
}

func TestWatchGivesUp(t *testing.T) {
	k := &kernel{}
	broken := errors.New("no namespace")
	if _, err := watch(t.Context(), 10, func() error { return nil }, func() error { return broken }, k.read); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := watch(ctx, 10, func() error { return nil }, func() error { k.objects += 1000; return nil }, k.read); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestCounters(t *testing.T) {
	n, err := meminfo(strings.NewReader("MemTotal: 1000 kB\nSUnreclaim:  20 kB\nKernelStack: 3 kB\nPercpu: 1 kB\n"))
	if err != nil || n != 24<<10 {
		t.Errorf("meminfo: %d, %v", n, err)
	}
	if _, err := meminfo(strings.NewReader("MemTotal: 1000 kB\n")); err == nil {
		t.Error("a meminfo without counters was taken")
	}
	slabs, err := slabinfo(strings.NewReader("slabinfo - version: 2.1\n# name <active_objs>\nnsproxy 7 56 72 56 1\nnet_namespace 2 6 4928 6 8\n"))
	if err != nil || slabs["nsproxy"] != 7 || slabs["net_namespace"] != 2 || len(slabs) != 2 {
		t.Errorf("slabinfo: %v, %v", slabs, err)
	}
	if _, err := Read(); err != nil {
		t.Error(err)
	}
}
