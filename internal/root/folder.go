package root

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Folder is a root file system that lies there as a folder. Its files may change meanwhile, and who
// changes them cannot lead a reader out: every part of a name is opened below the one before.
type Folder struct {
	open func() (*os.Root, error)
}

// At gives a folder that is opened when it is first asked for something, which may be long after.
func At(dir string) *Folder {
	return &Folder{sync.OnceValues(func() (*os.Root, error) { return os.OpenRoot(dir) })}
}

// OpenFolder opens a folder. The caller closes it.
func OpenFolder(dir string) (*Folder, error) {
	f := At(dir)
	if _, err := f.open(); err != nil {
		return nil, fmt.Errorf("opening the root file system in %s: %w", dir, err)
	}
	return f, nil
}

// Close ends the reading.
func (f *Folder) Close() error {
	r, err := f.open()
	if err != nil {
		return nil
	}
	return r.Close()
}

// below turns a name of the root into one that os.Root takes.
func below(name string) string {
	if name = strings.TrimPrefix(name, "/"); name == "" {
		return "."
	}
	return name
}

// Lstat describes a file.
func (f *Folder) Lstat(name string) (fs.FileInfo, error) {
	r, err := f.open()
	if err != nil {
		return nil, err
	}
	return r.Lstat(below(name))
}

// Readlink gives what a symbolic link says.
func (f *Folder) Readlink(name string) (string, error) {
	r, err := f.open()
	if err != nil {
		return "", err
	}
	return r.Readlink(below(name))
}

// maxNames bounds the names that are read of one folder.
const maxNames = 1 << 20

// List gives the names in a folder.
func (f *Folder) List(name string) ([]string, error) {
	r, err := f.open()
	if err != nil {
		return nil, err
	}
	d, err := r.OpenFile(below(name), os.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer d.Close() // only read
	var all []string
	for {
		some, err := d.Readdirnames(4096)
		all = append(all, some...)
		switch {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		case len(all) > maxNames:
			return nil, fmt.Errorf("the folder %s has more than %d names", name, maxNames)
		}
	}
}

// Open opens a regular file. It is looked at before, since opening a device can have effects, and
// again behind, since it may have been exchanged.
func (f *Folder) Open(name string) (File, error) {
	r, err := f.open()
	if err != nil {
		return nil, err
	}
	if info, err := f.Lstat(name); err != nil || !info.Mode().IsRegular() {
		if err == nil {
			err = fmt.Errorf("%s is not a regular file", name)
		}
		return nil, err
	}
	file, err := r.OpenFile(below(name), os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, fmt.Errorf("%s is no longer a regular file", name)
	}
	return sized{file, info.Size()}, nil
}

type sized struct {
	*os.File
	size int64
}

func (s sized) Size() int64 { return s.size }
