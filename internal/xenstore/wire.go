// Package xenstore speaks the wire protocol of Xenstore: through /dev/xen/xenbus, as any domain's
// kernel offers it, or through the store's own socket in the domain that it runs in. Numbers and sizes
// are those of Xen's public header io/xs_wire.h, the meaning of requests that of docs/misc/xenstore.txt.
//
// Beware: through /dev/xen/xenbus two programs can refuse a request. Linux's driver handles watches and
// knows its transactions itself (drivers/xen/xenbus/xenbus_dev_frontend.c); the store sees the rest.
// What the driver does not even take is an error of the write; everything else is a reply.
package xenstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Type is what a message asks for or is (xs_wire.h enum xsd_sockmsg_type).
type Type uint32

// The types. 19 and 20 are gone and stay unused.
const (
	Control            Type = 0
	Directory          Type = 1
	Read               Type = 2
	GetPerms           Type = 3
	Watch              Type = 4
	Unwatch            Type = 5
	TransactionStart   Type = 6
	TransactionEnd     Type = 7
	Introduce          Type = 8
	Release            Type = 9
	GetDomainPath      Type = 10
	Write              Type = 11
	Mkdir              Type = 12
	Rm                 Type = 13
	SetPerms           Type = 14
	WatchEvent         Type = 15
	ErrorReply         Type = 16
	IsDomainIntroduced Type = 17
	Resume             Type = 18
	SetTarget          Type = 19
	ResetWatches       Type = 21
	DirectoryPart      Type = 22
	Invalid            Type = 0xffff // stays no type
)

// Limits of xs_wire.h, in bytes.
const (
	PayloadMax = 4096
	PathMax    = 3072 // of an absolute path
	RelPathMax = 2048 // of a path below the domain's own
	headerSize = 16
)

// Message is struct xsd_sockmsg and what follows it.
type Message struct {
	Type    Type
	Request uint32 // echoed in the reply
	Tx      uint32 // transaction, 0 for none
	Payload []byte
}

// Bytes is the message as it goes over the wire.
func (m Message) Bytes() []byte { return m.bytes(uint32(len(m.Payload))) }

// WithLength is the message with a length in its header that need not be true.
func (m Message) WithLength(n uint32) []byte { return m.bytes(n) }

func (m Message) bytes(n uint32) []byte {
	b := make([]byte, 0, headerSize+len(m.Payload))
	for _, v := range []uint32{uint32(m.Type), m.Request, m.Tx, n} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return append(b, m.Payload...)
}

// ReadMessage takes one message off r.
func ReadMessage(r io.Reader) (Message, error) {
	var h [headerSize]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return Message{}, fmt.Errorf("reading a message's header: %w", err)
	}
	le := binary.LittleEndian
	n := le.Uint32(h[12:])
	if n > PayloadMax {
		return Message{}, fmt.Errorf("a message of %d bytes, more than the %d that there may be", n, PayloadMax)
	}
	m := Message{Type(le.Uint32(h[:])), le.Uint32(h[4:]), le.Uint32(h[8:]), make([]byte, n)}
	if _, err := io.ReadFull(r, m.Payload); err != nil {
		return Message{}, fmt.Errorf("reading a message's %d bytes: %w", n, err)
	}
	return m, nil
}

// Err is the error that a reply stands for, nil for any that is none.
func (m Message) Err() error {
	if m.Type != ErrorReply {
		return nil
	}
	name := string(bytes.TrimRight(m.Payload, "\x00"))
	if no, known := errnos[name]; known {
		return no
	}
	return fmt.Errorf("an error that xs_wire.h does not list: %q", name)
}

// errnos are the errors that replies name (xs_wire.h xsd_errors).
var errnos = map[string]unix.Errno{
	"EINVAL": unix.EINVAL, "EACCES": unix.EACCES, "EEXIST": unix.EEXIST, "EISDIR": unix.EISDIR, "ENOENT": unix.ENOENT,
	"ENOMEM": unix.ENOMEM, "ENOSPC": unix.ENOSPC, "EIO": unix.EIO, "ENOTEMPTY": unix.ENOTEMPTY, "ENOSYS": unix.ENOSYS,
	"EROFS": unix.EROFS, "EBUSY": unix.EBUSY, "EAGAIN": unix.EAGAIN, "EISCONN": unix.EISCONN, "E2BIG": unix.E2BIG, "EPERM": unix.EPERM,
}

// ErrClosed is what a connection says that the store has ended.
var ErrClosed = errors.New("the store has closed the connection")

// Strings joins NUL-terminated strings, as most payloads are.
func Strings(list ...string) []byte {
	var b []byte
	for _, s := range list {
		b = append(append(b, s...), 0)
	}
	return b
}

// Split takes NUL-terminated strings apart. What follows the last NUL is lost.
func Split(b []byte) []string {
	var list []string
	for {
		s, rest, ok := bytes.Cut(b, []byte{0})
		if !ok {
			return list
		}
		list, b = append(list, string(s)), rest
	}
}
