package runner

import (
	"cmp"
	"slices"

	"xtest/runner/event"
)

// Shard leaves of the plan one of several parts that together are the whole, and drops the targets on
// which nothing is left to judge. The same plan is always split the same way, whichever machine does
// it: each part gets a stretch of the (target, spec) pairs in the plan's order, so that few parts have
// to prepare and boot a target. Destructive specs, with a boot for each, are dealt out on their own.
func (p Plan) Shard(s event.Shard) Plan {
	type pair struct{ target, spec string }
	var shared, alone []pair
	for _, t := range p.Targets {
		for _, spec := range p.Specs {
			switch {
			case !t.takes(spec):
			case spec.Meta.Grade == destructive:
				alone = append(alone, pair{t.Name, spec.ID})
			default:
				shared = append(shared, pair{t.Name, spec.ID})
			}
		}
	}
	mine := map[pair]bool{}
	from, to := stretch(s, len(shared))
	for _, p := range shared[from:to] {
		mine[p] = true
	}
	if len(alone) >= s.Total {
		from, to = stretch(s, len(alone))
		for _, p := range alone[from:to] {
			mine[p] = true
		}
	} else if rank := slices.Index(lightest(s.Total, len(shared)), s.Index); rank < len(alone) {
		mine[alone[rank]] = true
	}

	all := p.Targets
	p.Targets = nil
	for _, t := range all {
		some := t
		some.Leaves = func(spec Spec) bool { return mine[pair{t.Name, spec.ID}] && (t.Leaves == nil || t.Leaves(spec)) }
		if slices.ContainsFunc(p.Specs, some.takes) {
			p.Targets = append(p.Targets, some)
		}
	}
	return p
}

// stretch is the part's share of n things in a row.
func stretch(s event.Shard, n int) (from, to int) {
	return (s.Index - 1) * n / s.Total, s.Index * n / s.Total
}

// lightest lists the parts, those with the smallest share of n first, so that no part stays empty
// that need not.
func lightest(total, n int) []int {
	share := func(i int) int {
		from, to := stretch(event.Shard{Index: i, Total: total}, n)
		return to - from
	}
	parts := make([]int, total)
	for i := range parts {
		parts[i] = i + 1
	}
	slices.SortStableFunc(parts, func(a, b int) int { return cmp.Compare(share(a), share(b)) })
	return parts
}
