package kvm

import (
	"encoding/binary"

	"xtest/internal/kvm"
	"xtest/suites/spec"
)

// flushAll writes the input of the calls that flush (TLFS HV_INPUT_FLUSH_VIRTUAL_ADDRESS_SPACE: address
// space, flags, processor mask) for all processors, and behind it a list of addresses.
func flushAll(m []byte, at int) {
	le := binary.LittleEndian
	le.PutUint64(m[at+8:], kvm.HVFlushAllCPU)
	le.PutUint64(m[at+16:], 1)
	for i := range 8 {
		le.PutUint64(m[at+24+8*i:], dataAt+uint64(i)<<12)
	}
}

// Where inputs of the extended calls lie, each of which has a set of processors (TLFS HV_VP_SET: format,
// mask of the banks that are there, banks).
const (
	exAll    = dataAt + 0x1000 // all processors
	exBank   = dataAt + 0x2000 // the first bank, with the first processor
	exNobody = dataAt + 0x3000 // no bank
	exOther  = dataAt + 0x4000 // the bank of processors 64 to 127
)

const (
	noXMM      = "Linux before 5.14 takes no parameters of flushes in registers (5974565bc26d), and before 5.18 none of HvCallSendSyntheticClusterIpiEx (47d3e5cdfe60)"
	noCount    = "Linux before 5.18 does not compare the variable header's size with the set of processors (bd1ba5732bb9)"
	unreadable = "an input that cannot be read is refused: as invalid input by KVM, as HV_STATUS_INVALID_ALIGNMENT by Hyper-V where it is beyond the guest's addresses"
	noGentle   = "Linux before 6.2 flushes all and does not read the list (260970862c88)"
)

// inside marks a fact about repetitions that begin inside their number: Hyper-V takes them when it goes on
// with a call, and what it says to a call that begins so is not promised.
func inside(f fact) fact {
	f.open = true
	return f
}

// flushSets writes them, each as HvCallFlushVirtualAddressSpaceEx has them: address space, flags, set.
func flushSets(m []byte) {
	flushAll(m, dataAt)
	set := func(at int, format, mask uint64, rest ...uint64) {
		for i, v := range append([]uint64{0, 0, format, mask}, rest...) {
			binary.LittleEndian.PutUint64(m[at+8*i:], v)
		}
	}
	set(exAll, kvm.HVGenericAll, 0, dataAt, dataAt)
	set(exBank, 0, 1, 1, dataAt, dataAt)
	set(exNobody, 0, 0, dataAt, dataAt)
	set(exOther, 0, 2, ^uint64(0), dataAt, dataAt)
	// One ends with the memory, and its list is behind it.
	binary.LittleEndian.PutUint64(m[kvm.GuestMemory-0x10:], kvm.HVFlushAllCPU)
}

var _ = suite.Describe("kvm-hyperv", func() {
	declareFlush := func(id, clause string, facts ...fact) {
		declare(table{
			Meta:   spec.Meta{ID: "kvm-hyperv/" + id, Level: spec.Must, Needs: is1(hyperV), Clause: tlfs + clause},
			config: hvGuest(), read: hv, prepare: flushSets, facts: facts,
		})
	}
	const (
		space, list     = kvm.HVFlushSpace, kvm.HVFlushList
		spaceEx, listEx = kvm.HVFlushSpaceEx, kvm.HVFlushListEx
		fast, one, head = kvm.HVFast, kvm.HVReps, kvm.HVVarHeader
	)
	declareFlush("flush-space", "HvCallFlushVirtualAddressSpace: input is address space, flags and processor mask",
		hfact("HvCallFlushVirtualAddressSpace, all processors", space, dataAt, 0, hvOK),
		hfact("HvCallFlushVirtualAddressSpace, an output address that is not used", space, dataAt, noMemory, hvOK),
		hfact("HvCallFlushVirtualAddressSpace, at the last bytes of memory", space, kvm.GuestMemory-0x18, 0, hvOK),
		hfact("HvCallFlushVirtualAddressSpace, fast, all processors", space|fast, 0, kvm.HVFlushAllCPU, hvOK, hvInput).because(noXMM),
		hfact("HvCallFlushVirtualAddressSpace, fast, processor mask 0", space|fast, 0, 0, hvOK, hvInput).because(noXMM),
	)
	declareFlush("flush-space-invalid", "common status codes: HV_STATUS_INVALID_HYPERCALL_INPUT for repetitions and a variable header of HvCallFlushVirtualAddressSpace; "+unreadable,
		hfact("HvCallFlushVirtualAddressSpace, no memory", space, noMemory, 0, hvInput, hvAlignment),
		hfact("HvCallFlushVirtualAddressSpace, behind the memory's end", space, kvm.GuestMemory, 0, hvInput, hvAlignment),
		hfact("HvCallFlushVirtualAddressSpace, half behind the memory's end", space, kvm.GuestMemory-8, 0, hvInput, hvAlignment),
		hfact("HvCallFlushVirtualAddressSpace, address ~7", space, ^uint64(7), 0, hvInput, hvAlignment),
		hfact("HvCallFlushVirtualAddressSpace, rep count 1", space|one, dataAt, 0, hvInput),
		hfact("HvCallFlushVirtualAddressSpace, rep start 1", space|kvm.HVFirst, dataAt, 0, hvInput),
		hfact("HvCallFlushVirtualAddressSpace, variable header", space|head, dataAt, 0, hvInput, hvOK).because(noHeaderCheck),
	)
	declareFlush("flush-list", "HvCallFlushVirtualAddressList: a rep call; the result says how many repetitions were done",
		hfact("HvCallFlushVirtualAddressList, 1", list|one, dataAt, 0, hvOK+", 1 done"),
		hfact("HvCallFlushVirtualAddressList, 8", list|8*one, dataAt, 0, hvOK+", 8 done"),
		hfact("HvCallFlushVirtualAddressList, 0xfff", list|0xfff*one, dataAt, 0, hvOK+", 4095 done"),
		hfact("HvCallFlushVirtualAddressList, fast, 1", list|fast|one, 0, kvm.HVFlushAllCPU, hvOK+", 1 done", hvInput).because(noXMM),
	)
	declareFlush("flush-list-invalid", "common status codes: HV_STATUS_INVALID_HYPERCALL_INPUT for no repetitions of HvCallFlushVirtualAddressList and a start that is not below their number; "+unreadable,
		hfact("HvCallFlushVirtualAddressList, 0", list, dataAt, 0, hvInput),
		inside(hfact("HvCallFlushVirtualAddressList, 2, from 1 on", list|2*one|kvm.HVFirst, dataAt, 0, hvInput)),
		hfact("HvCallFlushVirtualAddressList, 0, from 1 on", list|kvm.HVFirst, dataAt, 0, hvInput),
		hfact("HvCallFlushVirtualAddressList, 1, no memory", list|one, noMemory, 0, hvInput, hvAlignment),
		hfact("HvCallFlushVirtualAddressList, 1, variable header", list|one|head, dataAt, 0, hvInput, hvOK+", 1 done").because(noHeaderCheck),
		hfact("HvCallFlushVirtualAddressList, 1, the list behind the memory's end", list|one, kvm.GuestMemory-0x18, 0, hvInput, hvOK+", 1 done").because(noGentle),
	)
	declareFlush("flush-space-ex", "HvCallFlushVirtualAddressSpaceEx: the processors are a set, whose banks are the variable header",
		hfact("HvCallFlushVirtualAddressSpaceEx, all", spaceEx, exAll, 0, hvOK),
		hfact("HvCallFlushVirtualAddressSpaceEx, the first", spaceEx|head, exBank, 0, hvOK),
		hfact("HvCallFlushVirtualAddressSpaceEx, nobody", spaceEx, exNobody, 0, hvOK),
		hfact("HvCallFlushVirtualAddressSpaceEx, processors that are not there", spaceEx|head, exOther, 0, hvOK),
	)
	inXMM := func(f fact, format, mask, bank uint64) fact {
		f.regs.XMM[0], f.regs.XMM[1][0] = [2]uint64{format, mask}, bank
		return f.because(noXMM)
	}
	declareFlush("flush-ex-fast", "HvCallFlushVirtualAddressSpaceEx and ListEx: fast calls have the set of processors, and the list, in XMM0 to XMM5",
		inXMM(hfact("HvCallFlushVirtualAddressSpaceEx, fast, all", spaceEx|fast, 0, 0, hvOK, hvInput), kvm.HVGenericAll, 0, 0),
		inXMM(hfact("HvCallFlushVirtualAddressSpaceEx, fast, the first", spaceEx|fast|head, 0, 0, hvOK, hvInput), 0, 1, 1),
		inXMM(hfact("HvCallFlushVirtualAddressSpaceEx, fast, a bank that the header does not have", spaceEx|fast, 0, 0, hvInput), 0, 1, 1),
		inXMM(hfact("HvCallFlushVirtualAddressListEx, fast, all, 1", listEx|fast|one, 0, 0, hvOK+", 1 done", hvInput), kvm.HVGenericAll, 0, dataAt),
		inXMM(hfact("HvCallFlushVirtualAddressListEx, fast, all, 0", listEx|fast, 0, 0, hvInput), kvm.HVGenericAll, 0, dataAt),
	)
	declareFlush("flush-space-ex-invalid", "HvCallFlushVirtualAddressSpaceEx: the variable header's size is the number of banks; "+unreadable,
		hfact("HvCallFlushVirtualAddressSpaceEx, a bank that the header does not have", spaceEx, exBank, 0, hvInput, hvOK).because(noCount),
		hfact("HvCallFlushVirtualAddressSpaceEx, two banks that the set does not have", spaceEx|2*head, exBank, 0, hvInput, hvOK).because(noCount),
		hfact("HvCallFlushVirtualAddressSpaceEx, all, and a bank", spaceEx|head, exAll, 0, hvInput, hvOK).because(noCount),
		hfact("HvCallFlushVirtualAddressSpaceEx, no memory", spaceEx|head, noMemory, 0, hvInput, hvAlignment),
		hfact("HvCallFlushVirtualAddressSpaceEx, half behind the memory's end", spaceEx, kvm.GuestMemory-16, 0, hvInput, hvAlignment),
		hfact("HvCallFlushVirtualAddressSpaceEx, rep count 1", spaceEx|one, exAll, 0, hvInput),
	)
	declareFlush("flush-list-ex", "HvCallFlushVirtualAddressListEx: a rep call with a set of processors",
		hfact("HvCallFlushVirtualAddressListEx, all, 1", listEx|one, exAll, 0, hvOK+", 1 done"),
		hfact("HvCallFlushVirtualAddressListEx, the first, 2", listEx|head|2*one, exBank, 0, hvOK+", 2 done"),
		hfact("HvCallFlushVirtualAddressListEx, nobody, 1", listEx|one, exNobody, 0, hvOK+", 1 done"),
		hfact("HvCallFlushVirtualAddressListEx, all, 0", listEx, exAll, 0, hvInput),
		inside(hfact("HvCallFlushVirtualAddressListEx, all, 2 from 1 on", listEx|2*one|kvm.HVFirst, exAll, 0, hvInput)),
		hfact("HvCallFlushVirtualAddressListEx, no memory, 1", listEx|one, noMemory, 0, hvInput, hvAlignment),
		hfact("HvCallFlushVirtualAddressListEx, a bank that the header does not have", listEx|one, exBank, 0, hvInput, hvOK+", 1 done").because(noCount),
	)

	var odd []fact
	for _, c := range []struct {
		name    string
		control uint64
	}{{"HvCallFlushVirtualAddressSpace", space}, {"HvCallFlushVirtualAddressList, 1", list | one}, {"HvCallSendSyntheticClusterIpi", kvm.HVSendIPI}} {
		odd = append(odd, hfact(c.name+", at a byte that is no multiple of 8", c.control, dataAt+4, 0, hvAlignment))
	}
	declare(table{
		Meta: spec.Meta{ID: "kvm-hyperv/input-alignment", Level: spec.Should, Needs: is1(hyperV),
			Clause: tlfs + "common status codes: HV_STATUS_INVALID_ALIGNMENT when the input's address is not aligned to 8 bytes"},
		config: hvGuest(), read: hv, prepare: func(m []byte) { flushAll(m, dataAt+4) }, facts: odd,
	})
})
