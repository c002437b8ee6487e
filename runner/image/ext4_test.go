package image_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"xtest/runner/image"
)

// TestExt4 compares with the folder that mke2fs made the file system of.
func TestExt4(t *testing.T) {
	tool, err := exec.LookPath("mke2fs")
	if err != nil {
		if tool, err = exec.LookPath("/sbin/mke2fs"); err != nil {
			if os.Getenv("XTEST_REQUIRE_TOOLS") == "1" {
				t.Fatal(err)
			}
			t.Skip("mke2fs: not installed (apt-get install e2fsprogs)")
		}
	}
	dir := filepath.Join(t.TempDir(), "root")
	must(t, os.MkdirAll(filepath.Join(dir, "many"), 0o755))
	for i := range 700 { // more than a block of names: an index
		must(t, os.WriteFile(filepath.Join(dir, "many", fmt.Sprintf("a-file-with-a-rather-long-name-%d", i)), []byte{byte(i)}, 0o644))
	}
	must(t, os.WriteFile(filepath.Join(dir, "big"), bytes.Repeat([]byte("0123456789abcdef"), 200_000), 0o4755))
	f, err := os.Create(filepath.Join(dir, "holes"))
	must(t, err)
	for i := range 600 { // more extents than fit into the inode
		_, err := f.WriteAt([]byte("data"), int64(i)*3*4096)
		must(t, err)
	}
	must(t, f.Truncate(3*4096*600+5000))
	must(t, f.Close())
	must(t, os.Link(filepath.Join(dir, "big"), filepath.Join(dir, "many/link")))
	must(t, os.Symlink("short", filepath.Join(dir, "s")))
	must(t, os.Symlink(strings.Repeat("long/", 50), filepath.Join(dir, "l")))
	if os.Geteuid() == 0 {
		must(t, os.Chown(filepath.Join(dir, "holes"), 70000, 80000))
		must(t, syscall.Mknod(filepath.Join(dir, "null"), syscall.S_IFCHR|0o666, 1<<8|3))
	}
	disk := filepath.Join(t.TempDir(), "root.ext4")
	if out, err := exec.Command(tool, "-q", "-t", "ext4", "-d", dir, disk, "12m").CombinedOutput(); err != nil {
		t.Fatalf("mke2fs: %v: %s", err, out)
	}
	entries := func(ref string) map[string]string {
		s, err := image.Open(t.Context(), ref, options(t))
		must(t, err)
		var out bytes.Buffer
		must(t, s.Tar(t.Context(), &out))
		all := map[string]string{}
		for r := tar.NewReader(&out); ; {
			h, err := r.Next()
			if err == io.EOF {
				return all
			}
			must(t, err)
			sum := sha256.New()
			io.Copy(sum, r)
			all[h.Name] = fmt.Sprintf("%c %o %d:%d %d %q %d,%d %x", h.Typeflag, h.Mode, h.Uid, h.Gid, h.Size, h.Linkname, h.Devmajor, h.Devminor, sum.Sum(nil))
		}
	}
	want, got := entries(dir), entries(disk)
	delete(got, "lost+found/")
	if len(got) < 700 {
		t.Errorf("%d entries", len(got))
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: got %s, want %s", name, got[name], want[name])
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("too much: %q", got)
	}
	// A damaged one ends in an error or in other content, never in a panic or an endless loop.
	whole, err := os.ReadFile(disk)
	must(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	for range 6 {
		broken := bytes.Clone(whole)
		for range 2000 { // where the tables are
			broken[random.IntN(1<<20)] = byte(random.IntN(256))
		}
		broken[superblock+56], broken[superblock+57] = 0x53, 0xef
		if s, err := image.Open(t.Context(), put(t, "broken.ext4", broken), options(t)); err == nil && s.Kind != "file system" {
			t.Errorf("opened as %s", s.Kind)
		}
	}
}

const superblock = 1024
