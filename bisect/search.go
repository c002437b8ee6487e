package bisect

import "context"

// wrongEnd is how probable it is, beforehand, that an end is not what the user says.
const wrongEnd = 0.05

// Kind is what came of a search.
type Kind string

// Found has culprits. With AllBad and NoneBad the ends do not differ; with Swapped they differ the other
// way round.
const (
	Found   Kind = "found"
	AllBad  Kind = "all-bad"
	NoneBad Kind = "none-bad"
	Swapped Kind = "swapped"
)

// Span is what a search over an ordered list found.
type Span struct {
	Kind Kind
	// First and Last are positions: the first bad one is one of First to Last. They are the same unless
	// those between them could not be judged.
	First, Last int
	Confidence  float64
}

// Search finds the first bad one of at least two candidates that go from good to bad. Both ends are
// judged first, the culprit and the one before it last.
func (s *Session) Search(ctx context.Context, candidates []string) (Span, error) {
	if err := s.check(); err != nil {
		return Span{}, err
	}
	last := len(candidates) - 1
	a := axis{candidates: candidates, about: func(i int) string { return candidates[i] }, allBad: wrongEnd, noneBad: wrongEnd, ends: true}
	for {
		p, err := s.locate(ctx, a, s.Confidence)
		if err != nil {
			return Span{}, err
		}
		if kind := s.kind(a, p); kind != Found {
			return Span{Kind: kind, Confidence: p.p}, nil
		}
		again := -1
		if s.Noise > 0 {
			for _, i := range []int{p.first - 1, p.last} {
				if t := s.tally(candidates[i]); t.good+t.bad < 2 {
					again = i
				}
			}
		}
		if again < 0 {
			return Span{Kind: Found, First: p.first, Last: min(p.last, last), Confidence: p.p}, nil
		}
		if err := s.ask(ctx, candidates[again], a.about(again)); err != nil {
			return Span{}, err
		}
	}
}

// kind says what a place on the axis means.
func (s *Session) kind(a axis, p place) Kind {
	n := len(a.candidates)
	if p.first > 0 && p.first < n {
		return Found
	}
	first, last := s.tally(a.candidates[0]), s.tally(a.candidates[n-1])
	switch {
	case first.bad > first.good && last.good > last.bad:
		return Swapped
	case p.first == 0:
		return AllBad
	}
	return NoneBad
}
