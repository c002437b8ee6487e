package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"xtest/config"
	"xtest/reports"
	"xtest/reports/bench"
	"xtest/reports/history"
)

// historyDir is where the history is kept unless the user says otherwise.
const historyDir = "history"

func historyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "history",
		Short: "Keep what runs measured, and find since when something is slower",
		Long: `The history is a folder with a file for each run that was added: text in Go's benchmark format, to be
committed or kept as a CI system keeps files. No server is needed.`,
		Example: `  xtest history add runs/2026-11-20T18.03.11-8f2a --label v6.13-rc2
  xtest history show munmap/anon-8k-write
  xtest history gate --gate 'munmap/*:2%'`,
	}
	c.AddCommand(historyAddCommand(), historyShowCommand(), historyGateCommand())
	return group(c)
}

func addDir(c *cobra.Command, dir *string) {
	c.Flags().StringVar(dir, "dir", historyDir, "the history's folder")
}

func historyAddCommand() *cobra.Command {
	var dir, label string
	c := &cobra.Command{
		Use: "add RUN", Short: "Put what a run measured into the history",
		Long:    `RUN is the folder of a run, or a file that ` + "`xtest report --gobench`" + ` wrote.`,
		Example: "  xtest history add runs/2026-11-20T18.03.11-8f2a --label \"$(git describe)\"",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			run, err := bench.Open(args[0])
			if err != nil {
				return err
			}
			path, err := history.Add(dir, run, label)
			if err != nil {
				return err
			}
			n := 0
			for _, s := range run.Sides {
				n += len(s.Series)
			}
			_, err = fmt.Printf("%s: %d series of %d targets\n", path, n, len(run.Sides))
			return err
		},
	}
	addDir(c, &dir)
	c.Flags().StringVar(&label, "label", "", "what the run is of: a version, a commit")
	return c
}

func historyShowCommand() *cobra.Command {
	var dir, target string
	var f gateFlags
	c := &cobra.Command{
		Use: "show [BENCH]", Short: "Show how a benchmark developed, and with which runs it changed",
		Long: `Show each run's median and the runs with which the benchmark changed. BENCH is an ID or pattern (*, ?); without
one only what changed at all is named.`,
		Example: "  xtest history show\n  xtest history show 'munmap/*' --target qemu:debian-12",
		Args:    usage(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			o, err := f.options()
			if err != nil {
				return err
			}
			runs, err := history.Read(dir)
			if err != nil {
				return err
			}
			pattern := "*"
			if len(args) > 0 {
				if pattern = args[0]; config.CheckPattern(pattern) != nil {
					return usagef("%q is no pattern", pattern)
				}
			}
			shown, changed := 0, 0
			for _, l := range history.Lines(runs) {
				if l.Counter || !config.Match(pattern, l.Name) || target != "" && l.Target != target {
					continue
				}
				points := l.Points(o.Settings)
				changed += len(points)
				if shown++; len(args) == 0 && len(points) == 0 {
					continue
				}
				if err := history.Table(stdoutScreen().out(), l, points, stdoutScreen().options()); err != nil {
					return err
				}
				fmt.Println()
			}
			if shown == 0 {
				return fmt.Errorf("no run in %s measured %s", dir, strings.TrimSpace(pattern+" "+target))
			}
			_, err = fmt.Printf("history: %d runs, %d benchmarks, %d changes\n", len(runs), shown, changed)
			return err
		},
	}
	addDir(c, &dir)
	c.Flags().StringVar(&target, "target", "", "of this target alone")
	f.addSize(c)
	return c
}

func historyGateCommand() *cobra.Command {
	var dir string
	var f gateFlags
	c := &cobra.Command{
		Use: "gate", Short: "Hold the newest run against those before it",
		Long: `Compare the newest run with all runs before it, back to the last change of each benchmark. Without --gate
every benchmark may become worse by --size.

Exit status: 0 none is over its gate; 1 one is; 125 it could not be judged.`,
		Example: "  xtest history gate\n  xtest history gate --gate 'munmap/*:2%' --gate 'switch/*:5%'",
		Args:    usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			if len(f.gates) == 0 {
				f.gates = []string{fmt.Sprintf("*:%g%%", f.size)}
			}
			o, err := f.options()
			if err != nil {
				return err
			}
			runs, err := history.Read(dir)
			if err != nil {
				return err
			}
			if len(runs) < 2 {
				return fmt.Errorf("%s holds one run: there is none before it to hold it against", dir)
			}
			newest := runs[len(runs)-1]
			all := bench.Compare(history.Newest(runs, o.Settings), o)
			for _, c := range all {
				fmt.Printf(" %s, run %s against the runs before it\n\n", reports.Clean(c.With), reports.Clean(strings.TrimSpace(newest.ID+" "+newest.Label)))
				if err := bench.Table(stdoutScreen().out(), c, stdoutScreen().options()); err != nil {
					return err
				}
			}
			return gateExit(all, o.Gates)
		},
	}
	addDir(c, &dir)
	f.add(c)
	return c
}
