package inspection

import (
	"bufio"
	"fmt"
	"io"

	"strings"

	"xtest/runner/event"
	"xtest/suites/spec"
)

func packagingChecks() []Check {
	return []Check{
		{Meta: spec.Meta{
			ID: "packaging/installer", Clause: "LSB 5.0 Core 24.1 Introduction: packages in RPM's format can be installed, by rpm or by what converts them",
			Level: spec.Must, Sources: []string{"PKG-001"},
		}, judge: judgeInstaller},
		{Meta: spec.Meta{
			ID: "packaging/dependencies", Clause: "LSB 5.0 Core 24.6 Package Dependencies: packages can depend on lsb-core of 5.0",
			Level: spec.Must, Sources: []string{"PKG-001", "PKG-005"},
		}, judge: judgeProvided},
		{Meta: spec.Meta{
			ID: "packaging/payload", Clause: "LSB 5.0 Core 24.2.5 Payload: what unpacks it, cpio and gzip, is there",
			Level: spec.Must, Sources: []string{"PKG-006"},
		}, judge: judgePresent([]Utility{{"cpio", ""}, {"gzip", ""}})},
	}
}

func judgeInstaller(s *System) (Finding, error) {
	for _, name := range []string{"rpm", "alien"} {
		if at, err := s.Command(name); err == nil {
			f := Good(1)
			f.Answers = []event.Answer{{Call: "installer of RPM packages", Value: at}}
			return f, nil
		}
	}
	return faulty("looking rpm and alien up in "+strings.Join(SearchPath, ":"), missing("rpm or alien"), "one of them"), nil
}

// Package is an installed package.
type Package struct {
	Name, Version string
	provides      string
}

// maxStatus bounds what is read of dpkg's database, in bytes. That of a full desktop has 6 MB.
const maxStatus = 64 << 20

// Packages lists the installed packages of dpkg's database, deb-control(5). The error wraps
// fs.ErrNotExist where there is none.
func (s *System) Packages() ([]Package, error) {
	f, err := s.Open("/var/lib/dpkg/status")
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	in := bufio.NewScanner(io.NewSectionReader(f, 0, maxStatus))
	in.Buffer(nil, 1<<20)
	var all []Package
	var p Package
	installed := false
	flush := func() {
		if installed && p.Name != "" {
			all = append(all, p)
		}
		p, installed = Package{}, false
	}
	for in.Scan() {
		line := in.Text()
		key, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "":
			flush()
		case key == "Package":
			p.Name = value
		case key == "Version":
			p.Version = value
		case key == "Provides":
			p.provides = value
		case key == "Status":
			installed = strings.HasSuffix(value, " installed")
		}
	}
	flush()
	return all, in.Err()
}

func judgeProvided(s *System) (Finding, error) {
	all, err := s.Packages()
	if err != nil {
		if _, rpm := s.Stat("/var/lib/rpm"); rpm == nil {
			return Finding{Inapplicable: "the packages are in RPM's database, which needs rpm to be read"}, nil
		}
		return Finding{Inapplicable: fmt.Sprintf("there is no database of packages: %v", cause(err))}, nil
	}
	for _, p := range all {
		if p.Name == "lsb-core" || strings.Contains(p.provides, "lsb-core-") || strings.Contains(p.provides, "lsb-core (") {
			f := Good(len(all))
			f.Answers = []event.Answer{{Call: "provider of lsb-core", Value: p.Name + " " + p.Version}}
			return f, nil
		}
	}
	return faulty(fmt.Sprintf("reading what %d installed packages provide", len(all)), missing("lsb-core"), "a package that is or provides lsb-core of 5.0"), nil
}
