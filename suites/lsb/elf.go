package lsb

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
)

// abi is what must agree between a program and the libraries it loads.
type abi struct {
	class   elf.Class
	machine elf.Machine
}

func (a abi) String() string { return fmt.Sprintf("%s %s", a.machine, a.class) }

// library is what the checks need of a shared library or program.
type library struct {
	path     string // in the machine, without links
	abi      abi
	kind     elf.Type
	soname   string
	needed   []string
	search   []string // DT_RUNPATH, else DT_RPATH
	hash     bool     // DT_HASH
	gnuHash  bool     // DT_GNU_HASH
	stack    bool     // an executable stack is asked for
	note     []byte   // .note.ABI-tag
	defines  map[string][]definition
	versions map[string]bool // that it defines; nil when it has none at all
	wants    []want
}

// definition is a dynamic symbol that a library provides.
type definition struct {
	version     string
	hidden      bool // not the default for references without version
	kind        elf.SymType
	value, size uint64
}

// want is a symbol version that a library seeks in another.
type want struct {
	library, version string
	weak             bool
}

// Bounds on what is read of a file that the machine under test may have made up.
const (
	maxELF      = 256 << 20
	maxVersions = 64 << 10 // bytes of a version section; libc.so.6 has about 2 kB
)

// errNoSections marks a file that is no worse for loading, but that debug/elf cannot read symbols of.
var errNoSections = errors.New("it has no section headers, so its symbols cannot be read")

// native gives the ABI of the machine's userland: that of its shell.
func native(m *machine) (abi, error) {
	f, err := m.open("/bin/sh")
	if err != nil {
		return abi{}, err
	}
	defer f.Close()
	e, err := parse(contents(f))
	if err != nil {
		return abi{}, fmt.Errorf("the architecture is taken from /bin/sh: %w", err)
	}
	return abi{e.Class, e.Machine}, nil
}

// sized is data of a known length.
type sized struct {
	data io.ReaderAt
	size int64
}

// contents makes an open file readable. One that cannot be described reads as empty, which is no ELF.
func contents(f *os.File) sized {
	info, err := f.Stat()
	if err != nil {
		return sized{f, 0}
	}
	return sized{f, info.Size()}
}

// parse reads headers and refuses a file whose sections reach behind its end or unpack to more than
// they take.
func parse(f sized) (*elf.File, error) {
	size := uint64(f.size)
	if size > maxELF {
		return nil, fmt.Errorf("%d bytes are more than the %d that are read", size, maxELF)
	}
	e, err := elf.NewFile(f.data)
	if err != nil {
		return nil, err
	}
	for _, s := range e.Sections {
		switch s.Type {
		case elf.SHT_DYNSYM, elf.SHT_STRTAB, elf.SHT_DYNAMIC, elf.SHT_NOTE, elf.SHT_GNU_VERSYM:
		case elf.SHT_GNU_VERDEF, elf.SHT_GNU_VERNEED:
			if s.FileSize > maxVersions {
				return nil, fmt.Errorf("section %s has %d bytes", s.Name, s.FileSize)
			}
		default:
			continue
		}
		if s.Offset > size || s.FileSize > size-s.Offset || s.Flags&elf.SHF_COMPRESSED != 0 {
			return nil, fmt.Errorf("section %s is damaged", s.Name)
		}
	}
	return e, nil
}

// library reads the file, once in a boot.
func (m *machine) library(name string) (*library, error) {
	at, err := m.resolve(name)
	if err != nil {
		return nil, err
	}
	m.lock.Lock()
	defer m.lock.Unlock()
	if l := m.libs[at]; l != nil {
		return l, nil
	}
	f, err := m.open(at)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	l, err := read(contents(f))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	l.path = at
	m.libs[at] = l
	return l, nil
}

func read(f sized) (*library, error) {
	e, err := parse(f)
	if err != nil {
		return nil, err
	}
	l := &library{abi: abi{e.Class, e.Machine}, kind: e.Type, stack: true}
	for _, p := range e.Progs {
		if p.Type == elf.PT_GNU_STACK {
			l.stack = p.Flags&elf.PF_X != 0
		}
	}
	if e.SectionByType(elf.SHT_DYNAMIC) == nil {
		if len(e.Sections) == 0 {
			return nil, errNoSections
		}
		return nil, errors.New("it is not dynamically linked")
	}
	if err := l.dynamic(e); err != nil {
		return nil, err
	}
	if s := e.Section(".note.ABI-tag"); s != nil && s.Type == elf.SHT_NOTE {
		if l.note, err = s.Data(); err != nil {
			return nil, fmt.Errorf(".note.ABI-tag: %w", err)
		}
	}
	return l, l.symbols(e)
}

func (l *library) dynamic(e *elf.File) error {
	soname, err := e.DynString(elf.DT_SONAME)
	if err != nil {
		return fmt.Errorf("DT_SONAME: %w", err)
	}
	if len(soname) > 0 {
		l.soname = soname[0]
	}
	if l.needed, err = e.DynString(elf.DT_NEEDED); err != nil {
		return fmt.Errorf("DT_NEEDED: %w", err)
	}
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		if l.search, err = e.DynString(tag); err != nil {
			return fmt.Errorf("%s: %w", tag, err)
		}
		if len(l.search) > 0 {
			break
		}
	}
	for tag, there := range map[elf.DynTag]*bool{elf.DT_HASH: &l.hash, elf.DT_GNU_HASH: &l.gnuHash} {
		values, err := e.DynValue(tag)
		if err != nil {
			return fmt.Errorf("%s: %w", tag, err)
		}
		*there = len(values) > 0
	}
	return nil
}

func (l *library) symbols(e *elf.File) error {
	all, err := e.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return fmt.Errorf("dynamic symbols: %w", err)
	}
	if err := l.versionTables(e); err != nil {
		return fmt.Errorf("symbol versions: %w", err)
	}
	l.defines = make(map[string][]definition, len(all))
	for _, s := range all {
		bind := elf.ST_BIND(s.Info)
		seen := elf.ST_VISIBILITY(s.Other)
		if s.Section == elf.SHN_UNDEF || bind == elf.STB_LOCAL || seen == elf.STV_HIDDEN || seen == elf.STV_INTERNAL {
			continue
		}
		l.defines[s.Name] = append(l.defines[s.Name], definition{
			version: s.Version, hidden: s.HasVersion && s.VersionIndex.IsHidden(),
			kind: elf.ST_TYPE(s.Info), value: s.Value, size: s.Size,
		})
	}
	return nil
}

func (l *library) versionTables(e *elf.File) error {
	if e.SectionByType(elf.SHT_GNU_VERSYM) == nil {
		return nil
	}
	if e.SectionByType(elf.SHT_GNU_VERDEF) != nil {
		defined, err := e.DynamicVersions()
		if err != nil {
			return err
		}
		l.versions = map[string]bool{}
		for _, v := range defined {
			l.versions[v.Name] = true
		}
	}
	if e.SectionByType(elf.SHT_GNU_VERNEED) == nil {
		return nil
	}
	needed, err := e.DynamicVersionNeeds()
	if err != nil {
		return err
	}
	for _, n := range needed {
		for _, d := range n.Needs {
			l.wants = append(l.wants, want{n.Name, d.Dep, d.Flags&elf.VER_FLG_WEAK != 0})
		}
	}
	return nil
}
