package offline

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	savetarball "github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"xtest/internal/required"
	"xtest/internal/root"
	"xtest/runner/cache"
	"xtest/runner/event"
	"xtest/suites/lsb/inspection"
)

func options(t *testing.T) Options {
	dir := t.TempDir()
	return Options{Cache: func() (*cache.Cache, error) { return cache.Open(dir) }, Keep: inspection.Keep}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sample makes a root of real files: this machine's shell, libraries and some of its commands.
func sample(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	here := root.New(root.At("/"))
	names := []string{"/bin/sh", "/bin/ls", "/usr/bin/cut", "/etc/passwd", "/etc/group", "/etc/os-release", "/etc/ld.so.conf"}
	for _, pattern := range []string{"/etc/ld.so.conf.d/*", "/lib64/ld-*", "/lib/*/libc.so.6", "/lib/*/libm.so.6", "/lib/*/libdl.so.2",
		"/lib/*/librt.so.1", "/lib/*/libpthread.so.0", "/lib/*/ld-linux*", "/usr/lib/*/libstdc++.so.6", "/lib/*/libgcc_s.so.1", "/lib64/libc.so.6"} {
		names = append(names, here.Glob(pattern)...)
	}
	for _, n := range names {
		at, err := here.Resolve(n)
		if err != nil {
			continue
		}
		text, err := os.ReadFile(at)
		if err != nil {
			continue
		}
		to := filepath.Join(dir, at)
		must(t, errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, text, 0o755)))
		if at != n {
			link := filepath.Join(dir, n)
			must(t, os.MkdirAll(filepath.Dir(link), 0o755))
			if err := os.Symlink(at, link); err != nil && !errors.Is(err, fs.ErrExist) {
				t.Fatal(err)
			}
		}
	}
	must(t, os.MkdirAll(filepath.Join(dir, "tmp"), 0o777))
	must(t, os.Chmod(filepath.Join(dir, "tmp"), 0o777|os.ModeSticky))
	must(t, os.MkdirAll(filepath.Join(dir, "var/tmp"), 0o755))
	return dir
}

// packed makes a tar stream of a folder.
func packed(t *testing.T, dir string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		to, text := "", []byte(nil)
		if info.Mode()&fs.ModeSymlink != 0 {
			to, err = os.Readlink(name)
		} else if info.Mode().IsRegular() {
			text, err = os.ReadFile(name)
		}
		if err != nil {
			return err
		}
		h, err := tar.FileInfoHeader(info, to)
		if err != nil {
			return err
		}
		if h.Name, err = filepath.Rel(dir, name); err != nil {
			return err
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	}))
	must(t, w.Close())
	return b.Bytes()
}

func verdicts(t *testing.T, ref string, o Options) map[string]string {
	t.Helper()
	r, err := Open(t.Context(), ref, o)
	must(t, err)
	defer r.Close()
	all := map[string]string{}
	sys := inspection.NewSystem(r.FS)
	for _, c := range inspection.Checks("") {
		res := c.Result(sys)
		all[c.Meta.ID] = string(res.Verdict)
		for _, d := range res.Deviations {
			all[c.Meta.ID] += " " + d.String()
		}
	}
	return all
}

// One root gives the same verdicts however it is kept.
func TestSameVerdicts(t *testing.T) {
	dir, o := sample(t), options(t)
	want := verdicts(t, dir, o)
	if !strings.HasPrefix(want["libraries/libc"], string(event.Pass)) || !strings.HasPrefix(want["symbols/libm"], string(event.Pass)) {
		t.Skipf("this machine's libc is none of LSB's: %s", want["libraries/libc"])
	}
	tarball := filepath.Join(t.TempDir(), "root.tar")
	must(t, os.WriteFile(tarball, packed(t, dir), 0o644))
	kept := map[string]string{"tarball": tarball, "layout": layoutOf(t, packed(t, dir))}
	img := imageOf(t, packed(t, dir))
	kept["docker save"] = filepath.Join(t.TempDir(), "image.tar")
	tag, err := name.NewTag("small:1")
	must(t, err)
	must(t, savetarball.WriteToFile(kept["docker save"], tag, img))
	hub := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(hub.Close)
	kept["registry"] = strings.TrimPrefix(hub.URL, "http://") + "/base/small:1"
	at, err := name.ParseReference(kept["registry"])
	must(t, err)
	must(t, remote.Write(at, img))
	if mke2fs, err := exec.LookPath("mke2fs"); err == nil {
		disk := filepath.Join(t.TempDir(), "root.ext4")
		must(t, exec.Command(mke2fs, "-q", "-t", "ext4", "-d", dir, disk, "64M").Run())
		kept["disk"] = disk
		if convert, err := exec.LookPath("qemu-img"); err == nil {
			kept["qcow2"] = filepath.Join(t.TempDir(), "root.qcow2")
			must(t, exec.Command(convert, "convert", "-c", "-O", "qcow2", disk, kept["qcow2"]).Run())
		} else if required.All() {
			t.Error(err)
		}
	} else if required.All() {
		t.Error(err)
	}
	for how, ref := range kept {
		got := verdicts(t, ref, o)
		for id, v := range want {
			if got[id] != v {
				t.Errorf("%s: %s is %q, as a folder %q", how, id, got[id], v)
			}
		}
	}
}

func layoutOf(t *testing.T, layers ...[]byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "image")
	p, err := layout.Write(dir, empty.Index)
	must(t, err)
	must(t, p.AppendImage(imageOf(t, layers...)))
	return dir
}

func imageOf(t *testing.T, layers ...[]byte) v1.Image {
	t.Helper()
	var list []v1.Layer
	for _, l := range layers {
		list = append(list, static.NewLayer(l, types.OCIUncompressedLayer))
	}
	img, err := mutate.AppendLayers(empty.Image, list...)
	must(t, err)
	cfg, err := img.ConfigFile()
	must(t, err)
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture = "linux", "s390x" // of any architecture
	img, err = mutate.ConfigFile(img, cfg)
	must(t, err)
	return img
}

// entries makes a layer. The content of regular files stands in Linkname.
func entries(t *testing.T, list ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range list {
		text := h.Linkname
		if h.Typeflag == tar.TypeReg {
			h.Size, h.Linkname = int64(len(text)), ""
		}
		must(t, w.WriteHeader(&h))
		if h.Typeflag == tar.TypeReg {
			_, err := w.Write([]byte(text))
			must(t, err)
		}
	}
	must(t, w.Close())
	return b.Bytes()
}

// Layers take away what lower ones brought, and links of an image lead nowhere out.
func TestLayers(t *testing.T) {
	const reg, dir, link = tar.TypeReg, tar.TypeDir, tar.TypeSymlink
	base := entries(t,
		tar.Header{Typeflag: dir, Name: "etc/", Mode: 0o755},
		tar.Header{Typeflag: reg, Name: "etc/gone", Linkname: "x", Mode: 0o644},
		tar.Header{Typeflag: reg, Name: "etc/stays", Linkname: "stays", Mode: 0o644},
		tar.Header{Typeflag: reg, Name: "opt/a/old", Linkname: "x", Mode: 0o644},
		tar.Header{Typeflag: link, Name: "etc/out", Linkname: "../../../../../../etc/hostname"},
		tar.Header{Typeflag: link, Name: "etc/loop", Linkname: "/etc/loop"},
		tar.Header{Typeflag: tar.TypeChar, Name: "dev/null", Devmajor: 1, Devminor: 3, Mode: 0o666},
		tar.Header{Typeflag: tar.TypeFifo, Name: "etc/fifo", Mode: 0o644},
		tar.Header{Typeflag: reg, Name: "etc/large", Linkname: strings.Repeat("x", root.MaxText+10), Mode: 0o644},
	)
	top := entries(t,
		tar.Header{Typeflag: reg, Name: "etc/.wh.gone", Mode: 0o644},
		tar.Header{Typeflag: reg, Name: "opt/a/.wh..wh..opq", Mode: 0o644},
		tar.Header{Typeflag: reg, Name: "opt/a/new", Linkname: "x", Mode: 0o644},
	)
	r, err := Open(t.Context(), layoutOf(t, base, top), options(t))
	must(t, err)
	defer r.Close()
	for _, gone := range []string{"/etc/gone", "/opt/a/old", "/etc/.wh.gone", "/etc/out", "/etc/loop"} {
		if _, err := r.Stat(gone); err == nil {
			t.Errorf("%s is there", gone)
		}
	}
	if text, err := r.Text("/etc/stays"); err != nil || text != "stays" {
		t.Errorf("a file of the lower layer: %q, %v", text, err)
	}
	if names, err := r.List("/opt/a"); err != nil || !slices.Equal(names, []string{"new"}) {
		t.Errorf("an opaque folder: %v, %v", names, err)
	}
	large, err := r.Open("/etc/large")
	must(t, err)
	if _, err := large.ReadAt(make([]byte, 20), root.MaxText); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("behind what was kept of a file: %v", err)
	}
	if _, err := r.Open("/etc/fifo"); err == nil {
		t.Error("a FIFO was opened")
	}
	if f := inspection.NewSystem(r.FS).JudgeDevice(inspection.Devices[0]); !f.Holds() {
		t.Errorf("the device of an image: %+v", f)
	}
	if r.Arch != "s390x" || r.Kind != "layout" || r.Digest == "" {
		t.Errorf("the image is described as %+v", r)
	}
}

// A sparse file of a terabyte, in a tarball that has a few bytes of it, costs nothing.
func TestSparse(t *testing.T) {
	// archive/tar writes no sparse files: GNU's form 1.0 is laid out by hand, in PAX records and with
	// the map of what is there before the content.
	sparse := "1\n0\n1\n"
	sparse += strings.Repeat("\x00", 512-len(sparse)) + "x"
	var file bytes.Buffer
	w := tar.NewWriter(&file)
	must(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "lib/libc.so.6", Size: int64(len(sparse)), Mode: 0o755}))
	_, err := w.Write([]byte(sparse))
	must(t, err)
	must(t, w.Close())
	var records string
	for _, r := range []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=lib/libc.so.6", "GNU.sparse.realsize=1099511627776"} {
		records += record(r)
	}
	var extended bytes.Buffer
	w = tar.NewWriter(&extended)
	must(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "PaxHeaders/libc", Size: int64(len(records)), Mode: 0o644}))
	_, err = w.Write([]byte(records))
	must(t, errors.Join(err, w.Flush()))
	raw := extended.Bytes()
	raw[156] = tar.TypeXHeader
	checksum(raw[:512])
	name := filepath.Join(t.TempDir(), "sparse.tar")
	must(t, os.WriteFile(name, slices.Concat(raw, file.Bytes()), 0o644))
	r, err := Open(t.Context(), name, options(t))
	must(t, err)
	defer r.Close()
	info, err := r.Stat("/lib/libc.so.6")
	if err != nil || info.Size() != 1<<40 {
		t.Fatalf("the sparse file: %v, %v", info, err)
	}
	if _, err := inspection.NewSystem(r.FS).Library("/lib/libc.so.6"); err == nil {
		t.Error("a terabyte was taken for a library")
	}
}

// record is a PAX record: its own length in front, pax(1).
func record(s string) string {
	n := len(s) + 2
	for {
		text := string(appendInt(nil, n)) + " " + s + "\n"
		if len(text) == n {
			return text
		}
		n = len(text)
	}
}

func appendInt(b []byte, n int) []byte {
	if n >= 10 {
		b = appendInt(b, n/10)
	}
	return append(b, '0'+byte(n%10))
}

// checksum sets that of a tar header.
func checksum(h []byte) {
	copy(h[148:156], "        ")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	for i := range 6 {
		h[148+i] = '0' + byte(sum>>(3*(5-i))&7)
	}
	h[154] = 0
}

func TestWhatCannotBeOpened(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	must(t, os.WriteFile(text, []byte(strings.Repeat("no tarball\n", 1000)), 0o644))
	void := filepath.Join(t.TempDir(), "void.tar")
	must(t, os.WriteFile(void, entries(t), 0o644))
	for _, ref := range []string{text, void, filepath.Join(t.TempDir(), "absent")} {
		if _, err := Open(t.Context(), ref, options(t)); err == nil {
			t.Errorf("%s was opened", ref)
		}
	}
	for ref, missing := range map[string]bool{"/absent": true, "./absent:tag": true, text: false, text + ":tag": false, "debian:12": false} {
		if MissingPath(ref) != missing {
			t.Errorf("MissingPath(%s) is %t", ref, !missing)
		}
	}
}
