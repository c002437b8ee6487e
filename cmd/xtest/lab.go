package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"xtest/bisect"
	"xtest/config"
	"xtest/reports"
	"xtest/runner"
	"xtest/runner/depot"
	"xtest/runner/event"
	"xtest/runner/record"
	"xtest/runner/rootfs"
)

// subject is a candidate as it is judged.
type subject struct {
	target string
	adapt  func(*config.Options) // makes its machine what it is; may be nil
	flags  []string              // what adapt does, as flags of `xtest run`, as far as that can be said so
	env    []string              // for the command that judges
	dir    string                // the command's working folder, or ""
	// unheeded are what the candidate asks for and its build turned back; they are told like boot
	// parameters that the kernel does not know, and in place of those.
	unheeded []string
	built    bool
}

// asFlag writes a flag with its value, and none for an empty one.
func asFlag(name, value string) []string {
	if value == "" {
		return nil
	}
	return []string{"--" + name + "=" + value}
}

// runnable are those flags that `xtest run` has, too: others do not belong to a machine.
func runnable(flags []string) []string {
	known := runCommand().Flags()
	return slices.DeleteFunc(flags, func(f string) bool {
		name, _, _ := strings.Cut(strings.TrimPrefix(f, "--"), "=")
		return known.Lookup(name) == nil
	})
}

// planFor is the plan of judging the subject by specs.
func (f *runFlags) planFor(s subject) (runner.Plan, error) {
	one := *f
	one.options.Params = slices.Clone(one.options.Params)
	if s.adapt != nil {
		s.adapt(&one.options)
	}
	return one.plan([]string{s.target})
}

// salted gives the subject with a salt.
func (s subject) salted(salt int) subject {
	adapt := s.adapt
	s.adapt = func(o *config.Options) {
		if adapt != nil {
			adapt(o)
		}
		o.Salt = salt
	}
	s.flags = append(slices.Clone(s.flags), fmt.Sprintf("--salt=%d", salt))
	return s
}

// lab boots one subject after the other. Each boot is a run of its own in one folder.
type lab struct {
	flags    *runFlags
	dir      string
	progress *reports.Progress
	depot    *depot.Depot
	trace    bool // the next boots are traced
}

func newLab(f *runFlags, dir string, progress *reports.Progress) (*lab, error) {
	d, err := f.archive.depot()
	if err != nil {
		return nil, err
	}
	d.Progress, d.Warn = progress.Transfer, progress.Say
	return &lab{flags: f, dir: dir, progress: progress, depot: d}, nil
}

func (l *lab) close() { l.depot.Cache.Close() }

// boot boots the subject once and has its specs judged. It gives the boot parameters that the kernel does
// not know, too.
func (l *lab) boot(ctx context.Context, name string, s subject) (model *reports.Model, unknown []string, err error) {
	plan, err := l.flags.planFor(s)
	if err != nil {
		return nil, nil, err
	}
	plan.Supplies.Depot, plan.Trace = l.depot, l.trace
	if !l.flags.noRoot {
		maker := &rootfs.Maker{Supplies: plan.Supplies, Say: l.progress.Say, Step: l.progress.Step}
		plan.Supplies.Root = maker.Root
	}
	rec, err := record.Create(l.dir, name, time.Now())
	if err != nil {
		return nil, nil, err
	}
	rec.Add(event.Event{Kind: event.RunStarted, Run: &event.Run{
		ID: filepath.Base(rec.Dir), Version: version(), Command: os.Args, Flags: slices.Concat(l.flags.typed, s.flags), Seed: plan.Seed, Host: runner.Fingerprint(), Targets: namesOf(plan.Targets),
	}})
	err = runner.Run(ctx, plan, rec)
	rec.Add(event.Event{Kind: event.RunEnded})
	if err := errors.Join(err, rec.Close()); err != nil {
		return nil, nil, err
	}
	if model, err = reports.Load(rec.Dir); err != nil {
		return nil, nil, err
	}
	logs, err := filepath.Glob(filepath.Join(rec.Dir, "console-*.log"))
	for _, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil {
			return model, nil, fmt.Errorf("reading the console: %w", err)
		}
		unknown = append(unknown, bisect.Unknown(text)...)
	}
	slices.Sort(unknown)
	return model, slices.Compact(unknown), err
}
