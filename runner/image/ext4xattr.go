package image

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

const (
	xattrMagic  = 0xea020000
	xattrHeader = 32
	xattrEntry  = 16
	// maxReferences is how many inodes share a block of attributes: EXT4_XATTR_REFCOUNT_MAX.
	maxReferences = 1024
	// maxXattr bounds a value, in bytes: XATTR_SIZE_MAX, linux/limits.h.
	maxXattr = 64 << 10
)

var errXattrs = errors.New("its extended attributes are damaged: run `e2fsck -p` on the file system")

// xattrs reads an inode's extended attributes, from behind its fields and from a block of their own.
func (e *ext4) xattrs(raw []byte) (map[string]string, error) {
	all := map[string]string{}
	le := binary.LittleEndian
	if len(raw) > 132 {
		at := 128 + int(le.Uint16(raw[128:]))
		if at+4 <= len(raw) && le.Uint32(raw[at:]) == xattrMagic {
			if err := e.xattrList(raw[at+4:], raw[at+4:], all); err != nil {
				return nil, err
			}
		}
	}
	if block := int64(le.Uint32(raw[104:])) | int64(le.Uint16(raw[118:]))<<32; block != 0 {
		p := make([]byte, e.blockSize)
		if err := e.read(p, block*e.blockSize); err != nil {
			return nil, err
		}
		if le.Uint32(p) != xattrMagic {
			return nil, errXattrs
		}
		if err := e.xattrList(p[xattrHeader:], p, all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// xattrList reads struct ext4_xattr_entry, one behind the other; values are found from base on.
func (e *ext4) xattrList(list, base []byte, all map[string]string) error {
	le := binary.LittleEndian
	for len(list) >= 4 && le.Uint32(list) != 0 {
		if len(list) < xattrEntry || len(list) < xattrEntry+int(list[0]) {
			return errXattrs
		}
		name, known := xattrName(list[1], string(list[xattrEntry:xattrEntry+int(list[0])]))
		offset, inode, size := int64(le.Uint16(list[2:])), int64(le.Uint32(list[4:])), int64(le.Uint32(list[8:]))
		list = list[min((xattrEntry+int(list[0])+3)&^3, len(list)):]
		if !known {
			continue
		}
		var value []byte
		switch {
		case size > maxXattr || inode == 0 && offset+size > int64(len(base)):
			return errXattrs
		case inode == 0:
			value = base[offset : offset+size]
		default:
			r, err := e.open(inode)
			if err != nil {
				return err
			}
			value = make([]byte, size)
			if _, err := io.ReadFull(r, value); err != nil {
				return err
			}
		}
		text, err := fromDisk(name, value)
		if err != nil {
			return err
		}
		all[name] = text
	}
	return nil
}

// shared is a block of extended attributes that some inodes have.
type shared struct {
	block      int64
	content    []byte
	references uint32
}

// attributes gives the block of the file's extended attributes, or 0 when it has none.
func (w *ext4Writer) attributes(f *file) (int64, error) {
	if len(f.xattrs) == 0 {
		return 0, nil
	}
	content, err := xattrBlock(f.xattrs)
	if err != nil {
		return 0, err
	}
	s := w.shared[string(content)]
	if s == nil || s.references == maxReferences {
		if s != nil {
			if err := s.write(w); err != nil {
				return 0, err
			}
		}
		at, err := w.take()
		if err != nil {
			return 0, err
		}
		s = &shared{block: at, content: content}
		w.shared[string(content)] = s
	}
	s.references++
	return s.block, nil
}

func (s *shared) write(w *ext4Writer) error {
	binary.LittleEndian.PutUint32(s.content[4:], s.references)
	return w.put(s.block, s.content)
}

func (w *ext4Writer) sharedAttributes() error {
	for _, s := range w.shared {
		if err := s.write(w); err != nil {
			return err
		}
	}
	return nil
}

// xattrBlock lays a file's extended attributes out: entries from the front, values from the back.
func xattrBlock(xattrs map[string]string) ([]byte, error) {
	type entry struct {
		index       byte
		name, value string
	}
	var list []entry
	for name, value := range xattrs {
		index, rest, _ := xattrIndex(name)
		disk, err := toDisk(name, value)
		if err != nil {
			return nil, err
		}
		list = append(list, entry{index, rest, disk})
	}
	slices.SortFunc(list, func(a, b entry) int { // as the kernel searches them
		if a.index != b.index {
			return int(a.index) - int(b.index)
		}
		if len(a.name) != len(b.name) {
			return len(a.name) - len(b.name)
		}
		return strings.Compare(a.name, b.name)
	})
	le, p := binary.LittleEndian, make([]byte, writeBlock)
	front, back := xattrHeader, writeBlock
	whole, nameless := uint32(0), false
	for _, x := range list {
		size := (len(x.value) + 3) &^ 3
		next := front + (xattrEntry+len(x.name)+3)&^3
		back -= size
		if next+4 > back {
			return nil, fmt.Errorf("its extended attributes (%s) need more than the %d bytes that there are for them",
				strings.Join(slices.Sorted(maps.Keys(xattrs)), ", "), writeBlock)
		}
		copy(p[back:], x.value)
		p[front], p[front+1] = byte(len(x.name)), x.index
		if size > 0 {
			le.PutUint16(p[front+2:], uint16(back))
		}
		le.PutUint32(p[front+8:], uint32(len(x.value)))
		h := xattrHash(x.name, p[back:back+size])
		le.PutUint32(p[front+12:], h)
		copy(p[front+xattrEntry:], x.name)
		nameless = nameless || h == 0
		whole = whole<<16 ^ whole>>16 ^ h
		front = next
	}
	if nameless {
		whole = 0
	}
	le.PutUint32(p, xattrMagic)
	le.PutUint32(p[8:], 1) // blocks
	le.PutUint32(p[12:], whole)
	return p, nil
}

// xattrHash is ext4_xattr_hash_entry of fs/ext4/xattr.c.
func xattrHash(name string, value []byte) uint32 {
	var h uint32
	for _, c := range []byte(name) {
		h = h<<5 ^ h>>27 ^ uint32(c)
	}
	for ; len(value) > 0; value = value[4:] {
		h = h<<16 ^ h>>16 ^ binary.LittleEndian.Uint32(value)
	}
	return h
}
