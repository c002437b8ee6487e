package runner

import (
	"context"
	"errors"
	"testing"
	"time"

	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/record"
	"xtest/runner/schedule"
)

// together is a plan of several targets, each with machines of its own that play the same.
func together(t *testing.T, jobs int, plays ...string) *trial {
	tr := newTrial(t, "good")
	tr.plan.Supplies.Gate = schedule.NewGate(schedule.Limits{Machines: jobs})
	tr.plan.Targets = nil
	for i, play := range plays {
		f := &fake{t: t, play: play, limit: 30 * time.Second, scale: 1}
		tr.plan.Targets = append(tr.plan.Targets, Target{Name: string(rune('a' + i)), Backend: f, Suites: []string{"s"}})
	}
	return tr
}

// watched carries the plan out and gives all verdicts and how many machines were up at most.
func (tr *trial) watched(t *testing.T, ctx context.Context, also func(event.Event)) (verdicts map[string]event.Verdict, ended map[string]bool, most int, err error) {
	t.Helper()
	verdicts, ended = map[string]event.Verdict{}, map[string]bool{}
	up := 0
	tr.watch = func(e event.Event) {
		switch e.Kind {
		case event.BootStarted:
			up++
			most = max(most, up)
		case event.MachineEnded:
			up--
		case event.SpecEnded:
			verdicts[e.Target+" "+e.Spec] = e.Result.Verdict
		case event.TargetEnded:
			ended[e.Target] = true
		}
		if also != nil {
			also(e)
		}
	}
	rec, err := record.Create(t.TempDir(), "test", time.Now(), tr.watch)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(Run(ctx, tr.plan, rec), rec.Close())
	if up != 0 {
		t.Errorf("%d machines have not ended", up)
	}
	return verdicts, ended, most, err
}

func TestMachinesTogether(t *testing.T) {
	for jobs, name := range map[int]string{1: "in a row", 3: "at once"} {
		t.Run(name, func(t *testing.T) {
			tr := together(t, jobs, "good", "good", "good", "good", "good")
			verdicts, ended, most, err := tr.watched(t, t.Context(), nil)
			if err != nil || len(verdicts) != 15 || len(ended) != 5 {
				t.Errorf("%d verdicts, %d targets ended, %v", len(verdicts), len(ended), err)
			}
			if most > jobs || jobs > 1 && most < 2 {
				t.Errorf("%d machines were up at once, with %d jobs", most, jobs)
			}
		})
	}
}

// What goes wrong with one target is that target's own.
func TestOneTargetStopsNoOther(t *testing.T) {
	tr := together(t, 2, "mute", "good", "panics", "vanishes", "good")
	tr.plan.Targets[0].Backend.(*fake).missing = &machine.Unavailable{Reason: "it is not there"}
	verdicts, ended, _, err := tr.watched(t, t.Context(), nil)
	if err != nil || len(ended) != 5 {
		t.Errorf("%v; ended %v", err, ended)
	}
	for _, target := range []string{"b", "e"} {
		for _, id := range []string{"s/a", "s/b", "s/c"} {
			if v := verdicts[target+" "+id]; v != event.Pass {
				t.Errorf("%s on %s: %q", id, target, v)
			}
		}
	}
	if verdicts["c s/b"] != event.Broken || verdicts["d s/b"] != event.Broken || verdicts["a s/a"] != "" {
		t.Errorf("verdicts %v", verdicts)
	}
}

// TestInterruptionEndsAll: those that run, and those that wait for their turn.
func TestInterruptionEndsAll(t *testing.T) {
	tr := together(t, 2, "hangs-in-spec", "hangs-in-spec", "hangs-in-spec", "good")
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	open := 0
	verdicts, ended, most, err := tr.watched(t, ctx, func(e event.Event) {
		if e.Kind == event.SpecStarted && e.Spec == "s/b" {
			if open++; open == 2 {
				cancel(cause)
			}
		}
	})
	if !errors.Is(err, cause) || most != 2 {
		t.Errorf("%v; %d machines were up", err, most)
	}
	if len(ended) != 0 {
		t.Errorf("done are %v", ended)
	}
	for k, v := range verdicts {
		if v != event.Pass {
			t.Errorf("%s is %s: what was cut off is not judged", k, v)
		}
	}
}
