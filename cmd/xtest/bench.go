package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/olekukonko/tablewriter"
	"github.com/spf13/cobra"

	"xtest/config"
	"xtest/reports/bench"
	"xtest/runner"
	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/qemu"
	"xtest/suites/spec"
)

const (
	benchSuite = "perf" // whose specs are measured on every target
	maxBoots   = 10_000
	// defaultBoots are as many as the verdict *different* takes at the least.
	defaultBoots = 10
)

// measureFlags are what `xtest bench` was asked for.
type measureFlags struct {
	runFlags
	gateFlags
	tier         string
	boots, salts int
	first        int // salt
	list         bool
	adaptive     bool
	budget       time.Duration
	judging      bench.Options
	names        []string            // of the targets
	compares     []*bench.Comparison // of the first with the others, once it was measured
}

func benchCommand() *cobra.Command {
	f := measureFlags{}
	c := &cobra.Command{
		Use:   "bench TARGET...",
		Short: "Measure targets, over many boots",
		Long: `Boot each target many times and run the benchmarks inside, each boot with another salt: a boot parameter
that does nothing but lay the kernel's addresses out differently. Several targets take turns: A B B A.

--tier counts has the guest's clock count executed instructions (qemu: targets): exact, whatever else the host
does, and blind to what caches and the TLB cost. --tier wall measures time, one machine at a time: it sees
all, and all that disturbs. The kernel's own counters are recorded in both.

The samples are on the record below --runs: ` + "`xtest compare`" + ` judges whether two targets differ.`,
		Example: `  xtest bench qemu:debian-12
  xtest bench 'qemu:debian-{11,12}' --bench 'munmap/*' --boots 20
  xtest bench uml:debian-12 --bench syscall/null --boots 4
  xtest bench --list
  xtest bench qemu:debian-12 qemu:debian-13 --adaptive --budget 10m --gate 'munmap/*:2%'`,
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
	o := &f.runFlags.options
	flags := c.Flags()
	flags.StringSliceVar(&o.Specs, "bench", nil, "benchmarks to run, by ID or pattern (*, ?) (default: all)")
	flags.BoolVar(&f.list, "list", false, "list the benchmarks and what one operation of each is, and measure nothing")
	flags.StringSliceVar(&o.Exclude, "exclude", nil, "benchmarks to leave out, by ID or pattern (*, ?)")
	flags.StringVar(&f.tier, "tier", "", "what is measured: counts (instructions) or wall (time) (default: counts where all targets can)")
	flags.IntVar(&f.boots, "boots", 0, fmt.Sprintf("boots of each target (default %d)", defaultBoots))
	flags.BoolVar(&f.adaptive, "adaptive", false, "boot until it is known whether the targets differ from the first one, or --budget ends")
	flags.DurationVar(&f.budget, "budget", 10*time.Minute, "the most time that --adaptive takes")
	f.gateFlags.add(c)
	flags.IntVar(&f.salts, "salts", 0, "how many salts these boots share; 1: all boot alike (default: each boot has its own)")
	flags.Float64Var(&o.Limits.Scale, "time-scale", 0, "multiply time limits, 0.1 to 100 (default 1)")
	flags.StringVar(&f.runs, "runs", "runs", "folder that holds the records")
	flags.Uint64Var(&f.seed, "seed", 1, "seed of everything random in the machines")
	flags.StringVar(&o.Memory, "memory", "", "memory of a machine, as 512M or 2G (default: the backend's choice)")
	addMachineFlags(c, o)
	f.files.add(c)
	flags.BoolVar(&f.noRoot, "no-rootfs", true, "boot without the distribution's root file system: the agent alone, on an empty tmpfs")
	flags.IntVar(&f.jobs, "jobs", 0, "how many machines may be up at once under --tier counts, as far as memory goes (default: as there are cores)")
	return c
}

func (f *measureFlags) run(ctx context.Context, names []string) (err error) {
	if f.list {
		return f.listAll(os.Stdout)
	}
	if err := f.check(len(names)); err != nil {
		return err
	}
	if f.judging, err = f.gateFlags.options(); err != nil {
		return err
	}
	o := &f.runFlags.options
	o.Labels, o.Suites = []string{spec.Bench}, suitesWith(spec.Bench)
	f.first, o.Salt = max(o.Salt, 1), 0
	if f.tier == event.Counts {
		o.Clock = qemu.Icount
	}
	plan, err := f.plan(names)
	if err == nil && f.tier == "" && o.Clock == "" && !slices.ContainsFunc(plan.Targets, func(t runner.Target) bool { return !countable(t.Backend) }) {
		o.Clock = qemu.Icount
		plan, err = f.plan(names)
	}
	if err != nil {
		return err
	}
	tier, counting := event.Wall, 0
	for i := range plan.Targets {
		t := &plan.Targets[i]
		if t.Options.Clock == qemu.Icount {
			tier = event.Counts
			counting++
		}
		t.Suites = slices.DeleteFunc(slices.Clone(t.Suites), func(s string) bool {
			has := slices.ContainsFunc(plan.Specs, func(p runner.Spec) bool { return p.Meta.Suite == s && t.Leaves(p) })
			return !has || s != benchSuite && !slices.Contains(t.Backend.Suites(), s)
		})
	}
	plan.Supplies.Modules = spec.Modules(suitesOf(plan.Targets)...)
	if counting > 0 && counting < len(plan.Targets) || tier != cmp.Or(f.tier, tier) {
		return usagef("the clock of %d of the %d targets counts instructions: --tier %s has all do so, and --tier %s takes targets without `clock: %s`", counting, len(plan.Targets), event.Counts, event.Wall, qemu.Icount)
	}
	for i := range plan.Targets {
		plan.Targets[i].Alone = tier == event.Wall
	}
	f.bench = &event.Bench{Tier: tier, Boots: f.boots}
	f.carry, f.draw = f.measure, f.show
	f.names = namesOf(plan.Targets)
	if err := f.carryOut(ctx, plan, nil, nil, nil); err != nil || len(f.gates) == 0 {
		return err
	}
	return gateExit(f.compares, f.judging.Gates)
}

// check checks what was typed for n targets.
func (f *measureFlags) check(n int) error {
	switch {
	case n == 0:
		return usagef("name the targets to measure; `xtest targets list` shows all")
	case f.boots < 0 || f.boots > maxBoots:
		return usagef("--boots %d: a target is booted 1 to %d times", f.boots, maxBoots)
	case f.adaptive && f.boots > 0:
		return usagef("--adaptive finds out how many boots it takes; leave --boots %d out, or --adaptive", f.boots)
	case f.adaptive && f.budget <= 0:
		return usagef("--budget %v: it is a time, as 10m", f.budget)
	case n == 1 && (f.adaptive || len(f.gates) > 0):
		return usagef("--adaptive and --gate compare targets with the first one: name two or more")
	case !slices.Contains([]string{"", event.Counts, event.Wall}, f.tier):
		return usagef("--tier %q: it is %s or %s", f.tier, event.Counts, event.Wall)
	}
	if f.boots == 0 && !f.adaptive {
		f.boots = defaultBoots
	}
	if f.salts < 0 || f.salts > maxBoots || f.boots > 0 && f.salts > f.boots {
		return usagef("--salts %d: they are as many as --boots or fewer", f.salts)
	}
	return nil
}

// listAll writes the benchmarks that were chosen.
func (f *measureFlags) listAll(w io.Writer) error {
	chosen, err := chooseSpecs(spec.All(), suitesWith(spec.Bench), f.runFlags.options.Specs)
	if err != nil {
		return err
	}
	t := newTable(w, tablewriter.WithMaxWidth(stdoutScreen().width))
	t.Header("benchmark", "operation")
	for _, s := range chosen {
		if !slices.Contains(s.Labels, spec.Bench) || slices.ContainsFunc(f.runFlags.options.Exclude, func(p string) bool { return config.Match(p, s.ID) }) {
			continue
		}
		if err := t.Append(s.ID, s.Clause); err != nil {
			return err
		}
	}
	return t.Render()
}

// suitesWith are those that have specs with the label.
func suitesWith(label string) []string {
	var names []string
	for _, s := range spec.All() {
		if slices.Contains(s.Labels, label) && !slices.Contains(names, s.Suite) {
			names = append(names, s.Suite)
		}
	}
	return names
}

// countable says whether the backend's machines can count instructions.
func countable(b machine.Backend) bool {
	h, ok := b.(machine.Heeder)
	return ok && slices.Contains(h.Heeds()[machine.OptionClock], qemu.Icount)
}

// saltable says whether the backend's machines take boot parameters.
func saltable(b machine.Backend) bool {
	h, ok := b.(machine.Heeder)
	if !ok {
		return false
	}
	_, takes := h.Heeds()[machine.OptionParams]
	return takes
}
