package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"xtest/internal/late"
)

var (
	targetName = late.Regexp(`^[A-Za-z][A-Za-z0-9._-]*$`)
	axisName   = late.Regexp(`^[A-Za-z][A-Za-z0-9_-]*$`)
)

// resolve checks the file, expands its matrices and follows its extends.
func (p *reader) resolve(f *file) (*Config, error) {
	c := &Config{Run: f.Run, Known: f.Known}
	for _, key := range order(p.root, f.Targets, "targets") {
		list, err := p.expand(key, f.Targets[key])
		if err != nil {
			return nil, err
		}
		c.Targets = append(c.Targets, list...)
		if len(c.Targets) > maxTargets {
			return nil, p.key([]any{"targets", key}, "with this the file has more than %d targets", maxTargets)
		}
	}
	byName := map[string]*Target{}
	for i := range c.Targets {
		t := &c.Targets[i]
		if other, ok := byName[t.Name]; ok {
			line := find(p.root, true, "targets", other.key).GetToken().Position.Line
			return nil, p.key([]any{"targets", t.key}, "there are two targets with the name %s; the other one is on line %d", t.Name, line)
		}
		if p.world.Target(t.Name) == nil {
			return nil, p.key([]any{"targets", t.key}, "the name %s is taken: it is a target without this file", t.Name)
		}
		byName[t.Name] = t
		if err := p.options([]any{"targets", t.key}, t.Options); err != nil {
			return nil, err
		}
	}
	for i := range c.Targets {
		if err := p.inherit(&c.Targets[i], byName, nil); err != nil {
			return nil, err
		}
	}
	for i := range c.Targets {
		t := &c.Targets[i]
		if err := p.world.Target(t.What); t.What != "" && err != nil {
			return nil, p.value([]any{"targets", t.key, "target"}, "%v", err)
		}
		t.Options = t.Options.Over(c.Run.Options)
	}
	if err := p.options([]any{"run"}, c.Run.Options); err != nil {
		return nil, err
	}
	if err := p.run(c); err != nil {
		return nil, err
	}
	return c, p.known(c.Known)
}

// expand makes the targets that one entry stands for.
func (p *reader) expand(key string, d declared) ([]Target, error) {
	at := []any{"targets", key}
	list := []Target{{Name: key, key: key, What: d.Target, extends: d.Extends, Options: d.Options}}
	for _, axis := range order(p.root, d.Matrix, append(at, "matrix")...) {
		where := append(slices.Clone(at), "matrix", axis)
		values := d.Matrix[axis]
		switch {
		case !axisName().MatchString(axis):
			return nil, p.key(where, "%q is no name for an axis: letters, digits, - and _, a letter first", axis)
		case !strings.Contains(key, "{"+axis+"}"):
			return nil, p.key(where, "the target's name does not hold {%s}: all its targets would have one name", axis)
		case len(values) == 0:
			return nil, p.value(where, "the axis %s has no values", axis)
		case len(list)*len(values) > maxTargets:
			return nil, p.value(where, "the matrix stands for more than %d targets", maxTargets)
		}
		var all []Target
		for _, t := range list {
			for i, v := range values {
				v = source(find(p.root, false, append(slices.Clone(where), i)...), v)
				r := strings.NewReplacer("{"+axis+"}", v)
				one := t
				one.Name, one.What, one.extends = r.Replace(t.Name), r.Replace(t.What), r.Replace(t.extends)
				one.Options = replaced(t.Options, r)
				all = append(all, one)
			}
		}
		list = all
	}
	for _, t := range list {
		if targetName().MatchString(t.Name) {
			continue
		}
		if strings.ContainsAny(t.Name, "{}") {
			return nil, p.key(at, "the name %s holds braces that no axis of its matrix fills; it has the axes %v", t.Name, slices.Sorted(maps.Keys(d.Matrix)))
		}
		return nil, p.key(at, "%q is no name for a target: letters, digits, ., _ and -, a letter first", t.Name)
	}
	return list, nil
}

// inherit gives t what it has of those it extends. Down are the names on the way to it.
func (p *reader) inherit(t *Target, byName map[string]*Target, down []string) error {
	if t.extends == "" {
		return nil
	}
	where := []any{"targets", t.key, "extends"}
	if i := slices.Index(down, t.Name); i >= 0 {
		return p.value(where, "extends goes in a circle: %s", strings.Join(append(down[i:], t.Name), " → "))
	}
	base, ok := byName[t.extends]
	if !ok {
		return p.value(where, "there is no target %q in this file%s", t.extends, p.didYouMean(t.extends, slices.Sorted(maps.Keys(byName))))
	}
	if err := p.inherit(base, byName, append(down, t.Name)); err != nil {
		return err
	}
	t.Options = t.Options.Over(base.Options)
	if t.What == "" {
		t.What = base.What
	}
	t.extends = ""
	return nil
}

// run checks the targets that are judged by default, and expands their braces.
func (p *reader) run(c *Config) error {
	var all []string
	for i, name := range c.Run.Targets {
		where := []any{"run", "targets", i}
		names, err := Braces(name)
		if err != nil {
			return p.value(where, "%v", err)
		}
		for _, n := range names {
			if err := c.runnable(n, p.world); err != nil {
				return p.value(where, "%v", err)
			}
			if slices.Contains(all, n) {
				return p.value(where, "target %s is named twice", n)
			}
			all = append(all, n)
		}
	}
	c.Run.Targets = all
	return nil
}

func (c *Config) runnable(name string, w World) error {
	t, ok := c.Find(name)
	switch {
	case ok && t.What == "":
		return fmt.Errorf("%s has no `target:` and is there to be extended", name)
	case ok:
		return nil
	case strings.Contains(name, ":"):
		return w.Target(name)
	}
	if near := w.Nearest(name, c.Names()); len(near) > 0 {
		return fmt.Errorf("there is no target %q; did you mean %s?", name, strings.Join(near, " or "))
	}
	return w.Target(name)
}
