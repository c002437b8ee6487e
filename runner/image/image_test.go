package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"xtest/runner/cache"
	"xtest/runner/image"
)

// item is an entry of a tar stream. Kind 0 is a regular file, or a folder when the name ends so.
type item struct {
	name, body string
	kind       byte
	link       string
	mode       int64
	xattrs     map[string]string
}

func stream(t testing.TB, items ...item) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, i := range items {
		h := &tar.Header{Name: i.name, Typeflag: i.kind, Linkname: i.link, Mode: i.mode, Size: int64(len(i.body)), ModTime: time.Unix(1e9, 0)}
		switch {
		case i.kind == 0 && strings.HasSuffix(i.name, "/"):
			h.Typeflag = tar.TypeDir
		case i.kind == 0:
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		for name, value := range i.xattrs {
			if h.PAXRecords == nil {
				h.PAXRecords = map[string]string{}
			}
			h.PAXRecords["SCHILY.xattr."+name] = value
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, i.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// build makes an image of tar streams.
func build(t testing.TB, arch string, streams ...[]byte) v1.Image {
	t.Helper()
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: arch, Config: v1.Config{Env: []string{"A=b"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range streams {
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(s)), nil })
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.AppendLayers(img, l); err != nil {
			t.Fatal(err)
		}
	}
	return img
}

func options(t testing.TB) image.Options {
	t.Helper()
	c, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return image.Options{Cache: c, Arch: "amd64"}
}

// list tells a folder's entries: name, and content or target.
func list(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		switch {
		case d.IsDir():
			rel += "/"
		case d.Type()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			rel += " -> " + target
		default:
			body, _ := os.ReadFile(path)
			rel += "=" + string(body)
		}
		all = append(all, rel)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, data, 0o644))
	return path
}

// layered is an image that uses all that layers can say, and what must come out.
func layered(t testing.TB) (v1.Image, []string) {
	low := stream(t,
		item{name: "bin/"}, item{name: "bin/sh", body: "shell"}, item{name: "bin/ash", kind: tar.TypeLink, link: "bin/sh"},
		item{name: "etc/gone", body: "x"}, item{name: "etc/kept", body: "1"},
		item{name: "var/cache/a", body: "x"}, item{name: "var/cache/b/c", body: "x"},
		item{name: "lib", kind: tar.TypeSymlink, link: "usr/lib"}, item{name: "usr/lib/"},
		item{name: "tree/deep/file", body: "x"}, item{name: "was-file", body: "x"}, item{name: "was-dir/x", body: "x"},
	)
	high := stream(t,
		item{name: "etc/.wh.gone"}, item{name: "etc/kept", body: "2"},
		item{name: "var/cache/new", body: "n"}, item{name: "var/cache/.wh..wh..opq"},
		item{name: "lib/libc.so", body: "c"}, // through the link
		item{name: ".wh.tree"}, item{name: "was-file/"}, item{name: "was-dir", body: "f"},
		item{name: "bin/.wh.sh"}, // the hard link stays, with its content
		item{name: ".wh..wh.plnk", body: "aufs"},
		item{name: "dev/null", kind: tar.TypeChar}, item{name: "pipe", kind: tar.TypeFifo},
	)
	return build(t, "amd64", low, high), []string{
		"bin/", "bin/ash=shell", "dev/", "etc/", "etc/kept=2", "lib -> usr/lib", "usr/", "usr/lib/", "usr/lib/libc.so=c",
		"var/", "var/cache/", "var/cache/new=n", "was-dir=f", "was-file/",
	}
}

func serve(t testing.TB, middle func(http.Handler) http.Handler) string {
	t.Helper()
	h := http.Handler(registry.New(registry.Logger(quiet())))
	if middle != nil {
		h = middle(h)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// TestForms has one image in every form: all come out as the same tree.
func TestForms(t *testing.T) {
	img, want := layered(t)
	ref, err := name.ParseReference(serve(t, nil) + "/a/b:c")
	must(t, err)
	must(t, remote.Write(ref, img))
	dir := filepath.Join(t.TempDir(), "layout")
	l, err := layout.Write(dir, empty.Index)
	must(t, err)
	must(t, l.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "one"})))
	saved := filepath.Join(t.TempDir(), "saved.tar")
	must(t, tarball.WriteToFile(saved, name.MustParseReference("example.org/a:b"), img))
	data, err := os.ReadFile(saved)
	must(t, err)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(data)
	must(t, z.Close())
	var ofLayout bytes.Buffer
	w := tar.NewWriter(&ofLayout)
	must(t, w.AddFS(os.DirFS(dir)))
	must(t, w.Close())

	manifest, err := img.Digest()
	must(t, err)
	id, err := img.ConfigName()
	must(t, err)
	for form, c := range map[string]struct{ ref, kind, digest string }{
		"registry":         {ref.Name(), "registry", manifest.Hex},
		"by digest":        {ref.Context().Digest(manifest.String()).Name(), "registry", manifest.Hex},
		"layout":           {dir, "layout", manifest.Hex},
		"layout, tag":      {dir + ":one", "layout", manifest.Hex},
		"saved":            {saved, "docker archive", id.Hex},
		"saved, tag":       {saved + ":b", "docker archive", id.Hex},
		"saved and packed": {put(t, "saved.tar.gz", packed.Bytes()), "docker archive", id.Hex},
		"layout in a tar":  {put(t, "layout.tar", ofLayout.Bytes()), "layout", manifest.Hex},
	} {
		t.Run(form, func(t *testing.T) {
			s, err := image.Open(t.Context(), c.ref, options(t))
			must(t, err)
			if s.Kind != c.kind || s.Digest != c.digest || s.Platform != (image.Platform{OS: "linux", Arch: "amd64"}) || !slices.Equal(s.Env, []string{"A=b"}) {
				t.Errorf("got %s %s %s %q, want %+v", s.Kind, s.Digest, s.Platform, s.Env, c)
			}
			root, err := s.Dir(t.Context())
			must(t, err)
			if got := list(t, root); !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			if again, err := s.Dir(t.Context()); again != root || err != nil {
				t.Errorf("again: %s, %v", again, err)
			}
			if st, err := os.Stat(filepath.Dir(root)); err != nil || st.Mode().Perm() != 0o700 {
				t.Errorf("the folder above is open to others: %v, %v", st.Mode(), err)
			}
		})
	}
}

// TestFetchedOnce: what was fetched and unpacked needs the registry for its manifest alone.
func TestFetchedOnce(t *testing.T) {
	img, _ := layered(t)
	blobs := 0
	host := serve(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
				blobs++
			}
			h.ServeHTTP(w, r)
		})
	})
	ref, err := name.ParseReference(host + "/a:b")
	must(t, err)
	must(t, remote.Write(ref, img))
	o := options(t)
	for range 2 {
		s, err := image.Open(t.Context(), ref.Name(), o)
		must(t, err)
		_, err = s.Dir(t.Context())
		must(t, err)
	}
	if blobs != 4 { // two layers and the configuration, and that again
		t.Errorf("%d blobs were asked for", blobs)
	}
}

// TestLogin takes the login from docker's usual file.
func TestLogin(t *testing.T) {
	img, _ := layered(t)
	locked := false
	host := serve(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, word, _ := r.BasicAuth(); locked && (user != "me" || word != "secret") {
				w.Header().Set("WWW-Authenticate", "Basic")
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	ref, err := name.ParseReference(host + "/a:b")
	must(t, err)
	must(t, remote.Write(ref, img))
	locked = true
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	if _, err := image.Open(t.Context(), ref.Name(), options(t)); err == nil || !strings.Contains(err.Error(), "docker login") {
		t.Errorf("without a login: %v", err)
	}
	config := filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json")
	must(t, os.WriteFile(config, []byte(`{"auths":{"`+host+`":{"auth":"bWU6c2VjcmV0"}}}`), 0o600))
	_, err = image.Open(t.Context(), ref.Name(), options(t))
	must(t, err)
}

// TestWrongPlatform says what an image is for and what is needed.
func TestWrongPlatform(t *testing.T) {
	index := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: build(t, "arm64", stream(t, item{name: "a"})), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}},
		mutate.IndexAddendum{Add: build(t, "s390x", stream(t, item{name: "b"})), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "s390x"}}},
	)
	ref, err := name.ParseReference(serve(t, nil) + "/a:b")
	must(t, err)
	must(t, remote.WriteIndex(ref, index))
	saved := filepath.Join(t.TempDir(), "saved.tar")
	must(t, tarball.WriteToFile(saved, name.MustParseReference("example.org/a:b"), build(t, "arm64", stream(t, item{name: "a"}))))
	// An ELF file's head: 64 bits, little end first, machine 183 (EM_AARCH64).
	arm := "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x02\x00\xb7\x00"
	root := filepath.Join(t.TempDir(), "root")
	must(t, os.MkdirAll(filepath.Join(root, "usr/bin"), 0o755))
	must(t, os.WriteFile(filepath.Join(root, "usr/bin/env"), []byte(arm), 0o755))
	for name, c := range map[string]struct{ ref, has string }{
		"index":   {ref.Name(), "linux/arm64, linux/s390x"},
		"saved":   {saved, "linux/arm64"},
		"tarball": {put(t, "root.tar", stream(t, item{name: "./bin/sh", body: "#!"}, item{name: "./bin/true", body: arm})), "linux/arm64"},
		"folder":  {root, "linux/arm64"},
	} {
		_, err := image.Open(t.Context(), c.ref, options(t))
		var wrong *image.WrongPlatform
		if want := "image " + c.ref + " is for " + c.has + "; one for linux/amd64 is needed"; !errors.As(err, &wrong) || err.Error() != want {
			t.Errorf("%s: got %v\nwant %s", name, err, want)
		}
	}
	o := options(t)
	o.Arch = "s390x"
	s, err := image.Open(t.Context(), ref.Name(), o)
	must(t, err)
	dir, err := s.Dir(t.Context())
	must(t, err)
	if got := list(t, dir); !slices.Equal(got, []string{"b="}) {
		t.Errorf("of two architectures: %q", got)
	}
}
