package lsb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// machine is a root file system under test: "/" inside the machine, a folder in a test.
type machine struct {
	root string
	lock sync.Mutex
	libs map[string]*library // by resolved path
}

func newMachine(root string) *machine {
	return &machine{root: root, libs: map[string]*library{}}
}

// searchPath is where a conforming application looks for utilities.
var searchPath = []string{"/bin", "/usr/bin", "/sbin", "/usr/sbin"}

// maxText bounds what is read of a text file.
const maxText = 1 << 20

// host gives a path of the machine as a path of this process.
func (m *machine) host(name string) string { return filepath.Join(m.root, name) }

// resolve follows symbolic links as a process whose root is the machine's would, and gives a path of
// the machine without links. Absolute links and ".." never lead out of the root.
func (m *machine) resolve(name string) (string, error) {
	const maxLinks = 40 // as the kernel's own limit, path_resolution(7)
	rest, at := strings.Split(path.Clean("/"+name), "/"), "/"
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, part)
		info, err := os.Lstat(m.host(next))
		if err != nil {
			return "", m.pathError(name, err)
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s: %w", name, unix.ELOOP)
		}
		to, err := os.Readlink(m.host(next))
		if err != nil {
			return "", m.pathError(name, err)
		}
		if path.IsAbs(to) {
			at = "/"
		}
		rest = append(strings.Split(to, "/"), rest...)
	}
	return at, nil
}

// pathError names the file as it is called inside the machine.
func (m *machine) pathError(name string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// stat describes the file behind all links.
func (m *machine) stat(name string) (fs.FileInfo, error) {
	at, err := m.resolve(name)
	if err != nil {
		return nil, err
	}
	info, err := os.Lstat(m.host(at))
	if err != nil {
		return nil, m.pathError(name, err)
	}
	return info, nil
}

// open opens a regular file for reading. Others could block or have effects.
func (m *machine) open(name string) (*os.File, error) {
	at, err := m.resolve(name)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(m.host(at), os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, m.pathError(name, err)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	return f, nil
}

// text reads a text file, refusing what is longer than [maxText].
func (m *machine) text(name string) (string, error) {
	f, err := m.open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err != nil {
		return "", m.pathError(name, err)
	}
	if len(b) > maxText {
		return "", fmt.Errorf("%s is longer than %d bytes", name, maxText)
	}
	return string(b), nil
}

// executable says why the file cannot be run as a command, nil when it can.
func (m *machine) executable(name string) error {
	info, err := m.stat(name)
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

// find looks a utility up on the search path and gives its path in the machine.
func (m *machine) find(command string) (string, error) {
	for _, dir := range searchPath {
		if name := path.Join(dir, command); m.executable(name) == nil {
			return name, nil
		}
	}
	return "", fmt.Errorf("no %s in %s", command, strings.Join(searchPath, ":"))
}
