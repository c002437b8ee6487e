package debian

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// maxLinks is how many symbolic links a path may go through, as in the kernel (path_resolution(7)).
const maxLinks = 40

// Extract unpacks the data of the package file deb into the folder dir, which must be there, without
// root: owners are not set, and device nodes and FIFOs are left out. keep says what is wanted, by
// slash-separated name without a leading slash ("usr/bin/hello"); nil means all. The folders
// above what is kept are made when needed. Symbolic links in dir are followed as if dir were the
// root folder, so nothing outside dir is ever written; a name that is absolute or climbs with ".."
// is an error. Set-user-ID bits are kept.
func Extract(deb, dir string, keep func(name string) bool) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("unpacking %s: %w", deb, err)
	}
	defer root.Close() // nothing is written through it any more
	x := &extraction{root: root, modes: map[string]fs.FileMode{}}
	err = Walk(deb, func(h *tar.Header, r io.Reader) error {
		name, err := cleanName(h.Name)
		if err != nil || name == "." || keep != nil && !keep(name) {
			return err
		}
		return x.entry(name, h, r)
	})
	if err == nil {
		err = x.finish()
	}
	if err != nil {
		return fmt.Errorf("unpacking into %s: %w", dir, err)
	}
	return nil
}

// cleanName turns an archive's "./usr/bin/" into "usr/bin".
func cleanName(name string) (string, error) {
	if strings.HasPrefix(name, "/") || strings.ContainsRune(name, 0) {
		return "", fmt.Errorf("the archive has an absolute or invalid name %q", name)
	}
	for _, part := range strings.Split(name, "/") {
		if part == ".." {
			return "", fmt.Errorf("the archive has a name that climbs: %q", name)
		}
	}
	return path.Clean(name), nil
}

type extraction struct {
	root  *os.Root
	modes map[string]fs.FileMode // of folders: set last, since one may be closed to its owner
}

func (x *extraction) entry(name string, h *tar.Header, r io.Reader) error {
	parent, err := x.resolve(path.Dir(name))
	if err != nil {
		return err
	}
	if err := x.root.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	at := path.Join(parent, path.Base(name))
	mode := h.FileInfo().Mode()
	switch h.Typeflag {
	case tar.TypeDir:
		// A folder may come where an earlier package put a link to one: merged /usr.
		if at, err = x.resolve(name); err != nil {
			return err
		}
		x.modes[at] = mode
		return x.root.MkdirAll(at, 0o755)
	case tar.TypeReg:
		if err := x.clear(at); err != nil {
			return err
		}
		return x.file(at, mode, h, r)
	case tar.TypeSymlink:
		if st, err := x.root.Lstat(at); err == nil && st.IsDir() {
			return nil // what was unpacked below the folder must stay reachable; dpkg does the same
		}
		if err := x.clear(at); err != nil {
			return err
		}
		return x.root.Symlink(h.Linkname, at)
	case tar.TypeLink:
		return x.hardLink(at, h.Linkname)
	}
	return nil
}

func (x *extraction) hardLink(at, target string) error {
	target, err := cleanName(target)
	if err != nil {
		return err
	}
	parent, err := x.resolve(path.Dir(target))
	if err != nil {
		return err
	}
	from := path.Join(parent, path.Base(target))
	if from == at {
		return nil
	}
	if err := x.clear(at); err != nil {
		return err
	}
	if err := x.root.Link(from, at); err != nil {
		return fmt.Errorf("a hard link to %s, which must be kept too: %w", target, err)
	}
	return nil
}

// clear makes place for a file; writing into an existing one would change all names it has.
func (x *extraction) clear(at string) error {
	if err := x.root.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (x *extraction) file(at string, mode fs.FileMode, h *tar.Header, r io.Reader) error {
	f, err := x.root.OpenFile(at, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err := errors.Join(err, f.Chmod(permissions(mode)), f.Close()); err != nil {
		return err
	}
	return x.root.Chtimes(at, h.ModTime, h.ModTime)
}

func (x *extraction) finish() error {
	for at, mode := range x.modes {
		// The owner keeps access: without root nobody else could remove or read the folder.
		if err := x.root.Chmod(at, permissions(mode)|0o700); err != nil {
			return err
		}
	}
	return nil
}

func permissions(mode fs.FileMode) fs.FileMode {
	return mode & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}

// resolve follows the symbolic links of name as a process would whose root folder is x.root. Parts
// that are not there stay as they are. os.Root remains the guard: it refuses what escapes.
func (x *extraction) resolve(name string) (string, error) {
	todo := strings.Split(name, "/")
	at := "."
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, part)
		target, err := x.root.Readlink(next)
		if err != nil {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s goes through more than %d symbolic links", name, maxLinks)
		}
		if path.IsAbs(target) {
			at = "."
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return at, nil
}
