package kvm

import "encoding/binary"

// Selectors of the guest's segments.
const (
	code0Sel = 1 << 3
	data0Sel = 2 << 3
	code3Sel = 3<<3 | 3
	data3Sel = 4<<3 | 3
	tssSel   = 5 << 3
)

// Bits of control registers, AMD64 Architecture Programmer's Manual 2, 3.1.
const (
	cr0PE, cr0MP, cr0ET, cr0NE, cr0PG = 1 << 0, 1 << 1, 1 << 4, 1 << 5, 1 << 31
	cr4PAE, cr4OSFXSR, cr4OSXMMEXCPT  = 1 << 5, 1 << 9, 1 << 10
	eferLME, eferLMA                  = 1 << 8, 1 << 10
	// At IOPL 3 programs of CPL 3 may write to ports, too. Interrupts are off.
	flagsIOPL3 = 0x3002
)

// codeSegment and dataSegment are flat segments of a privilege level.
func codeSegment(m Mode, dpl uint8, selector uint16) segment {
	s := segment{Limit: 0xffffffff, Selector: selector, Type: 11, Present: 1, DPL: dpl, S: 1, Granularity: 1, DB: 1}
	if m == Long {
		s.L, s.DB = 1, 0
	}
	return s
}

func dataSegment(dpl uint8, selector uint16) segment {
	return segment{Limit: 0xffffffff, Selector: selector, Type: 3, Present: 1, DPL: dpl, S: 1, Granularity: 1, DB: 1}
}

// descriptor is the segment as it stands in the global descriptor table.
func (s segment) descriptor() uint64 {
	limit := uint64(s.Limit)
	if s.Granularity == 1 {
		limit >>= 12
	}
	d := limit&0xffff | s.Base&0xffffff<<16 | uint64(s.Type)<<40 | uint64(s.S)<<44 | uint64(s.DPL)<<45 | uint64(s.Present)<<47
	return d | limit>>16&0xf<<48 | uint64(s.L)<<53 | uint64(s.DB)<<54 | uint64(s.Granularity)<<55 | s.Base>>24&0xff<<56
}

// handlerMode is the mode in which exceptions are handled: in long mode that is 64-bit code always.
func (m Mode) handlerMode() Mode {
	if m == Compat {
		return Long
	}
	return m
}

// fill writes page tables, descriptor tables and program into a guest's memory.
func fill(memory []byte, c *Config, p program) {
	le := binary.LittleEndian
	put := func(at int, v uint64) { le.PutUint64(memory[at:], v) }
	const present, writable, user, large = 1, 2, 4, 0x80
	put(pml4At, pdptAt|present|writable|user)
	put(pdptAt, pdAt|present|writable|user)
	for i := range GuestMemory >> 21 {
		put(pdAt+8*i, uint64(i)<<21|present|writable|user|large)
	}
	copy(memory[codeAt:], p.code)
	copy(memory[handlersAt:], p.handlers)
	handling := c.Mode.handlerMode()
	for _, s := range []segment{
		codeSegment(handling, 0, code0Sel), dataSegment(0, data0Sel), codeSegment(c.Mode, 3, code3Sel), dataSegment(3, data3Sel), taskSegment(),
	} {
		put(gdtAt+int(s.Selector&^7), s.descriptor())
	}
	const interruptGate = 0x8e00 // of CPL 0
	for v := range uint64(numVectors) {
		at := handlersAt + v*p.handlerSize
		gate := at&0xffff | code0Sel<<16 | interruptGate<<32 | at>>16<<48
		if handling == Long {
			put(idtAt+16*int(v), gate)
		} else {
			put(idtAt+8*int(v), gate)
		}
	}
	if handling == Long {
		put(tssAt+4, stackTop) // RSP0
	} else {
		le.PutUint32(memory[tssAt+4:], stackTop) // ESP0
		le.PutUint32(memory[tssAt+8:], data0Sel)
	}
}

func taskSegment() segment {
	return segment{Base: tssAt, Limit: 0x67, Selector: tssSel, Type: 11, Present: 1}
}

// set gives the special registers what the configuration asks for.
func (s *sregs) set(c *Config) {
	code, data := codeSegment(c.Mode, 0, code0Sel), dataSegment(0, data0Sel)
	if c.CPL == 3 {
		code, data = codeSegment(c.Mode, 3, code3Sel), dataSegment(3, data3Sel)
	}
	s.CS, s.DS, s.ES, s.FS, s.GS, s.SS = code, data, data, data, data, data
	s.TR = taskSegment()
	s.LDT = segment{Unusable: 1}
	s.GDT = descriptorTable{Base: gdtAt, Limit: 6*8 + 7}
	s.IDT = descriptorTable{Base: idtAt, Limit: numVectors*16 - 1}
	s.CR0, s.CR4, s.EFER = cr0PE|cr0MP|cr0ET|cr0NE, cr4OSFXSR|cr4OSXMMEXCPT, 0
	if c.Mode != Protected {
		s.CR0, s.CR3, s.CR4, s.EFER = s.CR0|cr0PG, pml4At, s.CR4|cr4PAE, eferLME|eferLMA
	}
}
