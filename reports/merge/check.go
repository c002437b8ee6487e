package merge

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"xtest/runner/event"
)

// complaints is how many of one kind are named.
const complaints = 10

// check finds what keeps the runs from belonging together.
func check(runs []*run, force bool) error {
	if len(runs) == 0 {
		return errors.New("there is no run to merge")
	}
	for i, r := range runs {
		for _, other := range runs[:i] {
			// An ID alone is not enough: parts that start in one second on many machines may share it.
			if reflect.DeepEqual(r.start, other.start) {
				return fmt.Errorf("%s and %s are the same run, %s", other.dir, r.dir, r.start.ID)
			}
		}
	}
	if force {
		return nil
	}
	var errs []error
	for _, find := range []func([]*run) []error{settings, parts, plans, verdicts} {
		found := find(runs)
		if n := len(found) - complaints; n > 0 {
			found = append(found[:complaints], fmt.Errorf("and %d more like it", n))
		}
		errs = append(errs, found...)
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("the runs do not belong together (--force merges them all the same; of two verdicts the worse stands):\n%w", errors.Join(errs...))
}

// settings compares what must be one in all parts of a run.
func settings(runs []*run) (errs []error) {
	first := runs[0]
	for _, r := range runs[1:] {
		if a, b := first.start.Version, r.start.Version; a != b {
			errs = append(errs, fmt.Errorf("%s is of xtest %s, %s of xtest %s", first.dir, a, r.dir, b))
		}
		if a, b := first.start.Seed, r.start.Seed; a != b {
			errs = append(errs, fmt.Errorf("%s has seed %d, %s has seed %d; give all parts the same --seed", first.dir, a, r.dir, b))
		}
	}
	return errs
}

// parts looks for those that are missing or do not come from one whole.
func parts(runs []*run) (errs []error) {
	total := 0
	var whole, part *run
	there := map[int]bool{}
	for _, r := range runs {
		s := r.start.Shard
		switch {
		case s == nil:
			whole = r
			continue
		case total != 0 && s.Total != total:
			errs = append(errs, fmt.Errorf("%s is part %s, %s is part %s", part.dir, part.start.Shard, r.dir, s))
		}
		total, part = s.Total, r
		there[s.Index] = true
	}
	if whole != nil && part != nil {
		errs = append(errs, fmt.Errorf("%s is a run of its own, %s is part %s of one", whole.dir, part.dir, part.start.Shard))
	}
	if len(errs) > 0 {
		return errs
	}
	for i := 1; i <= total; i++ {
		if !there[i] {
			errs = append(errs, fmt.Errorf("part %s is missing", event.Shard{Index: i, Total: total}))
		}
	}
	return errs
}

// plans looks for targets that are made of different things in different runs.
func plans(runs []*run) (errs []error) {
	for i, r := range runs {
		for _, name := range r.names {
			plan := r.plan(name)
			if plan == nil {
				continue
			}
			for _, other := range runs[:i] {
				if theirs := other.plan(name); theirs != nil && !slices.Equal(plan.Parts, theirs.Parts) {
					errs = append(errs, fmt.Errorf("target %s: %s has %s, %s has %s", name, other.dir, made(theirs, plan), r.dir, made(plan, theirs)))
					break
				}
			}
		}
	}
	return errs
}

// made names what of a is not in b.
func made(a, b *event.Plan) string {
	var list []string
	for _, p := range a.Parts {
		if !slices.Contains(b.Parts, p) {
			list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s %.12s", p.Role, p.Package, p.Version, p.SHA256)))
		}
	}
	if len(list) == 0 {
		return "nothing else"
	}
	return strings.Join(list, ", ")
}

// verdicts looks for specs that were judged twice and not alike.
func verdicts(runs []*run) (errs []error) {
	for i, r := range runs {
		for _, name := range r.names {
			for _, e := range r.targets[name].listed {
				v := r.targets[name].judged[e.Spec]
				for _, other := range runs[:i] {
					t := other.targets[name]
					if t == nil {
						continue
					}
					if theirs, ok := t.judged[e.Spec]; ok && theirs != v {
						errs = append(errs, fmt.Errorf("%s on %s was judged twice: %s in %s, %s in %s", e.Spec, name, say(theirs), other.dir, say(v), r.dir))
						break
					}
				}
			}
		}
	}
	return errs
}

func say(v event.Verdict) string {
	if v == "" {
		return "not judged"
	}
	return string(v)
}
