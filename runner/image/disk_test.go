package image_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xtest/internal/required"
	"xtest/runner/image"
)

// part is a partition to be made: its type as sfdisk(8) takes it, and what is in it.
type part struct{ kind, with string }

// partitioned makes a raw disk of 8 MiB for each partition, as sfdisk(8) lays them out.
func partitioned(t testing.TB, label string, parts ...part) string {
	t.Helper()
	disk := filepath.Join(t.TempDir(), "disk.raw")
	const each = 8 << 20
	must(t, os.WriteFile(disk, nil, 0o644))
	must(t, os.Truncate(disk, int64(len(parts)+2)*each))
	script := "label: " + label + "\n"
	for i, p := range parts {
		script += fmt.Sprintf("start=%d, size=%d, type=%s\n", (i+1)*each/512, each/512, p.kind)
	}
	table := put(t, "table", []byte(script))
	run(t, "sh", "-c", required.Tool(t, "sfdisk", "fdisk")+" -q "+disk+" <"+table)
	for i, p := range parts {
		if p.with == "" {
			continue
		}
		content, err := os.ReadFile(p.with)
		must(t, err)
		write(t, disk, content, int64(i+1)*each)
	}
	return disk
}

// write changes a part of a file.
func write(t testing.TB, path string, p []byte, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(p, at)
	must(t, err)
	must(t, f.Close())
}

// made makes a file system of 8 MiB with these files.
func made(t testing.TB, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range files {
		must(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("content of "+name+"\n", 9000)), 0o755))
	}
	path := filepath.Join(t.TempDir(), "fs")
	run(t, required.Tool(t, "mke2fs", "e2fsprogs"), "-q", "-t", "ext4", "-O", "^has_journal", "-d", dir, path, "8m")
	return path
}

const (
	linuxRoot = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"
	linuxData = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
)

// TestRootOfDisk: which partition is taken.
func TestRootOfDisk(t *testing.T) {
	root, data := made(t, "sbin/init", "which/root"), made(t, "which/data")
	etc := made(t, "etc/os-release", "which/root")
	btrfs := put(t, "btrfs", append(make([]byte, 0x10040), "_BHRfS_M"...))
	xfs := put(t, "xfs", []byte("XFSB"))
	for name, c := range map[string]struct{ disk, found, refused string }{
		"no table":            {disk: root, found: "raw disk, no partitions"},
		"GPT, type":           {disk: partitioned(t, "gpt", part{linuxData, root}, part{linuxRoot, etc}), found: "partition 2 (GPT, its type is a Linux root's)"},
		"GPT, content":        {disk: partitioned(t, "gpt", part{linuxData, data}, part{linuxData, etc}), found: "partition 2 (GPT, it holds /etc/os-release)"},
		"MBR":                 {disk: partitioned(t, "dos", part{"82", ""}, part{"83", data}, part{"83", root}), found: "partition 3 (MBR, it holds /sbin/init)"},
		"none":                {disk: partitioned(t, "gpt", part{linuxData, data}), refused: "none of its partitions is a root file system (GPT): 1: ext4 without /sbin/init"},
		"root type on btrfs":  {disk: partitioned(t, "gpt", part{linuxRoot, btrfs}), refused: "partition 1 (GPT, its type is a Linux root's) holds btrfs; of file systems xtest reads ext4. Take its files out"},
		"xfs, by content":     {disk: partitioned(t, "dos", part{"83", xfs}), refused: "partition 1, the likely root, holds xfs"},
		"btrfs without table": {disk: btrfs, refused: "the disk holds btrfs"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := image.Open(t.Context(), c.disk, options(t))
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("want %q, got %v", c.refused, err)
				}
				return
			}
			must(t, err)
			if !strings.HasSuffix(s.Found, c.found) {
				t.Errorf("found %q, want %q", s.Found, c.found)
			}
			dir, err := s.Dir(t.Context())
			must(t, err)
			if text, err := os.ReadFile(filepath.Join(dir, "which/root")); err != nil || len(text) != 9000*len("content of which/root\n") {
				t.Errorf("%d bytes, %v", len(text), err)
			}
		})
	}
}

// TestTarballIsNoDisk: content that looks like a superblock makes none.
func TestTarballIsNoDisk(t *testing.T) {
	body := strings.Repeat("x", 0x438-512) + "\x53\xef"
	s, err := image.Open(t.Context(), put(t, "root.tar", stream(t, item{name: "etc/os-release", body: body})), options(t))
	if err != nil || s.Kind != "tarball" {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestOtherTables has logical partitions, and a table that sgdisk(8) made.
func TestOtherTables(t *testing.T) {
	root := made(t, "sbin/init")
	content, err := os.ReadFile(root)
	must(t, err)
	logical := filepath.Join(t.TempDir(), "disk.raw")
	must(t, os.WriteFile(logical, make([]byte, 48<<20), 0o644))
	table := put(t, "table", []byte("label: dos\n1 : start=2048, size=2048, type=83\n2 : start=16384, size=65536, type=5\n"+
		"5 : start=18432, size=4096, type=83\n6 : start=32768, size=16384, type=83\n"))
	run(t, "sh", "-c", required.Tool(t, "sfdisk", "fdisk")+" -q "+logical+" <"+table)
	write(t, logical, content, 32768*512)
	if s, err := image.Open(t.Context(), logical, options(t)); err != nil || !strings.Contains(s.Found, "partition 6 (MBR, it holds") {
		t.Errorf("%+v, %v", s, err)
	}
	disk := filepath.Join(t.TempDir(), "disk.raw")
	must(t, os.WriteFile(disk, make([]byte, 32<<20), 0o644))
	run(t, required.Tool(t, "sgdisk", "gdisk"), "-n", "7:16384:+8M", "-t", "7:8304", "-c", "7:the root", disk)
	write(t, disk, content, 16384*512)
	if s, err := image.Open(t.Context(), disk, options(t)); err != nil || !strings.Contains(s.Found, "partition 7 (GPT, its type") {
		t.Errorf("%+v, %v", s, err)
	}
	write(t, disk, []byte{0xff}, 1024+40) // an entry changes, its checksum does not
	if _, err := image.Open(t.Context(), disk, options(t)); err == nil || !strings.Contains(err.Error(), "GPT is damaged") {
		t.Errorf("a damaged table: %v", err)
	}
}
