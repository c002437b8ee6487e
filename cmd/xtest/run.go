package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"xtest/config"
	"xtest/reports"
	"xtest/runner"
	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/record"
	"xtest/runner/rootfs"
	"xtest/runner/schedule"
	"xtest/suites/spec"
)

// runFlags are what `xtest run` was asked for.
type runFlags struct {
	archive archiveFlags
	config  configFlag
	options config.Options // what was typed, before the file's
	runs    string
	seed    uint64
	files   outputs
	noRoot  bool
	jobs    int
	shard   string
	diff    diffFlags
	typed   []string // the flags that make the machines what they are
	bench   *event.Bench
	// carry judges the plan's targets; nil: [runner.Run].
	carry func(context.Context, runner.Plan, *record.Writer, *reports.Progress) error
	// draw writes the result; nil: as the flags on differences say.
	draw func(io.Writer, screen, *reports.Model) error
}

func runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [TARGET...]",
		Short: "Boot targets and judge them",
		Long: `Boot each target and run its suites inside. Without targets, judge those of xtest.yaml, or else a
stock Debian 12: its User-Mode Linux kernel (namespaces, lsb) and its Xen (hypercall).
Braces are expanded, also where the shell does not: uml:debian-{12,13}. Flags go before xtest.yaml;
with --spec, what the file leaves out does not count.

The record is kept below --runs; every report can be drawn from it again.`,
		Example: `  xtest run
  xtest run uml:debian-12 --suite namespaces
  xtest run uml:debian-12 --spec 'user/*' --spec uts/isolated
  xtest run xen:debian-12 --junit result.xml
  xtest run 'xen:debian-12@{pv,pvh,hvm}' --spec 'privilege/*' --diff
  xtest run 'uml:debian-{11,12,13,sid}' --suite namespaces --diff
  xtest run --shard 2/5 --seed 7`,
		Args: cobra.ArbitraryArgs, // looked up by name, with what else the plan is made of
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return allTargetNames(&f.config), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			f.typed = machineFlags(c.Flags())
			return f.run(c.Context(), args)
		},
	}
	f.archive.add(c)
	f.config.add(c)
	o := &f.options
	c.Flags().StringSliceVar(&o.Suites, "suite", nil, "suites to run (default: those of each target's backend)")
	c.Flags().StringSliceVar(&o.Specs, "spec", nil, "specs to run, by ID or pattern (*, ?)")
	c.Flags().StringSliceVar(&o.Exclude, "exclude", nil, "specs to leave out, by ID or pattern (*, ?)")
	c.Flags().StringSliceVar(&o.Labels, "label", nil, "run only specs with one of these labels; MUST, SHOULD, safe, guest and destructive are labels too")
	c.Flags().StringSliceVar(&o.ExcludeLabels, "exclude-label", nil, "leave out specs with one of these labels")
	c.Flags().Float64Var(&o.Limits.Scale, "time-scale", 0, "multiply time limits, 0.1 to 100 (default 1)")
	c.Flags().StringVar(&f.runs, "runs", "runs", "folder that holds the records")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "seed of everything random (default: a new one, which is printed)")
	c.Flags().StringVar(&o.Memory, "memory", "", "memory of a machine, as 512M or 2G (default: the backend's choice)")
	addMachineFlags(c, o)
	f.files.add(c)
	c.Flags().BoolVar(&f.noRoot, "no-rootfs", false, "boot without the distribution's root file system: the agent alone, on an empty tmpfs")
	c.Flags().IntVar(&f.jobs, "jobs", 0, "how many machines may be up at once, as far as memory goes (default: as there are cores)")
	c.Flags().StringVar(&f.shard, "shard", "", "judge one part of the whole: 2/5; auto: the part that the CI system or scheduler names; /5: of so many")
	f.diff.add(c)
	c.RegisterFlagCompletionFunc("suite", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return suiteNames(spec.All()), cobra.ShellCompDirectiveNoFileComp
	})
	return c
}

func (f *runFlags) run(ctx context.Context, names []string) error {
	if err := f.diff.check(); err != nil {
		return err
	}
	plan, err := f.plan(names)
	if err != nil {
		return err
	}
	shard, err := f.part(&plan)
	if err != nil {
		return err
	}
	return f.carryOut(ctx, plan, shard, nil, nil)
}

// carryOut makes a run of a plan. Before its targets are booted, first puts on the record what is
// judged without booting, under the names of offline.
func (f *runFlags) carryOut(ctx context.Context, plan runner.Plan, shard *event.Shard, offline []string, first func(*record.Writer)) error {
	screen := stdoutScreen()
	live := screen.out()
	if len(plan.Targets) == 0 {
		live = io.Discard // it is over at once
	}
	progress := reports.NewProgress(live, screen.progress())
	if len(plan.Targets) > 0 {
		depot, err := f.archive.depot()
		if err != nil {
			return err
		}
		defer depot.Cache.Close()
		depot.Progress, depot.Warn = progress.Transfer, progress.Say
		plan.Supplies.Depot = depot
		if !f.noRoot {
			maker := &rootfs.Maker{Supplies: plan.Supplies, Say: progress.Say, Step: progress.Step}
			plan.Supplies.Root = maker.Root
		}
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
		ID: path.Base(rec.Dir), Version: version(), Command: os.Args, Flags: f.typed, Seed: plan.Seed, Host: runner.Fingerprint(),
		Targets: append(offline, namesOf(plan.Targets)...), Shard: shard, Bench: f.bench,
	}})
	if first != nil {
		first(rec)
		err = context.Cause(ctx)
	}
	switch {
	case err != nil || len(plan.Targets) == 0:
	case f.carry != nil:
		err = f.carry(ctx, plan, rec, progress)
	default:
		err = runner.Run(ctx, plan, rec)
	}
	return f.finish(rec, progress, screen, err)
}

// choosing are the flags that choose what is judged and where the results go, not on what machines.
var choosing = append([]string{
	"suite", "spec", "exclude", "label", "exclude-label", "runs", "seed", "jobs", "shard", "diff", "all",
}, formatFlags()...)

// machineFlags gives the flags that were typed and that another run of the same machines needs.
func machineFlags(flags *pflag.FlagSet) []string {
	var typed []string
	flags.Visit(func(f *pflag.Flag) {
		if slices.Contains(choosing, f.Name) {
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			if f.Value.Type() == "bool" && v == "true" {
				typed = append(typed, "--"+f.Name)
			} else {
				typed = append(typed, "--"+f.Name+"="+v)
			}
		}
	})
	return typed
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
	draw := f.draw
	if draw == nil {
		draw = f.diff.table
	}
	err = errors.Join(
		draw(screen.out(), screen, model),
		f.files.write(model),
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
	if f.jobs < 0 || f.jobs > 1000 {
		return plan, usagef("--jobs %d: the number of machines is one from 1 to 1000, or 0: as there are cores", f.jobs)
	}
	plan.Supplies.Gate = schedule.NewGate(schedule.Host(f.jobs))
	if plan.Seed == 0 {
		var b [4]byte
		rand.Read(b[:])
		plan.Seed = uint64(binary.LittleEndian.Uint32(b[:])) + 1
	}
	cfg, err := f.config.load()
	if err != nil {
		return plan, err
	}
	if err := checkOptions(f.options); err != nil {
		return plan, err
	}
	if f.noRoot && f.options.Rootfs != "" {
		return plan, usagef("--no-rootfs leaves out what --rootfs %s asks for; take one of them", f.options.Rootfs)
	}
	if f.noRoot && len(f.options.Packages) > 0 {
		return plan, usagef("--no-rootfs leaves out the file system that --packages %s asks for; take one of them", strings.Join(f.options.Packages, ","))
	}
	if names, err = expand(names); err != nil {
		return plan, err
	}
	if len(names) == 0 {
		names = defaults(cfg)
	}
	chosen := map[string]bool{}
	whats := map[string]string{}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return plan, usagef("target %s is named twice", name)
		}
		j, err := judge(cfg, name, f.options)
		if err != nil {
			return plan, err
		}
		plan.Targets = append(plan.Targets, j.target)
		whats[name] = targetName(j.target.Backend, machine.Offer{What: j.target.What})
		for _, s := range j.specs {
			chosen[s.ID] = true
		}
	}
	for _, s := range spec.All() {
		if chosen[s.ID] {
			plan.Specs = append(plan.Specs, runner.Spec{ID: s.ID, Meta: *s.Event(s.Suite, 1)})
		}
	}
	now := time.Now()
	plan.Known = func(target, spec string, _ *event.Result) *event.Known {
		return cfg.Excuse(now, target, whats[target], spec)
	}
	plan.Supplies.Modules = spec.Modules(suitesOf(plan.Targets)...)
	return plan, nil
}

// checkOptions checks those flags that no file and no choice of specs does.
func checkOptions(o config.Options) error {
	known := world().Labels
	for _, l := range slices.Concat(o.Labels, o.ExcludeLabels) {
		if !slices.Contains(known, l) {
			return usagef("there is no label %q; %s", l, suggest(l, known, fmt.Sprintf("there are %v", known)))
		}
	}
	if _, err := chooseSpecs(spec.All(), nil, o.Exclude); err != nil {
		return fmt.Errorf("--exclude: %w", err)
	}
	if o.Cores < 0 || o.Cores > 64 {
		return usagef("--cpus %d: a machine has 1 to 64 processors", o.Cores)
	}
	if o.Salt < 0 || o.Salt > 1_000_000 {
		return usagef("--salt %d: a salt is a number from 1 to 1000000", o.Salt)
	}
	if s := o.Limits.Scale; s != 0 && !(s >= 0.1 && s <= 100) {
		return usagef("--time-scale %g: the scale of time limits is a number from 0.1 to 100", s)
	}
	return nil
}

func namesOf(targets []runner.Target) []string {
	var names []string
	for _, t := range targets {
		names = append(names, t.Name)
	}
	return names
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
	for _, p := range patterns {
		if err := config.CheckPattern(p); err != nil {
			return nil, usagef("--spec %q: %w", p, err)
		}
	}
	var chosen []spec.Listed
	used := make([]bool, len(patterns))
	var ids []string
	for _, s := range all {
		if len(suites) > 0 && !slices.Contains(suites, s.Suite) {
			continue
		}
		ids = append(ids, s.ID)
		match := len(patterns) == 0
		for i, p := range patterns {
			if config.Match(p, s.ID) {
				match, used[i] = true, true
			}
		}
		if match {
			chosen = append(chosen, s)
		}
	}
	for i, p := range patterns {
		if !used[i] {
			of := ""
			if len(suites) > 0 {
				of = " of " + strings.Join(suites, " or ")
			}
			return nil, usagef("no spec%s matches %q; %s", of, p, suggest(p, ids, "`xtest targets show TARGET` lists them"))
		}
	}
	return chosen, nil
}
