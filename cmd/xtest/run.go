package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"xtest/reports"
	"xtest/runner"
	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/record"
	"xtest/runner/rootfs"
	"xtest/suites/spec"
)

// runFlags are what `xtest run` was asked for.
type runFlags struct {
	archive archiveFlags
	suites  []string
	specs   []string
	runs    string
	seed    uint64
	memory  string
	junit   string
	json    string
	noRoot  bool
}

func runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [TARGET...]",
		Short: "Boot targets and judge them",
		Long: `Boot each target and run its suites inside. Without targets, judge a stock Debian 12: its
User-Mode Linux kernel (namespaces, lsb) and its Xen (hypercall).

The record is kept below --runs; every report can be drawn from it again.`,
		Example: `  xtest run
  xtest run uml:debian-12 --suite namespaces
  xtest run uml:debian-12 --spec 'user/*' --spec uts/isolated
  xtest run xen:debian-12 --junit result.xml`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return targetNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error { return f.run(c.Context(), args) },
	}
	f.archive.add(c)
	c.Flags().StringSliceVar(&f.suites, "suite", nil, "suites to run (default: those of each target's backend)")
	c.Flags().StringSliceVar(&f.specs, "spec", nil, "specs to run, by ID or pattern (*, ?)")
	c.Flags().StringVar(&f.runs, "runs", "runs", "folder that holds the records")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "seed of everything random (default: a new one, which is printed)")
	c.Flags().StringVar(&f.memory, "memory", "", "memory of a machine, as 512M or 2G (default: the backend's choice)")
	c.Flags().StringVar(&f.junit, "junit", "", "also write the result as JUnit XML to this file")
	c.Flags().StringVar(&f.json, "json", "", "also write the result as JSON to this file")
	c.Flags().BoolVar(&f.noRoot, "no-rootfs", false, "boot without the distribution's root file system: the agent alone, on an empty tmpfs")
	c.RegisterFlagCompletionFunc("suite", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return suiteNames(spec.All()), cobra.ShellCompDirectiveNoFileComp
	})
	return c
}

func (f *runFlags) run(ctx context.Context, names []string) error {
	plan, err := f.plan(names)
	if err != nil {
		return err
	}
	depot, err := f.archive.depot()
	if err != nil {
		return err
	}
	defer depot.Cache.Close()
	screen := stdoutScreen()
	progress := reports.NewProgress(os.Stdout, screen.progress())
	depot.Progress, depot.Warn = progress.Transfer, progress.Say
	plan.Supplies.Depot = depot
	if !f.noRoot {
		maker := &rootfs.Maker{Supplies: plan.Supplies, Say: progress.Say, Step: progress.Step}
		plan.Supplies.Root = maker.Root
	}

	id := make([]byte, 2)
	rand.Read(id)
	rec, err := record.Create(f.runs, hex.EncodeToString(id), time.Now(), progress.Add)
	if err != nil {
		return err
	}
	watch, stop := context.WithCancel(ctx)
	defer stop()
	go progress.Watch(watch)
	rec.Add(event.Event{Kind: event.RunStarted, Run: &event.Run{
		ID: path.Base(rec.Dir), Version: version(), Command: os.Args, Seed: plan.Seed, Host: runner.Fingerprint(),
	}})
	err = runner.Run(ctx, plan, rec)
	return f.finish(rec, progress, screen, err)
}

// finish closes the record and shows what came of the run.
func (f *runFlags) finish(rec *record.Writer, progress *reports.Progress, screen screen, cause error) error {
	draft, err := reports.Load(rec.Dir)
	if err != nil {
		return errors.Join(cause, err)
	}
	code := draft.Exit()
	end := event.Event{Kind: event.RunEnded, Exit: code}
	if cause != nil {
		end.Reason, end.Exit = cause.Error(), exitUnjudged
	}
	rec.Add(end)
	progress.Close()
	kept := rec.Close()
	model, err := reports.Load(rec.Dir)
	if err != nil {
		return errors.Join(cause, kept, err)
	}
	err = errors.Join(
		reports.Table(os.Stdout, model, screen.options()),
		writeReport(f.junit, model, reports.JUnit),
		writeReport(f.json, model, reports.JSON),
	)
	if err := errors.Join(cause, kept, err); err != nil {
		return err
	}
	if code != exitGood {
		return exit(code)
	}
	return nil
}

func (f *runFlags) plan(names []string) (runner.Plan, error) {
	plan := runner.Plan{Seed: f.seed, Supplies: &machine.Supplies{}}
	if plan.Seed == 0 {
		var b [4]byte
		rand.Read(b[:])
		plan.Seed = uint64(binary.LittleEndian.Uint32(b[:])) + 1
	}
	memory, err := parseSize(f.memory)
	if err != nil {
		return plan, err
	}
	plan.Supplies.Memory = memory
	specs, err := chooseSpecs(spec.All(), f.suites, f.specs)
	if err != nil {
		return plan, err
	}
	for _, s := range specs {
		plan.Specs = append(plan.Specs, runner.Spec{ID: s.ID, Meta: *s.Event(s.Suite, 1)})
	}
	if len(names) == 0 {
		names = defaultTargets
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return plan, usagef("target %s is named twice", name)
		}
		t, err := parseTarget(name)
		if err != nil {
			return plan, err
		}
		if len(f.suites) > 0 {
			t.Suites = f.suites
		} else if len(f.specs) > 0 {
			t.Suites = suiteNames(specs)
		}
		plan.Targets = append(plan.Targets, t)
	}
	plan.Supplies.Modules = spec.Modules(suitesOf(plan.Targets)...)
	return plan, nil
}

func suitesOf(targets []runner.Target) []string {
	var all []string
	for _, t := range targets {
		all = append(all, t.Suites...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// chooseSpecs picks by suite and by ID or pattern; empty lists choose all.
func chooseSpecs(all []spec.Listed, suites, patterns []string) ([]spec.Listed, error) {
	known := suiteNames(all)
	for _, s := range suites {
		if !slices.Contains(known, s) {
			return nil, usagef("there is no suite %q; %s", s, suggest(s, known, fmt.Sprintf("there are %v", known)))
		}
	}
	var chosen []spec.Listed
	used := make([]bool, len(patterns))
	var ids []string
	for _, s := range all {
		ids = append(ids, s.ID)
		if len(suites) > 0 && !slices.Contains(suites, s.Suite) {
			continue
		}
		match := len(patterns) == 0
		for i, p := range patterns {
			ok, err := path.Match(p, s.ID)
			if err != nil {
				return nil, usagef("--spec %q: %w", p, err)
			}
			if ok {
				match, used[i] = true, true
			}
		}
		if match {
			chosen = append(chosen, s)
		}
	}
	for i, p := range patterns {
		if !used[i] {
			return nil, usagef("no spec matches %q; %s", p, suggest(p, ids, "`xtest targets show TARGET` lists them"))
		}
	}
	return chosen, nil
}
