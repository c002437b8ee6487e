package elfmaker

import (
	"debug/elf"
	"slices"
)

// place is where the value of a symbol or relocation lies.
type place int

const (
	nowhere place = iota
	inCode
	inData
	inThread
)

type symbol struct {
	name    uint32
	info    byte
	place   place
	offset  int
	size    uint64
	version uint16
}

type relocation struct {
	offset int // in the data
	kind   elf.R_X86_64
	symbol int // 0 for none
	to     int // offset in the code, for R_X86_64_RELATIVE
}

// tables are what the dynamic linker reads.
type tables struct {
	object          Object
	strings         []byte
	symbols         []symbol // without the first, which is null
	entries         map[string]int
	relocations     []relocation
	defined         []string // versions, without the first, which is the file's own
	sought          []Symbol // one for each library and version
	verneed, verdef []byte
	needed          []uint32
	soname, runPath uint32
}

func (t *tables) str(s string) uint32 {
	at := len(t.strings)
	t.strings = append(append(t.strings, s...), 0)
	return uint32(at)
}

func (t *tables) define(name, version string, kind elf.SymType, in place, offset int, size uint64) {
	index := uint16(1)
	if version != "" {
		at := slices.Index(t.defined, version)
		if at < 0 {
			at = len(t.defined)
			t.defined = append(t.defined, version)
		}
		index = uint16(at + 2)
	}
	if in == inCode {
		t.entries[name] = offset
	}
	t.symbols = append(t.symbols, symbol{t.str(name), elf.ST_INFO(elf.STB_GLOBAL, kind), in, offset, size, index})
}

// array reserves the words of an array of functions, filled by relocations.
func (t *tables) array(a *assembler, names []string) int {
	at := a.place(make([]byte, 8*len(names)))
	for i, n := range names {
		t.relocations = append(t.relocations, relocation{at + 8*i, elf.R_X86_64_RELATIVE, 0, t.entries[n]})
	}
	return at
}

// want adds what the code asks of others. Indices of versions sought follow those defined.
func (t *tables) want(a *assembler) {
	for _, s := range a.wants {
		index := uint16(1)
		if s.Version != "" {
			at := slices.IndexFunc(t.sought, func(o Symbol) bool { return o.Library == s.Library && o.Version == s.Version })
			if at < 0 {
				at = len(t.sought)
				t.sought = append(t.sought, s)
			}
			index = uint16(at + len(t.defined) + 2)
		}
		bind := elf.STB_GLOBAL
		if s.Weak {
			bind = elf.STB_WEAK
		}
		sym := symbol{name: t.str(s.Name), version: index}
		r := relocation{symbol: len(t.symbols) + 1}
		kind := elf.STT_NOTYPE
		if at, ok := a.copies[s]; ok {
			kind, sym.place, sym.offset, sym.size = elf.STT_OBJECT, inData, at, 8
			r.offset, r.kind = at, elf.R_X86_64_COPY
		} else if at, ok := a.thread[s]; ok {
			kind = elf.STT_TLS
			r.offset, r.kind = at, elf.R_X86_64_TPOFF64
		} else {
			r.offset, r.kind = a.slots[s], elf.R_X86_64_GLOB_DAT
		}
		sym.info = elf.ST_INFO(bind, kind)
		t.symbols = append(t.symbols, sym)
		t.relocations = append(t.relocations, r)
	}
}

// finish writes the tables of versions: gABI supplement of the LSB, 10.7.
func (t *tables) finish() {
	for _, n := range t.object.Needed {
		t.needed = append(t.needed, t.str(n))
	}
	if len(t.defined) > 0 {
		names := append([]string{t.object.Soname}, t.defined...)
		for i, v := range names {
			next := uint32(28)
			if i == len(names)-1 {
				next = 0
			}
			flags := uint16(0)
			if i == 0 {
				flags = 1 // VER_FLG_BASE
			}
			for _, h := range []uint16{1, flags, uint16(i + 1), 1} {
				t.verdef = le.AppendUint16(t.verdef, h)
			}
			for _, w := range []uint32{sysvHash(v), 20, next, t.str(v), 0} {
				t.verdef = le.AppendUint32(t.verdef, w)
			}
		}
	}
	for i, s := range t.sought {
		next := uint32(32)
		if i == len(t.sought)-1 {
			next = 0
		}
		t.verneed = le.AppendUint16(le.AppendUint16(t.verneed, 1), 1)
		for _, w := range []uint32{t.str(s.Library), 16, next, sysvHash(s.Version)} {
			t.verneed = le.AppendUint32(t.verneed, w)
		}
		t.verneed = le.AppendUint16(le.AppendUint16(t.verneed, 0), uint16(i+len(t.defined)+2))
		t.verneed = le.AppendUint32(le.AppendUint32(t.verneed, t.str(s.Version)), 0)
	}
	t.soname, t.runPath = t.str(t.object.Soname), t.str(t.object.RunPath)
}

// dynamic writes the dynamic section. Tables lie at the offsets given; init and fini are those of the
// arrays in the data.
func (t *tables) dynamic(at map[elf.DynTag]uint64, origin, code, data uint64, init, fini int) []byte {
	var b []byte
	tag := func(t elf.DynTag, v uint64) { b = le.AppendUint64(le.AppendUint64(b, uint64(t)), v) }
	for _, n := range t.needed {
		tag(elf.DT_NEEDED, uint64(n))
	}
	o := t.object
	if o.Soname != "" {
		tag(elf.DT_SONAME, uint64(t.soname))
	}
	if o.RunPath != "" {
		tag(elf.DT_RUNPATH, uint64(t.runPath))
	}
	for _, k := range []elf.DynTag{elf.DT_HASH, elf.DT_SYMTAB, elf.DT_STRTAB, elf.DT_VERSYM, elf.DT_RELA} {
		tag(k, origin+at[k])
	}
	tag(elf.DT_STRSZ, uint64(len(t.strings)))
	tag(elf.DT_SYMENT, 24)
	tag(elf.DT_RELASZ, uint64(24*len(t.relocations)))
	tag(elf.DT_RELAENT, 24)
	if n := len(t.sought); n > 0 {
		tag(elf.DT_VERNEED, origin+at[elf.DT_VERNEED])
		tag(elf.DT_VERNEEDNUM, uint64(n))
	}
	if n := len(t.defined); n > 0 {
		tag(elf.DT_VERDEF, origin+at[elf.DT_VERDEF])
		tag(elf.DT_VERDEFNUM, uint64(n+1))
	}
	if o.Init != "" {
		tag(elf.DT_INIT, origin+code+uint64(t.entries[o.Init]))
	}
	if o.Fini != "" {
		tag(elf.DT_FINI, origin+code+uint64(t.entries[o.Fini]))
	}
	if n := len(o.InitArray); n > 0 {
		tag(elf.DT_INIT_ARRAY, origin+data+uint64(init))
		tag(elf.DT_INIT_ARRAYSZ, uint64(8*n))
	}
	if n := len(o.FiniArray); n > 0 {
		tag(elf.DT_FINI_ARRAY, origin+data+uint64(fini))
		tag(elf.DT_FINI_ARRAYSZ, uint64(8*n))
	}
	tag(elf.DT_NULL, 0)
	return b
}

// hash is a DT_HASH table of one bucket: gABI, Hash Table.
func (t *tables) hash() []byte {
	n := uint32(len(t.symbols) + 1)
	b := le.AppendUint32(le.AppendUint32(nil, 1), n)
	b = le.AppendUint32(b, n-1)
	for i := range n {
		b = le.AppendUint32(b, max(i, 1)-1)
	}
	return b
}

// sysvHash is the function of DT_HASH, which versions are hashed by too.
func sysvHash(s string) uint32 {
	var h uint32
	for _, c := range []byte(s) {
		h = h<<4 + uint32(c)
		g := h & 0xf0000000
		h ^= g>>24 | g
	}
	return h
}

func (t *tables) versym() []byte {
	b := le.AppendUint16(nil, 0)
	for _, s := range t.symbols {
		b = le.AppendUint16(b, s.version)
	}
	return b
}

func (t *tables) symbolTable(at func(place, int) uint64) []byte {
	b := make([]byte, 24)
	for _, s := range t.symbols {
		section, value := uint16(elf.SHN_UNDEF), uint64(0) // any other section will do
		if s.place != nowhere {
			section, value = 1, at(s.place, s.offset)
		}
		b = append(le.AppendUint32(b, s.name), s.info, 0)
		b = le.AppendUint64(le.AppendUint64(le.AppendUint16(b, section), value), s.size)
	}
	return b
}

func (t *tables) relocationTable(at func(place, int) uint64) []byte {
	var b []byte
	for _, r := range t.relocations {
		addend := uint64(0)
		if r.kind == elf.R_X86_64_RELATIVE {
			addend = at(inCode, r.to)
		}
		b = le.AppendUint64(b, at(inData, r.offset))
		b = le.AppendUint64(le.AppendUint64(b, uint64(r.symbol)<<32|uint64(r.kind)), addend)
	}
	return b
}
