// Package runner carries a run out: plan, boot, run, record. It brings targets up through their
// backends, gives the agents inside their orders, watches the machines, and keeps the record.
//
// Beware: the record is the only result. Nothing is judged here that is not an event first, and what
// a machine sends is checked against what it was asked before it is believed.
package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/record"
)

// Target is what is under test.
type Target struct {
	Name    string // backend:what
	Backend machine.Backend
	What    string
	Suites  []string
	// Leaves says which of the suites' specs to judge; nil leaves all.
	Leaves func(Spec) bool
	// Memory of the machine in bytes; 0 leaves it to Plan.Supplies.
	Memory int64
	// Scale multiplies time limits beyond what the backend asks for; 0 is 1. They never become
	// shorter than on hardware.
	Scale float64
}

// Spec is a check that can be chosen, as the suites declare it.
type Spec struct {
	ID   string
	Meta event.Meta
}

// Plan is what is to be done.
type Plan struct {
	Targets []Target
	// Specs are those to judge, on each target whose suites they belong to.
	Specs    []Spec
	Supplies *machine.Supplies
	Seed     uint64
	// Known gives what is known of a spec that fails or passes on a target, or nil; it may be nil.
	Known func(target, spec string) *event.Known

	patience patience // with machines; zero means the usual
}

// Run carries the plan out, target by target. What could not be done is on the record; the error is
// about the run as a whole: it was interrupted, or its record could not be kept.
func Run(ctx context.Context, plan Plan, rec *record.Writer) error {
	for _, t := range plan.Targets {
		if err := errors.Join(context.Cause(ctx), rec.Err()); err != nil {
			return err
		}
		start := time.Now()
		runTarget(ctx, plan, t, rec)
		rec.Add(event.Event{Kind: event.TargetEnded, Target: t.Name, Duration: time.Since(start)})
	}
	return errors.Join(context.Cause(ctx), rec.Err())
}

func runTarget(ctx context.Context, plan Plan, t Target, rec *record.Writer) {
	supplies := *plan.Supplies
	if t.Memory > 0 {
		supplies.Memory = t.Memory
	}
	img, err := t.Backend.Prepare(ctx, t.What, &supplies)
	if err != nil {
		if ctx.Err() != nil {
			return
		}
		miss := event.Event{Kind: event.TargetMissed, Target: t.Name, Reason: err.Error()}
		var u *machine.Unavailable
		if errors.As(err, &u) {
			miss.Reason, miss.Fix = u.Reason, u.Fix
		}
		rec.Add(miss)
		return
	}
	if t.Scale > 0 {
		img.Scale = max(img.Scale*t.Scale, 1)
		img.BootLimit = time.Duration(float64(img.BootLimit) * t.Scale)
	}
	img.Plan.Suites = t.Suites
	rec.Add(event.Event{Kind: event.TargetPlanned, Target: t.Name, Plan: &img.Plan})
	j := &judging{target: t.Name, image: img, rec: rec, seed: plan.Seed, specs: map[string]Spec{}, known: plan.Known, patience: plan.patience}
	if j.patience == (patience{}) {
		j.patience = usual
	}
	for _, s := range plan.Specs {
		if !slices.Contains(t.Suites, s.Meta.Suite) || t.Leaves != nil && !t.Leaves(s) {
			continue
		}
		s.Meta.Limit = time.Duration(float64(s.Meta.Limit) * max(img.Scale, 1))
		j.specs[s.ID] = s
		j.order = append(j.order, s.ID)
		rec.Add(event.Event{Kind: event.SpecListed, Target: t.Name, Suite: s.Meta.Suite, Spec: s.ID, Meta: &s.Meta})
	}
	j.run(ctx)
}

// Fingerprint describes the machine that xtest runs on.
func Fingerprint() event.Host { return fingerprint(os.ReadFile) }

func fingerprint(read func(string) ([]byte, error)) event.Host {
	var h event.Host
	if text, err := read("/proc/sys/kernel/osrelease"); err == nil {
		h.Kernel = strings.TrimSpace(string(text))
	}
	if text, err := read("/proc/cpuinfo"); err == nil {
		for line := range strings.SplitSeq(string(text), "\n") {
			key, value, _ := strings.Cut(line, ":")
			switch strings.TrimSpace(key) {
			case "processor":
				h.Cores++
			case "model name":
				h.CPU = strings.TrimSpace(value)
			}
		}
	}
	if text, err := read("/proc/meminfo"); err == nil {
		var kb int64
		if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kb); err == nil {
			h.Memory = kb << 10
		}
	}
	return h
}
