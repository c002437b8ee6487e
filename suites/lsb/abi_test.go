package lsb

import (
	"testing"

	em "xtest/internal/elfmaker"
)

// Each program is made, and fails when a step gives something else.
func TestTrialProgramsCanFail(t *testing.T) {
	if err := nativeInterpreter.Check(); err != nil {
		t.Skipf("no dynamic linker here: %v", err)
	}
	f := fixture{t, newMachine("/")}
	for _, p := range trialPrograms() {
		if p.lsb {
			p.lsb = false // the linker of the LSB is judged, not needed
		}
		if p.of != nil {
			if p.steps = p.of(f.machine); len(p.steps) == 0 {
				f.skips(p.judge)
				continue
			}
			p.of, p.steps = nil, p.steps[:min(len(p.steps), 4)]
		}
		f.passes(p.judge)
		switch {
		case p.dies != "":
			p.dies = "no such message"
			f.fails(p.judge, "status")
		case p.prints != "":
			p.prints = "q" + p.prints
			f.fails(p.judge, "executing")
		default:
			for i := range p.steps {
				spoilt := p
				spoilt.steps = append([]claim(nil), p.steps...)
				spoilt.steps[i].step = libc("atol", em.Text("-77"))
				f.fails(spoilt.judge) // or what builds on the step dies
			}
		}
	}
	missing := trialPrograms()[1]
	missing.steps = []claim{gives("xtest_none()", em.Call(em.Symbol{Name: "xtest_none"}), 0)}
	f.fails(missing.judge, "xtest_none")
}
