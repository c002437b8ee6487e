package inspection

import (
	"fmt"
	"strconv"
	"strings"

	"xtest/runner/event"
	"xtest/suites/spec"
)

func userChecks() []Check {
	return []Check{
		{Meta: spec.Meta{
			ID: "users/required", Clause: "LSB 5.0 Core 23.2 table Required User & Group Names: users root, bin and daemon, each in the group of its name",
			Level: spec.Must, Sources: []string{"USR-001"},
		}, Outside: true, judge: judgeRequiredUsers},
		{Meta: spec.Meta{
			ID: "users/groups", Clause: "LSB 5.0 Core 23.2 table Required User & Group Names: groups root, bin and daemon",
			Level: spec.Must, Sources: []string{"USR-002"},
		}, Outside: true, judge: judgeRequiredGroups},
		{Meta: spec.Meta{
			ID: "users/root", Clause: "LSB 5.0 Core 23.2: root is user 0 and group 0",
			Level: spec.Must, Sources: []string{"USR-003", "USR-010"},
		}, Outside: true, judge: judgeRoot},
		{Meta: spec.Meta{
			ID: "users/optional", Clause: "LSB 5.0 Core 23.2 table Optional User & Group Names: those that are there are in the group suggested",
			Level: spec.Should, Sources: []string{"USR-004", "USR-005", "USR-006"},
		}, Outside: true, judge: judgeOptionalUsers},
		{Meta: spec.Meta{
			ID: "users/static-range", Clause: "LSB 5.0 Core 23.3: the users that 23.2 names have IDs that are allocated statically, 0 to 99",
			Level: spec.Should, Sources: []string{"USR-007"},
		}, judge: judgeStaticRange},
		{Meta: spec.Meta{
			ID: "users/database", Clause: "LSB 5.0 Core 23.1, passwd(5), group(5): entries have 7 and 4 fields, names are unique",
			Level: spec.Should, Sources: []string{"USR-011"},
		}, judge: judgeDatabase},
	}
}

// RequiredUsers are the users of the text that each have a group of the same name.
var RequiredUsers = []string{"root", "bin", "daemon"}

// OptionalUsers are the optional users of the text and the group it suggests.
var OptionalUsers = []struct{ User, Group string }{
	{"adm", "adm"}, {"lp", "lp"}, {"sync", "sync"}, {"shutdown", "shutdown"}, {"halt", "halt"}, {"mail", "mail"},
	{"news", "news"}, {"uucp", "uucp"}, {"operator", "root"}, {"man", "man"}, {"nobody", "nobody"},
}

// Entries reads a database of lines with colons, as /etc/passwd. Lines of other than n fields are an
// error.
func (s *System) Entries(name string, n int) ([][]string, error) {
	text, err := s.Text(name)
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
			return nil, fmt.Errorf("%s: %d fields in %.80q", name, len(f), line)
		}
		list = append(list, f)
	}
	return list, nil
}

// accounts are the users and groups of a root's files, where a name that stands twice means its first
// line, as for the C library.
type accounts struct {
	users  map[string][]string // by name
	groups map[string]string   // ID by name
	names  map[string]string   // name by group's ID
}

func (s *System) accounts() (*accounts, error) {
	users, err := s.Entries("/etc/passwd", 7)
	if err != nil {
		return nil, err
	}
	groups, err := s.Entries("/etc/group", 4)
	if err != nil {
		return nil, err
	}
	a := &accounts{map[string][]string{}, map[string]string{}, map[string]string{}}
	for _, u := range users {
		if a.users[u[0]] == nil {
			a.users[u[0]] = u
		}
	}
	for _, g := range groups {
		if _, twice := a.groups[g[0]]; !twice {
			a.groups[g[0]] = g[2]
		}
		if _, twice := a.names[g[2]]; !twice {
			a.names[g[2]] = g[0]
		}
	}
	return a, nil
}

// byAccounts judges what the files of users and groups say. Without them nothing is as asked, unless
// it could not be read.
func (s *System) byAccounts(judge func(*accounts) Finding) (Finding, error) {
	a, err := s.accounts()
	if err != nil {
		return Bad("reading /etc/passwd and /etc/group", err.Error(), "the databases of users and groups"), nil
	}
	return judge(a), nil
}

func judgeRequiredUsers(s *System) (Finding, error) {
	return s.byAccounts(func(a *accounts) Finding {
		var wrong []event.Deviation
		for _, name := range RequiredUsers {
			u := a.users[name]
			switch {
			case u == nil:
				wrong = append(wrong, deviant("missing", name, "no user"))
			case a.names[u[3]] != name:
				wrong = append(wrong, deviant("other-group", name, "in group %q", a.names[u[3]]))
			}
		}
		return None("reading /etc/passwd", len(RequiredUsers), wrong, "each in the group of its own name")
	})
}

func judgeRequiredGroups(s *System) (Finding, error) {
	return s.byAccounts(func(a *accounts) Finding {
		var wrong []event.Deviation
		for _, name := range RequiredUsers {
			if _, ok := a.groups[name]; !ok {
				wrong = append(wrong, deviant("missing", name, "no group"))
			}
		}
		return None("reading /etc/group", len(RequiredUsers), wrong, "groups root, bin and daemon")
	})
}

func judgeRoot(s *System) (Finding, error) {
	return s.byAccounts(func(a *accounts) Finding {
		u := a.users["root"]
		if u == nil || u[2] != "0" || u[3] != "0" {
			return faulty("reading /etc/passwd", deviant("other-id", "root", "%q", u), "user 0, group 0")
		}
		return Good(2)
	})
}

func judgeOptionalUsers(s *System) (Finding, error) {
	return s.byAccounts(func(a *accounts) Finding {
		var wrong []event.Deviation
		there := 0
		for _, o := range OptionalUsers {
			u := a.users[o.User]
			if u == nil {
				continue
			}
			there++
			if group := a.names[u[3]]; group != o.Group {
				wrong = append(wrong, deviant("other-group", o.User, "in %q, not in %s", group, o.Group))
			}
		}
		return None("reading /etc/passwd", there, wrong, "the group suggested")
	})
}

func judgeDatabase(s *System) (Finding, error) {
	facts := 0
	for _, db := range []struct {
		name   string
		fields int
	}{{"/etc/passwd", 7}, {"/etc/group", 4}} {
		list, err := s.Entries(db.name, db.fields)
		if err != nil {
			return Bad("reading "+db.name, err.Error(), fmt.Sprintf("%d fields a line", db.fields)), nil
		}
		seen := map[string]bool{}
		for _, e := range list {
			facts++
			if e[0] == "" || seen[e[0]] {
				return Bad("reading "+db.name, fmt.Sprintf("name %.80q again", e[0]), "each name once"), nil
			}
			seen[e[0]] = true
			if _, err := strconv.ParseUint(e[2], 10, 32); err != nil {
				return Bad("reading "+db.name, fmt.Sprintf("ID %.80q of %.80s", e[2], e[0]), "a number"), nil
			}
		}
	}
	return Good(facts), nil
}

func judgeStaticRange(s *System) (Finding, error) {
	list, err := s.Entries("/etc/passwd", 7)
	if err != nil {
		return Bad("reading /etc/passwd", err.Error(), "the user database"), nil
	}
	static := map[string]bool{}
	for _, name := range RequiredUsers {
		static[name] = true
	}
	for _, o := range OptionalUsers {
		static[o.User] = o.User != "nobody" // the text gives it no range
	}
	var wrong []event.Deviation
	facts := 0
	for _, e := range list {
		if !static[e[0]] {
			continue
		}
		facts++
		if id, err := strconv.Atoi(e[2]); err != nil || id > 99 {
			wrong = append(wrong, deviant("other-id", e[0], "has %.20s", e[2]))
		}
	}
	return None("user IDs of the names of 23.2", facts, wrong, "0 to 99"), nil
}
