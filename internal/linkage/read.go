// Package linkage reads shared libraries and programs of any architecture and finds them as the
// dynamic linker would, without executing anything.
//
// Beware: the files are hostile until proven otherwise. debug/elf reads their headers; the tables
// behind them, where it copies each name as often as it is named, are read here, and all have bounds.
package linkage

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ABI is what must agree between a program and the libraries it loads.
type ABI struct {
	Class   elf.Class
	Machine elf.Machine
	Data    elf.Data
}

func (a ABI) String() string {
	order := ""
	if a.Data == elf.ELFDATA2MSB {
		order = ", big-endian"
	}
	return fmt.Sprintf("%s %s%s", a.Machine, a.Class, order)
}

// Short names the ABI for people: "x86_64, 64-bit".
func (a ABI) Short() string {
	order := ""
	if a.Data == elf.ELFDATA2MSB {
		order = " big-endian"
	}
	bits := "64"
	if a.Class == elf.ELFCLASS32 {
		bits = "32"
	}
	return strings.ToLower(strings.TrimPrefix(a.Machine.String(), "EM_")) + " " + bits + "-bit" + order
}

// AMD64 is the ABI of x86-64 programs.
var AMD64 = ABI{elf.ELFCLASS64, elf.EM_X86_64, elf.ELFDATA2LSB}

// Library is a shared library or a dynamically linked program.
type Library struct {
	Path       string // in the root, without links
	ABI        ABI
	Kind       elf.Type
	SOName     string
	Needed     []string
	RunPath    []string // DT_RUNPATH, else DT_RPATH
	Hash       bool     // DT_HASH
	GNUHash    bool     // DT_GNU_HASH
	ExecStack  bool     // an executable stack is asked for
	ABITag     []byte   // .note.ABI-tag
	Defines    map[string][]Definition
	Versions   map[string]bool // that it defines; nil when it has none at all
	Wants      []Want
	References int // dynamic symbols that it seeks elsewhere

	tables int64 // bytes of what is kept
}

// Definition is a dynamic symbol that a library provides.
type Definition struct {
	Version     string
	Hidden      bool // not the default for references without version
	Kind        elf.SymType
	Bind        elf.SymBind
	Value, Size uint64
}

// Object says whether it is data.
func (d Definition) Object() bool {
	return d.Kind == elf.STT_OBJECT || d.Kind == elf.STT_COMMON || d.Kind == elf.STT_TLS
}

// Function says whether it is code.
func (d Definition) Function() bool { return d.Kind == elf.STT_FUNC || d.Kind == elf.STT_GNU_IFUNC }

// Want is a symbol version that a library seeks in another.
type Want struct {
	Library, Version string
	Weak             bool
}

// Bounds on what is read of a file, in bytes. For comparison: the symbols of libstdc++.so.6 take
// 150 kB and their names 300 kB; the largest libraries there are have ten times that.
const (
	maxFile    = 4 << 30
	maxSymbols = 4 << 20
	maxStrings = 16 << 20
	maxVersion = 64 << 10
	maxDynamic = 64 << 10
	maxNote    = 64 << 10
	maxTables  = 1 << 20 // program and section headers together
	// maxName bounds one name. Mangled C++ names have some kilobytes.
	maxName = 16 << 10
	// maxInterp bounds a program interpreter's name, as PATH_MAX does in the kernel.
	maxInterp = 4096
)

// ErrNoSections marks a file that is no worse for loading, but whose symbols cannot be read.
var ErrNoSections = errors.New("it has no section headers, so its symbols cannot be read")

// ErrStatic marks a program that asks no dynamic linker for anything.
var ErrStatic = errors.New("it is not dynamically linked")

// parse reads headers and refuses a file whose tables reach behind its end, unpack to more than they
// take, or are larger than any that is used.
func parse(r io.ReaderAt, size int64) (*elf.File, error) {
	if size > maxFile {
		return nil, fmt.Errorf("%d bytes are more than any library has", size)
	}
	if err := header(r); err != nil {
		return nil, err
	}
	e, err := elf.NewFile(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, err
	}
	for _, s := range e.Sections {
		most := uint64(0)
		switch s.Type {
		case elf.SHT_DYNSYM, elf.SHT_GNU_VERSYM:
			most = maxSymbols
		case elf.SHT_STRTAB:
			most = maxStrings
		case elf.SHT_DYNAMIC:
			most = maxDynamic
		case elf.SHT_NOTE:
			most = maxNote
		case elf.SHT_GNU_VERDEF, elf.SHT_GNU_VERNEED:
			most = maxVersion
		default:
			continue
		}
		switch {
		case s.Offset > uint64(size) || s.FileSize > uint64(size)-s.Offset || s.Flags&elf.SHF_COMPRESSED != 0:
			return nil, fmt.Errorf("section %.40q is damaged", s.Name)
		case s.FileSize > most && s.Flags&elf.SHF_ALLOC != 0:
			return nil, fmt.Errorf("section %.40q has %d bytes, more than any library needs", s.Name, s.FileSize)
		}
	}
	return e, nil
}

// header looks at the counts in the file's header, by which debug/elf allocates.
func header(r io.ReaderAt) error {
	var h [64]byte
	n, err := r.ReadAt(h[:], 0)
	if n < len(h) && (err != nil && !errors.Is(err, io.EOF)) {
		return err
	}
	if n < 52 || !bytes.HasPrefix(h[:], []byte(elf.ELFMAG)) {
		return errors.New("it is no ELF file")
	}
	at, half := 54, func(i int) int { return int(h[i]) | int(h[i+1])<<8 }
	switch elf.Class(h[elf.EI_CLASS]) {
	case elf.ELFCLASS32:
		at = 42
	case elf.ELFCLASS64:
		if n < 64 {
			return errors.New("its header is cut off")
		}
	default:
		return errors.New("it is neither a 32-bit nor a 64-bit ELF file")
	}
	if elf.Data(h[elf.EI_DATA]) == elf.ELFDATA2MSB {
		half = func(i int) int { return int(h[i])<<8 | int(h[i+1]) }
	}
	// e_phentsize, e_phnum, e_shentsize, e_shnum.
	if half(at)*half(at+2)+half(at+4)*half(at+6) > maxTables {
		return errors.New("its tables of headers are larger than any program needs")
	}
	return nil
}

// abiOf gives the ABI of a parsed file.
func abiOf(e *elf.File) ABI { return ABI{e.Class, e.Machine, e.Data} }

// Read reads a library or a dynamically linked program of that many bytes.
func Read(r io.ReaderAt, size int64) (*Library, error) {
	e, err := parse(r, size)
	if err != nil {
		return nil, err
	}
	l := &Library{ABI: abiOf(e), Kind: e.Type, ExecStack: true}
	for _, p := range e.Progs {
		if p.Type == elf.PT_GNU_STACK {
			l.ExecStack = p.Flags&elf.PF_X != 0
		}
	}
	if e.SectionByType(elf.SHT_DYNAMIC) == nil {
		if len(e.Sections) == 0 {
			return nil, ErrNoSections
		}
		return nil, ErrStatic
	}
	if err := l.dynamic(e); err != nil {
		return nil, err
	}
	if s := e.Section(".note.ABI-tag"); s != nil && s.Type == elf.SHT_NOTE {
		if l.ABITag, err = content(s, maxNote); err != nil {
			return nil, fmt.Errorf(".note.ABI-tag: %w", err)
		}
	}
	return l, l.symbols(e)
}

// content reads a section that has been checked against the file's size.
func content(s *elf.Section, most uint64) ([]byte, error) {
	if s.FileSize > most {
		return nil, fmt.Errorf("%d bytes are too many", s.FileSize)
	}
	b := make([]byte, s.FileSize)
	_, err := s.ReaderAt.ReadAt(b, 0)
	if errors.Is(err, io.EOF) && len(b) == 0 {
		err = nil
	}
	return b, err
}

// names is a table of strings. What it gives shares its memory.
type names string

func (n names) at(i uint64) (string, error) {
	if i >= uint64(len(n)) {
		return "", errors.New("a name lies outside of its table")
	}
	rest := n[i:min(uint64(len(n)), i+maxName)]
	for j := range len(rest) {
		if rest[j] == 0 {
			return string(rest[:j]), nil
		}
	}
	return "", errors.New("a name is longer than any that is used, or has no end")
}

// linked reads the strings that a section's link names.
func linked(e *elf.File, s *elf.Section) (names, error) {
	if s.Link == 0 || s.Link >= uint32(len(e.Sections)) || e.Sections[s.Link].Type != elf.SHT_STRTAB {
		return "", fmt.Errorf("section %.40q links to no table of strings", s.Name)
	}
	b, err := content(e.Sections[s.Link], maxStrings)
	return names(b), err
}

// Interp is a program's PT_INTERP: the name, and where it stands in the file.
type Interp struct {
	Name           string
	Offset, Length uint64 // bytes; of the segment, with what follows the name's end
}

// ReadInterp gives the program interpreter that a program asks for.
func ReadInterp(r io.ReaderAt, size int64) (Interp, error) {
	e, err := parse(r, size)
	if err != nil {
		return Interp{}, err
	}
	for _, p := range e.Progs {
		if p.Type != elf.PT_INTERP || p.Filesz == 0 || p.Filesz > maxInterp {
			continue
		}
		b := make([]byte, p.Filesz)
		if _, err := p.ReadAt(b, 0); err != nil {
			return Interp{}, fmt.Errorf("PT_INTERP: %w", err)
		}
		name, _, _ := bytes.Cut(b, []byte{0})
		return Interp{string(name), p.Off, p.Filesz}, nil
	}
	return Interp{}, errors.New("it has no PT_INTERP")
}

// ReadABI gives the ABI of any ELF file.
func ReadABI(r io.ReaderAt, size int64) (ABI, error) {
	e, err := parse(r, size)
	if err != nil {
		return ABI{}, err
	}
	return abiOf(e), nil
}
