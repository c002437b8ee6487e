package reports

import (
	"cmp"
	"fmt"
	"slices"

	"xtest/runner/event"
)

// Matrix is several targets side by side, of one run or of several: a column for each target that lists
// specs, a row for each spec, those first on which targets differ.
type Matrix struct {
	Columns []Column
	Rows    []*Row
	// Differ is how many of the rows, from the first, do.
	Differ int
}

// Column is one target of one run.
type Column struct {
	Target *Target
	// Run is the index of the run that it is of.
	Run int
	// Mark names that run where there are several: A, B, ..., R27; else it is empty.
	Mark string
}

// Row is one spec on all columns.
type Row struct {
	ID string
	// Specs has nil where a column does not have it.
	Specs []*Spec
	Rank  Rank
}

// Rank is how far targets part on a spec; rows are sorted by it.
type Rank int

// The ranks, in the order in which rows are shown.
const (
	Opposed Rank = iota // it passes here and fails there
	Partly              // here it is judged, there it is broken
	Absent              // here it applies, there it does not or was not judged
	Agreed              // the same on all, or judged on one alone
)

// NewMatrix puts the runs' targets side by side. A target of several runs stands next to itself.
func NewMatrix(runs []*Model) *Matrix {
	m := &Matrix{}
	first := map[string]int{}
	for i, run := range runs {
		for _, t := range run.Targets {
			if len(t.Specs) == 0 {
				continue
			}
			c := Column{Target: t, Run: i}
			if len(runs) > 1 {
				c.Mark = Mark(i)
			}
			if _, ok := first[t.Name]; !ok {
				first[t.Name] = len(m.Columns)
			}
			m.Columns = append(m.Columns, c)
		}
	}
	slices.SortStableFunc(m.Columns, func(a, b Column) int { return cmp.Compare(first[a.Target.Name], first[b.Target.Name]) })
	m.fill()
	return m
}

// Mark names a run where there are several.
func Mark(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return fmt.Sprintf("R%d", i+1)
}

// fill makes the rows, those of a rank in the order of the first column that has each.
func (m *Matrix) fill() {
	byID := map[string]*Row{}
	for i, c := range m.Columns {
		for _, s := range c.Target.Specs {
			r := byID[s.ID]
			if r == nil {
				r = &Row{ID: s.ID, Specs: make([]*Spec, len(m.Columns))}
				byID[s.ID] = r
				m.Rows = append(m.Rows, r)
			}
			r.Specs[i] = s
		}
	}
	for _, r := range m.Rows {
		if r.Rank = rank(r.Specs); r.Rank != Agreed {
			m.Differ++
		}
	}
	slices.SortStableFunc(m.Rows, func(a, b *Row) int { return cmp.Compare(a.Rank, b.Rank) })
}

func rank(specs []*Spec) Rank {
	var seen [5]bool // by weight
	kinds := 0
	for _, s := range specs {
		if s == nil {
			continue
		}
		if w := weight(s.Verdict()); !seen[w] {
			seen[w] = true
			kinds++
		}
	}
	switch {
	case kinds < 2:
		return Agreed
	case seen[weight(event.Pass)] && seen[weight(event.Fail)]:
		return Opposed
	case seen[weight(event.Broken)]:
		return Partly
	}
	return Absent
}
