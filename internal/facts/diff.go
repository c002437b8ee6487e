package facts

import (
	"maps"
	"slices"
)

// Difference is what one root offers and another does not.
type Difference struct {
	Libraries Names    `json:"libraries"`
	Symbols   []Names  `json:"symbols,omitempty"` // of the libraries that both have
	Moved     []Change `json:"moved,omitempty"`   // symbols that another library of the new root has
	Commands  Names    `json:"commands"`
	Packages  Names    `json:"packages"`
	Users     Names    `json:"users"`
	Groups    Names    `json:"groups"`
	// Compared counts the symbols of the base that were looked for.
	Compared int `json:"compared"`
}

// Names are what is gone, new and different of one kind, each sorted.
type Names struct {
	Of      string   `json:"of,omitempty"` // the library whose symbols they are
	Gone    []string `json:"gone,omitempty"`
	New     []string `json:"new,omitempty"`
	Changed []Change `json:"changed,omitempty"`
}

// Change is one name with what it was and what it is.
type Change struct {
	Name string `json:"name"`
	Was  string `json:"was"`
	Now  string `json:"now"`
}

// Differs says whether anything does.
func (n Names) Differs() bool { return len(n.Gone)+len(n.New)+len(n.Changed) > 0 }

// Differs says whether anything does.
func (d *Difference) Differs() bool {
	return len(d.Symbols)+len(d.Moved) > 0 || d.Libraries.Differs() || d.Commands.Differs() || d.Packages.Differs() ||
		d.Users.Differs() || d.Groups.Differs()
}

// Compare finds what differs between two roots.
func Compare(base, now *Facts) *Difference {
	d := &Difference{
		Commands: names(base.Commands, now.Commands), Packages: names(base.Packages, now.Packages),
		Users: names(base.Users, now.Users), Groups: names(base.Groups, now.Groups),
	}
	was, is := bySOName(base), bySOName(now)
	paths := func(m map[string]Library) map[string]string {
		p := map[string]string{}
		for name := range m {
			p[name] = "" // where a library lies is nobody's business
		}
		return p
	}
	d.Libraries = names(paths(was), paths(is))
	home := homes(now)
	for _, soname := range slices.Sorted(maps.Keys(was)) {
		a, b := was[soname], is[soname]
		if a.Symbols == nil || b.Symbols == nil {
			continue
		}
		d.Compared += len(a.Symbols)
		n := names(symbols(a), symbols(b))
		n.Of = soname
		n.Gone = slices.DeleteFunc(n.Gone, func(name string) bool {
			other := home[name]
			if other != "" {
				d.Moved = append(d.Moved, Change{name, soname, other})
			}
			return other != ""
		})
		if n.Differs() {
			d.Symbols = append(d.Symbols, n)
		}
	}
	return d
}

func bySOName(f *Facts) map[string]Library {
	m := map[string]Library{}
	for _, l := range f.Libraries {
		if _, twice := m[l.SOName]; !twice {
			m[l.SOName] = l
		}
	}
	return m
}

func symbols(l Library) map[string]string {
	m := make(map[string]string, len(l.Symbols))
	for _, s := range l.Symbols {
		name, what := Split(s)
		m[name] = what
	}
	return m
}

// homes gives the library that has a symbol with a version. Without version a name says little.
func homes(f *Facts) map[string]string {
	m := map[string]string{}
	for _, l := range f.Libraries {
		for _, s := range l.Symbols {
			if name, _ := Split(s); slices.Contains([]byte(name), '@') {
				m[name] = l.SOName
			}
		}
	}
	return m
}

func names(was, now map[string]string) Names {
	var n Names
	for _, name := range slices.Sorted(maps.Keys(was)) {
		value, there := now[name]
		switch {
		case !there:
			n.Gone = append(n.Gone, name)
		case value != was[name]:
			n.Changed = append(n.Changed, Change{name, was[name], value})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if _, there := was[name]; !there {
			n.New = append(n.New, name)
		}
	}
	return n
}
