package perf

import (
	"bytes"
	"math"
	"os"
	"slices"
	"strconv"
	"sync"
)

const (
	// window is how many rounds are looked at together.
	window = 8
	// closeness is how much the medians of two windows may differ once a benchmark has settled.
	closeness = 0.01
)

// settled says whether the warm-up was over before these samples: their halves have medians that are close.
func settled(values []float64) bool {
	a, b := median(values[:len(values)/2]), median(values[len(values)/2:])
	return math.Abs(a-b) <= closeness*math.Abs(b)
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	if len(s) == 0 {
		return math.NaN()
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// round keeps a thousandth of an instruction or nanosecond.
func round(v float64) float64 { return math.Round(v*1000) / 1000 }

// planted is how many steps the machine was booted to be slower by.
var planted = sync.OnceValue(func() int {
	line, _ := os.ReadFile("/proc/cmdline") // without it nothing is planted
	for word := range bytes.FieldsSeq(line) {
		if value, ok := bytes.CutPrefix(word, []byte(plantParam+"=")); ok {
			n, _ := strconv.ParseUint(string(value), 10, 10) // 0 for what is no number
			return int(n)
		}
	}
	return 0
})
