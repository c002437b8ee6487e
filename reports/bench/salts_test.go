package bench

import (
	"math/rand/v2"
	"testing"
)

// TestRealSalts draws sides from 60 boots of Debian 12's cloud kernel, each with another salt, whose clock
// counted instructions. The same against the same is never different, and one instruction in a hundred more
// is found as far as [Boots] are enough for the benchmark's own spread.
func TestRealSalts(t *testing.T) {
	run, err := Open("testdata/salts.bench")
	if err != nil {
		t.Fatal(err)
	}
	s := Defaults()
	for _, c := range []struct {
		name  string
		found int // at least, of 100
	}{{"munmap/anon-8k-write", 100}, {"syscall/null", 100}, {"fork/exit", 25}, {"munmap/anon-128k-write", 0}} {
		one := run.Find("qemu:debian-12").Find(c.name, "insns/op")
		if len(one.Values) != 60 {
			t.Fatalf("%s: %d boots", c.name, len(one.Values))
		}
		r := rand.New(rand.NewPCG(8, 8))
		draw := func() (base, now []float64) {
			all := make([]float64, 60)
			for i, j := range r.Perm(60) {
				all[i] = one.Values[j]
			}
			return all[:Boots], all[Boots:]
		}
		equal, more := map[Verdict]int{}, map[Verdict]int{}
		for range 200 {
			base, now := draw()
			equal[Judge(base, now, s, 1).Verdict]++
		}
		for range 100 {
			base, now := draw()
			for i := range now {
				now[i] *= 1.01
			}
			more[Judge(base, now, s, 1).Verdict]++
		}
		t.Logf("%s, spread %.2f %%: equal %v, +1 %% %v", c.name, 100*(Ends{Good: one.Values, Bad: one.Values}).spread(s), equal, more)
		if equal[Different] > 0 || more[Different] < c.found {
			t.Errorf("%s: equal %v, +1 %% %v", c.name, equal, more)
		}
	}
}
