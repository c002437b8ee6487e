package kvm

import (
	"encoding/binary"
	"fmt"

	"xtest/internal/kvm"
	"xtest/suites/spec"
)

// syndbg is a guest that may send its debug data by hypercalls.
func syndbg() *kvm.HyperV {
	const useHypercalls = 1 << 2 // HV_X64_SYNDBG_OPTION_USE_HCALLS
	return &kvm.HyperV{GuestOSID: 1, MSRs: []kvm.MSR{{Index: kvm.MSRHVSyndbgOptions, Value: useHypercalls}}}
}

// switchedOn is a guest whose synthetic interrupt controller is on, without which there is nobody to
// send messages to.
func switchedOn() kvm.Config {
	c := hvGuest()
	c.HyperV.SynIC = true
	c.HyperV.MSRs = []kvm.MSR{{Index: kvm.MSRHVSControl, Value: 1}}
	return c
}

var _ = suite.Describe("kvm-hyperv", func() {
	const (
		post, signal = kvm.HVPostMessage, kvm.HVSignalEvent
		fast, one    = kvm.HVFast, kvm.HVReps
		flagNumber   = 1 << 32 // of a connection ID, bits 47:32
	)
	connections := func(m []byte) {
		le := binary.LittleEndian
		le.PutUint64(m[dataAt:], 7)
		le.PutUint64(m[dataAt+8:], 1<<24)
		le.PutUint64(m[dataAt+16:], 7|flagNumber)
	}
	messages := func(id, clause string, needs spec.Probe, config kvm.Config, facts ...fact) {
		declare(table{
			Meta:   spec.Meta{ID: "kvm-hyperv/" + id, Level: spec.Must, Needs: is1(needs), Clause: tlfs + clause},
			config: config, read: hv, prepare: connections, facts: facts,
		})
	}
	invalid := []fact{
		hfact("HvCallSignalEvent, fast, bit 24 of the connection ID", signal|fast, 1<<24, 0, hvInput),
		hfact("HvCallSignalEvent, fast, bit 63 of the connection ID", signal|fast, 1<<63, 0, hvInput),
		hfact("HvCallSignalEvent, slow, bit 24 of the connection ID", signal, dataAt+8, 0, hvInput),
		hfact("HvCallSignalEvent, rep count 1", signal|fast|one, 7, 0, hvInput),
		hfact("HvCallPostMessage, rep count 1", post|one, dataAt, 0, hvInput),
		hfact("HvCallSignalEvent, at byte 4", signal, dataAt+4, 0, hvAlignment),
		hfact("HvCallSignalEvent, at byte 1", signal, dataAt+1, 0, hvAlignment),
		hfact("HvCallSignalEvent, across two pages", signal, dataAt+0xffc, 0, hvAlignment),
		hfact("HvCallSignalEvent, no memory", signal, noMemory, 0, hvAlignment, hvInput).because("the TLFS has it for addresses beyond the guest's; an address inside with nothing there is open"),
	}
	messages("events-without-synic", "Inter-Partition Communication: without a synthetic interrupt controller there is nobody to send to, HV_STATUS_INVALID_HYPERCALL_INPUT", hyperV, hvGuest(),
		append([]fact{
			hfact("HvCallPostMessage", post, dataAt, 0, hvInput), hfact("HvCallPostMessage, fast", post|fast, 7, 0, hvInput),
			hfact("HvCallSignalEvent, fast", signal|fast, 7, 0, hvInput), hfact("HvCallSignalEvent, slow", signal, dataAt, 0, hvInput),
			hfact("HvCallSignalEvent, fast, flag number 1", signal|fast, 7|flagNumber, 0, hvInput),
		}, invalid...)...)
	messages("events", "Inter-Partition Communication: connections that KVM does not know are left to its user", synIC, switchedOn(),
		hfact("HvCallPostMessage", post, dataAt, 0x1234, hvExit(post, dataAt, 0x1234)),
		hfact("HvCallPostMessage, fast", post|fast, 7, 8, hvExit(post|fast, 7, 8)),
		hfact("HvCallSignalEvent, fast", signal|fast, 7, 8, hvExit(signal|fast, 7, 8)),
		hfact("HvCallSignalEvent, fast, flag number 1", signal|fast, 7|flagNumber, 8, hvExit(signal|fast, 7|flagNumber, 8)),
	)
	declare(table{
		Meta: spec.Meta{ID: "kvm-hyperv/signal-event-address", Level: spec.Should, Needs: is1(synIC),
			Clause: "linux/kvm.h KVM_EXIT_HYPERV: input and params are the call's; of a slow call params[0] is the input's address, where the user reads the connection ID"},
		config: switchedOn(), read: hv, prepare: connections,
		facts: []fact{
			hfact("HvCallSignalEvent, slow", signal, dataAt, 8, hvExit(signal, dataAt, 8)).because(
				"Linux from 5.14 on hands on the connection ID that it read there (bd38b32053eb), with a control word that says slow"),
		},
	})
	messages("events-invalid", "Inter-Partition Communication: reserved bits are HV_STATUS_INVALID_HYPERCALL_INPUT, an odd address HV_STATUS_INVALID_ALIGNMENT", synIC, switchedOn(), invalid...)

	const postData, retrieve, reset = kvm.HVPostDebugData, kvm.HVRetrieveDebugData, kvm.HVResetDebugSession
	messages("debug-not-asked-for", "arch/x86/kvm/hyperv.c: debug data by hypercalls is denied, HV_STATUS_OPERATION_DENIED, until the guest's options ask for it; fast calls are HV_STATUS_INVALID_PARAMETER", hyperV, hvGuest(),
		hfact("HvCallPostDebugData", postData, dataAt, dataAt, hvNotNow), hfact("HvCallRetrieveDebugData", retrieve, dataAt, dataAt, hvNotNow),
		hfact("HvCallResetDebugSession", reset, dataAt, dataAt, hvNotNow), hfact("HvCallResetDebugSession, fast", reset|fast, 0, 0, hvNotNow),
		hfact("HvCallPostDebugData, fast", postData|fast, 0, 0, hvParameter), hfact("HvCallRetrieveDebugData, fast", retrieve|fast, 0, 0, hvParameter),
	)
	asked := hvGuest()
	asked.HyperV = syndbg()
	messages("debug", "arch/x86/kvm/hyperv.c: debug data by hypercalls is left to KVM's user", syndbgCall, asked,
		hfact("HvCallPostDebugData", postData, dataAt, 1, hvExit(postData, dataAt, 1)), hfact("HvCallRetrieveDebugData", retrieve, 2, 3, hvExit(retrieve, 2, 3)),
		hfact("HvCallResetDebugSession", reset, 4, 5, hvExit(reset, 4, 5)), hfact("HvCallPostDebugData, fast", postData|fast, 0, 0, hvParameter),
		hfact("HvCallRetrieveDebugData, fast", retrieve|fast, 0, 0, hvParameter),
	)
	hidden := hvGuest()
	hidden.HyperV.Change = func(e *kvm.CPUIDEntry) {
		if e.Function == kvm.LeafHVSyndbg {
			e.EAX = 0
		}
	}
	messages("debug-hidden", "arch/x86/kvm/hyperv.c: where CPUID does not offer debugging the calls do not exist", hyperV, hidden,
		hfact("HvCallPostDebugData", postData, dataAt, 0, hvCode), hfact("HvCallRetrieveDebugData", retrieve, dataAt, 0, hvCode),
		hfact("HvCallResetDebugSession", reset, dataAt, 0, hvCode),
	)

	var extended []fact
	for _, c := range []uint64{kvm.HVExtQuery, kvm.HVExtQuery + 1, kvm.HVExtQuery + 0x20, kvm.HVExtMax} {
		name := fmt.Sprintf("extended call %#x", c)
		extended = append(extended,
			hfact(name, c, dataAt, 0x2000, hvExit(c, dataAt, 0x2000), hvCode).because(noExtended),
			hfact(name+", no memory", c, noMemory, noMemory, hvExit(c, noMemory, noMemory), hvCode).because(noExtended),
			hfact(name+", fast", c|fast, 1, 2, hvParameter, hvCode).because(noExtended))
	}
	messages("extended", "Extended Hypercall Interface: calls from 0x8001 on are left to KVM's user; fast ones are HV_STATUS_INVALID_PARAMETER", hyperV, hvGuest(), extended...)
})
