package lsb

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// sample asks for one of each kind of interface.
var sample = coreLibrary{name: "libx", soname: "libx.so.1", section: "0", symbols: []requirement{
	{name: "f", version: "X_1"}, {name: "o", version: "X_1", object: true, size: 8}, {name: "plain"},
}}

func whole() image {
	return image{soname: "libx.so.1", symbols: []made{
		{name: "f", version: "X_1"}, {name: "o", version: "X_1", object: true, size: 8}, {name: "plain", version: "X_2"},
	}}
}

func TestSymbols(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*image)
		words  []string // nil for a pass
	}{
		{"whole", func(*image) {}, nil},
		{"larger object", func(im *image) { im.symbols[1].size = 16 }, nil},
		{"missing", func(im *image) { im.symbols[0].name = "g" }, []string{"1 missing: f@X_1"}},
		{"other version", func(im *image) { im.symbols[0].version = "X_0" }, []string{"1 of other version: f@X_1 (has X_0)"}},
		{"no version", func(im *image) { im.symbols[0].version = "" }, []string{"1 of other version: f@X_1 (has no version)"}},
		{"smaller object", func(im *image) { im.symbols[1].size = 4 }, []string{"1 smaller: o@X_1 (4 bytes, not 8)"}},
		{"function for object", func(im *image) { im.symbols[1].object = false }, []string{"1 of other kind: o@X_1"}},
		{"object for function", func(im *image) { im.symbols[0].object = true }, []string{"1 of other kind: f@X_1"}},
		{"hidden", func(im *image) { im.symbols[2].hidden = true }, []string{"1 of other version: plain"}},
		{"several", func(im *image) { im.symbols = im.symbols[2:] }, []string{"2 missing: f@X_1, o@X_1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			im := whole()
			c.change(&im)
			f.lib(im)
			if c.words == nil {
				f.passes(checkSymbols(sample))
			} else {
				f.fails(checkSymbols(sample), c.words...)
			}
		})
	}
	newFixture(t).fails(checkSymbols(sample), "3 missing", "no libx.so.1")
}

// Since glibc 2.34 most of libpthread lives in libc: an application finds it through DT_NEEDED.
func TestSymbolsOfTheClosure(t *testing.T) {
	f := newFixture(t)
	moved := whole()
	moved.symbols = moved.symbols[:2]
	f.lib(image{soname: "libx.so.1", needed: []string{"liby.so.1"}, symbols: whole().symbols[2:]})
	moved.soname = "liby.so.1"
	f.fails(checkSymbols(sample), "2 missing")
	f.fails(eachOf(sample, incomplete), "liby.so.1 (needed by libx.so.1")

	f.lib(moved)
	got := f.passes(checkSymbols(sample))
	if notes := strings.Join(got.notes, "\n"); !strings.Contains(notes, "2 of the interfaces are provided by liby.so.1") {
		t.Errorf("notes: %s", notes)
	}
	f.passes(eachOf(sample, incomplete))
}

// eachOf runs eachLibrary over one library of the test's own.
func eachOf(lib coreLibrary, fault func(*machine, *library) string) check {
	return func(ctx context.Context, m *machine) (finding, error) {
		l, err := m.findLibrary(lib.soname, ofLSB, m.libraryDirs())
		if err != nil {
			return finding{}, err
		}
		if s := fault(m, l); s != "" {
			return bad("examining", s, ""), nil
		}
		return good(1), nil
	}
}

func TestLibrary(t *testing.T) {
	c := checkLibrary(sample)
	newFixture(t).fails(c, "no libx.so.1")
	f := newFixture(t)
	f.lib(whole())
	f.passes(c)

	f = newFixture(t)
	f.put("/lib64/libx.so.1", string(image{soname: "liby.so.1"}.bytes()))
	f.fails(c, "liby.so.1")
	f = newFixture(t)
	f.put("/lib64/libx.so.1", "not ELF")
	f.fails(c, "libx.so.1")

	f = newFixture(t)
	f.lib(image{soname: "libx.so.1", machine: elf.EM_AARCH64})
	f.fails(c, "EM_AARCH64")
	// One of another machine is passed over for a later one.
	f.put("/usr/lib64/libx.so.1", string(whole().bytes()))
	f.passes(c)

	f = newFixture(t)
	f.lib(image{soname: "libx.so.1", kind: elf.ET_EXEC})
	f.fails(c, "ET_EXEC")
	f = newFixture(t)
	f.put("/lib64/libx.so.2", string(whole().bytes()))
	if notes := f.fails(c).notes; len(notes) != 1 || !strings.Contains(notes[0], "libx.so.2") {
		t.Errorf("notes: %q", notes)
	}
}

// The dynamic linker's directories come from ld.so.conf and what it includes, links and all.
func TestLibraryDirectories(t *testing.T) {
	f := newFixture(t)
	f.put("/etc/ld.so.conf", "# comment\ninclude ld.so.conf.d/*.conf\n/opt/a\n")
	f.put("/etc/ld.so.conf.d/1.conf", "/opt/b # more\ninclude /etc/ld.so.conf\n")
	f.put("/opt/b/real.so", string(whole().bytes()))
	f.link("/opt/a/libx.so.1", "/opt/b/real.so")
	f.passes(checkLibrary(sample))
	if dirs := f.libraryDirs(); dirs[0] != "/opt/b" {
		t.Errorf("directories: %v", dirs)
	}
	f.lib(image{soname: "libz.so.9", needed: []string{"libq.so.1"}, runpath: "$ORIGIN/../priv"})
	f.put("/priv/libq.so.1", string(image{soname: "libq.so.1"}.bytes()))
	l, err := f.library("/lib64/libz.so.9")
	if err != nil {
		t.Fatal(err)
	}
	if c := f.closure(l, f.libraryDirs()); len(c.missing) != 0 || len(c.libs) != 2 {
		t.Errorf("closure with $ORIGIN: %v", c)
	}
}

func TestLibraryProperties(t *testing.T) {
	// The name is one of the table's, which is what eachLibrary goes through.
	const name = "libz.so.1"
	stack := func(_ *machine, l *library) string {
		if l.stack {
			return l.path
		}
		return ""
	}
	hash := func(_ *machine, l *library) string {
		if !l.hash && !l.gnuHash {
			return l.path
		}
		return ""
	}
	for _, c := range []struct {
		what  string
		im    image
		fault func(*machine, *library) string
	}{
		{"executable stack", image{soname: name, execute: true}, stack},
		{"no hash table", image{soname: name, noHash: true}, hash},
		{"unmet version", image{soname: name, needed: []string{"libx.so.1"}, wants: map[string]string{"libx.so.1": "X_9"}}, unmetVersions},
		{"needs what is not there", image{soname: name, needed: []string{"liby.so.1"}}, incomplete},
	} {
		t.Run(c.what, func(t *testing.T) {
			f := newFixture(t)
			f.lib(whole())
			f.lib(c.im)
			f.fails(eachLibrary("examining", "", c.fault))
			f = newFixture(t)
			f.lib(whole())
			f.lib(image{soname: name, needed: []string{"libx.so.1"}, wants: map[string]string{"libx.so.1": "X_1"}})
			f.passes(eachLibrary("examining", "", c.fault))
		})
	}
	newFixture(t).skips(eachLibrary("examining", "", stack))
}

func TestAliases(t *testing.T) {
	var symbols []made
	for i, names := range aliases {
		for _, n := range names {
			symbols = append(symbols, made{name: n, object: true, size: 8, value: uint64(i + 1)})
		}
	}
	f := newFixture(t)
	f.lib(image{soname: "libc.so.6", symbols: symbols})
	f.passes(checkAliases)
	symbols[1].value = 99
	f = newFixture(t)
	f.lib(image{soname: "libc.so.6", symbols: symbols})
	f.fails(checkAliases, "environ, _environ, __environ differ")
	f = newFixture(t)
	f.lib(image{soname: "libc.so.6", symbols: symbols[2:]})
	f.fails(checkAliases, "environ is not defined")
	newFixture(t).skips(checkAliases)
	f = newFixture(t)
	f.put("/lib64/libc.so.6", "not ELF")
	f.fails(checkAliases, "libc.so.6")
}

func TestABITag(t *testing.T) {
	note := func(system, a, b, c uint32) []byte {
		n := []byte("\x04\x00\x00\x00\x10\x00\x00\x00\x01\x00\x00\x00GNU\x00")
		for _, v := range []uint32{system, a, b, c} {
			n = binary.LittleEndian.AppendUint32(n, v)
		}
		return n
	}
	running := [3]uint32{6, 1, 0}
	tag := func(_ context.Context, m *machine) (finding, error) { return checkNote(m, running) }
	for _, c := range []struct {
		note []byte
		ok   bool
	}{
		{note(0, 3, 2, 0), true}, {note(0, 6, 1, 0), true}, {note(0, 5, 9, 9), true},
		{note(0, 6, 2, 0), false}, {note(0, 7, 0, 0), false}, {note(1, 3, 2, 0), false}, {note(0, 3, 2, 0)[:30], false}, {nil, false},
	} {
		f := newFixture(t)
		f.lib(image{soname: "libc.so.6", note: c.note})
		if c.ok {
			f.passes(tag)
		} else {
			f.fails(tag)
		}
	}
	newFixture(t).skips(tag)
	if v, err := kernelRelease(); err != nil || v[0] == 0 {
		t.Errorf("kernelRelease: %v, %v", v, err)
	}
}

func TestInterpreter(t *testing.T) {
	f := newFixture(t)
	f.put("/bin/sh", string(image{interp: "/lib64/ld-own.so"}.bytes()))
	f.put("/lib64/ld-own.so", string(image{soname: "ld-own.so"}.bytes()))
	if notes := f.fails(checkInterpreter, "/lib64/ld-lsb-x86-64.so.3").notes; len(notes) != 1 || !strings.Contains(notes[0], "ld-own") {
		t.Errorf("notes: %q", notes)
	}
	f.link("/lib64/ld-lsb-x86-64.so.3", "ld-own.so")
	f.passes(checkInterpreter)

	f = newFixture(t)
	f.put("/bin/sh", string(image{}.bytes()))
	f.put("/lib64/ld-lsb-x86-64.so.3", string(image{machine: elf.EM_386}.bytes()))
	f.fails(checkInterpreter, "EM_386")
}

// A program runs under this machine's own interpreter, and not under one that is not there.
func TestRunUnder(t *testing.T) {
	m := newMachine("/")
	own, err := interpreterOf(m, "/bin/true")
	if err != nil {
		t.Skipf("no dynamically linked program to borrow: %v", err)
	}
	f := fixture{t, m}
	f.passes(func(ctx context.Context, m *machine) (finding, error) { return runUnder(ctx, m, own) })
	f.fails(func(ctx context.Context, m *machine) (finding, error) { return runUnder(ctx, m, "/nonexistent/ld.so") }, "not executed")
}

// Whatever the bytes, reading ends with a library or an error.
func TestDamagedELF(t *testing.T) {
	im := whole()
	im.needed, im.wants, im.note, im.interp = []string{"liby.so.1"}, map[string]string{"liby.so.1": "Y_1"}, make([]byte, 32), "/ld.so"
	good := im.bytes()
	r := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for range 5000 {
		b := append([]byte(nil), good...)
		for range 1 + r.IntN(4) {
			// Numbers at the edges of their range meet more checks than random bits.
			b[r.IntN(len(b))] = []byte{0, 1, 0x7f, 0x80, 0xff, byte(r.Uint32())}[r.IntN(6)]
		}
		if r.IntN(4) == 0 {
			b = b[:r.IntN(len(b))]
		}
		f := sized{bytes.NewReader(b), int64(len(b))}
		if _, err := read(f); err != nil {
			refused++
		}
		interpSegment(f)
	}
	if refused == 0 || refused == 5000 {
		t.Errorf("%d of 5000 damaged files refused", refused)
	}
}

// debug/elf takes a version section that it cannot read for one that is not there.
func TestDamagedVersionSections(t *testing.T) {
	const flags, offset, size = 8, 24, 32 // in a section header, elf(5)
	good := whole().bytes()
	for _, c := range []struct {
		kind  elf.SectionType
		field int
		value uint64
	}{
		{elf.SHT_GNU_VERSYM, offset, 1 << 40}, {elf.SHT_GNU_VERSYM, size, 1 << 40}, {elf.SHT_GNU_VERSYM, offset, uint64(len(good) - 1)},
		{elf.SHT_GNU_VERDEF, size, maxVersions + 1}, {elf.SHT_DYNSYM, flags, uint64(elf.SHF_COMPRESSED)},
	} {
		b := bytes.Clone(good)
		e, err := elf.NewFile(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(e.Sections, func(s *elf.Section) bool { return s.Type == c.kind })
		headers := binary.LittleEndian.Uint64(b[40:])
		binary.LittleEndian.PutUint64(b[headers+uint64(64*i+c.field):], c.value)
		if _, err := read(sized{bytes.NewReader(b), int64(len(b))}); err == nil {
			t.Errorf("%s: field %d set to %d was accepted", c.kind, c.field, c.value)
		}
	}
	if _, err := read(sized{bytes.NewReader(good), int64(len(good))}); err != nil {
		t.Error(err)
	}
}

func TestResolveStaysInside(t *testing.T) {
	f := newFixture(t)
	f.put("/real/file", "x")
	f.link("/abs", "/real")
	f.link("/up", "../../../../real")
	f.link("/loop", "loop")
	for _, name := range []string{"/abs/file", "/up/file", "/../../real/file", "real/./file"} {
		if at, err := f.resolve(name); err != nil || at != "/real/file" {
			t.Errorf("resolve(%q) = %q, %v", name, at, err)
		}
	}
	if _, err := f.resolve("/loop"); err == nil {
		t.Error("a loop of links was resolved")
	}
	if _, err := f.stat("/absent"); err == nil || !strings.HasPrefix(err.Error(), "/absent: ") || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
	if _, err := f.open("/real"); err == nil {
		t.Error("a folder was opened as a file")
	}
	f.put("/long", strings.Repeat("x", maxText+1))
	if _, err := f.text("/long"); err == nil {
		t.Error("a text longer than the bound was read")
	}
}
