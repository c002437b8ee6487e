package firmware

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// bzImage makes what looks like a kernel, with a byte for its code, wanted at 16 MiB with room for 4.
func bzImage(change func(b []byte)) []byte {
	b := make([]byte, 0x4000)
	b[setupSectors] = 7
	b[headerMagic-1] = headerSizeOfTest
	copy(b[headerMagic:], "HdrS")
	le.PutUint16(b[protocol:], 0x20f)
	b[loadFlags] = loadedHigh
	le.PutUint64(b[preferred:], 16<<20)
	le.PutUint32(b[initSize:], 4<<20)
	le.PutUint32(b[commandLineMax:], 2047)
	for i := range b[0x1000:] {
		b[0x1000+i] = 0xcc
	}
	if change != nil {
		change(b)
	}
	return b
}

const headerSizeOfTest = 0x6a

// loaded is what an ELF file puts into memory: contents by address.
func loaded(t *testing.T, file []byte) (f *elf.File, memory map[uint64][]byte) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	memory = map[uint64][]byte{}
	end := uint64(0)
	for _, p := range f.Progs {
		if p.Paddr < end || p.Filesz != p.Memsz || p.Type != elf.PT_LOAD {
			t.Errorf("segment %+v behind %#x", p.ProgHeader, end)
		}
		end = p.Paddr + p.Memsz
		data, err := io.ReadAll(p.Open())
		if err != nil {
			t.Fatal(err)
		}
		memory[p.Paddr] = data
	}
	return f, memory
}

func TestImage(t *testing.T) {
	var file bytes.Buffer
	initrd := strings.Repeat("initrd", 1000)
	const line = "console=hvc0 a=b"
	err := Write(&file, Image{Kernel: bzImage(nil), Initrd: strings.NewReader(initrd), InitrdSize: int64(len(initrd)), CommandLine: line, Memory: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	f, memory := loaded(t, file.Bytes())
	if f.Class != elf.ELFCLASS32 || f.Machine != elf.EM_386 || f.Type != elf.ET_EXEC {
		t.Errorf("the domain builder takes no %v %v %v", f.Class, f.Machine, f.Type)
	}
	const initrdAt = 20 << 20
	if string(memory[initrdAt]) != initrd {
		t.Error("the initial RAM file system is not where the kernel's room ends")
	}
	if code := memory[16<<20]; len(code) != 0x3000 || code[0] != 0xcc {
		t.Errorf("the kernel's code has %#x bytes", len(code))
	}
	stub := memory[base]
	if got := string(stub[lineAt-base:][:len(line)+1]); got != line+"\x00" {
		t.Errorf("the command line is %q", got)
	}
	p := stub[paramsAt-base:]
	for at, want := range map[int]uint32{ramdiskImage: initrdAt, ramdiskSize: uint32(len(initrd)), commandLine: lineAt} {
		if got := le.Uint32(p[at:]); got != want {
			t.Errorf("boot_params at %#x: %#x, expected %#x", at, got, want)
		}
	}
	if string(p[headerMagic:headerMagic+4]) != "HdrS" || p[loaderType] != unknownLoader || p[e820Entries] != 2 {
		t.Errorf("boot_params: %q, loader %#x, %d ranges of memory", p[headerMagic:headerMagic+4], p[loaderType], p[e820Entries])
	}
	if from, size := le.Uint64(p[e820Table+20:]), le.Uint64(p[e820Table+28:]); from != base || from+size != 64<<20 {
		t.Errorf("memory is said to lie at %#x, %#x bytes", from, size)
	}
	checkCode(t, stub, f.Entry)
	checkTables(t, memory[mpTableAt])
}

// checkCode: the program's far jump leads to what follows it, and its last jump to the kernel.
func checkCode(t *testing.T, stub []byte, entry uint64) {
	t.Helper()
	at := bytes.Index(stub[entry-base:], []byte{0xea})
	next := entry + uint64(at) + 7
	if got := uint64(le.Uint32(stub[entry-base:][at+1:])); at < 0 || got != next {
		t.Errorf("the far jump leads to %#x, expected %#x", got, next)
	}
	if !bytes.Contains(stub[next-base:], []byte{0xb8, 0, 0, 0, 1, 0xff, 0xe0}) {
		t.Error("there is no jump to the kernel at 16 MiB")
	}
}

// checkTables: sums are 0, the pointer leads to the table and the table's length is that of all.
func checkTables(t *testing.T, b []byte) {
	t.Helper()
	pointer, table := b[:16], b[16:]
	if complement(pointer) != 0 || complement(table) != 0 {
		t.Error("a table's sum is not 0")
	}
	if string(pointer[:4]) != "_MP_" || le.Uint32(pointer[4:]) != mpTableAt+16 || string(table[:4]) != "PCMP" || int(le.Uint16(table[4:])) != len(table) {
		t.Errorf("the tables: %q, %q", pointer, table)
	}
	entries := 0
	for at := 44; at < len(table); entries++ {
		at += map[byte]int{0: 20, 1: 8}[table[at]]
	}
	if got := int(le.Uint16(table[34:])); got != entries {
		t.Errorf("the table says that it has %d entries, it has %d", got, entries)
	}
}

func TestWhatCannotBoot(t *testing.T) {
	whole := func(change func(b []byte)) Image {
		return Image{Kernel: bzImage(change), Initrd: strings.NewReader("x"), InitrdSize: 1, Memory: 64 << 20}
	}
	broken := whole(nil)
	broken.Initrd = iotest.ErrReader(errors.New("it is gone"))
	narrow, wide, wordy := whole(nil), whole(nil), whole(nil)
	narrow.Memory, wide.Memory, wordy.CommandLine = 16<<20, 4<<30, strings.Repeat("x", 2048)
	for want, i := range map[string]Image{
		"it is no bzImage":                  whole(func(b []byte) { b[headerMagic] = 'x' }),
		"version 2.9 of the boot protocol":  whole(func(b []byte) { le.PutUint16(b[protocol:], 0x209) }),
		"it is cut off":                     whole(func(b []byte) { b[setupSectors] = 200 }),
		"it wants to be loaded at 0x100000": whole(func(b []byte) { le.PutUint64(b[preferred:], base) }),
		"with room for 0x10 bytes":          whole(func(b []byte) { le.PutUint32(b[initSize:], 16) }),
		"with 16 MiB cannot hold":           narrow,
		"and can have 3072 at most":         wide,
		"its kernel takes 2047":             wordy,
		"it is gone":                        broken,
	} {
		if err := Write(io.Discard, i); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
