package lsb

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// image describes a shared library that make writes: sections only, as far as the checks read them.
type image struct {
	machine elf.Machine // EM_X86_64 when zero
	kind    elf.Type    // ET_DYN when zero
	soname  string
	needed  []string
	runpath string
	wants   map[string]string // a version sought, by library
	symbols []made
	execute bool // PT_GNU_STACK with PF_X
	noHash  bool
	note    []byte
	interp  string
}

// made is a symbol defined by an image.
type made struct {
	name, version string
	object        bool
	size, value   uint64
	hidden        bool
}

// bytes lays the file out: header, program headers, sections, section headers.
func (im image) bytes() []byte {
	le := binary.LittleEndian
	strs := []byte{0}
	str := func(s string) uint32 {
		at := len(strs)
		strs = append(append(strs, s...), 0)
		return uint32(at)
	}
	// Version 1 is the file's own name; those of symbols follow, then those sought.
	versions := []string{im.soname}
	syms, versym := make([]byte, 24), le.AppendUint16(nil, 0)
	for _, s := range im.symbols {
		kind, index := elf.STT_FUNC, uint16(1)
		if s.object {
			kind = elf.STT_OBJECT
		}
		if s.version != "" {
			at := slices.Index(versions[1:], s.version) + 1
			if at == 0 {
				versions = append(versions, s.version)
				at = len(versions) - 1
			}
			index = uint16(at + 1)
		}
		if s.hidden {
			index |= 0x8000
		}
		syms = le.AppendUint32(syms, str(s.name))
		syms = append(syms, elf.ST_INFO(elf.STB_GLOBAL, kind), 0)
		syms = le.AppendUint16(syms, 1)
		syms = le.AppendUint64(syms, s.value)
		syms = le.AppendUint64(syms, s.size)
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
	for lib, v := range im.wants {
		verneed = le.AppendUint16(le.AppendUint16(verneed, 1), 1)
		for _, w := range []uint32{str(lib), 16, 32} {
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
	if im.soname != "" {
		tag(elf.DT_SONAME, uint64(str(im.soname)))
	}
	for _, n := range im.needed {
		tag(elf.DT_NEEDED, uint64(str(n)))
	}
	if im.runpath != "" {
		tag(elf.DT_RUNPATH, uint64(str(im.runpath)))
	}
	if !im.noHash {
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
	if im.note != nil {
		sections = append(sections, section{".note.ABI-tag", elf.SHT_NOTE, 0, im.note})
	}
	sections = append(sections, section{".shstrtab", elf.SHT_STRTAB, 0, nil})
	var names, body bytes.Buffer
	h := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1},
		Type:  uint16(max(im.kind, 1)), Machine: uint16(im.machine), Version: 1,
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 2, Shentsize: 64, Shnum: uint16(len(sections)), Shstrndx: uint16(len(sections) - 1),
	}
	if im.kind == 0 {
		h.Type = uint16(elf.ET_DYN)
	}
	if im.machine == 0 {
		h.Machine = uint16(elf.EM_X86_64)
	}
	for _, s := range sections {
		names.WriteString(s.name + "\x00")
	}
	sections[len(sections)-1].data = names.Bytes()
	const start = 64 + 2*56
	interp := append([]byte(im.interp), 0)
	body.Write(interp)
	headers, at := []elf.Section64{}, uint32(0)
	for _, s := range sections {
		headers = append(headers, elf.Section64{Name: at, Type: uint32(s.kind), Link: s.link, Off: uint64(start + body.Len()), Size: uint64(len(s.data)), Entsize: 24})
		at += uint32(len(s.name) + 1)
		body.Write(s.data)
	}
	stack := elf.Prog64{Type: uint32(elf.PT_GNU_STACK), Flags: uint32(elf.PF_R | elf.PF_W)}
	if im.execute {
		stack.Flags |= uint32(elf.PF_X)
	}
	ph := elf.Prog64{Type: uint32(elf.PT_INTERP), Off: start, Filesz: uint64(len(interp))}
	if im.interp == "" {
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

// fixture is a root that a test fills.
type fixture struct {
	*testing.T
	*machine
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	return fixture{t, newMachine(t.TempDir())}
}

// put writes a file of the root, executable when it is a script or an ELF file.
func (f fixture) put(name, content string) {
	f.Helper()
	mode := os.FileMode(0o644)
	if len(content) > 1 && (content[:2] == "#!" || content[0] == 0x7f) {
		mode = 0o755
	}
	at := filepath.Join(f.root, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(content), mode); err != nil {
		f.Fatal(err)
	}
}

func (f fixture) link(name, to string) {
	f.Helper()
	at := filepath.Join(f.root, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		f.Fatal(err)
	}
	if err := os.Symlink(to, at); err != nil {
		f.Fatal(err)
	}
}

// lib writes a library into /lib64 under its SONAME.
func (f fixture) lib(im image) { f.Helper(); f.put("/lib64/"+im.soname, string(im.bytes())) }

// passes and fails judge a check; fails wants each word in what was got or in its call.
func (f fixture) passes(c check) finding {
	f.Helper()
	got, err := c(f.Context(), f.machine)
	if err != nil || !got.holds() {
		f.Errorf("want a pass, got %+v, %v", got, err)
	}
	return got
}

func (f fixture) fails(c check, words ...string) finding {
	f.Helper()
	got, err := c(f.Context(), f.machine)
	if err != nil || got.call == "" {
		f.Errorf("want a fail, got %+v, %v", got, err)
	}
	for _, w := range words {
		if !bytes.Contains([]byte(got.call+"\n"+got.got), []byte(w)) {
			f.Errorf("want %q in %+v", w, got)
		}
	}
	return got
}

// skips wants the check to find nothing that it speaks of.
func (f fixture) skips(c check) {
	f.Helper()
	got, err := c(f.Context(), f.machine)
	if err != nil || got.inapplicable == "" {
		f.Errorf("want nothing to judge, got %+v, %v", got, err)
	}
}
