package lsb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxCopied bounds how many bytes of a machine's files are copied into memory at once.
const maxCopied = 64 << 20

// folder is one whose files are copies in memory, of regular files, folders and symbolic links with
// their owners and modes. Anything else is left out.
type folder struct {
	at     string
	origin *os.Root // nil: the folder is empty
	is     map[string]inode
}

// inode tells whether a file is still the copy that was made. Of folders, which change with what is in
// them, it has the owner and mode alone.
type inode struct {
	mode, uid, gid uint32
	ino            uint64
	size           int64
	changed        unix.Timespec
}

func inodeOf(name string) (inode, error) {
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		return inode{}, err
	}
	i := inode{mode: st.Mode, uid: st.Uid, gid: st.Gid}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		i.ino, i.size, i.changed = st.Ino, st.Size, st.Ctim
	}
	return i, nil
}

// restore makes the folder what its origin is: what was made, changed or removed in it since the last
// time is put back, at first all. left is how many bytes may be copied.
func (f *folder) restore(left *int64) error {
	if f.origin != nil && len(f.is) == 0 {
		if err := f.list(); err != nil {
			return err
		}
	}
	err := filepath.WalkDir(f.at, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == f.at {
			return err
		}
		now, err := inodeOf(name)
		if err != nil || f.is[f.relative(name)] == now {
			return err
		}
		if err := os.RemoveAll(name); err != nil {
			return err
		}
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, rel := range slices.Sorted(maps.Keys(f.is)) { // folders before what is in them
		_, err := os.Lstat(filepath.Join(f.at, rel))
		if errors.Is(err, fs.ErrNotExist) {
			err = f.copy(rel, left)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *folder) relative(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, f.at), "/")
}

// list takes down what there is in the origin.
func (f *folder) list() error {
	return fs.WalkDir(f.origin.FS(), ".", func(rel string, d fs.DirEntry, err error) error {
		if err == nil && rel != "." && (d.IsDir() || d.Type().IsRegular() || d.Type() == fs.ModeSymlink) {
			f.is[rel] = inode{}
		}
		return err
	})
}

// copy makes one file as it is in the origin.
func (f *folder) copy(rel string, left *int64) error {
	info, err := f.origin.Lstat(rel)
	if err != nil {
		return err
	}
	to := filepath.Join(f.at, rel)
	switch {
	case info.IsDir():
		err = os.Mkdir(to, 0o700)
	case info.Mode().IsRegular():
		if *left -= info.Size(); *left < 0 {
			return fmt.Errorf("more than %d bytes", maxCopied)
		}
		err = f.copyFile(rel, to)
	default:
		var target string
		if target, err = f.origin.Readlink(rel); err == nil {
			err = os.Symlink(target, to)
		}
	}
	if err != nil {
		return err
	}
	st := info.Sys().(*syscall.Stat_t)
	if err := unix.Lchown(to, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Chmod(to, st.Mode&0o7777); err != nil {
			return err
		}
	}
	f.is[rel], err = inodeOf(to)
	return err
}

func (f *folder) copyFile(rel, to string) error {
	in, err := f.origin.Open(rel)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
