// Package kvm brings up stock Linux kernels with their KVM, to judge it: QEMU emulates a processor with
// AMD's SVM, the agent loads the kernel's kvm and kvm-amd, and micro guests run under the guest's own
// /dev/kvm.
//
// Beware: the /dev/kvm of the machine that xtest runs on is never opened. These machines are always
// emulated (TCG), whatever accelerator other backends would take.
package kvm

import (
	"context"
	"fmt"

	"xtest/runner/depot"
	"xtest/runner/machine"
	"xtest/runner/qemu"
)

// Backend is the KVM backend. The part behind the colon of a target is a release, or a kernel's file.
type Backend struct{}

// Name is "kvm".
func (Backend) Name() string { return "kvm" }

// Targets are the releases.
func (Backend) Targets() []machine.Offer {
	var list []machine.Offer
	for _, r := range depot.Releases {
		list = append(list, machine.Offer{What: r.Name, Title: r.Title + ", its kernel's KVM on an emulated SVM"})
	}
	return list
}

// Takes the path of a kernel or of a kernel's package.
func (Backend) Takes(what string) bool { return machine.IsPath(what) }

// Suites are those about hypervisors.
func (Backend) Suites() []string { return []string{"hypercall"} }

// Hypervisor is "kvm".
func (Backend) Hypervisor() string { return "kvm" }

// Heeds what makes sense for the emulated machine. Its one accelerator is TCG.
func (Backend) Heeds() map[string][]string {
	return map[string][]string{
		machine.OptionKernel: nil, machine.OptionModules: nil, machine.OptionParams: nil, machine.OptionCores: nil,
		machine.OptionType: {qemu.MicroVM, qemu.Q35}, machine.OptionAccel: {qemu.TCG}, machine.OptionDump: nil,
	}
}

// Check looks for the emulator.
func (Backend) Check(ctx context.Context) []machine.Capability {
	return []machine.Capability{qemu.Check(ctx, "kvm (in qemu, TCG)")}
}

// variant is a machine whose kernel has KVM. The full kernels of the releases have it.
var variant = qemu.Variant{
	Backend: "kvm", Full: true, Modules: []string{"kvm-amd"},
	Lacking: "it needs KVM for AMD's processors, CONFIG_KVM and CONFIG_KVM_AMD (Debian's linux-image-amd64 has them)",
	Needs: []qemu.Need{
		{Option: "KVM", Module: true, Why: "KVM is what is judged (Debian's linux-image-amd64 has it)"},
		{Option: "KVM_AMD", Module: true, Why: "the emulated processor has AMD's SVM"},
	},
	// On a busy host the timer's ticks come late and in heaps. The kernel then takes the TSC for the one
	// that is wrong, leaves it, and its time runs off by minutes; KVM has no clock to pair, either.
	Params: []string{"tsc=reliable"},
}

// Prepare obtains the kernel. The agent alone is the machine's user space.
func (Backend) Prepare(ctx context.Context, what string, s *machine.Supplies) (*machine.Image, error) {
	own, err := emulated(s)
	if err != nil {
		return nil, fmt.Errorf("kvm:%s: %w", what, err)
	}
	img, err := variant.Prepare(ctx, what, own)
	if err != nil {
		return nil, err
	}
	img.Plan.Why = "TCG: its emulated SVM runs the guest's KVM"
	return img, nil
}

// emulated are the supplies of a machine without a root file system, and with the one accelerator that
// it can have, whatever the environment says.
func emulated(s *machine.Supplies) (*machine.Supplies, error) {
	own := *s
	own.Root = nil
	if a := s.Options.Accel; a != "" && a != qemu.TCG {
		return nil, fmt.Errorf("the accelerator %s was asked for, and these machines are emulated (%s)", a, qemu.TCG)
	}
	own.Options.Accel = qemu.TCG
	return &own, nil
}
