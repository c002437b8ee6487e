package waiver

import (
	"strings"
	"testing"

	"xtest/runner/event"
	"xtest/suites/lsb/inspection"
)

// Each published waiver is about a check that there is.
func TestPublished(t *testing.T) {
	if len(All()) == 0 {
		t.Fatal("there are none")
	}
	for _, w := range All() {
		found := false
		for _, c := range inspection.Checks("") {
			found = found || match(w.Spec, c.Meta.ID)
		}
		if !found {
			t.Errorf("waiver %s is about %s, which there is not", w.ID, w.Spec)
		}
	}
}

func TestExcuse(t *testing.T) {
	list, err := Parse([]byte(`
- {id: moved, kind: waiver, spec: symbols/*, deviations: [moved], reason: r1, source: s1}
- {id: one, kind: erratum, spec: symbols/libc, deviations: [missing], items: ["_IO*"], reason: r2, source: s2}
- {id: whole, kind: waiver, spec: elf/tag, reason: r3, source: s3}
`))
	if err != nil {
		t.Fatal(err)
	}
	dev := func(kindItem ...string) (list []event.Deviation) {
		for i := 0; i < len(kindItem); i += 2 {
			list = append(list, event.Deviation{Kind: kindItem[i], Item: kindItem[i+1]})
		}
		return list
	}
	for _, c := range []struct {
		spec string
		list []event.Deviation
		want string // the entry, "" for a failure that counts
	}{
		{"symbols/libc", dev("moved", "f", "missing", "_IO_x"), "LSB waiver moved, one"},
		{"symbols/libc", dev("moved", "f", "missing", "other"), ""},
		{"symbols/librt", dev("moved", "f"), "LSB waiver moved"},
		{"symbols/librt", dev("missing", "_IO_x"), ""},
		{"symbols/librt", dev("moved", "f", "more", "3 more"), ""},
		{"symbols/librt", nil, ""},
		{"elf/tag", nil, "LSB waiver whole"},
		{"elf/tag", dev("missing", "x"), "LSB waiver whole"},
		{"elf/other", nil, ""},
	} {
		got := Excuse(list, c.spec, &event.Result{Verdict: event.Fail, Deviations: c.list})
		switch {
		case got == nil && c.want != "", got != nil && got.Entry != c.want:
			t.Errorf("%s %v: got %+v, want %q", c.spec, c.list, got, c.want)
		case got != nil && !strings.Contains(got.Reason, "("):
			t.Errorf("%s: the reason %q has no source", c.spec, got.Reason)
		}
	}
}

func TestBadWaivers(t *testing.T) {
	for text, want := range map[string]string{
		"- {id: a, kind: waiver, spec: x, reason: r, source: s, item: [y]}":                                                 "unknown field",
		"- {id: a, kind: excuse, spec: x, reason: r, source: s}":                                                            "neither waiver nor erratum",
		"- {id: a, kind: waiver, spec: x, reason: r}":                                                                       "needs a spec, a reason and a source",
		"- {id: a, kind: waiver, spec: '[', reason: r, source: s}":                                                          "pattern",
		"- &w {id: a, kind: waiver, spec: x, reason: r, source: s}\n- {id: a, kind: waiver, spec: x, reason: r, source: s}": "twice",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v, want %q", text, err, want)
		}
	}
}
