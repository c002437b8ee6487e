package main

import (
	"archive/tar"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"xtest/runner/cache"
	"xtest/runner/image"
)

// attributes are those of /bin/tool in the images below. The capability is cap_net_raw=ep: struct
// vfs_cap_data of linux/capability.h, revision 2.
var attributes = map[string]string{
	"user.note":           "of mine",
	"security.capability": "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
}

// rootTar is a small root file system as a tarball, which lists the attributes that its files have.
func rootTar(t *testing.T) []byte {
	t.Helper()
	var list strings.Builder
	tool := &tar.Header{Name: "bin/tool", Mode: 0o755, PAXRecords: map[string]string{}}
	for name, value := range attributes {
		tool.PAXRecords["SCHILY.xattr."+name] = value
		fmt.Fprintf(&list, "/bin/tool %s %s\n", name, hex.EncodeToString([]byte(value)))
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for h, body := range map[*tar.Header]string{
		tool:                                  "#!/bin/sh\n",
		{Name: "etc/os-release", Mode: 0o644}: "PRETTY_NAME=\"A small one\"\n",
		{Name: "etc/xtest-attributes", Mode: 0o644}: list.String(),
		{Name: "sbin/init", Mode: 0o755}:            "",
		{Name: "tmp/", Mode: 0o1777, Typeflag: '5'}: "",
		{Name: "proc/", Mode: 0o755, Typeflag: '5'}: "",
		{Name: "sys/", Mode: 0o755, Typeflag: '5'}:  "",
		{Name: "dev/", Mode: 0o755, Typeflag: '5'}:  "",
	} {
		h.Size = int64(len(body))
		check(t, w.WriteHeader(h))
		_, err := io.WriteString(w, body)
		check(t, err)
	}
	check(t, w.Close())
	return b.Bytes()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// dockerSave writes the tarball as an image, as `docker save` does.
func dockerSave(t *testing.T, root []byte, file string) {
	t.Helper()
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(root)), nil })
	check(t, err)
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64"})
	check(t, err)
	img, err = mutate.AppendLayers(img, layer)
	check(t, err)
	tag, err := name.NewTag("small:1")
	check(t, err)
	check(t, tarball.WriteToFile(file, tag, img))
}

// qcow2 writes the tarball's files onto a partitioned disk.
func qcow2(t *testing.T, file string) {
	t.Helper()
	dir := filepath.Dir(file)
	c, err := cache.Open(t.TempDir())
	check(t, err)
	defer c.Close()
	s, err := image.Open(t.Context(), filepath.Join(dir, "root.tar"), image.Options{Cache: c})
	check(t, err)
	check(t, s.Ext4(t.Context(), filepath.Join(dir, "fs"), image.FileSystem{Size: 128 << 20}))
	cmd := exec.Command("sh", "-ec", `PATH=$PATH:/usr/sbin:/sbin
		truncate -s 140M disk
		printf 'label: gpt\nstart=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649\nstart=4096, size=262144, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709\n' | sfdisk -q disk
		dd if=fs of=disk bs=1M seek=2 conv=notrunc,sparse status=none
		qemu-img convert -c -O qcow2 disk "$1"; rm disk fs`, "sh", file)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("making a disk image: %v: %s", err, out)
	}
}

// TestImages boots machines with the files of images, of each kind that there is. Extended attributes come
// through, and the images stay as they were.
func TestImages(t *testing.T) {
	t.Parallel()
	needTool(t, "qemu-img", "qemu-system-x86_64", "runc")
	needBoots(t)
	dir := t.TempDir()
	root := rootTar(t)
	check(t, os.WriteFile(filepath.Join(dir, "root.tar"), root, 0o644))
	dockerSave(t, root, filepath.Join(dir, "image.tar"))
	qcow2(t, filepath.Join(dir, "disk.qcow2"))
	before, err := os.ReadFile(filepath.Join(dir, "disk.qcow2"))
	check(t, err)
	kept := func(args ...string) {
		t.Helper()
		out := call{dir: dir, args: append([]string{"run", "--spec", "selftest/passes,selftest/keeps-attributes", "--runs", "runs-" + fmt.Sprint(len(args), args[1])}, args...)}.run(t)
		if out.code != exitGood || !strings.Contains(out.stdout, "A small one") || !strings.Contains(out.stdout, fmt.Sprintf("0 failed · %d judged", 2*(len(args)-2))) {
			t.Errorf("%q: %s", args, out)
		}
	}
	kept("--rootfs", "./root.tar", "uml:debian-12")
	kept("--rootfs", "./image.tar", "uml:debian-12")
	kept("--rootfs", "./disk.qcow2", "uml:debian-12", "qemu:debian-12")
	if os.Geteuid() == 0 {
		c, err := cache.Open(t.TempDir())
		check(t, err)
		defer c.Close()
		s, err := image.Open(t.Context(), filepath.Join(dir, "root.tar"), image.Options{Cache: c})
		check(t, err)
		check(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
		check(t, s.Unpack(t.Context(), filepath.Join(dir, "folder")))
		kept("--rootfs", "./folder", "uml:debian-12")
	}

	// What docs/images.md shows. There is no shell in the image, so that of the suite only what is asked of the
	// kernel applies.
	for command, says := range map[string]string{
		"run uml:debian-12 --rootfs ./disk.qcow2 --suite lsb": "root: qcow2 disk, partition 2 (GPT,",
		"run oci:./disk.qcow2@runc --suite lsb":               "oci:./disk.qcow2@runc",
		"run uml:debian-12 --rootfs ./image.tar --suite lsb":  "A small one",
	} {
		out := call{dir: dir, args: strings.Fields(command)}.run(t)
		if out.code != exitGood || !strings.Contains(out.stdout, says) || !strings.Contains(out.stdout, "userland: there is none") {
			t.Errorf("%s: %s", command, out)
		}
	}
	if ok, err := found("runsc"); err != nil {
		t.Error(err)
	} else if ok {
		out := call{dir: dir, args: strings.Fields("run oci:./image.tar@runc oci:./image.tar@runsc --suite namespaces,lsb --diff")}.run(t)
		if out.code != exitFailed || !strings.Contains(out.stdout, "pid/init-ignores-kill") || !strings.Contains(out.stdout, " specs differ, ") {
			t.Errorf("side by side: %s", out)
		}
	}
	after, err := os.ReadFile(filepath.Join(dir, "disk.qcow2"))
	check(t, err)
	if !bytes.Equal(before, after) {
		t.Error("the disk image was changed")
	}
	for args, says := range map[string]string{
		"run oci:empty@runc --rootfs ./root.tar":            "oci machines take no --rootfs",
		"run uml:debian-12 --no-rootfs --rootfs ./root.tar": "--no-rootfs leaves out what --rootfs ./root.tar asks for",
	} {
		if out := (call{dir: dir, args: strings.Fields(args)}).run(t); out.code != exitUsage || !strings.Contains(out.stderr, says) {
			t.Errorf("%s: %s", args, out)
		}
	}
}
