package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Unpack writes the image's files into dir, which must be there and empty. Owners are set by root
// alone. Devices and FIFOs are left out, for root too: a device that lies open in a folder of the
// host's is a door. Without root the owner keeps access to every folder, or could not remove it.
func (s *Source) Unpack(ctx context.Context, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("unpacking image %s: %w", s.Ref, err)
	}
	defer root.Close() // nothing is written through it any more
	u := &unpacking{root: root, owners: os.Geteuid() == 0}
	err = s.write(ctx, u)
	if err == nil {
		err = u.finish(s.plan.root.file)
	}
	if err != nil {
		return fmt.Errorf("unpacking image %s: %w", s.Ref, err)
	}
	return nil
}

type unpacking struct {
	root    *os.Root
	owners  bool
	folders []entry
}

type entry struct {
	name string
	*file
}

func (u *unpacking) folder(name string, f *file) error {
	u.folders = append(u.folders, entry{name, f})
	return u.root.Mkdir(name, 0o700)
}

func (u *unpacking) special(name string, f *file) error {
	if f.kind != tar.TypeSymlink {
		return nil
	}
	if err := u.root.Symlink(f.link, name); err != nil {
		return err
	}
	return u.chown(name, f)
}

func (u *unpacking) regular(name string, f *file, r io.Reader) error {
	w, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, r)
	if err == nil && n != f.size {
		err = io.ErrUnexpectedEOF
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return u.attributes(name, f, permissions(f.mode))
}

func (u *unpacking) link(name, target string) error { return u.root.Link(target, name) }

// finish gives folders their attributes, deepest first: one may be closed to its owner, and each
// entry that was made in it changed its time.
func (u *unpacking) finish(top *file) error {
	list := append([]entry{{".", top}}, u.folders...)
	for i := len(list) - 1; i >= 0; i-- {
		mode := permissions(list[i].mode)
		if !u.owners {
			mode |= 0o700
		}
		if err := u.attributes(list[i].name, list[i].file, mode); err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacking) attributes(name string, f *file, mode fs.FileMode) error {
	if err := u.chown(name, f); err != nil {
		return err
	}
	// Behind chown(2), which takes file capabilities and set-user-ID bits away; attributes first, while
	// the file can be opened.
	if err := u.xattrs(name, f); err != nil {
		return err
	}
	if err := u.root.Chmod(name, mode); err != nil {
		return err
	}
	return u.root.Chtimes(name, f.time, f.time)
}

func (u *unpacking) chown(name string, f *file) error {
	if !u.owners {
		return nil
	}
	return u.root.Lchown(name, f.uid, f.gid)
}

// permissions turns the bits of tar into those of Go.
func permissions(mode int64) fs.FileMode {
	m := fs.FileMode(mode) & fs.ModePerm
	for bit, goes := range map[int64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if mode&bit != 0 {
			m |= goes
		}
	}
	return m
}
