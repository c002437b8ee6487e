package lsb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"

	"xtest/suites/spec"
)

// step is one command and what must come of it.
type step struct {
	argv  []string
	stdin string
	// files are made in the working directory first: name to content, executable when the content
	// begins with "#!".
	files map[string]string
	// stdout is what must be printed, to the byte, unless like says otherwise.
	stdout string
	like   *regexp.Regexp // what stdout must match instead
	// status is the exit status; refused asks for any above 0 instead.
	status  int
	refused bool
	// makes are files that must have the content behind the command.
	makes map[string]string
}

// try runs steps one after the other in one private folder and judges each.
func try(steps ...step) check {
	return func(ctx context.Context, m *machine) (finding, error) {
		dir, remove, err := private()
		if err != nil {
			return finding{}, err
		}
		defer remove()
		for _, s := range steps {
			f, err := s.judge(ctx, m, dir)
			if err != nil || !f.holds() {
				return f, err
			}
		}
		return good(len(steps)), nil
	}
}

func (s step) judge(ctx context.Context, m *machine, dir string) (finding, error) {
	for name, content := range s.files {
		mode := os.FileMode(0o644)
		if len(content) > 1 && content[:2] == "#!" {
			mode = 0o755
		}
		at := path.Join(dir, name)
		err := errors.Join(os.MkdirAll(path.Dir(at), 0o755), os.WriteFile(at, []byte(content), mode))
		if err != nil {
			return finding{}, fmt.Errorf("making a file: %w", err)
		}
	}
	c := command{argv: s.argv, stdin: s.stdin, dir: dir}
	o, err := m.run(ctx, c)
	if err != nil {
		return finding{}, err
	}
	call := clip(c.String())
	if s.stdin != "" {
		call += fmt.Sprintf(" with %q on stdin", clip(s.stdin))
	}
	if !s.accepts(o) {
		return bad(call, o.String(), s.expected()), nil
	}
	for name, want := range s.makes {
		got, err := os.ReadFile(path.Join(dir, name))
		if err != nil {
			return bad(call, err.Error(), "a file "+name), nil
		}
		if string(got) != want {
			return bad(call, fmt.Sprintf("%s holds %q", name, clip(string(got))), fmt.Sprintf("%q", want)), nil
		}
	}
	return good(1), nil
}

func (s step) accepts(o outcome) bool {
	if o.died != "" || (s.refused && o.status == 0) || (!s.refused && o.status != s.status) {
		return false
	}
	if s.like != nil {
		return s.like.MatchString(o.stdout)
	}
	return o.stdout == s.stdout
}

func (s step) expected() string {
	status := fmt.Sprintf("status %d", s.status)
	if s.refused {
		status = "a status above 0"
	}
	if s.like != nil {
		return fmt.Sprintf("%s, stdout like %s", status, s.like)
	}
	return fmt.Sprintf("%s, stdout %q", status, s.stdout)
}

// behaviour is a spec on what one utility does.
type behaviour struct {
	id, clause string
	level      spec.Level // MUST when empty
	sources    []string
	needs      []string // utilities, beside those that the steps start
	probes     []spec.Probe
	steps      []step
}

// behave declares the behaviours as specs of a group. Each needs the utilities it runs.
func behave(group string, list []behaviour) {
	for _, b := range list {
		names := slices.Clone(b.needs)
		for _, s := range b.steps {
			if name := s.argv[0]; name[0] != '/' && name[0] != '.' && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		needs := slices.Clone(b.probes)
		for _, name := range names {
			needs = append(needs, has(name))
		}
		level := b.level
		if level == "" {
			level = spec.Must
		}
		it(spec.Meta{ID: group + "/" + b.id, Clause: b.clause, Level: level, Sources: b.sources, Needs: needs}, try(b.steps...))
	}
}

// sh is a step that runs a script in the machine's shell.
func sh(script, stdout string, args ...string) step {
	return step{argv: append([]string{"/bin/sh", "-c", script}, args...), stdout: stdout}
}
