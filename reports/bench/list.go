package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter/tw"

	"xtest/reports"
)

// List writes what was measured on a target for people: the median over the boots, and how far the boots lie
// apart. Counters are left out.
func List(w io.Writer, s *Side) error {
	var rows [][]string
	counters := 0
	for _, one := range s.Series {
		if s.nature(one.Unit) == counter {
			counters++
			continue
		}
		values := slices.Sorted(slices.Values(one.Values))
		rows = append(rows, []string{
			reports.Clean(one.Name), Amount(median(values), one.Unit), Amount(values[0], ""), Amount(values[len(values)-1], ""),
			fmt.Sprint(len(values)), fmt.Sprint(one.Samples),
		})
	}
	var b strings.Builder
	if len(rows) > 0 {
		aligns := []tw.Align{tw.AlignLeft, tw.AlignRight, tw.AlignRight, tw.AlignRight, tw.AlignRight, tw.AlignRight}
		if err := grid(&b, []string{"benchmark", "median", "least", "most", "boots", "samples"}, rows, aligns); err != nil {
			return err
		}
	}
	if counters > 0 {
		fmt.Fprintf(&b, " and %d counters, which `xtest compare` shows where they differ\n", counters)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the benchmarks: %w", err)
	}
	return nil
}
