package image

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// The geometry of file systems that are written: fs/ext4/ext4.h. One bit of a block's bitmap stands
// for each block of a group.
const (
	writeBlock   = 4096
	groupBlocks  = 8 * writeBlock
	inodeBytes   = 256
	firstInode   = 11 // those below are the file system's own
	perInode     = 16 << 10
	maxHardLinks = 65000 // EXT4_LINK_MAX
	lostFound    = "lost+found"
)

// FileSystem says what [Source.Ext4] makes.
type FileSystem struct {
	// Size in bytes, rounded up to whole groups of 128 MiB; 0 leaves room for as much again as there is,
	// and for 1 GiB.
	Size int64
	// Latest takes the place of every later time of a file; zero leaves all as they are. Thus times do
	// not tell when something was made.
	Latest time.Time
}

// Ext4 writes the image's files as an ext4 file system, with owners, devices and extended attributes,
// into the file at path, which is made and sparse. The same files give the same bytes: identifiers
// are fixed, and nothing depends on the time or the host. There is no journal: such a file system is
// copied on write and never outlives a machine.
func (s *Source) Ext4(ctx context.Context, path string, o FileSystem) error {
	if err := s.writeExt4(ctx, path, o); err != nil {
		return fmt.Errorf("writing image %s as a file system: %w", s.Ref, err)
	}
	return nil
}

func (s *Source) writeExt4(ctx context.Context, path string, o FileSystem) (err error) {
	t, err := s.flat(ctx)
	if err != nil {
		return err
	}
	found, err := t.folder([]string{lostFound}, 0, true)
	if err != nil {
		return err
	}
	if found.mode == newFolder(0).mode {
		found.mode = 0o700 // as mke2fs(8) makes it
	}
	size := o.Size
	if size == 0 {
		size = 2*t.size + int64(t.entries)*writeBlock + 1<<30
	}
	out, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w, err := newExt4Writer(out, size, t.entries)
	if err != nil {
		return err
	}
	w.latest = o.Latest
	w.inodes[t.root.file], w.inodes[found.file] = rootInode, firstInode
	if err := t.walk(func(_ string, n *node) error { w.links[n.file]++; return nil }); err != nil {
		return err
	}
	if err := s.write(ctx, w); err != nil {
		return err
	}
	if err := w.names(t.root, t.root); err != nil {
		return err
	}
	return w.finish()
}

// ext4Writer puts a tree's files into a file system, one behind the other: what is in use of each
// group, of its blocks as of its inodes, is its beginning.
type ext4Writer struct {
	out     *os.File
	groups  int64
	tables  int64  // blocks of one group's inodes
	free    int64  // the first block that nothing is in
	next    uint32 // the last inode in use
	latest  time.Time
	inodes  map[*file]uint32
	links   map[*file]int      // its names
	folders map[int64]int64    // how many each group's inodes hold
	shared  map[string]*shared // blocks of extended attributes, by content
}

func newExt4Writer(out *os.File, size int64, entries int) (*ext4Writer, error) {
	const group = groupBlocks * writeBlock
	w := &ext4Writer{
		out: out, groups: (size + group - 1) / group,
		next: firstInode, inodes: map[*file]uint32{}, links: map[*file]int{}, folders: map[int64]int64{}, shared: map[string]*shared{},
	}
	if w.groups < 1 || w.groups > 1<<16 {
		return nil, fmt.Errorf("a file system of %d bytes: it can have up to 8 TiB", size)
	}
	inodes := max(w.groups*group/perInode, int64(entries)*5/4+2*firstInode)
	w.tables = (inodes/w.groups*inodeBytes + writeBlock) / writeBlock
	if w.tables > groupBlocks/2 {
		return nil, errors.New("it has too many files for its size")
	}
	w.free = w.dataStart(0)
	return w, out.Truncate(w.groups * group)
}

func (w *ext4Writer) inodesPerGroup() int64 { return w.tables * (writeBlock / inodeBytes) }

// descriptors is how many blocks the table of groups takes.
func (w *ext4Writer) descriptors() int64 { return (w.groups*32 + writeBlock - 1) / writeBlock }

// hasSuper says whether the group keeps a copy of the superblock: EXT4_FEATURE_RO_COMPAT_SPARSE_SUPER.
func hasSuper(group int64) bool {
	if group < 2 {
		return true
	}
	for _, base := range []int64{3, 5, 7} {
		n := group
		for n%base == 0 {
			n /= base
		}
		if n == 1 {
			return true
		}
	}
	return false
}

// bitmaps is the block of the group's bitmap of blocks; that of inodes is next, then its inodes.
func (w *ext4Writer) bitmaps(group int64) int64 {
	at := group * groupBlocks
	if hasSuper(group) {
		at += 1 + w.descriptors()
	}
	return at
}

func (w *ext4Writer) dataStart(group int64) int64 { return w.bitmaps(group) + 2 + w.tables }

// take gives the next free block.
func (w *ext4Writer) take() (int64, error) {
	at := w.free
	if at/groupBlocks >= w.groups {
		return 0, errors.New("its files do not fit into the file system")
	}
	if w.free++; w.free%groupBlocks == 0 {
		w.free = w.dataStart(w.free / groupBlocks)
	}
	return at, nil
}

func (w *ext4Writer) put(block int64, p []byte) error {
	_, err := w.out.WriteAt(p, block*writeBlock)
	return err
}

// numbered gives the file an inode, once.
func (w *ext4Writer) numbered(f *file) (uint32, error) {
	if n, ok := w.inodes[f]; ok {
		return n, nil
	}
	w.next++
	if int64(w.next) > w.groups*w.inodesPerGroup() {
		return 0, errors.New("its files are more than the file system has inodes for")
	}
	w.inodes[f] = w.next
	return w.next, nil
}

func (w *ext4Writer) folder(_ string, f *file) error {
	_, err := w.numbered(f)
	return err
}

func (w *ext4Writer) special(name string, f *file) error {
	if _, seen := w.inodes[f]; seen {
		return nil // another name of it
	}
	n, err := w.numbered(f)
	if err != nil {
		return err
	}
	in := written{links: w.links[f]}
	switch {
	case len(f.link) >= len(in.block):
		return w.content(n, f, strings.NewReader(f.link))
	case f.link != "":
		in.size = int64(len(f.link))
		copy(in.block[:], f.link)
	case f.major < 256 && f.minor < 256:
		binary.LittleEndian.PutUint32(in.block[:], uint32(f.major<<8|f.minor))
	default:
		binary.LittleEndian.PutUint32(in.block[4:], uint32(f.minor&0xff|f.major<<8|f.minor&^0xff<<12))
	}
	if err := w.inode(n, f, in); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (w *ext4Writer) regular(name string, f *file, r io.Reader) error {
	n, err := w.numbered(f)
	if err == nil {
		err = w.content(n, f, r)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (w *ext4Writer) link(string, string) error { return nil } // the folders hold the names
