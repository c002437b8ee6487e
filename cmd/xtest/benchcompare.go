package main

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"xtest/config"
	"xtest/reports/bench"
	"xtest/reports/compare"
)

// gateFlags say how benchmarks are judged.
type gateFlags struct {
	gates         []string
	size          float64 // percent
	otherMachines bool
}

func (f *gateFlags) add(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.gates, "gate", nil, "change for the worse that benchmarks may have, as 'munmap/*:2%'; may be repeated, the last that fits counts")
	f.addSize(c)
}

func (f *gateFlags) addSize(c *cobra.Command) {
	c.Flags().Float64Var(&f.size, "size", 100*bench.Defaults().Size, "the change of a benchmark that matters, in percent")
	c.Flags().BoolVar(&f.otherMachines, "other-machines", false, "judge wall clock also where it was measured on different machines")
}

// options checks the flags.
func (f *gateFlags) options() (bench.Options, error) {
	o := bench.Options{Settings: bench.Defaults(), OtherMachines: f.otherMachines}
	if o.Size = f.size / 100; math.IsNaN(f.size) || o.Check() != nil {
		return o, usagef("--size %g: the change that matters is a percentage above 0 and below 100", f.size)
	}
	for _, text := range f.gates {
		g, err := bench.ParseGate(text, config.Match)
		if err == nil {
			err = config.CheckPattern(g.Pattern)
		}
		if err != nil {
			return o, usagef("--gate: %w", err)
		}
		o.Gates = append(o.Gates, g)
	}
	return o, nil
}

// measuredPairs reads what was measured on the targets that are compared. Sides without samples are left
// out.
func measuredPairs(args []string, pairs []*compare.Pair, names []string) (sides [][2]*bench.Side, err error) {
	if len(args) == 1 && len(pairs) == 0 {
		return nil, usagef("a file of benchmarks is compared with another, or with a run: name one")
	}
	var runs []*bench.Run
	for _, a := range args {
		if len(pairs) > 0 && !hasRecord(a) {
			return nil, nil // root file systems
		}
		r, err := bench.Open(a)
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	base, now := runs[0], runs[len(runs)-1]
	for _, p := range pairs {
		a, b := base.Find(p.Of), now.Find(p.With)
		switch {
		case a == nil && b == nil:
			continue
		case a == nil:
			a = &bench.Side{Source: base.Source, Target: p.Of}
		case b == nil:
			b = &bench.Side{Source: now.Source, Target: p.With}
		}
		sides = append(sides, [2]*bench.Side{a, b})
	}
	if len(pairs) == 0 {
		return bench.Pairs(base, now, names)
	}
	return sides, nil
}

// benchTables shows the comparisons; alone: nothing was shown of their targets before.
func benchTables(w io.Writer, all []*bench.Comparison, shown bool) error {
	for i, c := range all {
		if i > 0 || shown {
			fmt.Fprintln(w)
		}
		if !shown || len(all) > 1 {
			fmt.Fprintf(w, " base  %s\n new   %s\n\n", sideName(c.Base), sideName(c.New))
		}
		if err := bench.Table(w, c, stdoutScreen().options()); err != nil {
			return err
		}
	}
	return nil
}

func sideName(s *bench.Side) string {
	return strings.Join(slices.DeleteFunc([]string{filepath.Base(s.Source), s.Target, s.What}, func(p string) bool { return p == "" }), "  ")
}

// gateExit gives the exit status that gates ask for.
func gateExit(all []*bench.Comparison, gates []bench.Gate) error {
	if idle := bench.Idle(all, gates); len(idle) > 0 {
		return fmt.Errorf("--gate %s is on no benchmark that the base has", idle[0].Pattern)
	}
	if n := bench.Gated(all, bench.Over); n > 0 {
		return exit(exitFailed)
	}
	if n := bench.Gated(all, bench.Undecided); n > 0 {
		return fmt.Errorf("%d of the gates' benchmarks could not be decided: measure more boots", n)
	}
	return nil
}
