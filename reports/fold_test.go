package reports

import (
	"strings"
	"testing"
	"time"

	"xtest/runner/event"
)

var t0 = time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC)

// script makes a model of events on target "t" in boot 1 unless they say otherwise.
func script(events ...event.Event) *Model {
	f := NewFolder()
	for i, e := range events {
		if e.Target == "" {
			e.Target = "t"
		}
		if e.Boot == 0 {
			e.Boot = 1
		}
		e.Time = t0.Add(time.Duration(i) * time.Second)
		f.Add(e)
	}
	return f.Close()
}

func moved(id string) event.Event { return event.Event{Kind: event.SpecMoved, Spec: id} }
func is(k event.Kind) event.Event { return event.Event{Kind: k} }

func started(id string) event.Event { return event.Event{Kind: event.SpecStarted, Spec: id} }

func listed(id string) event.Event {
	return event.Event{Kind: event.SpecListed, Spec: id, Meta: &event.Meta{Suite: "s"}}
}

func ended(id string, v event.Verdict) event.Event {
	return event.Event{Kind: event.SpecEnded, Spec: id, Result: &event.Result{Verdict: v}}
}

func crashed(id string) event.Event {
	return event.Event{Kind: event.Crashed, Spec: id, Crash: &event.Crash{Kind: "panic", Signature: "sig"}}
}

func inBoot(n int, e event.Event) event.Event { e.Boot = n; return e }

// booted and down are what stands around every run's specs.
func around(events ...event.Event) []event.Event {
	all := []event.Event{is(event.RunStarted), is(event.TargetPlanned), is(event.BootStarted), is(event.Booted)}
	all = append(all, events...)
	return append(all, is(event.Finished), is(event.MachineEnded), is(event.TargetEnded), is(event.RunEnded))
}

func TestFoldVerdicts(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []event.Event
		want   event.Verdict
		reason string
		crash  bool
	}{
		{"pass", []event.Event{listed("a"), started("a"), ended("a", event.Pass)}, event.Pass, "", false},
		{"crash without a name", []event.Event{started("a"), crashed(""), is(event.MachineEnded)}, event.Broken, "crashed: panic: sig", true},
		{"crash put on record after the machine's end", []event.Event{started("a"), is(event.MachineEnded), crashed("")}, event.Broken, "crashed: panic: sig", true},
		{"crash, then a word from the runner", []event.Event{started("a"), crashed("a"), ended("a", event.Broken)}, event.Broken, "", true},
		{"crash, then a forged pass", []event.Event{started("a"), crashed("a"), ended("a", event.Pass)}, event.Broken, "crashed", true},
		{"pass, then the crash is charged to it", []event.Event{started("a"), ended("a", event.Pass), crashed("a")}, event.Broken, "crashed", true},
		{"fail, then a crash", []event.Event{started("a"), ended("a", event.Fail), crashed("a")}, event.Fail, "", true},
		{"crash of another boot", []event.Event{started("a"), inBoot(2, crashed("")), inBoot(2, is(event.Booted))}, event.Broken, "booted again", false},
		{"another spec crashed the machine", []event.Event{started("a"), started("b"), crashed("b")}, event.Broken, "while another spec ran (b)", false},
		{"machine's end alone", []event.Event{started("a"), {Kind: event.MachineEnded, Reason: "reset"}}, event.Broken, "ended before the spec did: reset", false},
		{"killed", []event.Event{started("a")}, event.Broken, "xtest ended before the spec did", false},
		{"the run ended", []event.Event{started("a"), is(event.RunEnded)}, event.Broken, "the run ended before the spec did", false},
		{"the target ended", []event.Event{started("a"), is(event.TargetEnded)}, event.Broken, "the target ended", false},
		{"moved and passed", []event.Event{started("a"), moved("a"), is(event.MachineEnded), inBoot(2, started("a")), inBoot(2, ended("a", event.Pass))}, event.Pass, "", false},
		{"moved and not gone on with", []event.Event{listed("a"), started("a"), moved("a"), is(event.MachineEnded), is(event.TargetEnded)}, "", "", false},
		{"moved, then a crash", []event.Event{started("a"), moved("a"), inBoot(2, started("a")), inBoot(2, crashed("a"))}, event.Broken, "crashed", true},
		{"listed only", []event.Event{listed("a")}, "", "", false},
		{"two ends, the worse last", []event.Event{started("a"), ended("a", event.Pass), ended("a", event.Fail)}, event.Fail, "", false},
		{"two ends, the worse first", []event.Event{started("a"), ended("a", event.Fail), ended("a", event.NotApplicable)}, event.Fail, "", false},
		{"no result", []event.Event{started("a"), {Kind: event.SpecEnded, Spec: "a"}}, event.Broken, "no result", false},
		{"no verdict of the four", []event.Event{started("a"), ended("a", "passed")}, event.Broken, `"passed"`, false},
		{"started again and left open", []event.Event{started("a"), ended("a", event.Pass), inBoot(2, started("a"))}, event.Broken, "xtest ended", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := script(c.events...)
			s := m.Targets[0].specs["a"]
			if s.Verdict() != c.want || (s.Crash != nil) != c.crash {
				t.Errorf("verdict %q, not %q; crash %v", s.Verdict(), c.want, s.Crash)
			}
			if s.Result != nil && !strings.Contains(s.Result.Reason, c.reason) {
				t.Errorf("the reason is %q, without %q", s.Result.Reason, c.reason)
			}
			consistent(t, m)
		})
	}
}

func TestExit(t *testing.T) {
	missed := event.Event{Kind: event.TargetMissed, Target: "u", Reason: "crun: not installed"}
	pass := []event.Event{listed("a"), started("a"), ended("a", event.Pass)}
	with := func(more ...event.Event) []event.Event {
		return around(append(append([]event.Event{}, pass...), more...)...)
	}
	for _, c := range []struct {
		name   string
		events []event.Event
		want   int
	}{
		{"all passed", with(), ExitGood},
		{"some do not apply", with(started("b"), ended("b", event.NotApplicable)), ExitGood},
		{"one failed", with(started("b"), ended("b", event.Fail), started("c"), ended("c", event.Broken)), ExitFailed},
		{"one broken", with(started("b"), ended("b", event.Broken)), ExitNotJudged},
		{"one not started", with(listed("b")), ExitNotJudged},
		{"none apply", around(started("b"), ended("b", event.NotApplicable)), ExitNotJudged},
		{"nothing ran", around(), ExitNotJudged},
		{"no events of a target", []event.Event{{Kind: event.Warned}}, ExitNotJudged},
		{"another target was missed", append(with(), missed), ExitGood},
		{"all were missed", []event.Event{missed}, ExitNotJudged},
		{"another target did not boot", append(with(), event.Event{Kind: event.BootStarted, Target: "u"}, event.Event{Kind: event.TargetEnded, Target: "u"}), ExitNotJudged},
		{"it was missed after a try to boot", append(with(), event.Event{Kind: event.BootStarted, Target: "u"}, missed), ExitNotJudged},
		{"another target never began", append(with(), event.Event{Kind: event.TargetPlanned, Target: "u"}), ExitNotJudged},
		{"it crashed with no spec running", with(crashed("")), ExitNotJudged},
		{"the agent never finished", append([]event.Event{is(event.Booted)}, append(pass, is(event.MachineEnded), is(event.TargetEnded))...), ExitNotJudged},
		{"the end is not on the record", append([]event.Event{is(event.Booted)}, append(pass, is(event.Finished))...), ExitNotJudged},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := script(c.events...)
			if got := m.Exit(); got != c.want {
				t.Errorf("exit %d, not %d; counts %+v, targets %+v", got, c.want, m.Counts, m.Targets)
			}
		})
	}
}

// TestFoldImpossible folds numbers that no run has.
func TestFoldImpossible(t *testing.T) {
	long := ended("a", event.Pass)
	long.Result.Duration = -1 << 63
	longer := ended("b", event.Pass)
	longer.Result.Duration = 1<<63 - 1
	m := script(started("a"), long, started("b"), longer, inBoot(-1, started("c")))
	specs := m.Targets[0].specs
	if d := specs["a"].Result.Duration; d != 0 {
		t.Errorf("a spec took %v", d)
	}
	if d := specs["b"].Result.Duration; d > longest {
		t.Errorf("a spec took %v", d)
	}
	if v := specs["c"].Verdict(); v != event.Broken {
		t.Errorf("a spec of boot -1 that did not end is %q", v)
	}
}

func TestSpecsAreBounded(t *testing.T) {
	f := NewFolder()
	for i := range maxSpecs + 10 {
		f.Add(event.Event{Kind: event.SpecStarted, Target: "t", Spec: strings.Repeat("x", i%7) + time.Duration(i).String()})
	}
	m := f.Close()
	if n := len(m.Targets[0].Specs); n != maxSpecs || m.Targets[0].Warnings.List == nil {
		t.Errorf("%d specs were kept, warnings %v", n, m.Targets[0].Warnings)
	}
}

// TestMissedAfterBoot shows a target that was given up after its machine did not come up.
func TestMissedAfterBoot(t *testing.T) {
	m := script(is(event.BootStarted), event.Event{Kind: event.TargetMissed, Reason: "no console", Fix: "xtest doctor"}, is(event.TargetEnded))
	var b strings.Builder
	if err := Table(&b, m, Options{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"it did not boot: no console", "fix  xtest doctor", "NOT JUDGED"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{
		"user/nesting-limit": "user/nesting-limit",
		"uml:debian-12":      "uml:debian-12",
		"$(rm -rf x)":        "'$(rm -rf x)'",
		"it's":               `'it'\''s'`,
		"a\nb":               `'a\nb'`,
		"":                   "''",
	} {
		if got := shellWord(in); got != want {
			t.Errorf("%q became %s, not %s", in, got, want)
		}
	}
	if got := flagValue("--spec", "--force"); got != "--spec=--force" {
		t.Errorf("a value that looks like a flag became %s", got)
	}
}

// TestFoldBench folds benchmarks: each boot judges all specs anew, and two are up at once.
func TestFoldBench(t *testing.T) {
	run := is(event.RunStarted)
	run.Run = &event.Run{Bench: &event.Bench{Tier: event.Counts, Boots: 2}}
	salted := inBoot(2, is(event.BootStarted))
	salted.Salt = 2
	sample := event.Event{Kind: event.Sampled, Spec: "a", Sample: &event.Sample{Name: "a", Values: []float64{1, 2, 3}, Unit: "ns/op"}}
	m := script(run, is(event.TargetPlanned), is(event.BootStarted), salted, is(event.Booted), listed("a"),
		started("a"), inBoot(2, is(event.Booted)), inBoot(2, started("a")), sample, ended("a", event.Pass), is(event.Finished), is(event.MachineEnded),
		inBoot(2, sample), inBoot(2, ended("a", event.Pass)), inBoot(2, is(event.Finished)), inBoot(2, is(event.MachineEnded)), is(event.TargetEnded), is(event.RunEnded))
	target := m.Targets[0]
	if len(target.Warnings.List) > 0 || m.Exit() != ExitGood || target.Boots[1].Salt != 2 {
		t.Errorf("warnings %v, exit %d, boots %+v", target.Warnings.List, m.Exit(), target.Boots[1])
	}
	if s := target.specs["a"]; s.Verdict() != event.Pass || s.Samples != 6 {
		t.Errorf("%s with %d samples", s.Verdict(), s.Samples)
	}
	consistent(t, m)
}
