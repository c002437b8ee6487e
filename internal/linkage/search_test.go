package linkage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"xtest/internal/linkage/elftest"
	"xtest/internal/root"
)

func put(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	at := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, content, 0o755)); err != nil {
		t.Fatal(err)
	}
}

// A chain of libraries that need each other without end, and ld.so.conf that includes itself, end.
func TestEndless(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "etc/ld.so.conf", []byte("include /etc/ld.so.conf\ninclude /etc/ld.so.conf.d/*\n/lib\n"))
	for i := range 40 {
		put(t, dir, "etc/ld.so.conf.d/"+strconv.Itoa(i), []byte("include /etc/ld.so.conf\n/opt/"+strconv.Itoa(i)+"\n"))
	}
	for i := range maxClosure + 50 {
		name := "lib" + strconv.Itoa(i) + ".so"
		needs := []string{"lib" + strconv.Itoa(i+1) + ".so", name, "none" + strconv.Itoa(i)}
		put(t, dir, "lib/"+name, elftest.Image{SOName: name, Needed: needs}.Bytes())
	}
	k := NewLinker(root.New(root.At(dir)))
	if n := len(k.Dirs()); n > 60 {
		t.Errorf("%d directories", n)
	}
	l, err := k.Library("/lib/lib0.so")
	if err != nil {
		t.Fatal(err)
	}
	if c := k.Closure(l); len(c.Libs)+len(c.Missing) > maxClosure+2 {
		t.Errorf("a closure of %d libraries, %d missing", len(c.Libs), len(c.Missing))
	}
	if _, err := k.Find("libabsent.so", AMD64, k.Dirs()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent library: %v", err)
	}
}

// Libraries whose tables together exceed what is kept are refused from there on.
func TestKeptIsBounded(t *testing.T) {
	dir := t.TempDir()
	im := elftest.Image{SOName: "lib.so"}
	for i := range 60_000 {
		im.Symbols = append(im.Symbols, elftest.Symbol{Name: "a_symbol_of_some_length_" + strconv.Itoa(i)})
	}
	b := im.Bytes()
	refused := false
	k := NewLinker(root.New(root.At(dir)))
	for i := range 8 {
		put(t, dir, strconv.Itoa(i), b)
		_, err := k.Library("/" + strconv.Itoa(i))
		refused = refused || err != nil
	}
	if !refused {
		t.Error("libraries without bound were kept")
	}
}
