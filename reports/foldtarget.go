package reports

import (
	"fmt"
	"slices"
	"time"

	"xtest/runner/event"
)

// target takes an event of one target that is about the target or its machines.
func (f *Folder) target(t *Target, e event.Event) {
	switch e.Kind {
	case event.TargetPlanned:
		t.Plan = e.Plan
	case event.TargetMissed:
		t.Missed = &Missed{Reason: e.Reason, Fix: e.Fix}
	case event.BootStarted:
		f.anew(t, e.Boot)
		b := t.boot(e.Boot)
		b.Started, b.Salt = e.Time, e.Salt
	case event.Booted:
		f.anew(t, e.Boot)
		b := t.boot(e.Boot)
		if b.Booted {
			t.Warnings.add(f.line, "boot %d said twice that it is ready; the first word stands", b.Number)
			return
		}
		b.Booted, b.Machine = true, e.Machine
		if !b.Started.IsZero() && e.Time.After(b.Started) {
			b.Took = e.Time.Sub(b.Started)
		}
	case event.Finished:
		t.boot(e.Boot).Done = true
	case event.MachineEnded:
		b := t.boot(e.Boot)
		b.End, b.Finish = e.Reason, e.Time
	case event.TargetEnded:
		f.cut(t, -1, "the target ended before the spec did")
		t.Ended, t.Duration = true, credible(e.Duration)
	case event.Crashed:
		f.crashed(t, e)
	case event.Warned:
		t.Warnings.add(f.line, "%s", e.Reason)
	case event.Probed:
		f.probed(t, e)
	default:
		f.spec(t, e)
	}
}

// anew takes a boot for the end of the others, which they are unless the target is measured: then several
// of its machines may be up.
func (f *Folder) anew(t *Target, boot int) {
	if !f.bench() {
		f.cut(t, boot, "its machine was booted again before the spec ended")
	}
}

// bench says whether the run is one of benchmarks, in which each boot judges all specs anew.
func (f *Folder) bench() bool { return f.m.Run != nil && f.m.Run.Bench != nil }

func (t *Target) boot(n int) *Boot {
	for _, b := range t.Boots {
		if b.Number == n {
			return b
		}
	}
	b := &Boot{Number: n}
	t.Boots = append(t.Boots, b)
	return b
}

func (f *Folder) probed(t *Target, e event.Event) {
	p := Probe{Name: e.Probe, Reason: e.Reason}
	i, known := t.probes[e.Probe]
	switch {
	case known && t.Probes[i] == p: // every boot asks again
	case known:
		t.Warnings.add(f.line, "the probe %s answered differently before: %q, then %q", e.Probe, t.Probes[i].Reason, e.Reason)
		t.Probes[i] = p
	case len(t.Probes) < maxSpecs:
		t.probes[e.Probe] = len(t.Probes)
		t.Probes = append(t.Probes, p)
	}
}

// crashed charges a crash to the spec that the runner names or, where it names none, to the last
// one that started in that boot and has not ended.
func (f *Folder) crashed(t *Target, e event.Event) {
	c := Crash{Boot: e.Boot, Spec: e.Spec}
	if e.Crash != nil {
		c.Crash = *e.Crash
	}
	if c.Kind == "" {
		c.Kind = "unknown"
	}
	t.boot(e.Boot)
	var s *Spec
	if e.Spec != "" {
		s = f.known(t, e)
	} else {
		for _, o := range slices.Backward(t.open) {
			if o.Boot == e.Boot {
				s, c.Spec = o, o.ID
				break
			}
		}
	}
	t.Crashes = append(t.Crashes, c)
	if s == nil {
		return
	}
	s.Crash = &c.Crash
	f.judge(t, s, &event.Result{
		Verdict:  event.Broken,
		Reason:   fmt.Sprintf("its machine crashed: %s: %s", c.Kind, c.Signature),
		Duration: s.since(e.Time),
	}, true)
}

// cut makes the specs that are open in other boots than keep broken. A machine's end alone does not
// do that, since the crash that explains it may be put on the record after it.
func (f *Folder) cut(t *Target, keep int, why string) {
	open := t.open
	t.open = nil
	for _, s := range open {
		if s.Boot == keep && keep > 0 {
			t.open = append(t.open, s)
			continue
		}
		reason := why
		for _, b := range t.Boots {
			if b.Number == s.Boot && b.End != "" {
				reason = "its machine ended before the spec did: " + b.End
			}
		}
		for _, c := range t.Crashes {
			if c.Boot == s.Boot {
				reason = fmt.Sprintf("its machine crashed while another spec ran (%s): %s: %s", c.Spec, c.Kind, c.Signature)
			}
		}
		f.judge(t, s, &event.Result{Verdict: event.Broken, Reason: reason}, true)
	}
}

func credible(d time.Duration) time.Duration { return min(max(d, 0), longest) }
