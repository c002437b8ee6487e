package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"xtest/runner/image/disk"
)

// volume is where in a disk image a file system lies.
type volume struct {
	path        string // of the disk image
	start, size int64  // bytes
}

// with opens the file system.
func (v *volume) with(use func(e *ext4) error) (err error) {
	d, err := disk.Open(v.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	e, err := newExt4(io.NewSectionReader(d, v.start, v.size))
	if err != nil {
		return err
	}
	return use(e)
}

// errNoDisk: a file is no disk image, as far as one can tell.
var errNoDisk = errors.New("it is no disk image")

// openDisk opens the root file system of a disk image.
func openDisk(ctx context.Context, file string, o Options) (_ *Source, err error) {
	d, err := disk.Open(file)
	if err != nil {
		return nil, err
	}
	if isArchive(d) {
		return nil, errors.Join(errNoDisk, d.Close())
	}
	v, found, err := findRoot(d, d.Size, o.Arch)
	if err = errors.Join(err, d.Close()); err != nil {
		if errors.Is(err, errNoDisk) && d.Format != "raw" {
			err = fmt.Errorf("there is neither a partition table nor a file system on the %s disk", d.Format)
		}
		return nil, err
	}
	v.path = file
	s, err := openTree(ctx, "file system", v, o)
	if err != nil {
		return nil, fmt.Errorf("%s disk, %s: %w", d.Format, found, err)
	}
	s.Found = d.Format + " disk, " + found
	return s, nil
}

// isArchive says whether the file begins as a tarball, or is compressed: what else stands in it may
// look like anything.
func isArchive(r io.ReaderAt) bool {
	var head [262]byte
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return false
	}
	for _, magic := range []string{"\x1f\x8b", "BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd"} {
		if strings.HasPrefix(string(head[:]), magic) {
			return true
		}
	}
	return string(head[257:]) == "ustar" // tar(5)
}

// findRoot chooses what to take for the root, and says what it is and why.
func findRoot(r io.ReaderAt, size int64, arch string) (*volume, string, error) {
	switch kind := disk.FileSystem(r); kind {
	case "ext4":
		return &volume{size: size}, "no partitions", nil
	case "FAT", "NTFS", "": // boot code before a partition table can look like these
	default:
		return nil, "", unread("the disk", kind)
	}
	list, table, err := disk.Partitions(r, size)
	if err != nil {
		return nil, "", err
	}
	if table == "" {
		return nil, "", errNoDisk
	}
	on := func(p disk.Partition) io.ReaderAt { return io.NewSectionReader(r, p.Start, p.Size) }
	take := func(p disk.Partition, why string) (*volume, string, error) {
		if kind := disk.FileSystem(on(p)); kind != "ext4" {
			return nil, "", unread(fmt.Sprintf("partition %d (%s, %s)", p.Number, table, why), kind)
		}
		return &volume{start: p.Start, size: p.Size}, fmt.Sprintf("partition %d (%s, %s)", p.Number, table, why), nil
	}
	for _, p := range list {
		if table == "GPT" && p.Type == disk.RootTypes[arch] {
			return take(p, "its type is a Linux root's")
		}
	}
	var has []string
	for _, p := range list {
		kind := disk.FileSystem(on(p))
		if kind == "ext4" {
			if mark := rootMark(on(p)); mark != "" {
				return take(p, "it holds /"+mark)
			}
			kind += " without /sbin/init and /etc/os-release"
		}
		has = append(has, fmt.Sprintf("%d: %s", p.Number, strings.TrimSpace(kind+" ")))
	}
	for _, p := range list {
		if kind := disk.FileSystem(on(p)); kind == "btrfs" || kind == "xfs" || kind == "LVM" || strings.HasPrefix(kind, "LUKS") {
			return nil, "", unread(fmt.Sprintf("partition %d, the likely root,", p.Number), kind)
		}
	}
	return nil, "", fmt.Errorf("none of its partitions is a root file system (%s): %s", table, strings.Join(has, "; "))
}

// unread is the error of a file system that is none of ext4.
func unread(where, kind string) error {
	if kind == "" {
		kind = "an unknown"
	}
	return fmt.Errorf("%s holds %s; of file systems xtest reads ext4. Take its files out, "+
		"`virt-tar-out -a IMAGE / root.tar` (package libguestfs-tools) or `tar --xattrs -C ROOT -cf root.tar .` where it is mounted, and name root.tar", where, kind)
}

// rootMarks are files that a root file system has, as links too.
var rootMarks = []string{"sbin/init", "usr/sbin/init", "etc/os-release", "usr/lib/os-release"}

// rootMark gives the one of them that there is, without following links.
func rootMark(r io.ReaderAt) string {
	e, err := newExt4(r)
	if err != nil {
		return rootMarks[0] // for the error to be told
	}
	for _, mark := range rootMarks {
		at := int64(rootInode)
		for part := range strings.SplitSeq(mark, "/") {
			if at, err = e.lookup(at, part); err != nil || at == 0 {
				break
			}
		}
		if err == nil && at != 0 {
			return mark
		}
	}
	return ""
}

// errFound ends a search.
var errFound = errors.New("found")

// lookup gives the inode of a name in a folder, or 0.
func (e *ext4) lookup(folder int64, name string) (int64, error) {
	n, err := e.inode(folder)
	if err != nil || n.mode&0o170000 != 0o040000 {
		return 0, err
	}
	var at int64
	err = e.names(n, func(base string, number int64) error {
		if base != name {
			return nil
		}
		at = number
		return errFound
	})
	if err != nil && !errors.Is(err, errFound) {
		return 0, err
	}
	return at, nil
}
