package image

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"xtest/internal/required"
)

// tiny makes a file system of 128 KiB with a bit of everything, with these features.
func tiny(t testing.TB, features string) []byte {
	dir, path := t.TempDir(), filepath.Join(t.TempDir(), "fs")
	for name, text := range map[string]string{"etc/os-release": "NAME=x\n", "a": "text", "b": string(make([]byte, 3000)) + "end"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, value := range []string{"short", string(make([]byte, 300))} {
		if err := unix.Setxattr(filepath.Join(dir, "a"), "user."+string(rune('a'+len(value)%7)), []byte(value), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	tool := required.Tool(t, "mke2fs", "e2fsprogs")
	if out, err := exec.Command(tool, "-q", "-t", "ext4", "-b", "1024", "-N", "16", "-O", features, "-d", dir, path, "128k").CombinedOutput(); err != nil {
		t.Fatalf("mke2fs: %v: %s", err, out)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// readAll reads a file system that need not be one: with an error, or without, but never with a panic
// or without an end.
func readAll(data []byte) (entries int) {
	rootMark(bytes.NewReader(data))
	e, err := newExt4(bytes.NewReader(data))
	if err != nil {
		return 0
	}
	tree := newTree(1 << 20)
	w := &ext4Walk{ext4: e, ctx: context.Background(), t: tree, folders: map[int64]bool{}, linked: map[int64]string{}}
	w.visit("", rootInode)
	tree.walk(func(_ string, n *node) error {
		if r, err := e.open(int64(n.entry)); err == nil {
			io.Copy(io.Discard, io.LimitReader(r, 1<<20))
		}
		entries++
		return nil
	})
	return entries
}

func FuzzExt4(f *testing.F) {
	for _, features := range []string{"^has_journal", "^has_journal,^64bit,^metadata_csum", "^has_journal,ea_inode"} {
		data := tiny(f, features)
		if n := readAll(data); n < 5 {
			f.Fatalf("%s: %d entries", features, n)
		}
		f.Add(data)
	}
	f.Fuzz(func(_ *testing.T, data []byte) { readAll(data) })
}
