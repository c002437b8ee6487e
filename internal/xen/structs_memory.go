package xen

// MemoryReservation is struct xen_memory_reservation (public/memory.h).
type MemoryReservation struct {
	ExtentBuffer      uint64
	NrExtents         uint64
	ExtentOrder, Bits uint32 // Bits are XENMEMF_* and how wide addresses may be
	Dom               DomID
	_                 [6]byte
}

// MemoryExchange is struct xen_memory_exchange.
type MemoryExchange struct {
	In, Out     MemoryReservation
	NrExchanged uint64
}

// MemoryDomain is struct xen_memory_domain, and the plain domain number that some operations take.
type MemoryDomain struct{ Dom DomID }

// AddToPhysmap is struct xen_add_to_physmap.
type AddToPhysmap struct {
	Dom          DomID
	Size         uint16
	Space        uint32
	Index, Frame uint64
}

// AddToPhysmapBatch is struct xen_add_to_physmap_batch.
type AddToPhysmapBatch struct {
	Dom                              DomID
	Space, Size                      uint16
	Foreign                          DomID
	IdxBuffer, GPFNBuffer, ErrBuffer uint64
}

// RemoveFromPhysmap is struct xen_remove_from_physmap.
type RemoveFromPhysmap struct {
	Dom   DomID
	_     [3]uint16
	Frame uint64
}

// MemoryAccess is struct xen_mem_access_op.
type MemoryAccess struct {
	Op, Access              uint8
	Dom                     DomID
	Nr                      uint32
	Frame                   uint64
	PFNBuffer, AccessBuffer uint64
}
