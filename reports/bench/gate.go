package bench

import (
	"fmt"
	"strconv"
	"strings"
)

// Gate is a change for the worse that is not let through. It is on time, instructions, rates and memory; counters
// have none.
type Gate struct {
	Pattern string
	Size    float64 // as a fraction
	// Match says whether it is on a benchmark.
	Match func(name string) bool
}

// ParseGate reads a gate as users write it: 'munmap/*:2%'.
func ParseGate(text string, match func(pattern, name string) bool) (Gate, error) {
	pattern, size, ok := cutLast(text, ":")
	number, percent := strings.CutSuffix(size, "%")
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || pattern == "" || !percent || err != nil || !(value > 0 && value < 100_000) {
		return Gate{}, fmt.Errorf("%q is no gate; write benchmarks and the change that is allowed, as 'munmap/*:2%%'", text)
	}
	return Gate{Pattern: pattern, Size: value / 100, Match: func(name string) bool { return match(pattern, name) }}, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Outcome is what came of a gate.
type Outcome string

// The outcomes. Undecided is of a benchmark that may be over its gate and may not: it was not measured
// often enough, on another machine, or not at all any more.
const (
	Over      Outcome = "over"
	Kept      Outcome = "kept"
	Undecided Outcome = "undecided"
)

func (r *Row) gated() Outcome {
	if r.Gate == 0 || r.Only == "new" { // nothing to hold it against
		return ""
	}
	change, most := r.worse()
	switch {
	case r.Only != "" || r.Note != "":
		return Undecided
	case r.Verdict == Different && change > r.Gate:
		return Over
	case r.Verdict == Different, r.Verdict == Same, most < r.Gate:
		return Kept
	}
	return Undecided
}

// Idle are the gates that are on no benchmark of the base: a name was changed, or mistyped.
func Idle(all []*Comparison, gates []Gate) (idle []Gate) {
	for _, g := range gates {
		used := false
		for _, c := range all {
			for _, r := range c.Rows {
				used = used || !r.Counter && r.Only != "new" && g.Match(r.Name)
			}
		}
		if !used {
			idle = append(idle, g)
		}
	}
	return idle
}

// Gated counts the rows of an outcome.
func Gated(all []*Comparison, o Outcome) (n int) {
	for _, c := range all {
		for _, r := range c.Rows {
			if r.Outcome == o {
				n++
			}
		}
	}
	return n
}
