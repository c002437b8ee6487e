package bench

import (
	"fmt"
	"math"
)

// Ends are a good end and a bad one, as far as they were measured: one value for each boot. It tells on
// which side something else is.
type Ends struct {
	Good []float64 `json:"good"`
	Bad  []float64 `json:"bad"`
}

// State is how far it is known whether ends differ.
type State int

// The states. Unsettled ends have to be measured further.
const (
	Unsettled State = iota
	Apart
	Alike
)

const (
	// surely is how many standard errors ends with few boots have to be apart, and at once those with one
	// boot each. Single boots are off by more than a normal distribution has it.
	surely, atOnce = 8, 12
	// maxWrong is how often an answer may be wrong before it is drawn from several boots.
	maxWrong = 0.05
	// maxRepeats bounds those.
	maxRepeats = 9
)

// State says whether the ends differ. A large difference shows in one boot of each, by what is known of
// how much boots differ for nothing; a small one needs the rank test's many. After [Boots] of each, ends
// that are not known to differ are alike.
func (e Ends) State(s Settings) State {
	if len(e.Good) == 0 || len(e.Bad) == 0 {
		return Unsettled
	}
	f := Judge(e.Good, e.Bad, s, 1)
	n := float64(min(len(e.Good), len(e.Bad)))
	times := float64(surely)
	if n == 1 {
		times = atOnce
	}
	switch {
	case f.Verdict == Different, math.Abs(f.Effect) >= s.Size/2 && math.Abs(f.Effect) > times*e.spread(s)*math.Sqrt(2/n):
		return Apart
	case f.Verdict == Same, n >= Boots:
		return Alike
	}
	return Unsettled
}

// spread is how much one boot differs from another for nothing, as a fraction of the good end.
func (e Ends) spread(s Settings) float64 {
	good, bad := e.centers()
	a := deviation(e.Good, good, s)
	b := deviation(e.Bad, bad, s) * math.Abs(fraction(bad, good))
	return max(a, b)
}

func (e Ends) centers() (good, bad float64) {
	return Median(e.Good), Median(e.Bad)
}

// Threshold lies in the middle between the ends.
func (e Ends) Threshold() float64 {
	good, bad := e.centers()
	return (good + bad) / 2
}

// IsBad says on which side of the middle a value is.
func (e Ends) IsBad(value float64) bool {
	good, bad := e.centers()
	return (value > e.Threshold()) == (bad > good)
}

// Repeats is of how many boots the median is to be taken for an answer, and how often such an answer is
// wrong.
func (e Ends) Repeats(s Settings) (n int, wrong float64) {
	good, bad := e.centers()
	// The middle is off itself, by as much as the ends are, which look farther apart than they are when
	// they were measured until they did.
	gap, spread := 0.9*math.Abs(fraction(bad-good, good))/2, e.spread(s)
	ends := float64(min(len(e.Good), len(e.Bad)))
	for n = 1; ; n++ {
		wrong = miss(gap / (spread * math.Sqrt(1/float64(n)+1/(2*ends))))
		if wrong <= maxWrong || n == maxRepeats {
			return n, wrong
		}
	}
}

// Unclear says whether a value is so near to the middle that another boot is worth its time.
func (e Ends) Unclear(value float64) bool {
	good, bad := e.centers()
	return math.Abs(value-e.Threshold()) < math.Abs(bad-good)/8
}

// miss is how probable it is that a normal value is z standard deviations or more to one side.
func miss(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }

// Say is how the ends differ, in words.
func (e Ends) Say(unit string) string {
	good, bad := e.centers()
	return fmt.Sprintf("good %s, bad %s: %s %%", Amount(good, unit), Amount(bad, unit), Percent(fraction(bad-good, good)))
}
