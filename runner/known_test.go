package runner

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/record"
)

// TestKnownFailures: what is known of a spec comes from the plan, and never from the machine.
func TestKnownFailures(t *testing.T) {
	forged := &event.Known{Entry: "forged", Reason: "believe me"}
	entry := &event.Known{Entry: "mine", Reason: "a reason"}
	for _, c := range []struct {
		spec    string
		verdict event.Verdict
		want    *event.Known
	}{
		{"s/a", event.Fail, entry},
		{"s/a", event.Pass, entry},
		{"s/a", event.Broken, nil},
		{"s/a", event.NotApplicable, nil},
		{"s/b", event.Fail, nil},
	} {
		rec, err := record.Create(t.TempDir(), "test", time.Now(), func(event.Event) {})
		if err != nil {
			t.Fatal(err)
		}
		j := &judging{target: "t", rec: rec, specs: map[string]Spec{}, known: func(target, spec string, _ *event.Result) *event.Known {
			if target == "t" && spec == "s/a" {
				return entry
			}
			return nil
		}}
		j.ended(c.spec, event.Result{Verdict: c.verdict, Known: forged})
		j.known = nil
		j.ended(c.spec, event.Result{Verdict: c.verdict, Known: forged})
		if err := rec.Close(); err != nil {
			t.Fatal(err)
		}
		list := read(t, filepath.Join(rec.Dir, record.EventsFile))
		got := []*event.Known{list[0].Result.Known, list[1].Result.Known}
		if diff := cmp.Diff([]*event.Known{c.want, nil}, got); diff != "" {
			t.Errorf("%s %s (-want +got)\n%s", c.spec, c.verdict, diff)
		}
	}
}

// asked keeps what it was asked to prepare.
type asked struct {
	machine.Backend
	memory int64
	image  *machine.Image
}

func (a *asked) Prepare(ctx context.Context, what string, s *machine.Supplies) (*machine.Image, error) {
	a.memory = s.Memory
	var err error
	a.image, err = a.Backend.Prepare(ctx, what, s)
	return a.image, err
}

func TestTargetsOwnOptions(t *testing.T) {
	tr := newTrial(t, "good")
	tr.fake.scale = 2
	a := &asked{Backend: tr.fake}
	target := &tr.plan.Targets[0]
	target.Backend, target.Memory, target.Scale = a, 1<<28, 3
	target.Leaves = func(s Spec) bool { return s.ID != "s/b" }
	list, err := tr.run(t, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list.want(t, "s/a=pass s/c=pass")
	if limit := list.of(event.SpecListed)[0].Meta.Limit; limit != 60*time.Second {
		t.Errorf("a limit of %v, want 60 s: 10 s × 2 × 3", limit)
	}
	if a.memory != 1<<28 || tr.plan.Supplies.Memory != 0 {
		t.Errorf("memory %d for the target, %d for all", a.memory, tr.plan.Supplies.Memory)
	}
	if a.image.BootLimit != 3*tr.fake.limit {
		t.Errorf("a boot limit of %v", a.image.BootLimit)
	}
}
