package image

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// written is what an inode holds beside what its file tells.
type written struct {
	size  int64
	links int
	flags uint32
	used  int64 // blocks, those of its map too
	block [60]byte
}

// types are the file types of st_mode, inode(7), and those of a folder's entries (EXT4_FT_*).
var types = map[byte]struct {
	mode  uint32
	entry byte
}{
	tar.TypeReg: {unix.S_IFREG, 1}, tar.TypeDir: {unix.S_IFDIR, 2}, tar.TypeChar: {unix.S_IFCHR, 3},
	tar.TypeBlock: {unix.S_IFBLK, 4}, tar.TypeFifo: {unix.S_IFIFO, 5}, tar.TypeSymlink: {unix.S_IFLNK, 7},
}

// chunk is the least that is left out where a file holds zeros, in bytes.
const chunk = 16 * writeBlock

// content writes what r gives, and the inode for it.
func (w *ext4Writer) content(n uint32, f *file, r io.Reader) error {
	in := written{links: w.links[f], flags: usesExtents}
	var list []extent
	buffer, zero := make([]byte, chunk), make([]byte, chunk)
	for logical := int64(0); ; {
		got, err := io.ReadFull(r, buffer)
		if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
			return err
		}
		in.size += int64(got)
		clear(buffer[got:])
		blocks := int64(got+writeBlock-1) / writeBlock
		if !bytes.Equal(buffer, zero) {
			for i := range blocks {
				at, err := w.take()
				if err == nil {
					err = w.put(at, buffer[i*writeBlock:(i+1)*writeBlock])
				}
				if err != nil {
					return err
				}
				list = extend(list, logical+i, at)
				in.used++
			}
		}
		logical += blocks
		if got < chunk {
			break
		}
	}
	if want := max(f.size, int64(len(f.link))); f.kind != tar.TypeDir && in.size != want {
		return io.ErrUnexpectedEOF
	}
	if err := w.mapped(&in, list); err != nil {
		return err
	}
	return w.inode(n, f, in)
}

// extend adds a block to a file's runs.
func extend(list []extent, logical, at int64) []extent {
	if len(list) > 0 {
		last := &list[len(list)-1]
		if last.logical+last.length == logical && last.start+last.length == at && last.length < unwritten {
			last.length++
			return list
		}
	}
	return append(list, extent{logical, at, 1})
}

// mapped writes the tree of a file's runs: leaves first, until the root fits into the inode.
func (w *ext4Writer) mapped(in *written, list []extent) error {
	const inRoot, inBlock = 4, (writeBlock - 12) / 12
	for depth := 0; ; depth++ {
		if len(list) <= inRoot {
			extents(in.block[:], list, depth, inRoot)
			return nil
		}
		var above []extent
		for part := range slices.Chunk(list, inBlock) {
			block := make([]byte, writeBlock)
			extents(block, part, depth, inBlock)
			at, err := w.take()
			if err == nil {
				err = w.put(at, block)
			}
			if err != nil {
				return err
			}
			in.used++
			above = append(above, extent{logical: part[0].logical, start: at})
		}
		list = above
	}
}

// extents fills a node of the tree: struct ext4_extent_header, then ext4_extent or ext4_extent_idx.
func extents(p []byte, list []extent, depth, room int) {
	le := binary.LittleEndian
	le.PutUint16(p, extentMagic)
	le.PutUint16(p[2:], uint16(len(list)))
	le.PutUint16(p[4:], uint16(room))
	le.PutUint16(p[6:], uint16(depth))
	for i, x := range list {
		e := p[12+12*i:]
		le.PutUint32(e, uint32(x.logical))
		if depth == 0 {
			le.PutUint16(e[4:], uint16(x.length))
			le.PutUint32(e[8:], uint32(x.start))
		} else {
			le.PutUint32(e[4:], uint32(x.start))
		}
	}
}

// inode writes the inode: struct ext4_inode.
func (w *ext4Writer) inode(n uint32, f *file, in written) error {
	if in.links > maxHardLinks && f.kind != tar.TypeDir {
		return errors.New("it has more names than ext4 allows")
	}
	attributes, err := w.attributes(f)
	if err != nil {
		return err
	}
	if attributes != 0 {
		in.used++
	}
	le, p := binary.LittleEndian, make([]byte, inodeBytes)
	le.PutUint16(p, uint16(types[f.kind].mode)|uint16(f.mode))
	le.PutUint16(p[2:], uint16(f.uid))
	le.PutUint16(p[24:], uint16(f.gid))
	le.PutUint16(p[120:], uint16(f.uid>>16))
	le.PutUint16(p[122:], uint16(f.gid>>16))
	le.PutUint32(p[4:], uint32(in.size))
	le.PutUint32(p[108:], uint32(in.size>>32))
	le.PutUint16(p[26:], uint16(in.links))
	le.PutUint32(p[28:], uint32(in.used*writeBlock/512))
	le.PutUint16(p[116:], uint16(in.used*writeBlock/512>>32))
	le.PutUint32(p[32:], in.flags)
	copy(p[40:], in.block[:])
	le.PutUint32(p[104:], uint32(attributes))
	le.PutUint16(p[128:], 32) // what is used behind the first 128 bytes
	seconds, more := w.time(f.time)
	for _, at := range []struct{ seconds, more int }{{8, 140}, {12, 132}, {16, 136}, {144, 148}} {
		le.PutUint32(p[at.seconds:], seconds)
		le.PutUint32(p[at.more:], more)
	}
	group, index := int64(n-1)/w.inodesPerGroup(), int64(n-1)%w.inodesPerGroup()
	if f.kind == tar.TypeDir {
		w.folders[group]++
	}
	_, err = w.out.WriteAt(p, (w.bitmaps(group)+2)*writeBlock+index*inodeBytes)
	return err
}

// time gives the two words of a time: seconds, and two more bits of them before the nanoseconds.
func (w *ext4Writer) time(t time.Time) (seconds, more uint32) {
	if !w.latest.IsZero() && t.After(w.latest) {
		t = w.latest
	}
	at := min(max(t.Unix(), -1<<31), 1<<34-1<<31-1)
	return uint32(at), uint32((at-int64(int32(at)))>>32)&3 | uint32(t.Nanosecond())<<2
}

// names writes the folder and all below it.
func (w *ext4Writer) names(dir, parent *node) error {
	in := written{links: 2}
	var all []byte
	last := 0 // where the last entry of the last block begins
	add := func(name string, f *file) {
		need := (8 + len(name) + 3) &^ 3
		if len(all)%writeBlock+need > writeBlock || len(all)%writeBlock == 0 && len(all) > 0 {
			stretch(all, last)
			all = append(all, make([]byte, -len(all)&(writeBlock-1))...)
		}
		last = len(all)
		all = binary.LittleEndian.AppendUint32(all, w.inodes[f])
		all = binary.LittleEndian.AppendUint16(all, uint16(need))
		all = append(all, byte(len(name)), types[f.kind].entry)
		all = append(all, name...)
		all = append(all, make([]byte, -len(all)&3)...)
	}
	add(".", dir.file)
	add("..", parent.file)
	for _, name := range slices.Sorted(maps.Keys(dir.children)) {
		child := dir.children[name]
		add(name, child.file)
		if child.kind != tar.TypeDir {
			continue
		}
		in.links++
		if err := w.names(child, dir); err != nil {
			return err
		}
	}
	stretch(all, last)
	all = append(all, make([]byte, -len(all)&(writeBlock-1))...)
	w.links[dir.file] = in.links
	if in.links > maxHardLinks {
		w.links[dir.file] = 1 // EXT4_FEATURE_RO_COMPAT_DIR_NLINK
	}
	return w.content(w.inodes[dir.file], dir.file, bytes.NewReader(all))
}

// stretch has the entry at last go on to the end of its block.
func stretch(all []byte, last int) {
	binary.LittleEndian.PutUint16(all[last+4:], uint16(writeBlock-last%writeBlock))
}
