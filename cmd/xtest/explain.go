package main

import (
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"xtest/config"
	"xtest/reports"
	"xtest/reports/bench"
	"xtest/reports/trace"
	"xtest/runner/event"
)

// explainFlags are what `xtest explain` was asked for.
type explainFlags struct {
	bisectFlags
	goodParams, badParams string
	boots, rows           int
}

func explainCommand() *cobra.Command {
	var f explainFlags
	c := &cobra.Command{
		Use:   "explain GOOD [BAD]",
		Short: "Say which of the kernel's functions make a benchmark slower",
		Long: `Boot a good and a bad target, measure a benchmark, then boot both again, trace what the kernel does for it
(ftrace's function_graph), and rank the functions by how much of the difference is their own time. A boot
that is traced is never measured: tracing changes the machine.

GOOD and BAD are targets, or one target with two lists of boot parameters (--good, --bad), or two runs of
` + "`xtest bench`" + `: then what they measured is explained, and both are booted as they were.

The traces are kept in a folder below --runs: as the kernel's text, and as JSON for ui.perfetto.dev.

Exit status: 0 explained; 125 the two do not differ, or could not be traced; 2 wrong usage.`,
		Example: `  xtest explain qemu:debian-12 --bad init_on_free=1 --bench munmap/anon-8k-write
  xtest explain qemu:debian-11 qemu:debian-12 --bench fork/exit
  xtest explain runs/base runs/new --bench munmap/anon-8k-write`,
		Args: usage(cobra.RangeArgs(1, 2)),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return allTargetNames(&f.config), cobra.ShellCompDirectiveDefault
		},
		RunE: func(c *cobra.Command, args []string) error {
			f.typed = runnable(machineFlags(c.Flags()))
			return f.explain(c.Context(), args)
		},
	}
	f.archive.add(c)
	f.config.add(c)
	o := &f.options
	flags := c.Flags()
	flags.StringVar(&f.bench, "bench", "", "the benchmark to explain")
	flags.StringVar(&f.goodParams, "good", "", "boot parameters of the good one, as 'a=1 b'")
	flags.StringVar(&f.badParams, "bad", "", "boot parameters of the bad one")
	flags.IntVar(&f.boots, "boots", 2, "boots of each to measure in")
	flags.IntVar(&f.rows, "functions", 12, "how many functions to show")
	flags.BoolVar(&f.wall, "wall", false, "measure time, where the machines could count instructions")
	flags.Float64Var(&o.Limits.Scale, "time-scale", 0, "multiply time limits, 0.1 to 100 (default 1)")
	flags.StringVar(&f.runs, "runs", "runs", "folder that holds the records")
	flags.Uint64Var(&f.seed, "seed", 1, "seed of everything random in the machines")
	flags.StringVar(&o.Memory, "memory", "", "memory of a machine, as 512M or 2G (default: the backend's choice)")
	flags.BoolVar(&f.noRoot, "no-rootfs", false, "boot without the distribution's root file system (default, unless --rootfs or --packages is given)")
	addMachineFlags(c, o)
	return c
}

// explained is one of the two sides.
type explained struct {
	name    string // good or bad
	words   string // what it is, for people
	subject subject
	flags   *runFlags
	side    *bench.Side // what was measured
	trace   *trace.Trace
	file    string // the trace's text, in the run's folder
}

func (f *explainFlags) explain(ctx context.Context, args []string) error {
	switch {
	case f.bench == "":
		return usagef("say what is to be explained: --bench ID")
	case f.boots < 1 || f.boots > 1000:
		return usagef("--boots %d: each is measured in 1 to 1000 boots", f.boots)
	case f.rows < 1:
		return usagef("--functions %d: it is a number of functions", f.rows)
	case len(args) == 1 && f.goodParams == f.badParams:
		return usagef("name a second target or run, or what makes the target bad: --bad 'a=1 b'")
	}
	if err := f.checkBench(); err != nil {
		return err
	}
	sides, err := f.sides(args)
	if err != nil {
		return err
	}
	id := make([]byte, 2)
	rand.Read(id)
	dir := filepath.Join(f.runs, time.Now().Format("2006-01-02T15.04.05")+"-explain-"+hex.EncodeToString(id))
	screen := stdoutScreen()
	progress := reports.NewProgress(screen.out(), screen.progress())
	watch, stop := context.WithCancel(ctx)
	defer stop()
	go progress.Watch(watch)
	defer progress.Close()
	for _, s := range sides {
		if err := f.measure(ctx, s, dir, progress); err != nil {
			return err
		}
	}
	finding, unit, err := f.finding(sides)
	if err != nil {
		return err
	}
	for _, s := range sides {
		if err := f.traceOnce(ctx, s, dir, progress); err != nil {
			return err
		}
	}
	progress.Close()
	return f.show(screen.out(), sides, finding, unit, dir)
}

// sides finds what the arguments stand for.
func (f *explainFlags) sides(args []string) ([]*explained, error) {
	all := []*explained{{name: "good"}, {name: "bad"}}
	params := []string{f.goodParams, f.badParams}
	for i, s := range all {
		arg := args[min(i, len(args)-1)]
		s.flags = &f.runFlags
		target := arg
		if hasRecord(arg) {
			var err error
			if target, err = f.fromRun(s, arg); err != nil {
				return nil, err
			}
		} else if err := f.counts(arg); err != nil {
			return nil, err
		}
		more := strings.Fields(params[i])
		s.words = strings.Join(append([]string{target}, more...), " ")
		if s.side != nil {
			s.words = strings.Join(slices.Concat([]string{target}, s.flags.options.Params, more), " ") + ", run " + filepath.Base(arg)
		}
		s.subject = subject{target: target, flags: asFlag("params", params[i]), adapt: func(o *config.Options) { o.Params = append(o.Params, more...) }}
		if _, err := s.flags.planFor(s.subject); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// fromRun takes a side from a run: what was measured, and the flags that made its machines.
func (f *explainFlags) fromRun(s *explained, dir string) (target string, err error) {
	run, err := bench.Load(dir)
	if err != nil {
		return "", err
	}
	model, err := reports.Load(dir)
	if err != nil {
		return "", err
	}
	for _, side := range run.Sides {
		if side.Main(f.bench) != nil && s.side == nil {
			s.side = side
		}
	}
	if s.side == nil || model.Run == nil {
		return "", fmt.Errorf("%s holds no measurement of %s", dir, f.bench)
	}
	again := runFlags{archive: f.archive, runs: f.runs, seed: model.Run.Seed, typed: model.Run.Flags}
	c := &cobra.Command{FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true}} // some say only what was measured
	again.config.add(c)
	addMachineFlags(c, &again.options)
	c.Flags().StringVar(&again.options.Memory, "memory", "", "")
	c.Flags().Float64Var(&again.options.Limits.Scale, "time-scale", 0, "")
	c.Flags().BoolVar(&again.noRoot, "no-rootfs", model.Run.Bench != nil, "")
	if err := c.ParseFlags(model.Run.Flags); err != nil {
		return "", fmt.Errorf("reading the flags of the run %s: %w", dir, err)
	}
	again.options.Clock, again.options.Specs = s.side.Clock, f.options.Specs
	s.flags = &again
	return s.side.Target, nil
}

// measure measures a side that no run has measured.
func (f *explainFlags) measure(ctx context.Context, s *explained, dir string, progress *reports.Progress) error {
	if s.side != nil {
		return nil
	}
	lab, err := newLab(s.flags, dir, progress)
	if err != nil {
		return err
	}
	defer lab.close()
	for n := 1; n <= f.boots; n++ {
		progress.Say(fmt.Sprintf(" boot      %-4s %s, measured %d of %d", s.name, s.words, n, f.boots))
		model, _, err := lab.boot(ctx, fmt.Sprintf("%s-%d", s.name, n), s.subject.salted(n))
		if err != nil {
			return err
		}
		run, err := bench.Load(model.Dir)
		if err != nil {
			return err
		}
		if len(run.Sides) == 0 || run.Sides[0].Main(f.bench) == nil {
			return fmt.Errorf("%s was not measured on the %s side: %s", f.bench, s.name, whyNot(model))
		}
		if s.side == nil {
			s.side = run.Sides[0]
		} else {
			s.side.Join(run.Sides[0])
		}
	}
	return nil
}

// whyNot is why the specs of a run did not do what they were to.
func whyNot(m *reports.Model) string {
	for _, t := range m.Targets {
		if t.Missed != nil {
			return t.Missed.Reason
		}
		for _, s := range t.Specs {
			if s.Result != nil && s.Result.Verdict != event.Pass {
				return fmt.Sprintf("%s: %s", s.Result.Verdict, s.Result.Reason)
			}
		}
		if len(t.Doubts) > 0 {
			return t.Doubts[0]
		}
	}
	return "its spec does not do that with it"
}

// finding compares what was measured. It is an error when there is nothing to explain.
func (f *explainFlags) finding(sides []*explained) (bench.Finding, string, error) {
	good, bad := sides[0].side.Main(f.bench), sides[1].side.Main(f.bench)
	if good.Unit != bad.Unit {
		return bench.Finding{}, "", fmt.Errorf("%s is in %s on one side and in %s on the other", f.bench, good.Unit, bad.Unit)
	}
	s := bench.Defaults()
	result := bench.Judge(good.Values, bad.Values, s, 1)
	if result.Verdict == bench.Same || math.Abs(result.Effect) < s.Size/2 {
		return result, good.Unit, fmt.Errorf("there is nothing to explain: %s takes %s on the good side and %s on the bad one (%s %%)",
			f.bench, bench.Amount(result.Base, good.Unit), bench.Amount(result.New, good.Unit), bench.Percent(result.Effect))
	}
	return result, good.Unit, nil
}

// traceOnce boots a side once more, for its trace.
func (f *explainFlags) traceOnce(ctx context.Context, s *explained, dir string, progress *reports.Progress) error {
	lab, err := newLab(s.flags, dir, progress)
	if err != nil {
		return err
	}
	defer lab.close()
	lab.trace = true
	progress.Say(fmt.Sprintf(" boot      %-4s %s, traced", s.name, s.words))
	model, _, err := lab.boot(ctx, s.name+"-traced", s.subject.salted(1))
	if err != nil {
		return err
	}
	kept, err := filepath.Glob(filepath.Join(model.Dir, "kept-*trace.gz"))
	if err != nil || len(kept) != 1 {
		return fmt.Errorf("%s could not be traced on the %s side: %s", f.bench, s.name, whyNot(model))
	}
	s.file = filepath.Join(dir, s.name+".trace.txt")
	if err := unpack(kept[0], s.file); err != nil {
		return err
	}
	text, err := os.Open(s.file)
	if err != nil {
		return fmt.Errorf("reading the trace: %w", err)
	}
	defer text.Close()
	if s.trace, err = trace.Read(text); err != nil {
		return fmt.Errorf("the %s side: %w; it is in %s", s.name, err, s.file)
	}
	return writeFile(filepath.Join(dir, s.name+".trace.json"), func(w io.Writer) error { return trace.Chrome(w, s.trace) })
}

// maxTrace is how large a trace may be once it is unpacked, in bytes: it comes from a guest.
const maxTrace = 1 << 30

func unpack(packed, to string) error {
	in, err := os.Open(packed)
	if err != nil {
		return fmt.Errorf("unpacking the trace: %w", err)
	}
	defer in.Close()
	r, err := gzip.NewReader(in)
	if err != nil {
		return fmt.Errorf("unpacking the trace: %w", err)
	}
	return writeFile(to, func(w io.Writer) error {
		n, err := io.Copy(w, io.LimitReader(r, maxTrace))
		if err == nil && n == maxTrace {
			err = errors.New("it is longer than any of ours")
		}
		return err
	})
}

// show writes what came of it.
func (f *explainFlags) show(w io.Writer, sides []*explained, finding bench.Finding, unit, dir string) error {
	good, bad := sides[0], sides[1]
	d := trace.Compare(good.trace, bad.trace)
	fmt.Fprintf(w, "\n good  %s  %s\n bad   %s  %s  %s %%\n\n", reports.Clean(good.words), bench.Amount(finding.Base, unit),
		reports.Clean(bad.words), bench.Amount(finding.New, unit), bench.Percent(finding.Effect))
	if err := trace.Table(w, d, f.rows); err != nil {
		return err
	}
	counters := bench.Changed(good.side, bad.side, f.bench)
	sentences := []string{fmt.Sprintf("%s takes %s instead of %s (%s %%, %d and %d boots).", f.bench, bench.Amount(finding.New, unit), bench.Amount(finding.Base, unit), bench.Percent(finding.Effect), finding.BaseBoots, finding.NewBoots)}
	sentences = append(sentences, d.Sentences()...)
	if len(counters) == 0 {
		sentences = append(sentences, "No counter changed: page faults, TLB flushes and the large pages of the direct map are as before.")
	} else {
		sentences = append(sentences, "Counters that changed: "+strings.Join(counters, "; ")+".")
	}
	if n := good.trace.Lost + bad.trace.Lost; n > 0 {
		sentences = append(sentences, fmt.Sprintf("The kernel's buffer lost %d events.", n))
	}
	fmt.Fprintln(w)
	for _, l := range reports.Wrap(strings.Join(sentences, " "), max(stdoutScreen().width, reports.DefaultWidth)-2) {
		fmt.Fprintln(w, " "+l)
	}
	_, err := fmt.Fprintf(w, "\n traces: %s and *.json there, for ui.perfetto.dev\n", filepath.Join(dir, "*.trace.txt"))
	return err
}
