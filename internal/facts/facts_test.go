package facts

import (
	"errors"
	"io/fs"
	"os"
	"reflect"
	"testing"
)

func base() *Facts {
	return &Facts{
		Distro: "X 1", ABI: "x",
		Libraries: []Library{
			{SOName: "liba.so.1", Path: "/lib/liba.so.1", Symbols: []string{"f@A_1 F", "g@A_1 F", "h F", "o@A_1 O8"}},
			{SOName: "libb.so.1", Path: "/lib/libb.so.1", Symbols: []string{"k@B_1 F"}},
			{SOName: "libold.so.1", Path: "/lib/libold.so.1"},
		},
		Commands: map[string]string{"awk": "/usr/bin/mawk", "ls": "/usr/bin/ls", "old": "/usr/bin/old"},
		Packages: map[string]string{"p": "1"}, Users: map[string]string{"u": "1"}, Groups: map[string]string{"g": "1"},
	}
}

func TestCompare(t *testing.T) {
	if d := Compare(base(), base()); d.Differs() || d.Compared != 5 {
		t.Errorf("a root differs from itself: %+v", d)
	}
	now := base()
	now.Libraries = []Library{
		{SOName: "liba.so.1", Path: "/usr/lib/liba.so.1", Symbols: []string{"f@A_1 F", "new@A_2 F", "o@A_1 O16"}},
		{SOName: "libb.so.1", Path: "/lib/libb.so.1", Symbols: []string{"g@A_1 F", "h F", "k@B_1 FW"}},
	}
	now.Commands = map[string]string{"awk": "/usr/bin/gawk", "ls": "/usr/bin/ls", "tool": "/usr/bin/tool"}
	now.Packages, now.Users, now.Groups = map[string]string{"p": "2"}, map[string]string{"u": "2"}, nil
	got := Compare(base(), now)
	want := &Difference{
		Libraries: Names{Gone: []string{"libold.so.1"}},
		Symbols: []Names{
			// A symbol without version that another library has may be anything.
			{Of: "liba.so.1", Gone: []string{"h"}, New: []string{"new@A_2"}, Changed: []Change{{"o@A_1", "O8", "O16"}}},
			{Of: "libb.so.1", New: []string{"g@A_1", "h"}, Changed: []Change{{"k@B_1", "F", "FW"}}},
		},
		Moved:    []Change{{"g@A_1", "liba.so.1", "libb.so.1"}},
		Commands: Names{Gone: []string{"old"}, New: []string{"tool"}, Changed: []Change{{"awk", "/usr/bin/mawk", "/usr/bin/gawk"}}},
		Packages: Names{Changed: []Change{{"p", "1", "2"}}}, Users: Names{Changed: []Change{{"u", "1", "2"}}}, Groups: Names{Gone: []string{"g"}},
		Compared: 5,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestKept(t *testing.T) {
	dir := t.TempDir()
	if err := base().Write(dir, "./a:b/c"); err != nil {
		t.Fatal(err)
	}
	got, err := Read(dir, "./a:b/c")
	if err != nil || !reflect.DeepEqual(got, base()) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := Read(dir, "other"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("facts that were not kept: %v", err)
	}
	if err := os.WriteFile(file(dir, "bad"), []byte("no gzip"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir, "bad"); err == nil {
		t.Error("damaged facts were read")
	}
}

func TestSymbol(t *testing.T) {
	s := Symbol{Name: "environ@GLIBC_2.2.5", Kind: 'O', Weak: true, Size: 8}
	if s.String() != "environ@GLIBC_2.2.5 OW8" {
		t.Errorf("written as %q", s)
	}
	if name, what := Split(s.String()); name != s.Name || what != "OW8" {
		t.Errorf("split into %q and %q", name, what)
	}
}
