package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/root"
)

// Index is an image's files without unpacking any: all names, and the content of those that were
// kept, in a file that has no name. It is a [root.Tree].
type Index struct {
	source *Source
	tree   *tree
	store  *os.File
	used   int64 // bytes of the store
	kept   map[*file]extract
	number map[*file]uint64 // stands for an inode's
}

// extract is where the beginning of a file's content is kept.
type extract struct{ at, length int64 }

// maxStore bounds what is kept of an image, in bytes on the disk.
const maxStore = 4 << 30

// Index reads the image's names. The caller closes it.
func (s *Source) Index(ctx context.Context) (*Index, error) {
	t, err := s.flat(ctx)
	if err != nil {
		return nil, err
	}
	if len(t.root.children) == 0 {
		return nil, fmt.Errorf("image %s: there is nothing in it", s.Ref)
	}
	store, err := os.CreateTemp("", "xtest-image-")
	if err != nil {
		return nil, fmt.Errorf("keeping files of image %s: %w", s.Ref, err)
	}
	if err := os.Remove(store.Name()); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	x := &Index{source: s, tree: t, store: store, kept: map[*file]extract{}, number: map[*file]uint64{}}
	err = t.walk(func(_ string, n *node) error {
		if n.kind == tar.TypeReg {
			n.names = nil
		}
		return context.Cause(ctx)
	})
	if err == nil {
		err = t.walk(func(name string, n *node) error {
			if x.number[n.file] == 0 {
				x.number[n.file] = uint64(len(x.number) + 1)
			}
			if n.kind == tar.TypeReg {
				n.names = append(n.names, name)
			}
			return nil
		})
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return x, nil
}

// Close forgets what was kept.
func (x *Index) Close() error { return x.store.Close() }

// Keep reads the image once more and keeps of each regular file as many of its first bytes as want
// says. Names are those of the tree: absolute, without links.
func (x *Index) Keep(ctx context.Context, want func(name string, size int64) int64) error {
	length := map[*file]int64{}
	err := x.tree.walk(func(name string, n *node) error {
		if n.kind == tar.TypeReg {
			length[n.file] = max(length[n.file], min(want("/"+name, n.size), n.size))
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = x.source.origin.stream(ctx, x.tree, func(f *file, r io.Reader) error {
		n := min(length[f], maxStore-x.used)
		if n <= 0 {
			return nil
		}
		got, err := io.Copy(io.NewOffsetWriter(x.store, x.used), io.LimitReader(r, n))
		if err == nil && got != n {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return fmt.Errorf("keeping %s: %w", f.names[0], err)
		}
		x.kept[f] = extract{x.used, got}
		x.used += got
		return nil
	})
	if err != nil {
		return fmt.Errorf("image %s: %w", x.source.Ref, err)
	}
	return nil
}

func (x *Index) find(name string) (*node, error) {
	at := x.tree.root
	for part := range strings.SplitSeq(strings.Trim(name, "/"), "/") {
		if part == "" {
			continue
		}
		if at.kind != tar.TypeDir {
			return nil, unix.ENOTDIR
		}
		if at = at.children[part]; at == nil {
			return nil, unix.ENOENT
		}
	}
	return at, nil
}

// Lstat describes a file.
func (x *Index) Lstat(name string) (fs.FileInfo, error) {
	n, err := x.find(name)
	if err != nil {
		return nil, err
	}
	return entryInfo{path.Base(name), n.file, x.number[n.file]}, nil
}

// Readlink gives what a symbolic link says.
func (x *Index) Readlink(name string) (string, error) {
	n, err := x.find(name)
	if err == nil && n.kind != tar.TypeSymlink {
		err = unix.EINVAL
	}
	if err != nil {
		return "", err
	}
	return n.link, nil
}

// List gives the names in a folder.
func (x *Index) List(name string) ([]string, error) {
	n, err := x.find(name)
	if err == nil && n.kind != tar.TypeDir {
		err = unix.ENOTDIR
	}
	if err != nil {
		return nil, err
	}
	all := make([]string, 0, len(n.children))
	for base := range n.children {
		all = append(all, base)
	}
	return all, nil
}

// Open opens a file whose content was kept, or its beginning.
func (x *Index) Open(name string) (root.File, error) {
	n, err := x.find(name)
	if err != nil {
		return nil, err
	}
	e, kept := x.kept[n.file]
	if !kept && n.size > 0 {
		return nil, fmt.Errorf("of its %d bytes none were kept of the image", n.size)
	}
	return keptFile{io.NewSectionReader(x.store, e.at, e.length), n.size, e.length}, nil
}

// keptFile is the beginning of a file.
type keptFile struct {
	*io.SectionReader
	size, length int64
}

func (k keptFile) Size() int64 { return k.size }
func (keptFile) Close() error  { return nil }

// ReadAt reads, and tells the end of what was kept from that of the file.
func (k keptFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := k.SectionReader.ReadAt(p, at)
	if errors.Is(err, io.EOF) && k.length < k.size {
		err = fmt.Errorf("only its first %d bytes were kept of the image", k.length)
	}
	return n, err
}

// entryInfo describes a file of the tree.
type entryInfo struct {
	name string
	*file
	inode uint64
}

func (e entryInfo) Name() string       { return e.name }
func (e entryInfo) Size() int64        { return e.size }
func (e entryInfo) ModTime() time.Time { return e.time }
func (e entryInfo) IsDir() bool        { return e.kind == tar.TypeDir }

// Mode is the file's mode, as Go writes it.
func (e entryInfo) Mode() fs.FileMode {
	return permissions(e.mode) | map[byte]fs.FileMode{
		tar.TypeDir: fs.ModeDir, tar.TypeSymlink: fs.ModeSymlink, tar.TypeFifo: fs.ModeNamedPipe,
		tar.TypeChar: fs.ModeDevice | fs.ModeCharDevice, tar.TypeBlock: fs.ModeDevice,
	}[e.kind]
}

// Sys gives owner, device and a number of the file's own as stat(2) does.
func (e entryInfo) Sys() any {
	return &syscall.Stat_t{
		Uid: uint32(e.uid), Gid: uint32(e.gid), Ino: e.inode, Rdev: unix.Mkdev(uint32(e.major), uint32(e.minor)),
	}
}
