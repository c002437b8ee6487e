package xen

// Channel states of [EvtchnStatus] (public/event_channel.h EVTCHNSTAT_*).
const (
	ChannelClosed uint32 = iota
	ChannelUnbound
	ChannelInterdomain
	ChannelPIRQ
	ChannelVIRQ
	ChannelIPI
)

// EvtchnAllocUnbound is struct evtchn_alloc_unbound (public/event_channel.h).
type EvtchnAllocUnbound struct {
	Dom, Remote DomID
	Port        uint32
}

// EvtchnBindInterdomain is struct evtchn_bind_interdomain.
type EvtchnBindInterdomain struct {
	Remote     DomID
	_          uint16
	RemotePort uint32
	LocalPort  uint32
}

// EvtchnBindVIRQ is struct evtchn_bind_virq.
type EvtchnBindVIRQ struct{ VIRQ, VCPU, Port uint32 }

// Virtual interrupts (public/xen.h VIRQ_*).
const (
	VIRQTimer           = 0 // one for each VCPU
	VIRQDomainException = 3 // one for the domain, to be bound on VCPU 0
	VIRQCount           = 24
)

// EvtchnBindPIRQ is struct evtchn_bind_pirq.
type EvtchnBindPIRQ struct{ PIRQ, Flags, Port uint32 }

// EvtchnBindIPI is struct evtchn_bind_ipi.
type EvtchnBindIPI struct{ VCPU, Port uint32 }

// EvtchnBindVCPU is struct evtchn_bind_vcpu.
type EvtchnBindVCPU struct{ Port, VCPU uint32 }

// EvtchnPort is struct evtchn_close, evtchn_send and evtchn_unmask, which are alike.
type EvtchnPort struct{ Port uint32 }

// EvtchnStatus is struct evtchn_status. RemoteDom is valid for unbound and interdomain channels,
// RemotePort for the latter.
type EvtchnStatus struct {
	Dom        DomID
	_          uint16
	Port       uint32
	Status     uint32
	VCPU       uint32
	RemoteDom  DomID
	_          uint16
	RemotePort uint32
}

// EvtchnReset is struct evtchn_reset.
type EvtchnReset struct{ Dom DomID }

// EvtchnInitControl is struct evtchn_init_control.
type EvtchnInitControl struct {
	Frame        uint64
	Offset, VCPU uint32
	LinkBits     uint8
	_            [7]uint8
}

// EvtchnExpand is struct evtchn_expand_array.
type EvtchnExpand struct{ Frame uint64 }

// EvtchnPriority is struct evtchn_set_priority.
type EvtchnPriority struct{ Port, Priority uint32 }
