package spec

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"xtest/runner/event"
)

// Level is how binding the clause is, in the words of RFC 2119.
type Level string

// The levels.
const (
	Must   Level = "MUST"
	Should Level = "SHOULD"
)

// Grade is how dangerous it is to run a spec.
type Grade int

const (
	// Safe specs leave the machine as it was, also when they fail, and may run anywhere.
	Safe Grade = iota
	// Guest specs change the machine as a whole or call a hypervisor with chosen arguments: they run
	// only inside a machine that xtest booted itself.
	Guest
	// Destructive specs may end the machine: each gets a boot of its own.
	Destructive
)

func (g Grade) String() string {
	return [...]string{"safe", "guest", "destructive"}[g]
}

// Meta is what a spec declares about itself.
type Meta struct {
	// ID is kind/what, in lower case with hyphens. It is unique over all suites and never changes.
	ID string
	// Clause names the standard and section, man page, header or source file, then what it asks for.
	Clause string
	Level  Level
	Grade  Grade
	// Needs are probed in order before the spec; the first that fails makes it not-applicable.
	Needs []Probe
	// Limit is how long the spec may take on an unloaded machine at native speed; 0 means
	// [DefaultLimit]. Emulated machines get a multiple of it.
	Limit time.Duration
	// Sources are the identifiers of the assertions in the tables the spec was made from.
	Sources []string
	// Ends are the ways, as [xtest/runner/event] names them, in one of which the spec is to end the guest
	// that runs it. One that lives on has failed. It goes with [Destructive].
	Ends []string
	// Moves has the spec judged in two machines, one after the other: its body runs in both, and what passes
	// in the first takes its [Luggage] to the second, whose verdict counts.
	Moves bool
	// Labels are for users to choose specs by, beside suite and kind.
	Labels []string
}

// Bench is the label of specs whose samples are benchmarks.
const Bench = "bench"

// DefaultLimit is the time limit of a spec that declares none.
const DefaultLimit = 10 * time.Second

// Event gives the declaration as it stands on the record. Scale is the machine's slowness.
func (m Meta) Event(suite string, scale float64) *event.Meta {
	needs := make([]string, 0, len(m.Needs))
	for _, p := range m.Needs {
		needs = append(needs, p.Name)
	}
	return &event.Meta{
		Suite: suite, Clause: m.Clause, Level: string(m.Level), Grade: m.Grade.String(),
		Needs: needs, Labels: m.Labels, Limit: m.limit(scale), Sources: m.Sources, Ends: m.Ends, Moves: m.Moves,
	}
}

func (m Meta) limit(scale float64) time.Duration {
	d := m.Limit
	if d == 0 {
		d = DefaultLimit
	}
	return time.Duration(float64(d) * max(scale, 1))
}

func (m Meta) validate() {
	switch {
	case m.ID == "", m.Clause == "":
		panic(fmt.Sprintf("spec %q: a spec needs an ID and a clause", m.ID))
	case strings.ContainsFunc(m.ID, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsUpper(r) || !unicode.IsPrint(r) }):
		panic(fmt.Sprintf("spec %q: an ID is in lower case, without spaces", m.ID))
	case m.Level != Must && m.Level != Should:
		panic(fmt.Sprintf("spec %q: level %q is neither MUST nor SHOULD", m.ID, m.Level))
	case m.Grade < Safe || m.Grade > Destructive:
		panic(fmt.Sprintf("spec %q: there is no grade %d", m.ID, int(m.Grade)))
	case len(m.Ends) > 0 && m.Grade != Destructive:
		panic(fmt.Sprintf("spec %q: it ends its guest and is not graded destructive", m.ID))
	case m.Moves && m.Grade != Guest:
		panic(fmt.Sprintf("spec %q: it moves and is graded %s, not guest", m.ID, m.Grade))
	case m.Limit < 0:
		panic(fmt.Sprintf("spec %q: a limit of %v", m.ID, m.Limit))
	}
}
