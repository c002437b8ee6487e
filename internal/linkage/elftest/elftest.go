// Package elftest writes ELF files for tests: shared libraries and programs as far as package linkage
// reads them. Beware: they cannot be executed.
package elftest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"slices"
)

// Image describes a shared library: x86-64, with sections alone. The zero value of each field leaves
// out what it is about.
type Image struct {
	Machine elf.Machine // EM_X86_64 when zero
	Kind    elf.Type    // ET_DYN when zero
	SOName  string
	Needed  []string
	RunPath string
	Wants   map[string]string // a version sought, by library
	Symbols []Symbol
	Execute bool // PT_GNU_STACK with PF_X
	NoHash  bool
	Note    []byte // .note.ABI-tag
	Interp  string
}

// Symbol is one that an image defines: a global function, unless it says otherwise.
type Symbol struct {
	Name, Version string
	Object, Weak  bool
	Size, Value   uint64
	Hidden        bool
}

// Bytes lays the file out: header, program headers, sections, section headers.
func (im Image) Bytes() []byte {
	le := binary.LittleEndian
	strs := []byte{0}
	str := func(s string) uint32 {
		at := len(strs)
		strs = append(append(strs, s...), 0)
		return uint32(at)
	}
	// Version 1 is the file's own name; those of symbols follow, then those sought.
	versions := []string{im.SOName}
	syms, versym := make([]byte, 24), le.AppendUint16(nil, 0)
	for _, s := range im.Symbols {
		kind, bind, index := elf.STT_FUNC, elf.STB_GLOBAL, uint16(1)
		if s.Weak {
			bind = elf.STB_WEAK
		}
		if s.Object {
			kind = elf.STT_OBJECT
		}
		if s.Version != "" {
			at := slices.Index(versions[1:], s.Version) + 1
			if at == 0 {
				versions = append(versions, s.Version)
				at = len(versions) - 1
			}
			index = uint16(at + 1)
		}
		if s.Hidden {
			index |= 0x8000
		}
		syms = le.AppendUint32(syms, str(s.Name))
		syms = append(syms, elf.ST_INFO(bind, kind), 0)
		syms = le.AppendUint16(syms, 1)
		syms = le.AppendUint64(syms, s.Value)
		syms = le.AppendUint64(syms, s.Size)
		versym = le.AppendUint16(versym, index)
	}
	var verdef []byte
	for i, v := range versions {
		next := uint32(28)
		if i == len(versions)-1 {
			next = 0
		}
		for _, h := range []uint16{1, 0, uint16(i + 1), 1} {
			verdef = le.AppendUint16(verdef, h)
		}
		for _, w := range []uint32{0, 20, next, str(v), 0} {
			verdef = le.AppendUint32(verdef, w)
		}
	}
	var verneed []byte
	left := len(im.Wants)
	for lib, v := range im.Wants {
		next := uint32(32)
		if left--; left == 0 {
			next = 0
		}
		verneed = le.AppendUint16(le.AppendUint16(verneed, 1), 1)
		for _, w := range []uint32{str(lib), 16, next} {
			verneed = le.AppendUint32(verneed, w)
		}
		verneed = le.AppendUint32(verneed, 0)
		verneed = le.AppendUint16(le.AppendUint16(verneed, 0), uint16(len(versions)+1))
		verneed = le.AppendUint32(le.AppendUint32(verneed, str(v)), 0)
	}
	var dyn []byte
	tag := func(t elf.DynTag, v uint64) {
		dyn = le.AppendUint64(le.AppendUint64(dyn, uint64(t)), v)
	}
	if im.SOName != "" {
		tag(elf.DT_SONAME, uint64(str(im.SOName)))
	}
	for _, n := range im.Needed {
		tag(elf.DT_NEEDED, uint64(str(n)))
	}
	if im.RunPath != "" {
		tag(elf.DT_RUNPATH, uint64(str(im.RunPath)))
	}
	if !im.NoHash {
		tag(elf.DT_GNU_HASH, 1)
	}
	tag(elf.DT_NULL, 0)

	type section struct {
		name string
		kind elf.SectionType
		link uint32
		data []byte
	}
	sections := []section{
		{"", elf.SHT_NULL, 0, nil}, {".dynstr", elf.SHT_STRTAB, 0, strs}, {".dynsym", elf.SHT_DYNSYM, 1, syms},
		{".dynamic", elf.SHT_DYNAMIC, 1, dyn}, {".gnu.version", elf.SHT_GNU_VERSYM, 2, versym},
	}
	if len(versions) > 1 {
		sections = append(sections, section{".gnu.version_d", elf.SHT_GNU_VERDEF, 1, verdef})
	}
	if verneed != nil {
		sections = append(sections, section{".gnu.version_r", elf.SHT_GNU_VERNEED, 1, verneed})
	}
	if im.Note != nil {
		sections = append(sections, section{".note.ABI-tag", elf.SHT_NOTE, 0, im.Note})
	}
	sections = append(sections, section{".shstrtab", elf.SHT_STRTAB, 0, nil})
	var names, body bytes.Buffer
	h := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1},
		Type:  uint16(max(im.Kind, 1)), Machine: uint16(im.Machine), Version: 1,
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 2, Shentsize: 64, Shnum: uint16(len(sections)), Shstrndx: uint16(len(sections) - 1),
	}
	if im.Kind == 0 {
		h.Type = uint16(elf.ET_DYN)
	}
	if im.Machine == 0 {
		h.Machine = uint16(elf.EM_X86_64)
	}
	for _, s := range sections {
		names.WriteString(s.name + "\x00")
	}
	sections[len(sections)-1].data = names.Bytes()
	const start = 64 + 2*56
	interp := append([]byte(im.Interp), 0)
	body.Write(interp)
	headers, at := []elf.Section64{}, uint32(0)
	for _, s := range sections {
		headers = append(headers, elf.Section64{Name: at, Type: uint32(s.kind), Link: s.link, Off: uint64(start + body.Len()), Size: uint64(len(s.data)), Entsize: 24})
		at += uint32(len(s.name) + 1)
		body.Write(s.data)
	}
	stack := elf.Prog64{Type: uint32(elf.PT_GNU_STACK), Flags: uint32(elf.PF_R | elf.PF_W)}
	if im.Execute {
		stack.Flags |= uint32(elf.PF_X)
	}
	ph := elf.Prog64{Type: uint32(elf.PT_INTERP), Off: start, Filesz: uint64(len(interp))}
	if im.Interp == "" {
		ph.Type = uint32(elf.PT_NULL)
	}
	h.Shoff = uint64(start + body.Len())
	var out bytes.Buffer
	for _, part := range []any{h, stack, ph, body.Bytes(), headers} {
		if err := binary.Write(&out, le, part); err != nil {
			panic(err)
		}
	}
	return out.Bytes()
}
