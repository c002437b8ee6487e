package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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
	env    []string              // for the command that judges
	dir    string                // the command's working folder, or ""
}

// planFor is the plan of judging the subject by specs.
func (f *bisectFlags) planFor(s subject) (runner.Plan, error) {
	one := f.runFlags
	one.options.Params = slices.Clone(one.options.Params)
	if s.adapt != nil {
		s.adapt(&one.options)
	}
	return one.plan([]string{s.target})
}

// judge gives the predicate that judges candidates as subjects.
func (h *hunt) judge(subjectOf func(ctx context.Context, candidate string) (subject, error)) (bisect.Predicate, error) {
	by := h.byCommand
	if h.command == "" {
		depot, err := h.archive.depot()
		if err != nil {
			return nil, err
		}
		h.close = append(h.close, func() { depot.Cache.Close() })
		depot.Progress, depot.Warn = h.progress.Transfer, h.progress.Say
		by = func(ctx context.Context, name string, s subject) (bisect.Answer, error) {
			return h.bySpecs(ctx, name, s, depot)
		}
	}
	return func(ctx context.Context, candidate string) (bisect.Answer, error) {
		s, err := subjectOf(ctx, candidate)
		if why, ok := errors.AsType[unbuilt](err); ok {
			return bisect.Answer{Verdict: bisect.Skip, Why: why.Error()}, nil
		}
		if err != nil {
			return bisect.Answer{}, err
		}
		n, _ := h.Asked()
		return by(ctx, fmt.Sprintf("%03d", n+1), s)
	}, nil
}

// bySpecs boots the subject once and has its specs judged. The record becomes a run's folder in the
// search's.
func (h *hunt) bySpecs(ctx context.Context, name string, s subject, depot *depot.Depot) (bisect.Answer, error) {
	plan, err := h.planFor(s)
	if err != nil {
		return bisect.Answer{}, err
	}
	plan.Supplies.Depot = depot
	if !h.noRoot {
		maker := &rootfs.Maker{Supplies: plan.Supplies, Say: h.progress.Say, Step: h.progress.Step}
		plan.Supplies.Root = maker.Root
	}
	rec, err := record.Create(h.dir, name, time.Now())
	if err != nil {
		return bisect.Answer{}, err
	}
	rec.Add(event.Event{Kind: event.RunStarted, Run: &event.Run{
		ID: filepath.Base(rec.Dir), Version: version(), Command: os.Args, Flags: h.typed, Seed: plan.Seed, Host: runner.Fingerprint(), Targets: namesOf(plan.Targets),
	}})
	err = runner.Run(ctx, plan, rec)
	rec.Add(event.Event{Kind: event.RunEnded})
	if err := errors.Join(err, rec.Close()); err != nil {
		return bisect.Answer{}, err
	}
	model, err := reports.Load(rec.Dir)
	if err != nil {
		return bisect.Answer{}, err
	}
	a := h.verdict(model)
	logs, err := filepath.Glob(filepath.Join(rec.Dir, "console-*.log"))
	for _, l := range logs {
		text, err := os.ReadFile(l)
		if err != nil {
			return a, fmt.Errorf("reading the console: %w", err)
		}
		a.Unknown = append(a.Unknown, bisect.Unknown(text)...)
	}
	slices.Sort(a.Unknown)
	a.Unknown = slices.Compact(a.Unknown)
	return a, err
}

// verdict sums up what the specs of a run found: one that is bad makes it bad, and all are to be judged
// to make it good.
func (h *hunt) verdict(m *reports.Model) bisect.Answer {
	a := bisect.Answer{Verdict: bisect.Skip, Why: "no spec was judged"}
	good, bad, other := 0, "", ""
	for _, t := range m.Targets {
		if t.Missed != nil {
			a.Why = t.Missed.Reason
		} else if len(t.Doubts) > 0 {
			a.Why = t.Doubts[0]
		}
		for _, s := range t.Specs {
			v := string(s.Verdict())
			switch {
			case slices.Contains(h.badVerdict, v) && bad == "":
				bad = s.ID + ": " + v
			case slices.Contains(h.goodVerdict, v):
				good++
			case v != "" && other == "":
				other = s.ID + ": " + v + ": " + s.Result.Reason
			}
		}
	}
	switch {
	case bad != "":
		return bisect.Answer{Verdict: bisect.Bad, Why: bad}
	case other != "":
		a.Why, _, _ = strings.Cut(other, "\n")
	case good > 0 && m.Counts.NotJudged == 0:
		return bisect.Answer{Verdict: bisect.Good}
	}
	return a
}

// byCommand runs the command in a process group of its own. What it writes is kept in the search's folder.
func (h *hunt) byCommand(ctx context.Context, name string, s subject) (bisect.Answer, error) {
	path := filepath.Join(h.dir, name+".log")
	log, err := os.Create(path)
	if err != nil {
		return bisect.Answer{}, fmt.Errorf("keeping the command's output: %w", err)
	}
	defer log.Close() // an answer does not depend on it
	code, err := shell(ctx, h.command, s.dir, s.env, log)
	switch {
	case err != nil:
		return bisect.Answer{}, fmt.Errorf("running --run %q: %w", h.command, err)
	case code == 0:
		return bisect.Answer{Verdict: bisect.Good}, nil
	case code == exitUnjudged:
		return bisect.Answer{Verdict: bisect.Skip, Why: "exit status 125"}, nil
	case code < 128:
		return bisect.Answer{Verdict: bisect.Bad, Why: fmt.Sprintf("exit status %d", code)}, nil
	}
	return bisect.Answer{}, fmt.Errorf("--run %q ended with status %d, which ends the search; its output is in %s", h.command, code, path)
}

// shell runs a command line to its end and gives its exit status, 128 and the signal's number for one that was
// killed.
func shell(ctx context.Context, line, dir string, env []string, out *os.File) (int, error) {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", line)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append(os.Environ(), env...), out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if status := exit.Sys().(syscall.WaitStatus); status.Signaled() {
			return 128 + int(status.Signal()), nil
		}
		return exit.ExitCode(), nil
	}
	return 0, err
}

// unbuilt is the error of a candidate that cannot be made: it is skipped.
type unbuilt struct{ error }
