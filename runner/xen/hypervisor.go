package xen

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"xtest/runner/depot"
	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/qemu"
)

// find gives the hypervisor that what names, as QEMU can start it, and the release whose kernel is
// dom0's.
func find(ctx context.Context, s *machine.Supplies, what string) (depot.Release, string, event.Artefact, error) {
	if machine.IsPath(what) {
		release, _ := depot.FindRelease(qemu.DefaultRelease)
		path, artefact, err := ofUser(ctx, s, what)
		return release, path, artefact, err
	}
	release, ok := depot.FindRelease(what)
	if !ok {
		return release, "", event.Artefact{}, fmt.Errorf("xen: no release %q", what)
	}
	p, err := s.Depot.Unpacked(ctx, release.WantXen())
	if err != nil {
		return release, "", event.Artefact{}, err
	}
	found, err := filepath.Glob(filepath.Join(p.Dir, "boot/xen-*.gz"))
	if err != nil || len(found) != 1 {
		return release, "", event.Artefact{}, fmt.Errorf("package %s: one boot/xen-*.gz expected, found %d", p.Artefact.Package, len(found))
	}
	path, err := unzipped(ctx, s, p.Artefact.SHA256, "hypervisor of "+p.Artefact.Package, found[0])
	return release, path, p.Artefact, err
}

// ofUser takes a user's file, compressed or not.
func ofUser(ctx context.Context, s *machine.Supplies, file string) (string, event.Artefact, error) {
	text, err := read(file)
	if err != nil {
		return "", event.Artefact{}, fmt.Errorf("reading the hypervisor: %w", err)
	}
	if err := check(text); err != nil {
		return "", event.Artefact{}, fmt.Errorf("%s is not a Xen image: %w", file, err)
	}
	sum := sha256.Sum256(text)
	hash := hex.EncodeToString(sum[:])
	path, err := unzipped(ctx, s, hash, "hypervisor "+filepath.Base(file), file)
	return path, event.Artefact{Role: "hypervisor", Package: filepath.Base(file), SHA256: hash}, err
}

// maxHypervisor bounds a hypervisor, in bytes.
const maxHypervisor = 64 << 20

// read reads a file, unpacked where it is compressed.
func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is no regular file", file), err)
	}
	head := make([]byte, 2)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	var r io.Reader = f
	if n == 2 && head[0] == 0x1f && head[1] == 0x8b {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("unpacking %s: %w", file, err)
		}
	}
	text, err := io.ReadAll(io.LimitReader(r, maxHypervisor+1))
	if err != nil {
		return nil, fmt.Errorf("unpacking %s: %w", file, err)
	}
	if len(text) > maxHypervisor {
		return nil, fmt.Errorf("%s has more than %d MiB, which no hypervisor has", file, maxHypervisor>>20)
	}
	return text, nil
}

// check looks for the header by which a multiboot loader knows its own: 0x1badb002 on a 4-byte boundary
// in the first 8 KiB, with flags and a checksum.
func check(b []byte) error {
	le := binary.LittleEndian
	found := false
	for at := 0; at+12 <= min(len(b), 8<<10) && !found; at += 4 {
		found = le.Uint32(b[at:]) == 0x1badb002 && le.Uint32(b[at:])+le.Uint32(b[at+4:])+le.Uint32(b[at+8:]) == 0
	}
	arch := ""
	if f, err := elf.NewFile(bytes.NewReader(b)); err == nil {
		arch = f.Machine.String()
		f.Close()
	}
	switch {
	case len(b) == 0:
		return errors.New("the file is empty")
	case len(b) > 0x40 && string(b[0x38:0x3c]) == "ARM\x64":
		return errors.New("it is for arm64, and the machine is x86-64")
	case arch != "" && arch != elf.EM_X86_64.String() && arch != elf.EM_386.String():
		return fmt.Errorf("it is an ELF file for %s, and the machine is x86-64", arch)
	case len(b) > 0x206 && string(b[0x202:0x206]) == "HdrS":
		return errors.New("it is a Linux kernel; name it as qemu:FILE")
	case !found:
		return errors.New("it has no multiboot header; name the xen.gz or xen that Xen's build makes")
	case !bytes.Contains(b, []byte("Xen")):
		return errors.New("it has a multiboot header and is another kernel than Xen")
	}
	return nil
}

// unzipped gives the hypervisor not compressed, in the cache, by its hash.
func unzipped(ctx context.Context, s *machine.Supplies, hash, name, file string) (string, error) {
	key := sha256.Sum256([]byte("xen unzipped 2\n" + hash))
	dir, err := s.Depot.Cache.Tree(ctx, hex.EncodeToString(key[:]), name, func(_ context.Context, dir string) error {
		text, err := read(file)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "xen"), text, 0o644)
	})
	if err != nil {
		return "", fmt.Errorf("unpacking the hypervisor: %w", err)
	}
	return filepath.Join(dir, "xen"), nil
}
