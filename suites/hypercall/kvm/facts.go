package kvm

import (
	"slices"
	"strings"

	"xtest/internal/kvm"
	"xtest/suites/spec"
)

// fact is a call and what it may be answered.
type fact struct {
	call string // as a person writes it
	regs kvm.Regs
	want []string // as the table's reader writes answers
	// open says that the interface does not promise the answer: one that is not in want is new, and no
	// failure.
	open bool
	// why says what an answer depends on that is not the first of want, with its source.
	why string
}

// table is a spec: facts that one guest finds out in one batch.
type table struct {
	spec.Meta
	config kvm.Config
	read   reader // nil: own
	// prepare puts into the guest's memory what the calls point at; it may be nil.
	prepare func(memory []byte)
	facts   []fact
	// after judges what the calls wrote; it may be nil.
	after func(r *run, g guest, said []string)
}

func declare(t table) {
	if t.read == nil {
		t.read = own
	}
	it(t.Meta, func(r *run) {
		g := r.guest(t.config)
		if t.prepare != nil {
			t.prepare(g.Memory())
		}
		said := r.ask(g, t.facts, t.read)
		r.judge(t.facts, said)
		if t.after != nil {
			t.after(r, g, said)
		}
	})
}

// ask makes the calls, records what each was answered, and gives it.
func (r *run) ask(g guest, facts []fact, read reader) []string {
	calls := make([]kvm.Regs, len(facts))
	for i, f := range facts {
		calls[i] = f.regs
	}
	list, err := g.Batch(calls, patience)
	said := make([]string, len(facts))
	for i, o := range list {
		if !o.Done {
			break
		}
		said[i] = read(o)
		r.Answer(facts[i].call, said[i])
	}
	if err != nil {
		i := max(slices.Index(said, ""), 0)
		r.True(facts[i].call, false, err.Error(), strings.Join(facts[i].want, " or "))
	}
	return said
}

// judge compares answers with the facts.
func (r *run) judge(facts []fact, said []string) {
	for i, f := range facts {
		known := slices.Contains(f.want, said[i])
		if f.why != "" && (!known || said[i] != f.want[0]) {
			r.Note("%s: %s: %s", f.call, said[i], f.why)
		}
		if f.open && !known {
			r.New(f.call, said[i], strings.Join(f.want, " or "))
			continue
		}
		r.True(f.call, known, said[i], strings.Join(f.want, " or "))
	}
}

// call are the registers of one of KVM's own calls, with a pattern in all that are no argument.
func call(nr uint64, args ...uint64) kvm.Regs {
	r := pattern()
	r.RAX = nr
	for i, p := range []*uint64{&r.RBX, &r.RCX, &r.RDX, &r.RSI} {
		if *p = 0; i < len(args) {
			*p = args[i]
		}
	}
	return r
}

// pattern has another value in each register.
func pattern() kvm.Regs {
	const p = 0x0101_0101_1010_1010
	return kvm.Regs{
		RBX: p * 2, RCX: p * 3, RDX: p * 4, RSI: p * 5, RDI: p * 6, R8: p * 7, R9: p * 8, R10: p * 9, R11: p * 10,
		R12: p * 11, R13: p * 12, R14: p * 13, R15: p * 14,
	}
}

func is(answers ...string) []string { return answers }

const (
	enosys     = "-KVM_ENOSYS"
	einval     = "-KVM_EINVAL"
	efault     = "-KVM_EFAULT"
	eperm      = "-KVM_EPERM"
	eopnotsupp = "-KVM_EOPNOTSUPP"
)
