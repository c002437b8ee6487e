package qemu

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// kconfig is a kernel's configuration: options that are "y", "m" or have a value, without CONFIG_.
type kconfig map[string]string

// configOf finds the configuration of a kernel: beside its file as packages and `make` leave it, or
// in the kernel itself (CONFIG_IKCONFIG). It is nil where there is none to be found.
func configOf(path string, k *bzImage) kconfig {
	dir, base := filepath.Split(path)
	beside := []string{filepath.Join(dir, strings.Replace(base, "vmlinuz", "config", 1))}
	if k.version != "" {
		beside = append(beside, filepath.Join(dir, "config-"+k.version))
	}
	if base == "bzImage" {
		beside = append(beside, filepath.Join(dir, ".config"), filepath.Join(dir, "../../..", ".config"))
	}
	for _, file := range beside {
		if file == filepath.Clean(path) {
			continue
		}
		if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte("CONFIG_")) {
			return parseConfig(bytes.NewReader(text))
		}
	}
	return embedded(k.payload)
}

func parseConfig(r io.Reader) kconfig {
	c := kconfig{}
	s := bufio.NewScanner(io.LimitReader(r, 16<<20))
	for s.Scan() {
		name, value, ok := strings.Cut(s.Text(), "=")
		if name, is := strings.CutPrefix(name, "CONFIG_"); ok && is {
			c[name] = value
		}
	}
	if s.Err() != nil || len(c) == 0 {
		return nil // what cannot be read proves nothing
	}
	return c
}

// embedded looks for the configuration in the compressed kernel: gzip between two marks, see
// kernel/configs.c.
func embedded(payload []byte) kconfig {
	r, err := decompressed(payload)
	if err != nil {
		return nil
	}
	// Compressed streams of kernels may have their length behind them, which is an error to some.
	text, _ := io.ReadAll(io.LimitReader(r, maxKernel))
	_, text, ok := bytes.Cut(text, []byte("IKCFG_ST"))
	if !ok {
		return nil
	}
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil
	}
	z.Multistream(false)
	return parseConfig(z)
}

var errCompression = errors.New("unknown compression")

// decompressed reads what arch/x86/boot/compressed unpacks, but for LZ4 and LZO.
func decompressed(b []byte) (io.Reader, error) {
	r := bytes.NewReader(b)
	switch {
	case bytes.HasPrefix(b, []byte{0x1f, 0x8b}):
		return gzip.NewReader(r)
	case bytes.HasPrefix(b, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return zstd.NewReader(r, zstd.WithDecoderMaxMemory(maxKernel), zstd.WithDecoderConcurrency(1))
	case bytes.HasPrefix(b, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		return xz.NewReader(r)
	case bytes.HasPrefix(b, []byte("BZh")):
		return bzip2.NewReader(r), nil
	case bytes.HasPrefix(b, []byte{0x5d, 0, 0}):
		return lzma.NewReader(r)
	}
	return nil, errCompression
}

// Need is an option of the kernel that a machine cannot do without.
type Need struct {
	Option string // without CONFIG_
	Module bool   // a module will do
	Why    string
}

// needs are those of a machine with a root disk or without.
func needs(typ string, root bool) []Need {
	list := []Need{
		{"64BIT", false, "the machine is x86-64"},
		{"BLK_DEV_INITRD", false, "the agent comes in an initial RAM file system"},
		{"BINFMT_ELF", false, "the agent is an ELF program"},
		{"PRINTK", false, "a crash is recognised by what the kernel says of it"},
		{"TTY", false, "the agent speaks over a serial port"},
		{"SERIAL_8250", false, "console and agent have a serial port each"},
		{"SERIAL_8250_CONSOLE", false, "the console is a serial port"},
		{"DEVTMPFS", false, "the agent finds the devices in /dev"},
		{"PROC_FS", false, "the agent reads the boot parameters in /proc"},
		{"TMPFS", false, "what specs write goes to a tmpfs"},
	}
	if !root {
		return list
	}
	list = append(list, Need{"VIRTIO_BLK", true, "the root file system is on a virtio disk"}, Need{"EXT4_FS", true, "the root file system is ext4"})
	if typ == MicroVM {
		return append(list, Need{"VIRTIO_MMIO", true, "the disks of a microvm are on virtio-mmio (--machine q35 has them on PCI)"})
	}
	return append(list, Need{"PCI", false, "the disk is on PCI"}, Need{"VIRTIO_PCI", true, "the disk is on virtio-pci"})
}

// lacks gives the first thing that is missing in c, in words, or "". With no configuration nothing is.
func (c kconfig) lacks(list []Need, modules bool) string {
	if c == nil {
		return ""
	}
	for _, n := range list {
		value := c[n.Option]
		switch {
		case value == "y", value == "m" && n.Module && modules:
		case value == "m" && n.Module:
			return "it has CONFIG_" + n.Option + " as a module, and its modules were not given (--modules DIR): " + n.Why
		case value == "m":
			return "it has CONFIG_" + n.Option + " as a module and needs it built in: " + n.Why
		default:
			return "it lacks CONFIG_" + n.Option + ": " + n.Why
		}
	}
	return ""
}
