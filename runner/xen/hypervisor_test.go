package xen

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// multiboot makes a file with a multiboot header at an offset, and text behind it.
func multiboot(at int, text string) []byte {
	b := make([]byte, at+12)
	le := binary.LittleEndian
	magic, flags := uint32(0x1badb002), uint32(3)
	le.PutUint32(b[at:], magic)
	le.PutUint32(b[at+4:], flags)
	le.PutUint32(b[at+8:], -(magic + flags))
	return append(b, text...)
}

func TestWhatIsNoHypervisor(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(multiboot(64, "Xen 4.17"))
	w.Close()
	linux, arm := make([]byte, 700), make([]byte, 700)
	copy(linux[0x202:], "HdrS")
	copy(arm[0x38:], "ARM\x64")
	damaged := multiboot(64, "Xen 4.17")
	damaged[72]++
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"plain", multiboot(4096, "Xen 4.17"), ""},
		{"compressed", z.Bytes(), ""},
		{"empty", nil, "the file is empty"},
		{"Linux", linux, "name it as qemu:FILE"},
		{"arm64", arm, "it is for arm64"},
		{"text", []byte("#!/bin/sh"), "no multiboot header"},
		{"too far", multiboot(8192, "Xen 4.17"), "no multiboot header"},
		{"checksum", damaged, "no multiboot header"},
		{"another", multiboot(0, "GNU Mach"), "another kernel than Xen"},
		{"cut off", z.Bytes()[:z.Len()-6], "unpacking"},
	} {
		path := filepath.Join(t.TempDir(), "xen.gz")
		if err := os.WriteFile(path, c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		text, err := read(path)
		if err == nil {
			err = check(text)
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := read(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a folder: %v", err)
	}
}
