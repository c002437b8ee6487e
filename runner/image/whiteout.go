package image

import (
	"archive/tar"
	"fmt"
	"strings"
)

// The names by which a layer removes what lower layers brought: OCI image specification, layer.md,
// "Whiteouts".
const (
	whiteout     = ".wh."
	opaque       = ".wh..wh..opq"
	reservedMark = ".wh..wh." // of the file system that the format comes from
)

// whiteoutOf takes an entry that removes something. It says false for all others.
func (t *tree) whiteoutOf(layer int, h *tar.Header) (bool, error) {
	parts, err := clean(h.Name)
	if err != nil || len(parts) == 0 {
		return false, err
	}
	base := parts[len(parts)-1]
	if !strings.HasPrefix(base, whiteout) {
		return false, nil
	}
	if err := t.count(h); err != nil {
		return true, err
	}
	dir, err := t.folder(parts[:len(parts)-1], layer, false)
	if err != nil {
		return true, fmt.Errorf("%s: %w", h.Name, err)
	}
	if dir == nil {
		return true, nil
	}
	switch {
	case base == opaque:
		for name := range dir.children {
			dir.lose(name, layer)
		}
	case !strings.HasPrefix(base, reservedMark):
		dir.lose(strings.TrimPrefix(base, whiteout), layer)
	}
	return true, nil
}

// lose removes the child as far as it comes from layers below the given one: a whiteout speaks of
// those alone, also where it stands behind what its own layer adds.
func (n *node) lose(name string, layer int) {
	child := n.children[name]
	if child == nil {
		return
	}
	for below := range child.children {
		child.lose(below, layer)
	}
	if child.layer < layer && len(child.children) == 0 {
		delete(n.children, name)
	}
}
