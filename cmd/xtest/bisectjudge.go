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
	"xtest/reports"
	"xtest/reports/bench"
)

// judge makes the predicate that judges candidates as subjects.
func (h *hunt) judge(subjectOf func(ctx context.Context, candidate string) (subject, error)) error {
	h.subjectOf = subjectOf
	by := h.byCommand
	if h.command == "" {
		var err error
		if h.lab, err = newLab(&h.runFlags, h.dir, h.progress); err != nil {
			return err
		}
		h.close = append(h.close, h.lab.close)
		by = h.bySpecs
	}
	h.Ask = func(ctx context.Context, candidate string) (bisect.Answer, error) {
		s, err := subjectOf(ctx, candidate)
		if why, ok := errors.AsType[unbuilt](err); ok {
			return bisect.Answer{Verdict: bisect.Skip, Why: why.Error()}, nil
		}
		if err != nil {
			return bisect.Answer{}, err
		}
		n, _ := h.Asked()
		a, err := by(ctx, fmt.Sprintf("%03d", n+1), s)
		if s.built {
			a.Unknown = s.unheeded
		}
		return a, err
	}
	if h.bench != "" {
		h.yardstick = &yardstick{settings: bench.Defaults(), given: map[string]int{}}
		if h.options.Clock == "" {
			h.yardstick.settings.Spread = wallSpread
		}
		h.Ask = h.byBench
	}
	return nil
}

// wallSpread is how much wall clock differs between boots for nothing under emulation on a busy host, as
// a fraction: it is what is expected until it is measured.
const wallSpread = 0.05

// bySpecs boots the subject once and has its specs judged.
func (h *hunt) bySpecs(ctx context.Context, name string, s subject) (bisect.Answer, error) {
	model, unknown, err := h.lab.boot(ctx, name, s)
	if err != nil {
		return bisect.Answer{}, err
	}
	a := h.verdict(model)
	a.Unknown = unknown
	return a, nil
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
