package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// boots gives n boots' values: a level, and what layouts are worth.
func boots(r *rand.Rand, n int, level, spread float64) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = math.Round(level * (1 + spread*r.NormFloat64()))
	}
	return values
}

// TestRates: with the default settings and number of boots, 200 comparisons of equals give no
// difference, and a change of 1 % is found in at least 95 of 100. The spread is what was measured over
// salts.
func TestRates(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	s := Defaults()
	count := func(times int, change float64) map[Verdict]int {
		found := map[Verdict]int{}
		for range times {
			f := Judge(boots(r, Boots, 15082, s.Spread), boots(r, Boots, 15082*(1+change), s.Spread), s, 1)
			found[f.Verdict]++
		}
		return found
	}
	equal, up, down := count(200, 0), count(100, 0.01), count(100, -0.01)
	t.Logf("%d boots of each side: equal %v, +1 %% %v, -1 %% %v", Boots, equal, up, down)
	if equal[Different] > 0 || equal[Same] < 190 {
		t.Errorf("200 comparisons of equals: %v", equal)
	}
	if up[Different] < 95 || down[Different] < 95 {
		t.Errorf("a change of 1 %% is found in %d and %d of 100", up[Different], down[Different])
	}
}

// TestManyAlike: 10,000 comparisons of equals that are made at once give no false difference.
func TestManyAlike(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	for range 3000 {
		base, now := boots(r, 12, 1e6, 0.02), boots(r, 12, 1e6, 0.02)
		if f := Judge(base, now, Defaults(), 10_000); f.Verdict == Different {
			t.Errorf("%+v", f)
		}
	}
}

// TestNextRates: measuring until the verdict is known finds no more than there is, and takes fewer
// boots where the difference is large.
func TestNextRates(t *testing.T) {
	s := Defaults()
	for _, c := range []struct {
		change  float64
		want    Verdict
		atLeast int // of 200
		most    int // boots of a side, on average
	}{{0, Same, 190, 20}, {0.01, Different, 190, 36}, {0.155, Different, 200, 12}, {-0.05, Different, 200, 12}} {
		r := rand.New(rand.NewPCG(1, uint64(math.Abs(c.change*1000))))
		found, used := map[Verdict]int{}, 0
		for range 200 {
			var base, now []float64
			for {
				more, _ := Next(base, now, s, 1, 48)
				if more == 0 {
					break
				}
				base, now = append(base, boots(r, more, 1e5, s.Spread)...), append(now, boots(r, more, 1e5*(1+c.change), s.Spread)...)
			}
			found[Judge(base, now, s, 1).Verdict]++
			used += len(base)
		}
		t.Logf("%+.1f %%: %v, %.1f boots of each side", 100*c.change, found, float64(used)/200)
		if found[c.want] < c.atLeast || used > c.most*200 || c.change == 0 && found[Different] > 0 {
			t.Errorf("a change of %g: %v with %.1f boots of each side", c.change, found, float64(used)/200)
		}
	}
}

func TestJudge(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	same := func(n int, v float64) []float64 { return slices.Repeat([]float64{v}, n) }
	for _, c := range []struct {
		name      string
		base, now []float64
		want      Verdict
		effect    float64
	}{
		{"one boot each proves nothing", same(1, 100), same(1, 200), Unknown, 1},
		{"nor do eight", boots(r, 8, 15000, 0.003), boots(r, 8, 17000, 0.003), Unknown, 0.133},
		{"nine do", boots(r, 9, 15000, 0.003), boots(r, 9, 17000, 0.003), Different, 0.133},
		{"equal values", same(9, 5), same(9, 5), Same, 0},
		{"values that only differ from each other", same(9, 5), same(9, 6), Different, 0.2},
		{"smaller than what matters", same(12, 1000), same(12, 1003), Same, 0.003},
		{"from nothing to something", same(9, 0), same(9, 3), Different, math.Inf(1)},
		{"nothing at all", same(9, 0), same(9, 0), Same, 0},
		{"many against few", boots(r, 40, 1e4, 0.005), boots(r, 6, 1.2e4, 0.005), Different, 0.2},
		{"noise", boots(r, 12, 1e4, 0.2), boots(r, 12, 1e4, 0.2), Unknown, math.NaN()},
		{"one side is empty", nil, same(9, 1), Unknown, 0},
	} {
		f := Judge(c.base, c.now, Defaults(), 1)
		if f.Verdict != c.want || math.Abs(f.Effect-c.effect) > 0.01 {
			t.Errorf("%s: %+v, want %s and %g", c.name, f, c.want, c.effect)
		}
		if (f.Verdict == Unknown) != (f.More > 0) || f.Verdict == Same && !(f.Lo > -0.01 && f.Hi < 0.01) {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}

// TestMore: what is said to be missing brings the verdict, mostly.
func TestMore(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	s := Defaults()
	told := 0
	for range 100 {
		base, now := boots(r, 12, 1e5, 0.006), boots(r, 12, 1.01e5, 0.006)
		f := Judge(base, now, s, 1)
		if f.Verdict == Unknown {
			f = Judge(append(base, boots(r, f.More, 1e5, 0.006)...), append(now, boots(r, f.More, 1.01e5, 0.006)...), s, 1)
		}
		if f.Verdict != Unknown {
			told++
		}
	}
	if told < 75 {
		t.Errorf("after as many boots as were said to be missing %d of 100 have a verdict", told)
	}
}

// TestInterval: the interval holds what is so as often as it says.
func TestInterval(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, n := range []int{5, 9, 28, 45} {
		held := 0
		for range 2000 {
			f := Judge(boots(r, n, 1e7, 0.005), boots(r, n, 1.02e7, 0.005), Defaults(), 1)
			if f.Lo <= 0.02 && f.Hi >= 0.02 {
				held++
			}
		}
		if held < 1960 || held > 1999 {
			t.Errorf("%d boots: the interval of 99 %% holds the change in %d of 2000", n, held)
		}
	}
}

// TestLooks: looking again and again finds no more by chance than looking once may.
func TestLooks(t *testing.T) {
	s := Settings{Size: 0.0001, Alpha: 0.05, Among: 1, Confidence: 0.99, Spread: 0.0056} // so small a size never ends it
	r := rand.New(rand.NewPCG(12, 1))
	const trials = 400
	wrong := 0
	for range trials {
		var base, now []float64
		for {
			more, f := Next(base, now, s, 1, 60)
			if more == 0 {
				if f.Verdict == Different {
					wrong++
				}
				break
			}
			base, now = append(base, boots(r, more, 1e7, s.Spread)...), append(now, boots(r, more, 1e7, s.Spread)...)
		}
	}
	t.Logf("equals are different in %d of %d", wrong, trials)
	if wrong > trials*5/100 {
		t.Errorf("equals are different in %d of %d, and 5 in 100 are allowed", wrong, trials)
	}
}
