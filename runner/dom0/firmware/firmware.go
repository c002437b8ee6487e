// Package firmware writes what an HVM domain runs in place of hvmloader: an ELF file that Xen's domain
// builder loads and enters, which holds a Linux kernel and its initial RAM file system and goes straight
// to the kernel's 32-bit entry. There is no BIOS behind it, no option ROM, no disk and no ACPI.
//
// Beware: the kernel is told what memory it has from here and not by Xen. The domain must have what was
// said, with nothing taken off for a graphics card.
package firmware

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"xtest/internal/xen"
)

// Image is what a domain is to boot.
type Image struct {
	Kernel      []byte // a bzImage
	Initrd      io.Reader
	InitrdSize  int64
	CommandLine string
	Memory      uint64 // the domain's, in bytes, all of it below 3 GiB
	// Calls are made before the kernel is entered.
	Calls []xen.Early
}

// Where things lie in the domain's memory. It begins where hvmloader would.
const (
	base        = 1 << 20
	paramsAt    = base          // struct boot_params
	lineAt      = base + 0x1000 // the kernel's command line
	codeAt      = base + 0x2000
	pageAt      = base + 0x3000 // of instructions that make hypercalls, by Xen
	stubEnd     = base + 0x4000
	lowMemory   = 0x9fc00 // the end of memory below the legacy devices
	highest     = 3 << 30 // Xen keeps the rest of the first 4 GiB for devices
	lineMax     = lineSize - 1
	lineSize    = codeAt - lineAt
	pageSize    = 0x1000
	programSize = 32 // of an entry of ELF's program header table
	headerSize  = 52
)

// Write writes the ELF file.
func Write(w io.Writer, i Image) error {
	k, err := parse(i.Kernel)
	if err != nil {
		return fmt.Errorf("the HVM guest's kernel: %w", err)
	}
	if len(i.CommandLine) > min(lineMax, int(k.lineMax)) {
		return fmt.Errorf("the HVM guest's command line has %d bytes, its kernel takes %d", len(i.CommandLine), min(lineMax, int(k.lineMax)))
	}
	initrdAt := (k.at + k.room + pageSize - 1) &^ (pageSize - 1)
	end := initrdAt + uint64(i.InitrdSize)
	if i.Memory > highest {
		return fmt.Errorf("an HVM guest has %d MiB, and can have %d at most", i.Memory>>20, highest>>20)
	}
	if end > i.Memory {
		return fmt.Errorf("an HVM guest with %d MiB cannot hold its kernel and initial RAM file system, which end at %d MiB", i.Memory>>20, (end+1<<20-1)>>20)
	}
	tables := mpTable()
	stub := make([]byte, stubEnd-base)
	copy(stub, k.params(i.CommandLine, initrdAt, uint64(i.InitrdSize), i.Memory))
	copy(stub[lineAt-base:], i.CommandLine)
	copy(stub[codeAt-base:], code(uint32(k.at)))
	calls, err := xen.EncodeEarly(i.Calls)
	if err != nil {
		return err
	}
	header, err := elfHeader([]segment{{xen.EarlyTable, uint64(len(calls))}, {mpTableAt, uint64(len(tables))}, {base, uint64(len(stub))}, {k.at, uint64(len(k.code))}, {initrdAt, uint64(i.InitrdSize)}})
	if err != nil {
		return err
	}
	for _, part := range [][]byte{header, calls, tables, stub, k.code} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	_, err = io.CopyN(w, i.Initrd, i.InitrdSize)
	return err
}

// segment is a part of the file that is loaded at a physical address.
type segment struct{ at, size uint64 }

// elfHeader makes the headers of a file whose segments follow one another behind them: ELF gABI, 32-bit as
// the domain builder wants it (tools/libs/guest/xg_dom_hvmloader.c).
func elfHeader(list []segment) ([]byte, error) {
	h := elf.Header32{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS32), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(elf.EM_386), Version: uint32(elf.EV_CURRENT), Entry: codeAt + entryOffset,
		Phoff: headerSize, Ehsize: headerSize, Phentsize: programSize, Phnum: uint16(len(list)), Shentsize: 40,
	}
	var b bytes.Buffer
	err := binary.Write(&b, binary.LittleEndian, h)
	offset := uint64(headerSize + programSize*len(list))
	for _, s := range list {
		err = errors.Join(err, binary.Write(&b, binary.LittleEndian, elf.Prog32{
			Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W | elf.PF_X), Off: uint32(offset), Vaddr: uint32(s.at), Paddr: uint32(s.at),
			Filesz: uint32(s.size), Memsz: uint32(s.size), Align: 1,
		}))
		offset += s.size
	}
	return b.Bytes(), err
}
