package reports

import (
	"bytes"
	"strings"
	"testing"

	"xtest/runner/event"
)

// matrix makes a run of the targets a to h, which got the verdicts that stand behind each spec, one
// letter each: p(ass), f(ail), k(nown), n(/a), b(roken), o(pen), or none for a space.
func matrix(t *testing.T, targets int, rows ...string) *Model {
	t.Helper()
	f := NewFolder()
	names := make([]string, targets)
	for i := range names {
		names[i] = "uml:debian-" + string(rune('a'+i))
	}
	f.Add(event.Event{Kind: event.RunStarted, Run: &event.Run{ID: "r", Version: "1", Seed: 7, Targets: names}})
	// The last one is ready first, as chance may have it.
	for i := len(names) - 1; i >= 0; i-- {
		at := func(e event.Event) {
			e.Target, e.Boot, e.Time = names[i], 1, t0
			f.Add(e)
		}
		at(is(event.TargetPlanned))
		for _, r := range rows {
			id, verdicts, _ := strings.Cut(r, " ")
			if v := verdicts[i]; v != ' ' {
				at(event.Event{Kind: event.SpecListed, Spec: id, Meta: &event.Meta{Suite: "s", Clause: "the clause of " + id, Level: "MUST"}})
			}
		}
		at(is(event.BootStarted))
		at(is(event.Booted))
		for _, r := range rows {
			id, verdicts, _ := strings.Cut(r, " ")
			if strings.Contains(" o", verdicts[i:i+1]) {
				continue
			}
			at(started(id))
			at(event.Event{Kind: event.SpecEnded, Spec: id, Result: map[byte]*event.Result{
				'p': {Verdict: event.Pass},
				'f': {Verdict: event.Fail, Failure: &event.Failure{Call: "call()", Got: "EBADF\x1b[31m", Expected: "EINVAL"}},
				'k': {Verdict: event.Fail, Reason: "as ever", Known: &event.Known{Entry: "e", Reason: "it is known"}},
				'n': {Verdict: event.NotApplicable, Reason: "time namespaces: ENOSYS"},
				'b': {Verdict: event.Broken, Reason: "set-up: mkdir: EROFS\nand a stack\n\x1b]0;"},
			}[verdicts[i]]})
		}
		at(is(event.Finished))
		at(is(event.MachineEnded))
		at(is(event.TargetEnded))
	}
	f.Add(event.Event{Kind: event.RunEnded, Time: t0})
	return f.Close()
}

func draw(t *testing.T, o DiffOptions, runs ...*Model) string {
	t.Helper()
	var b bytes.Buffer
	if err := Diff(&b, runs, o); err != nil {
		t.Fatal(err)
	}
	harmless(t, b.String(), o.Color)
	width := max(o.Width, 40)
	if o.Width == 0 {
		width = DefaultWidth
	}
	for l := range strings.Lines(b.String()) {
		command := strings.Contains(l, "xtest run ") || strings.Contains(l, "xtest report ")
		if w := cells(strings.TrimSuffix(l, "\n")); w > width && !command {
			t.Errorf("%d cells, wider than %d: %q", w, width, l)
		}
	}
	return b.String()
}

var four = []string{
	"user/same pppp", "time/offsets nppp", "user/limit pffp", "pid/broken pbpo", "net/known kkkk",
	"user/only p   ", "mnt/two f  f", "uts/odd\x1b[2J p bb", "user/excused pkpp",
}

func TestDiff(t *testing.T) {
	base := matrix(t, 4, four...)
	newer := matrix(t, 3, "user/same ppf", "user/limit ppp", "time/offsets npp", "user/new fff")
	newer.Dir, base.Dir = "runs/new", "runs/base"
	many := matrix(t, 8, "user/limit pppfpppf", "user/a-name-that-is-much-longer-than-its-page-is-wide-by-far nppppppp")
	for _, c := range []struct {
		name string
		o    DiffOptions
		runs []*Model
	}{
		{"diff.txt", DiffOptions{}, []*Model{base}},
		{"diff-all.txt", DiffOptions{All: true}, []*Model{base}},
		{"diff-color.txt", DiffOptions{Options: Options{Color: true}, All: true}, []*Model{base}},
		{"diff-blocks.txt", DiffOptions{Options: Options{Width: 72}}, []*Model{many}},
		{"diff-narrow.txt", DiffOptions{Options: Options{Width: 10}}, []*Model{many}},
		{"diff-runs.txt", DiffOptions{}, []*Model{base, newer}},
		{"diff-one.txt", DiffOptions{}, []*Model{matrix(t, 1, "user/same p")}},
		{"diff-none.txt", DiffOptions{}, []*Model{matrix(t, 0)}},
		{"diff-hostile.txt", DiffOptions{All: true}, []*Model{model(t), base}},
	} {
		t.Run(c.name, func(t *testing.T) {
			golden(t, c.name, []byte(draw(t, c.o, c.runs...)))
		})
	}
	if err := Diff(&bytes.Buffer{}, nil, DiffOptions{}); err == nil {
		t.Error("no run at all can be compared")
	}
}

// The order of the columns and of the table is the order in which the targets were named.
func TestTargetsInTheirOrder(t *testing.T) {
	m := matrix(t, 3, "s/a ppp")
	for i, want := range []string{"uml:debian-a", "uml:debian-b", "uml:debian-c"} {
		if got := m.Targets[i].Name; got != want {
			t.Errorf("target %d is %s, want %s", i, got, want)
		}
	}
	// One that the run never came to is there, and keeps it from being good.
	m = script(event.Event{Kind: event.RunStarted, Run: &event.Run{Targets: []string{"t", "never"}}}, is(event.TargetPlanned),
		is(event.BootStarted), is(event.Booted), listed("a"), started("a"), ended("a", event.Pass), is(event.Finished), is(event.MachineEnded), is(event.TargetEnded))
	if len(m.Targets) != 2 || m.Exit() != ExitNotJudged {
		t.Errorf("%d targets, exit %d", len(m.Targets), m.Exit())
	}
}
