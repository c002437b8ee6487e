package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/record"
)

// heard is a fake backend that keeps the boot parameters of each boot.
type heard struct {
	*fake
	mu     sync.Mutex
	params []string
}

func (h *heard) Prepare(ctx context.Context, what string, s *machine.Supplies) (*machine.Image, error) {
	img, err := h.fake.Prepare(ctx, what, s)
	launch := img.Launch
	img.Launch = func(b machine.Boot) (machine.Launch, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.params = append(h.params, strings.Join(b.Params, " "))
		return launch(b)
	}
	return img, err
}

// Each turn judges all specs anew, in a boot of its own with its salt, also when two of them are up at once;
// a target that is missed does not stop the others.
func TestMeasure(t *testing.T) {
	tr := together(t, 2, "good", "good")
	backend := &heard{fake: tr.plan.Targets[0].Backend.(*fake)}
	tr.plan.Targets[0].Backend = backend
	tr.plan.Targets = append(tr.plan.Targets, Target{Name: "missed", Backend: &fake{t: t, missing: &machine.Unavailable{Reason: "it is not installed"}}, Suites: []string{"s"}})
	verdicts, salts, ended := map[string]int{}, map[string]int{}, map[string]int{}
	rec, err := record.Create(t.TempDir(), "test", time.Now(), func(e event.Event) {
		switch e.Kind {
		case event.BootStarted:
			salts[fmt.Sprintf("%s %d", e.Target, e.Salt)]++
		case event.SpecEnded:
			verdicts[fmt.Sprintf("%s boot %d %s", e.Target, e.Boot, e.Result.Verdict)]++
		case event.TargetEnded:
			ended[e.Target]++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	turns := []Turn{{Target: "a", Salt: 1}, {Target: "b", Salt: 1}, {Target: "a", Salt: 2}, {Target: "a"}}
	n := 0
	err = Measure(t.Context(), tr.plan, rec, func(s Stage) (Turn, bool) {
		if !slices.Equal(s.Up, []string{"a", "b"}) {
			t.Errorf("up are %v", s.Up)
		}
		if n == len(turns) {
			if ended := s.Settle(); ended != n {
				t.Errorf("%d turns have ended of %d", ended, n)
			}
			return Turn{}, false
		}
		n++
		return turns[n-1], true
	})
	if err := errors.Join(err, rec.Close()); err != nil {
		t.Fatal(err)
	}
	all := len(tr.plan.Specs)
	if want := map[string]int{"a boot 1 pass": all, "a boot 2 pass": all, "a boot 3 pass": all, "b boot 1 pass": all}; !maps.Equal(verdicts, want) {
		t.Errorf("verdicts %v, expected %v", verdicts, want)
	}
	if want := map[string]int{"a 1": 1, "a 2": 1, "a 0": 1, "b 1": 1}; !maps.Equal(salts, want) {
		t.Errorf("boots by salt %v, expected %v", salts, want)
	}
	if slices.Sort(backend.params); !slices.Equal(backend.params, []string{"", "xtest.salt=1", "xtest.salt=2"}) {
		t.Errorf("boot parameters %q", backend.params)
	}
	if len(ended) != 3 {
		t.Errorf("ended: %v", ended)
	}
}
