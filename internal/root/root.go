// Package root reads a root file system that is not booted: a folder, or an image that was indexed.
// Whoever judges one sees the same files under the same names, whatever it is kept in.
//
// Beware: the files are hostile until proven otherwise. Links are followed here and only inside the
// root, nothing but regular files is ever opened, and whatever is read has a bound.
package root

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Tree is a root file system as it is stored. Names are absolute, cleaned, and lead through folders
// alone: nothing of a tree follows symbolic links. Errors wrap those of package io/fs.
type Tree interface {
	// Lstat describes a file. Where the tree knows them, Sys gives a *syscall.Stat_t with owner and
	// device numbers.
	Lstat(name string) (fs.FileInfo, error)
	Readlink(name string) (string, error)
	// Open opens a regular file. Others could block, or have effects.
	Open(name string) (File, error)
	// List gives the names in a folder, without order.
	List(name string) ([]string, error)
}

// File is an open regular file.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64 // bytes
}

// Bounds on what is read of a root.
const (
	// MaxText is how long a text may be that [FS.Text] reads, in bytes.
	MaxText = 1 << 20
	// maxLinks is how many symbolic links a path may go through, path_resolution(7).
	maxLinks = 40
	// maxPath is Linux's PATH_MAX, in bytes.
	maxPath = 4096
	// maxMatches bounds what a pattern matches.
	maxMatches = 10_000
)

// FS reads a tree as a process would whose root folder it is. It may be used from several goroutines.
type FS struct {
	tree Tree

	lock   sync.Mutex
	denied []string
}

// New reads a tree.
func New(t Tree) *FS { return &FS{tree: t} }

// maxDenied bounds how many of the names are kept that could not be read.
const maxDenied = 100

// Denied lists what could not be read since the last call for want of permission, up to a bound. A
// judgement that met any is none of the root's.
func (r *FS) Denied() []string {
	r.lock.Lock()
	defer r.lock.Unlock()
	list := r.denied
	r.denied = nil
	return list
}

// fault names the file as it is called inside the root.
func (r *FS) fault(name string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	if errors.Is(err, fs.ErrPermission) {
		r.lock.Lock()
		if len(r.denied) < maxDenied {
			r.denied = append(r.denied, name)
		}
		r.lock.Unlock()
	}
	return fmt.Errorf("%s: %w", name, err)
}

// Resolve gives the name without links of what a process would reach by it. Absolute links and ".."
// never lead out of the root.
func (r *FS) Resolve(name string) (string, error) {
	at, _, err := r.reach(name)
	return at, err
}

// reach resolves a name and describes what is there.
func (r *FS) reach(name string) (at string, info fs.FileInfo, err error) {
	rest := strings.Split(path.Clean("/"+name), "/")
	at = "/"
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at, info = path.Dir(at), nil
			continue
		}
		next := path.Join(at, part)
		if len(next) >= maxPath {
			return "", nil, fmt.Errorf("%.80s: %w", name, unix.ENAMETOOLONG)
		}
		if info, err = r.tree.Lstat(next); err != nil {
			return "", nil, r.fault(name, err)
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", nil, fmt.Errorf("%s: %w", name, unix.ELOOP)
		}
		to, err := r.tree.Readlink(next)
		if err != nil {
			return "", nil, r.fault(name, err)
		}
		if path.IsAbs(to) {
			at = "/"
		}
		rest, info = append(strings.Split(to, "/"), rest...), nil
	}
	if info == nil {
		if info, err = r.tree.Lstat(at); err != nil {
			return "", nil, r.fault(name, err)
		}
	}
	return at, info, nil
}

// Stat describes the file behind all links.
func (r *FS) Stat(name string) (fs.FileInfo, error) {
	_, info, err := r.reach(name)
	return info, err
}

// Lstat describes a file, following the links of its folders but not itself.
func (r *FS) Lstat(name string) (fs.FileInfo, error) {
	name = path.Clean("/" + name)
	dir, err := r.Resolve(path.Dir(name))
	if err != nil {
		return nil, err
	}
	info, err := r.tree.Lstat(path.Join(dir, path.Base(name)))
	if err != nil {
		return nil, r.fault(name, err)
	}
	return info, nil
}

// Readlink gives what a symbolic link says.
func (r *FS) Readlink(name string) (string, error) {
	name = path.Clean("/" + name)
	dir, err := r.Resolve(path.Dir(name))
	if err != nil {
		return "", err
	}
	to, err := r.tree.Readlink(path.Join(dir, path.Base(name)))
	if err != nil {
		return "", r.fault(name, err)
	}
	return to, nil
}

// Open opens a regular file for reading.
func (r *FS) Open(name string) (File, error) {
	at, info, err := r.reach(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := r.tree.Open(at)
	if err != nil {
		return nil, r.fault(name, err)
	}
	return f, nil
}

// Text reads a text file, refusing what is longer than [MaxText].
func (r *FS) Text(name string) (string, error) {
	f, err := r.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() // only read
	if f.Size() > MaxText {
		return "", fmt.Errorf("%s is longer than %d bytes", name, MaxText)
	}
	b, err := io.ReadAll(io.NewSectionReader(f, 0, MaxText+1))
	if err != nil {
		return "", r.fault(name, err)
	}
	if len(b) > MaxText {
		return "", fmt.Errorf("%s is longer than %d bytes", name, MaxText)
	}
	return string(b), nil
}

// List gives the names in a folder, sorted.
func (r *FS) List(name string) ([]string, error) {
	at, err := r.Resolve(name)
	if err != nil {
		return nil, err
	}
	names, err := r.tree.List(at)
	if err != nil {
		return nil, r.fault(name, err)
	}
	slices.Sort(names)
	return names, nil
}

// Glob gives the names that match a pattern as that of [path.Match], sorted, up to a bound. What
// cannot be read matches nothing.
func (r *FS) Glob(pattern string) []string {
	found := []string{"/"}
	for part := range strings.SplitSeq(strings.Trim(path.Clean("/"+pattern), "/"), "/") {
		var next []string
		for _, dir := range found {
			if !strings.ContainsAny(part, `*?[\`) {
				if _, err := r.Lstat(path.Join(dir, part)); err == nil {
					next = append(next, path.Join(dir, part))
				}
				continue
			}
			names, err := r.List(dir)
			if err != nil {
				continue
			}
			for _, n := range names {
				if ok, err := path.Match(part, n); err == nil && ok && len(next) < maxMatches {
					next = append(next, path.Join(dir, n))
				}
			}
		}
		found = next
	}
	return found
}

// Executable says why the file cannot be run as a command, nil when it can.
func (r *FS) Executable(name string) error {
	info, err := r.Stat(name)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", name)
	case info.Mode()&0o111 == 0:
		return fmt.Errorf("%s is not executable", name)
	}
	return nil
}
