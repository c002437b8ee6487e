package xen

// PhysdevIRQ is struct physdev_eoi, physdev_set_iopl and physdev_irq, of which the first two have one word
// (public/physdev.h).
type PhysdevIRQ struct{ IRQ, Vector uint32 }

// PhysdevAPIC is struct physdev_apic.
type PhysdevAPIC struct {
	Base       uint64
	Reg, Value uint32
}

// PhysdevMapPIRQ is struct physdev_map_pirq.
type PhysdevMapPIRQ struct {
	Dom                                  DomID
	_                                    uint16
	Type, Index, PIRQ, Bus, DevFn, Entry uint32
	_                                    uint32
	Table                                uint64
}

// PhysdevUnmapPIRQ is struct physdev_unmap_pirq.
type PhysdevUnmapPIRQ struct {
	Dom  DomID
	_    uint16
	PIRQ uint32
}

// PhysdevFreePIRQ is struct physdev_get_free_pirq.
type PhysdevFreePIRQ struct{ Type, PIRQ uint32 }

// PhysdevGSI is struct physdev_setup_gsi.
type PhysdevGSI struct {
	GSI                  uint32
	Triggering, Polarity uint8
}

// PhysdevMMCFG is struct physdev_pci_mmcfg_reserved.
type PhysdevMMCFG struct {
	Address           uint64
	Segment           uint16
	StartBus, LastBus uint8
	Flags             uint32
}

// PhysdevPCI is struct physdev_pci_device, and the start of those that name a device.
type PhysdevPCI struct {
	Segment    uint16
	Bus, DevFn uint8
}

// VCPUArea is struct vcpu_register_runstate_memory_area, and those like it (public/vcpu.h).
type VCPUArea struct{ Buffer uint64 }

// VCPUTimer is struct vcpu_set_singleshot_timer; that of a periodic one is its first word.
type VCPUTimer struct {
	Timeout uint64
	Flags   uint32
	_       uint32
}

// VCPUInfoArea is struct vcpu_register_vcpu_info.
type VCPUInfoArea struct {
	Frame     uint64
	Offset, _ uint32
}

// RemoteShutdown is struct sched_remote_shutdown (public/sched.h).
type RemoteShutdown struct {
	Dom    DomID
	_      uint16
	Reason uint32
}

// PinOverride is struct sched_pin_override.
type PinOverride struct{ PCPU uint32 }

// HVMMemType is struct xen_hvm_get_mem_type (public/hvm/hvm_op.h).
type HVMMemType struct {
	Dom     DomID
	MemType uint16
	_       [2]uint16
	Frame   uint64
}

// HVMUpcallVector is struct xen_hvm_evtchn_upcall_vector.
type HVMUpcallVector struct {
	VCPU   uint32
	Vector uint8
}
