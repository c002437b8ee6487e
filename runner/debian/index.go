package debian

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Index is the packages of some suites, the newest version of each. It keeps the condensed text
// and parses on demand: bookworm's takes some 25 MB.
type Index struct {
	Arch     string
	Warnings []string // for people: an index past its date, a mirror that went back in time

	suites   []string
	records  map[string]record
	provides map[string][]string // by virtual name: who may provide it, to be checked in its record
}

type record struct {
	text string
	from *origin
}

func (ix *Index) add(file string, from *origin) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	st, err := f.Stat()
	if err != nil {
		return err
	}
	var b strings.Builder // gives a string without a second copy
	b.Grow(int(st.Size()))
	if _, err := io.Copy(&b, f); err != nil {
		return err
	}
	for text := b.String(); text != ""; {
		var one string
		one, text, _ = strings.Cut(text, "\n\n")
		name := field(one, "Package")
		if old, ok := ix.records[name]; ok && CompareVersions(field(one, "Version"), field(old.text, "Version")) <= 0 {
			continue
		}
		ix.records[name] = record{one, from}
		for _, v := range splitList(field(one, "Provides")) {
			if r, ok := parseRelation(v); ok {
				ix.provides[r.name] = append(ix.provides[r.name], name)
			}
		}
	}
	return nil
}

// Package returns the newest version of a package, nil when there is none of that name.
func (ix *Index) Package(name string) *Package {
	r, ok := ix.records[name]
	if !ok {
		return nil
	}
	return parsePackage(r.text, r.from)
}

// Latest returns, of the packages whose name matches, the one with the highest version; nil when
// none matches. Equal versions are decided by name.
func (ix *Index) Latest(name *regexp.Regexp) *Package {
	var best *Package
	for _, p := range ix.Select(func(p *Package) bool { return name.MatchString(p.Name) }) {
		if best == nil || CompareVersions(p.Version, best.Version) >= 0 {
			best = p
		}
	}
	return best
}

// Select returns the packages that match wants, by name.
func (ix *Index) Select(match func(*Package) bool) []*Package {
	var all []*Package
	for _, r := range ix.records {
		if p := parsePackage(r.text, r.from); match(p) {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b *Package) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Base returns the packages that are essential or have one of the priorities ("required",
// "important"), by name.
func (ix *Index) Base(priorities ...string) []*Package {
	return ix.Select(func(p *Package) bool { return p.Essential || slices.Contains(priorities, p.Priority) })
}

// Len is the number of packages.
func (ix *Index) Len() int { return len(ix.records) }

func (ix *Index) String() string {
	return fmt.Sprintf("%s (%s)", strings.Join(ix.suites, ", "), ix.Arch)
}
