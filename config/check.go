package config

import (
	"slices"
	"strings"
	"time"
)

// options checks what is said in the mapping at a path.
func (p *reader) options(at []any, o Options) error {
	where := func(more ...any) []any { return append(slices.Clone(at), more...) }
	for _, list := range []struct {
		key, what     string
		names, exists []string
	}{
		{"suites", "suite", o.Suites, p.world.Suites},
		{"labels", "label", o.Labels, p.world.Labels},
		{"exclude-labels", "label", o.ExcludeLabels, p.world.Labels},
	} {
		for i, name := range list.names {
			if !slices.Contains(list.exists, name) {
				return p.value(where(list.key, i), "there is no %s %q%s (there are %s)",
					list.what, name, p.didYouMean(name, list.exists), strings.Join(list.exists, ", "))
			}
		}
	}
	for i, pattern := range o.Specs {
		if err := p.pattern(where("specs", i), pattern); err != nil {
			return err
		}
	}
	for i, pattern := range o.Exclude {
		if err := p.pattern(where("exclude", i), pattern); err != nil {
			return err
		}
	}
	if err := p.world.Memory(o.Memory); o.Memory != "" && err != nil {
		return p.value(where("memory"), "%v", err)
	}
	if o.Cores < 0 || o.Cores > 64 {
		return p.value(where("cpus"), "a machine has 1 to 64 processors")
	}
	if o.Salt < 0 || o.Salt > 1_000_000 {
		return p.value(where("salt"), "a salt is a number from 1 to 1000000")
	}
	// Written so that "not a number", which compares false with all, is refused.
	if s := o.Limits.Scale; s != 0 && !(s >= 0.1 && s <= 100) {
		return p.value(where("limits", "scale"), "the scale of time limits is a number from 0.1 to 100")
	}
	return nil
}

// pattern checks that a pattern is well-formed and fits a spec: one that never can is a slip.
func (p *reader) pattern(at []any, pattern string) error {
	if err := CheckPattern(pattern); err != nil {
		return p.value(at, "%q is no pattern: a [ without its ], or a \\ at the end", pattern)
	}
	if !slices.ContainsFunc(p.world.Specs, func(id string) bool { return Match(pattern, id) }) {
		return p.value(at, "no spec matches %q%s", pattern, p.didYouMean(pattern, p.world.Specs))
	}
	return nil
}

// known checks the known failures and completes them.
func (p *reader) known(list []Known) error {
	for i := range list {
		k := &list[i]
		where := func(key string) []any { return []any{"known", i, key} }
		entry := find(p.root, false, "known", i)
		k.at = newProblem(p.name, p.text, start(entry), "").place()
		switch {
		case k.Spec == "":
			return p.at(start(entry), "a known failure has to name its spec: `spec: ID`")
		case strings.TrimSpace(k.Reason) == "":
			return p.at(start(entry), "a known failure has to say why it fails: `reason: ...`")
		}
		if err := p.pattern(where("spec"), k.Spec); err != nil {
			return err
		}
		if k.Target == "" {
			k.Target = "*"
		}
		if err := CheckPattern(k.Target); err != nil {
			return p.value(where("target"), "%q is no pattern: a [ without its ], or a \\ at the end", k.Target)
		}
		if k.Expires == "" {
			continue
		}
		day, err := time.Parse(time.DateOnly, k.Expires)
		if err != nil {
			return p.value(where("expires"), "%q is no day; write it as 2026-12-31", k.Expires)
		}
		k.until = day.AddDate(0, 0, 1)
	}
	return nil
}
