package reports

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"xtest/runner/event"
)

// knownEnd is the end of a spec that falls under an entry.
func knownEnd(id string, v event.Verdict, entry string, expired bool) event.Event {
	e := ended(id, v)
	e.Result.Known = &event.Known{Entry: entry, Reason: "because\x1b[2J", Link: "https://example.org/" + entry, Expires: "2026-12-31", Expired: expired}
	return e
}

func judged(ends ...event.Event) *Model {
	var all []event.Event
	for _, e := range ends {
		all = append(all, listed(e.Spec), started(e.Spec), e)
	}
	return script(around(all...)...)
}

func TestKnownExit(t *testing.T) {
	for name, c := range map[string]struct {
		ends []event.Event
		want int
	}{
		"only known":       {[]event.Event{knownEnd("a", event.Fail, "e", false)}, ExitGood},
		"known and passed": {[]event.Event{knownEnd("a", event.Fail, "e", false), ended("b", event.Pass)}, ExitGood},
		"known and failed": {[]event.Event{knownEnd("a", event.Fail, "e", false), ended("b", event.Fail)}, ExitFailed},
		"known and broken": {[]event.Event{knownEnd("a", event.Fail, "e", false), ended("b", event.Broken)}, ExitNotJudged},
		"expired":          {[]event.Event{knownEnd("a", event.Fail, "e", true), ended("b", event.Pass)}, ExitFailed},
		"broken is no known failure": {
			[]event.Event{knownEnd("a", event.Broken, "e", false), ended("b", event.Pass)}, ExitNotJudged},
		"passes now": {[]event.Event{knownEnd("a", event.Pass, "e", false)}, ExitGood},
	} {
		if got := judged(c.ends...).Exit(); got != c.want {
			t.Errorf("%s: exit %d, want %d", name, got, c.want)
		}
	}
}

// TestKnownThenUnknown: a worse end takes an excuse away from the counts.
func TestKnownThenUnknown(t *testing.T) {
	m := judged(knownEnd("a", event.Pass, "e", false))
	if m.Counts.Known != 0 {
		t.Errorf("a pass counts as a known failure: %+v", m.Counts)
	}
	m = script(around(listed("a"), started("a"), ended("a", event.Broken), knownEnd("a", event.Fail, "e", false))...)
	want := Counts{Fail: 1, Known: 1}
	if diff := cmp.Diff([]Counts{want, want, want}, []Counts{m.Counts, m.Targets[0].Counts, m.Targets[0].Suites[0].Counts}); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestKnownReports(t *testing.T) {
	m := judged(
		knownEnd("k/excused", event.Fail, "excused", false),
		ended("k/fails", event.Fail),
		knownEnd("k/expired", event.Fail, "expired", true),
		knownEnd("k/mended", event.Pass, "mended", false),
		knownEnd("k/half-fails", event.Fail, "half", false),
		knownEnd("k/half-passes", event.Pass, "half", false),
	)
	var table, junit, doc bytes.Buffer
	for render, err := range map[string]error{
		"table": Table(&table, m, Options{}), "junit": JUnit(&junit, m), "json": JSON(&doc, m),
	} {
		if err != nil {
			t.Fatalf("%s: %v", render, err)
		}
	}
	golden(t, "known.txt", table.Bytes())
	golden(t, "known.xml", junit.Bytes())
	harmless(t, table.String(), false)
	var d Document
	if err := json.Unmarshal(doc.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if d.Counts.Known != 2 || len(d.Known) != 4 || d.Exit != ExitFailed {
		t.Errorf("known %d, entries %d, exit %d", d.Counts.Known, len(d.Known), d.Exit)
	}
}

func TestKnownProgress(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b, ProgressOptions{})
	for _, e := range around(listed("a"), started("a"), knownEnd("a", event.Fail, "e", false)) {
		e.Target, e.Boot = "t", 1
		p.Add(e)
	}
	p.Close()
	for _, want := range []string{"known   t  a", "1 failed, which is known"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "FAIL") {
		t.Errorf("a known failure is shown as one that counts:\n%s", b.String())
	}
}
