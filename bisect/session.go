package bisect

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Session is a search and all that was asked in it. The questions follow from the answers alone, so a
// search with the same answers asks the same.
type Session struct {
	Ask Predicate
	// Noise is how often an answer is taken to be wrong, 0 to below 0.5. With 0 nothing is asked twice.
	Noise float64
	// Confidence is how sure to be before the search ends, above 0.5 and below 1.
	Confidence float64
	// Limit is the most questions that are asked, resumed ones included; 0 sets none.
	Limit int
	// Tell is shown each answer, resumed ones included; it may be nil.
	Tell func(Step)
	// Journal keeps the answers; nil keeps them nowhere.
	Journal *Journal

	tallies map[string]*tally
	asked   int
	took    time.Duration
}

// Step is a question and its answer.
type Step struct {
	Number    int           `json:"number"` // from 1
	Candidate string        `json:"candidate"`
	About     string        `json:"about"` // the question, in words
	Answer    Answer        `json:"answer"`
	Took      time.Duration `json:"took"` // nanoseconds
}

// tally is what was answered about one candidate.
type tally struct {
	good, bad, skip int
	unknown         []string
	why             string // of the last answer
}

func (t *tally) judged() bool { return t.good+t.bad > 0 }

// leastNoise keeps an answer that contradicts the others from being impossible.
const leastNoise = 1e-4

// ErrUndecided is why a search ended without a result: the error says what could not be judged.
var ErrUndecided = errors.New("it could not be decided")

func (s *Session) noise() float64 { return max(s.Noise, leastNoise) }

func (s *Session) check() error {
	switch {
	case !(s.Noise >= 0 && s.Noise < 0.5):
		return fmt.Errorf("the noise is %g: it is from 0 to below 0.5", s.Noise)
	case !(s.Confidence > 0.5 && s.Confidence < 1):
		return fmt.Errorf("the confidence is %g: it is above 0.5 and below 1", s.Confidence)
	}
	if s.tallies == nil {
		s.tallies = map[string]*tally{}
	}
	return nil
}

func (s *Session) tally(candidate string) *tally {
	t := s.tallies[candidate]
	if t == nil {
		t = &tally{}
		s.tallies[candidate] = t
	}
	return t
}

// ask has the candidate judged once more. What the journal still holds about it is taken first.
func (s *Session) ask(ctx context.Context, candidate, about string) error {
	if s.Limit > 0 && s.asked >= s.Limit {
		return fmt.Errorf("%w within %d questions", ErrUndecided, s.Limit)
	}
	step, resumed := s.Journal.next(candidate)
	if !resumed {
		start := time.Now()
		answer, err := s.Ask(ctx, candidate)
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("judging %s: %w", about, err)
		}
		step = Step{Candidate: candidate, Answer: answer, Took: time.Since(start)}
	}
	s.asked++
	s.took += step.Took
	step.Number, step.About = s.asked, about
	if !resumed {
		if err := s.Journal.add(step); err != nil {
			return err
		}
	}
	t := s.tally(candidate)
	switch step.Answer.Verdict {
	case Good:
		t.good++
	case Bad:
		t.bad++
	case Skip:
		t.skip++
	default:
		return fmt.Errorf("judging %s: there is no verdict %q", about, step.Answer.Verdict)
	}
	t.why = step.Answer.Why
	if len(step.Answer.Unknown) > 0 {
		t.unknown = step.Answer.Unknown
	}
	if s.Tell != nil {
		s.Tell(step)
	}
	return nil
}

// Asked is the number of questions so far, and the time that their answers took.
func (s *Session) Asked() (int, time.Duration) { return s.asked, s.took }
