package spec

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"xtest/runner/event"
)

func TestVerdicts(t *testing.T) {
	t.Parallel()
	list := events(t, "safe")
	results, open, asked := map[string]event.Result{}, "", map[string]int{}
	for _, e := range list {
		switch e.Kind {
		case event.SpecStarted:
			if open != "" {
				t.Errorf("%s started before %s ended", e.Spec, open)
			}
			open = e.Spec
		case event.SpecEnded:
			if _, twice := results[e.Spec]; twice || e.Spec != open {
				t.Errorf("%s ended again, or while %q ran", e.Spec, open)
			}
			results[e.Spec], open = *e.Result, ""
		case event.Probed:
			asked[e.Probe]++
			if (e.Probe == "never") != (e.Reason != "") {
				t.Errorf("recorded %+v", e)
			}
		case event.Sampled:
			if e.Spec != "t/pass" || e.Suite != "tree" || !reflect.DeepEqual(*e.Sample, event.Sample{Name: "speed", Value: 2.5, Unit: "ns/op"}) {
				t.Errorf("recorded %+v %+v", e, e.Sample)
			}
		default:
			t.Errorf("a %s event", e.Kind)
		}
	}
	if asked["always"] != 1 || asked["never"] != 1 || asked["burst"]+asked["slow"] != 0 {
		t.Errorf("probes were asked %v", asked)
	}
	for id, r := range results {
		want, reason := strings.TrimPrefix(id, "t/"), ""
		for _, v := range []event.Verdict{event.Pass, event.Fail, event.Broken, event.NotApplicable} {
			if strings.HasPrefix(want, string(v)) {
				reason = string(v)
			}
		}
		if id == "t/grade" {
			reason = "pass"
		}
		if string(r.Verdict) != reason {
			t.Errorf("%s: %s (%s)", id, r.Verdict, r.Reason)
		}
		if (r.Verdict == event.Broken || r.Verdict == event.NotApplicable) && (r.Reason == "" || r.Failure != nil) {
			t.Errorf("%s: reason %q, failure %+v", id, r.Reason, r.Failure)
		}
	}
	if len(results) != 35 {
		t.Errorf("%d specs were judged", len(results))
	}
	for id, words := range map[string]string{
		"broken-setup": "opening: no such file", "broken-then-fail": "first", "broken-matcher": "the matcher cannot judge text",
		"broken-panic": "on purpose", "broken-cleanup": "to equal", "broken-cleanup-panic": "on purpose",
		"broken-with-orphan": "left behind: process 7 (thing)", "broken-heeds-limit": "no end within its limit",
		"broken-late-fail": "no end within its limit", "broken-probe": "a probe on its own", "broken-probe-late": "probing for slow: asking",
		"not-applicable-1": "never: probe number 1 said no", "not-applicable-2": "never: probe number 1 said no",
		"not-applicable-skip": "plainly", "not-applicable-said": "seen 1", "fail-plain": "to equal",
	} {
		if got := results["t/"+id].Reason; !strings.Contains(got, words) {
			t.Errorf("%s: reason %q lacks %q", id, got, words)
		}
	}
	errno := event.Failure{Call: "close(-1)", Got: "EBADF", Expected: "EINVAL or EPERM"}
	for id, want := range map[string]event.Failure{
		"fail-errno": errno, "fail-then-broken-cleanup": errno, "fail-then-panic": errno, "fail-in-cleanup": errno,
		"fail-then-setup-in-defer": errno, "fail-then-skip": errno, "fail-with-orphan": errno,
		"fail-while-late-returns": errno,
		"fail-equal":              {Call: "1 + 1", Got: "3", Expected: "2"},
		"fail-true":               {Call: "uname()", Got: "nothing", Expected: "a name"},
		"fail-success":            {Call: "close(3)", Got: "EIO", Expected: "success"},
		"fail-matcher":            {Call: "len(x)", Got: "3", Expected: "to be > <int>: 4"},
	} {
		if r := results["t/"+id]; r.Failure == nil || *r.Failure != want || r.Reason != "" {
			t.Errorf("%s: reason %q, failure %+v", id, r.Reason, r.Failure)
		}
	}
	pass := results["t/pass"]
	if !slices.Equal(pass.Notes, []string{"a note"}) || pass.Answers[0] != (event.Answer{Call: "getpid()", Value: "42"}) {
		t.Errorf("kept %+v", pass)
	}
	// The seed and the ID alone make the values.
	if again := pass.Answers[1].Value; again != "7666328682219824328" {
		t.Errorf("t/pass with seed 7 drew %s", again)
	}
}

func TestGradesAboveSafeNeedABootedMachine(t *testing.T) {
	t.Parallel()
	for _, e := range events(t, "booted") {
		if e.Kind == event.SpecEnded && e.Result.Verdict != event.Pass {
			t.Errorf("%s in a booted machine: %s, %s", e.Spec, e.Result.Verdict, e.Result.Reason)
		}
	}
	seen := 0
	for _, e := range events(t, "unbooted") {
		if e.Kind != event.SpecEnded {
			continue
		}
		seen++
		if r := e.Result; r.Verdict != event.NotApplicable || !strings.Contains(r.Reason, "only inside a machine that xtest booted") {
			t.Errorf("%s outside: %s, %s", e.Spec, r.Verdict, r.Reason)
		}
	}
	if seen != 2 {
		t.Errorf("%d specs", seen)
	}
}

func TestAllListsInOrder(t *testing.T) {
	t.Parallel()
	list := grow(t, "list")
	if len(list) != 38 || list[0] != `"t/pass"` || list[2] != `"t/not-chosen"` || list[37] != `"t/grade"` {
		t.Errorf("%d specs: %v", len(list), list)
	}
}
