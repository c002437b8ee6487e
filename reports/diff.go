package reports

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/clipperhouse/displaywidth"

	"xtest/runner/event"
)

// DiffOptions say how a comparison is laid out.
type DiffOptions struct {
	Options
	// All shows the specs on which all targets agree, too, behind those on which they differ.
	All bool
}

// Diff writes one row for each spec and one column for each target of the runs, the rows that differ
// first, and below them why. A spec that is judged on some targets alone does not differ for that.
func Diff(w io.Writer, runs []*Model, o DiffOptions) error {
	if len(runs) == 0 {
		return errors.New("comparing runs: there is none")
	}
	if o.Width == 0 {
		o.Width = DefaultWidth
	}
	o.Width = max(o.Width, 40)
	d := &diff{page: &page{Options: o.Options, m: runs[0]}, several: len(runs) > 1}
	if d.several {
		d.legend(runs)
	} else {
		d.header()
		d.targets()
		if err := d.counts(); err != nil {
			return err
		}
	}
	d.columns(runs)
	d.compare()
	d.blocks(o.All)
	d.reasons()
	d.tally(runs, o.All)
	if _, err := io.WriteString(w, d.b.String()); err != nil {
		return fmt.Errorf("writing the comparison: %w", err)
	}
	return nil
}

// diff is a comparison that is being laid out.
type diff struct {
	*page
	several bool
	cols    []column
	rows    []*row // those that differ first
	differ  int    // how many do
}

// column is one target of one run.
type column struct {
	target *Target
	name   string // unique among the columns
}

// row is one spec, with nil where a column does not have it.
type row struct {
	id    string
	cells []*Spec
	rank  int
}

// Ranks of rows, in the order in which they are shown.
const (
	opposed = iota // it passes here and fails there
	partly         // here it is judged, there it is broken
	absent         // here it applies, there it does not or was not judged
	agreed
)

// mark names a run where there are several.
func mark(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return fmt.Sprintf("R%d", i+1)
}

func (d *diff) legend(runs []*Model) {
	for i, m := range runs {
		text := "a record without its beginning"
		if r := m.Run; r != nil {
			text = fmt.Sprintf("xtest %s · seed %x", Clean(r.Version), r.Seed)
		}
		if m.Dir != "" {
			text = Clean(m.Dir) + " · " + text
		}
		d.line(plain, d.paint(bold, mark(i))+"  ", "   ", text)
	}
}

func (d *diff) columns(runs []*Model) {
	for i, m := range runs {
		for _, t := range m.Targets {
			if len(t.Specs) == 0 {
				continue
			}
			name := Clip(Clean(t.Name), 40)
			if d.several {
				name = mark(i) + " " + name
			}
			d.cols = append(d.cols, column{t, name})
		}
	}
	if !d.several {
		return
	}
	// A target of all runs stands side by side with itself.
	first := map[string]int{}
	for i, c := range d.cols {
		if _, ok := first[c.target.Name]; !ok {
			first[c.target.Name] = i
		}
	}
	slices.SortStableFunc(d.cols, func(a, b column) int { return cmp.Compare(first[a.target.Name], first[b.target.Name]) })
}

// compare makes the rows, in the order of the first column that has each.
func (d *diff) compare() {
	byID := map[string]*row{}
	for i, c := range d.cols {
		for _, s := range c.target.Specs {
			r := byID[s.ID]
			if r == nil {
				r = &row{id: s.ID, cells: make([]*Spec, len(d.cols))}
				byID[s.ID] = r
				d.rows = append(d.rows, r)
			}
			r.cells[i] = s
		}
	}
	for _, r := range d.rows {
		if r.rank = rank(r.cells); r.rank != agreed {
			d.differ++
		}
	}
	slices.SortStableFunc(d.rows, func(a, b *row) int { return cmp.Compare(a.rank, b.rank) })
}

func rank(specs []*Spec) int {
	seen := map[event.Verdict]bool{}
	for _, s := range specs {
		if s != nil {
			seen[s.Verdict()] = true
		}
	}
	switch {
	case len(seen) < 2:
		return agreed
	case seen[event.Pass] && seen[event.Fail]:
		return opposed
	case seen[event.Broken]:
		return partly
	}
	return absent
}

// word is a verdict as it stands in the table.
func word(s *Spec) (string, style) {
	switch {
	case s == nil:
		return "", plain
	case s.Result.Excused():
		return "known", plain
	}
	switch s.Verdict() {
	case event.Pass:
		return "pass", green
	case event.Fail:
		return "FAIL", red
	case event.Broken:
		return "BROKEN", yellow
	case event.NotApplicable:
		return "n/a", dim
	}
	return "not run", yellow
}

// blocks writes the table, of as many columns at a time as the page is wide.
func (d *diff) blocks(all bool) {
	rows := d.rows
	if !all {
		rows = rows[:d.differ]
	}
	if len(rows) == 0 || len(d.cols) == 0 {
		return
	}
	const gap, narrowest = 2, 7 // "not run"
	widest := 0
	for _, r := range rows {
		widest = max(widest, displaywidth.String(Clean(r.id)))
	}
	first := min(widest, d.Width/2)
	room := d.Width - 1 - first
	for from := 0; from < len(d.cols); {
		var widths []int
		used := 0
		for _, c := range d.cols[from:] {
			w := min(max(displaywidth.String(c.name), narrowest), room-gap)
			if used+gap+w > room && len(widths) > 0 {
				break
			}
			widths, used = append(widths, w), used+gap+w
		}
		d.blank()
		head := " " + fit("spec", first)
		for i, w := range widths {
			head += strings.Repeat(" ", gap) + fit(d.cols[from+i].name, w)
		}
		d.b.WriteString(d.paint(bold, strings.TrimRight(head, " ")) + "\n")
		for i, r := range rows {
			if i == d.differ && d.differ > 0 {
				d.line(dim, " ", " ", "the rest is the same on all")
			}
			d.row(r, first, gap, r.cells[from:from+len(widths)], widths)
		}
		from += len(widths)
	}
}

func (d *diff) row(r *row, first, gap int, specs []*Spec, widths []int) {
	var b strings.Builder
	b.WriteString(" " + fit(Clean(r.id), first))
	pad := 0
	for i, s := range specs {
		text, style := word(s)
		if text == "" {
			text = "·"
		}
		b.WriteString(strings.Repeat(" ", gap+pad) + d.paint(style, text))
		pad = widths[i] - displaywidth.String(text)
	}
	d.b.WriteString(b.String() + "\n")
}

// fit makes a clean string exactly as wide as wanted.
func fit(s string, width int) string {
	s = displaywidth.TruncateString(s, width, "…")
	return s + strings.Repeat(" ", max(width-displaywidth.String(s), 0))
}
