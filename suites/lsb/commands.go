package lsb

import (
	"context"
	"fmt"
	"path"
	"strings"

	"xtest/suites/spec"
)

var _ = suite.Describe("commands", func() {
	for _, g := range commandGroups() {
		it(spec.Meta{
			ID: "commands/present-" + g.name,
			Clause: fmt.Sprintf("LSB 5.0 Core 17.1 table Commands And Utilities: the %d utilities of kind %s are there",
				len(g.commands), g.name),
			Level: spec.Must, Sources: []string{"CMD-001", "CMD-006"},
		}, checkPresent(g.commands))
	}
	for _, dir := range []string{"/bin", "/sbin", "/usr/sbin", "/usr/lib/lsb"} {
		bound := boundTo(dir)
		sources := []string{"CMD-003", "FHS-028"}
		switch dir {
		case "/sbin":
			sources = append(sources, "FHS-029")
		case "/usr/lib/lsb":
			sources = []string{"CMD-005"}
		}
		it(spec.Meta{
			ID: "commands/path" + strings.ReplaceAll(dir, "/", "-"),
			Clause: fmt.Sprintf("LSB 5.0 Core 17.1 and FHS 3.0 3.4.2, 3.16.2: %d utilities are found in %s under their exact path",
				len(bound), dir),
			Level: spec.Must, Sources: sources,
		}, checkPaths(bound))
	}
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

func boundTo(dir string) []utility {
	var bound []utility
	for _, g := range commandGroups() {
		for _, u := range g.commands {
			if u.path != "" && path.Dir(u.path) == dir {
				bound = append(bound, u)
			}
		}
	}
	return bound
}

// outOfPath are the utilities that are called by their full path only.
const outOfPath = "/usr/lib/lsb"

func checkPresent(commands []utility) check {
	return func(_ context.Context, m *machine) (finding, error) {
		var missing []string
		for _, u := range commands {
			_, err := m.find(u.name)
			if path.Dir(u.path) == outOfPath {
				err = m.executable(u.path)
			}
			if err != nil {
				missing = append(missing, u.name)
			}
		}
		return none("looking the utilities up in "+strings.Join(searchPath, ":"), len(commands), missing, "an executable file for each"), nil
	}
}

func checkPaths(bound []utility) check {
	return func(_ context.Context, m *machine) (finding, error) {
		var missing, elsewhere []string
		for _, u := range bound {
			if err := m.executable(u.path); err == nil {
				continue
			}
			missing = append(missing, u.path)
			if at, err := m.find(u.name); err == nil {
				elsewhere = append(elsewhere, at)
			}
		}
		f := none("stat() of each path", len(bound), missing, "an executable file")
		if len(elsewhere) > 0 {
			f.notes = append(f.notes, "found elsewhere: "+first(elsewhere, 8))
		}
		return f, nil
	}
}

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
		return bad("command -v of each built-in", o.String(), "status 0"), nil
	}
	return none("command -v of each built-in, with an empty path", len(builtIns), strings.Fields(o.stdout), "known to sh"), nil
}

// checkConfiguredPath holds the utilities of POSIX against the path that getconf gives; LSB's own,
// which may be for administrators, are left out.
func checkConfiguredPath(ctx context.Context, m *machine) (finding, error) {
	o, err := shell(ctx, m, command{argv: []string{"getconf", "PATH"}})
	if err != nil {
		return finding{}, err
	}
	if o.status != 0 {
		return bad("getconf PATH", o.String(), "status 0"), nil
	}
	dirs := strings.Split(strings.TrimSuffix(o.stdout, "\n"), ":")
	var missing []string
	facts := 0
	for _, g := range commandGroups() {
		for _, u := range g.commands {
			at, err := m.find(u.name)
			if err != nil || u.path != "" && path.Dir(u.path) != "/bin" || strings.Contains(at, "/sbin/") {
				continue
			}
			facts++
			if !m.inAny(dirs, u.name) {
				missing = append(missing, u.name)
			}
		}
	}
	return none("looking up in "+clip(o.stdout), facts, missing, "every utility that /bin or /usr/bin holds"), nil
}

func (m *machine) inAny(dirs []string, name string) bool {
	for _, d := range dirs {
		if path.IsAbs(d) && m.executable(path.Join(d, name)) == nil {
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
