package bench

import (
	"math"
	"slices"
	"sync"

	"github.com/aclements/go-moremath/stats"
)

// shift is by how much one side lies above the other, and the interval around it: the median of all
// differences between one of each, and as many of them from either end as the rank test allows (Hodges
// and Lehmann 1963). It goes with the test: the interval holds 0 exactly when that is not significant at
// its level. The interval is infinite where the values are too few for the confidence. Both are sorted.
func shift(base, now []float64, confidence float64) (center, lo, hi float64) {
	all := make([]float64, 0, len(base)*len(now))
	for _, b := range base {
		for _, n := range now {
			all = append(all, n-b)
		}
	}
	slices.Sort(all)
	k := cut(len(base), len(now), confidence)
	if k == 0 {
		return median(all), math.Inf(-1), math.Inf(1)
	}
	return median(all), all[k-1], all[len(all)-k]
}

// exact is up to how many values of a side the distribution of ranks is computed, and not approximated.
const exact = 40

type cutKey struct {
	n, m       int
	confidence float64
}

var cuts sync.Map // of cutKey

// cut is which of the sorted differences, from 1, is the interval's end; 0 when there is none.
func cut(n, m int, confidence float64) int {
	key := cutKey{n, m, confidence}
	if k, ok := cuts.Load(key); ok {
		return k.(int)
	}
	tail := (1 - confidence) / 2
	var k int
	if n <= exact && m <= exact {
		u := stats.UDist{N1: n, N2: m}
		// The largest k with P(U < k) at most tail.
		for low, high := 0, n*m/2+1; low < high; {
			if k = (low + high + 1) / 2; u.CDF(float64(k-1)) <= tail {
				low = k
			} else {
				high = k - 1
			}
			k = low
		}
	} else {
		nm := float64(n) * float64(m)
		k = int(max(0, nm/2-normal(1-tail)*math.Sqrt(nm*float64(n+m+1)/12)))
	}
	cuts.Store(key, k)
	return k
}

// fewest is with how many boots of each side at least the rank test can be as sure as alpha.
func fewest(alpha float64) int {
	least := 1.0 // 2 / (2n choose n): the two orders that are the most extreme
	for n := 1; n < maxMore; n++ {
		if least *= float64(n) / float64(2*(2*n-1)); 2*least <= alpha {
			return n
		}
	}
	return maxMore
}

// normal is the standard normal distribution's quantile.
func normal(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }
