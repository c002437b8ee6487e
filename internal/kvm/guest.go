package kvm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Guest is a virtual machine with one virtual processor and the program that makes calls. Its methods
// must not be called at the same time.
type Guest struct {
	config Config
	vm, fd int // of the virtual machine and of its processor
	memory []byte
	run    []byte // struct kvm_run
	vcpu   *vcpu
	call   uint64 // the address of the hypercall instruction
	away   bool   // the program is not at its end: a step has moved it
	dead   error  // why it is of no more use
}

// setupLimit is how long one ioctl of the processor may take that is not KVM_RUN.
const setupLimit = 10 * time.Second

// NewGuest makes a guest. An error that wraps an [*IoctlError] names what this KVM does not do.
func (d *Device) NewGuest(c Config) (*Guest, error) {
	if c.Opcode == (Opcode{}) {
		c.Opcode = VMCALL
	}
	g := &Guest{config: c, vm: -1, fd: -1}
	if err := g.build(d); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

func (g *Guest) build(d *Device) (err error) {
	c := &g.config
	if g.vm, err = ioctl(d.fd, createVM, 0); err != nil {
		return err
	}
	if g.memory, err = unix.Mmap(-1, 0, GuestMemory, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS); err != nil {
		return fmt.Errorf("making memory for a guest: %w", err)
	}
	region := memoryRegion{Size: GuestMemory, UserspaceAddr: uint64(uintptr(unsafe.Pointer(&g.memory[0])))}
	if _, err := ioctlPtr(g.vm, setUserMemoryRegion, &region); err != nil {
		return err
	}
	if err := g.setUpVM(); err != nil {
		return err
	}
	if g.fd, err = ioctl(g.vm, createVCPU, 0); err != nil {
		return err
	}
	if g.run, err = unix.Mmap(g.fd, 0, d.runSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return fmt.Errorf("mapping a virtual processor's structure: %w", err)
	}
	fd := uintptr(g.fd)
	g.vcpu = newVCPU(&head(g.run).ImmediateExit, func() error {
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, runVCPU, 0); errno != 0 {
			if errno == unix.EINTR {
				return errno
			}
			return &IoctlError{ioctlNames[runVCPU], errno}
		}
		return nil
	})
	p := assemble(c.Mode == Long, c.Opcode)
	if c.Mode == Compat { // its exceptions are handled by 64-bit code
		p.handlers, p.handlerSize = handlers(true, uint32(p.call)+3)
	}
	g.call = p.call
	fill(g.memory, c, p)
	return g.vcpu.do(setupLimit, func() error { return g.setUpVCPU(d) })
}

// setUpVM does what comes before there is a processor.
func (g *Guest) setUpVM() error {
	c := &g.config
	if c.IRQChip {
		if _, err := ioctl(g.vm, createIRQChip, 0); err != nil {
			return err
		}
	}
	if c.DisableQuirks != 0 {
		// The newer capability alone knows the newer quirks, Documentation/virt/kvm/api.rst KVM_CAP_DISABLE_QUIRKS2.
		if err := enable(g.vm, CapDisableQuirks2, c.DisableQuirks); err != nil {
			return err
		}
	}
	if c.ExitHypercalls != 0 {
		if err := enable(g.vm, CapExitHypercall, c.ExitHypercalls); err != nil {
			return err
		}
	}
	if c.Xen == nil {
		return nil
	}
	const hypercallPageMSR = 0x40000200 // Xen's usual one beside Viridian; Linux names none
	if _, err := ioctlPtr(g.vm, xenHVMConfig, &xenConfig{Flags: c.Xen.Flags, MSR: hypercallPageMSR}); err != nil {
		return err
	}
	for _, a := range c.Xen.Attrs {
		if _, err := ioctlPtr(g.vm, xenHVMSetAttr, &a); err != nil {
			return fmt.Errorf("attribute %d: %w", a.Type, err)
		}
	}
	return nil
}

// setUpVCPU is called by the processor's thread.
func (g *Guest) setUpVCPU(d *Device) error {
	c := &g.config
	if err := g.setCPUID(d); err != nil {
		return err
	}
	for _, e := range []struct {
		wanted bool
		what   int
		arg    uint64
	}{
		{c.EnforcePV, CapEnforcePVFeatures, 1},
		{c.HyperV != nil && c.HyperV.Enforce, CapHyperVEnforceCPUID, 1},
		{c.HyperV != nil && c.HyperV.SynIC, CapHyperVSynIC2, 0},
	} {
		if e.wanted {
			if err := enable(g.fd, e.what, e.arg); err != nil {
				return err
			}
		}
	}
	if c.Xen != nil {
		for _, a := range c.Xen.VCPUAttrs {
			if _, err := ioctlPtr(g.fd, xenVCPUSetAttr, &a); err != nil {
				return fmt.Errorf("attribute %d of the processor: %w", a.Type, err)
			}
		}
	}
	var s sregs
	if _, err := ioctlPtr(g.fd, getSregs, &s); err != nil {
		return err
	}
	s.set(c)
	if _, err := ioctlPtr(g.fd, setSregs, &s); err != nil {
		return err
	}
	if c.IRQChip {
		if err := g.enableAPIC(); err != nil {
			return err
		}
	}
	if c.HyperV != nil {
		for _, m := range append([]MSR{{MSRHVGuestOSID, c.HyperV.GuestOSID}}, c.HyperV.MSRs...) {
			if err := g.setMSR(m); err != nil {
				return err
			}
		}
	}
	return g.put(kregs{RIP: codeAt})
}

// setCPUID must come before the first KVM_RUN: later it has no effect on whether Hyper-V's calls are.
func (g *Guest) setCPUID(d *Device) error {
	entries, err := d.SupportedCPUID()
	if err != nil {
		return err
	}
	hv := g.config.HyperV
	if hv != nil {
		const hypervisorLeaves = 0x40000000
		entries = slices.DeleteFunc(entries, func(e CPUIDEntry) bool { return e.Function&0xf0000000 == hypervisorLeaves })
		theirs, err := cpuid(g.fd, getSupportedHVCPUID)
		if err != nil {
			return err
		}
		for i := range theirs {
			if hv.Change != nil {
				hv.Change(&theirs[i])
			}
		}
		entries = append(entries, theirs...)
	}
	c := &cpuid2{}
	for _, e := range entries {
		if e.Function == LeafKVMFeatures && g.config.PV != nil {
			e.EAX = *g.config.PV
		}
		if c.N == maxCPUID {
			return fmt.Errorf("KVM has more than %d leaves of CPUID", maxCPUID)
		}
		c.Entries[c.N] = e
		c.N++
	}
	_, err = ioctlPtr(g.fd, setCPUID2, c)
	return err
}

func (g *Guest) setMSR(m MSR) error {
	n, err := ioctlPtr(g.fd, setMSRs, &msrs{N: 1, Index: m.Index, Data: m.Value})
	if err == nil && n != 1 {
		err = &IoctlError{ioctlNames[setMSRs], errors.New("KVM does not take it")}
	}
	if err != nil {
		return fmt.Errorf("MSR %#x = %#x: %w", m.Index, m.Value, err)
	}
	return nil
}

// enableAPIC switches the local APIC on as software does, in its spurious interrupt vector register.
func (g *Guest) enableAPIC() error {
	const spiv, enabled = 0xf0, 0x1ff
	var page [0x400]byte
	if _, err := ioctlPtr(g.fd, getLAPIC, &page); err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(page[spiv:], enabled)
	_, err := ioctlPtr(g.fd, setLAPIC, &page)
	return err
}

// Memory is the guest's memory, for what calls point at: from [Data] on it is free.
func (g *Guest) Memory() []byte { return g.memory }

// Opcode is the hypercall instruction as it stands in the guest's memory now.
func (g *Guest) Opcode() Opcode { return Opcode(g.memory[g.call:]) }

// Close ends the virtual machine.
func (g *Guest) Close() error {
	if g.vcpu != nil {
		if errors.Is(g.dead, ErrStuck) {
			return nil // its thread still uses all of it
		}
		g.vcpu.close()
	}
	var errs []error
	for _, m := range [][]byte{g.run, g.memory} {
		if m != nil {
			errs = append(errs, unix.Munmap(m))
		}
	}
	for _, fd := range []int{g.fd, g.vm} {
		if fd >= 0 {
			errs = append(errs, unix.Close(fd))
		}
	}
	g.run, g.memory, g.vcpu, g.fd, g.vm = nil, nil, nil, -1, -1
	return errors.Join(errs...)
}
