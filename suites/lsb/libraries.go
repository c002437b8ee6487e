package lsb

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"xtest/suites/spec"
)

var _ = suite.Describe("libraries", func() {
	for _, lib := range coreLibraries() {
		sources := []string{lib.libraryCheck}
		switch lib.name {
		case "libcrypt":
			sources = append(sources, "LIB-020")
		case "libncurses", "libncursesw":
			sources = append(sources, "LIB-021")
		}
		it(spec.Meta{
			ID:     "libraries/" + strings.ToLower(lib.name),
			Clause: fmt.Sprintf("LSB 5.0 Common 3.1 and Core %s: the dynamic linker finds %s as %s", lib.section, lib.name, lib.soname),
			Level:  spec.Must, Sources: sources, Needs: []spec.Probe{amd64},
		}, checkLibrary(lib))
	}
	it(spec.Meta{
		ID:     "libraries/closure",
		Clause: "LSB 5.0 Common 3.1: every library that a Core library needs is there",
		Level:  spec.Must, Sources: []string{"LIB-018"}, Needs: []spec.Probe{amd64},
	}, eachLibrary("DT_NEEDED closure of every Core library", "every needed library found", incomplete))
	it(spec.Meta{
		ID:     "libraries/no-executable-stack",
		Clause: "LSB 5.0 Core 11.2 Program Header: PT_GNU_STACK tells that no Core library needs an executable stack",
		Level:  spec.Should, Sources: []string{"LIB-019"}, Needs: []spec.Probe{amd64},
	}, eachLibrary("PT_GNU_STACK of every Core library", "no PF_X", func(_ *machine, l *library) string {
		if l.stack {
			return l.path
		}
		return ""
	}))
	it(spec.Meta{
		ID:     "libraries/symbol-hash",
		Clause: "LSB 5.0 Core 11.3 Dynamic Entries: every Core library has a symbol hash table, DT_HASH or DT_GNU_HASH",
		Level:  spec.Must, Sources: []string{"ELF-008"}, Needs: []spec.Probe{amd64},
	}, eachLibrary("DT_HASH, DT_GNU_HASH of every Core library", "one of them", func(_ *machine, l *library) string {
		if !l.hash && !l.gnuHash {
			return l.path
		}
		return ""
	}))
})

// ofLSB is the ABI whose tables the suite holds.
var ofLSB = abi{elf.ELFCLASS64, elf.EM_X86_64}

// checkLibrary judges that the library is found, that it is one, and that it bears its own name.
func checkLibrary(lib coreLibrary) check {
	return func(_ context.Context, m *machine) (finding, error) {
		call := "finding " + lib.soname + " as the dynamic linker does"
		l, err := m.findLibrary(lib.soname, ofLSB, m.libraryDirs())
		switch {
		case errors.Is(err, errNoSections):
			return finding{}, err
		case err != nil:
			f := bad(call, err.Error(), "a shared library")
			f.notes = m.otherVersions(lib.soname)
			return f, nil
		case l.kind != elf.ET_DYN:
			return bad(call, fmt.Sprintf("%s is %s", l.path, l.kind), "ET_DYN"), nil
		case l.soname != lib.soname:
			return bad("DT_SONAME of "+l.path, fmt.Sprintf("%q", l.soname), lib.soname), nil
		}
		return good(4), nil
	}
}

// libc gives libc.so.6, or a finding that ends the check: on a machine without it there is nothing to
// judge but its absence, which libraries/libc does.
func libc(m *machine) (*library, finding, error) {
	l, err := m.findLibrary("libc.so.6", ofLSB, m.libraryDirs())
	switch {
	case errors.Is(err, errNoSections):
		return nil, finding{}, err
	case errors.Is(err, fs.ErrNotExist):
		return nil, finding{inapplicable: err.Error()}, nil
	case err != nil:
		return nil, bad("reading libc.so.6", err.Error(), "a shared library"), nil
	}
	return l, finding{}, nil
}

// otherVersions notes libraries of the same name but another version, which are another ABI.
func (m *machine) otherVersions(soname string) []string {
	stem, _, _ := strings.Cut(soname, ".so")
	found := map[string]bool{}
	for _, dir := range m.libraryDirs() {
		matches, _ := filepath.Glob(m.host(path.Join(dir, stem+".so.*")))
		for _, f := range matches {
			found[path.Base(f)] = true
		}
	}
	if len(found) == 0 {
		return nil
	}
	names := make([]string, 0, len(found))
	for n := range found {
		names = append(names, n)
	}
	sort.Strings(names)
	return []string{"installed under another name, which is another ABI: " + first(names, 4)}
}

// eachLibrary judges all Core libraries that are there, and nothing where none is; libraries/NAME
// judges that they are. The
// fault is "" for one that is as it must be.
func eachLibrary(call, expected string, fault func(*machine, *library) string) check {
	return func(_ context.Context, m *machine) (finding, error) {
		var wrong []string
		examined, dirs := 0, m.libraryDirs()
		for _, lib := range coreLibraries() {
			l, err := m.findLibrary(lib.soname, ofLSB, dirs)
			if errors.Is(err, errNoSections) {
				return finding{}, err
			}
			if err != nil {
				continue
			}
			examined++
			if s := fault(m, l); s != "" {
				wrong = append(wrong, s)
			}
		}
		return none(call, examined, wrong, expected), nil
	}
}

func incomplete(m *machine, l *library) string {
	return strings.Join(m.closure(l, m.libraryDirs()).missing, ", ")
}
