package bisect

import (
	"regexp"
	"slices"
	"strings"
)

// Params are two lists of boot parameters and the changes that lead from the good one to the bad one.
type Params struct {
	good    []string
	changes []change
}

// change takes a parameter away, adds one, or both.
type change struct{ drop, add string }

// NewParams finds the changes between two command lines. A parameter that each has once, with another
// value, is one change.
func NewParams(good, bad []string) Params {
	p := Params{good: good}
	name := func(param string) string { n, _, _ := strings.Cut(param, "="); return n }
	only := func(of, without []string) (list []string) {
		for _, param := range of {
			if !slices.Contains(without, param) && !slices.Contains(list, param) {
				list = append(list, param)
			}
		}
		return list
	}
	dropped, added := only(good, bad), only(bad, good)
	of := func(list []string, n string) (found []string) {
		for _, param := range list {
			if name(param) == n {
				found = append(found, param)
			}
		}
		return found
	}
	for _, d := range dropped {
		c := change{drop: d}
		if a := of(added, name(d)); len(a) == 1 && len(of(dropped, name(d))) == 1 {
			c.add = a[0]
			added = slices.DeleteFunc(added, func(param string) bool { return param == a[0] })
		}
		p.changes = append(p.changes, c)
	}
	for _, a := range added {
		p.changes = append(p.changes, change{add: a})
	}
	return p
}

// Set is the changes as a set. Its candidates are command lines.
func (p Params) Set() Set {
	s := Set{Candidate: p.line, Known: p.known}
	for _, c := range p.changes {
		switch {
		case c.drop == "":
			s.Items = append(s.Items, c.add)
		case c.add == "":
			s.Items = append(s.Items, "without "+c.drop)
		default:
			s.Items = append(s.Items, c.drop+"→"+c.add)
		}
	}
	return s
}

func (p Params) line(items []int) string {
	line := slices.Clone(p.good)
	for _, i := range items {
		c := p.changes[i]
		switch at := slices.Index(line, c.drop); {
		case c.drop == "":
			line = append(line, c.add)
		case c.add == "":
			line = slices.DeleteFunc(line, func(param string) bool { return param == c.drop })
		default:
			line[at] = c.add
		}
	}
	return strings.Join(line, " ")
}

// known says whether the kernel heeds what the change adds. Of what it takes away the bad end tells nothing.
func (p Params) known(item int, unknown []string) bool {
	add := p.changes[item].add
	name, _, _ := strings.Cut(add, "=")
	return add == "" || !slices.Contains(unknown, add) || slices.Contains(aside(), name)
}

// aside are parameters that Linux heeds and says it does not know: it looks for them in the command line
// before, or beside, its table of parameters (arch/x86: cmdline_find_option in kernel/cpu/bugs.c,
// kernel/cpu/common.c, mm/pti.c, boot/compressed/kaslr.c, pgtable_64.c).
func aside() []string {
	return []string{
		"nopti", "pti", "nospectre_v2", "spectre_v2", "spectre_v2_user", "nospec_store_bypass_disable", "spec_store_bypass_disable",
		"nosmap", "nosmep", "no387", "nofxsr", "noxsave", "noxsaveopt", "noxsaves", "clearcpuid", "setcpuid", "nokaslr", "no5lvl", "mem_encrypt", "sev",
	}
}

// Linux names the parameters that it does not know since 5.14; the words changed with 5.16, and in stable
// kernels of 5.15 (init/main.c, print_unknown_bootoptions). Not among them are those with a dot in their
// name: they may be a module's that is not loaded yet.
var unknownLine = regexp.MustCompile(`Unknown (?:kernel )?command line parameters(?: "([^"\n]*)"|: ?([^\n]*))`)

// Unknown reads out of a console which boot parameters the kernel does not know.
func Unknown(console []byte) []string {
	m := unknownLine.FindSubmatch(console)
	if m == nil {
		return nil
	}
	return strings.Fields(string(m[1]) + " " + string(m[2]))
}
