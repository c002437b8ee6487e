package kvm

import (
	"fmt"
	"time"

	"xtest/internal/kvm"
	"xtest/suites/spec"
)

// How long calls take. The samples are for comparison; what is judged is that each call was answered.
var _ = suite.Describe("kvm-speed", func() {
	const samples = 20
	for _, v := range []struct {
		id, name string
		config   kvm.Config
		read     reader
		want     string
	}{
		{"null-long", "null hypercall, 64-bit", kvm.Config{}, own, "0"},
		{"null-compat", "null hypercall, 32-bit compatibility", kvm.Config{Mode: kvm.Compat}, own32, "0"},
		{"null-protected", "null hypercall, 32-bit protected", kvm.Config{Mode: kvm.Protected}, own32, "0"},
		{"null-user", "null hypercall, CPL 3", kvm.Config{CPL: 3}, own, eperm},
	} {
		it(spec.Meta{
			ID: "kvm-speed/" + v.id, Level: spec.Should, Limit: 20 * time.Second, Labels: []string{spec.Bench},
			Clause: fmt.Sprintf("%s KVM_HC_VAPIC_POLL_IRQ: %d calls in one KVM_RUN are each answered (%v code at CPL %d)", hypercalls, kvm.MaxBatch, v.config.Mode, v.config.CPL),
		}, func(r *run) {
			g := r.guest(v.config)
			r.measure(g, v.name, samples, kvm.MaxBatch, v.read, v.want)
		})
	}
	it(spec.Meta{
		ID: "kvm-speed/exit", Level: spec.Should, Limit: 20 * time.Second, Labels: []string{spec.Bench},
		Clause: "linux/kvm.h KVM_EXIT_IO: a guest that writes to a port has KVM_RUN return, and goes on with the next",
	}, func(r *run) {
		g := r.guest(kvm.Config{})
		for range samples {
			const rounds = 50
			start := time.Now()
			for range rounds {
				_, err := g.Batch(nil, patience)
				r.Success("KVM_RUN to an OUT", err)
			}
			r.Sample("KVM_RUN", float64(time.Since(start).Nanoseconds())/rounds, "ns/op")
		}
		r.measure(g, "KVM_RUN with a call", samples, 1, own, "0")
	})
	it(spec.Meta{
		ID: "kvm-speed/exit-hypercall", Level: spec.Should, Limit: 20 * time.Second, Labels: []string{spec.Bench}, Needs: is1(exiting),
		Clause: "linux/kvm.h KVM_EXIT_HYPERCALL: a call that is left to KVM's user has KVM_RUN return, and is answered when it goes on",
	}, func(r *run) {
		g := r.guest(kvm.Config{ExitHypercalls: 1 << kvm.MapGPARange})
		calls := make([]kvm.Regs, 100)
		for i := range calls {
			calls[i] = call(kvm.MapGPARange, dataAt, 1)
		}
		for range samples {
			start := time.Now()
			list, err := g.Batch(calls, patience)
			took := time.Since(start)
			r.Success("100 calls that exit", err)
			for _, o := range list {
				r.Equal("KVM_HC_MAP_GPA_RANGE: the user's answer", number(int64(o.Regs.RAX)), number(kvm.ExitAnswer))
			}
			r.Sample("hypercall left to the user", float64(took.Nanoseconds())/float64(len(calls)), "ns/op")
		}
		r.Answer("KVM_HC_MAP_GPA_RANGE, 100 in a batch", number(kvm.ExitAnswer))
	})
})

// measure makes null calls, n in a KVM_RUN, and samples how long each took.
func (r *run) measure(g guest, name string, samples, n int, read reader, want string) {
	calls := make([]kvm.Regs, n)
	for i := range calls {
		calls[i] = call(kvm.VAPICPollIRQ)
	}
	for range samples {
		start := time.Now()
		list, err := g.Batch(calls, patience)
		took := time.Since(start)
		r.Success(fmt.Sprintf("%d calls", n), err)
		for _, o := range list {
			r.Equal("KVM_HC_VAPIC_POLL_IRQ", read(o), want)
		}
		r.Sample(name, float64(took.Nanoseconds())/float64(n), "ns/op")
	}
	r.Answer(fmt.Sprintf("KVM_HC_VAPIC_POLL_IRQ, %d in a KVM_RUN", n), want)
}
