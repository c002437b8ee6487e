package config

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"xtest/runner/event"
)

func good(t *testing.T) *Config {
	t.Helper()
	text, err := os.ReadFile("testdata/good/all.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse("xtest.yaml", text, small)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTargets(t *testing.T) {
	base := Options{Suites: []string{"namespaces"}, ExcludeLabels: []string{"destructive"}, Memory: "256M", Limits: Limits{Scale: 2}}
	with := func(change func(*Options)) Options { o := base; change(&o); return o }
	want := []Target{
		{Name: "small", Options: base},
		{Name: "uml-12-user", What: "uml:debian-12", Options: with(func(o *Options) { o.Specs = []string{"user/*"} })},
		{Name: "uml-1.10-user", What: "uml:debian-1.10", Options: with(func(o *Options) { o.Specs = []string{"user/*"} })},
		{Name: "uml-12-uts", What: "uml:debian-12", Options: with(func(o *Options) { o.Specs = []string{"uts/*"} })},
		{Name: "uml-1.10-uts", What: "uml:debian-1.10", Options: with(func(o *Options) { o.Specs = []string{"uts/*"} })},
		{Name: "whole", What: "uml:debian-12", Options: Options{
			Suites: []string{"lsb"}, Specs: []string{"user/*"}, ExcludeLabels: []string{}, Memory: "512M", Limits: Limits{Scale: 2},
		}},
	}
	c := good(t)
	sorted := cmpopts.SortSlices(func(a, b Target) bool { return a.Name < b.Name })
	if diff := cmp.Diff(want, c.Targets, sorted, cmpopts.IgnoreUnexported(Target{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	order := []string{"uml-12-user", "uml-12-uts", "uml-1.10-user", "uml-1.10-uts", "whole"}
	if diff := cmp.Diff(order, c.Names()); diff != "" {
		t.Errorf("names (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"whole", "uml:debian-11", "uml:debian-12"}, c.Run.Targets); diff != "" {
		t.Errorf("run (-want +got)\n%s", diff)
	}
}

func TestNothing(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "targets:\nrun:\nknown:\n"} {
		c, err := Parse("xtest.yaml", []byte(text), small)
		if err != nil || len(c.Targets)+len(c.Known)+len(c.Run.Targets) != 0 {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
	}
}

func TestLeaves(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want []string
	}{
		{Options{}, []string{"user/a", "user/b", "fhs/c"}},
		{Options{Specs: []string{"user/*"}}, []string{"user/a", "user/b"}},
		{Options{Specs: []string{"*"}, Exclude: []string{"user/?"}}, []string{"fhs/c", "leak/d"}},
		{Options{Labels: []string{"MUST", "other"}}, []string{"user/a"}},
		{Options{ExcludeLabels: []string{"MUST"}}, []string{"user/b", "fhs/c"}},
		{Options{Labels: []string{"soak", "safe"}}, []string{"fhs/c", "leak/d"}},
		{Options{Specs: []string{"leak/*"}}, []string{"leak/d"}},
	} {
		var got []string
		for _, s := range []struct{ id, label string }{{"user/a", "MUST"}, {"user/b", "SHOULD"}, {"fhs/c", "safe"}, {"leak/d", "soak"}} {
			if c.o.Leaves(s.id, []string{s.label}) {
				got = append(got, s.id)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%+v (-want +got)\n%s", c.o, diff)
		}
	}
}

func TestExcuse(t *testing.T) {
	c := good(t)
	day := func(text string) time.Time {
		d, err := time.Parse(time.DateTime, text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	limit := event.Known{Entry: "user/nesting-limit on uml-* (xtest.yaml:29)", Reason: "33 levels", Link: "https://example.org/1", Expires: "2026-12-31"}
	expired := limit
	expired.Expired = true
	always := event.Known{Entry: "fhs/* on * (xtest.yaml:34)", Reason: "no /srv"}
	colon := event.Known{Entry: "user/map on uml:debian-12 (xtest.yaml:36)", Reason: "slow"}
	for _, x := range []struct {
		now, name, what, spec string
		want                  *event.Known
	}{
		{"2026-12-31 23:59:59", "uml-12-user", "uml:debian-12", "user/nesting-limit", &limit},
		{"2027-01-01 00:00:00", "uml-12-user", "uml:debian-12", "user/nesting-limit", &expired},
		{"2026-12-31 23:59:59", "qemu-12", "qemu:debian-12", "user/nesting-limit", nil},
		{"2099-01-01 00:00:00", "x", "ssh:host/with/slashes", "fhs/root", &always},
		{"2026-01-01 00:00:00", "whole", "uml:debian-12", "user/map", &colon},
		{"2026-01-01 00:00:00", "whole", "uml:debian-12", "uts/isolated", nil},
	} {
		if diff := cmp.Diff(x.want, c.Excuse(day(x.now), x.name, x.what, x.spec)); diff != "" {
			t.Errorf("%+v (-want +got)\n%s", x, diff)
		}
	}
}

func TestBraces(t *testing.T) {
	for text, want := range map[string][]string{
		"uml:debian-12":           {"uml:debian-12"},
		"uml:debian-{11,12}":      {"uml:debian-11", "uml:debian-12"},
		"{uml,qemu}:debian-{1,2}": {"uml:debian-1", "uml:debian-2", "qemu:debian-1", "qemu:debian-2"},
		"a{b,c{d,e}}":             {"ab", "acd", "ace"},
		"{x}{1,}":                 {"{x}1", "{x}"},
		"a{b,c":                   {"a{b,c"},
		"}{":                      {"}{"},
	} {
		got, err := Braces(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", text, err, diff)
		}
	}
	if got, err := Braces("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"); err == nil {
		t.Errorf("%d names", len(got))
	}
}
