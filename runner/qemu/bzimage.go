package qemu

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// bzImage is a kernel as x86 boot loaders take it, Documentation/arch/x86/boot.rst.
type bzImage struct {
	version string // of the kernel; "" where it does not tell
	payload []byte // the compressed kernel, or nil
}

// maxKernel bounds a kernel's file, in bytes.
const maxKernel = 512 << 20

// readKernel reads a kernel's file. Its error says what the file is instead of one for x86-64.
func readKernel(path string) (*bzImage, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the kernel: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading the kernel: %w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("reading the kernel: %s is no regular file; name a bzImage", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKernel+1))
	if err != nil {
		return nil, fmt.Errorf("reading the kernel: %w", err)
	}
	if len(text) > maxKernel {
		return nil, fmt.Errorf("%s has more than %d MiB, which no kernel has", path, maxKernel>>20)
	}
	k, err := parseKernel(text)
	if err != nil {
		return nil, fmt.Errorf("%s is no kernel for this machine: %w", path, err)
	}
	return k, nil
}

func parseKernel(b []byte) (*bzImage, error) {
	const headerEnd = 0x264
	if len(b) < headerEnd || string(b[0x202:0x206]) != "HdrS" || b[0x1fe] != 0x55 || b[0x1ff] != 0xaa {
		return nil, alien(b)
	}
	le := binary.LittleEndian
	if protocol := le.Uint16(b[0x206:]); protocol < 0x20c {
		return nil, fmt.Errorf("its boot protocol is %d.%d; Linux since 3.8 has 2.12", protocol>>8, protocol&0xff)
	}
	if le.Uint16(b[0x236:])&1 == 0 { // XLF_KERNEL_64
		return nil, errors.New("it is for 32-bit x86 (i386), and the machine is x86-64: it lacks CONFIG_64BIT")
	}
	k := &bzImage{}
	if at := int(le.Uint16(b[0x20e:])) + 0x200; at > 0x200 && at < len(b) {
		text, _, _ := bytes.Cut(b[at:min(len(b), at+256)], []byte{0})
		k.version, _, _ = strings.Cut(string(text), " ")
	}
	sectors := int(b[0x1f1])
	if sectors == 0 {
		sectors = 4
	}
	start := uint64(sectors+1)*512 + uint64(le.Uint32(b[0x248:]))
	if end := start + uint64(le.Uint32(b[0x24c:])); end <= uint64(len(b)) && start < end {
		k.payload = b[start:end]
	} else {
		return nil, fmt.Errorf("it is cut off: the kernel inside goes to byte %d of %d", end, len(b))
	}
	return k, nil
}

// machines are the names of architectures that people use.
var machines = map[elf.Machine]string{
	elf.EM_AARCH64: "arm64", elf.EM_ARM: "32-bit ARM", elf.EM_386: "32-bit x86 (i386)", elf.EM_RISCV: "RISC-V",
	elf.EM_PPC64: "64-bit PowerPC", elf.EM_PPC: "PowerPC", elf.EM_S390: "s390", elf.EM_MIPS: "MIPS", elf.EM_LOONGARCH: "LoongArch",
}

// alien says what a file is that is no bzImage.
func alien(b []byte) error {
	const machine = ", and the machine is x86-64"
	has := func(at int, magic string) bool {
		return len(b) >= at+len(magic) && string(b[at:at+len(magic)]) == magic
	}
	switch {
	case len(b) == 0:
		return errors.New("the file is empty")
	case has(0, elf.ELFMAG):
		return alienELF(b)
	case has(0x38, "ARM\x64"): // Documentation/arch/arm64/booting.rst
		return errors.New("it is for arm64" + machine)
	case has(0x38, "RSC\x05"): // Documentation/arch/riscv/boot-image-header.rst
		return errors.New("it is for RISC-V" + machine)
	case has(0x24, "\x18\x28\x6f\x01"): // arch/arm/boot/compressed/head.S
		return errors.New("it is for 32-bit ARM" + machine)
	case has(4, "zimg"): // drivers/firmware/efi/libstub/zboot-header.S: arm64, RISC-V, LoongArch
		return errors.New("it is an EFI zboot image, which arm64, RISC-V and LoongArch have" + machine)
	case has(0, "\x1f\x8b"):
		if z, err := gzip.NewReader(bytes.NewReader(b)); err == nil {
			head := make([]byte, 64)
			if _, err := io.ReadFull(z, head); err == nil && string(head[0x38:0x3c]) == "ARM\x64" {
				return errors.New("it is for arm64 (Image.gz)" + machine)
			}
		}
		return errors.New("it is a gzip file; a bzImage is wanted (arch/x86/boot/bzImage, vmlinuz)")
	case has(0, "!<arch>\ndebian"):
		return errors.New("it is a Debian package whose name does not end in .deb")
	}
	return errors.New("it has no Linux boot header; a bzImage is wanted (arch/x86/boot/bzImage, vmlinuz)")
}

func alienELF(b []byte) error {
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("it is a damaged ELF file: %w", err)
	}
	defer f.Close()
	if f.Machine != elf.EM_X86_64 {
		name, ok := machines[f.Machine]
		if !ok {
			name = f.Machine.String()
		}
		return fmt.Errorf("it is an ELF file for %s, and the machine is x86-64", name)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("it is a program and no kernel (User-Mode Linux is booted as uml:)")
		}
	}
	return errors.New("it is an ELF file (vmlinux); name the bzImage of the same build, arch/x86/boot/bzImage")
}
