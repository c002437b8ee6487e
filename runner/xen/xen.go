// Package xen brings up a stock Xen hypervisor with a stock Linux as its dom0, under QEMU. The agent
// is dom0's init, and makes the calls there or has guests make them.
//
// Beware: two programs share the console. The hypervisor's lines begin with "(XEN)", the rest is
// dom0's; and with "noreboot" a crashed Xen halts without ending QEMU.
package xen

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"xtest/runner/depot"
	"xtest/runner/dom0"
	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/qemu"
)

// Backend is the Xen backend. The part behind the colon of a target is WHAT@CALLER: a release or
// a hypervisor's file, and which domain makes the calls.
type Backend struct{}

// Name is "xen".
func (Backend) Name() string { return "xen" }

// Targets are the releases.
func (Backend) Targets() []machine.Offer {
	var list []machine.Offer
	for _, r := range depot.Releases {
		list = append(list, machine.Offer{What: r.Name, Title: r.Title + ", its Xen with its kernel as dom0"})
	}
	for _, r := range depot.Releases {
		for _, c := range callers {
			list = append(list, machine.Offer{What: r.Name + "@" + c, Title: r.Title + ", its Xen called by a " + strings.ToUpper(c) + " guest"})
		}
	}
	return list
}

// dom0Caller names dom0 as the caller, which is the default.
const dom0Caller = "dom0"

// callers are the types of guests that can be one.
var callers = []string{dom0.PV, dom0.PVH, dom0.HVM}

// split separates WHAT@CALLER. An @ of a file's own path is none of that.
func split(what string) (hypervisor, caller string) {
	i := strings.LastIndexByte(what, '@')
	if i < 0 || strings.ContainsRune(what[i:], '/') {
		return what, dom0Caller
	}
	return what[:i], what[i+1:]
}

// Takes the path of a hypervisor, and a caller behind it.
func (Backend) Takes(what string) bool {
	hypervisor, caller := split(what)
	if caller != dom0Caller && !slices.Contains(callers, caller) {
		return false
	}
	_, known := depot.FindRelease(hypervisor)
	return known || machine.IsPath(hypervisor)
}

// Suites are those about hypervisors.
func (Backend) Suites() []string { return []string{"hypercall"} }

// Hypervisor is "xen".
func (Backend) Hypervisor() string { return "xen" }

// Heeds what makes sense for a dom0: its boot parameters, its processors.
func (Backend) Heeds() map[string][]string {
	return map[string][]string{
		machine.OptionParams: nil, machine.OptionCores: nil, machine.OptionAccel: {qemu.TCG, qemu.KVM, qemu.Auto},
		machine.OptionStore: {dom0.CStore, dom0.OCamlStore},
	}
}

// Check looks for the emulator.
func (Backend) Check(ctx context.Context) []machine.Capability {
	return []machine.Capability{qemu.Check(ctx, "xen (in qemu, TCG)")}
}

const (
	defaultMemory = 1 << 30
	// privcmd gives dom0's user space the hypercalls.
	privcmd = "xen-privcmd"
)

// slack makes the timers of Go's runtime keep to the ticks of dom0's clock. It sleeps for 20 microseconds and more at
// a time; waking up on time took a fifth of the processor.
const slack = "xtest.slack=10000000"

// port is the device of the event channel. With ioeventfd QEMU's main thread would take what is sent, and dom0 spin
// until that has had its turn.
const port = "virtio-serial-pci,ioeventfd=off"

// channelModules drive the port that events take. A serial port would do without them, but each byte
// through it is a trap into the hypervisor: hundreds of specs would take longer than the boot.
var channelModules = []string{"virtio_pci", "virtio_console"}

// Prepare obtains the hypervisor and dom0's kernel.
func (Backend) Prepare(ctx context.Context, what string, s *machine.Supplies) (*machine.Image, error) {
	path, err := qemu.Find()
	if err != nil {
		return nil, err
	}
	what, caller := split(what)
	o := s.Options
	accel, err := qemu.ChooseAccel(ctx, path, o.Accel, s.Depot.Cache)
	if err != nil {
		return nil, err
	}
	release, hypervisor, artefact, err := find(ctx, s, what)
	if err != nil {
		return nil, err
	}
	kernel, err := qemu.FindKernel(ctx, s, release, release.Linux)
	if err != nil {
		return nil, err
	}
	names := slices.Concat([]string{privcmd}, channelModules, s.Modules)
	var extra machine.Extra
	keeper := cmp.Or(o.Store, dom0.CStore)
	params := append([]string{"xtest." + dom0.StoreParam + "=" + keeper}, o.Params...)
	switch {
	case caller != dom0Caller:
		if extra, err = nest(ctx, s, release, kernel, keeper); err != nil {
			return nil, err
		}
		params = append([]string{"xtest." + dom0.Param + "=" + caller}, params...)
	default:
		if extra, err = store(ctx, s, release, keeper); err != nil {
			return nil, err
		}
		names = append(names, dom0.Drivers()...)
	}
	initrd, err := s.InitrdWith(ctx, kernel.Modules, dom0Modules(names, caller), extra)
	if err != nil {
		return nil, err
	}
	memory := s.Memory
	if memory == 0 {
		memory = defaultMemory
	}
	cores := max(o.Cores, 1)
	// With SMAP a PV dom0 dies early under TCG, and with five-level paging Xen does not boot.
	cpu := "max,-smap,-smep,-la57"
	if caller != dom0Caller {
		// Guests take turns on a processor. Under max (QEMU 7.2) one was seen to die of a stack that somebody
		// else had written to; under this model none was. Vector registers that are saved late are suspected.
		cpu = "qemu64,+svm,+npt"
	}
	if accel.Name == qemu.KVM {
		cpu = "host"
	}
	args := func(b machine.Boot) []string {
		line := append([]string{"console=hvc0", "panic=-1", "rdinit=/init", slack, "xtest.channel=/dev/vport0p1", "xtest.modules=" + strings.Join(channelModules, ","), "xtest.token=" + b.Token}, params...)
		line = append(line, b.Params...)
		return append(qemu.Common(path, accel.Name, memory, cores),
			"-chardev", qemu.Channel, "-cpu", cpu, "-serial", "stdio", "-device", port, "-device", "virtserialport,chardev=channel",
			"-chardev", "socket,id=monitor,fd=4", "-mon", "chardev=monitor,mode=control",
			"-kernel", hypervisor,
			"-append", "console=com1 com1=115200,8n1 loglvl=all guest_loglvl=all noreboot sync_console dom0_mem="+fmt.Sprint(memory>>21)+"M",
			// Multiboot modules: dom0's kernel with its command line, then its RAM file system.
			"-initrd", escape(kernel.Image+" "+strings.Join(line, " "))+","+escape(initrd),
		)
	}
	img := &machine.Image{
		Plan: event.Plan{
			Backend: "xen", Accel: accel.Name, Why: accel.Why, Command: args(machine.Boot{Token: "TOKEN"}),
			Parts: []event.Artefact{artefact, kernel.Artefact},
		},
		Modules: names, Nests: caller != dom0Caller, Scale: qemu.TCGScale, BootLimit: 3 * time.Minute, Memory: memory, Cores: cores, Explain: qemu.Explain,
		Launch: func(b machine.Boot) (machine.Launch, error) {
			return machine.Launch{Args: args(b), Control: qemu.Monitor()}, nil
		},
	}
	if img.Nests {
		img.BootLimit *= 4 // there are two to boot, and the toolstack to start
	}
	return img, nil
}

// dom0Modules are those that dom0 has in its initial RAM file system, for itself and for its guests.
func dom0Modules(names []string, caller string) []string {
	if caller == dom0Caller {
		return names
	}
	list := append(slices.Clone(names), dom0.Drivers()...)
	slices.Sort(list)
	return slices.Compact(list)
}

// nest gives what dom0 needs to have guests: the toolstack with one program as Xenstore, and the kernel that they boot.
func nest(ctx context.Context, s *machine.Supplies, r depot.Release, k qemu.Kernel, keeper string) (machine.Extra, error) {
	dir, err := toolstack(ctx, s.Depot, r)
	if err != nil {
		return nil, err
	}
	extra, err := below(dir)
	if err != nil {
		return nil, fmt.Errorf("listing the toolstack: %w", err)
	}
	if extra, err = only(extra, slices.Concat(tools, []string{cancellation, keeper})...); err != nil {
		return nil, fmt.Errorf("choosing the programs of the toolstack: %w", err)
	}
	extra[dom0.Kernel] = k.Image
	return extra, nil
}

// store gives what dom0 needs to have Xenstore: its program and what that needs.
func store(ctx context.Context, s *machine.Supplies, r depot.Release, keeper string) (machine.Extra, error) {
	dir, err := toolstack(ctx, s.Depot, r)
	if err != nil {
		return nil, err
	}
	all, err := below(dir)
	if err == nil {
		all, err = only(all, keeper)
	}
	if err != nil {
		return nil, fmt.Errorf("choosing the files of Xenstore: %w", err)
	}
	return all, nil
}

// escape doubles commas, which would end a multiboot module.
func escape(module string) string { return strings.ReplaceAll(module, ",", ",,") }
