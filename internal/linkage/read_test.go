package linkage

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"xtest/internal/linkage/elftest"
	"xtest/internal/root"
)

// sample has everything that is read of a library.
func sample() elftest.Image {
	return elftest.Image{
		SOName: "libx.so.1", Needed: []string{"liby.so.1"}, RunPath: "$ORIGIN/x", Wants: map[string]string{"liby.so.1": "Y_1"},
		Note: make([]byte, 32), Interp: "/ld.so",
		Symbols: []elftest.Symbol{
			{Name: "f", Version: "X_1"}, {Name: "o", Version: "X_1", Object: true, Size: 8, Weak: true}, {Name: "plain", Version: "X_2", Hidden: true},
		},
	}
}

func readBytes(b []byte) (*Library, error) { return Read(bytes.NewReader(b), int64(len(b))) }

func TestRead(t *testing.T) {
	l, err := readBytes(sample().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	o := l.Defines["o"]
	switch {
	case l.SOName != "libx.so.1", !slices.Equal(l.Needed, []string{"liby.so.1"}), !slices.Equal(l.RunPath, []string{"$ORIGIN/x"}):
		t.Errorf("names: %+v", l)
	case len(l.Defines) != 3, len(o) != 1, o[0].Version != "X_1", o[0].Size != 8, !o[0].Object(), o[0].Bind != elf.STB_WEAK:
		t.Errorf("symbols: %+v", l.Defines)
	case !l.Defines["plain"][0].Hidden, l.Defines["f"][0].Hidden, !l.Defines["f"][0].Function():
		t.Errorf("symbols: %+v", l.Defines)
	case !l.Versions["X_1"], !l.Versions["X_2"], len(l.Wants) != 1, l.Wants[0] != (Want{"liby.so.1", "Y_1", false}):
		t.Errorf("versions: %v, %v", l.Versions, l.Wants)
	case !l.GNUHash, l.Hash, l.ExecStack, l.ABI != AMD64, len(l.ABITag) != 32:
		t.Errorf("properties: %+v", l)
	}
	if i, err := ReadInterp(bytes.NewReader(sample().Bytes()), int64(len(sample().Bytes()))); err != nil || i.Name != "/ld.so" {
		t.Errorf("interpreter: %+v, %v", i, err)
	}
}

// What debug/elf reads of this machine's own libraries is what is read here.
func TestAgreesWithDebugELF(t *testing.T) {
	paths, _ := filepath.Glob("/usr/lib/*/lib*.so.*")
	compared := 0
	for _, p := range paths {
		e, err := elf.Open(p)
		if err != nil {
			continue
		}
		want, err := e.DynamicSymbols()
		e.Close()
		if err != nil || compared == 40 {
			continue
		}
		f, err := os.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		info, _ := f.Stat()
		l, err := Read(f, info.Size())
		f.Close()
		if err != nil {
			t.Errorf("%s: %v", p, err)
			continue
		}
		compared++
		for _, s := range want {
			v := elf.ST_VISIBILITY(s.Other)
			if s.Section == elf.SHN_UNDEF || elf.ST_BIND(s.Info) == elf.STB_LOCAL || v == elf.STV_HIDDEN || v == elf.STV_INTERNAL {
				continue
			}
			at := slices.IndexFunc(l.Defines[s.Name], func(d Definition) bool {
				return d.Version == s.Version && d.Size == s.Size && d.Value == s.Value && d.Kind == elf.ST_TYPE(s.Info)
			})
			if at < 0 && !(s.HasVersion && s.VersionIndex.Index() == 0) {
				t.Errorf("%s: %s@%s of %d bytes is read as %+v", p, s.Name, s.Version, s.Size, l.Defines[s.Name])
			}
		}
	}
	if compared == 0 {
		t.Skip("no shared library below /usr/lib")
	}
}

// corrupt sets a field of the first section header of a kind, elf(5).
func corrupt(t *testing.T, good []byte, kind elf.SectionType, field int, value uint64) []byte {
	t.Helper()
	b := bytes.Clone(good)
	e, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(e.Sections, func(s *elf.Section) bool { return s.Type == kind })
	headers := binary.LittleEndian.Uint64(b[40:])
	binary.LittleEndian.PutUint64(b[headers+uint64(64*i+field):], value)
	return b
}

func TestDamagedSections(t *testing.T) {
	const flags, offset, size = 8, 24, 32
	good := sample().Bytes()
	for _, c := range []struct {
		kind  elf.SectionType
		field int
		value uint64
	}{
		{elf.SHT_GNU_VERSYM, offset, 1 << 40}, {elf.SHT_GNU_VERSYM, size, 1 << 40}, {elf.SHT_GNU_VERSYM, offset, uint64(len(good) - 1)},
		{elf.SHT_GNU_VERSYM, size, 2}, {elf.SHT_GNU_VERDEF, size, maxVersion + 1}, {elf.SHT_GNU_VERDEF, size, 19}, {elf.SHT_GNU_VERNEED, size, 17},
		{elf.SHT_DYNSYM, flags, uint64(elf.SHF_COMPRESSED)}, {elf.SHT_DYNAMIC, size, 1 << 62}, {elf.SHT_STRTAB, size, 3},
	} {
		if _, err := readBytes(corrupt(t, good, c.kind, c.field, c.value)); err == nil {
			t.Errorf("%s: field %d set to %d was accepted", c.kind, c.field, c.value)
		}
	}
	for name, text := range map[string]string{"empty": "", "short": "\x7fELF\x02\x01\x01", "script": "#!/bin/sh\n" + strings.Repeat("x", 100)} {
		if _, err := readBytes([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A table in which 350,000 symbols share one name of a megabyte, which would be copied as often.
func TestNamesAreNotCopied(t *testing.T) {
	im := elftest.Image{SOName: "libx.so.1"}
	long := strings.Repeat("n", maxName-2)
	for range 10_000 {
		im.Symbols = append(im.Symbols, elftest.Symbol{Name: long[:1]})
	}
	im.Symbols[0].Name = long
	b := im.Bytes()
	e, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	table := e.SectionByType(elf.SHT_DYNSYM)
	first := binary.LittleEndian.Uint32(b[table.Offset+24:])
	for i := uint64(2); i <= 10_000; i++ {
		binary.LittleEndian.PutUint32(b[table.Offset+24*i:], first)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	l, err := readBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 || len(l.Defines[long]) != 10_000 {
		t.Errorf("%d bytes were allocated for %d symbols", took, len(l.Defines[long]))
	}
	im.Symbols[0].Name = long + "nn"
	if _, err := readBytes(im.Bytes()); err == nil {
		t.Error("a name beyond the bound was accepted")
	}
}

// Whatever the bytes, reading ends with a library or an error, in bounded memory.
func FuzzRead(f *testing.F) {
	good := sample().Bytes()
	f.Add(good)
	f.Add(good[:200])
	f.Add(elftest.Image{SOName: "liby.so.1", NoHash: true}.Bytes())
	f.Add([]byte("\x7fELF\x01\x02\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := readBytes(b)
		if (l == nil) == (err == nil) && l == nil {
			t.Fatal("neither a library nor an error")
		}
		if err == nil {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "x"), b, 0o600); err != nil {
				t.Fatal(err)
			}
			k := NewLinker(root.New(root.At(dir)))
			if l, err := k.Library("/x"); err == nil {
				k.Closure(l).Unmet()
			}
		}
		ReadInterp(bytes.NewReader(b), int64(len(b)))
		ReadABI(bytes.NewReader(b), int64(len(b)))
	})
}
