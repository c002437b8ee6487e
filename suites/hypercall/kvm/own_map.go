package kvm

import (
	"fmt"

	"xtest/internal/kvm"
	"xtest/suites/spec"
)

var _ = suite.Describe("kvm", func() {
	const clause = hypercalls + " KVM_HC_MAP_GPA_RANGE: "
	mapped := func(what string, gpa, pages, attrs uint64, want string) fact {
		return fact{call: "KVM_HC_MAP_GPA_RANGE(" + what + ")", regs: call(kvm.MapGPARange, gpa, pages, attrs), want: is(want)}
	}
	exits := func(what string, gpa, pages, attrs uint64) fact {
		return mapped(what, gpa, pages, attrs, fmt.Sprintf("KVM_EXIT_HYPERCALL(%d: %#x, %#x, %#x, 64-bit)", kvm.MapGPARange, gpa, pages, attrs))
	}
	const page = 0x1000
	good := []fact{
		exits("one page", dataAt, 1, 0), exits("one page, encrypted", dataAt, 1, 1<<4), exits("all attributes", dataAt, 1, ^uint64(0)),
		exits("page 0", 0, 1, 0), exits("all memory", 0, kvm.GuestMemory/page, 1<<4), exits("where there is no memory", 0x7fff_0000_0000, 512, 0),
		exits("as many pages as there are numbers", 0, ^uint64(0), 0),
	}
	bad := []fact{
		mapped("no page", dataAt, 0, 0, einval), mapped("byte 1", dataAt+1, 1, 0, einval), mapped("byte 0xfff", dataAt+0xfff, 1, 0, einval),
		mapped("byte 8, no page", dataAt+8, 0, 0, einval), mapped("beyond the last page", dataAt, ^uint64(0), 0, einval),
		mapped("the last page and one more", ^uint64(0)&^uint64(page-1), ^uint64(0)-(1<<52)+2, 0, einval),
	}
	on := kvm.Config{ExitHypercalls: 1 << kvm.MapGPARange}
	declare(table{
		Meta: spec.Meta{ID: "kvm/map-gpa-range", Level: spec.Must, Needs: is1(exiting),
			Clause: clause + "with KVM_CAP_EXIT_HYPERCALL the user gets address, pages and attributes, and its answer is the guest's"},
		config: on, facts: good,
	})
	declare(table{
		Meta: spec.Meta{ID: "kvm/map-gpa-range-invalid", Level: spec.Must, Needs: is1(exiting),
			Clause: clause + "-KVM_EINVAL for an address that is no page's, no pages at all, and a range that wraps; the user is not asked"},
		config: on, facts: bad,
	})
	var off []fact
	for _, f := range append(good[:len(good):len(good)], bad...) {
		f.want = is(enosys)
		off = append(off, f)
	}
	declare(table{
		Meta: spec.Meta{ID: "kvm/map-gpa-range-off", Level: spec.Must,
			Clause: clause + "-KVM_ENOSYS where the user did not ask for it by KVM_CAP_EXIT_HYPERCALL"},
		facts: off,
	})
	enforced := on
	enforced.EnforcePV, enforced.PV = true, features(0)
	declare(table{
		Meta: spec.Meta{ID: "kvm/map-gpa-range-enforced", Level: spec.Should, Needs: []spec.Probe{exiting, enforcing},
			Clause: clause + "the feature bit is not looked at: the user asked for the call"},
		config: enforced, facts: good[:2],
	})
})
