package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"xtest/config"
	calls "xtest/fuzz/call"
	"xtest/fuzz/campaign"
	"xtest/fuzz/corpus"
	"xtest/fuzz/coverage"
	"xtest/fuzz/finding"
	"xtest/fuzz/session"
	"xtest/runner/depot"
	"xtest/runner/dom0"
	"xtest/runner/machine"
	"xtest/runner/qemu"
)

// fuzzFlags are what `xtest fuzz` was asked for.
type fuzzFlags struct {
	archive archiveFlags
	options config.Options
	runs    string
	seed    uint64
	jobs    int
	length  time.Duration
	calls   uint64
	only    []string
	exclude []string
	grade   string
	mode    string
	space   string
	corpus  string
	resume  string
	diff    string
	replays int
	boots   int
	silence time.Duration
	blind   bool
	uniform bool
	first   uint64
	dump    bool
}

func fuzzCommand() *cobra.Command {
	var f fuzzFlags
	c := &cobra.Command{
		Use:   "fuzz TARGET",
		Short: "Fuzz a hypervisor's calls, guided by the code that they reach",
		Long: `Boot the target, as its distribution ships it, and make calls with chosen arguments in it until the time is
up. Under emulation a plugin of QEMU's tells which of the hypervisor's code each call was the first to
reach; what reached new code is changed further. Crashes, hangs and answers that no call may give become
findings: folders that read on their own and replay (xtest repro).

Nothing is ever called on the machine that xtest runs on: only in machines that it boots itself.

Exit status: 0 nothing was found; 1 there are findings; 2 wrong usage; 125 it could not be done.`,
		Example: `  xtest fuzz xen:debian-12 --for 10m
  xtest fuzz xen:debian-12@pv --for 10m --seed 7
  xtest fuzz kvm:debian-12 --space hyperv --for 5m
  xtest fuzz xen:debian-12 --only 'event_channel_op/*' --grade destructive
  xtest fuzz xen:debian-12 --diff xen:debian-13 --calls 20000
  xtest fuzz --resume runs/fuzz-2026-11-20T14.03-8f2a --for 1h
  xtest fuzz syscalls uml:debian-12 --for 1m`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return f.run(c.Context(), args, f.space) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return targetNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	f.add(c)
	c.Flags().StringVar(&f.space, "space", "", "whose calls: xen, kvm, hyperv or kvm-xen (default: the target's own)")
	c.Flags().StringVar(&f.diff, "diff", "", "make the same calls on this target, too, and report where the answers part")
	c.AddCommand(fuzzSyscallsCommand(), fuzzCorpusCommand())
	return c
}

func (f *fuzzFlags) add(c *cobra.Command) {
	f.archive.add(c)
	flags := c.Flags()
	flags.DurationVar(&f.length, "for", 10*time.Minute, "how long to fuzz; 0: until Ctrl-C")
	flags.Uint64Var(&f.calls, "calls", 0, "end behind so many calls (default: when the time is up)")
	flags.Uint64Var(&f.seed, "seed", 0, "what the programs follow from (default: a new one, which is printed)")
	flags.Uint64Var(&f.first, "first", 0, "number of the list's first program")
	flags.IntVar(&f.jobs, "jobs", 1, "machines at once")
	flags.StringSliceVar(&f.only, "only", nil, "make these calls alone, as event_channel_op/send, sysctl or 'domctl/get*'")
	flags.StringSliceVar(&f.exclude, "exclude", nil, "leave these calls out")
	flags.StringVar(&f.grade, "grade", "allocates", "the most dangerous calls to make: harmless, allocates, destructive, or ends, which ends machines by design")
	flags.StringVar(&f.mode, "mode", campaign.Both, "make calls as singles, as batches, both in turn, or as race: each on two processors at once (with --cpus 2)")
	flags.StringVar(&f.corpus, "corpus", "", "begin with the programs of this corpus")
	flags.StringVar(&f.resume, "resume", "", "go on in this folder")
	flags.StringVar(&f.runs, "runs", "runs", "folder that holds the records")
	flags.IntVar(&f.replays, "replays", 3, "replay each finding in so many fresh machines; 0: do not look into findings")
	flags.IntVar(&f.boots, "boots", 40, "machines that making one finding smaller may cost")
	flags.DurationVar(&f.silence, "silence", 20*time.Second, "how long nothing may happen until a machine hangs")
	flags.BoolVar(&f.blind, "unguided", false, "do not watch which code is reached: the calls follow from the seed alone")
	flags.BoolVar(&f.uniform, "uniform", false, "make numbers and arguments of random bits, to compare with")
	flags.BoolVar(&f.dump, "dump", false, "keep the memory of a machine that died beside its finding")
	flags.StringVar(&f.options.Memory, "memory", "", "memory of a machine, as 512M or 2G (default: the backend's choice)")
	flags.IntVar(&f.options.Cores, "cpus", 0, "processors of a machine (default 1)")
	flags.StringVar(&f.options.Kernel, "kernel", "", "boot this kernel in place of the release's")
	flags.StringVar(&f.options.Modules, "modules", "", "folder of that kernel's modules")
	flags.StringArrayVar(&f.options.Params, "params", nil, "boot parameters to append, as 'a=1 b'")
}

func fuzzSyscallsCommand() *cobra.Command {
	var f fuzzFlags
	c := &cobra.Command{
		Use:   "syscalls TARGET",
		Short: "Fuzz a kernel's system calls around namespaces",
		Long: `Boot the target and make system calls in it that concern namespaces, mounts, process descriptors and
netlink, those of each program in a process of its own.`,
		Example: `  xtest fuzz syscalls uml:debian-12 --for 1m --seed 7
  xtest fuzz syscalls qemu:debian-13 --only 'mount*' --only fsopen`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return f.run(c.Context(), args, "linux") },
	}
	f.add(c)
	return c
}

// state is what a campaign's folder says of itself, so that it can be gone on with.
type state struct {
	Target  string
	Space   string
	Version int
	Seed    uint64
	Next    uint64 // number of the first program that was not run
	Only    []string
	Exclude []string
	Grade   string
	Mode    string
	Options finding.Options `json:",omitzero"`
	Blind   bool            `json:",omitempty"`
	Uniform bool            `json:",omitempty"`
	Calls   uint64          // made so far
}

const stateFile = "fuzz.json"

func (f *fuzzFlags) run(ctx context.Context, args []string, space string) error {
	var before *state
	if f.resume != "" {
		text, err := os.ReadFile(filepath.Join(f.resume, stateFile))
		if err == nil {
			before = &state{}
			err = json.Unmarshal(text, before)
		}
		if err != nil {
			return usagef("--resume %s: it is no campaign's folder: %w", f.resume, err)
		}
		if len(args) > 0 && args[0] != before.Target {
			return usagef("--resume %s fuzzes %s, not %s", f.resume, before.Target, args[0])
		}
		args = []string{before.Target}
		space, f.seed, f.first, f.grade, f.mode, f.only, f.exclude = before.Space, before.Seed, before.Next, before.Grade, before.Mode, before.Only, before.Exclude
		f.blind, f.uniform = before.Blind, before.Uniform
		f.give(before.Options)
	}
	if len(args) == 0 {
		return usagef("name a target to fuzz, as xen:debian-12; `xtest targets list` shows all")
	}
	if f.jobs < 1 || f.jobs > 64 {
		return usagef("--jobs %d: 1 to 64 machines can be up at once", f.jobs)
	}
	switch f.mode {
	case campaign.Both, campaign.Singles, campaign.Batches:
	case campaign.Race:
		if f.options.Cores < 2 {
			return usagef("--mode %s makes each call on two processors at once: --cpus 2", f.mode)
		}
	default:
		return usagef("--mode %s: there are singles, batches, both and race", f.mode)
	}
	if f.seed == 0 {
		var b [4]byte
		rand.Read(b[:])
		f.seed = uint64(binary.LittleEndian.Uint32(b[:])) + 1
	}
	t, ops, err := f.aim(args[0], space)
	if err != nil {
		return err
	}
	programs, err := f.load(t.Space)
	if err != nil {
		return err
	}
	status := newStatus(stdoutScreen())
	done, err := f.prepare(ctx, t, status.say)
	if err != nil {
		return err
	}
	defer done()
	if f.diff != "" {
		return f.compare(ctx, t.Target, ops, status)
	}
	dir := f.resume
	if dir == "" {
		if dir, err = f.folder(); err != nil {
			return err
		}
	}
	c := campaign.New(campaign.Config{
		Target: &t.Target, Ops: ops, Seed: f.seed, For: f.length, Most: f.calls, Jobs: f.jobs, Dir: dir, Mode: f.mode,
		Guided: t.Plugin != "" && !f.uniform, Uniform: f.uniform, Replays: f.replays, Boots: f.boots, Silence: f.silence,
		Corpus: programs, First: f.first, Dump: f.dump, Say: status.say, Command: os.Args, Version: version(), Options: f.given(),
	})
	keep := func() error {
		s := state{Target: args[0], Space: t.Space.Name, Version: t.Space.Version, Seed: f.seed, Next: c.Next(), Only: f.only, Exclude: f.exclude, Grade: f.grade, Mode: f.mode, Calls: c.Calls.Load(),
			Options: f.given(), Blind: f.blind, Uniform: f.uniform}
		if before != nil {
			s.Calls += before.Calls
		}
		text, err := json.MarshalIndent(s, "", "  ")
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, stateFile), append(text, '\n'), 0o644)
		}
		return err
	}
	if err := keep(); err != nil {
		return fmt.Errorf("keeping the campaign's folder: %w", err)
	}
	status.begin(c, len(ops), dir)
	watch, stop := context.WithCancel(ctx)
	go status.watch(watch, keep)
	err = c.Run(ctx)
	stop()
	status.end()
	err = errors.Join(err, keep(), keepFigures(c, dir))
	n := 0
	if err == nil || c.Calls.Load() > 0 { // what was found is told although the campaign could not go on
		n = summary(stdoutScreen().out(), c, dir)
	}
	switch {
	case err != nil:
		return err
	case n > 0:
		return exit(exitFailed)
	}
	return nil
}

// given are the options of the machines.
func (f *fuzzFlags) given() finding.Options {
	o := f.options
	return finding.Options{Cores: o.Cores, Memory: o.Memory, Kernel: o.Kernel, Modules: o.Modules, Params: o.Params}
}

// give takes the options of earlier machines where the user gives none.
func (f *fuzzFlags) give(g finding.Options) {
	o := &f.options
	o.Cores, o.Memory, o.Kernel, o.Modules = cmp.Or(o.Cores, g.Cores), cmp.Or(o.Memory, g.Memory), cmp.Or(o.Kernel, g.Kernel), cmp.Or(o.Modules, g.Modules)
	if o.Params == nil {
		o.Params = g.Params
	}
}

// load reads the programs to begin with: those of the corpus that was named, and of the folder to go on in.
func (f *fuzzFlags) load(space *calls.Space) (*corpus.Corpus, error) {
	all := corpus.New(space)
	for _, from := range []string{f.corpus, f.resume} {
		if from == "" {
			continue
		}
		old, err := corpus.Load(from)
		if corpus.IsMissing(err) && from == f.resume {
			continue
		}
		if err == nil {
			err = all.Merge(old)
		}
		if err != nil {
			return nil, usagef("%w", err)
		}
	}
	return all, nil
}

// folder makes the campaign's.
func (f *fuzzFlags) folder() (string, error) {
	id := make([]byte, 2)
	rand.Read(id)
	dir := filepath.Join(f.runs, fmt.Sprintf("fuzz-%s-%x", time.Now().UTC().Format("2006-01-02T15.04"), id))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the campaign's folder: %w (--runs chooses where)", err)
	}
	return dir, nil
}

// aimed is a target with its backend.
type aimed struct {
	session.Target
	backend machine.Backend
	what    string
	options machine.Options
	memory  int64
}

// aim finds the target and the calls to make, and refuses what must not be fuzzed.
func (f *fuzzFlags) aim(name, space string) (*aimed, []*calls.Op, error) {
	if backend, _, _ := strings.Cut(name, ":"); backend == "local" || backend == "ssh" {
		return nil, nil, usagef("%s cannot be fuzzed: calls with chosen arguments are made only in machines that xtest boots itself, as xen:debian-12", name)
	}
	r, err := parseTarget(name)
	if err != nil {
		return nil, nil, err
	}
	t := &aimed{backend: r.Backend, what: r.What}
	t.Name = name
	own := map[string][]string{"xen": {"xen"}, "kvm": {"kvm", "hyperv", "kvm-xen"}, "uml": {"linux"}, "qemu": {"linux"}}[r.Backend.Name()]
	if space == "" && len(own) > 0 {
		space = own[0]
	}
	if !slices.Contains(own, space) {
		if len(own) == 0 {
			return nil, nil, usagef("%s cannot be fuzzed: its kernel is the host's", name)
		}
		return nil, nil, usagef("%s: its calls are of %s, not of %q", name, strings.Join(own, ", "), space)
	}
	if space == "linux" && f.diff != "" {
		return nil, nil, usagef("--diff compares hypervisors")
	}
	t.Space, _ = calls.Find(space)
	_, caller, _ := strings.Cut(r.What, "@")
	t.Unprivileged = caller == dom0.PV || caller == dom0.PVH || caller == dom0.HVM
	grade, err := calls.ParseGrade(f.grade)
	if err != nil {
		return nil, nil, usagef("--grade: %w", err)
	}
	ops, err := t.Space.Choose(grade, f.only, f.exclude)
	if err != nil {
		return nil, nil, usagef("%w", err)
	}
	if t.options, err = machineOptions(f.options, r.Backend); err != nil {
		return nil, nil, usagef("%s: %w", name, err)
	}
	if t.memory, err = parseSize(f.options.Memory); err != nil {
		return nil, nil, err
	}
	return t, ops, nil
}

// prepare obtains what the target is made of, and the plugin.
func (f *fuzzFlags) prepare(ctx context.Context, t *aimed, say func(string, ...any)) (done func(), err error) {
	d, err := f.archive.depot()
	if err != nil {
		return nil, err
	}
	d.Warn = func(text string) { say("%s", text) }
	if err := t.prepare(ctx, d); err != nil {
		d.Cache.Close()
		return nil, err
	}
	if !f.blind && t.backend.Name() != "uml" {
		f.watch(ctx, t, d, say)
	}
	return func() { d.Cache.Close() }, nil
}

func (t *aimed) prepare(ctx context.Context, d *depot.Depot) (err error) {
	t.Image, err = t.backend.Prepare(ctx, t.what, &machine.Supplies{Depot: d, Options: t.options, Memory: t.memory})
	return err
}

// watch makes the plugin, or says why there is none.
func (f *fuzzFlags) watch(ctx context.Context, t *aimed, d *depot.Depot, say func(string, ...any)) {
	path, err := qemu.Find()
	switch {
	case err != nil:
	case t.Image.Plan.Accel != qemu.TCG:
		err = fmt.Errorf("the accelerator is %s, which shows nobody what is executed", t.Image.Plan.Accel)
	case t.Space == calls.Linux():
		err = errors.New("of kernels nothing is watched yet")
	default:
		t.Plugin, err = coverage.Build(ctx, d.Cache.Tree, path)
	}
	if err != nil {
		t.Plugin = ""
		say("unguided: %v", err)
	}
}

// reproCommand replays findings.
func reproCommand() *cobra.Command {
	var f fuzzFlags
	var times int
	c := &cobra.Command{
		Use:   "repro FINDING",
		Short: "Replay what fuzzing found",
		Long: `Boot the finding's target and make the finding's calls, each time in a fresh machine, and say how often
it came again.

Exit status: 0 it did not come again; 1 it did; 2 wrong usage; 125 it could not be tried.`,
		Example: `  xtest repro runs/fuzz-2026-11-20T14.03-8f2a/findings/hypervisor-hang-in-grant-table-op-copy
  xtest repro . --times 10`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return f.repro(c.Context(), args[0], times) },
	}
	f.archive.add(c)
	c.Flags().IntVar(&times, "times", 3, "replay in so many fresh machines")
	c.Flags().DurationVar(&f.silence, "silence", 20*time.Second, "how long nothing may happen until a machine hangs")
	return c
}

func (f *fuzzFlags) repro(ctx context.Context, dir string, times int) error {
	if times < 1 || times > 1000 {
		return usagef("--times %d: 1 to 1000", times)
	}
	found, err := finding.Load(dir)
	if err != nil {
		return usagef("%w", err)
	}
	f.grade = calls.Ends.String()
	f.give(found.Options)
	t, ops, err := f.aim(found.Target, found.Space)
	if err != nil {
		return err
	}
	f.blind = true
	status := newStatus(stdoutScreen())
	done, err := f.prepare(ctx, t, status.say)
	if err != nil {
		return fmt.Errorf("bringing up %s, which the finding needs: %w", found.Target, err)
	}
	defer done()
	if changed := changed(found, t.Image); changed != "" {
		status.say("the image is another one than the finding's: %s", changed)
	}
	c := campaign.New(campaign.Config{Target: &t.Target, Ops: ops, Silence: f.silence, Say: status.say})
	again, console := 0, ""
	if found.Class == finding.Divergence {
		other, _, e := f.aim(found.Other, found.Space)
		if e != nil {
			return e
		}
		done, e := f.prepare(ctx, other, status.say)
		if e != nil {
			return fmt.Errorf("bringing up %s, which the finding needs: %w", found.Other, e)
		}
		defer done()
		again, err = campaign.ReplayParting(ctx, c, &other.Target, found, times)
	} else {
		again, console, err = campaign.Replay(ctx, c, found, times)
	}
	if err != nil {
		return err
	}
	fmt.Printf("%s\n%s\ncame again in %d of %d\n", found.Signature, found.Story, again, times)
	if console != "" {
		fmt.Printf("\nthe console, at its end:\n%s\n", quote(console))
	}
	if again > 0 {
		return exit(exitFailed)
	}
	return nil
}

// changed says which part of the image is not what it was when the finding was made.
func changed(f *finding.Finding, img *machine.Image) string {
	for i, p := range f.Parts {
		if i < len(img.Plan.Parts) && img.Plan.Parts[i].SHA256 != p.SHA256 {
			return fmt.Sprintf("%s %s then, %s now", p.Package, p.Version, img.Plan.Parts[i].Version)
		}
	}
	return ""
}
