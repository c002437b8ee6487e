package trace

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/olekukonko/tablewriter/tw"

	"xtest/reports"
	"xtest/reports/bench"
)

// Table writes the functions whose own time changed most, at most so many, for people.
func Table(w io.Writer, d *Difference, most int) error {
	var rows [][]string
	for _, f := range d.Functions[:min(most, len(d.Functions))] {
		rows = append(rows, []string{
			reports.Clean(f.Name), reports.Clean(f.Caller), calls(f.Calls[0]), calls(f.Calls[1]),
			bench.Groups(f.Self[0]), bench.Groups(f.Self[1]), signed(f.Change()),
		})
	}
	if len(rows) == 0 {
		return nil
	}
	head := []string{"function", "called by", "calls", "now", "own ns", "now", "change"}
	aligns := []tw.Align{tw.AlignLeft, tw.AlignLeft, tw.AlignRight, tw.AlignRight, tw.AlignRight, tw.AlignRight, tw.AlignRight}
	var out strings.Builder
	if err := reports.Grid(&out, head, rows, aligns); err != nil {
		return fmt.Errorf("laying out the functions: %w", err)
	}
	for l := range strings.Lines(out.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(l, " \n")); err != nil {
			return fmt.Errorf("writing the functions: %w", err)
		}
	}
	return nil
}

func calls(n float64) string {
	if n == math.Trunc(n) {
		return fmt.Sprintf("%.0f", n)
	}
	return fmt.Sprintf("%.2f", n)
}

func signed(v float64) string {
	if v > 0 {
		return "+" + bench.Groups(v)
	}
	return bench.Groups(v)
}

// Guilty are the functions that carry most of the difference: the fewest whose changes add up to 80 % of it,
// five at most, and what part of it that is. None where the traces do not differ the way the benchmark
// does.
func (d *Difference) Guilty() (list []Function, part float64) {
	total := d.Total[1] - d.Total[0]
	sum := 0.0
	for _, f := range d.Functions {
		if len(list) == 5 || sum/total >= 0.8 {
			break
		}
		if f.Change()*total > 0 {
			list = append(list, f)
			sum += f.Change()
		}
	}
	return list, sum / total
}

// Sentences state what the traces show.
func (d *Difference) Sentences() []string {
	guilty, part := d.Guilty()
	total := d.Total[1] - d.Total[0]
	if len(guilty) == 0 {
		return []string{"No function's own time changed: what differs is not in what the kernel can trace, or what the processor does with the same instructions (counters may tell)."}
	}
	verb := "longer"
	if total < 0 {
		verb = "shorter"
	}
	all := []string{fmt.Sprintf("Traced, an operation takes %s ns %s; %.0f %% of that is the own time of %s.", bench.Groups(math.Abs(total)), verb, 100*part, plural(len(guilty)))}
	for _, f := range guilty {
		by := ""
		if f.Caller != "" {
			by = ", called by " + reports.Clean(f.Caller)
		}
		name := reports.Clean(f.Name)
		switch {
		case f.Calls[0] == 0:
			all = append(all, fmt.Sprintf("%s%s: %s calls an operation, and none before: %s ns.", name, by, calls(f.Calls[1]), signed(f.Change())))
		case f.Calls[1] == 0:
			all = append(all, fmt.Sprintf("%s%s: %s calls an operation before, and none now: %s ns.", name, by, calls(f.Calls[0]), signed(f.Change())))
		case math.Abs(f.Calls[1]-f.Calls[0]) < 0.05*f.Calls[0]:
			all = append(all, fmt.Sprintf("%s%s: as often as before (%s an operation), and each takes %s ns instead of %s by itself.", name, by, calls(f.Calls[1]), bench.Groups(f.Self[1]/f.Calls[1]), bench.Groups(f.Self[0]/f.Calls[0])))
		default:
			all = append(all, fmt.Sprintf("%s%s: %s calls an operation instead of %s: %s ns.", name, by, calls(f.Calls[1]), calls(f.Calls[0]), signed(f.Change())))
		}
	}
	return append(all, "What the kernel cannot trace (inlined functions, memset and the like) is own time of what calls it.")
}

func plural(n int) string {
	if n == 1 {
		return "one function"
	}
	return fmt.Sprintf("%d functions", n)
}
