package inspection

import (
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"xtest/internal/linkage"
	"xtest/runner/event"
	"xtest/suites/spec"
)

func symbolChecks() []Check {
	var all []Check
	for _, lib := range Libraries() {
		all = append(all, Check{Meta: spec.Meta{
			ID: "symbols/" + strings.ToLower(lib.Name),
			Clause: fmt.Sprintf("LSB 5.0 Core %s: %s provides %d interfaces under their versions",
				lib.Section, lib.SOName, len(lib.Symbols)),
			Level: spec.Must, Sources: []string{lib.symbolCheck, "SYM-017", "SYM-018", "SYM-021", "SYM-022"},
		}, Needs: []Need{amd64}, judge: judgeSymbols(lib)})
	}
	return append(all, Check{Meta: spec.Meta{
		ID:     "symbols/aliases",
		Clause: "LSB 5.0 Core 14.3: the names of one datum of libc.so.6 (environ, _environ, __environ, ...) are one address",
		Level:  spec.Must, Sources: []string{"SYM-019"},
	}, Needs: []Need{amd64}, judge: judgeAliases})
}

// The kinds of deviations of symbols, in the order in which they are told.
var symbolKinds = []struct{ kind, words string }{
	{"missing", "missing"},
	{"other-version", "of other version"},
	{"other-kind", "of other kind"},
	{"other-size", "smaller"},
	{"other-binding", "of other binding"},
	// Provided by a library that the one of the text needs: a program that is linked against that binds.
	{"moved", "provided by another library"},
}

// audit is what came of looking a library's interfaces up.
type audit struct {
	examined int
	wrong    map[string][]event.Deviation // by kind
	larger   []string
}

func (a *audit) add(kind, item, format string, args ...any) {
	a.wrong[kind] = append(a.wrong[kind], deviant(kind, item, format, args...))
}

// look finds a requirement in a closure as the dynamic linker binds a reference of that version: to
// the first library in order that defines it.
func (a *audit) look(c linkage.Closure, r Requirement) {
	a.examined++
	if d := a.find(c, r); d != nil {
		a.compare(r, *d)
	}
}

func (a *audit) find(c linkage.Closure, r Requirement) *linkage.Definition {
	var drift []string
	for i, l := range c.Libs {
		for _, d := range l.Defines[r.Name] {
			if !d.Answers(r.Version) {
				drift = append(drift, d.Version)
				continue
			}
			if i > 0 {
				a.add("moved", r.String(), "%s", l.SOName)
			}
			return &d
		}
	}
	if len(drift) == 0 {
		a.wrong["missing"] = append(a.wrong["missing"], missing(r.String()))
		return nil
	}
	for i, v := range drift {
		if v == "" {
			drift[i] = "no version"
		}
	}
	a.add("other-version", r.String(), "has %s", strings.Join(drift, ", "))
	return nil
}

func (a *audit) compare(r Requirement, d linkage.Definition) {
	switch {
	case r.Object != d.Object(), r.Object == d.Function():
		a.add("other-kind", r.String(), "%s", d.Kind)
	case r.Size > d.Size:
		a.add("other-size", r.String(), "%d bytes, not %d", d.Size, r.Size)
	case r.Size > 0 && r.Size < d.Size:
		a.larger = append(a.larger, fmt.Sprintf("%s (%d bytes, not %d)", r, d.Size, r.Size))
	case r.Weak && d.Bind != elf.STB_WEAK:
		a.add("other-binding", r.String(), "%s", d.Bind)
	}
}

func judgeSymbols(lib Library) func(*System) (Finding, error) {
	return func(s *System) (Finding, error) {
		call := fmt.Sprintf("looking up %d interfaces of %s and the libraries it needs", len(lib.Symbols), lib.SOName)
		l, err := s.find(lib.SOName)
		if errors.Is(err, linkage.ErrNoSections) {
			return Finding{}, err
		}
		if err != nil {
			f := s.lost(call, lib.SOName, err, "all provided")
			f.Got = fmt.Sprintf("%d missing: %v", len(lib.Symbols), err)
			return f, nil
		}
		c := s.Closure(l)
		a := audit{wrong: map[string][]event.Deviation{}}
		for _, r := range lib.Symbols {
			a.look(c, r)
		}
		return a.finding(call, lib.SOName), nil
	}
}

// Provided tells the interfaces of a library of LSB Core that files say it provides, under their versions, by
// itself or by what it needs, from those that nothing provides. The error wraps fs.ErrNotExist where there is no
// such library.
func (s *System) Provided(lib Library) (provided, lacking []Requirement, err error) {
	l, err := s.find(lib.SOName)
	if err != nil {
		return nil, nil, err
	}
	c := s.Closure(l)
	a := audit{wrong: map[string][]event.Deviation{}}
	for _, r := range lib.Symbols {
		if a.find(c, r) != nil {
			provided = append(provided, r)
		} else {
			lacking = append(lacking, r)
		}
	}
	return provided, lacking, nil
}

// finding tells the kinds of deviation apart.
func (a *audit) finding(call, soname string) Finding {
	f := Good(a.examined)
	var got []string
	for _, k := range symbolKinds {
		list := a.wrong[k.kind]
		if len(list) == 0 {
			continue
		}
		got = append(got, fmt.Sprintf("%d %s: %s", len(list), k.words, First(list, 5)))
		f.Deviations = append(f.Deviations, list...)
	}
	if len(got) > 0 {
		f.Call, f.Got = call, strings.Join(got, "; ")
		f.Expected = fmt.Sprintf("all %d in %s, under their versions, of their kind and no smaller", a.examined, soname)
	}
	if len(a.larger) > 0 {
		f.Notes = append(f.Notes, "larger than the text says: "+First(a.larger, 5))
	}
	return f
}

// aliases lists names of libc.so.6 that must share an address.
var aliases = [][]string{
	{"environ", "_environ", "__environ"},
	{"timezone", "__timezone"},
	{"daylight", "__daylight"},
	{"tzname", "__tzname"},
}

func judgeAliases(s *System) (Finding, error) {
	l, f, err := s.libc()
	if l == nil {
		return f, err
	}
	var wrong []event.Deviation
	facts := 0
	for _, names := range aliases {
		at := map[uint64]bool{}
		for _, name := range names {
			facts++
			defs := l.Defines[name]
			if len(defs) == 0 {
				wrong = append(wrong, deviant("missing", name, "not defined"))
				continue
			}
			at[defs[0].Value] = true
		}
		if len(at) > 1 {
			wrong = append(wrong, deviant("differ", strings.Join(names, ", "), "at %d addresses: %x", len(at), slices.Sorted(maps.Keys(at))))
		}
	}
	return None("addresses of the aliases in libc.so.6", facts, wrong, "one address for each set"), nil
}
