package linkage

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"xtest/internal/root"
)

// Linker finds libraries in a root as its dynamic linker would. What was read is kept: nothing may
// change the root's libraries meanwhile. It may be used from several goroutines.
type Linker struct {
	*root.FS

	lock sync.Mutex
	libs map[string]*Library // by resolved name
	kept int64               // bytes of the libraries' tables
	dirs []string
}

// NewLinker makes one for a root.
func NewLinker(r *root.FS) *Linker { return &Linker{FS: r, libs: map[string]*Library{}} }

// triplets are the multiarch names of the folders for libraries, by ABI: what glibc's linker has
// built in where the distribution uses them.
var triplets = map[ABI]string{
	AMD64: "x86_64-linux-gnu",
	{elf.ELFCLASS32, elf.EM_386, elf.ELFDATA2LSB}:       "i386-linux-gnu",
	{elf.ELFCLASS64, elf.EM_AARCH64, elf.ELFDATA2LSB}:   "aarch64-linux-gnu",
	{elf.ELFCLASS32, elf.EM_ARM, elf.ELFDATA2LSB}:       "arm-linux-gnueabihf",
	{elf.ELFCLASS64, elf.EM_PPC64, elf.ELFDATA2LSB}:     "powerpc64le-linux-gnu",
	{elf.ELFCLASS64, elf.EM_S390, elf.ELFDATA2MSB}:      "s390x-linux-gnu",
	{elf.ELFCLASS64, elf.EM_RISCV, elf.ELFDATA2LSB}:     "riscv64-linux-gnu",
	{elf.ELFCLASS64, elf.EM_MIPS, elf.ELFDATA2LSB}:      "mips64el-linux-gnuabi64",
	{elf.ELFCLASS64, elf.EM_LOONGARCH, elf.ELFDATA2LSB}: "loongarch64-linux-gnu",
}

// Native gives the ABI of the root's userland: that of its shell.
func (k *Linker) Native() (ABI, error) {
	f, err := k.Open("/bin/sh")
	if err != nil {
		return ABI{}, err
	}
	defer f.Close() // only read
	a, err := ReadABI(f, f.Size())
	if err != nil {
		return ABI{}, fmt.Errorf("the architecture is taken from /bin/sh: %w", err)
	}
	return a, nil
}

// Interpreter gives the PT_INTERP of a program.
func (k *Linker) Interpreter(name string) (Interp, error) {
	f, err := k.Open(name)
	if err != nil {
		return Interp{}, err
	}
	defer f.Close() // only read
	i, err := ReadInterp(f, f.Size())
	if err != nil {
		return Interp{}, fmt.Errorf("%s: %w", name, err)
	}
	return i, nil
}

// maxKept bounds the memory for a root's symbols, in bytes of the files' tables; as they are kept they
// take some five times that. All libraries of a small Debian have 6 MB.
const maxKept = 24 << 20

// Library reads the file, once.
func (k *Linker) Library(name string) (*Library, error) {
	at, err := k.Resolve(name)
	if err != nil {
		return nil, err
	}
	k.lock.Lock()
	defer k.lock.Unlock()
	if l := k.libs[at]; l != nil {
		return l, nil
	}
	l, err := k.read(at)
	if err != nil {
		return nil, err
	}
	if k.kept += l.tables; k.kept > maxKept {
		return nil, fmt.Errorf("%s: the symbols of the libraries read so far have more than %d bytes", at, maxKept)
	}
	k.libs[at] = l
	return l, nil
}

// Peek reads the file and keeps nothing of it.
func (k *Linker) Peek(name string) (*Library, error) {
	at, err := k.Resolve(name)
	if err != nil {
		return nil, err
	}
	return k.read(at)
}

func (k *Linker) read(at string) (*Library, error) {
	f, err := k.Open(at)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	l, err := Read(f, f.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	l.Path = at
	return l, nil
}

// Dirs lists where the dynamic linker looks: what ld.so.conf names, then the folders built into
// glibc's and musl's. The cache that it really reads is made of just these by ldconfig(8).
func (k *Linker) Dirs() []string {
	k.lock.Lock()
	defer k.lock.Unlock()
	if k.dirs != nil {
		return k.dirs
	}
	all := k.configured("/etc/ld.so.conf", 0)
	native, err := k.Native()
	if t := triplets[native]; err == nil && t != "" {
		all = append(all, "/lib/"+t, "/usr/lib/"+t)
	}
	all = append(all, "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib")
	for _, d := range all {
		if !slices.Contains(k.dirs, d) {
			k.dirs = append(k.dirs, d)
		}
	}
	return k.dirs
}

// configured reads a file in the format of ld.so.conf: directories and "include" lines with globs.
func (k *Linker) configured(name string, depth int) []string {
	const maxDepth, maxDirs = 5, 1000
	text, err := k.Text(name)
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
				for _, match := range k.Glob(pattern) {
					dirs = append(dirs, k.configured(match, depth+1)...)
					if len(dirs) > maxDirs {
						return dirs
					}
				}
			}
		case len(fields) > 0 && path.IsAbs(fields[0]):
			dirs = append(dirs, fields[0])
		}
	}
	return dirs
}

// Find finds the library of a name as the dynamic linker does for a program of the given ABI: in the
// directories first, passing over those of another ABI. The error wraps fs.ErrNotExist when there is
// none.
func (k *Linker) Find(name string, of ABI, dirs []string) (*Library, error) {
	var other error
	for _, dir := range dirs {
		l, err := k.Library(path.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case l.ABI != of:
			other = fmt.Errorf("%s is for %s, not %s", l.Path, l.ABI, of)
		default:
			return l, nil
		}
	}
	if other != nil {
		return nil, other
	}
	return nil, fmt.Errorf("no %s in the dynamic linker's directories: %w", name, fs.ErrNotExist)
}

// Closure is a library and all that it needs, in the order in which the dynamic linker searches them
// for a symbol.
type Closure struct {
	Libs    []*Library
	Missing []string // what is needed by whom and cannot be had
}

// maxClosure bounds the libraries of a closure; those of LSB Core have fewer than ten.
const maxClosure = 64

// Closure follows DT_NEEDED. Names that cannot be found are told once each.
func (k *Linker) Closure(l *Library) Closure {
	c := Closure{Libs: []*Library{l}}
	known := map[string]bool{l.SOName: true, path.Base(l.Path): true}
	for i := 0; i < len(c.Libs) && i < maxClosure; i++ {
		user := c.Libs[i]
		for _, name := range user.Needed {
			if known[name] || len(known) > maxClosure {
				continue
			}
			known[name] = true
			found, err := k.Find(name, l.ABI, append(user.searched(), k.Dirs()...))
			if err != nil {
				c.Missing = append(c.Missing, fmt.Sprintf("%s (needed by %s: %v)", name, path.Base(user.Path), err))
				continue
			}
			c.Libs = append(c.Libs, found)
		}
	}
	return c
}

// searched lists the directories of the library's own run path.
func (l *Library) searched() []string {
	const maxSearched = 100
	var dirs []string
	for _, list := range l.RunPath {
		for dir := range strings.SplitSeq(list, ":") {
			dir = strings.ReplaceAll(dir, "${ORIGIN}", "$ORIGIN")
			dir = strings.ReplaceAll(dir, "$ORIGIN", path.Dir(l.Path))
			if path.IsAbs(dir) && len(dirs) < maxSearched {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

// Unmet names the versions that a library seeks in others of its closure and that they do not define.
// One without version tables answers to any.
func (c Closure) Unmet() []string {
	byName := map[string]*Library{}
	for _, other := range c.Libs {
		byName[other.SOName] = other
	}
	l := c.Libs[0]
	var unmet []string
	for _, w := range l.Wants {
		other := byName[w.Library]
		if other == nil || other.Versions == nil || other.Versions[w.Version] || w.Weak {
			continue
		}
		unmet = append(unmet, fmt.Sprintf("%s of %s (for %s)", w.Version, w.Library, path.Base(l.Path)))
	}
	return unmet
}

// Answers says whether a reference of a version binds to the definition. One without a version binds
// to what is not hidden behind a newer default.
func (d Definition) Answers(version string) bool {
	if version == "" {
		return !d.Hidden
	}
	return d.Version == version
}
