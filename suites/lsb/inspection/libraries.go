package inspection

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"xtest/internal/linkage"
	"xtest/runner/event"
	"xtest/suites/spec"
)

func libraryChecks() []Check {
	var all []Check
	for _, lib := range Libraries() {
		sources := []string{lib.libraryCheck}
		switch lib.Name {
		case "libcrypt":
			sources = append(sources, "LIB-020")
		case "libncurses", "libncursesw":
			sources = append(sources, "LIB-021")
		}
		all = append(all, Check{Meta: spec.Meta{
			ID:     "libraries/" + strings.ToLower(lib.Name),
			Clause: fmt.Sprintf("LSB 5.0 Common 3.1 and Core %s: the dynamic linker finds %s as %s", lib.Section, lib.Name, lib.SOName),
			Level:  spec.Must, Sources: sources,
		}, Needs: []Need{amd64}, judge: judgeLibrary(lib)})
	}
	return append(append(all, moduleLibraryChecks()...),
		Check{Meta: spec.Meta{
			ID:     "libraries/closure",
			Clause: "LSB 5.0 Common 3.1: every library that a Core library needs is there",
			Level:  spec.Must, Sources: []string{"LIB-018"},
		}, Needs: []Need{amd64}, judge: eachLibrary("DT_NEEDED closure of every Core library", "every needed library found",
			func(s *System, l *linkage.Library) []string { return s.Closure(l).Missing })},
		Check{Meta: spec.Meta{
			ID:     "libraries/no-executable-stack",
			Clause: "LSB 5.0 Core 11.2 Program Header: PT_GNU_STACK tells that no Core library needs an executable stack",
			Level:  spec.Should, Sources: []string{"LIB-019"},
		}, Needs: []Need{amd64}, judge: eachLibrary("PT_GNU_STACK of every Core library", "no PF_X",
			faultIf(func(l *linkage.Library) bool { return l.ExecStack }))},
		Check{Meta: spec.Meta{
			ID:     "libraries/symbol-hash",
			Clause: "LSB 5.0 Core 11.3 Dynamic Entries: every Core library has a symbol hash table, DT_HASH or DT_GNU_HASH",
			Level:  spec.Must, Sources: []string{"ELF-008"},
		}, Needs: []Need{amd64}, judge: eachLibrary("DT_HASH, DT_GNU_HASH of every Core library", "one of them",
			faultIf(func(l *linkage.Library) bool { return !l.Hash && !l.GNUHash }))},
	)
}

// find finds a Core library.
func (s *System) find(soname string) (*linkage.Library, error) {
	return s.Find(soname, linkage.AMD64, s.Dirs())
}

// judgeLibrary judges that the library is found, that it is one, and that it bears its own name.
func judgeLibrary(lib Library) func(*System) (Finding, error) {
	return func(s *System) (Finding, error) {
		call := "finding " + lib.SOName + " as the dynamic linker does"
		l, err := s.find(lib.SOName)
		switch {
		case errors.Is(err, linkage.ErrNoSections):
			return Finding{}, err
		case err != nil:
			return s.lost(call, lib.SOName, err, "a shared library"), nil
		case l.Kind != elf.ET_DYN:
			return faulty(call, deviant("other-kind", l.Path, "%s", l.Kind), "ET_DYN"), nil
		case l.SOName != lib.SOName:
			return faulty("DT_SONAME of "+l.Path, deviant("other-name", lib.SOName, "%q", l.SOName), lib.SOName), nil
		}
		f := Good(4)
		f.Answers = []event.Answer{{Call: lib.SOName, Value: l.Path}}
		return f, nil
	}
}

// lost is the finding of a library that cannot be had: missing, damaged, or of another ABI.
func (s *System) lost(call, soname string, err error, expected string) Finding {
	d := missing(soname)
	if !errors.Is(err, fs.ErrNotExist) {
		d = deviant("unusable", soname, "%v", err)
	}
	f := Bad(call, err.Error(), expected)
	f.Deviations, f.Notes = []event.Deviation{d}, s.otherNames(soname)
	return f
}

// otherNames notes libraries of the same stem under another SONAME, which is another ABI.
func (s *System) otherNames(soname string) []string {
	stem, _, _ := strings.Cut(soname, ".so")
	var names []string
	for _, dir := range s.Dirs() {
		for _, f := range s.Glob(path.Join(dir, stem+".so.*")) {
			if base := path.Base(f); base != soname {
				names = append(names, base)
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return []string{"installed under another name, which is another ABI: " + First(slices.Compact(names), 4)}
}

// libc gives libc.so.6, or a finding that ends the check: on a root without it there is nothing to
// judge but its absence, which libraries/libc does.
func (s *System) libc() (*linkage.Library, Finding, error) {
	l, err := s.find("libc.so.6")
	switch {
	case errors.Is(err, linkage.ErrNoSections):
		return nil, Finding{}, err
	case errors.Is(err, fs.ErrNotExist):
		return nil, Finding{Inapplicable: err.Error()}, nil
	case err != nil:
		return nil, Bad("reading libc.so.6", err.Error(), "a shared library"), nil
	}
	return l, Finding{}, nil
}

func faultIf(wrong func(*linkage.Library) bool) func(*System, *linkage.Library) []string {
	return func(_ *System, l *linkage.Library) []string {
		if wrong(l) {
			return []string{l.Path}
		}
		return nil
	}
}

// eachLibrary judges all Core libraries that are there, and nothing where none is; libraries/NAME
// judges that they are. It has no faults when it is as it must be.
func eachLibrary(call, expected string, faults func(*System, *linkage.Library) []string) func(*System) (Finding, error) {
	return func(s *System) (Finding, error) {
		var wrong []event.Deviation
		examined := 0
		for _, lib := range Libraries() {
			l, err := s.find(lib.SOName)
			if errors.Is(err, linkage.ErrNoSections) {
				return Finding{}, err
			}
			if err != nil {
				continue
			}
			examined++
			for _, fault := range faults(s, l) {
				wrong = append(wrong, event.Deviation{Kind: "unmet", Item: fault})
			}
		}
		return None(call, examined, wrong, expected), nil
	}
}
