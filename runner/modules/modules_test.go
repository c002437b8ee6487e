package modules

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// module makes the smallest ELF file that has a .modinfo section.
func module(info string) []byte {
	names := "\x00.modinfo\x00.shstrtab\x00"
	var b bytes.Buffer
	h := elf.Header64{
		Type: uint16(elf.ET_REL), Machine: uint16(elf.EM_X86_64), Version: 1, Ehsize: 64,
		Shoff: uint64(64 + len(info) + len(names)), Shentsize: 64, Shnum: 3, Shstrndx: 2,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	binary.Write(&b, binary.LittleEndian, h)
	b.WriteString(info + names)
	for _, s := range []elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: 64, Size: uint64(len(info))},
		{Name: 10, Type: uint32(elf.SHT_STRTAB), Off: uint64(64 + len(info)), Size: uint64(len(names))},
	} {
		binary.Write(&b, binary.LittleEndian, s)
	}
	return b.Bytes()
}

func tree(t *testing.T) *Tree {
	var x, z bytes.Buffer
	xw, err := xz.NewWriter(&x)
	if err != nil {
		t.Fatal(err)
	}
	xw.Write(module("license=GPL\x00depends=c\x00"))
	xw.Close()
	zw, err := zstd.NewWriter(&z)
	if err != nil {
		t.Fatal(err)
	}
	zw.Write(module("depends=\x00softdep=pre: d absent post: e\x00"))
	zw.Close()
	tr, err := Open(fstest.MapFS{
		"modules.builtin": {Data: []byte("kernel/fs/ext4/ext4.ko\n")},
		"k/a-x.ko":        {Data: module("depends=b,c,ext4\x00")},
		"k/b.ko.xz":       {Data: x.Bytes()},
		"k/c.ko.zst":      {Data: z.Bytes()},
		"k/d.ko":          {Data: module("depends=\x00")},
		"k/e.ko":          {Data: module("depends=\x00")},
		"k/broken.ko":     {Data: []byte("not a module")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestOrderPutsNeededModulesFirst(t *testing.T) {
	got, err := tree(t).Order("a_x", "ext4", "e")
	want := []string{"k/d.ko", "k/c.ko.zst", "k/b.ko.xz", "k/a-x.ko", "k/e.ko"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; expected %v", got, err, want)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	got, err := tree(t).Order("nosuch", "broken", "d")
	if !errors.Is(err, ErrUnknown) || len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
	for _, name := range []string{"nosuch", "broken.ko"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
}

func TestParameters(t *testing.T) {
	const line = "console=hvc0 xen_privcmd.unrestricted=1 loop.max_loop=3 xen-privcmd.debug xen_privcmd=2\n"
	for file, want := range map[string]string{
		"kernel/drivers/xen/xen-privcmd.ko.xz": "unrestricted=1 debug", "loop.ko": "max_loop=3", "veth.ko": "",
	} {
		if got := parameters(file, line); got != want {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
	}
}
