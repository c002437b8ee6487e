package image

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	extentMagic = 0xf30a
	// maxDepth is how deep a tree of extents may be; ext4 itself makes none deeper than 5.
	maxDepth = 5
	// maxExtents bounds the memory for one file's map.
	maxExtents = 1 << 20
	// unwritten is what the length of an extent is above, when it reads as zeros: EXT_INIT_MAX_LEN.
	unwritten = 32768
)

var errExtents = errors.New("its map of blocks is damaged: run `e2fsck -p` on the file system")

// extent is a run of blocks of a file. Start is 0 where it reads as zeros.
type extent struct{ logical, start, length int64 }

// extents lists a file's runs in order.
func (e *ext4) extents(n *inode) ([]extent, error) {
	if n.flags&usesExtents == 0 {
		return nil, errors.New("its blocks are mapped as in ext2 and ext3, which xtest does not read; convert it with `tune2fs -O extents` and `e2fsck -E bmap2extent`")
	}
	var list []extent
	visited := 0
	var descend func(raw []byte, depth int) error
	descend = func(raw []byte, depth int) error {
		u16 := func(at int) int64 { return int64(binary.LittleEndian.Uint16(raw[at:])) }
		u32 := func(at int) int64 { return int64(binary.LittleEndian.Uint32(raw[at:])) }
		entries, level := int(u16(2)), int(u16(6))
		if visited++; u16(0) != extentMagic || level > depth || 12+12*entries > len(raw) || visited > maxExtents || len(list) > maxExtents {
			return errExtents
		}
		for i := range entries {
			at := 12 + 12*i
			if level == 0 {
				x := extent{u32(at), u32(at+8) | u16(at+6)<<32, u16(at + 4)}
				if x.length > unwritten {
					x.length, x.start = x.length-unwritten, 0
				}
				list = append(list, x)
				continue
			}
			below := make([]byte, e.blockSize)
			if err := e.read(below, (u32(at+4)|u16(at+8)<<32)*e.blockSize); err != nil {
				return err
			}
			if err := descend(below, level-1); err != nil {
				return err
			}
		}
		return nil
	}
	return list, descend(n.block[:], maxDepth)
}

// content reads a file, holes as zeros.
func (e *ext4) content(n *inode) (io.Reader, error) {
	list, err := e.extents(n)
	if err != nil {
		return nil, err
	}
	var parts []io.Reader
	var at int64 // blocks
	for _, x := range list {
		if x.logical < at {
			return nil, errExtents
		}
		if x.logical > at {
			parts = append(parts, io.LimitReader(zeros{}, (x.logical-at)*e.blockSize))
		}
		if x.start == 0 {
			parts = append(parts, io.LimitReader(zeros{}, x.length*e.blockSize))
		} else {
			parts = append(parts, io.NewSectionReader(e.file, x.start*e.blockSize, x.length*e.blockSize))
		}
		at = x.logical + x.length
	}
	if rest := n.size - at*e.blockSize; rest > 0 {
		parts = append(parts, io.LimitReader(zeros{}, rest))
	}
	return io.LimitReader(io.MultiReader(parts...), n.size), nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// target reads a symbolic link: in the inode when it is short.
func (e *ext4) target(n *inode) (string, error) {
	if n.size < int64(len(n.block)) && n.flags&usesExtents == 0 {
		return string(n.block[:n.size]), nil
	}
	if n.size >= maxPath {
		return "", fmt.Errorf("a symbolic link of %d bytes", n.size)
	}
	r, err := e.content(n)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), err
}

// maxFolder bounds the size of one folder, in bytes.
const maxFolder = 1 << 30

// names visits the entries of a folder. The index of a large one lies in blocks that read as unused
// entries, so going through all of them in turn finds every name.
func (e *ext4) names(n *inode, visit func(base string, number int64) error) error {
	if n.size > maxFolder {
		return fmt.Errorf("a folder of %d bytes", n.size)
	}
	r, err := e.content(n)
	if err != nil {
		return err
	}
	block := make([]byte, e.blockSize)
	for {
		if _, err := io.ReadFull(r, block); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		for at := 0; at+8 <= len(block); {
			number := int64(binary.LittleEndian.Uint32(block[at:]))
			size, length := int(binary.LittleEndian.Uint16(block[at+4:])), int(block[at+6])
			if size < 8 || at+size > len(block) || 8+length > size {
				return errors.New("a folder is damaged: run `e2fsck -p` on the file system")
			}
			base := string(block[at+8 : at+8+length])
			if at += size; number == 0 || base == "." || base == ".." {
				continue
			}
			if base == "" || strings.ContainsAny(base, "/\x00") {
				return fmt.Errorf("a folder holds the name %q: the file system is damaged", base)
			}
			if err := visit(base, number); err != nil {
				return err
			}
		}
	}
}
