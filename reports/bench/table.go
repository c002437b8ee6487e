package bench

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/olekukonko/tablewriter/tw"

	"xtest/reports"
)

// Table writes a comparison for people. Of counters only those that differ are shown. Without benchmarks
// it writes nothing.
func Table(w io.Writer, c *Comparison, o reports.Options) error {
	if len(c.Rows) == 0 {
		return nil
	}
	var b strings.Builder
	var rows [][]string
	for _, r := range c.Rows {
		if r.Only == "" && (!r.Counter || r.Verdict == Different) {
			rows = append(rows, []string{reports.Clean(r.Name), Amount(r.Base, r.Unit), Amount(r.New, r.Unit), r.change(), r.words(o)})
		}
	}
	if len(rows) > 0 {
		aligns := []tw.Align{tw.AlignLeft, tw.AlignRight, tw.AlignRight, tw.AlignRight, tw.AlignLeft}
		if err := grid(&b, []string{"benchmark", "base", "new", "change", "verdict"}, rows, aligns); err != nil {
			return err
		}
	}
	for _, r := range c.Rows {
		if r.Only != "" && !r.Counter {
			gate := ""
			if r.Outcome == Undecided {
				gate = o.Doubtful("  its gate is undecided")
			}
			fmt.Fprintf(&b, " %s (%s): only in the %s%s\n", reports.Clean(r.Name), reports.Clean(r.Unit), r.Only, gate)
		}
	}
	for _, n := range c.Notes {
		fmt.Fprintf(&b, " note: %s\n", reports.Clean(n))
	}
	fmt.Fprintf(&b, "\nbenchmarks: %d different, %d same, %d unknown", c.Count(Different), c.Count(Same), c.Count(Unknown))
	switch different, other := c.Counters(); {
	case different > 0:
		fmt.Fprintf(&b, "; of %d counters %d different", different+other, different)
	case other > 0:
		fmt.Fprintf(&b, "; %d counters not known to differ", other)
	}
	b.WriteByte('\n')
	if worst := c.Slowest(); len(worst) > 0 && c.Base.Source != c.New.Source && c.Base.Recorded && c.New.Recorded {
		fmt.Fprintf(&b, " why?  %s\n", reports.ShellWords([]string{"xtest", "explain", c.Base.Source, c.New.Source, "--bench", worst[0].Name}))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the benchmarks: %w", err)
	}
	return nil
}

// grid lays out rows without blanks at the lines' ends.
func grid(b *strings.Builder, head []string, rows [][]string, aligns []tw.Align) error {
	var out strings.Builder
	if err := reports.Grid(&out, head, rows, aligns); err != nil {
		return fmt.Errorf("laying out the benchmarks: %w", err)
	}
	for l := range strings.Lines(out.String()) {
		b.WriteString(strings.TrimRight(l, " \n") + "\n")
	}
	return nil
}

// change is the effect and the larger half of its interval.
func (r *Row) change() string {
	half := max(r.Hi-r.Effect, r.Effect-r.Lo)
	switch {
	case math.IsInf(r.Effect, 0):
		return "from 0"
	case math.IsInf(half, 0):
		return fmt.Sprintf("%+.1f %% ±?", 100*r.Effect)
	}
	return fmt.Sprintf("%s %% ±%.1f", Percent(r.Effect), 100*half)
}

// Percent writes a fraction with a sign, and none for what is nothing.
func Percent(fraction float64) string {
	text := fmt.Sprintf("%+.1f", 100*fraction)
	if text == "+0.0" || text == "-0.0" {
		return "0.0"
	}
	return text
}

// words are the verdict and what came of the gate.
func (r *Row) words(o reports.Options) string {
	text := string(Same)
	switch {
	case r.Note != "":
		text = o.Doubtful("unknown: " + r.Note)
	case r.Verdict == Different && r.Counter:
		text = "different  p=" + probability(r.P)
	case r.Verdict == Different:
		text = o.Bad("DIFFERENT") + "  p=" + probability(r.P)
	case r.Verdict == Unknown && r.More > maxMore:
		text = o.Doubtful(fmt.Sprintf("unknown: more than %d more boots of each would tell", maxMore))
	case r.Verdict == Unknown:
		text = o.Doubtful(fmt.Sprintf("unknown: %d more boots of each would tell", r.More))
	}
	switch r.Outcome {
	case Over:
		text += o.Bad(fmt.Sprintf("  over the gate of %g %%", 100*r.Gate))
	case Undecided:
		text += o.Doubtful(fmt.Sprintf("  the gate of %g %% is undecided", 100*r.Gate))
	}
	return text
}

// probability is a p-value with one digit that counts.
func probability(p float64) string {
	if p < 1e-9 {
		return "1e-9 or less"
	}
	return strconv.FormatFloat(p, 'g', 1, 64)
}

// Amount writes a value with its unit: digits in groups of three, fractions only of what is small.
func Amount(v float64, unit string) string {
	var text string
	switch a := math.Abs(v); {
	case a >= 1e15:
		text = fmt.Sprintf("%.3g", v)
	case a >= 1000 || v == math.Trunc(v):
		text = groups(fmt.Sprintf("%.0f", v))
	case a >= 100:
		text = fmt.Sprintf("%.1f", v)
	default:
		text = fmt.Sprintf("%.3g", v)
	}
	return text + " " + reports.Clean(unit)
}

// Groups writes a whole number with its digits in groups of three.
func Groups(v float64) string { return groups(fmt.Sprintf("%.0f", v)) }

func groups(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:]
	}
	return sign + digits
}
