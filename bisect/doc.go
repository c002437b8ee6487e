// Package bisect finds what makes the difference between a good end and a bad one: the first bad one of
// an ordered list, or the least part of a set, by asking as little as it can and not believing all it is
// told.
//
// Beware: it counts on the answers being wrong independently of each other, as often as [Session.Noise]
// says. A question whose answer is always wrong is believed.
package bisect

import "context"

// Verdict is what is found of a candidate.
type Verdict string

// The verdicts. Skip is of a candidate that cannot be judged: it does not build, or does not boot.
const (
	Good Verdict = "good"
	Bad  Verdict = "bad"
	Skip Verdict = "skip"
)

// Answer is what came of judging a candidate once.
type Answer struct {
	Verdict Verdict `json:"verdict"`
	Why     string  `json:"why,omitempty"` // in a few words
	// Unknown are the boot parameters that the kernel said it does not know, as they were given.
	Unknown []string `json:"unknown,omitempty"`
}

// Predicate judges a candidate once. The error is about the search as a whole: it ends, and can be resumed.
type Predicate func(ctx context.Context, candidate string) (Answer, error)
