package image

import (
	"encoding/binary"
	"time"
)

// Features of the file systems that are written: what all kernels since 2.6.29 know.
const (
	writeCompat   = 0x8 | 0x20                    // ext_attr, dir_index
	writeIncompat = 0x2 | 0x40                    // filetype, extents
	writeROCompat = 0x1 | 0x2 | 0x8 | 0x20 | 0x40 // sparse_super, large_file, huge_file, dir_nlink, extra_isize
)

// identity is the identifier of every file system that is written, and seeds its hashes of names.
var identity = [16]byte{'x', 't', 'e', 's', 't', ' ', 'r', 'o', 0x40, 't', 0x80, ' ', 'f', 's', 0, 1}

// finish writes the inodes that nothing shows, the bitmaps, the table of groups and the superblocks.
func (w *ext4Writer) finish() error {
	if err := w.sharedAttributes(); err != nil {
		return err
	}
	descriptors := make([]byte, w.descriptors()*writeBlock)
	var freeBlocks, freeInodes int64
	for g := range w.groups {
		end := min(max(w.free, w.dataStart(g)), (g+1)*groupBlocks)
		blocks := end - g*groupBlocks
		inodes := min(max(int64(w.next)-g*w.inodesPerGroup(), 0), w.inodesPerGroup())
		at := w.bitmaps(g)
		if err := w.put(at, bitmap(blocks, groupBlocks)); err != nil {
			return err
		}
		if err := w.put(at+1, bitmap(inodes, w.inodesPerGroup())); err != nil {
			return err
		}
		le, d := binary.LittleEndian, descriptors[g*32:]
		le.PutUint32(d, uint32(at))
		le.PutUint32(d[4:], uint32(at+1))
		le.PutUint32(d[8:], uint32(at+2))
		le.PutUint16(d[12:], uint16(groupBlocks-blocks))
		le.PutUint16(d[14:], uint16(w.inodesPerGroup()-inodes))
		le.PutUint16(d[16:], uint16(w.folders[g]))
		freeBlocks += groupBlocks - blocks
		freeInodes += w.inodesPerGroup() - inodes
	}
	for g := range w.groups {
		if !hasSuper(g) {
			continue
		}
		block := make([]byte, writeBlock)
		at := 0
		if g == 0 {
			at = superblock
		}
		w.super(block[at:], g, freeBlocks, freeInodes)
		if err := w.put(g*groupBlocks, block); err != nil {
			return err
		}
		if err := w.put(g*groupBlocks+1, descriptors); err != nil {
			return err
		}
	}
	return nil
}

// bitmap has the first bits set, and those that stand for nothing.
func bitmap(used, all int64) []byte {
	b := make([]byte, writeBlock)
	for i := range int64(len(b) * 8) {
		if i < used || i >= all {
			b[i/8] |= 1 << (i % 8)
		}
	}
	return b
}

// super fills in struct ext4_super_block.
func (w *ext4Writer) super(p []byte, group, freeBlocks, freeInodes int64) {
	le := binary.LittleEndian
	for at, v := range map[int]uint32{
		0: uint32(w.groups * w.inodesPerGroup()), 4: uint32(w.groups * groupBlocks),
		12: uint32(freeBlocks), 16: uint32(freeInodes), 24: 2, 28: 2, // blocks of 4096 bytes
		32: groupBlocks, 36: groupBlocks, 40: uint32(w.inodesPerGroup()),
		76: 1, // dynamic inode sizes
		84: firstInode,
		92: writeCompat, 96: writeIncompat, 100: writeROCompat,
		256: 0xc, // mount with user.* attributes and access control lists
		352: 1,   // names are hashed as signed characters
	} {
		le.PutUint32(p[at:], v)
	}
	for at, v := range map[int]uint16{
		54: 0xffff,                  // never check by the count of mounts
		56: ext4Magic, 58: 1, 60: 1, // unmounted, go on behind errors
		88: inodeBytes, 90: uint16(group), 348: 32, 350: 32,
	} {
		le.PutUint16(p[at:], v)
	}
	seconds, _ := w.time(time.Unix(0, 0))
	if !w.latest.IsZero() {
		seconds, _ = w.time(w.latest)
	}
	for _, at := range []int{48, 64, 264} { // written, checked, made
		le.PutUint32(p[at:], seconds)
	}
	copy(p[104:], identity[:])
	copy(p[120:], "root")
	copy(p[236:], identity[:])
	p[252] = 1 // half MD4
}
