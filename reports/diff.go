package reports

import (
	"errors"
	"fmt"
	"io"
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
	d := &diff{page: &page{Options: o.Options, m: runs[0]}, several: len(runs) > 1, Matrix: NewMatrix(runs)}
	if d.several {
		d.legend(runs)
	} else {
		d.header()
		d.targets()
		if err := d.counts(); err != nil {
			return err
		}
	}
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
	*Matrix
	several bool
}

// Name is a column's, unique among the columns.
func (c Column) Name() string {
	name := Clip(Clean(c.Target.Name), 40)
	if c.Mark != "" {
		name = c.Mark + " " + name
	}
	return name
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
		d.line(plain, d.paint(bold, Mark(i))+"  ", "   ", text)
	}
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
	rows := d.Matrix.Rows
	if !all {
		rows = rows[:d.Differ]
	}
	if len(rows) == 0 || len(d.Columns) == 0 {
		return
	}
	const gap, narrowest = 2, 7 // "not run"
	widest := 0
	for _, r := range rows {
		widest = max(widest, displaywidth.String(Clean(r.ID)))
	}
	first := min(widest, d.Width/2)
	room := d.Width - 1 - first
	for from := 0; from < len(d.Columns); {
		var widths []int
		used := 0
		for _, c := range d.Columns[from:] {
			w := min(max(displaywidth.String(c.Name()), narrowest), room-gap)
			if used+gap+w > room && len(widths) > 0 {
				break
			}
			widths, used = append(widths, w), used+gap+w
		}
		d.blank()
		head := " " + fit("spec", first)
		for i, w := range widths {
			head += strings.Repeat(" ", gap) + fit(d.Columns[from+i].Name(), w)
		}
		d.b.WriteString(d.paint(bold, strings.TrimRight(head, " ")) + "\n")
		for i, r := range rows {
			if i == d.Differ && d.Differ > 0 {
				d.line(dim, " ", " ", "the rest is the same on all")
			}
			d.row(r, first, gap, r.Specs[from:from+len(widths)], widths)
		}
		from += len(widths)
	}
}

func (d *diff) row(r *Row, first, gap int, specs []*Spec, widths []int) {
	var b strings.Builder
	b.WriteString(" " + fit(Clean(r.ID), first))
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
