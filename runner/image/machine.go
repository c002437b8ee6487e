package image

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
)

// arches are the architectures of ELF files, in Go's words.
var arches = map[elf.Machine]string{
	elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64", elf.EM_386: "386", elf.EM_ARM: "arm",
	elf.EM_PPC64: "ppc64le", elf.EM_RISCV: "riscv64", elf.EM_S390: "s390x", elf.EM_MIPS: "mips64le",
	elf.EM_LOONGARCH: "loong64",
}

// commandFolders are where a root file system has programs.
var commandFolders = []string{"bin", "sbin", "usr/bin", "usr/sbin"}

// isCommand says whether a file of this cleaned name could tell what processor it is for.
func isCommand(name string) bool { return slices.Contains(commandFolders, path.Dir(name)) }

// machineOf tells the architecture by the head of an ELF file, or "" for any other.
func machineOf(r io.Reader) (string, error) {
	var head [20]byte
	if _, err := io.ReadFull(r, head[:]); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	if !bytes.HasPrefix(head[:], []byte(elf.ELFMAG)) {
		return "", nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	if elf.Data(head[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	return arches[elf.Machine(order.Uint16(head[18:]))], nil
}

// sniffer is a tar writer that finds out the architecture by the first program that is written.
type sniffer struct {
	tarWriter
	arch string
}

func (s *sniffer) regular(name string, f *file, r io.Reader) error {
	if s.arch == "" && isCommand(name) {
		var head bytes.Buffer
		var err error
		if s.arch, err = machineOf(io.TeeReader(r, &head)); err != nil {
			return err
		}
		r = io.MultiReader(&head, r)
	}
	return s.tarWriter.regular(name, f, r)
}

// sniff finds the platform of a tar stream, reading no further than its first program.
func sniff(r io.Reader) (Platform, error) {
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err == io.EOF {
			return Platform{OS: "linux"}, nil
		}
		if err != nil {
			return Platform{}, err
		}
		parts, err := clean(h.Name)
		if err != nil {
			return Platform{}, err
		}
		if h.Typeflag != tar.TypeReg || !isCommand(strings.Join(parts, "/")) {
			continue
		}
		arch, err := machineOf(t)
		if err != nil || arch != "" {
			return Platform{"linux", arch}, err
		}
	}
}
