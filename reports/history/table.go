package history

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/olekukonko/tablewriter/tw"

	"xtest/reports"
	"xtest/reports/bench"
)

// bars are the steps of a line that is drawn in text.
const bars = "▁▂▃▄▅▆▇█"

// Table writes a line for people: each run with its median, and the changes where they are.
func Table(w io.Writer, l *Line, points []Point, o reports.Options) error {
	fmt.Fprintf(w, " %s  %s  %s\n", reports.Clean(l.Name), reports.Clean(l.Target), Spark(l))
	at := map[int]bench.Finding{}
	for _, p := range points {
		at[p.Run] = p.Finding
	}
	var rows [][]string
	for i, e := range l.Entries {
		change := ""
		if f, ok := at[i]; ok {
			change = o.Bad(fmt.Sprintf("CHANGED by %s %%", bench.Percent(f.Effect)))
		}
		rows = append(rows, []string{e.When.Format("2006-01-02 15:04"), reports.Clean(e.Name()), bench.Amount(e.Median(), l.Unit), fmt.Sprint(len(e.Values)), change})
	}
	var out strings.Builder
	aligns := []tw.Align{tw.AlignLeft, tw.AlignLeft, tw.AlignRight, tw.AlignRight, tw.AlignLeft}
	if err := reports.Grid(&out, []string{"run", "of", "median", "boots", ""}, rows, aligns); err != nil {
		return fmt.Errorf("laying out the history: %w", err)
	}
	for text := range strings.Lines(out.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(text, " \n")); err != nil {
			return fmt.Errorf("writing the history: %w", err)
		}
	}
	if l.Elsewhere > 0 {
		fmt.Fprintf(w, " left out: %d runs of other machines, whose time does not compare\n", l.Elsewhere)
	}
	return nil
}

// Spark draws the medians as a row of bars, from the least to the most.
func Spark(l *Line) string {
	steps := []rune(bars)
	low, high := math.Inf(1), math.Inf(-1)
	for _, e := range l.Entries {
		low, high = min(low, e.Median()), max(high, e.Median())
	}
	var b strings.Builder
	for _, e := range l.Entries {
		step := 0
		// What differs by less than a hundredth is drawn level.
		if high-low > math.Abs(high)/100 {
			step = int((e.Median() - low) / (high - low) * float64(len(steps)-1))
		}
		b.WriteRune(steps[step])
	}
	return b.String()
}
