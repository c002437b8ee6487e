package linkage

import (
	"debug/elf"
	"errors"
	"fmt"
)

// dynamic reads the dynamic section, System V ABI chapter 5.
func (l *Library) dynamic(e *elf.File) error {
	s := e.SectionByType(elf.SHT_DYNAMIC)
	raw, err := content(s, maxDynamic)
	if err != nil {
		return fmt.Errorf("the dynamic section: %w", err)
	}
	text, err := linked(e, s)
	if err != nil {
		return err
	}
	word := 8
	if e.Class == elf.ELFCLASS32 {
		word = 4
	}
	get := func(b []byte) uint64 {
		if word == 4 {
			return uint64(e.ByteOrder.Uint32(b))
		}
		return e.ByteOrder.Uint64(b)
	}
	var rpath, runpath []string
	for ; len(raw) >= 2*word; raw = raw[2*word:] {
		tag, value := elf.DynTag(get(raw)), get(raw[word:])
		if tag == elf.DT_NULL {
			break
		}
		var list *[]string
		switch tag {
		case elf.DT_HASH:
			l.Hash = true
		case elf.DT_GNU_HASH:
			l.GNUHash = true
		case elf.DT_NEEDED:
			list = &l.Needed
		case elf.DT_RUNPATH:
			list = &runpath
		case elf.DT_RPATH:
			list = &rpath
		case elf.DT_SONAME:
			if l.SOName, err = text.at(value); err != nil {
				return fmt.Errorf("%s: %w", tag, err)
			}
		}
		if list == nil {
			continue
		}
		name, err := text.at(value)
		if err != nil {
			return fmt.Errorf("%s: %w", tag, err)
		}
		*list = append(*list, name)
	}
	if l.RunPath = runpath; len(runpath) == 0 {
		l.RunPath = rpath
	}
	return nil
}

// symbols reads the dynamic symbols and their versions.
func (l *Library) symbols(e *elf.File) error {
	l.Defines = map[string][]Definition{}
	table := e.SectionByType(elf.SHT_DYNSYM)
	if table == nil {
		return nil
	}
	raw, err := content(table, maxSymbols)
	if err != nil {
		return fmt.Errorf("dynamic symbols: %w", err)
	}
	text, err := linked(e, table)
	if err != nil {
		return fmt.Errorf("dynamic symbols: %w", err)
	}
	index, byIndex, err := l.versions(e, text)
	if err != nil {
		return fmt.Errorf("symbol versions: %w", err)
	}
	l.tables = int64(len(raw) + len(text))
	size := elf.Sym64Size
	if e.Class == elf.ELFCLASS32 {
		size = elf.Sym32Size
	}
	l.Defines = make(map[string][]Definition, len(raw)/size)
	for i := 1; (i+1)*size <= len(raw); i++ {
		s := symbol(e, raw[i*size:])
		bind, seen := elf.ST_BIND(s.info), elf.ST_VISIBILITY(s.other)
		if s.section == elf.SHN_UNDEF && bind != elf.STB_LOCAL {
			l.References++
		}
		if s.section == elf.SHN_UNDEF || bind == elf.STB_LOCAL || seen == elf.STV_HIDDEN || seen == elf.STV_INTERNAL {
			continue
		}
		name, err := text.at(uint64(s.name))
		if err != nil {
			return fmt.Errorf("dynamic symbol %d: %w", i, err)
		}
		d := Definition{Kind: elf.ST_TYPE(s.info), Bind: bind, Value: s.value, Size: s.size}
		if index != nil {
			if 2*i+2 > len(index) {
				return errors.New("symbol versions: there are fewer than symbols")
			}
			v := e.ByteOrder.Uint16(index[2*i:])
			// 0 is local, 1 the file's own, without version; the highest bit hides.
			d.Version, d.Hidden = byIndex[v&0x7fff], v&0x8000 != 0
			if v&0x7fff == 0 {
				continue
			}
		}
		l.Defines[name] = append(l.Defines[name], d)
	}
	return nil
}

type rawSymbol struct {
	name        uint32
	info, other byte
	section     elf.SectionIndex
	value, size uint64
}

func symbol(e *elf.File, b []byte) rawSymbol {
	o := e.ByteOrder
	if e.Class == elf.ELFCLASS32 {
		return rawSymbol{o.Uint32(b), b[12], b[13], elf.SectionIndex(o.Uint16(b[14:])), uint64(o.Uint32(b[4:])), uint64(o.Uint32(b[8:]))}
	}
	return rawSymbol{o.Uint32(b), b[4], b[5], elf.SectionIndex(o.Uint16(b[6:])), o.Uint64(b[8:]), o.Uint64(b[16:])}
}

// versions reads what LSB Core 10.7 describes: the versions that are defined and sought, and gives
// the index of each symbol's, nil where there are none, with the names behind the indexes.
func (l *Library) versions(e *elf.File, text names) (index []byte, byIndex map[uint16]string, err error) {
	s := e.SectionByType(elf.SHT_GNU_VERSYM)
	if s == nil {
		return nil, nil, nil
	}
	if index, err = content(s, maxSymbols); err != nil {
		return nil, nil, err
	}
	byIndex = map[uint16]string{}
	if d := e.SectionByType(elf.SHT_GNU_VERDEF); d != nil {
		raw, err := content(d, maxVersion)
		if err == nil {
			err = l.defined(e, raw, text, byIndex)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("those defined: %w", err)
		}
	}
	if n := e.SectionByType(elf.SHT_GNU_VERNEED); n != nil {
		raw, err := content(n, maxVersion)
		if err == nil {
			err = l.sought(e, raw, text)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("those sought: %w", err)
		}
	}
	return index, byIndex, nil
}

var errVersions = errors.New("an entry lies outside of its table")

// next steps to an entry of at least size bytes. Steps go forward only, so they end.
func next(raw []byte, step uint32, size int) ([]byte, error) {
	if uint64(step) > uint64(len(raw)) || len(raw)-int(step) < size {
		return nil, errVersions
	}
	return raw[step:], nil
}

// defined reads Elfxx_Verdef and the first Elfxx_Verdaux of each, the same for both classes.
func (l *Library) defined(e *elf.File, raw []byte, text names, byIndex map[uint16]string) error {
	const base = 1 // VER_FLG_BASE: the file's own name
	l.Versions = map[string]bool{}
	o := e.ByteOrder
	at, err := next(raw, 0, 20)
	for err == nil {
		flags, number := o.Uint16(at[2:]), o.Uint16(at[4:])
		aux, err := next(at, o.Uint32(at[12:]), 8)
		if err != nil {
			return err
		}
		name, err := text.at(uint64(o.Uint32(aux)))
		if err != nil {
			return err
		}
		l.Versions[name] = true
		if flags&base == 0 && number > 1 {
			byIndex[number&0x7fff] = name
		}
		step := o.Uint32(at[16:])
		if step == 0 {
			return nil
		}
		if at, err = next(at, step, 20); err != nil {
			return err
		}
	}
	return err
}

// sought reads Elfxx_Verneed and the Elfxx_Vernaux of each, the same for both classes.
func (l *Library) sought(e *elf.File, raw []byte, text names) error {
	o := e.ByteOrder
	at, err := next(raw, 0, 16)
	for err == nil {
		file, err := text.at(uint64(o.Uint32(at[4:])))
		if err != nil {
			return err
		}
		aux, err := next(at, o.Uint32(at[8:]), 16)
		for err == nil {
			if len(l.Wants) > maxVersion/16 {
				return errors.New("there are more than the table has room for")
			}
			var name string
			if name, err = text.at(uint64(o.Uint32(aux[8:]))); err != nil {
				return err
			}
			l.Wants = append(l.Wants, Want{file, name, o.Uint16(aux[4:])&uint16(elf.VER_FLG_WEAK) != 0})
			step := o.Uint32(aux[12:])
			if step == 0 {
				break
			}
			aux, err = next(aux, step, 16)
		}
		if err != nil {
			return err
		}
		step := o.Uint32(at[12:])
		if step == 0 {
			return nil
		}
		if at, err = next(at, step, 16); err != nil {
			return err
		}
	}
	return err
}
