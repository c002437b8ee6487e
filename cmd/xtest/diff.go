package main

import (
	"io"

	"github.com/spf13/cobra"

	"xtest/reports"
)

// diffFlags say whether targets are shown side by side.
type diffFlags struct{ diff, all bool }

func (f *diffFlags) add(c *cobra.Command) {
	c.Flags().BoolVar(&f.diff, "diff", false, "show one row for each spec and one column for each target, those that differ")
	c.Flags().BoolVar(&f.all, "all", false, "with --diff: also those that do not differ")
}

func (f *diffFlags) check() error {
	if f.all && !f.diff {
		return usagef("--all says what --diff shows; it means nothing alone")
	}
	return nil
}

// table writes what was asked for of a run.
func (f *diffFlags) table(w io.Writer, s screen, m *reports.Model) error {
	if !f.diff {
		return reports.Table(w, m, s.options())
	}
	return reports.Diff(w, []*reports.Model{m}, reports.DiffOptions{Options: s.options(), All: f.all})
}

// report compares several runs. The exit status is the worst of theirs.
func (f *diffFlags) report(dirs []string, files outputs) error {
	if files.wanted() {
		return usagef("files are written of one run; several are put together by `xtest merge`")
	}
	var runs []*reports.Model
	code := exitGood
	for _, dir := range dirs {
		m, err := reports.Load(dir)
		if err != nil {
			return err
		}
		runs = append(runs, m)
		if c := m.Exit(); code != exitFailed && c != exitGood {
			code = c
		}
	}
	err := reports.Diff(stdoutScreen().out(), runs, reports.DiffOptions{Options: stdoutScreen().options(), All: f.all})
	if err == nil && code != exitGood {
		err = exit(code)
	}
	return err
}
