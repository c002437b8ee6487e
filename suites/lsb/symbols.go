package lsb

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"sort"
	"strings"

	"xtest/suites/spec"
)

var _ = suite.Describe("symbols", func() {
	for _, lib := range coreLibraries() {
		it(spec.Meta{
			ID: "symbols/" + strings.ToLower(lib.name),
			Clause: fmt.Sprintf("LSB 5.0 Core %s: %s provides %d interfaces under their versions",
				lib.section, lib.soname, len(lib.symbols)),
			Level: spec.Must, Needs: []spec.Probe{amd64},
			// SYM-022: _IO_stdin_used, which the application provides, is not in the table.
			Sources: []string{lib.symbolCheck, "SYM-017", "SYM-018", "SYM-021", "SYM-022"},
		}, checkSymbols(lib))
	}
	it(spec.Meta{
		ID:     "symbols/aliases",
		Clause: "LSB 5.0 Core 14.3: the names of one datum of libc.so.6 (environ, _environ, __environ, ...) are one address",
		Level:  spec.Must, Sources: []string{"SYM-019"}, Needs: []spec.Probe{amd64},
	}, checkAliases)
})

// audit is what came of looking a library's interfaces up.
type audit struct {
	examined                                    int
	missing, otherVersion, otherKind, otherSize []string
	larger                                      []string
	elsewhere                                   map[string]int // by the SONAME that provides them
}

// look finds a requirement in a closure as the dynamic linker binds a reference of that version: to
// the first library in order that defines it.
func (a *audit) look(c closure, r requirement) {
	a.examined++
	var drift []string
	for i, l := range c.libs {
		for _, d := range l.defines[r.name] {
			if !d.answers(r.version) {
				drift = append(drift, d.version)
				continue
			}
			if i > 0 {
				a.elsewhere[l.soname]++
			}
			a.compare(r, d)
			return
		}
	}
	if len(drift) == 0 {
		a.missing = append(a.missing, r.String())
		return
	}
	for i, v := range drift {
		if v == "" {
			drift[i] = "no version"
		}
	}
	a.otherVersion = append(a.otherVersion, fmt.Sprintf("%s (has %s)", r, strings.Join(drift, ", ")))
}

// answers says whether a reference of a version binds to the definition. One without a version binds
// to what is not hidden behind a newer default.
func (d definition) answers(version string) bool {
	if version == "" {
		return !d.hidden
	}
	return d.version == version
}

func (a *audit) compare(r requirement, d definition) {
	object := d.kind == elf.STT_OBJECT || d.kind == elf.STT_COMMON || d.kind == elf.STT_TLS
	function := d.kind == elf.STT_FUNC || d.kind == elf.STT_GNU_IFUNC
	switch {
	case r.object != object, r.object == function:
		a.otherKind = append(a.otherKind, fmt.Sprintf("%s (%s)", r, d.kind))
	case r.size > d.size:
		a.otherSize = append(a.otherSize, fmt.Sprintf("%s (%d bytes, not %d)", r, d.size, r.size))
	case r.size > 0 && r.size < d.size:
		a.larger = append(a.larger, fmt.Sprintf("%s (%d bytes, not %d)", r, d.size, r.size))
	}
}

func checkSymbols(lib coreLibrary) check {
	return func(_ context.Context, m *machine) (finding, error) {
		call := fmt.Sprintf("looking up %d interfaces of %s and the libraries it needs", len(lib.symbols), lib.soname)
		dirs := m.libraryDirs()
		l, err := m.findLibrary(lib.soname, ofLSB, dirs)
		if errors.Is(err, errNoSections) {
			return finding{}, err
		}
		if err != nil {
			f := bad(call, fmt.Sprintf("%d missing: %v", len(lib.symbols), err), "all provided")
			f.notes = m.otherVersions(lib.soname)
			return f, nil
		}
		c := m.closure(l, dirs)
		a := audit{elsewhere: map[string]int{}}
		for _, r := range lib.symbols {
			a.look(c, r)
		}
		return a.finding(call, lib.soname), nil
	}
}

// finding tells the kinds of deviation apart.
func (a *audit) finding(call, soname string) finding {
	f := good(a.examined)
	var got []string
	for _, k := range []struct {
		what string
		list []string
	}{{"missing", a.missing}, {"of other version", a.otherVersion}, {"of other kind", a.otherKind}, {"smaller", a.otherSize}} {
		if len(k.list) > 0 {
			got = append(got, fmt.Sprintf("%d %s: %s", len(k.list), k.what, first(k.list, 5)))
		}
	}
	if len(got) > 0 {
		f.call, f.got = call, strings.Join(got, "; ")
		f.expected = fmt.Sprintf("all %d, under their versions, of their kind and no smaller", a.examined)
	}
	if len(a.larger) > 0 {
		f.notes = append(f.notes, "larger than the text says: "+first(a.larger, 5))
	}
	from := make([]string, 0, len(a.elsewhere))
	for name := range a.elsewhere {
		from = append(from, name)
	}
	sort.Strings(from)
	for _, name := range from {
		f.notes = append(f.notes, fmt.Sprintf("%d of the interfaces are provided by %s, which %s needs, not by itself",
			a.elsewhere[name], name, soname))
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

func checkAliases(_ context.Context, m *machine) (finding, error) {
	l, f, err := libc(m)
	if l == nil {
		return f, err
	}
	var wrong []string
	facts := 0
	for _, names := range aliases {
		at := map[uint64]bool{}
		for _, name := range names {
			facts++
			defs := l.defines[name]
			if len(defs) == 0 {
				wrong = append(wrong, name+" is not defined")
				continue
			}
			at[defs[0].value] = true
		}
		if len(at) > 1 {
			wrong = append(wrong, strings.Join(names, ", ")+" differ")
		}
	}
	return none("addresses of the aliases in libc.so.6", facts, wrong, "one address for each set"), nil
}
