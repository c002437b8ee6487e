package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/clipperhouse/displaywidth"
	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/tw"

	"xtest/runner/event"
)

// DefaultWidth is the width in cells that is used where none is given.
const DefaultWidth = 100

// Options say how text is laid out. Whether colours are wanted (NO_COLOR, a terminal) and how wide
// it is, the caller finds out.
type Options struct {
	Width int // in cells; 0 means [DefaultWidth], and less than 40 is taken as 40
	Color bool
}

// Table writes the model for people: the targets, the counts, every failure and every broken spec,
// and the way on.
func Table(w io.Writer, m *Model, o Options) error {
	if o.Width == 0 {
		o.Width = DefaultWidth
	}
	o.Width = max(o.Width, 40)
	p := &page{Options: o, m: m}
	p.header()
	p.targets()
	if err := p.counts(); err != nil {
		return err
	}
	p.verdicts()
	p.summary()
	if _, err := io.WriteString(w, p.b.String()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// page is a report that is being laid out.
type page struct {
	Options
	m     *Model
	b     strings.Builder
	notes []string // footnotes, numbered from 1
}

// style is an SGR parameter of ECMA-48.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

func (o Options) paint(s style, text string) string {
	if !o.Color || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// Bad paints a word as the tables do what failed.
func (o Options) Bad(text string) string { return o.paint(red, text) }

// Doubtful is of what could not be judged.
func (o Options) Doubtful(text string) string { return o.paint(yellow, text) }

// line writes text, wrapped to the page's width, the lines after the first indented by hang.
func (p *page) line(s style, first, hang, text string) {
	for i, l := range Wrap(text, p.Width-max(cells(first), cells(hang))) {
		if i == 1 {
			first = hang
		}
		p.b.WriteString(first + p.paint(s, l) + "\n")
	}
}

func (p *page) blank() { p.b.WriteByte('\n') }

func (p *page) header() {
	if r := p.m.Run; r != nil {
		p.line(bold, "", "  ", fmt.Sprintf("xtest %s · seed %x · run %s", Clean(r.Version), r.Seed, Clean(r.ID)))
	} else {
		p.line(bold, "", "  ", "xtest · a record without its beginning")
	}
}

// counts writes the table of suites, one line for each suite of each target.
func (p *page) counts() error {
	var rows [][]string
	left := false
	for _, t := range p.m.Targets {
		left = left || t.Counts.NotJudged > 0
	}
	for _, t := range p.m.Targets {
		for _, s := range t.Suites {
			c := s.Counts
			row := []string{Clip(Clean(t.Name), 40), Clip(orDash(s.Name), 30),
				p.number(green, c.Pass), p.number(red, c.Fail), p.number(plain, c.NotApplicable), p.number(yellow, c.Broken)}
			if left {
				row = append(row, p.number(yellow, c.NotJudged))
			}
			rows = append(rows, append(row, span(s.Duration)))
		}
	}
	if len(rows) == 0 {
		return nil
	}
	head := []string{"target", "suite", "pass", "fail", "n/a", "broken"}
	if left {
		head = append(head, "not run")
	}
	p.blank()
	return p.table(append(head, "time"), rows)
}

func (p *page) table(head []string, rows [][]string) error {
	aligns := make([]tw.Align, len(head))
	for i := range aligns {
		aligns[i] = tw.AlignRight
	}
	aligns[0], aligns[1] = tw.AlignLeft, tw.AlignLeft
	var out strings.Builder
	if err := Grid(&out, head, rows, aligns); err != nil {
		return fmt.Errorf("laying out the table of counts: %w", err)
	}
	// On a narrow page the times go first, then the ends of the targets' names; numbers never do.
	if over(out.String(), p.Width) > 0 {
		last := len(head) - 1
		for i := range rows {
			rows[i] = rows[i][:last]
		}
		out.Reset()
		if err := Grid(&out, head[:last], rows, aligns[:last]); err != nil {
			return fmt.Errorf("laying out the table of counts: %w", err)
		}
		head, aligns = head[:last], aligns[:last]
	}
	if n := over(out.String(), p.Width); n > 0 {
		name := 0
		for _, r := range rows {
			name = max(name, cells(r[0]))
		}
		for _, r := range rows {
			r[0] = displaywidth.TruncateString(r[0], max(name-n, 6), "…")
		}
		out.Reset()
		if err := Grid(&out, head, rows, aligns); err != nil {
			return fmt.Errorf("laying out the table of counts: %w", err)
		}
	}
	for l := range strings.Lines(out.String()) {
		p.b.WriteString(strings.TrimRight(l, " \n") + "\n")
	}
	return nil
}

// over is by how many cells the widest line of a text is wider than width, or negative.
func over(text string, width int) int {
	widest := 0
	for l := range strings.Lines(text) {
		widest = max(widest, cells(strings.TrimRight(l, " \n")))
	}
	return widest - width
}

// cells is the width of a string on a terminal; colours have none.
func cells(s string) int {
	return displaywidth.Options{ControlSequences: true}.String(s)
}

// Grid writes the rows below their heads, without any lines; nil heads are left out. The cells are
// written as they are: they must be clean.
func Grid(out io.Writer, head []string, rows [][]string, aligns []tw.Align) error {
	t := tablewriter.NewTable(out,
		tablewriter.WithRendition(tw.Rendition{
			Borders: tw.BorderNone,
			Settings: tw.Settings{
				Separators: tw.SeparatorsNone,
				Lines:      tw.LinesNone,
			},
		}),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: aligns}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: aligns}),
	)
	if head != nil {
		t.Header(head)
	}
	if err := t.Bulk(rows); err != nil {
		return err
	}
	return t.Render()
}

func (p *page) number(s style, n int) string {
	if n == 0 {
		s = plain
	}
	return p.paint(s, fmt.Sprint(n))
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return Clean(s)
}

// badness sorts the specs that are shown one by one, the worst first.
var badness = []func(*Spec) bool{
	func(s *Spec) bool { return s.Verdict() == event.Fail && !s.Result.Excused() },
	func(s *Spec) bool { return s.Verdict() == event.Broken },
	func(s *Spec) bool { return s.Result.Excused() },
}

func (p *page) verdicts() {
	for _, bad := range badness {
		for _, t := range p.m.Targets {
			for _, s := range t.Specs {
				if bad(s) {
					p.blank()
					p.spec(t, s)
				}
			}
		}
	}
	p.newAnswers()
	p.known()
	p.notJudged()
	p.notApplicable()
}
