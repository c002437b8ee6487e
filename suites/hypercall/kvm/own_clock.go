package kvm

import (
	"encoding/binary"
	"fmt"

	"xtest/internal/kvm"
	"xtest/suites/spec"
)

// clockSize is the size of struct kvm_clock_pairing, linux/kvm_para.h: s64 sec, s64 nsec, u64 tsc,
// u32 flags, u32 pad[9].
const clockSize = 64

const noTSC = "the guest's host must keep its time by the TSC: kvm_get_walltime_and_clockread, arch/x86/kvm/x86.c"

var _ = suite.Describe("kvm", func() {
	const clause = hypercalls + " KVM_HC_CLOCK_PAIRING: "
	pair := func(what string, gpa, clock uint64, why string, want ...string) fact {
		return fact{call: "KVM_HC_CLOCK_PAIRING(" + what + ")", regs: call(kvm.ClockPairing, gpa, clock), want: want, why: why}
	}
	const wallclock = 0 // KVM_CLOCK_PAIRING_WALLCLOCK
	declare(table{
		Meta: spec.Meta{ID: "kvm/clock-pairing", Level: spec.Must,
			Clause: clause + "a0 is where struct kvm_clock_pairing goes; -KVM_EOPNOTSUPP where the host's clock is not the TSC"},
		prepare: func(m []byte) { soil(m[dataAt : dataAt+2*clockSize]) },
		facts: []fact{
			pair("a good address", dataAt, wallclock, noTSC, "0", eopnotsupp),
			pair("an odd address", dataAt+0x1001, wallclock, noTSC, "0", eopnotsupp),
			pair("across two pages", dataAt+0x2000-clockSize/2, wallclock, noTSC, "0", eopnotsupp),
			pair("to the last byte of memory", kvm.GuestMemory-clockSize, wallclock, noTSC, "0", eopnotsupp),
		},
		after: func(r *run, g guest, said []string) {
			b := g.Memory()[dataAt : dataAt+2*clockSize]
			if said[0] != "0" {
				r.True("what a refused KVM_HC_CLOCK_PAIRING writes", soiled(b), "it wrote", "nothing")
				return
			}
			le := binary.LittleEndian
			sec, nsec := int64(le.Uint64(b)), le.Uint64(b[8:])
			r.True("kvm_clock_pairing.nsec", nsec < 1e9, fmt.Sprint(nsec), "less than 1000000000")
			r.True("kvm_clock_pairing.sec", sec >= 0 && sec < 1<<40, fmt.Sprint(sec), "a time since 1970")
			r.True("kvm_clock_pairing.tsc", le.Uint64(b[16:]) != 0, "0", "the TSC at that time")
			r.Equal("kvm_clock_pairing.flags", le.Uint32(b[24:]), uint32(0))
			r.True("what is behind the structure", soiled(b[clockSize:]), "it was written", "left as it was")
		},
	})
	declare(table{
		Meta: spec.Meta{ID: "kvm/clock-pairing-type", Level: spec.Must,
			Clause: clause + "a1 is the clock; any but KVM_CLOCK_PAIRING_WALLCLOCK is answered -KVM_EOPNOTSUPP"},
		prepare: func(m []byte) { soil(m[dataAt : dataAt+clockSize]) },
		facts: []fact{
			pair("a good address, clock 1", dataAt, 1, "", eopnotsupp), pair("a good address, clock 2", dataAt, 2, "", eopnotsupp),
			pair("a good address, clock 1<<32", dataAt, 1<<32, "", eopnotsupp), pair("a good address, clock ~0", dataAt, ^uint64(0), "", eopnotsupp),
			pair("no memory, clock 1", noMemory, 1, "", eopnotsupp),
		},
		after: func(r *run, g guest, _ []string) {
			r.True("what a refused KVM_HC_CLOCK_PAIRING writes", soiled(g.Memory()[dataAt:dataAt+clockSize]), "it wrote", "nothing")
		},
	})
	declare(table{
		Meta: spec.Meta{ID: "kvm/clock-pairing-bad-address", Level: spec.Must,
			Clause: clause + "-KVM_EFAULT where the structure cannot be written"},
		facts: []fact{
			pair("no memory", noMemory, wallclock, noTSC, efault, eopnotsupp),
			pair("behind the memory's end", kvm.GuestMemory, wallclock, noTSC, efault, eopnotsupp),
			pair("half behind the memory's end", kvm.GuestMemory-clockSize/2, wallclock, noTSC, efault, eopnotsupp),
			pair("~0", ^uint64(0), wallclock, noTSC, efault, eopnotsupp),
			pair("1<<63", 1<<63, wallclock, noTSC, efault, eopnotsupp),
		},
	})
})

const soiling = 0xa5

// soil fills memory, so that what is written shows; soiled says that nothing was.
func soil(b []byte) {
	for i := range b {
		b[i] = soiling
	}
}

func soiled(b []byte) bool {
	for _, c := range b {
		if c != soiling {
			return false
		}
	}
	return true
}
