package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/clipperhouse/displaywidth"
	"github.com/olekukonko/tablewriter/tw"

	"xtest/reports"
	"xtest/reports/bench"
)

// maxRows is how many changes of a kind the table shows of a pair; JSON has them all.
const maxRows = 400

// Table writes the pairs for people, one line for each change.
func Table(w io.Writer, pairs []*Pair, o reports.Options) error {
	if o.Width == 0 {
		o.Width = reports.DefaultWidth
	}
	t := &text{Options: o}
	for i, p := range pairs {
		if i > 0 {
			t.b.WriteByte('\n')
		}
		if err := t.pair(p); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(w, t.b.String()); err != nil {
		return fmt.Errorf("writing the comparison: %w", err)
	}
	return nil
}

type text struct {
	reports.Options
	b strings.Builder
}

func (t *text) pair(p *Pair) error {
	heads := [][]string{side("base", p.Base), side("new", p.New)}
	if err := t.rows(nil, heads); err != nil {
		return err
	}
	for _, k := range []struct {
		kind  Kind
		title string
	}{{Verdict, "verdict"}, {Got, "fails in both, got"}, {Answer, "answer"}} {
		if err := t.kind(p, k.kind, k.title); err != nil {
			return err
		}
	}
	if p.Offers != nil {
		if err := t.offers(p.Offers); err != nil {
			return err
		}
	}
	for _, a := range p.Alone {
		fmt.Fprintf(&t.b, "\nnot compared  %s\n", reports.Clean(a))
	}
	fmt.Fprintf(&t.b, "\n%s\n", p.tally())
	return nil
}

func side(name string, t *reports.Target) []string {
	return []string{name, reports.Clean(t.Name), reports.Clean(t.What())}
}

// tally is the pair in one line.
func (p *Pair) tally() string {
	if !p.Differs() {
		return fmt.Sprintf("no difference in %d specs and %d answers", p.Specs, p.Answers)
	}
	return fmt.Sprintf("differ: %d of %d verdicts, %d of %d answers, %d other failures",
		p.Count(Verdict), p.Specs, p.Count(Answer), p.Answers, p.Count(Got))
}

func (t *text) kind(p *Pair, kind Kind, title string) error {
	n := p.Count(kind)
	if n == 0 {
		return nil
	}
	var rows [][]string
	for _, c := range p.Changes {
		if c.Kind == kind && len(rows) < maxRows {
			rows = append(rows, []string{reports.Clean(c.Spec), reports.Clean(c.Call), orDash(c.Was), orDash(c.Now)})
		}
	}
	head := []string{title, "call", "base", "new"}
	if kind == Verdict {
		for i, r := range rows {
			rows[i] = []string{r[0], r[2], r[3]}
		}
		head = []string{title, "base", "new"}
	}
	t.b.WriteByte('\n')
	if err := t.rows(head, rows); err != nil {
		return err
	}
	if n > len(rows) {
		fmt.Fprintf(&t.b, " and %d more; --json has them all\n", n-len(rows))
	}
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return reports.Clean(s)
}

// rows lays out a table that is no wider than the page: every column may take what the shorter ones
// leave it, and what is cut ends in "…".
func (t *text) rows(head []string, rows [][]string) error {
	all := rows
	if head != nil {
		all = append([][]string{head}, rows...)
	}
	widths := share(all, t.Width-1)
	for _, r := range all {
		for i := range r {
			r[i] = displaywidth.TruncateString(r[i], widths[i], "…")
		}
	}
	aligns := make([]tw.Align, len(widths))
	for i := range aligns {
		aligns[i] = tw.AlignLeft
	}
	var out strings.Builder
	if err := reports.Grid(&out, head, rows, aligns); err != nil {
		return fmt.Errorf("laying out the comparison: %w", err)
	}
	for l := range strings.Lines(out.String()) {
		t.b.WriteString(strings.TrimRight(l, " \n") + "\n")
	}
	return nil
}

// share gives each column its width: narrow ones what they need, the others an equal part of the rest.
func share(rows [][]string, width int) []int {
	const gap = 2
	need := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			need[i] = max(need[i], displaywidth.String(cell))
		}
	}
	widths := make([]int, len(need))
	left, open := max(width-gap*len(need), 8*len(need)), len(need)
	for changed := true; changed && open > 0; {
		changed = false
		for i, n := range need {
			if widths[i] == 0 && n <= left/open {
				widths[i], left, open, changed = max(n, 1), left-n, open-1, true
				if open == 0 {
					break
				}
			}
		}
	}
	for i := range widths {
		if widths[i] == 0 {
			widths[i] = left / open
		}
	}
	return widths
}

// JSON writes the pairs and what came of their benchmarks as one document, every change in full.
func JSON(w io.Writer, pairs []*Pair, benches []*bench.Comparison) error {
	e := json.NewEncoder(reports.Inert(w))
	e.SetIndent("", "  ")
	if err := e.Encode(struct {
		Schema     int                 `json:"schema"`
		Pairs      []*Pair             `json:"pairs"`
		Benchmarks []*bench.Comparison `json:"benchmarks,omitempty"`
	}{reports.Schema, pairs, benches}); err != nil {
		return fmt.Errorf("writing the comparison as JSON: %w", err)
	}
	return nil
}
