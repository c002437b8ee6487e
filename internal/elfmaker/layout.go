package elfmaker

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"slices"
)

const (
	page = 0x1000
	base = 0x400000 // of programs; libraries are loaded anywhere

	omitted = 0xff // DW_EH_PE_omit, LSB 5.0 Core 10.5.1
)

// Bytes lays the file out: a segment to read and execute, with the tables of the dynamic linker, and
// one to write.
func (o Object) Bytes() []byte {
	a := &assembler{slots: map[Symbol]int{}, thread: map[Symbol]int{}, copies: map[Symbol]int{}}
	if o.Interp != "" {
		a.program(o.Steps)
	}
	t := &tables{object: o, strings: []byte{0}, entries: map[string]int{}}
	for _, f := range o.Functions {
		kind := elf.STT_FUNC
		if f.Chooses != "" {
			kind = elf.STT_GNU_IFUNC
		}
		t.define(f.Name, f.Version, kind, inCode, a.function(f, t.entries), 0)
	}
	for _, d := range o.Data {
		t.define(d.Name, d.Version, elf.STT_OBJECT, inData, a.place(le.AppendUint64(nil, d.Value)), 8)
	}
	var tls []byte
	for _, d := range o.Threads {
		t.define(d.Name, d.Version, elf.STT_TLS, inThread, len(tls), 8)
		tls = le.AppendUint64(tls, d.Value)
	}
	tlsAt := a.place(tls)
	framesAt := a.place([]byte{1, omitted, omitted, omitted})
	init, fini := t.array(a, o.InitArray), t.array(a, o.FiniArray)
	t.want(a)

	var origin uint64
	headers := 5 // two to load, the dynamic section, the stack, thread-local data
	if o.Interp != "" {
		headers++
	}
	switch {
	case o.Interp == "":
	case o.PIE:
		headers++ // the headers themselves, by which the dynamic linker finds out where it is
	default:
		origin = base
	}
	if o.Protected {
		headers += 2
	}
	head := 64 + 56*headers
	interp := append([]byte(o.Interp), 0)
	// The read-only tables' sizes do not depend on addresses, which are put in when all are known.
	at := uint64(head)
	next := func(size int) uint64 {
		at = (at + 15) &^ 15
		here := at
		at += uint64(size)
		return here
	}
	t.finish()
	interpAt, hashAt := next(len(interp)), next(len(t.hash()))
	symAt, strAt, versymAt := next(24*(len(t.symbols)+1)), next(len(t.strings)), next(2*(len(t.symbols)+1))
	needAt, defAt, relaAt := next(len(t.verneed)), next(len(t.verdef)), next(24*len(t.relocations))
	codeAt := next(len(a.code))
	dynAt := (at + page - 1) &^ (page - 1)

	tableAt := map[elf.DynTag]uint64{
		elf.DT_HASH: hashAt, elf.DT_SYMTAB: symAt, elf.DT_STRTAB: strAt, elf.DT_VERSYM: versymAt,
		elf.DT_VERNEED: needAt, elf.DT_VERDEF: defAt, elf.DT_RELA: relaAt,
	}
	dataAt := (dynAt + uint64(len(t.dynamic(tableAt, origin, codeAt, 0, init, fini))) + 15) &^ 15
	if o.Protected { // what is protected ends where a page does
		dataAt = (dataAt + page - 1) &^ (page - 1)
	}
	dyn := t.dynamic(tableAt, origin, codeAt, dataAt, init, fini)
	seg := func(place place, offset int) uint64 {
		switch place {
		case inCode:
			return origin + codeAt + uint64(offset)
		case inData:
			return origin + dataAt + uint64(offset)
		}
		return uint64(offset)
	}
	for _, f := range a.fixups {
		to := seg(inData, f.target.offset)
		if f.target.code {
			to = seg(inCode, f.target.offset)
		}
		le.PutUint32(a.code[f.at:], uint32(to-(seg(inCode, f.at)+4)))
	}
	file := make([]byte, dataAt+uint64(len(a.data)))
	for _, part := range []struct {
		at   uint64
		data []byte
	}{
		{interpAt, interp}, {hashAt, t.hash()}, {symAt, t.symbolTable(seg)}, {strAt, t.strings}, {versymAt, t.versym()},
		{needAt, t.verneed}, {defAt, t.verdef}, {relaAt, t.relocationTable(seg)}, {codeAt, a.code}, {dynAt, dyn}, {dataAt, a.data},
	} {
		copy(file[part.at:], part.data)
	}
	h := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Version: 1, Entry: seg(inCode, 0),
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: uint16(headers), Shentsize: 64,
	}
	segment := func(kind elf.ProgType, flags elf.ProgFlag, from, to, align uint64) elf.Prog64 {
		return elf.Prog64{Type: uint32(kind), Flags: uint32(flags), Off: from, Vaddr: origin + from, Paddr: origin + from, Filesz: to - from, Memsz: to - from, Align: align}
	}
	list := []elf.Prog64{
		segment(elf.PT_LOAD, elf.PF_R|elf.PF_X, 0, codeAt+uint64(len(a.code)), page),
		segment(elf.PT_LOAD, elf.PF_R|elf.PF_W, dynAt, uint64(len(file)), page),
		segment(elf.PT_DYNAMIC, elf.PF_R|elf.PF_W, dynAt, dynAt+uint64(len(dyn)), 8),
		{Type: uint32(elf.PT_GNU_STACK), Flags: uint32(elf.PF_R | elf.PF_W), Align: 16},
		segment(elf.PT_TLS, elf.PF_R, dataAt+uint64(tlsAt), dataAt+uint64(tlsAt+len(tls)), 16),
	}
	if len(tls) == 0 {
		list[4].Type = uint32(elf.PT_NULL)
	}
	if o.Protected {
		frames := dataAt + uint64(framesAt)
		list = append(list, segment(elf.PT_GNU_RELRO, elf.PF_R, dynAt, dataAt, 1), segment(elf.PT_GNU_EH_FRAME, elf.PF_R, frames, frames+4, 4))
	}
	if o.Interp != "" {
		list = slices.Insert(list, 0, segment(elf.PT_INTERP, elf.PF_R, interpAt, interpAt+uint64(len(interp)), 1))
		h.Type = uint16(elf.ET_EXEC)
		if o.PIE { // first of all: what follows is found by it
			list = slices.Insert(list, 0, segment(elf.PT_PHDR, elf.PF_R, 64, uint64(head), 8))
			h.Type = uint16(elf.ET_DYN)
		}
	}
	var start bytes.Buffer
	if err := errors.Join(binary.Write(&start, le, h), binary.Write(&start, le, list)); err != nil {
		panic(err) // neither holds anything of variable size
	}
	copy(file, start.Bytes())
	return file
}
