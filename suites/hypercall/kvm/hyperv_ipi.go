package kvm

import (
	"encoding/binary"

	"xtest/internal/kvm"
	"xtest/suites/spec"
)

// Where inputs of the calls that send interrupts lie (TLFS HV_INPUT_SEND_SYNTHETIC_CLUSTER_IPI: vector,
// target, mask; and with a set of processors in the mask's place).
const (
	ipiOne, ipiLow    = dataAt, dataAt + 0x100
	ipiAll, ipiBank   = dataAt + 0x200, dataAt + 0x300
	ipiLowEx, ipiNone = dataAt + 0x400, dataAt + 0x500
)

func ipiInputs(m []byte) {
	put := func(at int, vector uint64, rest ...uint64) {
		for i, v := range append([]uint64{vector}, rest...) {
			binary.LittleEndian.PutUint64(m[at+8*i:], v)
		}
	}
	put(ipiOne, 0x40, 1)
	put(ipiLow, 0xf, 1)
	put(ipiAll, 0x40, kvm.HVGenericAll, 0)
	put(ipiBank, 0x40, 0, 1, 1)
	put(ipiLowEx, 0xf, kvm.HVGenericAll, 0)
	put(ipiNone, 0x40, 0, 0)
}

var _ = suite.Describe("kvm-hyperv", func() {
	const (
		send, sendEx = kvm.HVSendIPI, kvm.HVSendIPIEx
		fast, head   = kvm.HVFast, kvm.HVVarHeader
	)
	sending := func(id, clause string, config kvm.Config, facts ...fact) {
		declare(table{
			Meta:   spec.Meta{ID: "kvm-hyperv/" + id, Level: spec.Must, Needs: is1(hyperV), Clause: tlfs + clause},
			config: config, read: hv, prepare: ipiInputs, facts: facts,
		})
	}
	sending("send-ipi", "HvCallSendSyntheticClusterIpi: sends a vector from 0x10 to 0xff to the processors of a mask", hvGuest(),
		hfact("HvCallSendSyntheticClusterIpi, fast, vector 0x10", send|fast, 0x10, 1, hvOK),
		hfact("HvCallSendSyntheticClusterIpi, fast, vector 0xff", send|fast, 0xff, 1, hvOK),
		hfact("HvCallSendSyntheticClusterIpi, fast, to nobody", send|fast, 0x40, 0, hvOK),
		hfact("HvCallSendSyntheticClusterIpi, fast, to processors that are not there", send|fast, 0x40, ^uint64(1), hvOK),
		hfact("HvCallSendSyntheticClusterIpi, slow", send, ipiOne, 0, hvOK),
	)
	sending("send-ipi-invalid", "HvCallSendSyntheticClusterIpi: HV_STATUS_INVALID_HYPERCALL_INPUT for another vector and reserved bits; "+unreadable, hvGuest(),
		hfact("HvCallSendSyntheticClusterIpi, fast, vector 0", send|fast, 0, 1, hvInput),
		hfact("HvCallSendSyntheticClusterIpi, fast, vector 0xf", send|fast, 0xf, 1, hvInput),
		hfact("HvCallSendSyntheticClusterIpi, fast, vector 0x100", send|fast, 0x100, 1, hvInput),
		hfact("HvCallSendSyntheticClusterIpi, fast, vector 0xffffffff", send|fast, 0xffffffff, 1, hvInput),
		hfact("HvCallSendSyntheticClusterIpi, fast, bit 32 of the vector", send|fast, 1<<32|0x40, 1, hvInput),
		hfact("HvCallSendSyntheticClusterIpi, slow, vector 0xf", send, ipiLow, 0, hvInput),
		hfact("HvCallSendSyntheticClusterIpi, slow, no memory", send, noMemory, 0, hvInput, hvAlignment),
		hfact("HvCallSendSyntheticClusterIpi, slow, half behind the memory's end", send, kvm.GuestMemory-8, 0, hvInput, hvAlignment),
		hfact("HvCallSendSyntheticClusterIpi, rep count 1", send|fast|kvm.HVReps, 0x40, 1, hvInput),
		hfact("HvCallSendSyntheticClusterIpi, variable header", send|fast|head, 0x40, 1, hvInput, hvOK).because(noHeaderCheck),
	)
	sending("send-ipi-ex", "HvCallSendSyntheticClusterIpiEx: the processors are a set, whose banks are the variable header", hvGuest(),
		hfact("HvCallSendSyntheticClusterIpiEx, all", sendEx, ipiAll, 0, hvOK),
		hfact("HvCallSendSyntheticClusterIpiEx, the first", sendEx|head, ipiBank, 0, hvOK),
		hfact("HvCallSendSyntheticClusterIpiEx, nobody", sendEx, ipiNone, 0, hvOK),
		hfact("HvCallSendSyntheticClusterIpiEx, fast, all", sendEx|fast, 0x40, kvm.HVGenericAll, hvOK, hvInput).because(noXMM),
	)
	sending("send-ipi-ex-invalid", "HvCallSendSyntheticClusterIpiEx: HV_STATUS_INVALID_HYPERCALL_INPUT for another vector and banks that do not match; "+unreadable, hvGuest(),
		hfact("HvCallSendSyntheticClusterIpiEx, all, vector 0xf", sendEx, ipiLowEx, 0, hvInput),
		hfact("HvCallSendSyntheticClusterIpiEx, a bank that the header does not have", sendEx, ipiBank, 0, hvInput, hvOK).because(noCount),
		hfact("HvCallSendSyntheticClusterIpiEx, all, and a bank", sendEx|head, ipiAll, 0, hvInput, hvOK).because(noCount),
		hfact("HvCallSendSyntheticClusterIpiEx, no memory", sendEx, noMemory, 0, hvInput, hvAlignment),
		hfact("HvCallSendSyntheticClusterIpiEx, rep count 1", sendEx|kvm.HVReps, ipiAll, 0, hvInput),
	)
	none := hvGuest()
	none.IRQChip = false
	sending("send-ipi-no-apic", "HvCallSendSyntheticClusterIpi: where the local APIC is not KVM's it can send nothing, HV_STATUS_INVALID_HYPERCALL_INPUT", none,
		hfact("HvCallSendSyntheticClusterIpi, fast", send|fast, 0x40, 1, hvInput),
		hfact("HvCallSendSyntheticClusterIpi, slow", send, ipiOne, 0, hvInput),
		hfact("HvCallSendSyntheticClusterIpiEx, all", sendEx, ipiAll, 0, hvInput),
		hfact("HvCallSendSyntheticClusterIpiEx, the first", sendEx|head, ipiBank, 0, hvInput),
	)
})
