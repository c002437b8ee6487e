package debian

import "strings"

// relation is one alternative of a dependency: "name:arch (op version)".
type relation struct {
	name, arch  string
	op, version string // both "" when any version will do
}

// splitList splits a relation field at its commas.
func splitList(field string) (items []string) {
	for _, s := range strings.Split(field, ",") {
		if s = strings.TrimSpace(s); s != "" {
			items = append(items, s)
		}
	}
	return items
}

// parseRelation parses one alternative (Debian policy, 7.1); false when it makes no sense.
func parseRelation(s string) (relation, bool) {
	var r relation
	name, rest, versioned := strings.Cut(s, "(")
	if versioned {
		inside, _, ok := strings.Cut(rest, ")")
		if !ok {
			return r, false
		}
		inside = strings.TrimSpace(inside)
		r.version = strings.TrimSpace(strings.TrimLeft(inside, "<>="))
		r.op = inside[:len(inside)-len(strings.TrimLeft(inside, "<>="))]
		if r.version == "" || r.op == "" {
			return r, false
		}
	}
	r.name, r.arch, _ = strings.Cut(strings.TrimSpace(name), ":")
	return r, r.name != ""
}

// allows says whether version satisfies r. The old "<" and ">" mean "or equal" (policy 7.1).
func (r relation) allows(version string) bool {
	c := CompareVersions(version, r.version)
	switch r.op {
	case "":
		return true
	case "<<":
		return c < 0
	case "<=", "<":
		return c <= 0
	case "=":
		return c == 0
	case ">=", ">":
		return c >= 0
	case ">>":
		return c > 0
	}
	return false
}

// satisfiedBy says whether p, by its name or by what it provides, satisfies r. A versioned relation
// is satisfied only by a versioned Provides (policy 7.5).
func (r relation) satisfiedBy(p *Package) bool {
	if p.Name == r.name && r.allows(p.Version) {
		return true
	}
	for _, v := range splitList(p.Provides) {
		given, ok := parseRelation(v)
		if ok && given.name == r.name && (r.op == "" || given.version != "" && r.allows(given.version)) {
			return true
		}
	}
	return false
}

// forArch says whether r's architecture qualifier can be met by packages of arch.
func (r relation) forArch(arch string) bool {
	switch r.arch {
	case "", "any", "native", arch:
		return true
	}
	return false
}
