package lsb

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
)

// standardDirs are searched behind what ld.so.conf names: the directories built into glibc's and
// musl's dynamic linkers.
var standardDirs = []string{
	"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
	"/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib",
}

// libraryDirs lists where the dynamic linker looks. The cache that it really reads is made of just
// these by ldconfig(8).
func (m *machine) libraryDirs() []string {
	return append(m.configured("/etc/ld.so.conf", 0), standardDirs...)
}

// configured reads a file in the format of ld.so.conf: directories and "include" lines with globs.
func (m *machine) configured(name string, depth int) []string {
	const maxDepth, maxDirs = 5, 1000
	text, err := m.text(name)
	if err != nil || depth > maxDepth {
		return nil
	}
	var dirs []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\n:,", r) })
		switch {
		case len(dirs) > maxDirs:
			return dirs
		case len(fields) > 1 && fields[0] == "include":
			for _, pattern := range fields[1:] {
				if !path.IsAbs(pattern) {
					pattern = path.Join(path.Dir(name), pattern)
				}
				matches, _ := filepath.Glob(m.host(pattern))
				for _, match := range matches {
					inside := "/" + strings.TrimPrefix(strings.TrimPrefix(match, m.root), "/")
					dirs = append(dirs, m.configured(inside, depth+1)...)
				}
			}
		case len(fields) > 0 && path.IsAbs(fields[0]):
			dirs = append(dirs, fields[0])
		}
	}
	return dirs
}

// findLibrary finds the library of a name as the dynamic linker does for a program of the given ABI: in the
// directories first, passing over those of another ABI. The error wraps fs.ErrNotExist when there is none.
func (m *machine) findLibrary(name string, of abi, dirs []string) (*library, error) {
	var other error
	for _, dir := range dirs {
		l, err := m.library(path.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case l.abi != of:
			other = fmt.Errorf("%s is for %s, not %s", l.path, l.abi, of)
		default:
			return l, nil
		}
	}
	if other != nil {
		return nil, other
	}
	return nil, fmt.Errorf("no %s in the dynamic linker's directories: %w", name, fs.ErrNotExist)
}

// closure is a library and all that it needs, in the order in which the dynamic linker searches them
// for a symbol.
type closure struct {
	libs    []*library
	missing []string // what is needed by whom and cannot be had
}

// maxClosure bounds the libraries of a closure; those of LSB Core have fewer than ten.
const maxClosure = 200

func (m *machine) closure(l *library, dirs []string) closure {
	c := closure{libs: []*library{l}}
	known := map[string]bool{l.soname: true, path.Base(l.path): true}
	for i := 0; i < len(c.libs) && i < maxClosure; i++ {
		user := c.libs[i]
		for _, name := range user.needed {
			if known[name] {
				continue
			}
			known[name] = true
			found, err := m.findLibrary(name, l.abi, append(user.searched(), dirs...))
			if err != nil {
				c.missing = append(c.missing, fmt.Sprintf("%s (needed by %s: %v)", name, path.Base(user.path), err))
				continue
			}
			c.libs = append(c.libs, found)
		}
	}
	return c
}

// searched lists the directories of the library's own run path.
func (l *library) searched() []string {
	var dirs []string
	for _, list := range l.search {
		for dir := range strings.SplitSeq(list, ":") {
			dir = strings.ReplaceAll(dir, "${ORIGIN}", "$ORIGIN")
			dir = strings.ReplaceAll(dir, "$ORIGIN", path.Dir(l.path))
			if path.IsAbs(dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

// unmetVersions names the versions that a library seeks in others and that they do not define. One
// without version tables answers to any.
func unmetVersions(m *machine, l *library) string {
	byName := map[string]*library{}
	for _, other := range m.closure(l, m.libraryDirs()).libs {
		byName[other.soname] = other
	}
	var unmet []string
	for _, w := range l.wants {
		other := byName[w.library]
		if other == nil || other.versions == nil || other.versions[w.version] || w.weak {
			continue
		}
		unmet = append(unmet, fmt.Sprintf("%s of %s (for %s)", w.version, w.library, path.Base(l.path)))
	}
	return strings.Join(unmet, ", ")
}
