package bisect

import (
	"context"
	"fmt"
	"math"
)

// axis is an ordered list of candidates. From some position on all are bad; which, is what its
// hypotheses differ in: h is the first bad position, 0 when all are bad, len(candidates) when none is.
type axis struct {
	candidates []string
	about      func(i int) string
	allBad     float64 // probability beforehand of h = 0
	noneBad    float64 // and of none
	// ends has both ends judged before anything else.
	ends bool

	tallies []*tally // of the candidates
}

// place is where the axis turns bad: at one of first to last, which are one unless those between could
// not be judged. First is 0 when all are bad, and len(candidates) when none is.
type place struct {
	first, last int
	p           float64
}

// endTries is how often an end may be without a verdict: a boot fails now and then by accident.
const endTries = 2

// locate asks until it is sure by threshold, or nothing more can be learned.
func (s *Session) locate(ctx context.Context, a axis, threshold float64) (place, error) {
	last := len(a.candidates) - 1
	a.tallies = nil
	for _, c := range a.candidates {
		a.tallies = append(a.tallies, s.tally(c))
	}
	for {
		next := -1
		for _, i := range []int{0, last} {
			t := a.tallies[i]
			switch {
			case !a.ends || t.judged() || next >= 0:
			case t.skip >= endTries:
				return place{}, fmt.Errorf("%w: %s cannot be judged: %s", ErrUndecided, a.about(i), t.why)
			default:
				next = i
			}
		}
		if next < 0 {
			post := s.posterior(a)
			best := a.best(post)
			// Ends that are the other way round are neither all bad nor all good for sure.
			alike := a.ends && last > 0 && post[0]+post[last+1] >= threshold
			if best.p >= threshold || alike {
				return best, nil
			}
			var gain float64
			if next, gain = s.choose(a, post); gain < 1e-6 {
				return best, nil
			}
		}
		if err := s.ask(ctx, a.candidates[next], a.about(next)); err != nil {
			return place{}, err
		}
	}
}

// posterior gives the probability of each hypothesis after all that was answered.
func (s *Session) posterior(a axis) []float64 {
	n := len(a.candidates)
	wrong, right := math.Log(s.noise()), math.Log(1-s.noise())
	post := make([]float64, n+1)
	// Going from h to h+1 turns position h from bad to good.
	sum := 0.0
	for _, t := range a.tallies {
		sum += float64(t.bad)*right + float64(t.good)*wrong
	}
	for h := range post {
		switch h {
		case 0:
			post[h] = math.Log(a.allBad)
		case n:
			post[h] = math.Log(a.noneBad)
		default:
			post[h] = math.Log((1 - a.allBad - a.noneBad) / float64(n-1))
		}
		post[h] += sum
		if h < n {
			t := a.tallies[h]
			sum += float64(t.good-t.bad) * (right - wrong)
		}
	}
	top, total := math.Inf(-1), 0.0
	for _, l := range post {
		top = max(top, l)
	}
	for h, l := range post {
		post[h] = math.Exp(l - top)
		total += post[h]
	}
	for h := range post {
		post[h] /= total
	}
	return post
}

// open says whether asking again may bring a verdict.
func (t *tally) open() bool { return t.judged() || t.skip == 0 }

// best is the most probable place, hypotheses that only candidates without a verdict could tell apart
// taken together.
func (a axis) best(post []float64) place {
	best, now := place{}, place{}
	for h, p := range post {
		now.p += p
		now.last = h
		// Position h tells h from h+1. All bad and none bad stand alone.
		if h == 0 || h >= len(a.candidates)-1 || a.tallies[h].open() {
			if now.p > best.p {
				best = now
			}
			now = place{first: h + 1}
		}
	}
	return best
}

// choose gives the position whose answer is expected to tell most, and how much in bits. Of those that
// tell about as much it takes the one that is farthest from what could not be judged, since neighbours
// often share the reason.
func (s *Session) choose(a axis, post []float64) (int, float64) {
	gains := make([]float64, len(a.candidates))
	most, below := 0.0, 0.0
	for i, t := range a.tallies {
		below += post[i]
		if t.open() {
			gains[i] = entropy(s.noise()+(1-2*s.noise())*below) - entropy(s.noise())
			most = max(most, gains[i])
		}
	}
	far := a.distances()
	const about = 0.7
	next := -1
	for i, g := range gains {
		enough := g >= about*most && a.tallies[i].open()
		switch {
		case !enough:
		case next < 0, far[i] > far[next], far[i] == far[next] && g > gains[next]:
			next = i
		}
	}
	return max(next, 0), most
}

// distances gives each position's distance from the next one that could not be judged; where all could
// be they are alike.
func (a axis) distances() []int {
	n := len(a.candidates)
	far := make([]int, n)
	for _, backward := range []bool{false, true} {
		d := n
		for k := range n {
			i := k
			if backward {
				i = n - 1 - k
			}
			if d = min(d+1, n); !a.tallies[i].open() {
				d = 0
			}
			if !backward || d < far[i] {
				far[i] = d
			}
		}
	}
	return far
}

// entropy of an answer that is one way with probability p, in bits.
func entropy(p float64) float64 {
	if p <= 0 || p >= 1 {
		return 0
	}
	return -p*math.Log2(p) - (1-p)*math.Log2(1-p)
}
