package compare

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"xtest/reports"
	"xtest/runner/event"
)

// run folds a record of one boot for each target.
func run(targets ...target) *reports.Model {
	f := reports.NewFolder()
	for _, t := range targets {
		f.Add(event.Event{Kind: event.TargetPlanned, Target: t.name, Plan: &event.Plan{Backend: "uml"}})
		for _, s := range t.specs {
			f.Add(event.Event{Kind: event.SpecListed, Target: t.name, Suite: s.suite, Spec: s.id, Meta: &event.Meta{Suite: s.suite}})
		}
		f.Add(event.Event{Kind: event.BootStarted, Target: t.name, Boot: 1})
		f.Add(event.Event{Kind: event.Booted, Target: t.name, Boot: 1, Machine: &event.Machine{Kernel: "6.1\x1b[2J"}})
		for _, s := range t.specs {
			f.Add(event.Event{Kind: event.SpecStarted, Target: t.name, Boot: 1, Suite: s.suite, Spec: s.id})
			f.Add(event.Event{Kind: event.SpecEnded, Target: t.name, Boot: 1, Suite: s.suite, Spec: s.id, Result: &s.result})
		}
	}
	return f.Close()
}

type target struct {
	name  string
	specs []spec
}

type spec struct {
	suite, id string
	result    event.Result
}

func passed(id string, answers ...string) spec {
	s := spec{"hypercall", id, event.Result{Verdict: event.Pass}}
	for i := 0; i+1 < len(answers); i += 2 {
		s.result.Answers = append(s.result.Answers, event.Answer{Call: answers[i], Value: answers[i+1]})
	}
	return s
}

func failed(id, got string) spec {
	return spec{"hypercall", id, event.Result{Verdict: event.Fail, Failure: &event.Failure{Call: "op()", Got: got, Expected: "0"}}}
}

func TestChanges(t *testing.T) {
	base := run(target{"xen:debian-11", []spec{
		passed("a/same", "op(1)", "0", "op(1)", "-14"), failed("b/mended", "EPERM"), passed("c/gone"),
		failed("d/other", "EPERM"), passed("e/answers", "op(1)", "0", "op(1)", "0", "op(2)", "7"),
	}})
	now := run(target{"xen:debian-12", []spec{
		passed("a/same", "op(1)", "0", "op(1)", "-14"), passed("b/mended"), failed("d/other", "ENOSYS"),
		passed("e/answers", "op(1)", "0", "op(1)", "-22", "op(3)", "7"), passed("f/new"),
	}})
	pairs, err := Runs(base, now, nil)
	if err != nil || len(pairs) != 1 {
		t.Fatalf("%d pairs, %v", len(pairs), err)
	}
	want := []Change{
		{Verdict, "hypercall", "b/mended", "", "fail", "pass"},
		{Verdict, "hypercall", "c/gone", "", "pass", ""},
		{Verdict, "hypercall", "f/new", "", "", "pass"},
		{Got, "hypercall", "d/other", "op()", "EPERM", "ENOSYS"},
		{Answer, "hypercall", "e/answers", "op(1) (2)", "0", "-22"},
		{Answer, "hypercall", "e/answers", "op(2)", "7", ""},
		{Answer, "hypercall", "e/answers", "op(3)", "", "7"},
	}
	p := pairs[0]
	if len(p.Changes) != len(want) {
		t.Fatalf("got %+v", p.Changes)
	}
	for i, c := range p.Changes {
		if c != want[i] {
			t.Errorf("change %d is %+v, expected %+v", i, c, want[i])
		}
	}
	if p.Specs != 4 || p.Answers != 4 {
		t.Errorf("%d specs and %d answers on both sides, expected 4 and 4", p.Specs, p.Answers)
	}
}

func TestNothingDiffers(t *testing.T) {
	m := run(target{"xen:debian-11", []spec{passed("a/same", "op(1)", "0"), failed("b/fails", "EPERM")}})
	pairs, err := Runs(m, m, nil)
	if err != nil || pairs[0].Differs() {
		t.Errorf("a run differs from itself: %v, %+v", err, pairs)
	}
}

func TestPairs(t *testing.T) {
	a, b, c := target{"a", []spec{passed("s/x")}}, target{"b", []spec{failed("s/x", "1")}}, target{"c", []spec{passed("s/x")}}
	for name, x := range map[string]struct {
		base, now *reports.Model // without now: within the base
		names     []string
		want      string
	}{
		"same names":    {run(a, b), run(c, b, a), nil, "a=a b=b"},
		"the only ones": {run(a), run(b), nil, "a=b"},
		"named":         {run(a, b), run(c, b), []string{"a=c", "a=b"}, "a=c a=b"},
		"within":        {run(a, b, c), nil, nil, "a=b a=c"},
		"named within":  {run(a, b, c), nil, []string{"b=c"}, "b=c"},
		"strangers":     {run(a, b), run(c), nil, "error: no target in common"},
		"no pair":       {run(a, b), run(c), []string{"a"}, "error: write BASE=NEW"},
		"not there":     {run(a, b), run(c), []string{"a=x"}, "error: it has c"},
		"alone":         {run(a), nil, nil, "error: name a second run"},
	} {
		var pairs []*Pair
		var err error
		if x.now == nil {
			pairs, err = Within(x.base, x.names)
		} else {
			pairs, err = Runs(x.base, x.now, x.names)
		}
		if part, wanted := strings.CutPrefix(x.want, "error: "); wanted {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, expected an error that says %q", name, err, part)
			}
			continue
		}
		var got []string
		for _, p := range pairs {
			got = append(got, p.Of+"="+p.With)
		}
		if err != nil || strings.Join(got, " ") != x.want {
			t.Errorf("%s: %v, %v, expected %s", name, got, err, x.want)
		}
	}
}

// A suite that one side did not judge is one line, not one for each of its specs.
func TestSuiteOfOneSide(t *testing.T) {
	lsb := spec{"lsb", "files/x", event.Result{Verdict: event.Pass}}
	p := Targets(run(target{"a", []spec{passed("s/x"), lsb}}).Targets[0], run(target{"a", []spec{passed("s/x")}}).Targets[0])
	if len(p.Changes) != 0 || len(p.Alone) != 1 || p.Alone[0] != "lsb: only in the base" || !p.Differs() {
		t.Errorf("got %+v", p)
	}
}

func TestTable(t *testing.T) {
	long := strings.Repeat("x", 500)
	base := run(target{"a", []spec{passed("s/x", "op\x1b[31m()", "0", long, long), failed("s/y", "1")}})
	now := run(target{"a", []spec{passed("s/x", "op\x1b[31m()", "1", long, "short"), passed("s/y")}})
	pairs, err := Runs(base, now, nil)
	if err != nil {
		t.Fatal(err)
	}
	var table, document bytes.Buffer
	if err := Table(&table, pairs, reports.Options{Width: 80}); err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(table.String()) {
		if n := len([]rune(strings.TrimRight(l, "\n"))); n > 80 {
			t.Errorf("a line of %d cells: %s", n, l)
		}
	}
	for _, part := range []string{"s/y", "fail", "differ: 1 of 2 verdicts, 2 of 2 answers, 0 other failures", `op\x1b[31m()`, "short"} {
		if !strings.Contains(table.String(), part) {
			t.Errorf("the table lacks %q:\n%s", part, table.String())
		}
	}
	if strings.Contains(table.String(), "\x1b") {
		t.Error("an escape of the guest's reached the terminal")
	}
	if err := JSON(&document, pairs, nil); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Schema int
		Pairs  []struct{ Changes []Change }
	}
	if err := json.Unmarshal(document.Bytes(), &doc); err != nil || doc.Schema != reports.Schema || len(doc.Pairs[0].Changes) != 3 || doc.Pairs[0].Changes[2].Was != long {
		t.Errorf("JSON: %v\n%s", err, document.String())
	}
}
