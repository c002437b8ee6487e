package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"xtest/internal/ns"
	"xtest/internal/required"
	"xtest/reports"
	"xtest/runner"
	"xtest/runner/agent"
	"xtest/runner/cache"
	"xtest/runner/depot"
	"xtest/runner/event"
	"xtest/runner/guard"
	"xtest/runner/machine"
	"xtest/runner/record"
	"xtest/runner/uml"
	"xtest/suites/namespaces"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// This program is also the agent of the machine that it boots.
func TestMain(m *testing.M) {
	child.Main()
	guard.Main()
	agent.Main(nil, nil)
	os.Exit(m.Run())
}

// A cycle makes a namespace and leaves it. Blocks of ours and of the C program's take turns, so that what
// else this host does falls on both.
const (
	cyclesEach  = 10_000
	cyclesBlock = 500
)

// compiled is the C program in the machine.
const compiled = "/cycles"

var cycles = spec.NewSuite("cycles")

var _ = cycles.Describe("cycles", func() {
	for _, k := range ns.Kinds {
		cycles.It(spec.Meta{
			ID: "cycles/" + k.Name, Level: spec.Should, Grade: spec.Guest, Limit: 10 * time.Minute,
			Clause: "bench/testdata/cycles.c: making and leaving namespaces takes at most 1.3 times as long",
		}, func(t *spec.T) {
			var ours, theirs time.Duration
			for range cyclesEach / cyclesBlock {
				start := time.Now()
				t.Setup("making namespaces", namespaces.Cycles(t, k, cyclesBlock))
				ours += time.Since(start)
				took, err := cyclesInC(t, k)
				t.Setup("making namespaces in C", err)
				theirs += took
			}
			t.Sample("ours", float64(ours.Nanoseconds())/cyclesEach, "ns/op")
			t.Sample("c", float64(theirs.Nanoseconds())/cyclesEach, "ns/op")
		})
	}
})

// cyclesInC gives the time of the C program's loop, its start left out.
func cyclesInC(ctx context.Context, k ns.Kind) (time.Duration, error) {
	member := 0
	if k == ns.PID || k == ns.Time {
		member = 1
	}
	out, err := exec.CommandContext(ctx, compiled, fmt.Sprint(k.Flag), fmt.Sprint(member), fmt.Sprint(cyclesBlock)).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	var n int64
	if err == nil {
		_, err = fmt.Sscan(string(out), &n)
	}
	return time.Duration(n), err
}

// BenchmarkCycles compares 10,000 cycles of each kind of namespaces, as the leak specs run them, with a C
// program that does the same, in turn in one boot of a User-Mode Linux machine. The limit is 1.3.
func BenchmarkCycles(b *testing.B) {
	const release = "debian-sid" // before it, User-Mode Linux had no time namespaces
	root := cyclesRoot(b)
	took := map[string]float64{}
	for b.Loop() {
		if len(took) == 0 { // these are rounds enough
			runCycles(b, release, root, took)
		}
	}
	for _, k := range ns.Kinds {
		b.ReportMetric(took["cycles/"+k.Name+" ours"]/took["cycles/"+k.Name+" c"], k.Name+"/c")
	}
}

// cyclesRoot makes a machine's root with the C program in it.
func cyclesRoot(b *testing.B) string {
	root := b.TempDir()
	for _, dir := range []string{"dev", "proc", "sys", "tmp"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			b.Fatal(err)
		}
	}
	gcc := required.Tool(b, "gcc", "gcc libc6-dev")
	if out, err := exec.Command(gcc, "-O2", "-Wall", "-static", "-o", filepath.Join(root, compiled), "testdata/cycles.c").CombinedOutput(); err != nil {
		required.Missing(b, fmt.Sprintf("needs a gcc that links statically: %v\n%s", err, out))
	}
	return root
}

// runCycles boots a machine once and adds what its specs measured to took, by ID and name.
func runCycles(b *testing.B, release, root string, took map[string]float64) {
	kept, err := cache.Open("")
	if err != nil {
		b.Fatal(err)
	}
	defer kept.Close()
	plan := runner.Plan{
		Supplies: &machine.Supplies{Depot: &depot.Depot{Cache: kept}},
		Targets: []runner.Target{{
			Name: release, Backend: uml.Backend{}, What: release, Suites: []string{"cycles"}, Options: machine.Options{Rootfs: root},
		}},
	}
	for _, s := range spec.All() {
		plan.Specs = append(plan.Specs, runner.Spec{ID: s.ID, Meta: *s.Event(s.Suite, 1)})
	}
	rec, err := record.Create(b.TempDir(), "cycles", time.Now(), func(e event.Event) {
		if e.Kind == event.Sampled {
			took[e.Spec+" "+e.Sample.Name] += e.Sample.Value
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(runner.Run(b.Context(), plan, rec), rec.Close()); err != nil {
		b.Fatal(err)
	}
	m, err := reports.Load(rec.Dir)
	if err != nil {
		b.Fatal(err)
	}
	if len(m.Targets) != 1 || m.Counts.Pass != len(ns.Kinds) {
		b.Fatalf("not all was measured: %+v", m.Counts)
	}
}
