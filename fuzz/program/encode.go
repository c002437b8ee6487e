package program

import (
	"encoding/binary"
	"errors"

	"xtest/fuzz/area"
	"xtest/internal/xen"
)

// ErrFull says that a slot has no room for a program.
var ErrFull = errors.New("the slot is full")

// Layout is what a machine's calls have to be laid out for.
type Layout struct {
	// Data is the address of a slot's data, 0: as the area has it.
	Data            uint64
	Sysctl, Domctl  uint32 // versions of the interfaces
	Unmapped, Fixed uint64 // addresses; 0: the area's
}

// Encoder lays programs out into a slot, one behind the other.
type Encoder struct {
	Layout
	slot  area.Slot
	mode  int
	calls int
	used  int // bytes of data from the beginning
	edges int // that have a buffer
	at    []int
	data  []byte
}

// Begin takes a slot, whose data become zero as far as they were used.
func (e *Encoder) Begin(s area.Slot, mode int) {
	e.slot, e.mode, e.calls, e.used, e.edges, e.data = s, mode, 0, 0, 0, s.Data()
}

// Calls is how many calls there are so far.
func (e *Encoder) Calls() int { return e.calls }

// End closes the slot.
func (e *Encoder) End() { e.slot.Begin(e.calls, e.mode) }

const align = 16

// dataAddr is the address of the data as the callee has it.
func (e *Encoder) dataAddr() uint64 {
	if e.Data != 0 {
		return e.Data
	}
	return e.slot.DataAddr()
}

// place finds room for a buffer and gives its offset.
func (e *Encoder) place(b Buffer) (int, bool) {
	n := b.mapped()
	switch b.Place {
	case Edge, Short:
		if e.edges == area.Edges || n > area.Page {
			return 0, false
		}
		e.edges++
		return area.EdgeEnd(e.edges-1) - n, true
	case Straddle:
		edge := (e.used + n/2 + area.Page - 1) &^ (area.Page - 1)
		at := edge - n/2
		if at+n > area.DataSize {
			return 0, false
		}
		e.used = at + n
		return at, true
	}
	at := (e.used + align - 1) &^ (align - 1)
	if at+n > area.DataSize {
		return 0, false
	}
	e.used = at + n
	return at, true
}

// Encode adds a program. With [ErrFull] the slot is as it was.
func (e *Encoder) Encode(p *Program) error {
	used, edges, first := e.used, e.edges, e.calls
	limit := area.SlotCalls
	if first+len(p.Calls) > limit {
		return ErrFull
	}
	e.at = e.at[:0]
	for _, b := range p.Buffers {
		at, ok := e.place(b)
		if !ok {
			e.used, e.edges = used, edges
			return ErrFull
		}
		e.at = append(e.at, at)
	}
	for i := range p.Calls {
		e.call(p, first, i)
	}
	e.calls += len(p.Calls)
	return nil
}

func (e *Encoder) call(p *Program, first, i int) {
	c := &p.Calls[i]
	var args [6]uint64
	n := first + i
	if e.mode == area.Multicall {
		for a := range c.Args {
			args[a] = e.value(p, c.Args[a])
		}
		*e.slot.Entry(n) = [8]uint64{c.Op.Number, area.Pending, args[0], args[1], args[2], args[3], args[4], args[5]}
		for _, v := range c.Args {
			e.fill(p, v, nil, first)
		}
		return
	}
	r := e.slot.Record(n)
	*r = area.Record{Op: c.Op.Number}
	if i == 0 {
		r.State = area.First
	}
	for a, v := range c.Args {
		r.Args[a] = e.value(p, v)
		e.fix(p, r, first, v, uint32(n*area.RecordSize+8+8*a), 8)
		e.fill(p, v, r, first)
	}
}

// fill writes the buffer that a value shows, and those that are in it.
func (e *Encoder) fill(p *Program, v Value, r *area.Record, first int) {
	if v.Form != Pointer {
		return
	}
	b := p.Buffers[v.N]
	at := e.at[v.N]
	mem := e.data[at : at+b.mapped()]
	clear(mem)
	copy(mem, b.Text)
	for k := b.First; k < b.Last; k++ {
		f := &p.Fields[k]
		end := int(f.Off) + int(f.Size)
		if end > len(mem) {
			continue
		}
		x := e.value(p, f.Value)
		switch f.Size {
		case 8:
			binary.LittleEndian.PutUint64(mem[f.Off:], x)
		case 4:
			binary.LittleEndian.PutUint32(mem[f.Off:], uint32(x))
		case 2:
			binary.LittleEndian.PutUint16(mem[f.Off:], uint16(x))
		default:
			mem[f.Off] = byte(x)
		}
		if f.Form == Number {
			continue
		}
		if r != nil {
			e.fix(p, r, first, f.Value, uint32(e.dataOffset()+at+int(f.Off)), f.Size)
		}
		e.fill(p, f.Value, r, first)
	}
}

// dataOffset is where the data begin, counted as fixups count.
func (e *Encoder) dataOffset() int {
	_, data := e.slot.Fixed()
	return data
}

// fix has the guest put a value in its place that is known there alone.
func (e *Encoder) fix(p *Program, r *area.Record, first int, v Value, to uint32, size uint8) {
	if r.Fixes == area.MaxFixups || v.N >= uint64(len(p.Calls)) {
		return
	}
	f := area.Fixup{To: to, Size: uint32(size)}
	switch v.Form {
	case Result:
		f.From = uint32((first+int(v.N))*area.RecordSize + 56)
	case From:
		b, ok := p.BufferOf(int(v.N))
		if !ok || int(v.Off)+int(v.Size) > p.Buffers[b].mapped() {
			return // it is not there
		}
		f.From, f.Size = uint32(e.dataOffset()+e.at[b]+int(v.Off)), min(uint32(size), uint32(v.Size))
	default:
		return
	}
	r.Fixups[r.Fixes] = f
	r.Fixes++
}

// noncanonical is an address that no processor takes.
const noncanonical = 0x8000_0000_0000_0000

// value is what a value is when the call is laid out.
func (e *Encoder) value(p *Program, v Value) uint64 {
	switch v.Form {
	case Number:
		return v.N
	case Pointer:
		return e.dataAddr() + uint64(e.at[v.N])
	case Alias:
		if b, ok := p.BufferOf(int(v.N)); ok {
			return e.dataAddr() + uint64(e.at[b])
		}
	case Unmapped:
		if e.Unmapped != 0 {
			return e.Unmapped
		}
		return e.dataAddr() + uint64(area.EdgeEnd(0))
	case ReadOnly:
		if e.Fixed != 0 {
			return e.Fixed
		}
		return area.ReadOnly
	case Hypervisor:
		return xen.VirtStart
	case Wild:
		return noncanonical
	case Version:
		if v.N == xen.DomctlOp {
			return uint64(e.Domctl)
		}
		return uint64(e.Sysctl)
	}
	return 0
}

// BufferAddr is where in the slot's data a buffer of the program lies that was encoded last.
func (e *Encoder) BufferAddr(b int) int { return e.at[b] }
