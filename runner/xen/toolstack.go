package xen

import (
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"xtest/runner/debian"
	"xtest/runner/depot"
	"xtest/runner/dom0"
	"xtest/runner/machine"
)

// utils is the release's toolstack, which goes with its hypervisor.
var utils = regexp.MustCompile(`^xen-utils-4\.\d+$`)

// common has what toolstacks of all versions share, Xenstore's settings among it.
const common = "xen-utils-common"

// tools are what dom0 needs of it, beside a Xenstore, to bring a guest up and to talk to it.
var tools = []string{"xl", "xenconsoled", "xenconsole", "xen-init-dom0"}

// programs are those and both that can be Xenstore.
var programs = append([]string{dom0.CStore, dom0.OCamlStore}, tools...)

// The files that oxenstored reads: settings, without which it has no quotas, and from 4.20 on a library by which it
// asks Xen about domains.
const (
	settings = "oxenstored.conf"
	plugin   = "domain_getinfo_v1.cmxs"
)

// readBy are the files that a program reads by itself, as far as its version has them.
var readBy = map[string][]string{dom0.OCamlStore: {settings, plugin}}

// cancellation is the library that libc loads when a thread is cancelled, as xl does.
const cancellation = "libgcc_s.so.1"

// The folders of the toolstack in dom0. Programs find each other, and the loader its libraries, by
// paths that are compiled in.
const (
	libraries = "lib/x86_64-linux-gnu"
	loader    = "lib64/ld-linux-x86-64.so.2"
)

// toolstack gives a folder with the programs of the release's packaged toolstack and all libraries that
// they need, laid out as dom0's root is to have them. It is made once of verified packages and cached;
// the choice of packages holds until the user asks for an update.
func toolstack(ctx context.Context, d *depot.Depot, r depot.Release) (string, error) {
	const version = "xen toolstack 3"
	name := "toolstack of " + r.Title
	if key := d.Remembered(r.Codename, version); key != "" {
		if dir, err := d.Cache.Tree(ctx, key, name, func(context.Context, string) error { return fs.ErrNotExist }); err == nil {
			return dir, nil
		}
	}
	ix, err := d.Index(ctx, r.Codename)
	if err != nil {
		return "", err
	}
	pkgs, err := toolstackPackages(ix)
	if err != nil {
		return "", fmt.Errorf("choosing the toolstack of %s: %w", r.Title, err)
	}
	h := sha256.New()
	fmt.Fprintln(h, version)
	for _, p := range pkgs {
		fmt.Fprintln(h, p.SHA256)
	}
	key := hex.EncodeToString(h.Sum(nil))
	dir, err := d.Cache.Tree(ctx, key, name, func(ctx context.Context, dir string) error {
		return makeToolstack(ctx, d, pkgs, dir)
	})
	if err != nil {
		return "", fmt.Errorf("obtaining the toolstack of %s: %w", r.Title, err)
	}
	return dir, d.Remember(r.Codename, version, key)
}

// toolstackPackages are the toolstack and the libraries it depends on. Scripts and their interpreters,
// which set up disks and networks, are left out: the guests have none.
func toolstackPackages(ix *debian.Index) ([]*debian.Package, error) {
	p := ix.Latest(utils)
	if p == nil {
		return nil, fmt.Errorf("the archive has no package that matches %s", utils)
	}
	return ix.Closure([]string{p.Name}, func(q *debian.Package) bool {
		return q.Name == p.Name || q.Name == common || q.Section == "libs"
	})
}

func makeToolstack(ctx context.Context, d *depot.Depot, pkgs []*debian.Package, dir string) error {
	debs, err := debian.FetchAll(ctx, d.Cache, pkgs, d.Progress)
	if err != nil {
		return err
	}
	all, err := os.MkdirTemp("", "xtest-toolstack-")
	if err != nil {
		return fmt.Errorf("making a scratch folder: %w (TMPDIR chooses where)", err)
	}
	defer os.RemoveAll(all)
	for _, deb := range debs {
		if err := debian.Extract(deb, all, isProgram); err != nil {
			return err
		}
	}
	return gather(all, dir)
}

func isProgram(name string) bool {
	return slices.Contains(programs, path.Base(name)) && path.Base(path.Dir(name)) == "bin" ||
		name == path.Join("etc/xen", settings) || path.Base(name) == plugin ||
		strings.Contains(path.Base(name), ".so") && (path.Base(path.Dir(name)) == "x86_64-linux-gnu" || strings.HasPrefix(name, "lib64/"))
}

// gather copies the programs below all, and the libraries that they need directly or not, into dir.
func gather(all, dir string) error {
	files := map[string]string{} // by base name
	err := filepath.WalkDir(all, func(file string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files[e.Name()] = file
		}
		return err
	})
	if err != nil {
		return err
	}
	if files[settings] == "" {
		return fmt.Errorf("the packages hold no %s, which Xenstore needs; run `xtest cache update`", settings)
	}
	todo := append(slices.Clone(programs), cancellation)
	for _, list := range readBy {
		todo = append(todo, slices.DeleteFunc(slices.Clone(list), func(name string) bool { return files[name] == "" })...)
	}
	for seen := map[string]bool{}; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		file := files[name]
		if file == "" {
			return fmt.Errorf("the packages hold no %s, which the toolstack needs; run `xtest cache update`", name)
		}
		to := path.Join(libraries, name)
		switch {
		case slices.Contains(programs, name), name == settings, name == plugin:
			if to, err = filepath.Rel(all, file); err != nil {
				return err
			}
		case name == path.Base(loader):
			to = loader
		}
		needs, err := place(all, file, filepath.Join(dir, to))
		if err != nil {
			return fmt.Errorf("copying %s: %w", name, err)
		}
		todo = append(todo, needs...)
	}
	return nil
}

// place copies an ELF file, through the links of the root folder it lies in, and gives what it needs.
func place(root, file, to string) (needs []string, err error) {
	if file, err = resolve(root, file); err != nil {
		return nil, err
	}
	if path.Base(file) != settings {
		if needs, err = needed(file); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return nil, err
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(out, in)
	return needs, errors.Join(err, out.Close())
}

// resolve follows the links of packages, which are as if root were the root folder.
func resolve(root, file string) (string, error) {
	for range 8 {
		target, err := os.Readlink(file)
		switch {
		case err != nil:
			return file, nil
		case path.IsAbs(target):
			file = filepath.Join(root, target)
		default:
			file = filepath.Join(filepath.Dir(file), target)
		}
	}
	return "", fmt.Errorf("%s goes through too many symbolic links", file)
}

// below gives all files of a folder, by their path in it.
func below(dir string) (machine.Extra, error) {
	extra := machine.Extra{}
	err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		extra[name] = file
		return err
	})
	return extra, err
}

// only leaves some programs of the toolstack, the libraries that they need directly or not, and the files that they
// read.
func only(all machine.Extra, programs ...string) (machine.Extra, error) {
	byBase := map[string]string{}
	for name := range all {
		byBase[path.Base(name)] = name
	}
	chosen := machine.Extra{}
	for todo := slices.Clone(programs); len(todo) > 0; todo = todo[1:] {
		name, found := byBase[todo[0]]
		if !found {
			return nil, fmt.Errorf("the toolstack holds no %s", todo[0])
		}
		if _, done := chosen[name]; done {
			continue
		}
		chosen[name] = all[name]
		if todo[0] == settings {
			continue
		}
		for _, read := range readBy[todo[0]] {
			if byBase[read] != "" {
				todo = append(todo, read)
			}
		}
		needs, err := needed(all[name])
		if err != nil {
			return nil, err
		}
		todo = append(todo, needs...)
	}
	return chosen, nil
}

// needed gives the libraries that an ELF file names, its loader among them.
func needed(file string) ([]string, error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	needs, err := f.ImportedLibraries()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			needs = append(needs, path.Base(loader))
		}
	}
	return needs, err
}
