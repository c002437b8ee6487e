package reports

import (
	"fmt"
	"slices"
	"strings"
)

// reasons tells of each row that differs what was seen, targets that saw the same together.
func (d *diff) reasons() {
	for _, r := range d.Rows[:d.Differ] {
		d.blank()
		d.line(bold, "", "  ", Clip(Clean(r.ID), 120))
		for _, s := range r.Specs {
			if s != nil && s.clause() != "" {
				d.line(plain, "      ", "      ", Clip(Clean(s.clause()), 200))
				break
			}
		}
		for _, g := range d.grouped(r) {
			text, style := word(g.spec)
			d.line(plain, "      "+d.paint(style, fit(text, 7))+"  ", strings.Repeat(" ", 15), strings.Join(g.names, ", "))
			if why := g.why; why != "" {
				d.line(dim, strings.Repeat(" ", 15), strings.Repeat(" ", 15), why)
			}
		}
	}
}

// observation is what several targets have in common on one spec.
type observation struct {
	spec  *Spec
	why   string
	names []string
}

func (d *diff) grouped(r *Row) []*observation {
	var groups []*observation
	for i, s := range r.Specs {
		if s == nil {
			continue
		}
		text, _ := word(s)
		why := short(s)
		at := slices.IndexFunc(groups, func(g *observation) bool {
			same, _ := word(g.spec)
			return same == text && g.why == why
		})
		if at < 0 {
			at = len(groups)
			groups = append(groups, &observation{spec: s, why: why})
		}
		groups[at].names = append(groups[at].names, d.Columns[i].Name())
	}
	return groups
}

// short is why a spec has its verdict, in a line or two.
func short(s *Spec) string {
	if s.Result == nil {
		return ""
	}
	if s.Result.Failure != nil {
		return Clip(headline(s), 200)
	}
	// The rest of a reason is a stack or a console, which the table shows.
	lines, _ := CleanLines(s.Result.Reason, 1)
	return Clip(strings.Join(lines, ""), 200)
}

// tally says what the comparison comes to and what is not in it.
func (d *diff) tally(runs []*Model, all bool) {
	d.blank()
	same := len(d.Rows) - d.Differ
	text := fmt.Sprintf("%s, %d the same", plural(d.Differ, "spec differs", "specs differ"), same)
	switch {
	case len(d.Columns) < 2:
		text = "nothing to compare: " + plural(len(d.Columns), "target was judged", "targets were judged")
	case same > 0 && !all:
		text += " (--all shows them)"
	}
	style := plain
	if d.Differ > 0 {
		style = yellow
	}
	d.line(style, "", "  ", text)
	for i, m := range runs {
		if !d.several {
			d.summary()
			return
		}
		p := &page{Options: d.Options, m: m}
		p.line(plain, d.paint(bold, Mark(i))+"  ", "   ", tally(m))
		for _, t := range m.Targets {
			if t.Missed != nil {
				p.missed(t)
			}
		}
		d.b.WriteString(p.b.String())
	}
}
