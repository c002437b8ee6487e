package history

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"xtest/reports/bench"
)

// levels gives runs of n boots each, at these levels.
func levels(r *rand.Rand, n int, spread float64, list ...float64) [][]float64 {
	runs := make([][]float64, len(list))
	for i, l := range list {
		for range n {
			runs[i] = append(runs[i], math.Round(l*(1+spread*r.NormFloat64())))
		}
	}
	return runs
}

func repeat(n int, v float64) []float64 { return slices.Repeat([]float64{v}, n) }

func TestPoints(t *testing.T) {
	drift := make([]float64, 30)
	for i := range drift {
		drift[i] = 1e5 * (1 + 0.002*float64(i))
	}
	for _, c := range []struct {
		name string
		runs []float64
		n    int
		want []int
	}{
		{"nothing", repeat(40, 1e5), 10, nil},
		{"one step", slices.Concat(repeat(20, 1e5), repeat(20, 1.05e5)), 10, []int{20}},
		{"a small step", slices.Concat(repeat(20, 1e5), repeat(20, 1.01e5)), 12, []int{20}},
		{"up and down again", slices.Concat(repeat(10, 1e5), repeat(10, 1.15e5), repeat(10, 1e5)), 10, []int{10, 20}},
		{"a spike of two runs", slices.Concat(repeat(14, 1e5), repeat(2, 1.15e5), repeat(14, 1e5)), 10, []int{14, 16}},
		{"the newest run alone", slices.Concat(repeat(5, 1e5), repeat(1, 1.15e5)), 10, []int{5}},
		{"three levels", slices.Concat(repeat(8, 1e5), repeat(9, 1.03e5), repeat(7, 1.09e5)), 10, []int{8, 17}},
		{"one run", repeat(1, 1e5), 10, nil},
	} {
		r := rand.New(rand.NewPCG(1, uint64(len(c.runs))))
		wrong := 0
		for range 6 {
			var got []int
			for _, p := range Points(levels(r, c.n, 0.0056, c.runs...), bench.Defaults()) {
				got = append(got, p.Run)
				if p.Verdict != bench.Different {
					t.Errorf("%s: at %d the change is %+v", c.name, p.Run, p.Finding)
				}
			}
			if !slices.Equal(got, c.want) {
				wrong++
				t.Logf("%s: %v, want %v", c.name, got, c.want)
			}
		}
		// A step of 1 % may be placed one run off, the others never.
		if limit := map[bool]int{true: 2}[c.name == "a small step"]; wrong > limit {
			t.Errorf("%s: wrong in %d of 6", c.name, wrong)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	if got := Points(levels(r, 10, 0.0056, drift...), bench.Defaults()); len(got) == 0 {
		t.Error("a drift of 6 % over 30 runs is no change")
	}
}

// written is a run of two benchmarks on a target, and a third where gone is false.
func written(t *testing.T, dir string, day int, host string, level float64, gone bool) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, uint64(day)))
	s := &bench.Side{Target: "qemu:x", What: "Linux 6", Host: host, Clock: ""}
	s.Put("munmap/a", "insns/op", levels(r, 10, 0.004, level)[0])
	s.Put("switch/pipe", "ns/op", levels(r, 10, 0.02, 2*level)[0])
	if !gone {
		s.Put("open/tmp", "insns/op", levels(r, 10, 0.004, 5e4)[0])
	}
	run := &bench.Run{Source: "x", ID: fmt.Sprintf("2026-01-%02d-r", day), When: time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC), Sides: []*bench.Side{s}}
	if _, err := Add(dir, run, fmt.Sprintf("v%d", day)); err != nil {
		t.Fatal(err)
	}
	if _, err := Add(dir, run, ""); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("added twice: %v", err)
	}
}

func TestNewest(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	// The level before the change must not count: against it 1.12 would be a change for the worse.
	for day := 1; day <= 5; day++ {
		written(t, dir, day, "A", 1e5, false)
	}
	for day := 6; day <= 9; day++ {
		written(t, dir, day, "A", 1.15e5, false)
	}
	written(t, dir, 10, "B", 1.151e5, true)
	runs, err := Read(dir)
	if err != nil || len(runs) != 10 || runs[0].Label != "v1" || runs[9].Label != "v10" {
		t.Fatal(len(runs), err)
	}
	var munmap *Line
	for _, l := range Lines(runs) {
		if l.Name == "switch/pipe" && (len(l.Entries) != 1 || l.Elsewhere != 9) {
			t.Errorf("wall clock of another machine is in the line: %d, %d elsewhere", len(l.Entries), l.Elsewhere)
		}
		if l.Name == "munmap/a" {
			munmap = l
		}
	}
	points := munmap.Points(bench.Defaults())
	if len(points) != 1 || munmap.Entries[points[0].Run].Name() != "v6" || math.Abs(points[0].Effect-0.15) > 0.01 {
		t.Errorf("%+v", points)
	}
	c := bench.Compare(Newest(runs, bench.Defaults()), bench.Options{Settings: bench.Defaults()})[0]
	got := map[string]string{}
	for _, r := range c.Rows {
		got[r.Name] = string(r.Verdict) + " " + r.Only
		if r.Name == "munmap/a" && r.BaseBoots != 40 {
			t.Errorf("the base is %d boots, not those since the change", r.BaseBoots)
		}
	}
	if got["munmap/a"] != "same " || got["open/tmp"] != "unknown base" || got["switch/pipe"] != "unknown new" {
		t.Error(got)
	}
	if err := os.WriteFile(filepath.Join(dir, "torn.bench"), []byte("nothing"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir); err == nil {
		t.Error("a file that cannot be read is passed over")
	}
}

// TestRealPoints makes a history of real boots: six runs of ten boots each of Debian 12's kernel, and six of
// it with instructions planted into the benchmark, about 1 %.
func TestRealPoints(t *testing.T) {
	r, err := bench.Open("../bench/testdata/planted.bench")
	if err != nil {
		t.Fatal(err)
	}
	var runs [][]float64
	for _, target := range []string{"base", "planted"} {
		runs = append(runs, slices.Collect(slices.Chunk(r.Find(target).Find("munmap/anon-8k-write", "insns/op").Values, 10))...)
	}
	points := Points(runs, bench.Defaults())
	if len(points) != 1 || points[0].Run != 6 || points[0].Effect < 0.005 || points[0].Effect > 0.02 {
		t.Errorf("%d runs change at %+v, not at 6", len(runs), points)
	}
}
