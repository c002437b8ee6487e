package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"xtest/reports"
	"xtest/reports/html"
	"xtest/runner/record"
)

// reportFlags are what `xtest report` was asked for.
type reportFlags struct {
	files  outputs
	diff   diffFlags
	follow bool
}

func reportCommand() *cobra.Command {
	var f reportFlags
	c := &cobra.Command{
		Use:   "report [RUN...]",
		Short: "Draw a run's record again",
		Long: `Draw the record of a run as a table, as a page, or in a format that a CI system or another program reads. RUN is a run's folder; without it the
newest below ./runs is taken. --html and --diff take several, and folders that hold runs. --follow shows a run that is at
work, until it ends. The exit status is the run's, of several the worst.`,
		Example: `  xtest report
  xtest report runs/2026-11-20T14.03.11-8f2a --junit - >result.xml
  xtest report --markdown - >>"$GITHUB_STEP_SUMMARY"
  xtest report base new --diff
  xtest report --html page.html
  xtest report runs/ --html history.html
  xtest report --follow`,
		Args: usage(func(c *cobra.Command, args []string) error {
			if f.diff.diff || f.files.page() != "" {
				return nil
			}
			return cobra.MaximumNArgs(1)(c, args)
		}),
		RunE: func(c *cobra.Command, args []string) error { return f.run(c.Context(), args) },
	}
	f.files.add(c)
	f.diff.add(c)
	c.Flags().BoolVar(&f.follow, "follow", false, "show the run while it is at work, and draw it when it is over")
	return c
}

func (f *reportFlags) run(ctx context.Context, args []string) error {
	if err := f.diff.check(); err != nil {
		return err
	}
	page := f.files.page()
	if page != "" && f.diff.diff {
		return usagef("--html has the comparison on its page; take it or --diff")
	}
	if page != "" {
		args = pagesIn(args)
	} else if f.diff.diff {
		args = runsIn(args)
	}
	if len(args) > 1 && f.follow {
		return usagef("--follow shows one run; %d are named", len(args))
	}
	if len(args) > 1 && page == "" {
		return f.diff.report(args, f.files)
	}
	if len(args) <= 1 {
		dir, err := chosenRun(args)
		if err != nil {
			return err
		}
		args = []string{dir}
	}
	if f.follow {
		if err := follow(ctx, args[0]); err != nil {
			return err
		}
	}
	if page != "" {
		return writePage(page, args, f.files)
	}
	model, err := reports.Load(args[0])
	if err != nil {
		return err
	}
	if !f.files.wanted() {
		err = f.diff.table(stdoutScreen().out(), stdoutScreen(), model)
	}
	if err == nil {
		err = f.files.write(model)
	}
	if code := model.Exit(); err == nil && code != exitGood {
		err = exit(code)
	}
	return err
}

// follow shows a run as `xtest run` does, until it is over. An interruption ends that, not the run.
func follow(ctx context.Context, dir string) error {
	progress := reports.NewProgress(stdoutScreen().out(), stdoutScreen().progress())
	watch, stop := context.WithCancel(ctx)
	defer stop()
	go progress.Watch(watch)
	err := reports.Follow(ctx, dir, progress.Add)
	progress.Close()
	if err != nil && errors.Is(err, context.Cause(ctx)) {
		return fmt.Errorf("%w; the run goes on: xtest report --follow %s", err, reports.ShellWords([]string{dir}))
	}
	return err
}

// pagesIn is runsIn for pages, which also show what fuzzing left.
func pagesIn(dirs []string) (all []string) {
	for _, dir := range dirs {
		held, _ := fs.Glob(os.DirFS(dir), "*/"+html.CampaignFile) // the pattern is constant
		if runs := runsIn([]string{dir}); len(held) == 0 || runs[0] != dir {
			all = append(all, runs...)
		}
		for _, h := range held {
			all = append(all, filepath.Join(dir, filepath.Dir(h)))
		}
	}
	return all
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
