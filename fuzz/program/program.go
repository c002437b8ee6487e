// Package program is what a fuzzer runs: a sequence of calls with their arguments, the memory that those
// point at, and values that one call leaves and a later one takes. It is readable text on disk and a slot
// of [xtest/fuzz/area] in a machine.
//
// Beware: a program holds no addresses. Pointers are places (a buffer, the unmapped page, Xen's own
// memory) until [Program.Encode] lays it out, and the versions of interfaces are the machine's.
package program

import (
	"xtest/fuzz/call"
)

// Form is how a value comes about.
type Form uint8

// The forms.
const (
	Number     Form = iota // N
	Pointer                // the address of buffer N
	From                   // what lies at offset Off, Size bytes long, of what call N's first pointer shows
	Result                 // what call N returned
	Unmapped               // an address at which nothing is mapped
	ReadOnly               // the address of memory that can be read alone
	Hypervisor             // an address in Xen's part of the address space
	Wild                   // an address that no processor takes
	Alias                  // the address of the first buffer of call N
	Version                // of the interface of hypercall N
)

// Value is one argument or one field.
type Value struct {
	Form Form
	Size uint8 // of From, in bytes
	Off  uint16
	N    uint64
}

// Place is where a buffer lies.
type Place uint8

// The places.
const (
	Anywhere Place = iota
	Straddle       // half of it on one page, half on the next
	Edge           // its end is the end of what is mapped
	Short          // it ends half-way at the end of what is mapped
)

// Field is a part of a buffer.
type Field struct {
	Name string // for people
	Off  uint32
	Size uint8 // 1, 2, 4 or 8 bytes
	Value
}

// Buffer is memory that a call points at: Size bytes, zero but for Text, which stands at its beginning, and its
// fields.
type Buffer struct {
	Place       Place
	Size        uint32
	Text        string
	First, Last int32 // in Program.Fields
}

// mapped is how many of its bytes can be accessed.
func (b Buffer) mapped() int {
	if b.Place == Short {
		return int(b.Size / 2)
	}
	return int(b.Size)
}

// Call is one call.
type Call struct {
	Op   *call.Op
	Args [6]Value
}

// Program is a sequence of calls. Its zero value is empty; [Program.Reset] keeps its memory.
type Program struct {
	Space   *call.Space
	Calls   []Call
	Buffers []Buffer
	Fields  []Field
}

// Reset empties it.
func (p *Program) Reset(s *call.Space) {
	p.Space = s
	p.Calls, p.Buffers, p.Fields = p.Calls[:0], p.Buffers[:0], p.Fields[:0]
}

// Clone copies it.
func (p *Program) Clone() *Program {
	return &Program{p.Space, append([]Call(nil), p.Calls...), append([]Buffer(nil), p.Buffers...), append([]Field(nil), p.Fields...)}
}

// BufferOf is the buffer that a call's first pointer shows.
func (p *Program) BufferOf(c int) (buffer int, ok bool) {
	for _, a := range p.Calls[c].Args {
		switch a.Form {
		case Pointer:
			return int(a.N), true
		case Alias:
			if int(a.N) < c {
				return p.BufferOf(int(a.N))
			}
		}
	}
	return 0, false
}

// Depends says whether a call takes something that an earlier one of the same program leaves, so that the
// two cannot be of one batch.
func (p *Program) Depends() bool {
	dynamic := func(v Value) bool { return v.Form == From || v.Form == Result }
	for _, c := range p.Calls {
		for _, a := range c.Args {
			if dynamic(a) {
				return true
			}
		}
	}
	for _, f := range p.Fields {
		if dynamic(f.Value) {
			return true
		}
	}
	return false
}

// Only gives the program with the calls for which keep is true. What took a value from a call that is gone
// gets 0; buffers that nobody points at are gone, too.
func (p *Program) Only(keep func(call int) bool) *Program {
	q := &Program{Space: p.Space}
	moved := make([]int, len(p.Calls))
	buffers := map[uint64]uint64{}
	var value func(v Value) Value
	buffer := func(n uint64) uint64 {
		if b, ok := buffers[n]; ok {
			return b
		}
		at := uint64(len(q.Buffers))
		buffers[n] = at
		b := p.Buffers[n]
		q.Buffers = append(q.Buffers, b)
		var fields []Field
		for _, f := range p.Fields[b.First:b.Last] {
			f.Value = value(f.Value)
			fields = append(fields, f)
		}
		q.Buffers[at].First = int32(len(q.Fields))
		q.Fields = append(q.Fields, fields...)
		q.Buffers[at].Last = int32(len(q.Fields))
		return at
	}
	value = func(v Value) Value {
		switch v.Form {
		case Pointer:
			v.N = buffer(v.N)
		case From, Result, Alias:
			if v.N >= uint64(len(moved)) || moved[v.N] < 0 {
				return Value{}
			}
			v.N = uint64(moved[v.N])
		}
		return v
	}
	for i := range moved {
		moved[i] = -1
	}
	for i, c := range p.Calls {
		if !keep(i) {
			continue
		}
		moved[i] = len(q.Calls)
		for a := range c.Args {
			c.Args[a] = value(c.Args[a])
		}
		q.Calls = append(q.Calls, c)
	}
	return q
}
