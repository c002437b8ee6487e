package xen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// Early is a hypercall that an HVM domain's firmware makes from 32-bit code without paging, before there is a
// kernel. The table of them lies in the domain's memory, where the kernel finds the results.
type Early struct {
	Number uint32
	Args   [MaxArgs]uint32
	Result int32 // when it was made
}

// EarlyTable is the table's physical address, and EarlyCalls where the calls begin in it: 32 bytes each, number,
// arguments, result and one of the states, which end with 0.
const (
	EarlyTable = 0xe0000
	EarlyCalls = EarlyTable + earlyHead
)

// States of a call in the table, at EarlyState in it; the result is at EarlyResult.
const (
	EarlyWanted = 1
	EarlyMade   = 2
	EarlyResult = 24
	EarlyState  = 28
	EarlySize   = 32
)

const (
	earlyMagic = 0x32337972746e6578
	earlyHead  = 16
	earlyLimit = 0x10000 // of the table, in bytes
	// earlyUnmapped is an address at which such a domain has no memory.
	earlyUnmapped = 0xfffff000
)

// Earlies are the calls to be made: those that the header gives no number or HVM domains no right to, and every
// sub-operation with a structure that is not there.
func Earlies() []Early {
	var list []Early
	for _, n := range Holes() {
		list = append(list, Early{Number: uint32(n)})
	}
	const iret = 23 // has no instruction to call it by, in HVM domains
	for _, h := range PVOnly() {
		if h.Number != iret {
			list = append(list, Early{Number: uint32(h.Number)})
		}
	}
	for _, h := range Table() {
		if h.SubOp == None || h.Pointer == None || h.Number == XenoprofOp {
			continue
		}
		for _, o := range h.Ops {
			if o.Bare {
				continue
			}
			e := Early{Number: uint32(h.Number)}
			e.Args[h.SubOp], e.Args[h.Pointer] = uint32(o.Number), earlyUnmapped
			if h.Count != None {
				e.Args[h.Count] = 1
			}
			list = append(list, e)
		}
	}
	return list
}

// EncodeEarly makes the table.
func EncodeEarly(list []Early) ([]byte, error) {
	if size := earlyHead + EarlySize*(len(list)+1); size > earlyLimit {
		return nil, fmt.Errorf("%d calls do not fit into the table of those made before the kernel", len(list))
	}
	le := binary.LittleEndian
	b := le.AppendUint64(nil, earlyMagic)
	b = le.AppendUint64(b, uint64(len(list)))
	for _, e := range list {
		b = le.AppendUint32(b, e.Number)
		for _, a := range e.Args {
			b = le.AppendUint32(b, a)
		}
		b = le.AppendUint32(le.AppendUint32(b, 0), EarlyWanted)
	}
	return append(b, make([]byte, EarlySize)...), nil
}

// ReadEarly gives the calls that this domain's firmware has made.
func ReadEarly() ([]Early, error) {
	f, err := os.Open("/dev/mem")
	if err != nil {
		return nil, fmt.Errorf("reading what the firmware has called: %w", err)
	}
	defer f.Close()
	b := make([]byte, earlyLimit)
	if _, err := f.ReadAt(b, EarlyTable); err != nil {
		return nil, fmt.Errorf("reading what the firmware has called: %w", err)
	}
	return decodeEarly(b)
}

func decodeEarly(b []byte) ([]Early, error) {
	le := binary.LittleEndian
	n := le.Uint64(b[8:])
	if le.Uint64(b) != earlyMagic || n > uint64(len(b)-earlyHead)/EarlySize {
		return nil, errors.New("no firmware made calls from 32-bit code: this domain did not start from xtest's")
	}
	var list []Early
	for r := b[earlyHead:]; uint64(len(list)) < n; r = r[EarlySize:] {
		if le.Uint32(r[EarlyState:]) != EarlyMade {
			return nil, fmt.Errorf("the firmware made %d of %d calls", len(list), n)
		}
		e := Early{Number: le.Uint32(r), Result: int32(le.Uint32(r[EarlyResult:]))}
		for i := range e.Args {
			e.Args[i] = le.Uint32(r[4+4*i:])
		}
		list = append(list, e)
	}
	return list, nil
}
