package merge

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"xtest/reports"
	"xtest/runner/event"
)

var t0 = time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC)

// part is a record to be merged: "s/a=pass" for each spec, "boot" for a new machine, "cut" where it was killed.
type part struct {
	id     string
	shard  *event.Shard
	seed   uint64
	target string
	sha    string
	words  string
	edit   func(*event.Run)
}

func of(i, n int) *event.Shard { return &event.Shard{Index: i, Total: n} }

func (p part) record() *reports.Record {
	rec := &reports.Record{Dir: "runs/" + p.id}
	boot := 0
	add := func(e event.Event) {
		e.Time = t0.Add(time.Duration(len(rec.Entries)) * time.Second)
		if e.Kind != event.RunStarted && e.Kind != event.RunEnded {
			e.Target, e.Boot = p.target, boot
		}
		rec.Entries = append(rec.Entries, reports.Entry{Line: len(rec.Entries) + 1, Event: e})
	}
	run := &event.Run{ID: p.id, Version: "1", Seed: p.seed, Shard: p.shard, Targets: []string{p.target}}
	if p.edit != nil {
		p.edit(run)
	}
	add(event.Event{Kind: event.RunStarted, Run: run})
	add(event.Event{Kind: event.TargetPlanned, Plan: &event.Plan{Backend: "b", Suites: []string{"s"}, Parts: []event.Artefact{{Role: "kernel", SHA256: p.sha}}}})
	for w := range strings.FieldsSeq(p.words) {
		if id, _, ok := strings.Cut(w, "="); ok {
			add(event.Event{Kind: event.SpecListed, Spec: id, Meta: &event.Meta{Suite: "s"}})
		}
	}
	down := func() {
		if boot > 0 {
			add(event.Event{Kind: event.Finished})
			add(event.Event{Kind: event.MachineEnded})
		}
	}
	up := func() {
		down()
		boot++
		add(event.Event{Kind: event.BootStarted})
		add(event.Event{Kind: event.Booted, Machine: &event.Machine{}})
	}
	up()
	for w := range strings.FieldsSeq(p.words) {
		id, verdict, _ := strings.Cut(w, "=")
		switch {
		case w == "boot":
			up()
		case w == "cut":
			return rec
		default:
			add(event.Event{Kind: event.SpecStarted, Spec: id})
			add(event.Event{Kind: event.SpecEnded, Spec: id, Result: &event.Result{Verdict: event.Verdict(verdict)}})
		}
	}
	down()
	boot = 0
	add(event.Event{Kind: event.TargetEnded, Duration: time.Second})
	add(event.Event{Kind: event.RunEnded})
	return rec
}

func merged(t *testing.T, o Options, parts ...part) (*Merged, *reports.Model, error) {
	t.Helper()
	var records []*reports.Record
	for _, p := range parts {
		records = append(records, p.record())
	}
	m, err := Records(records, o)
	if err != nil {
		return nil, nil, err
	}
	f := reports.NewFolder()
	f.Add(event.Event{Kind: event.RunStarted, Run: &m.Run})
	for _, e := range m.Events {
		f.Add(e)
	}
	if m.Whole {
		f.Add(event.Event{Kind: event.RunEnded})
	}
	return m, f.Close(), nil
}

func verdictsOf(m *reports.Model) string {
	var list []string
	for _, target := range m.Targets {
		for _, s := range target.Specs {
			list = append(list, fmt.Sprintf("%s:%s=%s", target.Name, s.ID, s.Verdict()))
		}
	}
	return strings.Join(list, " ")
}

var order = Options{Order: []string{"s/a", "s/b", "s/c", "s/d"}}

func TestParts(t *testing.T) {
	one := part{id: "1", shard: of(1, 3), target: "t", words: "s/a=pass s/c=fail boot s/d=pass"}
	two := part{id: "2", shard: of(2, 3), target: "t", words: "s/b=pass s/new=pass"}
	three := part{id: "3", shard: of(3, 3), target: "u", words: "s/a=not-applicable"}
	m, model, err := merged(t, order, three, two, one) // in whatever order they are named
	if err != nil {
		t.Fatal(err)
	}
	// What the order does not know stands last.
	if got, want := verdictsOf(model), "t:s/a=pass t:s/b=pass t:s/c=fail t:s/d=pass t:s/new=pass u:s/a=not-applicable"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if len(model.Warnings.List)+len(model.Targets[0].Warnings.List) > 0 || len(model.Targets[0].Doubts) > 0 || !model.Whole {
		t.Errorf("whole %v, warnings %v, %v, doubts %q", model.Whole, model.Warnings, model.Targets[0].Warnings, model.Targets[0].Doubts)
	}
	if n := len(model.Targets[0].Boots); n != 3 || model.Targets[0].Duration != 2*time.Second {
		t.Errorf("%d boots in %v", n, model.Targets[0].Duration)
	}
	want := []Console{{"runs/1", "t", 1, 1}, {"runs/1", "t", 2, 2}, {"runs/2", "t", 1, 3}, {"runs/3", "u", 1, 1}}
	if !slices.Equal(m.Consoles, want) {
		t.Errorf("consoles %v", m.Consoles)
	}
	if len(m.Run.Merged) != 3 || m.Run.Shard != nil || m.Run.Version != "1" {
		t.Errorf("run %+v", m.Run)
	}
}

func TestCutPartIsNoWhole(t *testing.T) {
	_, model, err := merged(t, order,
		part{id: "1", shard: of(1, 2), target: "t", words: "s/a=pass"},
		part{id: "2", shard: of(2, 2), target: "t", words: "s/b=pass cut s/c=pass"})
	if err != nil {
		t.Fatal(err)
	}
	if model.Whole || model.Targets[0].Ended || model.Exit() != reports.ExitNotJudged {
		t.Errorf("whole %v, ended %v, exit %d", model.Whole, model.Targets[0].Ended, model.Exit())
	}
	if got, want := verdictsOf(model), "t:s/a=pass t:s/b=pass t:s/c="; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A target that one part missed is not wholly judged, and so is one that a part never came to.
func TestMissedInOnePart(t *testing.T) {
	one := part{id: "1", shard: of(1, 2), target: "t", words: "s/a=pass"}.record()
	for name, e := range map[string]event.Event{
		"missed":  {Kind: event.TargetMissed, Target: "t", Reason: "qemu is not installed"},
		"nothing": {Kind: event.Warned, Reason: "a warning"},
	} {
		two := &reports.Record{Dir: "runs/2", Entries: []reports.Entry{
			{Line: 1, Event: event.Event{Kind: event.RunStarted, Run: &event.Run{ID: "2", Version: "1", Shard: of(2, 2), Targets: []string{"t"}}}},
			{Line: 2, Event: e},
		}}
		if name == "missed" {
			two.Entries = append(two.Entries, reports.Entry{Event: event.Event{Kind: event.TargetEnded, Target: "t"}}, reports.Entry{Event: event.Event{Kind: event.RunEnded}})
		}
		m, err := Records([]*reports.Record{one, two}, order)
		if err != nil {
			t.Fatal(err)
		}
		f := reports.NewFolder()
		f.Add(event.Event{Kind: event.RunStarted, Run: &m.Run})
		for _, e := range m.Events {
			f.Add(e)
		}
		if model := f.Close(); model.Exit() != reports.ExitNotJudged || len(model.Targets[0].Doubts) != 1 {
			t.Errorf("%s: exit %d, doubts %q", name, model.Exit(), model.Targets[0].Doubts)
		}
	}
}

func TestRunsThatDoNotBelongTogether(t *testing.T) {
	a := part{id: "a", target: "t", sha: "1234", words: "s/a=pass s/b=fail"}
	for name, c := range map[string]struct {
		parts []part
		want  []string
	}{
		"version":           {[]part{a, {id: "b", target: "u", edit: func(r *event.Run) { r.Version = "2" }}}, []string{"runs/a is of xtest 1, runs/b of xtest 2"}},
		"seed":              {[]part{a, {id: "b", target: "u", seed: 5}}, []string{"runs/a has seed 0, runs/b has seed 5"}},
		"verdicts":          {[]part{a, {id: "b", target: "t", sha: "1234", words: "s/a=pass s/b=pass"}}, []string{"s/b on t was judged twice: fail in runs/a, pass in runs/b"}},
		"not judged":        {[]part{a, {id: "b", target: "t", sha: "1234", words: "cut s/a=pass"}}, []string{"s/a on t was judged twice: pass in runs/a, not judged in runs/b"}},
		"kernel":            {[]part{a, {id: "b", target: "t", sha: "5678", words: "s/c=pass"}}, []string{"target t: runs/a has kernel", "1234", "5678"}},
		"missing part":      {[]part{{id: "1", shard: of(1, 3), target: "t"}, {id: "2", shard: of(2, 3), target: "u"}}, []string{"part 3/3 is missing"}},
		"parts of others":   {[]part{{id: "1", shard: of(1, 2), target: "t"}, {id: "2", shard: of(2, 3), target: "u"}}, []string{"runs/1 is part 1/2, runs/2 is part 2/3"}},
		"a part of a whole": {[]part{a, {id: "1", shard: of(1, 1), target: "u"}}, []string{"runs/a is a run of its own, runs/1 is part 1/1"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := merged(t, order, c.parts...)
			if err == nil {
				t.Fatal("they were merged")
			}
			for _, w := range append(c.want, "--force") {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q lacks %q", err, w)
				}
			}
			forced := order
			forced.Force = true
			if _, _, err := merged(t, forced, c.parts...); err != nil {
				t.Errorf("with force: %v", err)
			}
		})
	}
	forced := Options{Force: true}
	if _, _, err := merged(t, forced, a, a); err == nil || !strings.Contains(err.Error(), "same run") {
		t.Errorf("a run with itself: %v", err)
	}
	if _, _, err := merged(t, forced); err == nil {
		t.Error("no run at all was merged")
	}
	if _, err := Records([]*reports.Record{{Dir: "runs/x"}}, forced); err == nil || !strings.Contains(err.Error(), "runs/x") {
		t.Errorf("without a beginning: %v", err)
	}
	// Of two verdicts the worse stands, and both machines are there.
	_, model, err := merged(t, forced, a, part{id: "b", target: "t", sha: "1234", words: "s/b=pass"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := verdictsOf(model), "t:s/a=pass t:s/b=fail"; got != want || len(model.Targets[0].Boots) != 2 {
		t.Errorf("got %s, want %s; %d boots", got, want, len(model.Targets[0].Boots))
	}
}
