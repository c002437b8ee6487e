package coverage

import (
	"slices"
	"testing"

	"xtest/suites/spec"
)

func listed(id string, sources ...string) spec.Listed {
	return spec.Listed{Meta: spec.Meta{ID: id, Sources: sources}}
}

func TestFaults(t *testing.T) {
	table := Table{
		Kinds:     map[string]int{"A": 2, "B": 1},
		Elsewhere: map[string]string{"A-002": "x/elsewhere"},
		Unjudged:  map[string]string{"B-001": "nobody can"},
	}
	if n := table.Size(); n != 3 {
		t.Errorf("%d assertions, expected 3", n)
	}
	fits := []spec.Listed{listed("x/one", "A-001"), listed("x/elsewhere")}
	for name, c := range map[string]struct {
		specs []spec.Listed
		want  []string
	}{
		"all":                  {fits, nil},
		"one without a spec":   {fits[1:], []string{"A-001: neither a spec nor a reason"}},
		"none elsewhere":       {fits[:1], []string{"A-002: there is no spec x/elsewhere"}},
		"a reason and a spec":  {append(slices.Clone(fits), listed("x/two", "B-001")), []string{"B-001 has a reason why not, and x/two"}},
		"one that is not":      {append(slices.Clone(fits), listed("x/two", "A-003")), []string{"A-003 of [x/two] is not in the table"}},
		"of a kind that isn't": {append(slices.Clone(fits), listed("x/two", "C-001")), []string{"C-001 of [x/two] is not in the table"}},
	} {
		if got := table.Faults(c.specs); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, expected %q", name, got, c.want)
		}
	}
	table.Unjudged["B-002"] = "it is gone"
	if got := table.Faults(fits); len(got) != 1 {
		t.Errorf("a reason for what is not in the table: got %q", got)
	}
}
