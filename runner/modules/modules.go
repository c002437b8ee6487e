// Package modules finds out which kernel modules are needed, in which order, and loads them. The host
// uses it to choose what goes into a machine, the agent to load it there.
//
// It asks the modules themselves (the "depends" and "softdep" lines of their .modinfo section) and
// needs no modules.dep, which packages leave for depmod(8) to write.
//
// Beware: names are compared with "-" and "_" taken as equal, as modprobe(8) does.
package modules

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Tree is the folder of one kernel's modules: /lib/modules/VERSION.
type Tree struct {
	fsys    fs.FS
	files   map[string]string // normalised name to file
	builtin map[string]bool
}

// Open lists the folder.
func Open(fsys fs.FS) (*Tree, error) {
	t := &Tree{fsys: fsys, files: map[string]string{}, builtin: map[string]bool{}}
	err := fs.WalkDir(fsys, ".", func(file string, d fs.DirEntry, err error) error {
		if err == nil && strings.Contains(path.Base(file), ".ko") {
			t.files[nameOf(file)] = file
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing the kernel's modules: %w", err)
	}
	f, err := fsys.Open("modules.builtin")
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the kernel's list of built-in modules: %w", err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		t.builtin[nameOf(s.Text())] = true
	}
	return t, s.Err()
}

// nameOf gives the module's name from a file's: kernel/net/veth.ko.xz is veth.
func nameOf(file string) string {
	base, _, _ := strings.Cut(path.Base(file), ".ko")
	return strings.ReplaceAll(base, "-", "_")
}

// ErrUnknown says that the kernel has no such module, neither loadable nor built in.
var ErrUnknown = errors.New("the kernel has no such module")

// Order gives the files to load for the named modules, each behind those it needs. Built-in ones
// need none. What goes wrong with one name is an error beside the files for the others; it wraps
// [ErrUnknown] when the kernel does not have the module.
func (t *Tree) Order(names ...string) ([]string, error) {
	var order []string
	var errs []error
	seen := map[string]bool{}
	var visit func(name string, wanted bool)
	visit = func(name string, wanted bool) {
		name = nameOf(name)
		if seen[name] {
			return
		}
		seen[name] = true
		file, loadable := t.files[name]
		if !loadable {
			if wanted && !t.builtin[name] {
				errs = append(errs, fmt.Errorf("%s: %w", name, ErrUnknown))
			}
			return
		}
		needs, before, err := t.needs(file)
		if err != nil {
			errs = append(errs, err)
			return
		}
		for _, n := range before { // an alias as often as a name; may be missing
			visit(n, false)
		}
		for _, n := range needs {
			visit(n, true)
		}
		order = append(order, file)
	}
	for _, name := range names {
		visit(name, true)
	}
	return order, errors.Join(errs...)
}
