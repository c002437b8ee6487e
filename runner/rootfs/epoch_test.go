package rootfs

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"xtest/internal/required"
	"xtest/runner/cache"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestEpoch: the midnight after the last package was built.
func TestEpoch(t *testing.T) {
	dir := t.TempDir()
	deb := func(seconds string) string {
		path := filepath.Join(dir, seconds)
		must(t, os.WriteFile(path, fmt.Appendf(nil, "!<arch>\n%-16s%-12s%-6d%-6d%-8o%-10d`\n2.0\n", "debian-binary", seconds, 0, 0, 0o100644, 4), 0o644))
		return path
	}
	got, err := epoch([]string{deb("1700000000"), deb("1710000000"), deb("5")})
	if want := time.Date(2024, 3, 10, 0, 0, 0, 0, time.UTC); err != nil || !got.Equal(want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for _, bad := range []string{deb("x"), "/no/such/package", os.Args[0]} {
		if _, err := epoch([]string{bad}); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func TestForget(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"var/log/dpkg.log", "var/log/apt/term", "var/log/lastlog", "var/cache/ldconfig/aux-cache", "etc/machine-id", "etc/hostname"} {
		must(t, os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755))
		must(t, os.WriteFile(filepath.Join(root, name), []byte("x"), 0o644))
	}
	for range 2 { // what is not there is no error
		must(t, forget(root))
	}
	var left []string
	must(t, filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			left = append(left, fmt.Sprint(info.Name(), info.Size()))
		}
		return err
	}))
	if !slices.Equal(left, []string{"hostname1", "machine-id0", "lastlog1"}) {
		t.Errorf("left: %q", left)
	}
}

// TestLevel: file systems with the same files, made at different times with different identifiers and
// in a different order, become one and the same.
func TestLevel(t *testing.T) {
	mke2fs := required.Tool(t, "mke2fs", "e2fsprogs")
	c, err := cache.Open(t.TempDir())
	must(t, err)
	defer c.Close()
	latest := time.Unix(1_000_000_000, 0)
	var made [][]byte
	for i, names := range [][]string{{"a", "b", "c"}, {"c", "a", "b"}} {
		dir := t.TempDir()
		must(t, os.MkdirAll(filepath.Join(dir, "d"), 0o755))
		for _, name := range names {
			file := filepath.Join(dir, "d", name)
			must(t, os.WriteFile(file, bytes.Repeat([]byte(name), 10_000), 0o644))
			must(t, os.Chtimes(file, latest, latest.Add(time.Duration(i)*time.Hour))) // the first time is no later than allowed
		}
		must(t, os.Chtimes(filepath.Join(dir, "d"), latest, latest))
		must(t, os.Chtimes(dir, latest, latest.Add(time.Minute)))
		fs := filepath.Join(t.TempDir(), "fs")
		if out, err := exec.Command(mke2fs, "-q", "-t", "ext4", "-O", "^has_journal", "-b", fmt.Sprint(1024<<i), "-d", dir, fs, "8m").CombinedOutput(); err != nil {
			t.Fatalf("mke2fs: %v: %s", err, out)
		}
		path := filepath.Join(t.TempDir(), "root")
		must(t, level(t.Context(), c, fs, path, latest))
		f, err := os.Open(path)
		must(t, err)
		defer f.Close()
		head := make([]byte, 64<<20) // the rest is empty
		_, err = f.ReadAt(head, 0)
		must(t, err)
		made = append(made, head)
	}
	if !bytes.Equal(made[0], made[1]) {
		t.Error("they differ")
	}
}
