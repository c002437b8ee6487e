// Package coverage compares a suite's specs with the table of assertions that the suite was made from. Tests of
// suites use it.
package coverage

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"xtest/suites/spec"
)

// Table is a table of assertions, and what became of those that no spec names as a source.
type Table struct {
	// Kinds are the kinds of the table, with how many assertions each has: they are numbered from 1, as "GEN-001".
	Kinds map[string]int
	// Elsewhere are assertions that a spec judges which was not made from the table, by its ID.
	Elsewhere map[string]string
	// Unjudged are the assertions without a spec, each with the reason.
	Unjudged map[string]string
}

// Declared are the specs of a suite that are linked into this program.
func Declared(suite string) []spec.Listed {
	return slices.DeleteFunc(spec.All(), func(l spec.Listed) bool { return l.Suite != suite })
}

// Size is how many assertions the table has.
func (t Table) Size() (n int) {
	for _, k := range t.Kinds {
		n += k
	}
	return n
}

// Faults says where table and specs do not fit: an assertion has a spec or a reason why not, and not both; a spec's
// sources, and all that has a reason, are in the table.
func (t Table) Faults(specs []spec.Listed) (faults []string) {
	add := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	judged, ids := map[string][]string{}, map[string]bool{}
	for _, l := range specs {
		ids[l.ID] = true
		for _, s := range l.Sources {
			judged[s] = append(judged[s], l.ID)
		}
	}
	for id, at := range t.Elsewhere {
		if !ids[at] {
			add("%s: there is no spec %s", id, at)
		}
		judged[id] = append(judged[id], at)
	}
	reasons := maps.Clone(t.Unjudged)
	for kind, n := range t.Kinds {
		for i := range n {
			id := fmt.Sprintf("%s-%03d", kind, i+1)
			switch specs := judged[id]; {
			case len(specs) == 0 && reasons[id] == "":
				add("%s: neither a spec nor a reason", id)
			case len(specs) > 0 && reasons[id] != "":
				add("%s has a reason why not, and %s", id, strings.Join(specs, ", "))
			}
			delete(judged, id)
			delete(reasons, id)
		}
	}
	for id, specs := range judged {
		add("%s of %v is not in the table", id, specs)
	}
	for id := range reasons {
		add("%s, which has a reason why not, is not in the table", id)
	}
	slices.Sort(faults)
	return faults
}
