package runner

import (
	"fmt"
	"testing"

	"xtest/runner/event"
)

// TestShardsMakeTheWhole: each pair is in one part, and no part has nothing to do that need not.
func TestShardsMakeTheWhole(t *testing.T) {
	for shared := range 7 {
		for alone := range 7 {
			plan := Plan{Targets: []Target{
				{Name: "a", Suites: []string{"s"}},
				{Name: "b", Suites: []string{"s"}, Leaves: func(s Spec) bool { return s.ID != "s/shared0" }},
				{Name: "c", Suites: []string{"other"}},
			}}
			for i := range shared {
				plan.Specs = append(plan.Specs, spec(fmt.Sprint("s/shared", i)))
			}
			for i := range alone {
				s := spec(fmt.Sprint("s/alone", i))
				s.Meta.Grade = destructive
				plan.Specs = append(plan.Specs, s)
			}
			whole := pairs(plan)
			for total := 1; total <= len(whole); total++ {
				seen := map[string]bool{}
				least, most := len(whole), 0
				for i := 1; i <= total; i++ {
					sharded := plan.Shard(event.Shard{Index: i, Total: total})
					part := pairs(sharded)
					for _, target := range sharded.Targets {
						if len(pairs(Plan{Targets: []Target{target}, Specs: plan.Specs})) == 0 {
							t.Fatalf("part %d/%d would boot %s for nothing", i, total, target.Name)
						}
					}
					if len(part) == 0 {
						t.Fatalf("%d and %d specs: part %d/%d is empty", shared, alone, i, total)
					}
					boots := 0
					for p, own := range part {
						if seen[p] || !hasKey(whole, p) {
							t.Fatalf("%s is judged twice, or was not asked for", p)
						}
						if seen[p] = true; own {
							boots++
						}
					}
					least, most = min(least, boots), max(most, boots)
				}
				if len(seen) != len(whole) {
					t.Fatalf("%d and %d specs in %d parts: %d of %d pairs", shared, alone, total, len(seen), len(whole))
				}
				if most-least > 1 {
					t.Fatalf("%d and %d specs in %d parts: destructive ones %d to %d", shared, alone, total, least, most)
				}
			}
		}
	}
}

func hasKey(m map[string]bool, k string) bool { _, ok := m[k]; return ok }

// pairs are what a plan judges, and whether it needs a boot of its own.
func pairs(p Plan) map[string]bool {
	all := map[string]bool{}
	for _, t := range p.Targets {
		for _, s := range p.Specs {
			if t.takes(s) {
				all[t.Name+" "+s.ID] = s.Meta.Grade == destructive
			}
		}
	}
	return all
}
