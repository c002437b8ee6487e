package bench

import (
	"math/rand/v2"
	"testing"
)

// settled measures both ends in turns as long as it is open whether they differ.
func settled(r *rand.Rand, change, spread float64) (e Ends, state State) {
	s := Defaults()
	if spread > 0.01 {
		s.Spread = spread // as wall clock is expected to
	}
	for e.State(s) == Unsettled {
		e.Good, e.Bad = append(e.Good, boots(r, 1, 1e5, spread)...), append(e.Bad, boots(r, 1, 1e5*(1+change), spread)...)
	}
	return e, e.State(s)
}

// TestEnds: ends that differ are found to, with as few boots as their difference allows, and those that do not
// are not.
func TestEnds(t *testing.T) {
	for _, c := range []struct {
		change, spread float64
		want           State
		right          int // of 200
		most           float64
	}{
		{0.15, 0.0056, Apart, 200, 1.05}, {-0.15, 0.0056, Apart, 200, 1.05}, {0.05, 0.0056, Apart, 200, 4}, {0.01, 0.0056, Apart, 190, 30},
		{0, 0.0056, Alike, 200, 16}, {0.15, 0.05, Apart, 190, 30}, {0, 0.05, Alike, 200, 30},
	} {
		r := rand.New(rand.NewPCG(5, uint64(1000*(c.change+1))))
		right, used := 0, 0
		for range 200 {
			e, state := settled(r, c.change, c.spread)
			used += len(e.Good)
			if state == c.want {
				right++
			}
		}
		t.Logf("%+.0f %%, spread %.2f %%: right in %d of 200, %.1f boots of each", 100*c.change, 100*c.spread, right, float64(used)/200)
		if right < c.right || float64(used)/200 > c.most {
			t.Errorf("a change of %g with a spread of %g: right in %d of 200, with %.1f boots of each", c.change, c.spread, right, float64(used)/200)
		}
	}
}

// TestAnswers: an answer is wrong as often as is said, and rarely enough for a search.
func TestAnswers(t *testing.T) {
	for _, change := range []float64{0.15, 0.03, 0.01, -0.02} {
		r := rand.New(rand.NewPCG(6, uint64(1000*(change+1))))
		wrong, asked, said := 0, 0, 0.0
		for range 300 {
			e, state := settled(r, change, 0.0056)
			if state != Apart {
				continue
			}
			n, p := e.Repeats(Defaults())
			said += p
			for _, bad := range []bool{false, true} {
				level := 1e5
				if bad {
					level *= 1 + change
				}
				if e.IsBad(centre(boots(r, n, level, 0.0056))) != bad {
					wrong++
				}
				asked++
			}
		}
		t.Logf("%+.0f %%: wrong %d of %d, expected %.3f", 100*change, wrong, asked, said/300)
		if part := float64(wrong) / float64(asked); part > 0.06 || part > 2*said/300+0.01 {
			t.Errorf("a change of %g: %d of %d answers are wrong", change, wrong, asked)
		}
	}
}

func centre(values []float64) float64 {
	e := Ends{Good: values, Bad: values}
	good, _ := e.centers()
	return good
}
