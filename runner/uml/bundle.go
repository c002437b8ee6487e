package uml

import (
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"xtest/runner/depot"
	"xtest/runner/machine"
)

// The names in a bundle. The dynamic linker's is relative to the working folder.
const (
	kernelName = "linux.uml"
	libName    = "lib"
	linker     = libName + "/ld.so"
)

// bundle gives a folder with the kernel's program and the C library of its own release, so that it
// runs on hosts with an older one, or none. In the copy of the program the path of the dynamic linker
// is changed to the bundle's: to start it through the dynamic linker instead would move the program's
// break to where the kernel cannot use it.
func bundle(ctx context.Context, s *machine.Supplies, kernel, libc depot.Parcel) (string, error) {
	key := sha256.Sum256([]byte("uml bundle 1\n" + kernel.Artefact.SHA256 + "\n" + libc.Artefact.SHA256))
	dir, err := s.Depot.Cache.Tree(ctx, hex.EncodeToString(key[:]), "program of "+kernel.Artefact.Package,
		func(_ context.Context, dir string) error {
			if err := copyLibraries(libc.Dir, filepath.Join(dir, libName)); err != nil {
				return err
			}
			program := filepath.Join(dir, kernelName)
			if err := copyFile(filepath.Join(kernel.Dir, "usr/bin/linux.uml"), program); err != nil {
				return err
			}
			return setInterpreter(program, linker)
		})
	if err != nil {
		return "", fmt.Errorf("joining the kernel %s and its C library: %w", kernel.Artefact.Package, err)
	}
	return dir, nil
}

// copyLibraries takes those that kernels were linked with over the releases.
func copyLibraries(from, to string) error {
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	for _, l := range []struct{ pattern, name string }{
		{"ld-*.so*", "ld.so"}, // ld-2.31.so up to Debian 11
		{"libc.so.6", "libc.so.6"},
		{"libpthread.so.0", "libpthread.so.0"},
		{"librt.so.1", "librt.so.1"},
		{"libutil.so.1", "libutil.so.1"},
	} {
		var found []string
		for _, lib := range []string{"lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"} {
			more, err := filepath.Glob(filepath.Join(from, lib, l.pattern))
			if err != nil {
				return err
			}
			found = append(found, more...)
		}
		if len(found) == 0 {
			return fmt.Errorf("the C library's package has no %s", l.pattern)
		}
		if err := copyFile(found[0], filepath.Join(to, l.name)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}

// setInterpreter overwrites the program interpreter of an ELF file (PT_INTERP, elf(5)) in place.
func setInterpreter(file, interpreter string) (err error) {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	image, err := elf.NewFile(f)
	if err != nil {
		return err
	}
	for _, p := range image.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		if uint64(len(interpreter)) >= p.Filesz {
			return fmt.Errorf("%s: no room for the interpreter %q in %d bytes", file, interpreter, p.Filesz)
		}
		text := make([]byte, p.Filesz)
		copy(text, interpreter)
		_, err := f.WriteAt(text, int64(p.Off))
		return err
	}
	return nil // a static program needs none
}
