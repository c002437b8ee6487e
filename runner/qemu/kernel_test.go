package qemu

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// image makes a bzImage around a payload.
func image(version string, payload []byte) []byte {
	b := make([]byte, 1024+len(payload))
	b[0x1f1] = 1 // one sector of set-up code
	b[0x1fe], b[0x1ff] = 0x55, 0xaa
	copy(b[0x202:], "HdrS")
	le := binary.LittleEndian
	le.PutUint16(b[0x206:], 0x20f)
	le.PutUint16(b[0x20e:], 0x300-0x200)
	copy(b[0x300:], version+" (somebody@somewhere) #1")
	le.PutUint16(b[0x236:], 1)
	le.PutUint32(b[0x24c:], uint32(len(payload)))
	copy(b[1024:], payload)
	return b
}

func elfFile(m elf.Machine) []byte {
	var b bytes.Buffer
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(m), Version: 1, Ehsize: 64, Phentsize: 56}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	binary.Write(&b, binary.LittleEndian, h)
	return b.Bytes()
}

func gzipped(b []byte) []byte {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(b)
	w.Close()
	return z.Bytes()
}

func TestWhatIsNoKernel(t *testing.T) {
	at := func(offset int, magic string) []byte {
		b := make([]byte, 700)
		copy(b[offset:], magic)
		return b
	}
	old, narrow := image("3.2.0", nil), image("6.1.0", nil)
	old[0x206] = 0x0a
	narrow[0x236] = 0
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "the file is empty"},
		{"text", []byte("#!/bin/sh\n"), "no Linux boot header"},
		{"arm64", at(0x38, "ARM\x64"), "it is for arm64, and the machine is x86-64"},
		{"arm64, compressed", gzipped(at(0x38, "ARM\x64")), "it is for arm64 (Image.gz)"},
		{"arm64, ELF", elfFile(elf.EM_AARCH64), "an ELF file for arm64"},
		{"s390", elfFile(elf.EM_S390), "an ELF file for s390"},
		{"unusual", elfFile(elf.EM_VAX), "EM_VAX"},
		{"riscv", at(0x38, "RSC\x05"), "RISC-V"},
		{"arm", at(0x24, "\x18\x28\x6f\x01"), "32-bit ARM"},
		{"zboot", at(4, "zimg"), "EFI zboot"},
		{"vmlinux", elfFile(elf.EM_X86_64), "name the bzImage of the same build"},
		{"damaged ELF", []byte(elf.ELFMAG + "abc"), "damaged ELF"},
		{"gzip", gzipped([]byte("hello")), "a gzip file"},
		{"package", []byte("!<arch>\ndebian-binary   "), "does not end in .deb"},
		{"old", old, "boot protocol is 2.10"},
		{"i386", narrow, "32-bit x86"},
		{"cut off", image("6.1.0", make([]byte, 100))[:1080], "cut off"},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readKernel(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	for path, want := range map[string]string{"/no/such/file": "no such file", t.TempDir(): "no regular file"} {
		if _, err := readKernel(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func FuzzKernel(f *testing.F) {
	f.Add(image("6.1.0", gzipped([]byte("IKCFG_ST"))))
	f.Add(elfFile(elf.EM_ARM))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := parseKernel(b); err == nil {
			embedded(k.payload)
		}
	})
}

const whole = "CONFIG_64BIT=y\nCONFIG_BLK_DEV_INITRD=y\nCONFIG_BINFMT_ELF=y\nCONFIG_PRINTK=y\nCONFIG_TTY=y\nCONFIG_SERIAL_8250=y\n" +
	"CONFIG_SERIAL_8250_CONSOLE=y\nCONFIG_DEVTMPFS=y\nCONFIG_PROC_FS=y\nCONFIG_TMPFS=y\nCONFIG_PCI=y\n" +
	"CONFIG_VIRTIO_BLK=m\nCONFIG_EXT4_FS=y\nCONFIG_VIRTIO_MMIO=m\nCONFIG_VIRTIO_PCI=y\nCONFIG_LOCALVERSION=\"\"\n# CONFIG_X is not set\n"

// TestWhatAKernelLacks reads the configuration where kernels carry it, and names the option.
func TestWhatAKernelLacks(t *testing.T) {
	var z bytes.Buffer
	w, err := zstd.NewWriter(&z)
	if err != nil {
		t.Fatal(err)
	}
	inside := func(config string) []byte {
		return append(append([]byte("code IKCFG_ST"), gzipped([]byte(config))...), "IKCFG_ED more"...)
	}
	w.Write(inside(strings.Replace(whole, "CONFIG_DEVTMPFS=y\n", "", 1)))
	w.Close()
	for _, c := range []struct {
		name          string
		payload       []byte
		beside, typ   string
		root, modules bool
		want          string
	}{
		{"whole", gzipped(inside(whole)), "", MicroVM, false, false, ""},
		{"with its modules", gzipped(inside(whole)), "", MicroVM, true, true, ""},
		{"without them", gzipped(inside(whole)), "", MicroVM, true, false, "CONFIG_VIRTIO_BLK as a module, and its modules were not given (--modules DIR)"},
		{"zstd", z.Bytes(), "", Q35, false, false, "lacks CONFIG_DEVTMPFS"},
		{"beside it", []byte("nothing"), strings.Replace(whole, "SERIAL_8250=y", "SERIAL_8250=m", 1), Q35, false, true, "CONFIG_SERIAL_8250 as a module and needs it built in"},
		{"no initrd", []byte("nothing"), strings.Replace(whole, "CONFIG_BLK_DEV_INITRD=y", "# CONFIG_BLK_DEV_INITRD is not set", 1), Q35, false, false, "lacks CONFIG_BLK_DEV_INITRD"},
		{"no disk", []byte("nothing"), strings.Replace(whole, "CONFIG_VIRTIO_BLK=m\n", "", 1), Q35, true, true, "--no-rootfs boots without it"},
		{"no disk, none needed", []byte("nothing"), strings.Replace(whole, "CONFIG_VIRTIO_BLK=m\n", "", 1), Q35, false, true, ""},
		{"nothing known", []byte("nothing"), "", Q35, true, false, ""},
		{"damaged", gzipped([]byte("IKCFG_ST garbage")), "", Q35, true, false, ""},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "vmlinuz-6.1.0")
		if err := os.WriteFile(path, image("6.1.0", c.payload), 0o600); err != nil {
			t.Fatal(err)
		}
		if c.beside != "" {
			if err := os.WriteFile(filepath.Join(dir, "config-6.1.0"), []byte(c.beside), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		k := Kernel{Image: path}
		if c.modules {
			k.Modules = filepath.Join(dir, "6.1.0")
		}
		err := examine(&k, c.typ, c.root, nil)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if k.Artefact.Version != "6.1.0" {
			t.Errorf("%s: version %q", c.name, k.Artefact.Version)
		}
	}
	path := filepath.Join(t.TempDir(), "bzImage")
	if err := os.WriteFile(path, image("6.1.0", []byte("x")), 0o600); err == nil {
		if err := examine(&Kernel{Image: path, Modules: "/lib/modules/6.2.0"}, Q35, false, nil); err == nil || !strings.Contains(err.Error(), "is Linux 6.1.0, and the modules") {
			t.Errorf("modules of another kernel: %v", err)
		}
	}
}

func TestModulesFolder(t *testing.T) {
	base := t.TempDir()
	for _, dir := range []string{"one/lib/modules/6.1.0/kernel", "two/6.1.0/kernel", "two/6.2.0/kernel", "none"} {
		if err := os.MkdirAll(filepath.Join(base, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ dir, want, wrong string }{
		{"one", "one/lib/modules/6.1.0", ""},
		{"one/lib/modules", "one/lib/modules/6.1.0", ""},
		{"one/lib/modules/6.1.0", "one/lib/modules/6.1.0", ""},
		{"two", "", "modules of 2 kernels"},
		{"none", "", "holds no kernel's modules"},
		{"missing", "", "is not there"},
	} {
		got, err := modulesFolder(filepath.Join(base, c.dir))
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v, want %q", c.dir, err, c.wrong)
			}
			continue
		}
		if err != nil || got != filepath.Join(base, c.want) {
			t.Errorf("%s: %s, %v", c.dir, got, err)
		}
	}
}
