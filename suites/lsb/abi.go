package lsb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/internal/elfmaker"
	"xtest/internal/linkage"
	"xtest/suites/lsb/inspection"
	"xtest/suites/spec"
)

// trialProgram is a program that is made, run, and judged by what its steps gave.
type trialProgram struct {
	id, clause string
	sources    []string
	// lsb names the interpreter of the LSB instead of the one that the machine's own programs use.
	lsb       bool
	libraries []elfmaker.Object
	needed    []string // beside libc.so.6
	runPath   string
	// pie and protected choose the program's form.
	pie, protected bool

	env   []string // name=value
	steps []claim
	// of gives the steps that what the machine has asks for; none make the clause inapplicable.
	of func(m *machine) []claim
	// prints is what functions of the libraries write before and behind what the steps gave.
	prints, printsLast string
	// dies says that the dynamic linker must refuse the program with a message that holds this.
	dies string
}

// claim is a step and what must come of it.
type claim struct {
	text string // as a C programmer would write it
	step elfmaker.Step
	want string
	good func(elfmaker.Outcome) bool
}

// gives asks for a value, of the size of C's int.
func gives(text string, step elfmaker.Step, value int32) claim {
	return claim{text, step, fmt.Sprint(value), func(o elfmaker.Outcome) bool { return int32(o.Value) == value }}
}

// is asks for a value of 64 bits.
func is(text string, step elfmaker.Step, value int64) claim {
	return claim{text, step, fmt.Sprint(value), func(o elfmaker.Outcome) bool { return o.Value == value }}
}

// positive asks for a value above 0, or an address.
func positive(text string, step elfmaker.Step) claim {
	return claim{text, step, "above 0", func(o elfmaker.Outcome) bool { return o.Value > 0 }}
}

// fails asks for -1, or for another value, and an error.
func fails(text string, step elfmaker.Step, value int32, errno unix.Errno) claim {
	return claim{text, step, fmt.Sprintf("%d, %s", value, spec.ErrnoName(errno)), func(o elfmaker.Outcome) bool {
		return int32(o.Value) == value && unix.Errno(o.Errno) == errno
	}}
}

var _ = suite.Describe("abi", func() {
	for _, p := range trialPrograms() {
		it(spec.Meta{
			ID: "abi/" + p.id, Clause: p.clause, Level: spec.Must, Sources: p.sources, Needs: p.probes(),
		}, p.judge)
	}
})

// amd64 probes for a userland of the one architecture that programs are made for.
var amd64 = spec.Probe{Name: "x86-64 userland", Check: func() error {
	got, err := here.Native()
	if err == nil && got != linkage.AMD64 {
		err = fmt.Errorf("/bin/sh is for %s", got)
	}
	return err
}}

// nativeInterpreter probes for the dynamic linker of the machine's own programs.
var nativeInterpreter = spec.Probe{Name: "dynamically linked sh", Check: func() error {
	_, err := here.Interpreter("/bin/sh")
	return err
}}

func (p trialProgram) probes() []spec.Probe {
	probes := []spec.Probe{amd64, nativeInterpreter}
	if p.env != nil {
		probes = append(probes, has("env"))
	}
	return probes
}

// judge makes the program, runs it, and compares.
func (p trialProgram) judge(ctx context.Context, m *machine) (finding, error) {
	dir, remove, err := private()
	if err != nil {
		return finding{}, err
	}
	defer remove()
	if p.of != nil {
		if p.steps = p.of(m); len(p.steps) == 0 {
			return finding{Inapplicable: "there is no library that the clause speaks of"}, nil
		}
	}
	interp := inspection.Interpreters[linkage.AMD64]
	if !p.lsb {
		own, err := m.Interpreter("/bin/sh")
		if err != nil {
			return finding{}, err
		}
		interp = own.Name
	}
	program := elfmaker.Object{Interp: interp, Needed: append(p.needed, "libc.so.6"), RunPath: p.runPath, PIE: p.pie, Protected: p.protected}
	for _, c := range p.steps {
		program.Steps = append(program.Steps, c.step)
	}
	for _, l := range p.libraries {
		err = errors.Join(err, os.WriteFile(path.Join(dir, l.Soname), l.Bytes(), 0o755))
	}
	if err = errors.Join(err, os.WriteFile(path.Join(dir, "program"), program.Bytes(), 0o755)); err != nil {
		return finding{}, fmt.Errorf("making a program: %w", err)
	}
	c := command{argv: []string{"./program"}, dir: dir}
	if p.env != nil {
		c.argv = append(append([]string{"env"}, p.env...), "./program")
	}
	o, err := m.run(ctx, c)
	if err != nil {
		return finding{}, err
	}
	f := p.compare(interp, o)
	if _, err := m.Stat(interp); err != nil {
		f.Notes = append(f.Notes, "the interpreter is not there: "+err.Error())
	}
	return f, nil
}

func (p trialProgram) compare(interp string, o outcome) finding {
	call := "executing a program whose interpreter is " + interp
	switch {
	case p.dies != "":
		if o.status <= 0 || !strings.Contains(o.stderr, p.dies) {
			return inspection.Bad(call, o.String(), "a status above 0 and a message with "+p.dies)
		}
		return inspection.Good(2)
	case o.died != "" || o.status != 0:
		return inspection.Bad(call, o.String(), "it starts, and ends with status 0")
	case !strings.HasPrefix(o.stdout, p.prints) || !strings.HasSuffix(o.stdout, p.printsLast):
		return inspection.Bad(call, fmt.Sprintf("functions wrote %q", clip(o.stdout)), fmt.Sprintf("%q first and %q last", p.prints, p.printsLast))
	}
	body := strings.TrimSuffix(o.stdout, p.printsLast)
	got, before, err := elfmaker.Outcomes(body, len(p.steps))
	if err != nil || before != p.prints {
		return inspection.Bad(call, o.String(), fmt.Sprintf("%q, then what the steps gave", p.prints))
	}
	for i, c := range p.steps {
		if !c.good(got[i]) {
			text := fmt.Sprint(got[i].Value)
			if got[i].Errno != 0 {
				text = fmt.Sprintf("%d, %s", int32(got[i].Value), spec.ErrnoName(unix.Errno(got[i].Errno)))
			}
			return inspection.Bad(c.text, text, c.want)
		}
	}
	return inspection.Good(len(p.steps) + 1)
}
