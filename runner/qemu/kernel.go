package qemu

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"xtest/runner/debian"
	"xtest/runner/depot"
	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/modules"
)

// Kernel is a kernel with its modules.
type Kernel struct {
	Image    string // a bzImage
	Modules  string // the folder of its modules, or ""
	Artefact event.Artefact
	theirs   bool // a user's file, of which nothing is known
}

// FindKernel obtains the kernel that the release's metapackage stands for.
func FindKernel(ctx context.Context, s *machine.Supplies, r depot.Release, metapackage string) (Kernel, error) {
	kernel, err := s.Depot.Unpacked(ctx, r.WantLinux(metapackage))
	if err != nil {
		return Kernel{}, err
	}
	image, err := only(kernel.Dir, kernel.Artefact.Package, "boot/vmlinuz-*", "usr/lib/modules/*/vmlinuz")
	if err != nil {
		return Kernel{}, err
	}
	tree, err := s.Depot.Unpacked(ctx, r.WantModules(metapackage))
	if err != nil {
		return Kernel{}, err
	}
	mods, err := only(tree.Dir, tree.Artefact.Package, "lib/modules/*", "usr/lib/modules/*")
	return Kernel{Image: image, Modules: mods, Artefact: kernel.Artefact}, err
}

// FileKernel takes a user's file: a bzImage or a kernel's Debian package. Dir is the folder of its
// modules, or "".
func FileKernel(ctx context.Context, s *machine.Supplies, file, dir string) (Kernel, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return Kernel{}, err
	}
	hash, err := machine.FileHash(file)
	if err != nil {
		return Kernel{}, fmt.Errorf("reading the kernel: %w", err)
	}
	k := Kernel{Image: file, theirs: true, Artefact: event.Artefact{Role: "kernel", Package: filepath.Base(file), SHA256: hash}}
	if strings.HasSuffix(file, ".deb") {
		if err := k.unpack(ctx, s, file, hash); err != nil {
			return Kernel{}, err
		}
	}
	if dir != "" {
		if k.Modules, err = modulesFolder(dir); err != nil {
			return Kernel{}, err
		}
	}
	return k, nil
}

// unpack takes the kernel out of a package.
func (k *Kernel) unpack(ctx context.Context, s *machine.Supplies, file, hash string) error {
	control, err := debian.ReadControl(file)
	if err != nil {
		return fmt.Errorf("reading the kernel's package: %w", err)
	}
	if arch := control.Fields["Architecture"]; arch != depot.Arch && arch != "all" {
		return fmt.Errorf("%s is for %s, and the machine is %s", file, arch, depot.Arch)
	}
	k.Artefact.Package, k.Artefact.Version = control.Fields["Package"], control.Fields["Version"]
	key := sha256.Sum256([]byte("kernel package 1\n" + hash))
	dir, err := s.Depot.Cache.Tree(ctx, hex.EncodeToString(key[:]), k.Artefact.Package+" "+k.Artefact.Version,
		func(_ context.Context, dir string) error {
			return debian.Extract(file, dir, func(name string) bool {
				return strings.HasPrefix(name, "boot/vmlinuz-") || strings.HasPrefix(name, "boot/config-") ||
					strings.HasPrefix(name, "lib/modules/") || strings.HasPrefix(name, "usr/lib/modules/")
			})
		})
	if err != nil {
		return fmt.Errorf("unpacking the kernel's package: %w", err)
	}
	if k.Image, err = only(dir, k.Artefact.Package, "boot/vmlinuz-*", "usr/lib/modules/*/vmlinuz"); err != nil {
		return fmt.Errorf("%w; is it the package of a kernel?", err)
	}
	if found, err := only(dir, k.Artefact.Package, "lib/modules/*", "usr/lib/modules/*"); err == nil {
		k.Modules = found
	}
	return nil
}

// only gives the one file of the package that matches one of the patterns.
func only(dir, name string, patterns ...string) (string, error) {
	var found []string
	for _, pattern := range patterns {
		more, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", err
		}
		found = append(found, more...)
	}
	if len(found) != 1 {
		return "", fmt.Errorf("package %s: one %s expected, found %d", name, strings.Join(patterns, " or "), len(found))
	}
	return found[0], nil
}

// modulesFolder finds lib/modules/VERSION in what a user names: itself, or what `make modules_install`
// was given as INSTALL_MOD_PATH.
func modulesFolder(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return "", errors.Join(fmt.Errorf("the folder of modules %s is not there", dir), err)
	}
	for _, mark := range []string{"kernel", "modules.builtin", "modules.dep"} {
		if _, err := os.Stat(filepath.Join(dir, mark)); err == nil {
			return dir, nil
		}
	}
	found, err := filepath.Glob(filepath.Join(dir, "lib/modules/*"))
	if err != nil || len(found) == 0 {
		found, err = filepath.Glob(filepath.Join(dir, "*", "kernel"))
		for i := range found {
			found[i] = filepath.Dir(found[i])
		}
	}
	switch {
	case err != nil:
		return "", err
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return "", fmt.Errorf("%s holds the modules of %d kernels; name the folder of one, as %s", dir, len(found), found[0])
	}
	return "", fmt.Errorf("%s holds no kernel's modules: name lib/modules/VERSION, or what INSTALL_MOD_PATH was for `make modules_install`", dir)
}

// chosen copies those of a user's modules that are needed into the cache: unlike the cache's own
// folders a user's changes, and what is made of it must not be mistaken for what was made before.
func chosen(ctx context.Context, s *machine.Supplies, dir string, names []string) (string, error) {
	tree, err := modules.Open(os.DirFS(dir))
	if err != nil {
		return "", err
	}
	files, err := tree.Order(names...)
	if err != nil && !errors.Is(err, modules.ErrUnknown) {
		return "", fmt.Errorf("choosing modules of %s: %w", dir, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "modules.builtin")); err == nil {
		files = append(files, "modules.builtin")
	}
	h := sha256.New()
	fmt.Fprintln(h, "modules 1")
	for _, f := range files {
		hash, err := machine.FileHash(filepath.Join(dir, f))
		if err != nil {
			return "", fmt.Errorf("reading the kernel's modules: %w", err)
		}
		fmt.Fprintln(h, f, hash)
	}
	return s.Depot.Cache.Tree(ctx, hex.EncodeToString(h.Sum(nil)), "modules of "+filepath.Base(dir), func(_ context.Context, to string) error {
		for _, f := range files {
			text, err := fs.ReadFile(os.DirFS(dir), f)
			if err == nil {
				err = os.MkdirAll(filepath.Dir(filepath.Join(to, f)), 0o755)
			}
			if err == nil {
				err = os.WriteFile(filepath.Join(to, f), text, 0o644)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
