package bench

import (
	"math/rand/v2"
	"os"
	"testing"
)

// TestRealBoots judges what was measured on a real kernel: planted.bench holds 60 boots of Debian 12's kernel
// under icount, each with a salt of its own, and 34 with instructions planted into the benchmarks
// (xtest.plant=62: 0.9 % of munmap/anon-8k-write). Halves of the former are never different, and what was
// planted is found. Trials share boots, so that they are worth fewer than they are.
func TestRealBoots(t *testing.T) {
	f, err := os.Open("testdata/planted.bench")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := ReadGo(f, "planted.bench")
	if err != nil {
		t.Fatal(err)
	}
	const benchmark, unit = "munmap/anon-8k-write", "insns/op"
	base, planted := r.Find("base").Find(benchmark, unit).Values, r.Find("planted").Find(benchmark, unit).Values
	if len(base) < 2*Boots || len(planted) < Boots {
		t.Fatalf("%d and %d boots", len(base), len(planted))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	some := func(values []float64, n int) []float64 {
		list := make([]float64, 0, n)
		for _, i := range rng.Perm(len(values))[:n] {
			list = append(list, values[i])
		}
		return list
	}
	const equals, plants = 200, 100
	count := map[Verdict]int{}
	for range equals {
		all := some(base, 2*Boots)
		count[Judge(all[:Boots], all[Boots:], Defaults(), 1).Verdict]++
	}
	t.Logf("%d comparisons of a kernel with itself: %v", equals, count)
	if count[Different] > 0 || count[Same] < equals*9/10 {
		t.Errorf("a kernel compared with itself: %v", count)
	}
	found, sum := 0, 0.0
	for range plants {
		f := Judge(some(base, Boots), some(planted, Boots), Defaults(), 1)
		sum += f.Effect
		if f.Verdict == Different {
			found++
		}
	}
	t.Logf("%+.2f %% planted: found in %d of %d", 100*sum/plants, found, plants)
	if found < plants*95/100 {
		t.Errorf("%+.2f %% planted: found in %d of %d", 100*sum/plants, found, plants)
	}
}
