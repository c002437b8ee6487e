package hypercall

import (
	"golang.org/x/sys/unix"

	"xtest/internal/xen"
)

// free allocates the lowest port that is closed.
func (s *standIn) free(c channel) uint32 {
	for port := uint32(2); ; port++ {
		if o := s.ports[port]; o == nil || o.status == xen.ChannelClosed {
			s.ports[port] = &c
			return port
		}
	}
}

// used finds a channel that is not closed.
func (s *standIn) used(port uint32) *channel {
	if c := s.ports[port]; c != nil && c.status != xen.ChannelClosed {
		return c
	}
	return nil
}

func (s *standIn) event(op, at uint64) int64 {
	switch op {
	case xen.EventAllocUnbound:
		u, _ := get[xen.EvtchnAllocUnbound](at)
		if !known(u.Dom) {
			return refusedBy(unix.ESRCH)
		}
		u.Port = s.free(channel{status: xen.ChannelUnbound})
		return put(s, at, u)
	case xen.EventBindInterdomain:
		b, _ := get[xen.EvtchnBindInterdomain](at)
		if !known(b.Remote) {
			return refusedBy(unix.ESRCH)
		}
		remote := s.used(b.RemotePort)
		if remote == nil || remote.status != xen.ChannelUnbound {
			return refusedBy(unix.EINVAL)
		}
		b.LocalPort = s.free(channel{status: xen.ChannelInterdomain, remotePort: b.RemotePort})
		*remote = channel{status: xen.ChannelInterdomain, remotePort: b.LocalPort}
		return put(s, at, b)
	case xen.EventBindIPI:
		b, _ := get[xen.EvtchnBindIPI](at)
		if b.VCPU != 0 {
			return refusedBy(unix.ENOENT)
		}
		b.Port = s.free(channel{status: xen.ChannelIPI})
		return put(s, at, b)
	case xen.EventBindVIRQ:
		switch b, _ := get[xen.EvtchnBindVIRQ](at); {
		case b.VIRQ >= xen.VIRQCount, b.VIRQ == xen.VIRQDomainException && b.VCPU != 0:
			return refusedBy(unix.EINVAL)
		case b.VCPU != 0:
			return refusedBy(unix.ENOENT)
		}
		return refusedBy(unix.EEXIST)
	case xen.EventBindPIRQ:
		return refusedBy(unix.EINVAL)
	case xen.EventBindVCPU:
		b, _ := get[xen.EvtchnBindVCPU](at)
		switch c := s.used(b.Port); {
		case b.VCPU != 0:
			return refusedBy(unix.ENOENT)
		case c == nil, c.status == xen.ChannelIPI:
			return refusedBy(unix.EINVAL)
		}
		return 0
	case xen.EventClose:
		p, _ := get[xen.EvtchnPort](at)
		c := s.used(p.Port)
		if c == nil {
			return refusedBy(unix.EINVAL)
		}
		if c.status == xen.ChannelInterdomain {
			*s.ports[c.remotePort] = channel{status: xen.ChannelUnbound}
		}
		*c = channel{}
		return 0
	case xen.EventSend:
		if p, _ := get[xen.EvtchnPort](at); s.used(p.Port) == nil {
			return refusedBy(unix.EINVAL)
		}
		return 0
	case xen.EventStatus:
		e, _ := get[xen.EvtchnStatus](at)
		c := s.ports[e.Port]
		switch {
		case !known(e.Dom):
			return refusedBy(unix.ESRCH)
		case c == nil:
			return refusedBy(unix.EINVAL)
		}
		e.Status, e.VCPU, e.RemotePort = c.status, 0, c.remotePort
		return put(s, at, e)
	}
	return refusedBy(unix.EPERM)
}

// grantStatus makes an operation that writes a status into each of n structures.
func grantStatus[T any](s *standIn, at uint64, n uint32, size uint64, judge func(*T)) int64 {
	for i := range uint64(n) {
		g, ok := get[T](at + i*size)
		if !ok {
			return refusedBy(unix.EFAULT)
		}
		judge(&g)
		if no := put(s, at+i*size, g); no != 0 {
			return no
		}
	}
	return 0
}

func (s *standIn) grant(op, at uint64, n uint32) int64 {
	if int32(n) < 0 {
		return refusedBy(unix.EINVAL)
	}
	switch op {
	case xen.GrantQuerySizeOp:
		return grantStatus(s, at, n, 16, func(g *xen.GrantQuerySize) {
			if g.Status = xen.GrantBadDomain; known(g.Dom) {
				g.NrFrames, g.MaxNrFrames, g.Status = 1, 64, xen.GrantOkay
			}
		})
	case xen.GrantGetVersionOp:
		v, _ := get[xen.GrantGetVersion](at)
		if !known(v.Dom) {
			return refusedBy(unix.ESRCH)
		}
		v.Version = 1
		return put(s, at, v)
	case xen.GrantGetStatusFrames:
		return grantStatus(s, at, n, 16, func(g *xen.GrantStatusFrames) { g.Status = xen.GrantOkay })
	case xen.GrantMapRef:
		return grantStatus(s, at, n, 32, func(g *xen.GrantMap) { g.Status = xen.GrantBadDomain })
	case xen.GrantUnmapRef:
		return grantStatus(s, at, n, 24, func(g *xen.GrantUnmap) { g.Status = xen.GrantBadHandle })
	case xen.GrantCopyOp:
		return grantStatus(s, at, n, 40, func(g *xen.GrantCopy) {
			if g.Status = s.copyGranted(g); !known(g.Source.Dom) {
				g.Status = xen.GrantBadDomain
			}
		})
	case xen.GrantSwapRef:
		return grantStatus(s, at, n, 12, func(g *xen.GrantSwap) { g.Status = xen.GrantBadRef })
	}
	return refusedBy(unix.EPERM)
}
