package disk_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"xtest/internal/required"
	"xtest/runner/image/disk"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// qemuImg runs the real tool in a folder.
func qemuImg(t testing.TB, dir string, args ...string) {
	t.Helper()
	path := required.Tool(t, "qemu-img", "qemu-utils")
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("qemu-img %q: %v: %s", args, err, out)
	}
}

// content is a disk with zeros, text and noise, and an end that fills no cluster.
func content() []byte {
	random := rand.New(rand.NewPCG(1, 2))
	all := make([]byte, 5<<20+512)
	for at := 1 << 20; at < 2<<20; at++ {
		all[at] = byte(random.IntN(256))
	}
	copy(all[3<<20:], bytes.Repeat([]byte("all work and no play "), 40_000))
	copy(all[len(all)-3:], "end")
	return all
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	d, err := disk.Open(path)
	must(t, err)
	defer d.Close()
	got, err := io.ReadAll(io.NewSectionReader(d, 0, d.Size))
	must(t, err)
	return got
}

func TestFormats(t *testing.T) {
	dir, want := t.TempDir(), content()
	raw := filepath.Join(dir, "raw")
	must(t, os.WriteFile(raw, want, 0o644))
	for name, args := range map[string][]string{
		"version 3":         nil,
		"version 2":         {"-o", "compat=0.10"},
		"zlib":              {"-c"},
		"zstd":              {"-c", "-o", "compression_type=zstd"},
		"small clusters":    {"-c", "-o", "cluster_size=512"},
		"large clusters":    {"-o", "cluster_size=2M"},
		"compressed, 2 MiB": {"-c", "-o", "cluster_size=2M,compression_type=zstd"},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		qemuImg(t, dir, append(append([]string{"convert", "-O", "qcow2"}, args...), raw, path)...)
		if got := read(t, path); !bytes.Equal(got, want) {
			t.Errorf("%s: other content", name)
		}
	}
	if got := read(t, raw); !bytes.Equal(got, want) {
		t.Error("raw: other content")
	}
}

func TestBackingFile(t *testing.T) {
	dir, want := t.TempDir(), content()
	must(t, os.WriteFile(filepath.Join(dir, "base.raw"), want, 0o644))
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-b", "base.raw", "-F", "raw", "middle", "8M")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-b", "middle", "-F", "qcow2", "top")
	if got := read(t, filepath.Join(dir, "top")); !bytes.Equal(got, append(want, make([]byte, 8<<20-len(want))...)) {
		t.Error("other content")
	}
	outside := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(outside, want, 0o644))
	must(t, os.Symlink(outside, filepath.Join(dir, "link")))
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-b", outside, "-F", "raw", "absolute")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-u", "-b", "../secret", "-F", "raw", "above", "1M")
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "sub/base"), want, 0o644))
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-b", "sub/base", "-F", "raw", "below")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-b", "link", "-F", "raw", "linked")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-u", "-b", "nbd:localhost:10809", "-F", "raw", "remote", "1M")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-u", "-b", "round", "-F", "qcow2", "circle", "1M")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-u", "-b", "circle", "-F", "qcow2", "round", "1M")
	for name, want := range map[string]string{
		"absolute": "in the image's own folder", "above": "in the image's own folder", "below": "in the image's own folder", "remote": "in the image's own folder",
		"linked": "escapes", "circle": "more than 16 backing files",
	} {
		if _, err := disk.Open(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", name, want, err)
		}
	}
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	raw := filepath.Join(dir, "raw")
	must(t, os.WriteFile(raw, content(), 0o644))
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-o", "data_file=data,data_file_raw=on", "external", "1M")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-o", "extended_l2=on", "subclusters", "1M")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "--object", "secret,id=s,data=x", "-o", "encrypt.format=aes,encrypt.key-secret=s", "aes", "1M")
	// To make a real one, qemu-img measures this processor, which fails on a busy one.
	luks, err := os.ReadFile(filepath.Join(dir, "aes"))
	must(t, err)
	binary.BigEndian.PutUint32(luks[32:], 2)
	must(t, os.WriteFile(filepath.Join(dir, "luks"), luks, 0o644))
	qemuImg(t, dir, "convert", "-O", "vmdk", raw, "vmdk")
	qemuImg(t, dir, "convert", "-O", "vhdx", raw, "vhdx")
	for name, want := range map[string]string{
		"external": "keeps its data in another file", "subclusters": "extended L2", "luks": "encrypted (LUKS)", "aes": "encrypted (AES)",
		"vmdk": "a VMDK disk image", "vhdx": "a VHDX disk image",
	} {
		if _, err := disk.Open(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", name, want, err)
		}
	}
}

// seeds are small images for the fuzzer.
func seeds(t testing.TB) [][]byte {
	dir := t.TempDir()
	raw := filepath.Join(dir, "raw")
	must(t, os.WriteFile(raw, append(make([]byte, 3000), bytes.Repeat([]byte("text"), 500)...), 0o644))
	var all [][]byte
	for name, args := range map[string][]string{"a": {"-c", "-o", "cluster_size=4k"}, "b": {"-o", "cluster_size=512,compat=0.10"}, "c": {"-c", "-o", "cluster_size=512,compression_type=zstd"}} {
		qemuImg(t, dir, append(append([]string{"convert", "-O", "qcow2"}, args...), raw, name)...)
		text, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		all = append(all, text)
	}
	return all
}

var errNoBacking = errors.New("no backing files here")

// judge reads an image that need not be one: with an error, or without, but never with a panic.
func judge(image []byte) {
	d, err := disk.New(bytes.NewReader(image), int64(len(image)), "", func(string, string) (io.ReaderAt, int64, error) { return nil, 0, errNoBacking })
	if err != nil {
		return
	}
	p := make([]byte, 3000)
	for _, at := range []int64{0, 511, d.Size / 2, d.Size - 1500} {
		d.ReadAt(p, at)
	}
	list, _, _ := disk.Partitions(d, d.Size)
	for _, p := range list {
		disk.FileSystem(io.NewSectionReader(d, p.Start, p.Size))
	}
	disk.FileSystem(d)
}

func FuzzDisk(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	table := make([]byte, 4096)
	copy(table[446:], "\x80\x00\x00\x00\x83\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00")
	binary.LittleEndian.PutUint16(table[510:], 0xaa55)
	f.Add(table)
	f.Fuzz(func(t *testing.T, image []byte) { judge(image) })
}

// TestDamaged changes single bytes of images' heads, and cuts them off.
func TestDamaged(t *testing.T) {
	for _, whole := range seeds(t) {
		for at := range 120 {
			for _, to := range []byte{0, 1, 0x7f, 0x80, 0xff} {
				broken := bytes.Clone(whole)
				broken[at] = to
				judge(broken)
			}
		}
		for cut := 0; cut < len(whole); cut += 97 {
			judge(whole[:cut])
		}
	}
}
