package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"xtest/reports"
	"xtest/runner"
	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/qemu"
	"xtest/runner/record"
	"xtest/suites/spec"
)

const (
	benchLabel = "bench" // of specs that are benchmarks
	benchSuite = "perf"  // whose specs are measured on every target
	maxBoots   = 10_000
)

// measureFlags are what `xtest bench` was asked for.
type measureFlags struct {
	runFlags
	tier         string
	boots, salts int
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
  xtest bench uml:debian-12 --bench syscall/null --boots 4`,
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
	flags := c.Flags()
	flags.StringSliceVar(&o.Specs, "bench", nil, "benchmarks to run, by ID or pattern (*, ?) (default: all)")
	flags.StringSliceVar(&o.Exclude, "exclude", nil, "benchmarks to leave out, by ID or pattern (*, ?)")
	flags.StringVar(&f.tier, "tier", "", "what is measured: counts (instructions) or wall (time) (default: counts where all targets can)")
	flags.IntVar(&f.boots, "boots", 10, "boots of each target")
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

func (f *measureFlags) run(ctx context.Context, names []string) error {
	switch {
	case len(names) == 0:
		return usagef("name the targets to measure; `xtest targets list` shows all")
	case f.boots < 1 || f.boots > maxBoots:
		return usagef("--boots %d: a target is booted 1 to %d times", f.boots, maxBoots)
	case f.salts < 0 || f.salts > f.boots:
		return usagef("--salts %d: there are 1 to %d, as --boots says", f.salts, f.boots)
	case !slices.Contains([]string{"", event.Counts, event.Wall}, f.tier):
		return usagef("--tier %q: it is %s or %s", f.tier, event.Counts, event.Wall)
	}
	f.options.Labels = []string{benchLabel}
	f.options.Suites = suitesWith(benchLabel)
	plan, err := f.plan(names)
	if err != nil {
		return err
	}
	tier := f.tier
	if tier == "" && f.options.Clock == "" {
		tier = event.Wall
		if !slices.ContainsFunc(plan.Targets, func(t runner.Target) bool { return !countable(t.Backend) }) {
			tier = event.Counts
		}
	}
	if tier == event.Counts {
		f.options.Clock = qemu.Icount
	}
	if f.options.Clock != "" {
		tier = event.Counts
		if plan, err = f.plan(names); err != nil {
			return err
		}
	}
	for i := range plan.Targets {
		t := &plan.Targets[i]
		t.Alone = tier == event.Wall
		t.Suites = slices.DeleteFunc(slices.Clone(t.Suites), func(s string) bool {
			return s != benchSuite && !slices.Contains(t.Backend.Suites(), s)
		})
	}
	f.bench = &event.Bench{Tier: tier, Boots: f.boots}
	f.carry = f.measure
	return f.carryOut(ctx, plan, nil, nil, nil)
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

// measure boots the targets in turns.
func (f *measureFlags) measure(ctx context.Context, plan runner.Plan, rec *record.Writer, progress *reports.Progress) error {
	var turns []runner.Turn
	var begun int
	var start time.Time
	return runner.Measure(ctx, plan, rec, func(s runner.Stage) (runner.Turn, bool) {
		if turns == nil {
			start = time.Now()
			turns = turnsOf(slices.DeleteFunc(slices.Clone(plan.Targets), func(t runner.Target) bool { return !slices.Contains(s.Up, t.Name) }), f.boots, f.salts)
		}
		if begun == len(turns) {
			return runner.Turn{}, false
		}
		t := turns[begun]
		left := ""
		if s.Ended > 0 {
			left = ", " + reports.Span(time.Since(start)/time.Duration(s.Ended)*time.Duration(len(turns)-s.Ended)) + " left"
		}
		begun++
		progress.Say(fmt.Sprintf("boot    %d of %d  %s  salt %d%s", begun, len(turns), t.Target, t.Salt, left))
		return t, true
	})
}

// turnsOf gives the boots in their order: each target once, then each once the other way round, and so on,
// so that what becomes slower with time does so for all.
func turnsOf(targets []runner.Target, boots, salts int) []runner.Turn {
	if salts == 0 {
		salts = boots
	}
	var all []runner.Turn
	for n := range boots {
		order := slices.Clone(targets)
		if n%2 == 1 {
			slices.Reverse(order)
		}
		for _, t := range order {
			turn := runner.Turn{Target: t.Name}
			if saltable(t.Backend) {
				turn.Salt = 1 + n%salts
			}
			all = append(all, turn)
		}
	}
	return all
}
