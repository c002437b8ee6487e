package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"xtest/reports"
	"xtest/reports/compare"
)

func compareCommand() *cobra.Command {
	var names []string
	var json string
	var failOnChange bool
	c := &cobra.Command{
		Use:   "compare BASE [NEW]",
		Short: "Say what differs in behaviour between two runs",
		Long: `Compare two runs, target by target: the specs whose verdicts differ, failures that got something else,
and the raw answers that differ, one line each. BASE and NEW are runs' folders. Targets of the same
name are compared, or the only one of each. With BASE alone its first target is compared with each
other. The exit status is 0 whatever differs, unless --fail-on-change is given.`,
		Example: `  xtest compare runs/base runs/new
  xtest compare runs/xens --pair xen:debian-11=xen:debian-12
  xtest compare base new --fail-on-change --json changes.json`,
		Args: usage(cobra.RangeArgs(1, 2)),
		RunE: func(_ *cobra.Command, dirs []string) error {
			pairs, err := comparePairs(dirs, names)
			if err != nil {
				return err
			}
			if json != "-" {
				if err := compare.Table(os.Stdout, pairs, stdoutScreen().options()); err != nil {
					return err
				}
			}
			if err := writeFile(json, func(w io.Writer) error { return compare.JSON(w, pairs) }); err != nil {
				return err
			}
			for _, p := range pairs {
				if failOnChange && p.Differs() {
					return exit(exitFailed)
				}
			}
			return nil
		},
	}
	c.Flags().StringArrayVar(&names, "pair", nil, "compare these targets, written BASE=NEW; may be repeated")
	c.Flags().StringVar(&json, "json", "", "write every difference in full to this file (-: standard output, and no table)")
	c.Flags().BoolVar(&failOnChange, "fail-on-change", false, "exit with 1 when anything differs")
	return c
}

// comparePairs reads one run or two.
func comparePairs(dirs, names []string) ([]*compare.Pair, error) {
	var runs []*reports.Model
	for _, dir := range dirs {
		m, err := reports.Load(dir)
		if err != nil {
			return nil, err
		}
		runs = append(runs, m)
	}
	if len(runs) == 1 {
		return compare.Within(runs[0], names)
	}
	return compare.Runs(runs[0], runs[1], names)
}
