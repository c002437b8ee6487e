package main

import (
	"context"
	"errors"
	"time"

	"xtest/runner/event"
	"xtest/runner/offline"
	"xtest/runner/record"
	"xtest/suites/lsb/inspection"
)

// survey judges a root file system that is read, and keeps its facts beside the record.
func survey(ctx context.Context, ref string, profile inspection.Profile, open func(context.Context, string) (*offline.Root, error),
	excuse func(string, *event.Result) *event.Known, rec *record.Writer,
) {
	began := time.Now()
	r, err := open(ctx, ref)
	if err != nil {
		rec.Add(event.Event{Kind: event.TargetMissed, Target: ref, Reason: err.Error()})
		return
	}
	sys := inspection.NewSystem(r.FS)
	rec.Add(event.Event{Kind: event.TargetPlanned, Target: ref, Plan: r.Plan(profile.Name, sys.Describe())})
	inspection.Survey{Target: ref, System: sys, Checks: profile.Checks, Known: excuse, Emit: rec.Add}.Run(ctx, profile.Name)
	if ctx.Err() == nil {
		err = sys.Gather(false).Write(rec.Dir, ref)
		if err = errors.Join(err, r.Close()); err != nil {
			rec.Add(event.Event{Kind: event.Warned, Target: ref, Reason: err.Error()})
		}
		rec.Add(event.Event{Kind: event.TargetEnded, Target: ref, Duration: time.Since(began)})
	}
}
