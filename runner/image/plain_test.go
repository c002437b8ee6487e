package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"xtest/runner/cache"
	"xtest/runner/depot"
	"xtest/runner/image"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func TestTarballs(t *testing.T) {
	data := stream(t, item{name: "./"}, item{name: "./bin/sh", body: "s", mode: 0o4755}, item{name: "./.wh.name", body: "a name"},
		item{name: "/etc/abs", body: "a"})
	want := []string{".wh.name=a name", "bin/", "bin/sh=s", "etc/", "etc/abs=a"}
	var gz, x, zs bytes.Buffer
	z := gzip.NewWriter(&gz)
	z.Write(data)
	must(t, z.Close())
	xw, err := xz.NewWriter(&x)
	must(t, err)
	xw.Write(data)
	must(t, xw.Close())
	zw, err := zstd.NewWriter(&zs)
	must(t, err)
	zw.Write(data)
	must(t, zw.Close())
	for form, data := range map[string][]byte{"root.tar": data, "root.tar.gz": gz.Bytes(), "root.tar.xz": x.Bytes(), "root.tar.zst": zs.Bytes()} {
		s, err := image.Open(t.Context(), put(t, form, data), options(t))
		if err != nil {
			t.Errorf("%s: %v", form, err)
			continue
		}
		dir := t.TempDir()
		must(t, s.Unpack(t.Context(), dir))
		if got := list(t, dir); s.Kind != "tarball" || !slices.Equal(got, want) {
			t.Errorf("%s: %s: got %q", form, s.Kind, got)
		}
		if st, err := os.Stat(filepath.Join(dir, "bin/sh")); err != nil || st.Mode() != 0o755|os.ModeSetuid || st.ModTime().Unix() != 1e9 {
			t.Errorf("%s: %v, %v", form, st, err)
		}
	}
}

// TestFolder has hard links, and content that decides the digest.
func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "root")
	must(t, os.MkdirAll(filepath.Join(dir, "a/b"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "a/one"), []byte("1"), 0o600))
	must(t, os.Link(filepath.Join(dir, "a/one"), filepath.Join(dir, "a/b/two")))
	must(t, os.Symlink("/etc", filepath.Join(dir, "a/out")))
	o := options(t)
	s, err := image.Open(t.Context(), dir, o)
	must(t, err)
	root, err := s.Dir(t.Context())
	must(t, err)
	if got := list(t, root); !slices.Equal(got, []string{"a/", "a/b/", "a/b/two=1", "a/one=1", "a/out -> /etc"}) {
		t.Errorf("got %q", got)
	}
	st, err := os.Stat(filepath.Join(root, "a/one"))
	must(t, err)
	if st.Sys().(*syscall.Stat_t).Nlink != 2 || st.Mode() != 0o600 {
		t.Errorf("%v", st.Sys())
	}
	must(t, os.WriteFile(filepath.Join(dir, "a/one"), []byte("2"), 0o600))
	if changed, err := image.Open(t.Context(), dir, o); err != nil || changed.Digest == s.Digest {
		t.Errorf("changed content has the digest of the old: %v", err)
	}
}

// TestTar keeps owners and devices.
func TestTar(t *testing.T) {
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	for _, h := range []tar.Header{
		{Name: "f", Typeflag: tar.TypeReg, Uid: 5, Gid: 6, Size: 1, Mode: 0o2755},
		{Name: "g", Typeflag: tar.TypeLink, Linkname: "f"},
		{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3},
	} {
		must(t, w.WriteHeader(&h))
		io.WriteString(w, "x"[:h.Size])
	}
	must(t, w.Close())
	s, err := image.Open(t.Context(), put(t, "r.tar", data.Bytes()), options(t))
	must(t, err)
	var out bytes.Buffer
	must(t, s.Tar(t.Context(), &out))
	var got []tar.Header
	for r := tar.NewReader(&out); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		must(t, err)
		got = append(got, *h)
	}
	if len(got) != 3 || got[0].Name != "null" || got[0].Devminor != 3 || got[1].Uid != 5 || got[1].Gid != 6 || got[1].Mode != 0o2755 ||
		got[2].Typeflag != tar.TypeLink || got[2].Linkname != "f" {
		t.Errorf("%+v", got)
	}
}

// TestHostile: what an image must not be able to do.
func TestHostile(t *testing.T) {
	long := strings.Repeat("x", 256)
	for name, c := range map[string]struct {
		items []item
		want  string // of the error; "" when it is harmless
	}{
		"climbing name":       {[]item{{name: "../escape"}}, "climbs out"},
		"climbing link":       {[]item{{name: "a", kind: tar.TypeLink, link: "../../etc/passwd"}}, "climbs out"},
		"hard link outside":   {[]item{{name: "a", kind: tar.TypeLink, link: "/etc/passwd"}}, "no file that came before"},
		"link to a folder":    {[]item{{name: "d/"}, {name: "a", kind: tar.TypeLink, link: "d"}}, "no file that came before"},
		"through a link":      {[]item{{name: "l", kind: tar.TypeSymlink, link: "../../../.."}, {name: "l/escape", body: "x"}}, ""},
		"through two links":   {[]item{{name: "a", kind: tar.TypeSymlink, link: "/"}, {name: "b", kind: tar.TypeSymlink, link: "a/../.."}, {name: "b/escape", body: "x"}}, ""},
		"link after":          {[]item{{name: "l/x"}, {name: "l", kind: tar.TypeSymlink, link: "/tmp"}, {name: "l/escape", body: "x"}}, ""},
		"circle":              {[]item{{name: "a", kind: tar.TypeSymlink, link: "b"}, {name: "b", kind: tar.TypeSymlink, link: "a"}, {name: "a/x"}}, "symbolic links"},
		"through a file":      {[]item{{name: "f", body: "x"}, {name: "f/x"}}, "no folder"},
		"long name":           {[]item{{name: long}}, "longer than 255"},
		"long path":           {[]item{{name: strings.Repeat("d/", 1500) + "f"}, {name: "l", kind: tar.TypeSymlink, link: strings.Repeat("d/", 1500)}, {name: "l/" + strings.Repeat("e/", 1500)}}, "longer than Linux allows"},
		"root is a file":      {[]item{{name: ".", body: "x"}}, "must be a folder"},
		"whiteout of nothing": {[]item{{name: "no/where/.wh.x"}, {name: ".wh."}, {name: ".wh..wh..opq"}}, ""},
		"whiteout of parent":  {[]item{{name: "x/.wh..."}, {name: "keep", body: "k"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			saved := filepath.Join(t.TempDir(), "saved.tar")
			must(t, tarball.WriteToFile(saved, nameOf("example.org/a:b"), build(t, "amd64", stream(t, c.items...))))
			s, err := image.Open(t.Context(), saved, options(t))
			must(t, err)
			top := t.TempDir()
			dir := filepath.Join(top, "in/root")
			must(t, os.MkdirAll(dir, 0o755))
			err = s.Unpack(t.Context(), dir)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			for _, at := range []string{top, filepath.Join(top, "in")} {
				if entries, _ := os.ReadDir(at); len(entries) != 1 {
					t.Errorf("something was written outside: %v", entries)
				}
			}
		})
	}
	if _, err := os.Lstat("/tmp/escape"); err == nil {
		t.Error("/tmp/escape was written")
	}
}

// TestBomb: content that is larger than the disk is refused before it is written.
func TestBomb(t *testing.T) {
	o := options(t)
	o.Limit = 1 << 30
	s, err := image.Open(t.Context(), put(t, "r.tar", sparse(t)), o)
	must(t, err)
	if err := s.Unpack(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "free some disk") {
		t.Errorf("a hole of 8 GiB: %v", err)
	}
	o.Limit = 10
	s, err = image.Open(t.Context(), put(t, "r.tar", stream(t, item{name: "a", body: "123456"}, item{name: "b", body: "123456"})), o)
	must(t, err)
	if err := s.Unpack(t.Context(), t.TempDir()); err == nil {
		t.Error("12 bytes fit into 10")
	}
}

// sparse is a tar stream of 2 KiB with a file of 8 GiB, as tar(5) describes GNU's sparse files.
func sparse(t *testing.T) []byte {
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	must(t, w.WriteHeader(&tar.Header{Name: "hole", Typeflag: tar.TypeReg, Format: tar.FormatGNU}))
	must(t, w.Close())
	h := data.Bytes()
	h[156] = tar.TypeGNUSparse
	copy(h[386:], "77777777777\x0000000000000\x00") // a piece of no bytes at the end
	copy(h[483:], "77777777777\x00")
	copy(h[148:], "        ")
	sum := 0
	for _, b := range h[:512] {
		sum += int(b)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return h
}

// TestDamaged: bad input is told, and never panics.
func TestDamaged(t *testing.T) {
	img, _ := layered(t)
	saved := filepath.Join(t.TempDir(), "saved.tar")
	must(t, tarball.WriteToFile(saved, nameOf("example.org/a:b"), img))
	whole, err := os.ReadFile(saved)
	must(t, err)
	two := filepath.Join(t.TempDir(), "two.tar")
	must(t, tarball.MultiWriteToFile(two, map[name.Tag]v1.Image{
		name.MustParseReference("example.org/a:x").(name.Tag): img,
		name.MustParseReference("example.org/a:y").(name.Tag): build(t, "amd64", stream(t, item{name: "a"})),
	}))
	swapped := put(t, "swapped.tar", swap(t, whole))
	jsonTar := func(text string) string { return put(t, "m.tar", stream(t, item{name: "manifest.json", body: text})) }
	layoutDir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(layoutDir, "oci-layout"), []byte("{}"), 0o644))
	for name, c := range map[string]struct{ ref, want string }{
		"nothing":          {"", "no image is named"},
		"no such file":     {"./no/such/file.tar", "no such file"},
		"no file, no name": {"No Such Image", "no registry can have it"},
		"text":             {put(t, "text", []byte(strings.Repeat("hello, ", 1000))), "neither an image nor a tarball"},
		"empty file":       {put(t, "empty", nil), "neither an image nor a tarball"},
		"empty folder":     {t.TempDir(), "nothing in it"},
		"cut off":          {put(t, "cut.tar", whole[:len(whole)/2]), "unexpected EOF"},
		"two images":       {two, "put :TAG behind it"},
		"no such tag":      {two + ":z", `no image of the name "z"`},
		"manifest: null":   {jsonTar("null"), ""},
		"manifest: [null]": {jsonTar("[null]"), ""},
		"manifest: [{}]":   {jsonTar("[{}]"), ""},
		"manifest: text":   {jsonTar("hello"), "manifest.json"},
		"config missing":   {jsonTar(`[{"Config":"x","Layers":["y"]}]`), "x not found"},
		"layout, no index": {layoutDir, "index.json"},
		"registry is away": {"127.0.0.1:1/a:b", "asking the registry 127.0.0.1:1 failed"},
	} {
		s, err := image.Open(t.Context(), c.ref, options(t))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v", name, s, err)
		}
	}
	for _, index := range []string{"null", "{}", `{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:` + strings.Repeat("0", 64) + `"}]}`} {
		must(t, os.WriteFile(filepath.Join(layoutDir, "index.json"), []byte(index), 0o644))
		if s, err := image.Open(t.Context(), layoutDir, options(t)); err == nil {
			t.Errorf("index %s: got %v", index, s)
		}
	}
	s, err := image.Open(t.Context(), swapped, options(t))
	if err == nil {
		err = s.Unpack(t.Context(), t.TempDir())
	}
	if err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a layer that is not the one of the configuration: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	s, err = image.Open(ctx, saved, options(t))
	must(t, err)
	cancel(errors.New("no longer wanted"))
	if _, err := s.Dir(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestDebian makes an image of Debian's busybox and runs it.
func TestDebian(t *testing.T) {
	if testing.Short() {
		t.Skip("fetches a package")
	}
	c, err := cache.Open("")
	must(t, err)
	defer c.Close()
	r := depot.Releases[0]
	parcel, err := (&depot.Depot{Cache: c}).Unpacked(t.Context(), depot.Wanted{
		Role: "rootfs", Codename: r.Codename, Name: "busybox-static", Find: depot.Named("busybox-static"), Part: "all",
	})
	if err != nil {
		t.Skipf("busybox-static cannot be had: %v", err)
	}
	o := options(t)
	folder, err := image.Open(t.Context(), parcel.Dir, o)
	must(t, err)
	if folder.Platform.Arch != depot.Arch {
		t.Errorf("busybox is for %s", folder.Platform)
	}
	var plain bytes.Buffer
	must(t, folder.Tar(t.Context(), &plain))
	saved := filepath.Join(t.TempDir(), "busybox.tar")
	must(t, tarball.WriteToFile(saved, nameOf("example.org/busybox:1"), build(t, depot.Arch, plain.Bytes())))
	s, err := image.Open(t.Context(), saved, o)
	must(t, err)
	dir, err := s.Dir(t.Context())
	must(t, err)
	busybox, err := filepath.Glob(filepath.Join(dir, "*bin/busybox"))
	if more, _ := filepath.Glob(filepath.Join(dir, "usr/*bin/busybox")); len(more) > 0 {
		busybox = more
	}
	if err != nil || len(busybox) != 1 {
		t.Fatalf("%q, %v", busybox, err)
	}
	out, err := exec.Command(busybox[0], "echo", "it runs").CombinedOutput()
	if string(out) != "it runs\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}

func nameOf(ref string) name.Reference {
	r, err := name.ParseReference(ref)
	if err != nil {
		panic(err)
	}
	return r
}

// swap gives the layers of a docker archive other content.
func swap(t *testing.T, archive []byte) []byte {
	var items []item
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return stream(t, items...)
		}
		must(t, err)
		body, err := io.ReadAll(r)
		must(t, err)
		if strings.HasSuffix(h.Name, ".tar.gz") {
			body = stream(t, item{name: "other"})
		}
		items = append(items, item{name: h.Name, body: string(body)})
	}
}
