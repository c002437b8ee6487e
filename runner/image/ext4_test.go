package image_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"xtest/internal/required"
	"xtest/runner/image"
)

// TestExt4 compares with the folder that mke2fs made the file system of.
func TestExt4(t *testing.T) {
	mke2fs := required.Tool(t, "mke2fs", "e2fsprogs")
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
	must(t, unix.Setxattr(filepath.Join(dir, "big"), "user.note", []byte("in the inode"), 0))
	must(t, unix.Setxattr(filepath.Join(dir, "holes"), "user.note", bytes.Repeat([]byte("in a block"), 40), 0))
	must(t, unix.Setxattr(dir, "system.posix_acl_default", acl, 0))
	must(t, os.Symlink("short", filepath.Join(dir, "s")))
	must(t, os.Symlink(strings.Repeat("long/", 50), filepath.Join(dir, "l")))
	if os.Geteuid() == 0 {
		must(t, unix.Setxattr(filepath.Join(dir, "many/a-file-with-a-rather-long-name-1"), "security.capability", []byte(capability), 0))
		must(t, os.Chown(filepath.Join(dir, "holes"), 70000, 80000))
		must(t, syscall.Mknod(filepath.Join(dir, "null"), syscall.S_IFCHR|0o666, 1<<8|3))
	}
	disk := filepath.Join(t.TempDir(), "root.ext4")
	run(t, mke2fs, "-q", "-t", "ext4", "-d", dir, disk, "12m")
	want, got := entries(t, dir), entries(t, disk)
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

// acl is an access control list with an entry of a user: linux/posix_acl_xattr.h.
var acl = []byte("\x02\x00\x00\x00" + "\x01\x00\x07\x00\xff\xff\xff\xff" + "\x02\x00\x05\x00\x07\x00\x00\x00" +
	"\x04\x00\x05\x00\xff\xff\xff\xff" + "\x10\x00\x05\x00\xff\xff\xff\xff" + "\x20\x00\x00\x00\xff\xff\xff\xff")

// entries tells all of an image's entries, as its tar stream has them.
func entries(t testing.TB, ref string) map[string]string {
	t.Helper()
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
		_, err = io.Copy(sum, r)
		must(t, err)
		all[h.Name] = fmt.Sprintf("%c %o %d:%d %d %q %d,%d %x %q", h.Typeflag, h.Mode, h.Uid, h.Gid, h.Size, h.Linkname, h.Devmajor, h.Devminor, sum.Sum(nil), h.PAXRecords)
	}
}
