package ns

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Attributes of RTM_NEWNSID: linux/net_namespace.h. The group is RTNLGRP_NSID of linux/rtnetlink.h, since
// Linux 4.0 (NETNSA_NSID) and 3.20.
const (
	netnsaNSID = 1
	netnsaPID  = 2
	// GroupNSID is the multicast group that tells of network namespaces' numbers given and taken.
	GroupNSID = 28
)

func number(n int) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(n)) }

// Link asks for an interface of a kind (IFLA_INFO_KIND: "dummy", "bridge", "vlan", "macvlan"), on top of
// the interface with the index lower unless that is 0. Data is the kind's own IFLA_INFO_DATA, or nil.
func Link(kind, name string, lower int, data []byte) *Request {
	info := attr(unix.IFLA_INFO_KIND, []byte(kind))
	if data != nil {
		info = append(info, attr(unix.IFLA_INFO_DATA, data)...)
	}
	r := NewRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, unix.IfInfomsg{}).
		Attr(unix.IFLA_IFNAME, append([]byte(name), 0)).Attr(unix.IFLA_LINKINFO, info)
	if lower != 0 {
		r.Attr(unix.IFLA_LINK, number(lower))
	}
	return r
}

// VLAN is the data of a vlan link: IEEE 802.1Q's identifier, from 1 to 4094.
func VLAN(id uint16) []byte {
	return attr(unix.IFLA_VLAN_ID, binary.NativeEndian.AppendUint16(nil, id))
}

// VXLAN is the data of a vxlan link: its network identifier, of 24 bits. IFLA_VXLAN_ID is 1 in
// linux/if_link.h.
func VXLAN(id int) []byte { return attr(1, number(id)) }

// IPIP is the data of an ipip link: where the tunnel ends. IFLA_IPTUN_REMOTE is 3 in linux/if_tunnel.h.
func IPIP(remote netip.Addr) []byte {
	a := remote.As4()
	return attr(3, a[:])
}

// LinkUp asks for an interface to be brought up, and to become part of a bridge unless that is 0.
func LinkUp(index, bridge int) *Request {
	r := NewRequest(unix.RTM_NEWLINK, 0, unix.IfInfomsg{Index: int32(index), Flags: unix.IFF_UP, Change: unix.IFF_UP})
	if bridge != 0 {
		r.Attr(unix.IFLA_MASTER, number(bridge))
	}
	return r
}

// Address asks for an IPv4 address with its network on an interface.
func Address(index int, p netip.Prefix) *Request {
	addr := p.Addr().As4()
	return NewRequest(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL,
		unix.IfAddrmsg{Family: unix.AF_INET, Prefixlen: uint8(p.Bits()), Index: uint32(index)}).
		Attr(unix.IFA_LOCAL, addr[:]).Attr(unix.IFA_ADDRESS, addr[:])
}

// Route asks for an IPv4 route to a network through a gateway.
func Route(to netip.Prefix, gateway netip.Addr) *Request {
	dst, via := to.Addr().As4(), gateway.As4()
	return NewRequest(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, unix.RtMsg{
		Family: unix.AF_INET, Dst_len: uint8(to.Bits()), Table: unix.RT_TABLE_MAIN,
		Protocol: unix.RTPROT_BOOT, Scope: unix.RT_SCOPE_UNIVERSE, Type: unix.RTN_UNICAST,
	}).Attr(unix.RTA_DST, dst[:]).Attr(unix.RTA_GATEWAY, via[:])
}

// Neighbour asks for a permanent entry of an interface's neighbour table.
func Neighbour(index int, a netip.Addr, mac [6]byte) *Request {
	dst := a.As4()
	return NewRequest(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE, unix.NdMsg{
		Family: unix.AF_INET, Ifindex: int32(index), State: unix.NUD_PERMANENT,
	}).Attr(unix.NDA_DST, dst[:]).Attr(unix.NDA_LLADDR, mac[:])
}

// NameNamespace asks for a process's network namespace to get a number in the asker's: its end is then
// told to [GroupNSID].
func NameNamespace(pid, id int) *Request {
	// struct rtgenmsg is one byte; the attributes start at the next multiple of four.
	return NewRequest(unix.RTM_NEWNSID, 0, [4]byte{unix.AF_UNSPEC}).
		Attr(netnsaNSID, number(id)).Attr(netnsaPID, number(pid))
}

// Event is one message of a multicast group.
type Event struct {
	Kind  uint16 // RTM_*
	Index int    // of the interface, for RTM_*LINK
	NSID  int    // for RTM_*NSID
}

// Events reads the messages out of what one recv(2) gave. What is cut short is an error.
func Events(b []byte) (all []Event, err error) {
	for len(b) > 0 {
		if len(b) < unix.SizeofNlMsghdr {
			return all, fmt.Errorf("netlink: %d bytes at the end are no header", len(b))
		}
		n := int(binary.NativeEndian.Uint32(b))
		if n < unix.SizeofNlMsghdr || n > len(b) {
			return all, fmt.Errorf("netlink: a message of %d bytes in %d", n, len(b))
		}
		e, body := Event{Kind: binary.NativeEndian.Uint16(b[4:])}, b[unix.SizeofNlMsghdr:n]
		switch e.Kind {
		case unix.RTM_NEWLINK, unix.RTM_DELLINK:
			if len(body) >= unix.SizeofIfInfomsg {
				e.Index = int(int32(binary.NativeEndian.Uint32(body[4:])))
			}
		case unix.RTM_NEWNSID, unix.RTM_DELNSID:
			if len(body) >= 4 {
				e.NSID = nsid(body[4:])
			}
		}
		all = append(all, e)
		b = b[min((n+3)&^3, len(b)):]
	}
	return all, nil
}

func nsid(b []byte) int {
	for len(b) >= 4 {
		n, kind := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])
		if n < 4 || n > len(b) {
			break
		}
		if kind == netnsaNSID && n >= 8 {
			return int(int32(binary.NativeEndian.Uint32(b[4:])))
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return -1 // NETNSA_NSID_NOT_ASSIGNED
}
