package bench

import (
	"fmt"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// Verdict is what is found of a benchmark on two sides.
type Verdict string

// The verdicts. Unknown asks for more boots; it is not a kind of same.
const (
	Different Verdict = "different"
	Same      Verdict = "same"
	Unknown   Verdict = "unknown"
)

// Settings say what counts as a difference.
type Settings struct {
	// Size is the change that matters, as a fraction. One of this size is found, one of less than half
	// of it is never called different, and the same are two sides that differ by less for sure.
	Size float64
	// Alpha is how probable one false [Different] among all comparisons may be; they share it.
	Alpha float64
	// Among is how many comparisons share Alpha at least. So the verdict on a benchmark does not depend
	// on how many others are looked at, up to that number.
	Among int
	// Confidence is that of the interval around the effect.
	Confidence float64
	// Spread is how much boots differ for nothing, as a fraction (one standard deviation). It is what
	// is expected where too few boots are there to tell.
	Spread float64
}

// Defaults are the settings with which 200 comparisons of equals give no difference and a change of
// 1 % is found, given [Boots] boots on each side that differ by 0.56 % for nothing.
func Defaults() Settings {
	return Settings{Size: 0.01, Alpha: 0.05, Among: 500, Confidence: 0.99, Spread: 0.0056}
}

// Boots is how many boots of each side the default settings need for a change of 1 %.
const Boots = 30

// Check says what is wrong with the settings.
func (s Settings) Check() error {
	switch {
	case !(s.Size > 0 && s.Size < 1):
		return fmt.Errorf("the change that matters is %g: it is a fraction above 0 and below 1", s.Size)
	case !(s.Alpha > 0 && s.Alpha < 0.5):
		return fmt.Errorf("alpha is %g: it is above 0 and below 0.5", s.Alpha)
	case !(s.Confidence > 0.5 && s.Confidence < 1):
		return fmt.Errorf("the confidence is %g: it is above 0.5 and below 1", s.Confidence)
	}
	return nil
}

// each is the alpha of one comparison of n (Bonferroni).
func (s Settings) each(n int) float64 { return s.Alpha / float64(max(s.Among, n, 1)) }

// Finding is what came of comparing two sides. Fractions are of the base's median.
type Finding struct {
	Verdict Verdict `json:"verdict"`
	Base    float64 `json:"base"` // medians over the boots
	New     float64 `json:"new"`
	// Effect is the change, Lo and Hi the interval around it: infinite where the boots are too few for
	// one.
	Effect float64 `json:"effect"`
	Lo     float64 `json:"-"`
	Hi     float64 `json:"-"`
	P      float64 `json:"p"`
	// BaseBoots and NewBoots are the numbers of boots.
	BaseBoots int `json:"base_boots"`
	NewBoots  int `json:"new_boots"`
	// More is how many more boots of each side would tell, as far as can be said; 0 with a verdict.
	More int `json:"more,omitempty"`
}

// maxMore bounds what is said of boots that would tell: beyond it, it is "more than".
const maxMore = 500

// Judge compares two sides, each with one value for each boot, that is one of n comparisons that are
// made. It changes neither. A side without values is unknown.
func Judge(base, now []float64, s Settings, n int) Finding {
	f := Finding{Verdict: Unknown, P: 1, BaseBoots: len(base), NewBoots: len(now), Lo: math.Inf(-1), Hi: math.Inf(1)}
	if len(base) == 0 || len(now) == 0 {
		f.More = fewest(s.each(n))
		return f
	}
	base, now = slices.Sorted(slices.Values(base)), slices.Sorted(slices.Values(now))
	f.Base, f.New = median(base), median(now)
	alpha := s.each(n)
	thresholds := benchmath.Thresholds{CompareAlpha: alpha}
	if base[0] != now[len(now)-1] || base[len(base)-1] != now[0] { // else all are equal, which it takes for an error
		f.P = benchmath.AssumeNothing.Compare(benchmath.NewSample(base, &thresholds), benchmath.NewSample(now, &thresholds)).P
	}
	shift, lo, hi := shift(base, now, s.Confidence)
	f.Effect, f.Lo, f.Hi = fraction(shift, f.Base), fraction(lo, f.Base), fraction(hi, f.Base)
	switch {
	case f.P <= alpha && math.Abs(f.Effect) >= s.Size/2:
		f.Verdict = Different
	case f.Lo > -s.Size && f.Hi < s.Size:
		f.Verdict = Same
	default:
		f.More = f.more(base, now, s, alpha)
	}
	return f
}

// fraction is a change as part of the base. Of nothing, any change is infinite.
func fraction(change, base float64) float64 {
	switch {
	case change == 0:
		return 0
	case base == 0:
		return math.Inf(int(math.Copysign(1, change)))
	}
	return change / math.Abs(base)
}

// more estimates how many boots of each side are missing for a verdict, from how much they differ so far.
func (f Finding) more(base, now []float64, s Settings, alpha float64) int {
	spread := math.Hypot(deviation(base, f.Base, s), deviation(now, f.New, s))
	// A rank test needs 1/0.955 as many as one that knows the distribution to be normal.
	need := func(z, size float64) float64 { return math.Ceil(math.Pow((z+normal(0.95))*spread/size, 2) / 0.955) }
	told := float64(fewest(alpha))
	if e := math.Abs(f.Effect); e >= s.Size/2 {
		told = max(told, need(normal(1-alpha/2), e))
	} else {
		told = max(5, need(normal((1+s.Confidence)/2), s.Size-e))
	}
	have := float64(min(len(base), len(now)))
	return int(min(max(told-have, 1), maxMore+1))
}

// deviation is a side's standard deviation as a fraction, drawn towards what is expected as far as the boots
// are few.
func deviation(values []float64, center float64, s Settings) float64 {
	const weight = 3 // the expectation counts as so many boots
	sum := weight * s.Spread * s.Spread
	for _, v := range values {
		d := fraction(v-center, center)
		if math.IsInf(d, 0) {
			d = 1
		}
		sum += d * d
	}
	return math.Sqrt(sum / float64(weight+len(values)-1))
}

// Median is that of values in any order; NaN of none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	return median(slices.Sorted(slices.Values(values)))
}

// median of sorted values.
func median(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}
