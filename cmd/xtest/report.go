package main

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"xtest/reports"
	"xtest/runner/record"
)

func reportCommand() *cobra.Command {
	var files outputs
	var diff diffFlags
	var page string
	c := &cobra.Command{
		Use:   "report [RUN...]",
		Short: "Draw a run's record again",
		Long: `Draw the record of a run as a table, or in a format that a CI system or another program reads. RUN is a run's folder; without it the
newest below ./runs is taken. --html and --diff take several, and folders that hold runs. The exit status is the run's, of several the worst.`,
		Example: `  xtest report
  xtest report runs/2026-11-20T14.03.11-8f2a --junit - >result.xml
  xtest report --markdown - >>"$GITHUB_STEP_SUMMARY"
  xtest report base new --diff
  xtest report --html page.html
  xtest report runs/ --html history.html`,
		Args: usage(func(c *cobra.Command, args []string) error {
			if diff.diff || page != "" {
				return nil
			}
			return cobra.MaximumNArgs(1)(c, args)
		}),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := diff.check(); err != nil {
				return err
			}
			if diff.diff || page != "" {
				args = runsIn(args)
			}
			if page != "" {
				if diff.diff {
					return usagef("--html has the comparison on its page; take it or --diff")
				}
				if len(args) == 0 {
					dir, err := chosenRun(args)
					if err != nil {
						return err
					}
					args = []string{dir}
				}
				return writePage(page, args, files)
			}
			if len(args) > 1 {
				return diff.report(args, files)
			}
			dir, err := chosenRun(args)
			if err != nil {
				return err
			}
			model, err := reports.Load(dir)
			if err != nil {
				return err
			}
			if !files.wanted() {
				err = diff.table(os.Stdout, stdoutScreen(), model)
			}
			if err == nil {
				err = files.write(model)
			}
			if code := model.Exit(); err == nil && code != exitGood {
				err = exit(code)
			}
			return err
		},
	}
	files.add(c)
	diff.add(c)
	c.Flags().StringVar(&page, "html", "", "draw a page of the run, or of several side by side, as one file without a connection to anything (-: standard output)")
	return c
}

func chosenRun(args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	found, err := filepath.Glob(filepath.Join("runs", "*", record.EventsFile))
	if err != nil || len(found) == 0 {
		return "", usagef("there is no run below ./runs; name a run's folder")
	}
	// Folders are named after their time.
	return filepath.Dir(slices.Max(found)), nil
}
