package ns

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// Attributes of links that x/sys/unix lacks: linux/veth.h.
const vethInfoPeer = 1

// Request is an rtnetlink request being written (rtnetlink(7), linux/netlink.h).
type Request struct {
	kind, flags uint16
	body        []byte
}

// NewRequest starts a request of an RTM_ kind with its fixed header.
func NewRequest(kind, flags uint16, header any) *Request {
	body, err := binary.Append(nil, binary.NativeEndian, header)
	if err != nil {
		panic(fmt.Sprintf("netlink request: %T is no fixed-size header", header))
	}
	return &Request{kind, flags | unix.NLM_F_REQUEST | unix.NLM_F_ACK, body}
}

// Attr adds an attribute.
func (r *Request) Attr(kind uint16, value []byte) *Request {
	r.body = append(r.body, attr(kind, value)...)
	return r
}

func attr(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, -len(b)&3)...)
}

// Bytes gives the whole message.
func (r *Request) Bytes() []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(r.body)))
	b = binary.NativeEndian.AppendUint16(b, r.kind)
	b = binary.NativeEndian.AppendUint16(b, r.flags)
	b = append(b, make([]byte, 8)...) // sequence and port: one request is under way at a time
	return append(b, r.body...)
}

// Veth asks for a pair of connected interfaces.
func Veth(name, peer string) *Request {
	far, _ := binary.Append(nil, binary.NativeEndian, unix.IfInfomsg{})
	far = append(far, attr(unix.IFLA_IFNAME, append([]byte(peer), 0))...)
	info := append(attr(unix.IFLA_INFO_KIND, []byte("veth")),
		attr(unix.IFLA_INFO_DATA, attr(vethInfoPeer, far))...)
	return NewRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, unix.IfInfomsg{}).
		Attr(unix.IFLA_IFNAME, append([]byte(name), 0)).Attr(unix.IFLA_LINKINFO, info)
}

// MoveLink asks for the named interface to be moved into the network namespace of a process.
func MoveLink(name string, pid int) *Request {
	return NewRequest(unix.RTM_NEWLINK, 0, unix.IfInfomsg{}).
		Attr(unix.IFLA_IFNAME, append([]byte(name), 0)).
		Attr(unix.IFLA_NET_NS_PID, binary.NativeEndian.AppendUint32(nil, uint32(pid)))
}

// Acknowledged reads the error number out of the answer to a request: nil for success, a
// unix.Errno for a refusal.
func Acknowledged(answer []byte) error {
	if len(answer) < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return fmt.Errorf("netlink: %d bytes that are no acknowledgement", len(answer))
	}
	if no := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); no != 0 {
		return unix.Errno(-no)
	}
	return nil
}

// MoveLinkTo asks for the named interface to be moved into the network namespace of a descriptor.
func MoveLinkTo(name string, fd int) *Request {
	return NewRequest(unix.RTM_NEWLINK, 0, unix.IfInfomsg{}).
		Attr(unix.IFLA_IFNAME, append([]byte(name), 0)).
		Attr(unix.IFLA_NET_NS_FD, binary.NativeEndian.AppendUint32(nil, uint32(fd)))
}

// NumberNamespace gives the network namespace of a descriptor a number in the caller's.
func NumberNamespace(fd int, number uint32) *Request {
	return NewRequest(unix.RTM_NEWNSID, 0, [4]byte{}). // struct rtgenmsg, padded
								Attr(unix.NETNSA_FD, binary.NativeEndian.AppendUint32(nil, uint32(fd))).
								Attr(unix.NETNSA_NSID, binary.NativeEndian.AppendUint32(nil, number))
}
