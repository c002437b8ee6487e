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

// bench is a machine that benchmarks share, and what has it busy.
type bench struct {
	*testing.B
	*worker
	s *session.Session
	m *meter
}

func newBench(b *testing.B, t *session.Target) *bench {
	ops, err := t.Space.Choose(call.Allocates, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	s, err := session.Boot(context.Background(), t, "")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.End)
	w := newWorker(New(Config{Target: t, Ops: ops, Seed: 1, Silence: time.Minute}), 0)
	w.play = player.New(s, w.Silence)
	return &bench{b, w, s, newMeter(b)}
}

// settle waits until the machine has done what it was given. A figure of one that did not is none.
func (b *bench) settle() {
	for b.s.Done() < b.s.Published() && !b.s.Overwritten() {
		if d := b.play.Check(); d != nil {
			b.Fatalf("the machine died: %s", d.Signature())
		}
		time.Sleep(100 * time.Microsecond)
	}
	if b.s.Overwritten() {
		b.Fatal("the shared memory was written over")
	}
}

// run fuzzes for a while and gives what it took, and the calls that were made and judged.
func (b *bench) run(mode string, guided bool, d time.Duration) (took span, calls float64) {
	b.Mode, b.Guided, b.over = mode, guided, false
	before := b.Calls.Load()
	took = b.m.measure(func() {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		if died, err := b.loop(ctx); err != nil || died != nil {
			b.Fatal(died, err)
		}
		b.settle()
		b.play.Collect(b.judge, b.stray)
	})
	b.breaches = nil
	return took, float64(b.Calls.Load() - before)
}

// bare has the guest repeat one harmless call by itself, n at a time.
func (b *bench) bare(mode, n int) (took span) {
	_, list, err := program.ParseFile(program.Header(b.Target.Space) + "xen_version/version(0, 0, 0, 0, 0)\n")
	if err != nil {
		b.Fatal(err)
	}
	slot, _, ok := b.s.Free()
	if !ok {
		b.Fatal("no slot is free")
	}
	var e program.Encoder
	if e.Begin(slot, area.Singles); mode == area.RepeatBatch {
		e.Begin(slot, area.Multicall)
	}
	for range n {
		if err := e.Encode(list[0]); err != nil {
			b.Fatal(err)
		}
	}
	slot.Begin(n, mode)
	took = b.m.measure(func() {
		b.s.Publish()
		b.settle()
	})
	b.play.Resume()
	return took
}

// BenchmarkCalls compares what the fuzzer makes of a machine with bare loops in it that repeat one harmless call through
// privcmd and in multicalls, in turn in the same machine. Singles are to reach 0.5 of the loop, batches 300,000
// calls/s, guided fuzzing 0.9 of unguided. Where others use the processors, those by processor time (cpu) tell: that of
// the machine for the bare loops, that of machine and fuzzer together for the rest.
func BenchmarkCalls(b *testing.B) {
	t := newBench(b, xenTarget(b, "debian-12"))
	const turn = 2 * time.Second
	var loop, ceiling, singles, batches, guided, unguided rate
	t.run(Both, true, turn) // code is translated when it is executed first
	for b.Loop() {
		loop.add(t.bare(area.Repeat, 1), area.Repeats)
		singles.add(t.run(Singles, false, turn))
		loop.add(t.bare(area.Repeat, 1), area.Repeats)
		ceiling.add(t.bare(area.RepeatBatch, area.SlotCalls), area.Repeats)
		batches.add(t.run(Batches, false, turn))
		ceiling.add(t.bare(area.RepeatBatch, area.SlotCalls), area.Repeats)
		guided.add(t.run(Both, true, turn))
		unguided.add(t.run(Both, false, 2*turn))
		guided.add(t.run(Both, true, turn))
	}
	b.Logf("guided %v, unguided %v", guided, unguided)
	b.ReportMetric(0, "ns/op") // it tells of the turns alone
	b.ReportMetric(loop.clock(), "loop/s")
	b.ReportMetric(singles.clock(), "singles/s")
	b.ReportMetric(singles.clock()/loop.clock(), "singles/loop")
	b.ReportMetric(singles.cpu()/loop.machine(), "singles/loop-cpu")
	b.ReportMetric(ceiling.clock(), "bare-batched/s")
	b.ReportMetric(batches.clock(), "batched/s")
	b.ReportMetric(batches.machine(), "batched/machine-cpu-s")
	b.ReportMetric(ceiling.machine(), "bare-batched/machine-cpu-s")
	b.ReportMetric(batches.machine()/ceiling.machine(), "batched/bare-machine-cpu")
	b.ReportMetric(guided.clock()/unguided.clock(), "guided/unguided")
	b.ReportMetric(guided.cpu()/unguided.cpu(), "guided/unguided-cpu")
}

// BenchmarkReach compares the code that guided fuzzing reaches beyond the boot's with that of random bits, of random
// arguments of known operations (numbered), and of known kinds of arguments without guidance, behind the same number of
// calls, each in a fresh machine; and counts the different answers. Guided is to reach 1.5 times the blocks of uniform,
// and 150 answers of 20,000 calls. What calls can reach at all is beyond the boot's: of all that a machine executes, the boot's
// is by far the most, and the same whatever is called. After 20,000 calls much of what can be reached easily is; guidance
// tells later.
func BenchmarkReach(b *testing.B) {
	t := xenTarget(b, "debian-12")
	if t.Plugin == "" {
		b.Skip("nobody watches")
	}
	const few, many = 20_000, 600_000
	run := func(calls uint64, c Config) *Campaign {
		ops, err := t.Space.Choose(call.Allocates, nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		c.Target, c.Ops, c.Seed, c.Most, c.Jobs, c.Mode, c.Silence = t, ops, 1, calls, 1, Both, time.Minute
		r := New(c)
		if err := r.Run(context.Background()); err != nil {
			b.Fatal(err)
		}
		return r
	}
	blocks := func(c *Campaign) float64 { return float64(c.Corpus.Blocks() - c.Booted()) }
	for b.Loop() {
		guided, unguided := run(few, Config{Guided: true}), run(few, Config{})
		uniform, numbered := run(few, Config{Uniform: true}), run(few, Config{Uniform: true, Numbered: true})
		b.ReportMetric(blocks(guided)/max(blocks(uniform), 1), "guided/uniform-blocks")
		b.ReportMetric(blocks(guided)/max(blocks(numbered), 1), "guided/numbered-blocks")
		b.ReportMetric(blocks(guided)/max(blocks(unguided), 1), "guided/unguided-blocks")
		b.ReportMetric(float64(guided.Corpus.Blocks())/float64(uniform.Corpus.Blocks()), "guided/uniform-with-boot")
		b.ReportMetric(blocks(guided), "blocks")
		b.ReportMetric(float64(guided.Distinct.Load()), "answers")
		b.ReportMetric(float64(unguided.Distinct.Load()), "unguided-answers")
		late, lateUnguided := run(many, Config{Guided: true}), run(many, Config{})
		b.ReportMetric(blocks(late), "late-blocks")
		b.ReportMetric(blocks(late)/max(blocks(lateUnguided), 1), "late-guided/unguided-blocks")
	}
}
