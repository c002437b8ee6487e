package campaign

import (
	"context"
	"flag"
	"testing"
	"time"

	"xtest/fuzz/area"
	"xtest/fuzz/call"
	"xtest/fuzz/coverage"
	"xtest/fuzz/player"
	"xtest/fuzz/program"
	"xtest/fuzz/session"
	"xtest/internal/required"
	"xtest/runner/cache"
	"xtest/runner/depot"
	"xtest/runner/machine"
	"xtest/runner/qemu"
	"xtest/runner/xen"
)

// soak has tests take the time that a thorough look needs.
var soak = flag.Bool("soak", false, "run the long tests of the fuzzer")

// xenTarget is a stock Xen with the plugin, or the test is skipped.
func xenTarget(tb testing.TB, what string) *session.Target {
	tb.Helper()
	return xenTargetWith(tb, what, 1)
}

// xenTargetWith is one of so many processors.
func xenTargetWith(tb testing.TB, what string, cores int) *session.Target {
	tb.Helper()
	path, err := qemu.Find()
	if err != nil {
		required.Missing(tb, err)
	}
	store, err := cache.Open("")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { store.Close() })
	img, err := xen.Backend{}.Prepare(tb.Context(), what, &machine.Supplies{Depot: &depot.Depot{Cache: store}, Options: machine.Options{Accel: qemu.TCG, Cores: cores}})
	if err != nil {
		required.Missing(tb, "no Xen to be had: ", err)
	}
	t := &session.Target{Name: "xen:" + what, Space: call.Xen(), Image: img}
	if t.Plugin, err = coverage.Build(tb.Context(), store.Tree, path); err != nil {
		tb.Log("unguided: ", err)
		t.Plugin = ""
	}
	return t
}

// BenchmarkCalls compares what the fuzzer makes of a machine with a loop that repeats one harmless call through
// privcmd in it, in turn in the same machine. Singles are to reach 0.5 of the loop, batches 300,000 calls/s,
// guided fuzzing 0.9 of unguided.
func BenchmarkCalls(b *testing.B) {
	t := xenTarget(b, "debian-12")
	ops, err := t.Space.Choose(call.Allocates, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	s, err := session.Boot(context.Background(), t, "")
	if err != nil {
		b.Fatal(err)
	}
	c := New(Config{Target: t, Ops: ops, Seed: 1, Silence: time.Minute})
	w := newWorker(c, 0)
	w.play = player.New(s, c.Silence)
	run := func(mode string, guided bool, d time.Duration) float64 {
		c.Mode, c.Guided, w.over = mode, guided, false
		before, begin := c.Calls.Load(), time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		if died, err := w.loop(ctx); err != nil || died != nil {
			b.Fatal(died, err)
		}
		for w.play.S.Done() < w.play.S.Published() {
			time.Sleep(100 * time.Microsecond)
		}
		w.play.Collect(w.judge, w.stray)
		if s.Area.Stopping() || s.Area.Consumed() > s.Published() {
			b.Fatal("the executor has ended: no figure is one")
		}
		return float64(c.Calls.Load()-before) / time.Since(begin).Seconds()
	}
	loop := func() float64 {
		_, list, err := program.ParseFile(program.Header(t.Space) + "xen_version/version(0, 0, 0, 0, 0)\n")
		if err != nil {
			b.Fatal(err)
		}
		slot, _, ok := s.Free()
		if !ok {
			b.Fatal("no slot is free")
		}
		var e program.Encoder
		e.Begin(slot, area.Repeat)
		if err := e.Encode(list[0]); err != nil {
			b.Fatal(err)
		}
		e.End()
		begin := time.Now()
		s.Publish()
		for s.Done() < s.Published() {
			time.Sleep(100 * time.Microsecond)
		}
		w.play.Resume()
		return area.Repeats / time.Since(begin).Seconds()
	}
	var sum struct{ loop, singles, batches, guided, unguided float64 }
	n := 0.0
	for b.Loop() {
		n++
		sum.loop += loop() + loop()
		sum.singles += run(Singles, false, 2*time.Second)
		sum.batches += run(Batches, false, 2*time.Second)
		sum.guided += run(Both, true, 2*time.Second)
		sum.unguided += run(Both, false, 2*time.Second)
	}
	s.Finish()
	b.ReportMetric(sum.singles/(sum.loop/2), "singles/loop")
	b.ReportMetric(sum.loop/2/n, "loop-calls/s")
	b.ReportMetric(sum.batches/n, "batched-calls/s")
	b.ReportMetric(sum.guided/sum.unguided, "guided/unguided")
}

// BenchmarkReach compares the code that guided fuzzing reaches beyond the boot's with that of random bits, and of
// known operations without guidance, behind the same number of calls, each in a fresh machine; and counts the
// different answers. Guided is to reach 1.5 times the blocks of uniform, and 150 answers of 20,000 calls.
func BenchmarkReach(b *testing.B) {
	t := xenTarget(b, "debian-12")
	if t.Plugin == "" {
		b.Skip("nobody watches")
	}
	const calls = 20_000
	run := func(guided, uniform bool) *Campaign {
		ops, err := t.Space.Choose(call.Allocates, nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		c := New(Config{Target: t, Ops: ops, Seed: 1, Most: calls, Jobs: 1, Mode: Both, Guided: guided, Uniform: uniform, Silence: time.Minute})
		if err := c.Run(context.Background()); err != nil {
			b.Fatal(err)
		}
		return c
	}
	blocks := func(c *Campaign) float64 { return float64(c.Corpus.Blocks() - c.Booted()) }
	for b.Loop() {
		guided, unguided, uniform := run(true, false), run(false, false), run(false, true)
		b.ReportMetric(blocks(guided)/max(blocks(uniform), 1), "guided/uniform-blocks")
		b.ReportMetric(blocks(guided)/max(blocks(unguided), 1), "guided/unguided-blocks")
		b.ReportMetric(float64(guided.Corpus.Blocks())/float64(uniform.Corpus.Blocks()), "guided/uniform-with-boot")
		b.ReportMetric(blocks(guided), "blocks")
		b.ReportMetric(float64(guided.Distinct.Load()), "answers")
		b.ReportMetric(float64(unguided.Distinct.Load()), "unguided-answers")
	}
}
