package html

import (
	"fmt"
	"slices"

	"xtest/reports"
)

// maxAnswers is how many answers that differ a page shows.
const maxAnswers = 1500

// answersView are the raw answers that are not the same on all targets: versions differ in what they say
// before they differ in verdicts.
type answersView struct {
	Rows            []answerRow
	Left            int // that differ and are not shown
	Asked, Compared int // calls with an answer, and those that more than one target has
}

type answerRow struct {
	Suite, Spec, Call string
	Values            []answerValue
}

// answerValue is one answer and the columns that gave it.
type answerValue struct {
	Text  string
	New   bool
	Names []string
}

// answers compares them; nil where no spec kept any.
func answers(m *reports.Matrix) *answersView {
	v := &answersView{}
	for _, r := range m.Rows {
		v.row(m, r)
	}
	if v.Asked == 0 || len(m.Columns) < 2 {
		return nil
	}
	return v
}

func (v *answersView) row(m *reports.Matrix, r *reports.Row) {
	type answer struct {
		call   string
		values []answerValue
		of     int
	}
	var calls []*answer
	byCall := map[string]*answer{}
	var suite string
	for i, s := range r.Specs {
		if s == nil || s.Result == nil {
			continue
		}
		suite = s.Suite
		times := map[string]int{}
		for _, a := range s.Result.Answers {
			call := a.Call
			if times[call]++; times[call] > 1 {
				call = fmt.Sprintf("%s (%d)", call, times[call])
			}
			c := byCall[call]
			if c == nil {
				c = &answer{call: call}
				byCall[call] = c
				calls = append(calls, c)
			}
			c.of++
			text := line(a.Value)
			at := slices.IndexFunc(c.values, func(o answerValue) bool { return o.Text == text })
			if at < 0 {
				at = len(c.values)
				c.values = append(c.values, answerValue{Text: text, New: a.New})
			}
			c.values[at].Names = append(c.values[at].Names, m.Columns[i].Name())
		}
	}
	for _, c := range calls {
		v.Asked++
		if c.of > 1 {
			v.Compared++
		}
		if len(c.values) < 2 {
			continue
		}
		if len(v.Rows) == maxAnswers {
			v.Left++
			continue
		}
		v.Rows = append(v.Rows, answerRow{line(suite), line(r.ID), line(c.call), c.values})
	}
}
