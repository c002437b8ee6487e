package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

const (
	// maxEntries and maxNames (in bytes) bound the tree's memory. A full desktop has 500,000 files.
	maxEntries = 4 << 20
	maxNames   = 512 << 20
	// maxName and maxPath are Linux's NAME_MAX and PATH_MAX (linux/limits.h), in bytes.
	maxName = 255
	maxPath = 4096
	// maxLinks is how many symbolic links a path may go through, path_resolution(7).
	maxLinks = 40
)

// file is what one or more names stand for: what the kernel calls an inode.
type file struct {
	kind         byte // of tar's types: TypeReg, TypeDir, TypeSymlink, TypeChar, TypeBlock, TypeFifo
	mode         int64
	uid, gid     int
	size         int64
	time         time.Time
	link         string            // of a symbolic link
	xattrs       map[string]string // by name, as setxattr(2) takes them
	major, minor int64
	layer, entry int // where its content is

	names []string // filled when the tree is complete: regular files only
}

// node is a name in the tree.
type node struct {
	*file
	layer    int // the last that spoke of it
	children map[string]*node
}

// tree is a root file system without its content.
type tree struct {
	root          *node
	entries       int
	names         int64 // bytes
	size, maximum int64 // bytes of content
	stream        int64 // bytes that may be read of one layer
}

func newTree(maximum int64) *tree {
	return &tree{root: newFolder(0), maximum: maximum, stream: maximum + overhead}
}

func newFolder(layer int) *node {
	return &node{file: &file{kind: tar.TypeDir, mode: 0o755, time: time.Unix(0, 0), layer: layer}, layer: layer, children: map[string]*node{}}
}

// clean turns an archive's name into the parts of a path below the root.
func clean(name string) ([]string, error) {
	if len(name) > maxPath || strings.ContainsRune(name, 0) {
		return nil, fmt.Errorf("the name %.40q is invalid or too long", name)
	}
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "" || part == ".":
		case part == "..":
			return nil, fmt.Errorf("the name %q climbs out by its .. parts", name)
		case len(part) > maxName:
			return nil, fmt.Errorf("the name %.40q is longer than %d bytes", part, maxName)
		default:
			parts = append(parts, part)
		}
	}
	return parts, nil
}

// count charges an entry to the image.
func (t *tree) count(h *tar.Header) error {
	t.entries++
	t.names += int64(len(h.Name) + len(h.Linkname))
	for key, value := range h.PAXRecords {
		t.names += int64(len(key) + len(value))
	}
	if t.entries > maxEntries || t.names > maxNames {
		return fmt.Errorf("it has more than %d entries, or too long names", maxEntries)
	}
	if h.Size < 0 || h.Size > t.maximum-t.size {
		return fmt.Errorf("its files need more than the %d MiB that there are for it; free some disk, or set XTEST_CACHE to a larger one", t.maximum>>20)
	}
	t.size += h.Size
	return nil
}

// add takes an entry of a layer; entry counts the layer's entries.
func (t *tree) add(layer, entry int, h *tar.Header) error {
	if err := t.count(h); err != nil {
		return err
	}
	parts, err := clean(h.Name)
	if err != nil {
		return err
	}
	f := &file{
		kind: h.Typeflag, mode: h.Mode & 0o7777, uid: h.Uid, gid: h.Gid, time: h.ModTime,
		layer: layer, entry: entry, xattrs: xattrsOf(h),
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
		f.kind, f.size = tar.TypeReg, h.Size
	case tar.TypeSymlink:
		if h.Linkname == "" || len(h.Linkname) >= maxPath || strings.ContainsRune(h.Linkname, 0) {
			return fmt.Errorf("%s: a symbolic link to nothing, or too long", h.Name)
		}
		f.link = h.Linkname
	case tar.TypeChar, tar.TypeBlock:
		f.major, f.minor = h.Devmajor, h.Devminor
	case tar.TypeDir, tar.TypeFifo:
	case tar.TypeLink:
		if f, err = t.linked(h.Linkname); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	default:
		return nil // tar's own extensions
	}
	if len(parts) == 0 {
		if f.kind != tar.TypeDir {
			return fmt.Errorf("%q: the root of an image must be a folder", h.Name)
		}
		t.root.file = f
		return nil
	}
	dir, err := t.folder(parts[:len(parts)-1], layer, true)
	if err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	put(dir, parts[len(parts)-1], layer, f)
	return nil
}

func put(dir *node, name string, layer int, f *file) {
	if old := dir.children[name]; old != nil && old.kind == tar.TypeDir && f.kind == tar.TypeDir {
		old.file, old.layer = f, layer
		return
	}
	n := &node{file: f, layer: layer}
	if f.kind == tar.TypeDir {
		n.children = map[string]*node{}
	}
	dir.children[name] = n
}

// linked finds the file that a hard link names; the last part is not followed.
func (t *tree) linked(target string) (*file, error) {
	parts, err := clean(target)
	if err != nil {
		return nil, err
	}
	if len(parts) > 0 {
		dir, err := t.folder(parts[:len(parts)-1], 0, false)
		if err != nil {
			return nil, err
		}
		if dir != nil {
			if n := dir.children[parts[len(parts)-1]]; n != nil && n.kind != tar.TypeDir {
				return n.file, nil
			}
		}
	}
	return nil, fmt.Errorf("a hard link to %q, which is no file that came before it", target)
}

// folder follows parts as a process would whose root folder is the tree. What is missing is made on
// behalf of the layer, or nil is given.
func (t *tree) folder(parts []string, layer int, create bool) (*node, error) {
	todo := slices.Clone(parts)
	at := []*node{t.root}
	for links := 0; len(todo) > 0; {
		part, here := todo[0], at[len(at)-1]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at = at[:max(len(at)-1, 1)]
			continue
		}
		next := here.children[part]
		switch {
		case next == nil && !create:
			return nil, nil
		case next == nil:
			if t.entries++; t.entries > maxEntries || len(part) > maxName {
				return nil, fmt.Errorf("it has more than %d entries, or too long names", maxEntries)
			}
			next = newFolder(layer)
			here.children[part] = next
		case next.kind == tar.TypeSymlink:
			if links++; links > maxLinks {
				return nil, fmt.Errorf("its path goes through more than %d symbolic links", maxLinks)
			}
			if path.IsAbs(next.link) {
				at = at[:1]
			}
			todo = append(strings.Split(next.link, "/"), todo...)
			continue
		case next.kind != tar.TypeDir:
			return nil, fmt.Errorf("its path goes through %s, which is no folder", part)
		}
		at = append(at, next)
	}
	return at[len(at)-1], nil
}

// walk visits all nodes, folders before what is in them, in order of their names.
func (t *tree) walk(visit func(name string, n *node) error) error {
	return walk("", t.root, visit)
}

func walk(dir string, n *node, visit func(string, *node) error) error {
	for _, base := range slices.Sorted(maps.Keys(n.children)) {
		name, child := path.Join(dir, base), n.children[base]
		if len(name) >= maxPath {
			return errors.New("it has a path that is longer than Linux allows")
		}
		if err := visit(name, child); err != nil {
			return err
		}
		if err := walk(name, child, visit); err != nil {
			return err
		}
	}
	return nil
}
