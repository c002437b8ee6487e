package inspection

import (
	"fmt"
	"path"
	"strings"

	"xtest/runner/event"
	"xtest/suites/spec"
)

// SearchPath is where a conforming application looks for utilities.
var SearchPath = []string{"/bin", "/usr/bin", "/sbin", "/usr/sbin"}

// outOfPath are the utilities that are called by their full path only.
const outOfPath = "/usr/lib/lsb"

func commandChecks() []Check {
	var all []Check
	for _, g := range Commands() {
		all = append(all, Check{Meta: spec.Meta{
			ID: "commands/present-" + g.Name,
			Clause: fmt.Sprintf("LSB 5.0 Core 17.1 table Commands And Utilities: the %d utilities of kind %s are there",
				len(g.Commands), g.Name),
			Level: spec.Must, Sources: []string{"CMD-001", "CMD-006"},
		}, judge: judgePresent(g.Commands)})
	}
	for _, dir := range []string{"/bin", "/sbin", "/usr/sbin", outOfPath} {
		bound := boundTo(dir)
		sources := []string{"CMD-003", "FHS-028"}
		switch dir {
		case "/sbin":
			sources = append(sources, "FHS-029")
		case outOfPath:
			sources = []string{"CMD-005"}
		}
		all = append(all, Check{Meta: spec.Meta{
			ID: "commands/path" + strings.ReplaceAll(dir, "/", "-"),
			Clause: fmt.Sprintf("LSB 5.0 Core 17.1 and FHS 3.0 3.4.2, 3.16.2: %d utilities are found in %s under their exact path",
				len(bound), dir),
			Level: spec.Must, Sources: sources,
		}, judge: judgePaths(bound)})
	}
	for _, m := range modules {
		all = append(all, Check{Meta: spec.Meta{
			ID:     "commands/module-" + m.name,
			Clause: fmt.Sprintf("LSB 5.0 Common 3.2: who claims the module %s has its %d commands", m.name, len(m.commands)),
			Level:  spec.Must, Sources: []string{"CMD-010"},
		}, Needs: []Need{m.claimed()}, judge: judgePresent(m.commands)})
	}
	return all
}

func boundTo(dir string) []Utility {
	var bound []Utility
	for _, g := range Commands() {
		for _, u := range g.Commands {
			if u.Path != "" && path.Dir(u.Path) == dir {
				bound = append(bound, u)
			}
		}
	}
	return bound
}

// Command looks a utility up on the search path and gives the name it has there.
func (s *System) Command(name string) (string, error) {
	for _, dir := range SearchPath {
		if at := path.Join(dir, name); s.Executable(at) == nil {
			return at, nil
		}
	}
	return "", fmt.Errorf("no %s in %s", name, strings.Join(SearchPath, ":"))
}

// locate finds a utility as it is called.
func (s *System) locate(u Utility) (at string, err error) {
	if path.Dir(u.Path) == outOfPath {
		at, err = u.Path, s.Executable(u.Path)
	} else {
		at, err = s.Command(u.Name)
	}
	if err != nil {
		return "", err
	}
	return s.Resolve(at)
}

func judgePresent(commands []Utility) func(*System) (Finding, error) {
	return func(s *System) (Finding, error) {
		var wrong []event.Deviation
		var answers []event.Answer
		for _, u := range commands {
			at, err := s.locate(u)
			if err != nil {
				wrong = append(wrong, missing(u.Name))
				at = "missing"
			}
			answers = append(answers, event.Answer{Call: "command " + u.Name, Value: at})
		}
		f := None("looking the utilities up in "+strings.Join(SearchPath, ":"), len(commands), wrong, "an executable file for each")
		f.Answers = answers
		return f, nil
	}
}

func judgePaths(bound []Utility) func(*System) (Finding, error) {
	return func(s *System) (Finding, error) {
		var wrong []event.Deviation
		for _, u := range bound {
			if s.Executable(u.Path) == nil {
				continue
			}
			d := missing(u.Path)
			if at, err := s.Command(u.Name); err == nil {
				d = deviant("moved", u.Path, "is %s", at)
			}
			wrong = append(wrong, d)
		}
		return None("stat() of each path", len(bound), wrong, "an executable file"), nil
	}
}
