package inspection

import (
	"cmp"
	"debug/elf"
	"path"
	"slices"
	"strings"

	"xtest/internal/facts"
	"xtest/internal/linkage"
)

// Bounds on what is gathered of one root.
const (
	maxGathered = 5000    // libraries
	maxExported = 2 << 20 // symbols of all libraries; a full desktop has a million
	maxCommands = 100_000 // names on the search path
)

// Gather collects what the root offers to programs. The symbols are those of the LSB Core libraries;
// with deep those of every library that the dynamic linker finds by itself.
func (s *System) Gather(deep bool) *facts.Facts {
	f := &facts.Facts{Distro: s.Distro(), Commands: s.commands(), Packages: map[string]string{}, Users: map[string]string{}, Groups: map[string]string{}}
	abi, err := s.Native()
	if err == nil {
		f.ABI = abi.String()
		f.Libraries = s.libraries(abi, deep)
	}
	if all, err := s.Packages(); err == nil {
		for _, p := range all {
			f.Packages[p.Name] = p.Version
		}
	}
	if a, err := s.accounts(); err == nil {
		for name, u := range a.users {
			f.Users[name] = u[2]
		}
		for name, id := range a.groups {
			f.Groups[name] = id
		}
	}
	return f
}

// Distro is what os-release(5) calls the distribution, or "".
func (s *System) Distro() string {
	release, err := s.osRelease()
	if err != nil {
		return ""
	}
	return cmp.Or(release["PRETTY_NAME"], release["NAME"])
}

func (s *System) commands() map[string]string {
	found := map[string]string{}
	for _, dir := range SearchPath {
		names, err := s.List(dir)
		if err != nil {
			continue
		}
		for _, n := range names {
			if _, known := found[n]; known || len(found) > maxCommands {
				continue
			}
			at := path.Join(dir, n)
			if s.Executable(at) != nil {
				continue
			}
			if to, err := s.Resolve(at); err == nil {
				found[n] = to
			}
		}
	}
	return found
}

// libraries lists those in the dynamic linker's directories by the names that programs ask for, which
// are the links that ldconfig(8) makes: those that are their library's own SONAME.
func (s *System) libraries(abi linkage.ABI, deep bool) []facts.Library {
	core := map[string]bool{}
	for _, l := range Libraries() {
		core[l.SOName] = true
	}
	seen := map[string]bool{}
	symbols := 0
	var all []facts.Library
	for _, dir := range s.Dirs() {
		for _, at := range s.Glob(path.Join(dir, "lib*.so*")) {
			name := path.Base(at)
			if seen[name] || len(all) > maxGathered {
				continue
			}
			if !deep && !core[name] {
				// Its name is enough: what ends in the version of the interface is the SONAME, by custom.
				if to, err := s.Resolve(at); err == nil && plainVersion(name) {
					seen[name] = true
					all = append(all, facts.Library{SOName: name, Path: to})
				}
				continue
			}
			l, err := s.Peek(at)
			if err != nil || l.ABI != abi || l.SOName != name {
				continue
			}
			seen[name] = true
			found := facts.Library{SOName: name, Path: l.Path}
			if symbols += len(l.Defines); symbols <= maxExported {
				found.Symbols = exported(l)
			}
			all = append(all, found)
		}
	}
	slices.SortFunc(all, func(a, b facts.Library) int { return strings.Compare(a.SOName, b.SOName) })
	return all
}

// plainVersion says whether a name is that of a library and one number, as libz.so.1, or none behind
// what is a version itself, as libbfd-2.40.so.
func plainVersion(name string) bool {
	_, version, ok := strings.Cut(name, ".so.")
	return ok && !strings.Contains(version, ".")
}

func exported(l *linkage.Library) []string {
	all := make([]string, 0, len(l.Defines))
	for name, defs := range l.Defines {
		for _, d := range defs {
			// Left out: what glibc's libraries have for each other, and the objects that stand for versions.
			if d.Kind == elf.STT_SECTION || d.Version == name || d.Version == "GLIBC_PRIVATE" {
				continue
			}
			x := facts.Symbol{Name: name, Kind: 'N', Weak: d.Bind == elf.STB_WEAK}
			if d.Version != "" {
				x.Name += "@" + d.Version
			}
			switch {
			case d.Kind == elf.STT_TLS:
				x.Kind, x.Size = 'T', d.Size
			case d.Object():
				x.Kind, x.Size = 'O', d.Size
			case d.Function():
				x.Kind = 'F'
			}
			all = append(all, x.String())
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
