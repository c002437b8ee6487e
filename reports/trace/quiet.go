package trace

import (
	"slices"
	"strings"
)

// rare is up to which part of the calls from user space a change of process counts as a disturbance: in
// more it belongs to what is measured.
const rare = 0.2

// weights says how much each stack of calls counts: nothing where an interrupt came in between, or another
// process, and the others like it so much more.
func (t *Trace) weights() map[int]float64 {
	type stack struct {
		name                  string
		interrupted, switched bool
	}
	stacks := map[int]*stack{}
	for _, c := range t.Calls {
		s := stacks[c.root]
		if s == nil {
			s = &stack{}
			stacks[c.root] = s
		}
		if c.Depth == 0 {
			s.name = c.Function
		}
		s.interrupted = s.interrupted || begins(c.Function, interrupts)
		s.switched = s.switched || begins(c.Function, switches)
	}
	type kind struct{ all, switched, kept float64 }
	kinds := map[string]*kind{}
	of := func(s *stack) *kind {
		k := kinds[s.name]
		if k == nil {
			k = &kind{}
			kinds[s.name] = k
		}
		return k
	}
	for _, s := range stacks {
		of(s).all++
		if s.switched {
			of(s).switched++
		}
	}
	kept := func(s *stack) bool {
		k := of(s)
		return s.name != "" && !s.interrupted && (!s.switched || k.switched > rare*k.all)
	}
	for _, s := range stacks {
		if kept(s) {
			of(s).kept++
		}
	}
	weights := map[int]float64{}
	for root, s := range stacks {
		if kept(s) {
			weights[root] = of(s).all / of(s).kept
		}
	}
	return weights
}

func begins(function string, with []string) bool {
	return slices.ContainsFunc(with, func(prefix string) bool { return strings.HasPrefix(function, prefix) })
}

// interrupts are where the kernel takes one, on x86, and what it does at once for it.
var interrupts = []string{"sysvec_", "__sysvec_", "common_interrupt", "__common_interrupt", "smp_apic_timer_interrupt", "do_IRQ", "irq_enter_rcu", "irq_exit_rcu", "__do_softirq", "handle_softirqs"}

// switches give the processor to another process.
var switches = []string{"schedule", "preempt_schedule"}
