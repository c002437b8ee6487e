package image

import (
	"archive/tar"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// Offsets and flags of ext4: fs/ext4/ext4.h and Documentation/filesystems/ext4/.
const (
	superblock    = 1024
	ext4Magic     = 0xef53
	rootInode     = 2
	usesExtents   = 0x80000    // EXT4_EXTENTS_FL
	inlineData    = 0x10000000 // EXT4_INLINE_DATA_FL
	needsRecovery = 0x4        // EXT4_FEATURE_INCOMPAT_RECOVER
	is64bit       = 0x80       // EXT4_FEATURE_INCOMPAT_64BIT
	// understood are the incompatible features that reading as below copes with: filetype, extents,
	// 64bit, mmp, flex_bg, ea_inode, csum_seed, largedir.
	understood = 0x2 | 0x40 | is64bit | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000
)

// ext4 is a file system image, read without mounting it.
type ext4 struct {
	file                             io.ReaderAt
	blockSize, inodeSize, descSize   int64
	firstBlock, perGroup, inodeCount int64
}

// newExt4 reads the superblock.
func newExt4(r io.ReaderAt) (*ext4, error) {
	sb := make([]byte, 1024)
	if _, err := r.ReadAt(sb, superblock); err != nil {
		return nil, fmt.Errorf("reading its superblock: %w", err)
	}
	u32 := func(at int) int64 { return int64(binary.LittleEndian.Uint32(sb[at:])) }
	features := u32(96)
	e := &ext4{
		file: r, blockSize: 1024 << min(u32(24), 16), firstBlock: u32(20), perGroup: u32(40), inodeCount: u32(0),
		inodeSize: int64(binary.LittleEndian.Uint16(sb[88:])), descSize: 32,
	}
	if features&is64bit != 0 {
		e.descSize = int64(binary.LittleEndian.Uint16(sb[254:]))
	}
	switch {
	case features&needsRecovery != 0:
		return nil, errors.New("the ext4 file system was not unmounted: let its machine shut down, or run `e2fsck -p` on it")
	case features&^understood != 0:
		return nil, fmt.Errorf("the ext4 file system has features that xtest cannot read: %#x", features&^understood)
	case e.blockSize > 64<<10 || e.perGroup == 0 || e.inodeSize < 128 || e.inodeSize > e.blockSize || e.descSize < 32 || e.descSize > e.blockSize:
		return nil, errors.New("the superblock is damaged: run `e2fsck -p` on it")
	}
	return e, nil
}

// inode is a file of the image; only what is needed of it.
type inode struct {
	number, size int64
	mode, links  uint16
	uid, gid     int
	time         time.Time
	flags        uint32
	block        [60]byte // i_block
	raw          []byte
}

func (e *ext4) inode(number int64) (*inode, error) {
	if number < 1 || number > e.inodeCount {
		return nil, fmt.Errorf("there is no inode %d: the file system is damaged", number)
	}
	group, index := (number-1)/e.perGroup, (number-1)%e.perGroup
	desc := make([]byte, e.descSize)
	if err := e.read(desc, (e.firstBlock+1)*e.blockSize+group*e.descSize); err != nil {
		return nil, err
	}
	table := int64(binary.LittleEndian.Uint32(desc[8:]))
	if e.descSize >= 64 {
		table |= int64(binary.LittleEndian.Uint32(desc[40:])) << 32
	}
	raw := make([]byte, e.inodeSize)
	if err := e.read(raw, table*e.blockSize+index*e.inodeSize); err != nil {
		return nil, err
	}
	u16 := func(at int) uint16 { return binary.LittleEndian.Uint16(raw[at:]) }
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(raw[at:]) }
	n := &inode{
		number: number, mode: u16(0), links: u16(26), flags: u32(32),
		size: int64(u32(4)) | int64(u32(108))<<32, time: time.Unix(int64(int32(u32(16))), 0),
		uid: int(u16(2)) | int(u16(120))<<16, gid: int(u16(24)) | int(u16(122))<<16, raw: raw,
	}
	copy(n.block[:], raw[40:])
	if n.flags&inlineData != 0 || n.size < 0 {
		return nil, fmt.Errorf("inode %d holds its data inline, or is damaged", number)
	}
	return n, nil
}

func (e *ext4) read(p []byte, at int64) error {
	if at < 0 {
		return errors.New("a block number is out of range: the file system is damaged")
	}
	if _, err := e.file.ReadAt(p, at); err != nil {
		return fmt.Errorf("reading the file system: %w", err)
	}
	return nil
}

func (v *volume) scan(ctx context.Context, t *tree) error {
	return v.with(func(e *ext4) error {
		w := &ext4Walk{ext4: e, ctx: ctx, t: t, folders: map[int64]bool{}, linked: map[int64]string{}}
		return w.visit("", rootInode)
	})
}

func (v *volume) stream(ctx context.Context, t *tree, visit func(*file, io.Reader) error) error {
	return v.with(func(e *ext4) error {
		return t.walk(func(name string, n *node) error {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			if n.kind != tar.TypeReg || n.names[0] != name {
				return nil
			}
			r, err := e.open(int64(n.entry))
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return visit(n.file, r)
		})
	})
}

func (e *ext4) open(number int64) (io.Reader, error) {
	n, err := e.inode(number)
	if err != nil {
		return nil, err
	}
	return e.content(n)
}

// ext4Walk puts all names of a file system into a tree. The number of a file's inode stands for its
// place.
type ext4Walk struct {
	*ext4
	ctx     context.Context
	t       *tree
	folders map[int64]bool   // seen: a folder has one name
	linked  map[int64]string // the first name of files with several
}

func (w *ext4Walk) visit(name string, number int64) error {
	if err := context.Cause(w.ctx); err != nil {
		return err
	}
	n, err := w.inode(number)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	h := &tar.Header{Name: name, Mode: int64(n.mode & 0o7777), Uid: n.uid, Gid: n.gid, ModTime: n.time}
	xattrs, err := w.xattrs(n.raw)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	h.PAXRecords = paxOf(xattrs)
	switch uint32(n.mode) & unix.S_IFMT {
	case unix.S_IFDIR:
		h.Typeflag = tar.TypeDir
	case unix.S_IFREG:
		h.Typeflag, h.Size = tar.TypeReg, n.size
		if first, seen := w.linked[number]; seen {
			h.Typeflag, h.Size, h.Linkname = tar.TypeLink, 0, first
		} else if n.links > 1 {
			w.linked[number] = name
		}
	case unix.S_IFLNK:
		h.Typeflag = tar.TypeSymlink
		if h.Linkname, err = w.target(n); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	case unix.S_IFCHR, unix.S_IFBLK:
		h.Typeflag = tar.TypeChar
		if uint32(n.mode)&unix.S_IFMT == unix.S_IFBLK {
			h.Typeflag = tar.TypeBlock
		}
		h.Devmajor, h.Devminor = n.device()
	case unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	default:
		return nil
	}
	if err := w.t.add(0, int(number), h); err != nil || h.Typeflag != tar.TypeDir {
		return err
	}
	if w.folders[number] {
		return fmt.Errorf("the folder %s has two names: the file system is damaged", name)
	}
	w.folders[number] = true
	return w.names(n, func(base string, child int64) error { return w.visit(path.Join(name, base), child) })
}

// device decodes the numbers as fs/ext4/inode.c does: the old form in the first word, else the new.
func (n *inode) device() (major, minor int64) {
	if old := binary.LittleEndian.Uint32(n.block[:]); old != 0 {
		return int64(old >> 8 & 0xff), int64(old & 0xff)
	}
	dev := binary.LittleEndian.Uint32(n.block[4:])
	return int64(dev >> 8 & 0xfff), int64(dev&0xff | dev>>12&0xfff00)
}
