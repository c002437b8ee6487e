package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"xtest/internal/facts"
	"xtest/reports"
	"xtest/reports/bench"
	"xtest/reports/compare"
	"xtest/runner/event"
	"xtest/runner/offline"
	"xtest/runner/record"
	"xtest/suites/lsb/inspection"
)

func compareCommand() *cobra.Command {
	var f compareFlags
	c := &cobra.Command{
		Use:   "compare BASE [NEW]",
		Short: "Say what differs between two runs, or two root file systems",
		Long: `Compare two runs, target by target: the specs whose verdicts differ, failures that got something else,
and the raw answers that differ, one line each. BASE and NEW are runs' folders. Targets of the same
name are compared, or the only one of each. With BASE alone its first target is compared with each
other.

Benchmarks that both measured are different, the same, or unknown: then more boots would tell. BASE may be a
file in Go's benchmark format (xtest report --gobench writes it); then benchmarks alone are compared.

BASE and NEW may also be root file systems, as for xtest lsb: folders, tarballs, disk images or images of
a registry. They are read, not executed, and what they offer to programs is compared: libraries, symbols,
commands, packages, users.

The exit status is 0 whatever differs, unless --fail-on-change or --gate is given. With --gate it is 1 when
a benchmark is different and over its gate, and 125 when it may be over it and more boots would have to tell.`,
		Example: `  xtest compare runs/base runs/new
  xtest compare runs/xens --pair xen:debian-11=xen:debian-12
  xtest compare base new --fail-on-change --json changes.json
  xtest compare base.bench runs/new --gate 'munmap/*:2%'
  xtest compare debian-12.tar.xz debian-13.tar.xz`,
		Args: usage(cobra.RangeArgs(1, 2)),
		RunE: func(c *cobra.Command, args []string) error {
			return f.compare(c.Context(), args)
		},
	}
	c.Flags().StringVar(&f.archive.cache, "cache", "", "cache folder (default: $XTEST_CACHE or ~/.cache/xtest)")
	c.Flags().StringArrayVar(&f.names, "pair", nil, "compare these targets, written BASE=NEW; may be repeated")
	c.Flags().StringVar(&f.json, "json", "", "write every difference in full to this file (-: standard output, and no table)")
	c.Flags().BoolVar(&f.failOnChange, "fail-on-change", false, "exit with 1 when anything differs")
	f.gates.add(c)
	return c
}

// compareFlags are what `xtest compare` was asked for.
type compareFlags struct {
	names        []string
	json         string
	failOnChange bool
	archive      archiveFlags
	gates        gateFlags
}

func (f *compareFlags) compare(ctx context.Context, args []string) error {
	options, err := f.gates.options()
	if err != nil {
		return err
	}
	var pairs []*compare.Pair
	if !slices.ContainsFunc(args, bench.IsGo) {
		if pairs, err = comparePairs(ctx, args, f.names, &f.archive); err != nil {
			return err
		}
	}
	measured, err := measuredPairs(args, pairs, f.names)
	if err != nil {
		return err
	}
	benches := bench.Compare(measured, options)
	if f.json != "-" {
		if err := compare.Table(stdoutScreen().out(), pairs, stdoutScreen().options()); err != nil {
			return err
		}
		if err := benchTables(stdoutScreen().out(), benches, len(pairs) > 0); err != nil {
			return err
		}
	}
	if err := writeFile(f.json, func(w io.Writer) error { return compare.JSON(w, pairs, benches) }); err != nil {
		return err
	}
	if err := gateExit(benches, options.Gates); err != nil {
		return err
	}
	for _, p := range pairs {
		if f.failOnChange && p.Differs() {
			return exit(exitFailed)
		}
	}
	for _, b := range benches {
		if f.failOnChange && b.Count(bench.Different) > 0 {
			return exit(exitFailed)
		}
	}
	return nil
}

// side is one argument: a run, or a root file system that is read now.
type side struct {
	*reports.Model
	facts func(target string) (*facts.Facts, error)
}

// comparePairs reads one side or two.
func comparePairs(ctx context.Context, args, names []string, archive *archiveFlags) ([]*compare.Pair, error) {
	var sides []side
	for _, a := range args {
		s, err := loadSide(ctx, a, archive)
		if err != nil {
			return nil, err
		}
		sides = append(sides, s)
	}
	base, now := sides[0], sides[len(sides)-1]
	var pairs []*compare.Pair
	var err error
	if len(sides) == 1 {
		pairs, err = compare.Within(base.Model, names)
	} else {
		pairs, err = compare.Runs(base.Model, now.Model, names)
	}
	if err != nil {
		return nil, err
	}
	for _, p := range pairs {
		was, err := base.facts(p.Of)
		is, errNow := now.facts(p.With)
		if err == nil && errNow == nil {
			p.Offers = facts.Compare(was, is)
		} else if err := errors.Join(err, errNow); !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return pairs, nil
}

// hasRecord says whether the folder is a run's.
func hasRecord(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, record.EventsFile))
	return err == nil
}

// loadSide reads a run, or judges a root file system against the LSB and gathers all it offers. What is
// neither is a run that is not there.
func loadSide(ctx context.Context, arg string, archive *archiveFlags) (side, error) {
	if hasRecord(arg) || !offline.IsPath(arg) && !strings.ContainsAny(arg, ":/") {
		m, err := reports.Load(arg)
		return side{m, func(target string) (*facts.Facts, error) { return facts.Read(arg, target) }}, err
	}
	f := lsbFlags{runFlags: runFlags{archive: *archive}}
	r, err := f.open(ctx, arg)
	if err != nil {
		return side{}, err
	}
	defer r.Close() // only read
	sys := inspection.NewSystem(r.FS)
	fold := reports.NewFolder()
	fold.Add(event.Event{Kind: event.TargetPlanned, Target: arg, Plan: r.Plan("lsb", sys.Describe())})
	inspection.Survey{Target: arg, System: sys, Checks: inspection.Checks(""), Emit: fold.Add}.Run(ctx, "lsb")
	fold.Add(event.Event{Kind: event.TargetEnded, Target: arg})
	all := sys.Gather(true)
	return side{fold.Close(), func(string) (*facts.Facts, error) { return all, nil }}, context.Cause(ctx)
}
