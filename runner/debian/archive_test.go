package debian

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"xtest/runner/cache"
)

func init() { firstPause = time.Millisecond }

// archive is a Debian archive that a test makes, signs and serves on loopback.
type archive struct {
	t      *testing.T
	key    *openpgp.Entity
	ring   string
	server *httptest.Server

	mu       sync.Mutex
	files    map[string][]byte
	requests []string
	fail     map[string]int // by path: how many requests are answered with 503
}

func newKey(t *testing.T, config *packet.Config) *openpgp.Entity {
	t.Helper()
	if config == nil {
		config = &packet.Config{}
	}
	config.Algorithm = packet.PubKeyAlgoEdDSA
	key, err := openpgp.NewEntity("Test Archive", "", "archive@example.org", config)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writeRing(t *testing.T, key *openpgp.Entity) string {
	t.Helper()
	var b bytes.Buffer
	if err := key.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	ring := filepath.Join(t.TempDir(), "ring.gpg")
	if err := os.WriteFile(ring, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return ring
}

func newArchive(t *testing.T) *archive {
	t.Helper()
	a := &archive{t: t, key: newKey(t, nil), files: map[string][]byte{}, fail: map[string]int{}}
	a.ring = writeRing(t, a.key)
	a.server = httptest.NewServer(a)
	t.Cleanup(a.server.Close)
	return a
}

func (a *archive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests = append(a.requests, r.URL.Path)
	name := strings.TrimPrefix(r.URL.Path, "/debian/")
	data, ok := a.files[name]
	switch {
	case a.fail[name] > 0:
		a.fail[name]--
		w.WriteHeader(http.StatusServiceUnavailable)
	case !ok:
		w.WriteHeader(http.StatusNotFound)
	default:
		_, _ = w.Write(data)
	}
}

func (a *archive) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.requests)
}

func (a *archive) mirror() Mirror {
	return Mirror{URL: a.server.URL + "/debian", SecurityURL: a.server.URL + "/debian", Keyrings: []string{a.ring}}
}

func hashOf(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// offer puts a package into the pool and returns its paragraph.
func (a *archive) offer(name, version, more string, deb []byte) string {
	file := "pool/" + name + "_" + version + "_amd64.deb"
	a.files[file] = deb
	return fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: amd64\nDescription: a test\n with more\n%sFilename: %s\nSize: %d\nSHA256: %s\n\n",
		name, version, more, file, len(deb), hashOf(deb))
}

// publish makes a suite with these paragraphs.
func (a *archive) publish(suite, paragraphs, fields string) {
	packed := pack(a.t, "xz", []byte(paragraphs))
	dir := "dists/" + suite + "/main/binary-amd64/"
	if strings.Contains(fields, "Acquire-By-Hash") {
		a.files[dir+"by-hash/SHA256/"+hashOf(packed)] = packed
	} else {
		a.files[dir+"Packages.xz"] = packed
	}
	release := fmt.Sprintf("Origin: Test\nSuite: old%s\nCodename: %s\nDate: Sat, 11 Jul 2026 10:16:37 UTC\n%sSHA256:\n %s %d main/binary-amd64/Packages.xz\n",
		suite, suite, fields, hashOf(packed), len(packed))
	a.files["dists/"+suite+"/InRelease"] = sign(a.t, release, a.key)
}

func sign(t *testing.T, text string, keys ...*openpgp.Entity) []byte {
	t.Helper()
	var private []*packet.PrivateKey
	for _, k := range keys {
		private = append(private, k.PrivateKey)
	}
	var b bytes.Buffer
	w, err := clearsign.EncodeMulti(&b, private, nil)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pack(t *testing.T, ext string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch ext {
	case "xz":
		w, err = xz.NewWriter(&b)
	case "gz":
		w = gzip.NewWriter(&b)
	case "zst":
		w, err = zstd.NewWriter(&b)
	case "":
		return data
	}
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type member struct {
	name string
	data []byte
}

func arOf(members ...member) []byte {
	b := []byte(arMagic)
	for _, m := range members {
		b = append(b, fmt.Sprintf("%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, 0, 0, 0, "100644", len(m.data))...)
		b = append(b, m.data...)
		if len(m.data)%2 == 1 {
			b = append(b, '\n')
		}
	}
	return b
}

func tarOf(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		content := h.Uname // the test's files carry their content there
		h.Uname = ""
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(content))
		}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); h.Size > 0 && err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Uname: content}
}

// debOf makes a package whose archives are compressed with ext ("" for not at all).
func debOf(t *testing.T, ext string, data ...tar.Header) []byte {
	t.Helper()
	suffix := ".tar"
	if ext != "" {
		suffix += "." + ext
	}
	control := tarOf(t, file("./control", "Package: hello\nVersion: 1\nDescription: x\n y\n"), file("./postinst", "#!/bin/sh\n"))
	return arOf(member{"debian-binary", []byte("2.0\n")},
		member{"control" + suffix, pack(t, ext, control)},
		member{"data" + suffix, pack(t, ext, tarOf(t, data...))})
}

func openCache(t *testing.T) *cache.Cache {
	t.Helper()
	c, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func wantWords(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; it should say %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q lacks %q", err, w)
		}
	}
}
