package lsb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"xtest/suites/lsb/inspection"
	"xtest/suites/spec"
)

// step is one command and what must come of it. It is written from left to right:
//
//	do("cut -d: -f", "1,3").in("a:b:c\n").out("a:c\n")
type step struct {
	command
	// files are made in the working directory first: name to content, executable when the content
	// begins with "#!".
	files map[string]string
	// stdout is what must be printed, to the byte, unless pattern says otherwise.
	stdout  string
	matched bool   // stdout must match pattern instead
	pattern string // a regular expression, compiled when it is needed: specs are listed far more often
	// status is the exit status; above asks for one above it instead.
	status int
	above  bool
	// makes are files that must have the content behind the command.
	makes map[string]string
	// least is how long the command must take.
	least time.Duration
}

// do is a step that runs a utility: the words of the first argument, and then the others as they are.
func do(words string, args ...string) step {
	return step{command: command{argv: append(strings.Fields(words), args...)}}
}

// sh is a step that runs a script in the machine's shell, which must exit with status 0.
func sh(script, stdout string, args ...string) step {
	return step{command: command{argv: append([]string{"/bin/sh", "-c", script}, args...)}, stdout: stdout}
}

func (s step) in(stdin string) step       { s.stdin = stdin; return s }
func (s step) out(stdout string) step     { s.stdout = stdout; return s }
func (s step) exits(status int) step      { s.status = status; return s }
func (s step) refused() step              { s.above = true; return s }
func (s step) errs() step                 { s.above, s.status = true, 1; return s }
func (s step) lasts(d time.Duration) step { s.least = d; return s }
func (s step) asNobody() step             { s.nobody = true; return s }
func (s step) typed(t string) step        { s.terminal, s.stdin = true, t; return s }
func (s step) like(re string) step        { s.matched, s.pattern = true, re; return s }

// anyOutput accepts whatever is printed: the text does not lay it down.
func (s step) anyOutput() step { return s.like("") }

// with adds files to be made before the command runs: name, content, name, content.
func (s step) with(files ...string) step { s.files = paired(s.files, files); return s }

// leaves adds files that must have the content behind the command.
func (s step) leaves(files ...string) step { s.makes = paired(s.makes, files); return s }

func paired(m map[string]string, list []string) map[string]string {
	all := map[string]string{}
	for name, content := range m {
		all[name] = content
	}
	for p := range slices.Chunk(list, 2) {
		all[p[0]] = p[1]
	}
	return all
}

// try runs steps one after the other in one private folder and judges each.
func try(steps ...step) check {
	return func(ctx context.Context, m *machine) (finding, error) {
		dir, remove, err := private()
		if err != nil {
			return finding{}, err
		}
		defer remove()
		if slices.ContainsFunc(steps, func(s step) bool { return s.nobody }) {
			if err := os.Chown(dir, nobodyID, nobodyID); err != nil {
				return finding{}, fmt.Errorf("giving a folder to nobody: %w", err)
			}
		}
		for _, s := range steps {
			f, err := s.judge(ctx, m, dir)
			if err != nil || !f.Holds() {
				return f, err
			}
		}
		return inspection.Good(len(steps)), nil
	}
}

func (s step) judge(ctx context.Context, m *machine, dir string) (finding, error) {
	for name, content := range s.files {
		mode := os.FileMode(0o644)
		if strings.HasPrefix(content, "#!") {
			mode = 0o755
		}
		at := path.Join(dir, name)
		err := errors.Join(os.MkdirAll(path.Dir(at), 0o755), os.WriteFile(at, []byte(content), mode))
		if err != nil {
			return finding{}, fmt.Errorf("making a file: %w", err)
		}
	}
	s.dir = dir
	began := time.Now()
	o, err := m.run(ctx, s.command)
	if err != nil {
		return finding{}, err
	}
	took := time.Since(began)
	call := clip(s.String())
	if s.nobody {
		call += " as nobody"
	}
	if s.stdin != "" {
		call += fmt.Sprintf(" with %q on stdin", clip(s.stdin))
	}
	if !s.accepts(o) {
		return inspection.Bad(call, o.String(), s.expected()), nil
	}
	if took < s.least {
		return inspection.Bad(call, "an end after "+took.String(), "at least "+s.least.String()), nil
	}
	for name, want := range s.makes {
		got, err := os.ReadFile(path.Join(dir, name))
		if err != nil {
			return inspection.Bad(call, err.Error(), "a file "+name), nil
		}
		if string(got) != want {
			return inspection.Bad(call, fmt.Sprintf("%s holds %q", name, clip(string(got))), fmt.Sprintf("%q", want)), nil
		}
	}
	return inspection.Good(1), nil
}

func (s step) accepts(o outcome) bool {
	if o.died != "" || (s.above && o.status <= s.status) || (!s.above && o.status != s.status) {
		return false
	}
	if s.matched {
		return regexp.MustCompile(s.pattern).MatchString(o.stdout)
	}
	return o.stdout == s.stdout
}

func (s step) expected() string {
	status := fmt.Sprintf("status %d", s.status)
	if s.above {
		status = fmt.Sprintf("a status above %d", s.status)
	}
	if s.matched {
		return fmt.Sprintf("%s, stdout like %s", status, s.pattern)
	}
	return fmt.Sprintf("%s, stdout %q", status, s.stdout)
}

// behaviour is a spec on what a utility does.
type behaviour struct {
	id, clause string
	of         string     // the utility of the LSB it is about; the ID when empty
	level      spec.Level // MUST when empty
	grade      spec.Grade
	sources    []string
	needs      []string // utilities, beside the one it is about and those that the steps start
	probes     []spec.Probe
	steps      []step
}

// about names the utility that the behaviour is about.
func (b behaviour) about() string {
	if b.of != "" {
		return b.of
	}
	return b.id
}

// probed lists what must be there for the behaviour to be judged. A utility that is missing is a
// failure of its presence, in commands/; how it behaves is then not applicable, and no second failure.
func (b behaviour) probed() []spec.Probe {
	probes := slices.Clone(b.probes)
	names := slices.Clone(b.needs)
	if slices.Contains(builtIns, b.about()) {
		probes = append(probes, hasBuiltIn(b.about()))
	} else if at, core := place(b.about()); core {
		names = append(names, at)
	}
	root, terminal := false, false
	for _, s := range b.steps {
		if name := s.argv[0]; name[0] != '.' && name != "/bin/sh" {
			names = append(names, name)
		}
		root, terminal = root || s.nobody, terminal || s.terminal
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		probes = append(probes, has(name))
	}
	if root {
		probes = append(probes, spec.Root)
	}
	if terminal {
		probes = append(probes, terminals)
	}
	return probes
}

// place tells how a utility of LSB Core is called: by its name, or by its path where that is not on
// the search path.
func place(name string) (call string, core bool) {
	for _, g := range inspection.Commands() {
		for _, u := range g.Commands {
			if u.Name != name {
				continue
			}
			if u.Path != "" && !slices.Contains(inspection.SearchPath, path.Dir(u.Path)) {
				return u.Path, true
			}
			return name, true
		}
	}
	return name, false
}

// behave declares the behaviours as specs of a group.
func behave(group string, list []behaviour) {
	for _, b := range list {
		level := b.level
		if level == "" {
			level = spec.Must
		}
		it(spec.Meta{
			ID: group + "/" + b.id, Clause: b.clause, Level: level, Grade: b.grade, Sources: b.sources, Needs: b.probed(),
		}, try(b.steps...))
	}
}
