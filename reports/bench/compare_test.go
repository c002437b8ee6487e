package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"xtest/reports"
	"xtest/runner/event"
)

// measured writes a run's record: n boots of a target, each with three samples around its own level.
func measured(t *testing.T, host event.Host, clock string, n int, levels map[string]float64, seed uint64) string {
	t.Helper()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(seed, 1))
	var b bytes.Buffer
	add := func(e event.Event) {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	add(event.Event{Kind: event.RunStarted, Run: &event.Run{ID: "r", Host: host}})
	add(event.Event{Kind: event.TargetPlanned, Target: "qemu:x", Plan: &event.Plan{Clock: clock}})
	var names []string
	for name := range levels {
		names = append(names, name)
	}
	slices.Sort(names)
	for boot := 1; boot <= n; boot++ {
		add(event.Event{Kind: event.BootStarted, Target: "qemu:x", Boot: boot})
		add(event.Event{Kind: event.Booted, Target: "qemu:x", Boot: boot, Machine: &event.Machine{Kernel: "6.1"}})
		for _, name := range names {
			spec, unit, _ := strings.Cut(name, " ")
			level := levels[name] * (1 + 0.004*r.NormFloat64())
			for _, wiggle := range []float64{0.999, 1, 1.5} { // one sample of each boot is disturbed
				add(event.Event{Kind: event.Sampled, Target: "qemu:x", Boot: boot, Spec: spec, Sample: &event.Sample{Name: spec, Value: level * wiggle, Unit: unit}})
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "events.jsonl"), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

var (
	here   = event.Host{Kernel: "6.18", CPU: "A", Cores: 2, Memory: 8 << 30}
	there  = event.Host{Kernel: "6.18", CPU: "B", Cores: 2, Memory: 8 << 30}
	icount = "icount"
)

func load(t *testing.T, dir string) *Run {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func compared(t *testing.T, base, now *Run, o Options) *Comparison {
	t.Helper()
	pairs, err := Pairs(base, now, nil)
	if err != nil || len(pairs) != 1 {
		t.Fatal(pairs, err)
	}
	return Compare(pairs, o)[0]
}

func outcome(c *Comparison) string {
	var all []string
	for _, r := range c.Rows {
		all = append(all, fmt.Sprintf("%s %s: %s", r.Name, r.Unit, strings.Join(strings.Fields(fmt.Sprint(r.Verdict, " ", r.Outcome, " ", r.Only, r.Note)), " ")))
	}
	return strings.Join(all, "\n")
}

func gates(t *testing.T, list ...string) Options {
	o := Options{Settings: Defaults()}
	for _, text := range list {
		g, err := ParseGate(text, func(pattern, name string) bool { ok, _ := path.Match(pattern, name); return ok })
		if err != nil {
			t.Fatal(err)
		}
		o.Gates = append(o.Gates, g)
	}
	return o
}

func TestCompare(t *testing.T) {
	base := load(t, measured(t, here, icount, 14, map[string]float64{
		"munmap/a insns/op": 15082, "munmap/b insns/op": 41310, "munmap/b pgfault/op": 3, "munmap/gone insns/op": 5, "net/rate calls/s": 1000, "memory/idle B": 5e7,
	}, 1))
	now := load(t, measured(t, here, icount, 14, map[string]float64{
		"munmap/a insns/op": 17420, "munmap/b insns/op": 41310, "munmap/b pgfault/op": 4, "munmap/new insns/op": 5, "net/rate calls/s": 900, "memory/idle B": 5.02e7,
	}, 2))
	c := compared(t, base, now, gates(t, "*/*:5%", "munmap/*:2%"))
	want := `memory/idle B: same kept
munmap/a insns/op: different over
munmap/b insns/op: same kept
munmap/b pgfault/op: different
net/rate calls/s: different over
munmap/gone insns/op: unknown undecided base
munmap/new insns/op: unknown new`
	if got := outcome(c); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	a := c.Rows[1]
	if a.Base < 15000 || a.Base > 15160 || a.BaseBoots != 14 {
		t.Errorf("the base of %s is %g in %d boots: not the median of each boot's median", a.Name, a.Base, a.BaseBoots)
	}
	if len(Idle([]*Comparison{c}, gates(t, "pipe/*:2%", "munmap/b:1%").Gates)) != 1 {
		t.Error("a gate on nothing is not told from one on something")
	}
	var b strings.Builder
	if err := Table(&b, c, reports.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{" munmap/a     15 ", "DIFFERENT  p=", "over the gate of 2 %", "munmap/gone (insns/op): only in the base", "2 different, 2 same, 0 unknown; of 1 counters 1 different", "  different  p=", "why?  xtest explain"} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("the table lacks %q:\n%s", part, b.String())
		}
	}

	// Nobody says whether more page faults are good; fewer calls in a second are not.
	for _, r := range c.Rows {
		if worse := r.Name == "munmap/a" || r.Name == "net/rate"; r.Worse() != worse || r.Better() {
			t.Errorf("%s %s: worse %v, better %v", r.Name, r.Unit, r.Worse(), r.Better())
		}
	}

	// A change for the better is over no gate; nor is what is only known to be less.
	back := compared(t, now, base, gates(t, "*/*:2%"))
	if n := Gated([]*Comparison{back}, Over); n != 0 {
		t.Errorf("%d are over the gate although they are better:\n%s", n, outcome(back))
	}
	// With few boots nothing is known, but 15 % is far from a gate of 40 %.
	few := measured(t, here, icount, 6, map[string]float64{"munmap/a insns/op": 15082, "munmap/b insns/op": 41310}, 3)
	more := measured(t, here, icount, 6, map[string]float64{"munmap/a insns/op": 17420, "munmap/b insns/op": 41310}, 4)
	c = compared(t, load(t, few), load(t, more), gates(t, "munmap/a:40%", "munmap/b:2%"))
	if got := outcome(c); got != "munmap/a insns/op: unknown kept\nmunmap/b insns/op: same kept" {
		t.Error(got)
	}
	c = compared(t, load(t, few), load(t, more), gates(t, "munmap/*:2%"))
	if got := outcome(c); got != "munmap/a insns/op: unknown undecided\nmunmap/b insns/op: same kept" || c.Rows[0].More != 3 {
		t.Error(got, c.Rows[0].More)
	}
}

// TestMachines: wall clock of different machines is not judged, instructions are.
func TestMachines(t *testing.T) {
	levels := map[string]float64{"a/wall ns/op": 800, "b/count insns/op": 900}
	slow := map[string]float64{"a/wall ns/op": 1000, "b/count insns/op": 1000}
	base := load(t, measured(t, here, "", 12, levels, 1))
	other := load(t, measured(t, there, "", 12, slow, 2))
	c := compared(t, base, other, gates(t, "a/*:5%"))
	if got := outcome(c); got != "a/wall ns/op: unknown undecided wall clock of different machines\nb/count insns/op: different" {
		t.Error(got)
	}
	if len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "2 × A") || !strings.Contains(c.Notes[0], "2 × B") {
		t.Errorf("%q", c.Notes)
	}
	o := gates(t, "a/*:5%")
	o.OtherMachines = true
	if c := compared(t, base, other, o); c.Rows[0].Outcome != Over || len(c.Notes) != 1 {
		t.Errorf("%s %q", outcome(c), c.Notes)
	}
	// Guest time that is instructions is not wall clock, and does not compare with it.
	exact := load(t, measured(t, there, icount, 12, slow, 2))
	if c := compared(t, base, exact, o); !strings.Contains(outcome(c), "a/wall ns/op: unknown undecided one side's clock") {
		t.Error(outcome(c))
	}
	if c := compared(t, load(t, measured(t, here, icount, 12, levels, 5)), exact, o); c.Rows[0].Verdict != Different || len(c.Notes) != 0 {
		t.Error(outcome(c), c.Notes)
	}
}

// TestGo: what is written in Go's format is read as it was, and other files of the format too.
func TestGo(t *testing.T) {
	run := load(t, measured(t, here, icount, 12, map[string]float64{"munmap/a insns/op": 15082, "munmap/a pgfault/op": 3, "switch/pipe ns/op": 81.5}, 1))
	var b bytes.Buffer
	if err := Write(&b, run); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "base.txt")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	again := load(t, file)
	if again.ID != "r" || len(again.Sides) != 1 {
		t.Fatalf("%+v", again)
	}
	a, s := run.Sides[0], again.Sides[0]
	if a.Host != s.Host || a.What != s.What || a.Clock != s.Clock || a.Target != s.Target || len(s.Series) != 3 {
		t.Errorf("%+v, was %+v", s, a)
	}
	for _, one := range a.Series {
		if got := s.Find(one.Name, one.Unit); got == nil || !slices.Equal(got.Values, one.Values) {
			t.Errorf("%s %s: %+v, was %+v", one.Name, one.Unit, got, one)
		}
	}
	if c := compared(t, again, run, gates(t)); c.Count(Same) != 2 {
		t.Error(outcome(c))
	}
	foreign, err := ReadGo(strings.NewReader("goos: linux\nBenchmarkDecode-8  100  154125 ns/op\nBenchmarkDecode-8 \t 100  154130 ns/op 12 B/op\nPASS\n"), "x")
	if err != nil || !slices.Equal(foreign.Sides[0].Find("decode-8", "ns/op").Values, []float64{154125, 154130}) {
		t.Errorf("%v", err)
	}
	for _, bad := range []string{"", "Benchmark X\n", "BenchmarkX 1 x ns/op\n", "# xtest format: 2\nBenchmarkX 1 5 ns/op\n"} {
		if r, err := ReadGo(strings.NewReader(bad), "x"); err == nil {
			t.Errorf("%q is read as %+v", bad, r)
		}
	}
	if IsGo(measured(t, here, "", 1, nil, 1)) || IsGo("/dev/null") || !IsGo(file) {
		t.Error("a file of the format is not told from others")
	}
}

func TestHostileNames(t *testing.T) {
	dir := measured(t, here, "", 5, map[string]float64{"a/\x1b[31m\nBenchmarkX B\u202e": 3}, 1)
	run := load(t, dir)
	var b strings.Builder
	if err := Write(&b, run); err != nil {
		t.Fatal(err)
	}
	if err := Table(&b, compared(t, run, run, gates(t)), reports.Options{}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\u202e") || strings.Contains(b.String(), "\nBenchmarkX") {
		t.Errorf("a name of the guest's is not text any more:\n%q", b.String())
	}
}

func TestGates(t *testing.T) {
	for _, bad := range []string{"", "munmap/*", "munmap/*:2", ":2%", "a:x%", "a:-1%", "a:0%", "a:NaN%", "a:Inf%"} {
		if g, err := ParseGate(bad, nil); err == nil {
			t.Errorf("%q is the gate %+v", bad, g)
		}
	}
}
