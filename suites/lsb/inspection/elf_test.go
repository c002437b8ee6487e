package inspection

import (
	"debug/elf"
	"strings"
	"testing"

	"xtest/internal/linkage"
	"xtest/internal/linkage/elftest"
)

// sample asks for one of each kind of interface.
var sample = Library{Name: "libx", SOName: "libx.so.1", Section: "0", Symbols: []Requirement{
	{Name: "f", Version: "X_1"}, {Name: "o", Version: "X_1", Object: true, Size: 8}, {Name: "plain"},
}}

func whole() elftest.Image {
	return elftest.Image{SOName: "libx.so.1", Symbols: []elftest.Symbol{
		{Name: "f", Version: "X_1"}, {Name: "o", Version: "X_1", Object: true, Size: 8}, {Name: "plain", Version: "X_2"},
	}}
}

func TestSymbols(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*elftest.Image)
		words  []string // nil for a pass
	}{
		{"whole", func(*elftest.Image) {}, nil},
		{"larger object", func(im *elftest.Image) { im.Symbols[1].Size = 16 }, nil},
		{"missing", func(im *elftest.Image) { im.Symbols[0].Name = "g" }, []string{"1 missing: f@X_1"}},
		{"other version", func(im *elftest.Image) { im.Symbols[0].Version = "X_0" }, []string{"1 of other version: f@X_1 (has X_0)"}},
		{"no version", func(im *elftest.Image) { im.Symbols[0].Version = "" }, []string{"1 of other version: f@X_1 (has no version)"}},
		{"smaller object", func(im *elftest.Image) { im.Symbols[1].Size = 4 }, []string{"1 smaller: o@X_1 (4 bytes, not 8)"}},
		{"function for object", func(im *elftest.Image) { im.Symbols[1].Object = false }, []string{"1 of other kind: o@X_1"}},
		{"object for function", func(im *elftest.Image) { im.Symbols[0].Object = true }, []string{"1 of other kind: f@X_1"}},
		{"hidden", func(im *elftest.Image) { im.Symbols[2].Hidden = true }, []string{"1 of other version: plain"}},
		{"several", func(im *elftest.Image) { im.Symbols = im.Symbols[2:] }, []string{"2 missing: f@X_1, o@X_1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			im := whole()
			c.change(&im)
			f.lib(im)
			if c.words == nil {
				f.passes(judgeSymbols(sample))
			} else {
				f.fails(judgeSymbols(sample), c.words...)
			}
		})
	}
	newFixture(t).fails(judgeSymbols(sample), "3 missing", "no libx.so.1")
}

// Since glibc 2.34 most of libpthread lives in libc: an application finds it through DT_NEEDED.
func TestSymbolsOfTheClosure(t *testing.T) {
	f := newFixture(t)
	moved := whole()
	moved.Symbols = moved.Symbols[:2]
	f.lib(elftest.Image{SOName: "libx.so.1", Needed: []string{"liby.so.1"}, Symbols: whole().Symbols[2:]})
	moved.SOName = "liby.so.1"
	f.fails(judgeSymbols(sample), "2 missing")
	if missing := f.closureOf("libx.so.1").Missing; len(missing) != 1 || !strings.Contains(missing[0], "liby.so.1 (needed by libx.so.1") {
		t.Errorf("missing: %q", missing)
	}

	f.lib(moved)
	got := f.fails(judgeSymbols(sample), "2 provided by another library: f@X_1 (liby.so.1), o@X_1 (liby.so.1)")
	if len(got.Deviations) != 2 || got.Deviations[0].Kind != "moved" {
		t.Errorf("deviations: %v", got.Deviations)
	}
	if missing := f.closureOf("libx.so.1").Missing; len(missing) != 0 {
		t.Errorf("missing: %q", missing)
	}
}

func TestLibrary(t *testing.T) {
	c := judgeLibrary(sample)
	newFixture(t).fails(c, "no libx.so.1")
	f := newFixture(t)
	f.lib(whole())
	f.passes(c)

	f = newFixture(t)
	f.put("/lib64/libx.so.1", string(elftest.Image{SOName: "liby.so.1"}.Bytes()))
	f.fails(c, "liby.so.1")
	f = newFixture(t)
	f.put("/lib64/libx.so.1", "not ELF")
	f.fails(c, "libx.so.1")

	f = newFixture(t)
	f.lib(elftest.Image{SOName: "libx.so.1", Machine: elf.EM_AARCH64})
	f.fails(c, "EM_AARCH64")
	// One of another machine is passed over for a later one.
	f.put("/usr/lib64/libx.so.1", string(whole().Bytes()))
	f.passes(c)

	f = newFixture(t)
	f.lib(elftest.Image{SOName: "libx.so.1", Kind: elf.ET_EXEC})
	f.fails(c, "ET_EXEC")
	f = newFixture(t)
	f.put("/lib64/libx.so.2", string(whole().Bytes()))
	if notes := f.fails(c).Notes; len(notes) != 1 || !strings.Contains(notes[0], "libx.so.2") {
		t.Errorf("notes: %q", notes)
	}
}

// The dynamic linker's directories come from ld.so.conf and what it includes, links and all.
func TestLibraryDirectories(t *testing.T) {
	f := newFixture(t)
	f.put("/etc/ld.so.conf", "# comment\ninclude ld.so.conf.d/*.conf\n/opt/a\n")
	f.put("/etc/ld.so.conf.d/1.conf", "/opt/b # more\ninclude /etc/ld.so.conf\n")
	f.put("/opt/b/real.so", string(whole().Bytes()))
	f.link("/opt/a/libx.so.1", "/opt/b/real.so")
	f.passes(judgeLibrary(sample))
	if dirs := f.Dirs(); dirs[0] != "/opt/b" {
		t.Errorf("directories: %v", dirs)
	}
	f.lib(elftest.Image{SOName: "libz.so.9", Needed: []string{"libq.so.1"}, RunPath: "$ORIGIN/../priv"})
	f.put("/priv/libq.so.1", string(elftest.Image{SOName: "libq.so.1"}.Bytes()))
	l, err := f.Library("/lib64/libz.so.9")
	if err != nil {
		t.Fatal(err)
	}
	if c := f.Closure(l); len(c.Missing) != 0 || len(c.Libs) != 2 {
		t.Errorf("closure with $ORIGIN: %v", c)
	}
}

func TestAliases(t *testing.T) {
	var symbols []elftest.Symbol
	for i, names := range aliases {
		for _, n := range names {
			symbols = append(symbols, elftest.Symbol{Name: n, Object: true, Size: 8, Value: uint64(i + 1)})
		}
	}
	f := newFixture(t)
	f.lib(elftest.Image{SOName: "libc.so.6", Symbols: symbols})
	f.passes(judgeAliases)
	symbols[1].Value = 99
	f = newFixture(t)
	f.lib(elftest.Image{SOName: "libc.so.6", Symbols: symbols})
	f.fails(judgeAliases, "environ, _environ, __environ (at 2 addresses")
	f = newFixture(t)
	f.lib(elftest.Image{SOName: "libc.so.6", Symbols: symbols[2:]})
	f.fails(judgeAliases, "environ (not defined)")
	newFixture(t).skips(judgeAliases)
	f = newFixture(t)
	f.put("/lib64/libc.so.6", "not ELF")
	f.fails(judgeAliases, "libc.so.6")
}

func TestInterpreter(t *testing.T) {
	f := newFixture(t)
	f.put("/bin/sh", string(elftest.Image{Interp: "/lib64/ld-own.so"}.Bytes()))
	f.put("/lib64/ld-own.so", string(elftest.Image{SOName: "ld-own.so"}.Bytes()))
	if notes := f.fails(judgeInterpreter, "/lib64/ld-lsb-x86-64.so.3").Notes; len(notes) != 1 || !strings.Contains(notes[0], "ld-own") {
		t.Errorf("notes: %q", notes)
	}
	f.link("/lib64/ld-lsb-x86-64.so.3", "ld-own.so")
	f.passes(judgeInterpreter)

	f = newFixture(t)
	f.put("/bin/sh", string(elftest.Image{}.Bytes()))
	f.put("/lib64/ld-lsb-x86-64.so.3", string(elftest.Image{Machine: elf.EM_386}.Bytes()))
	f.fails(judgeInterpreter, "EM_386")
}

func (f fixture) closureOf(soname string) linkage.Closure {
	f.Helper()
	l, err := f.find(soname)
	f.must(err)
	return f.Closure(l)
}

// The checks that go through every Core library see each fault, and pass without any.
func TestLibraryProperties(t *testing.T) {
	// The name is one of the table's.
	const name = "libz.so.1"
	byID := map[string]judge{}
	for _, c := range append(libraryChecks(), elfChecks()...) {
		byID[c.Meta.ID] = c.judge
	}
	for id, im := range map[string]elftest.Image{
		"libraries/no-executable-stack": {SOName: name, Execute: true},
		"libraries/symbol-hash":         {SOName: name, NoHash: true},
		"elf/symbol-versions":           {SOName: name, Needed: []string{"libx.so.1"}, Wants: map[string]string{"libx.so.1": "X_9"}},
		"libraries/closure":             {SOName: name, Needed: []string{"liby.so.1"}},
	} {
		t.Run(id, func(t *testing.T) {
			f := newFixture(t)
			f.lib(whole())
			f.lib(im)
			f.fails(byID[id])
			f = newFixture(t)
			f.lib(whole())
			f.lib(elftest.Image{SOName: name, Needed: []string{"libx.so.1"}, Wants: map[string]string{"libx.so.1": "X_1"}})
			f.passes(byID[id])
			newFixture(t).skips(byID[id])
		})
	}
}

func TestBinding(t *testing.T) {
	weak := Library{Name: "libx", SOName: "libx.so.1", Symbols: []Requirement{{Name: "w", Object: true, Weak: true}}}
	f := newFixture(t)
	f.lib(elftest.Image{SOName: "libx.so.1", Symbols: []elftest.Symbol{{Name: "w", Object: true}}})
	f.fails(judgeSymbols(weak), "1 of other binding: w (STB_GLOBAL)")
	f = newFixture(t)
	f.lib(elftest.Image{SOName: "libx.so.1", Symbols: []elftest.Symbol{{Name: "w", Object: true, Weak: true}}})
	f.passes(judgeSymbols(weak))
}
