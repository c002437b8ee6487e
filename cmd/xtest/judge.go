package main

import (
	"fmt"
	"slices"
	"strings"

	"xtest/config"
	"xtest/runner"
	"xtest/runner/machine"
	"xtest/suites/spec"
)

// judgement is a target with what is to be judged on it.
type judgement struct {
	target  runner.Target
	specs   []spec.Listed
	options config.Options
}

// judge finds a target in the file or among the backends' own and chooses its specs. Flags are what
// was typed: they go before the file.
func judge(c *config.Config, name string, flags config.Options) (judgement, error) {
	j := judgement{options: c.Run.Options}
	what := name
	if named, ok := c.Find(name); ok {
		if what = named.What; what == "" {
			return j, usagef("%s is in the file to be extended: it has no `target:`; %s", name, otherTargets(c))
		}
		j.options = named.Options
	}
	t, err := parseTarget(what)
	if err != nil {
		if near := nearest(name, c.Names()); len(near) > 0 {
			return j, usagef("there is no target %q; did you mean %s? (%s)", name, strings.Join(near, " or "), otherTargets(c))
		}
		return j, err
	}
	t.Name = name
	if len(flags.Specs) > 0 {
		// What is named by hand is judged, whatever the file leaves out.
		j.options.Suites, j.options.Exclude, j.options.Labels, j.options.ExcludeLabels = nil, nil, nil, nil
	}
	j.options = flags.Over(j.options)
	chosen, err := chooseSpecs(spec.All(), j.options.Suites, j.options.Specs)
	if err != nil {
		return j, fmt.Errorf("choosing the specs of %s: %w", name, err)
	}
	switch {
	case len(j.options.Suites) > 0:
		t.Suites = j.options.Suites
	case len(j.options.Specs) > 0:
		t.Suites = suiteNames(chosen)
	}
	ids := map[string]bool{}
	for _, s := range chosen {
		if slices.Contains(t.Suites, s.Suite) && concerns(s, t.Backend) && j.options.Leaves(s.ID, labelsOf(s)) {
			j.specs = append(j.specs, s)
			ids[s.ID] = true
		}
	}
	if len(j.specs) == 0 {
		return j, usagef("no spec is left to judge on %s: its suites %v, the specs and labels to run or leave out have none in common", name, t.Suites)
	}
	t.Leaves = func(s runner.Spec) bool { return ids[s.ID] }
	t.Scale = j.options.Limits.Scale
	if t.Options, err = machineOptions(j.options, t.Backend); err != nil {
		return j, usagef("%s: %w", name, err)
	}
	t.Memory, err = parseSize(j.options.Memory)
	j.target = t
	return j, err
}

// concerns says whether the spec is about the targets of the backend: not, when they are another
// hypervisor than its own.
func concerns(s spec.Listed, b machine.Backend) bool {
	h, ok := b.(machine.Hypervised)
	return !ok || s.Under == "" || s.Under == h.Hypervisor()
}

// machineOptions are those of a target's machine.
func machineOptions(o config.Options, b machine.Backend) (machine.Options, error) {
	m := machine.Options{
		Kernel: o.Kernel, Modules: o.Modules, Rootfs: o.Rootfs, Packages: o.Packages, Cores: o.Cores, Type: o.Machine, Accel: o.Accel, Clock: o.Clock, Store: o.Store, Dump: o.Dump,
	}
	for _, p := range o.Params {
		m.Params = append(m.Params, strings.Fields(p)...)
	}
	if o.Salt != 0 {
		m.Params = append(m.Params, fmt.Sprintf("%s=%d", runner.SaltParam, o.Salt))
	}
	return m, m.Check(b)
}

func otherTargets(c *config.Config) string {
	return fmt.Sprintf("the file has %s; `xtest targets list` shows all", strings.Join(c.Names(), ", "))
}

// expand expands the braces in targets' names, which not every shell does.
func expand(names []string) ([]string, error) {
	var all []string
	for _, n := range names {
		some, err := config.Braces(n)
		if err != nil {
			return nil, usageError{err}
		}
		all = append(all, some...)
	}
	return all, nil
}
