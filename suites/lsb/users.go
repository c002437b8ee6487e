package lsb

import (
	"context"
	"fmt"
	"strings"

	"xtest/runner/event"
	"xtest/suites/lsb/inspection"
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
		do("id -u root").out("0\n"),
		do("id -g root").out("0\n"),
	))
	it(spec.Meta{
		ID: "users/optional", Clause: "LSB 5.0 Core 23.2 table Optional User & Group Names: those that are there are in the group suggested",
		Level: spec.Should, Sources: []string{"USR-004", "USR-005", "USR-006"}, Needs: []spec.Probe{has("id")},
	}, checkOptionalUsers)
	inspect("users")
	it(spec.Meta{
		ID: "users/lookup", Clause: "LSB 5.0 Core 23.1: the database's functions find the users of /etc/passwd under their IDs",
		Level: spec.Must, Sources: []string{"USR-008"}, Needs: []spec.Probe{has("id")},
	}, checkLookup)
})

// checkRequiredUsers asks id(1), which reads whatever databases the machine is set up for.
func checkRequiredUsers(ctx context.Context, m *machine) (finding, error) {
	var wrong []string
	for _, name := range inspection.RequiredUsers {
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
	return inspection.None("id -gn of each user", len(inspection.RequiredUsers), wrong, "the user's own name"), nil
}

// checkRequiredGroups reads the file, and has find(1) look up what is not there, since groups may come
// from another database: POSIX makes it refuse a name that it does not know.
func checkRequiredGroups(ctx context.Context, m *machine) (finding, error) {
	groups, err := m.Entries("/etc/group", 4)
	if err != nil {
		return inspection.Bad("reading /etc/group", err.Error(), "the group database"), nil
	}
	known := map[string]bool{}
	for _, g := range groups {
		known[g[0]] = true
	}
	var wrong []string
	for _, name := range inspection.RequiredUsers {
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
	return inspection.None("the group database", len(inspection.RequiredUsers), wrong, "groups root, bin and daemon"), nil
}

func checkOptionalUsers(ctx context.Context, m *machine) (finding, error) {
	var wrong []event.Deviation
	there := 0
	for _, o := range inspection.OptionalUsers {
		got, err := shell(ctx, m, command{argv: []string{"id", "-gn", o.User}})
		if err != nil {
			return finding{}, err
		}
		if got.status != 0 {
			continue
		}
		there++
		if group := strings.TrimSuffix(got.stdout, "\n"); group != o.Group {
			wrong = append(wrong, event.Deviation{Kind: "other-group", Item: o.User, Detail: fmt.Sprintf("in %q, not in %s", clip(group), o.Group)})
		}
	}
	return inspection.None("id -gn of each optional user", there, wrong, "the group suggested"), nil
}

// checkLookup compares a handful of entries, spread over the file.
func checkLookup(ctx context.Context, m *machine) (finding, error) {
	const most = 5
	list, err := m.Entries("/etc/passwd", 7)
	if err != nil {
		return inspection.Bad("reading /etc/passwd", err.Error(), "the user database"), nil
	}
	facts := 0
	for i := 0; i < len(list); i += len(list)/most + 1 {
		e := list[i]
		o, err := shell(ctx, m, command{argv: []string{"id", "-u", "--", e[0]}})
		if err != nil {
			return finding{}, err
		}
		if o.stdout != e[2]+"\n" {
			return inspection.Bad("id -u "+e[0], o.String(), e[2]+", as /etc/passwd says"), nil
		}
		facts++
	}
	return inspection.Good(facts), nil
}
