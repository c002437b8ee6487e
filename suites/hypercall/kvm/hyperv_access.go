package kvm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"xtest/internal/kvm"
	"xtest/suites/spec"
)

// without takes bits of a leaf of CPUID from a Hyper-V guest.
func without(leaf uint32, eax, ebx, edx uint32) func(*kvm.CPUIDEntry) {
	return func(e *kvm.CPUIDEntry) {
		if e.Function == leaf {
			e.EAX, e.EBX, e.EDX = e.EAX&^eax, e.EBX&^ebx, e.EDX&^edx
		}
	}
}

// Bits of Hyper-V's leaves, TLFS Feature and Interface Discovery: 0x40000003 EBX (privileges) and EDX, 0x40000004 EAX
// (recommendations).
const (
	mayPost, maySignal, mayDebug = 1 << 4, 1 << 5, 1 << 11
	mayExtend                    = 1 << 20
	xmmInput                     = 1 << 4
	flushAdvised, ipiAdvised     = 1 << 2, 1 << 10
	exAdvised                    = 1 << 11
)

var _ = suite.Describe("kvm-hyperv", func() {
	for _, c := range []struct {
		id, what string
		change   func(*kvm.CPUIDEntry)
		denied   []fact // with the answer that they get without enforcement
	}{
		{"spin-wait", "CPUID 0x40000004 EBX, how often to spin", without(kvm.LeafHVEnlightening, 0, ^uint32(0), 0), []fact{
			hfact("HvCallNotifyLongSpinWait", kvm.HVNotifyLongSpinWait|kvm.HVFast, 0, 0, hvOK),
			hfact("HvCallNotifyLongSpinWait, rep count 1", kvm.HVNotifyLongSpinWait|kvm.HVReps, 0, 0, hvInput),
		}},
		{"post-message", "the privilege PostMessages", without(kvm.LeafHVFeatures, 0, mayPost, 0), []fact{
			hfact("HvCallPostMessage", kvm.HVPostMessage, dataAt, 0, hvInput),
		}},
		{"signal-event", "the privilege SignalEvents", without(kvm.LeafHVFeatures, 0, maySignal, 0), []fact{
			hfact("HvCallSignalEvent", kvm.HVSignalEvent|kvm.HVFast, 7, 0, hvInput),
			hfact("HvCallSignalEvent, at byte 4", kvm.HVSignalEvent, dataAt+4, 0, hvAlignment),
		}},
		{"debug", "the privilege Debugging", without(kvm.LeafHVFeatures, 0, mayDebug, 0), []fact{
			hfact("HvCallPostDebugData", kvm.HVPostDebugData, dataAt, 0, hvNotNow),
			hfact("HvCallResetDebugSession", kvm.HVResetDebugSession, dataAt, 0, hvNotNow),
		}},
		{"flush", "the advice to flush by calls", without(kvm.LeafHVEnlightening, flushAdvised, 0, 0), []fact{
			hfact("HvCallFlushVirtualAddressSpace", kvm.HVFlushSpace, dataAt, 0, hvOK),
			hfact("HvCallFlushVirtualAddressSpaceEx", kvm.HVFlushSpaceEx, exAll, 0, hvOK),
			hfact("HvCallFlushVirtualAddressList, 1", kvm.HVFlushList|kvm.HVReps, dataAt, 0, hvOK+", 1 done"),
		}},
		{"flush-ex", "the advice to use sets of processors", without(kvm.LeafHVEnlightening, exAdvised, 0, 0), []fact{
			hfact("HvCallFlushVirtualAddressSpaceEx", kvm.HVFlushSpaceEx, exAll, 0, hvOK),
			hfact("HvCallFlushVirtualAddressListEx, 1", kvm.HVFlushListEx|kvm.HVReps, exAll, 0, hvOK+", 1 done"),
			hfact("HvCallSendSyntheticClusterIpiEx, to nobody", kvm.HVSendIPIEx, exAll, 0, hvInput),
		}},
		{"send-ipi", "the advice to send interrupts by calls", without(kvm.LeafHVEnlightening, ipiAdvised, 0, 0), []fact{
			hfact("HvCallSendSyntheticClusterIpi", kvm.HVSendIPI|kvm.HVFast, 0x40, 1, hvOK),
			hfact("HvCallSendSyntheticClusterIpiEx", kvm.HVSendIPIEx, exAll, 0, hvInput),
		}},
		{"extended", "the privilege EnableExtendedHypercalls", without(kvm.LeafHVFeatures, 0, mayExtend, 0), []fact{
			hfact("extended call 0x8001", kvm.HVExtQuery, dataAt, 0, hvExit(kvm.HVExtQuery, dataAt, 0), hvCode).because(noExtended),
			hfact("extended call 0x8041, fast", kvm.HVExtMax|kvm.HVFast, 0, 0, hvParameter, hvCode).because(noExtended),
		}},
	} {
		plain, strict := hvGuest(), hvGuest()
		plain.HyperV.Change, strict.HyperV.Change = c.change, c.change
		strict.HyperV.Enforce = true
		var denied []fact
		for _, f := range c.denied {
			f.want, f.why = is(hvDenied), ""
			if c.id == "extended" {
				f.want, f.why = is(hvDenied, hvCode), noExtended
			}
			denied = append(denied, f)
		}
		declare(table{
			Meta: spec.Meta{ID: "kvm-hyperv/denied-" + c.id, Level: spec.Must, Needs: []spec.Probe{hyperV, hvEnforce},
				Clause: fmt.Sprintf("Documentation/virt/kvm/api.rst KVM_CAP_HYPERV_ENFORCE_CPUID; TLFS HV_STATUS_ACCESS_DENIED: a guest without %s", c.what)},
			config: strict, read: hv, prepare: flushSets, facts: denied,
		})
		declare(table{
			Meta: spec.Meta{ID: "kvm-hyperv/not-enforced-" + c.id, Level: spec.Must, Needs: is1(hyperV),
				Clause: fmt.Sprintf("Documentation/virt/kvm/api.rst KVM_CAP_HYPERV_ENFORCE_CPUID: it is off by default; a guest without %s has the calls", c.what)},
			config: plain, read: hv, prepare: flushSets, facts: c.denied,
		})
	}
	full, noXMM := hvGuest(), hvGuest()
	full.HyperV.Enforce, noXMM.HyperV.Enforce = true, true
	noXMM.HyperV.Change = without(kvm.LeafHVFeatures, 0, 0, xmmInput)
	declare(table{
		Meta: spec.Meta{ID: "kvm-hyperv/allowed", Level: spec.Must, Needs: []spec.Probe{hyperV, hvEnforce},
			Clause: "Documentation/virt/kvm/api.rst KVM_CAP_HYPERV_ENFORCE_CPUID: what CPUID offers works"},
		config: full, read: hv, prepare: flushSets,
		facts: []fact{
			hfact("HvCallNotifyLongSpinWait", kvm.HVNotifyLongSpinWait|kvm.HVFast, 0, 0, hvOK),
			hfact("HvCallFlushVirtualAddressSpace", kvm.HVFlushSpace, dataAt, 0, hvOK), hfact("HvCallFlushVirtualAddressSpaceEx", kvm.HVFlushSpaceEx, exAll, 0, hvOK),
			hfact("HvCallSendSyntheticClusterIpi", kvm.HVSendIPI|kvm.HVFast, 0x40, 1, hvOK), hfact("HvCallPostMessage", kvm.HVPostMessage, dataAt, 0, hvInput),
			hfact("HvCallFlushVirtualAddressSpace, fast", kvm.HVFlushSpace|kvm.HVFast, 0, kvm.HVFlushAllCPU, hvOK), hfact("call 0xffff", 0xffff, 0, 0, hvCode),
		},
	})
	declare(table{
		Meta: spec.Meta{ID: "kvm-hyperv/denied-xmm", Level: spec.Must, Needs: []spec.Probe{hyperV, hvEnforce},
			Clause: tlfs + "XMM Fast Hypercall Input: a guest that CPUID does not offer it to gets #UD"},
		config: noXMM, read: hv, prepare: flushSets,
		facts: []fact{
			hfact("HvCallFlushVirtualAddressSpace, fast", kvm.HVFlushSpace|kvm.HVFast, 0, kvm.HVFlushAllCPU, "#UD"),
			hfact("HvCallFlushVirtualAddressListEx, fast", kvm.HVFlushListEx|kvm.HVFast|kvm.HVReps, 0, kvm.HVFlushAllCPU, "#UD"),
			hfact("HvCallSendSyntheticClusterIpiEx, fast", kvm.HVSendIPIEx|kvm.HVFast, 0x40, kvm.HVGenericAll, "#UD"),
			hfact("HvCallFlushVirtualAddressSpace, slow", kvm.HVFlushSpace, dataAt, 0, hvOK),
			hfact("HvCallSendSyntheticClusterIpi, fast", kvm.HVSendIPI|kvm.HVFast, 0x40, 1, hvOK),
		},
	})
	sweep()
})

// sweep judges every call code there is, with repetitions that no call takes, so that none does anything.
func sweep() {
	const control = kvm.HVReps | kvm.HVFirst
	it(spec.Meta{
		ID: "kvm-hyperv/all-codes", Level: spec.Must, Needs: is1(hyperV), Limit: time.Minute,
		Clause: tlfs + "status codes: each of the 65536 call codes is one that KVM has, or HV_STATUS_INVALID_HYPERCALL_CODE",
	}, func(r *run) {
		g := r.guest(hvGuest())
		answers := map[string][]uint64{}
		for first := uint64(0); first <= 0xffff; first += kvm.MaxBatch {
			var calls []kvm.Regs
			for code := first; code < first+kvm.MaxBatch; code++ {
				calls = append(calls, hcall(code|control, 0, 0))
			}
			list, err := g.Batch(calls, patience)
			r.Success(fmt.Sprintf("call codes from %#x on", first), err)
			for i, o := range list {
				said := hv(o)
				if len(o.Exits) > 0 {
					said = "left to the user"
				}
				answers[said] = append(answers[said], first+uint64(i))
			}
		}
		for _, said := range slices.Sorted(maps.Keys(answers)) {
			r.Answer("call codes that are answered "+said, ranges(answers[said]))
			if said == hvCode {
				continue
			}
			unknown := slices.DeleteFunc(slices.Clone(answers[said]), func(code uint64) bool {
				return codes[code] || code >= kvm.HVExtQuery && code <= kvm.HVExtMax
			})
			if len(unknown) > 0 {
				r.New("call codes "+ranges(unknown), said, hvCode)
			}
		}
		for _, code := range slices.Sorted(maps.Keys(codes)) {
			if code == kvm.HVPostDebugData || code == kvm.HVRetrieveDebugData || code == kvm.HVResetDebugSession {
				continue // denied, whatever the repetitions
			}
			r.True(fmt.Sprintf("call code %#x with a repetition that does not begin at 0", code), slices.Contains(answers[hvInput], code),
				"another answer", hvInput)
		}
	})
}

// ranges writes ascending numbers, neighbours together.
func ranges(list []uint64) string {
	var parts []string
	for i := 0; i < len(list); {
		last := i
		for last+1 < len(list) && list[last+1] == list[last]+1 {
			last++
		}
		part := fmt.Sprintf("%#x", list[i])
		if last > i {
			part += fmt.Sprintf("-%#x", list[last])
		}
		parts = append(parts, part)
		i = last + 1
	}
	return strings.Join(parts, " ")
}

// codes are the calls that KVM has, but for the extended ones.
var codes = map[uint64]bool{
	kvm.HVFlushSpace: true, kvm.HVFlushList: true, kvm.HVNotifyLongSpinWait: true, kvm.HVSendIPI: true, kvm.HVFlushSpaceEx: true,
	kvm.HVFlushListEx: true, kvm.HVSendIPIEx: true, kvm.HVPostMessage: true, kvm.HVSignalEvent: true, kvm.HVPostDebugData: true,
	kvm.HVRetrieveDebugData: true, kvm.HVResetDebugSession: true,
}
