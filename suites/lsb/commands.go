package lsb

import (
	"context"
	"path"
	"strings"

	"xtest/suites/lsb/inspection"
	"xtest/suites/spec"
)

var _ = suite.Describe("commands", func() {
	inspect("commands")
	it(spec.Meta{
		ID:     "commands/built-ins",
		Clause: "LSB 5.0 Core 17.1 table Built In Utilities: sh provides all 15",
		Level:  spec.Must, Sources: []string{"CMD-002"},
	}, checkBuiltIns)
	it(spec.Meta{
		ID:     "commands/getconf-path",
		Clause: "LSB 5.0 Core 17.1 and POSIX.1-2008 getconf: the value of PATH finds all standard utilities that are installed",
		Level:  spec.Must, Sources: []string{"CMD-004"}, Needs: []spec.Probe{has("getconf")},
	}, checkConfiguredPath)
})

var builtIns = []string{
	"alias", "bg", "cd", "command", "fc", "fg", "getopts", "hash", "jobs", "read", "type", "ulimit", "umask", "unalias", "wait",
}

// checkBuiltIns asks the shell with a PATH that leads nowhere, so that a file of the name does not
// answer for it.
func checkBuiltIns(ctx context.Context, m *machine) (finding, error) {
	const script = `was=$PATH; PATH=/nonexistent
for c do command -v "$c" >/dev/null || missing="$missing $c"; done
PATH=$was; echo $missing`
	o, err := shell(ctx, m, command{argv: append([]string{"/bin/sh", "-c", script, "sh"}, builtIns...)})
	if err != nil {
		return finding{}, err
	}
	if o.status != 0 {
		return inspection.Bad("command -v of each built-in", o.String(), "status 0"), nil
	}
	return inspection.None("command -v of each built-in, with an empty path", len(builtIns), strings.Fields(o.stdout), "known to sh"), nil
}

// checkConfiguredPath holds the utilities of POSIX against the path that getconf gives; LSB's own,
// which may be for administrators, are left out.
func checkConfiguredPath(ctx context.Context, m *machine) (finding, error) {
	o, err := shell(ctx, m, command{argv: []string{"getconf", "PATH"}})
	if err != nil {
		return finding{}, err
	}
	if o.status != 0 {
		return inspection.Bad("getconf PATH", o.String(), "status 0"), nil
	}
	dirs := strings.Split(strings.TrimSuffix(o.stdout, "\n"), ":")
	var missing []string
	facts := 0
	for _, g := range inspection.Commands() {
		for _, u := range g.Commands {
			at, err := m.Command(u.Name)
			if err != nil || u.Path != "" && path.Dir(u.Path) != "/bin" || strings.Contains(at, "/sbin/") {
				continue
			}
			facts++
			if !m.inAny(dirs, u.Name) {
				missing = append(missing, u.Name)
			}
		}
	}
	return inspection.None("looking up in "+clip(o.stdout), facts, missing, "every utility that /bin or /usr/bin holds"), nil
}

func (m *machine) inAny(dirs []string, name string) bool {
	for _, d := range dirs {
		if path.IsAbs(d) && m.Executable(path.Join(d, name)) == nil {
			return true
		}
	}
	return false
}

// shell runs a command in a folder of its own.
func shell(ctx context.Context, m *machine, c command) (outcome, error) {
	dir, remove, err := private()
	if err != nil {
		return outcome{}, err
	}
	defer remove()
	c.dir = dir
	return m.run(ctx, c)
}
