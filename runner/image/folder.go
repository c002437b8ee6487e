package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// folder is a root file system that lies there as it is.
type folder struct{ path string }

// openTree makes a source of what nobody gave a digest: its content decides.
func openTree(ctx context.Context, kind string, from origin, o Options) (*Source, error) {
	s := &Source{Kind: kind, origin: from, opts: o}
	if o.Inspect {
		return s, nil
	}
	h := sha256.New()
	w := &sniffer{tarWriter: tarWriter{tar.NewWriter(h)}}
	if err := errors.Join(s.write(ctx, w), w.w.Close()); err != nil {
		return nil, err
	}
	if len(s.plan.root.children) == 0 {
		return nil, errors.New("there is nothing in it")
	}
	s.Digest = hex.EncodeToString(h.Sum(nil))
	s.key, s.Platform = s.Digest, Platform{"linux", w.arch}
	return s, nil
}

// scan stays on the folder's own file system: what is mounted below it is none of it.
func (f *folder) scan(ctx context.Context, t *tree) error {
	root, err := os.OpenRoot(f.path)
	if err != nil {
		return err
	}
	defer root.Close() // only read
	type identity struct{ device, number uint64 }
	linked := map[identity]string{}
	var device uint64
	entry := 0
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err = errors.Join(err, context.Cause(ctx)); err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok || info.Mode()&fs.ModeSocket != 0 {
			return nil
		}
		if name == "." {
			device = st.Dev
		}
		target := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			if target, err = root.Readlink(name); err != nil {
				return err
			}
		}
		h, err := tar.FileInfoHeader(info, target)
		if err != nil {
			return err
		}
		h.Name = name
		if h.PAXRecords, err = f.xattrs(name); err != nil {
			return fmt.Errorf("reading the extended attributes of %s: %w", path.Join(f.path, name), err)
		}
		if st.Nlink > 1 && info.Mode().IsRegular() {
			if first, seen := linked[identity{st.Dev, st.Ino}]; seen {
				h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
			} else {
				linked[identity{st.Dev, st.Ino}] = name
			}
		}
		entry++
		if err := t.add(0, entry, h); err != nil {
			return err
		}
		if d.IsDir() && st.Dev != device {
			return fs.SkipDir
		}
		return nil
	})
}

func (f *folder) stream(ctx context.Context, t *tree, visit func(*file, io.Reader) error) error {
	root, err := os.OpenRoot(f.path)
	if err != nil {
		return err
	}
	defer root.Close() // only read
	return t.walk(func(name string, n *node) error {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if n.kind != tar.TypeReg || n.names[0] != name {
			return nil
		}
		r, err := root.Open(name)
		if err != nil {
			return err
		}
		defer r.Close() // only read
		if st, err := r.Stat(); err != nil || st.Size() != n.size || !st.Mode().IsRegular() {
			return fmt.Errorf("%s changed while it was read", path.Join(f.path, name))
		}
		return visit(n.file, io.LimitReader(r, n.size))
	})
}
