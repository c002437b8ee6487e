package lsb

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"xtest/suites/spec"
)

var _ = suite.Describe("users", func() {
	it(spec.Meta{
		ID: "users/required", Clause: "LSB 5.0 Core 23.2 table Required User & Group Names: users root, bin and daemon, each in the group of its name",
		Level: spec.Must, Sources: []string{"USR-001"}, Needs: []spec.Probe{has("id")},
	}, checkRequiredUsers)
	it(spec.Meta{
		ID: "users/groups", Clause: "LSB 5.0 Core 23.2 table Required User & Group Names: groups root, bin and daemon",
		Level: spec.Must, Sources: []string{"USR-002"}, Needs: []spec.Probe{has("find")},
	}, checkRequiredGroups)
	it(spec.Meta{
		ID: "users/root", Clause: "LSB 5.0 Core 23.2: root is user 0 and group 0",
		Level: spec.Must, Sources: []string{"USR-003", "USR-010"}, Needs: []spec.Probe{has("id")},
	}, try(
		step{argv: []string{"id", "-u", "root"}, stdout: "0\n"},
		step{argv: []string{"id", "-g", "root"}, stdout: "0\n"},
	))
	it(spec.Meta{
		ID: "users/optional", Clause: "LSB 5.0 Core 23.2 table Optional User & Group Names: those that are there are in the group suggested",
		Level: spec.Should, Sources: []string{"USR-004", "USR-005", "USR-006"}, Needs: []spec.Probe{has("id")},
	}, checkOptionalUsers)
	it(spec.Meta{
		ID: "users/static-range", Clause: "LSB 5.0 Core 23.3: the users that 23.2 names have IDs that are allocated statically, 0 to 99",
		Level: spec.Should, Sources: []string{"USR-007"},
	}, checkStaticRange)
	it(spec.Meta{
		ID: "users/database", Clause: "LSB 5.0 Core 23.1, passwd(5), group(5): entries have 7 and 4 fields, names are unique",
		Level: spec.Should, Sources: []string{"USR-011"},
	}, checkDatabase)
	it(spec.Meta{
		ID: "users/lookup", Clause: "LSB 5.0 Core 23.1: the database's functions find the users of /etc/passwd under their IDs",
		Level: spec.Must, Sources: []string{"USR-008"}, Needs: []spec.Probe{has("id")},
	}, checkLookup)
})

// required are the users of the text that each have a group of the same name.
var required = []string{"root", "bin", "daemon"}

// optional are the optional users of the text and the group it suggests.
var optional = []struct{ user, group string }{
	{"adm", "adm"}, {"lp", "lp"}, {"sync", "sync"}, {"shutdown", "shutdown"}, {"halt", "halt"}, {"mail", "mail"},
	{"news", "news"}, {"uucp", "uucp"}, {"operator", "root"}, {"man", "man"}, {"nobody", "nobody"},
}

// checkRequiredUsers asks id(1), which reads whatever databases the machine is set up for.
func checkRequiredUsers(ctx context.Context, m *machine) (finding, error) {
	var wrong []string
	for _, name := range required {
		o, err := shell(ctx, m, command{argv: []string{"id", "-gn", name}})
		if err != nil {
			return finding{}, err
		}
		switch group := strings.TrimSuffix(o.stdout, "\n"); {
		case o.status != 0:
			wrong = append(wrong, "no user "+name)
		case group != name:
			wrong = append(wrong, fmt.Sprintf("%s is in group %s", name, clip(group)))
		}
	}
	return none("id -gn of each user", len(required), wrong, "the user's own name"), nil
}

// checkRequiredGroups reads the file, and has find(1) look up what is not there, since groups may come
// from another database: POSIX makes it refuse a name that it does not know.
func checkRequiredGroups(ctx context.Context, m *machine) (finding, error) {
	groups, err := m.entries("/etc/group", 4)
	if err != nil {
		return bad("reading /etc/group", err.Error(), "the group database"), nil
	}
	known := map[string]bool{}
	for _, g := range groups {
		known[g[0]] = true
	}
	var wrong []string
	for _, name := range required {
		if known[name] {
			continue
		}
		o, err := shell(ctx, m, command{argv: []string{"find", ".", "-group", name}})
		if err != nil {
			return finding{}, err
		}
		if o.status != 0 {
			wrong = append(wrong, "no group "+name)
		}
	}
	return none("the group database", len(required), wrong, "groups root, bin and daemon"), nil
}

func checkOptionalUsers(ctx context.Context, m *machine) (finding, error) {
	var wrong []string
	there := 0
	for _, o := range optional {
		got, err := shell(ctx, m, command{argv: []string{"id", "-gn", o.user}})
		if err != nil {
			return finding{}, err
		}
		if got.status != 0 {
			continue
		}
		there++
		if group := strings.TrimSuffix(got.stdout, "\n"); group != o.group {
			wrong = append(wrong, fmt.Sprintf("%s is in %s, not %s", o.user, clip(group), o.group))
		}
	}
	return none("id -gn of each optional user", there, wrong, "the group suggested"), nil
}

// entries reads a database of lines with colons. Lines of other than n fields are an error.
func (m *machine) entries(name string, n int) ([][]string, error) {
	text, err := m.text(name)
	if err != nil {
		return nil, err
	}
	var list [][]string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		// "+" and "-" refer to other databases, nsswitch.conf(5) compat.
		if line == "" || strings.ContainsRune("#+-", rune(line[0])) {
			continue
		}
		f := strings.Split(line, ":")
		if len(f) != n {
			return nil, fmt.Errorf("%s: %d fields in %q", name, len(f), clip(line))
		}
		list = append(list, f)
	}
	return list, nil
}

func checkDatabase(_ context.Context, m *machine) (finding, error) {
	facts := 0
	for _, db := range []struct {
		name   string
		fields int
	}{{"/etc/passwd", 7}, {"/etc/group", 4}} {
		list, err := m.entries(db.name, db.fields)
		if err != nil {
			return bad("reading "+db.name, err.Error(), fmt.Sprintf("%d fields a line", db.fields)), nil
		}
		seen := map[string]bool{}
		for _, e := range list {
			facts++
			if e[0] == "" || seen[e[0]] {
				return bad("reading "+db.name, fmt.Sprintf("name %q again", e[0]), "each name once"), nil
			}
			seen[e[0]] = true
			if _, err := strconv.ParseUint(e[2], 10, 32); err != nil {
				return bad("reading "+db.name, fmt.Sprintf("ID %q of %s", e[2], e[0]), "a number"), nil
			}
		}
	}
	return good(facts), nil
}

func checkStaticRange(_ context.Context, m *machine) (finding, error) {
	list, err := m.entries("/etc/passwd", 7)
	if err != nil {
		return bad("reading /etc/passwd", err.Error(), "the user database"), nil
	}
	static := map[string]bool{}
	for _, name := range required {
		static[name] = true
	}
	for _, o := range optional {
		static[o.user] = o.user != "nobody" // the text gives it no range
	}
	var wrong []string
	facts := 0
	for _, e := range list {
		if !static[e[0]] {
			continue
		}
		facts++
		if id, err := strconv.Atoi(e[2]); err != nil || id > 99 {
			wrong = append(wrong, e[0]+" has "+e[2])
		}
	}
	return none("user IDs of the names of 23.2", facts, wrong, "0 to 99"), nil
}

// checkLookup compares a handful of entries, spread over the file.
func checkLookup(ctx context.Context, m *machine) (finding, error) {
	const most = 5
	list, err := m.entries("/etc/passwd", 7)
	if err != nil {
		return bad("reading /etc/passwd", err.Error(), "the user database"), nil
	}
	facts := 0
	for i := 0; i < len(list); i += len(list)/most + 1 {
		e := list[i]
		o, err := shell(ctx, m, command{argv: []string{"id", "-u", "--", e[0]}})
		if err != nil {
			return finding{}, err
		}
		if o.stdout != e[2]+"\n" {
			return bad("id -u "+e[0], o.String(), e[2]+", as /etc/passwd says"), nil
		}
		facts++
	}
	return good(facts), nil
}
