package debian

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

var main = []Suite{{Name: "bookworm"}}

func TestLoadAndFetch(t *testing.T) {
	for _, fields := range []string{"", "Acquire-By-Hash: yes\n"} {
		a := newArchive(t)
		deb := debOf(t, "xz", file("./usr/bin/hello", "hi"))
		old := a.offer("hello", "1", "Depends: libc6\n", deb)
		a.publish("bookworm", old+a.offer("other", "1:2+b1", "", deb), fields)
		a.publish("bookworm-security", a.offer("hello", "1.1", "Essential: yes\n", deb), fields)
		c := openCache(t)
		suites := []Suite{{Name: "bookworm"}, {Name: "bookworm-security", Security: true}}
		ix, err := Load(t.Context(), c, a.mirror(), suites, "amd64", nil)
		if err != nil {
			t.Fatal(err)
		}
		p := ix.Package("hello")
		if p == nil || p.Version != "1.1" || !p.Essential || ix.Len() != 2 {
			t.Fatalf("%+v", p)
		}
		var last, total int64
		paths, err := FetchAll(t.Context(), c, []*Package{p, ix.Package("other")}, func(_ string, d, n int64) { last, total = d, n })
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(paths[0]); string(got) != string(deb) {
			t.Error("the fetched package differs")
		}
		if last != total || total != 2*int64(len(deb)) {
			t.Errorf("progress ended at %d of %d", last, total)
		}

		before := a.count()
		ix, err = Load(t.Context(), c, a.mirror(), suites, "amd64", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ix.Package("hello").Fetch(t.Context(), c, nil); err != nil {
			t.Fatal(err)
		}
		if n := a.count() - before; n != 0 {
			t.Errorf("the second time made %d requests: %v", n, a.requests[before:])
		}

		a.publish("bookworm", a.offer("hello", "3", "", deb), fields)
		if ix, err = Load(t.Context(), c, a.mirror(), suites, "amd64", nil); err != nil || ix.Package("hello").Version != "1.1" {
			t.Errorf("Load did not keep what was pinned: %v", err)
		}
		if ix, err = Update(t.Context(), c, a.mirror(), suites, "amd64", nil); err != nil || ix.Package("hello").Version != "3" {
			t.Errorf("Update did not fetch the newer index: %v", err)
		}
	}
}

func TestUntrustedIndex(t *testing.T) {
	past := func() time.Time { return time.Now().Add(-48 * time.Hour) }
	for name, tc := range map[string]struct {
		spoil func(a *archive)
		words []string
	}{
		"another key": {func(a *archive) { a.key = newKey(t, nil); a.publish("bookworm", "", "") },
			[]string{"InRelease", "not good", "key ", "ring.gpg", "debian-archive-keyring", "--keyring FILE"}},
		"expired key": {func(a *archive) {
			a.key = newKey(t, &packet.Config{Time: past, KeyLifetimeSecs: 3600})
			a.ring = writeRing(t, a.key)
			a.publish("bookworm", "", "")
		}, []string{"expired", "debian-archive-keyring"}},
		"changed text": {func(a *archive) {
			f := a.files["dists/bookworm/InRelease"]
			a.files["dists/bookworm/InRelease"] = []byte(strings.Replace(string(f), "Origin: Test", "Origin: Tset", 1))
		}, []string{"not good", "InRelease"}},
		"appended text": {func(a *archive) {
			a.files["dists/bookworm/InRelease"] = append(a.files["dists/bookworm/InRelease"], "\nSuite: x\n"...)
		}, []string{"after its signature"}},
		"a portal's page": {func(a *archive) { a.files["dists/bookworm/InRelease"] = []byte("<html>log in") },
			[]string{"not a signed file", "<html>log in"}},
		"another suite": {func(a *archive) {
			a.publish("bullseye", "", "")
			a.files["dists/bookworm/InRelease"] = a.files["dists/bullseye/InRelease"]
		}, []string{"asked for bookworm", "bullseye"}},
		"tampered list": {func(a *archive) {
			a.files["dists/bookworm/main/binary-amd64/Packages.xz"][20] ^= 1
		}, []string{"packages of bookworm", "sha256", "want"}},
		"long list": {func(a *archive) {
			n := "dists/bookworm/main/binary-amd64/Packages.xz"
			a.files[n] = append(a.files[n], 0)
		}, []string{"size", "want"}},
		"no suite": {func(a *archive) { delete(a.files, "dists/bookworm/InRelease") }, []string{"404", "bookworm", "--mirror URL"}},
		"no list":  {func(a *archive) { delete(a.files, "dists/bookworm/main/binary-amd64/Packages.xz") }, []string{"404", "Packages.xz"}},
		"bad list": {func(a *archive) { a.publish("bookworm", "Package: x\nVersion: 1\n\n", "") }, []string{"bookworm", "Architecture"}},
		"refused":  {func(a *archive) { a.server.Close() }, []string{"connection refused", "proxy", "tried 4 times"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t)
			a.t = t
			a.publish("bookworm", a.offer("hello", "1", "", []byte("x")), "")
			tc.spoil(a)
			c := openCache(t)
			_, err := Load(t.Context(), c, a.mirror(), main, "amd64", nil)
			wantWords(t, err, tc.words...)
			if all, _ := c.List(); len(all) > 1 || len(all) == 1 && name != "bad list" {
				t.Errorf("cached: %+v", all)
			}
		})
	}
}

func TestOneKnownKeyIsEnough(t *testing.T) {
	a := newArchive(t)
	release := "Codename: bookworm\nSHA256:\n"
	a.files["dists/bookworm/InRelease"] = sign(t, release, newKey(t, nil), a.key)
	_, err := Load(t.Context(), openCache(t), a.mirror(), main, "amd64", nil)
	wantWords(t, err, "no packages for the architecture amd64")
}

func TestWarnings(t *testing.T) {
	a := newArchive(t)
	c := openCache(t)
	a.publish("bookworm", "", "Valid-Until: Sat, 18 Jul 2020 10:16:37 UTC\n")
	ix, err := Load(t.Context(), c, a.mirror(), main, "amd64", nil)
	if err != nil || len(ix.Warnings) != 1 || !strings.Contains(ix.Warnings[0], "2020-07-18") {
		t.Fatalf("%+v, %v", ix, err)
	}
	f := a.files["dists/bookworm/main/binary-amd64/Packages.xz"]
	a.files["dists/bookworm/InRelease"] = sign(t, fmt.Sprintf("Codename: bookworm\nDate: Sat, 12 Jul 2025 10:16:37 UTC\nSHA256:\n %s %d main/binary-amd64/Packages.xz\n", hashOf(f), len(f)), a.key)
	ix, err = Update(t.Context(), c, a.mirror(), main, "amd64", nil)
	if err != nil || len(ix.Warnings) != 1 || !strings.Contains(ix.Warnings[0], "replay") {
		t.Errorf("%+v, %v", ix, err)
	}
}

func loaded(t *testing.T, a *archive, paragraphs string) *Index {
	t.Helper()
	a.publish("bookworm", paragraphs, "")
	ix, err := Load(t.Context(), openCache(t), a.mirror(), main, "amd64", nil)
	if err != nil {
		t.Fatal(err)
	}
	return ix
}

func TestFetchFailures(t *testing.T) {
	a := newArchive(t)
	ix := loaded(t, a, a.offer("hello", "1", "", []byte("12345"))+a.offer("gone", "1", "", []byte("1"))+a.offer("flaky", "1", "", []byte("123")))
	c := openCache(t)

	delete(a.files, "pool/gone_1_amd64.deb")
	_, err := ix.Package("gone").Fetch(t.Context(), c, nil)
	wantWords(t, err, "gone_1_amd64.deb", "older than the mirror", "xtest cache update", "404")

	a.files["pool/hello_1_amd64.deb"] = []byte("12354")
	_, err = ix.Package("hello").Fetch(t.Context(), c, nil)
	wantWords(t, err, "hello_1_amd64.deb", "sha256", hashOf([]byte("12345")), hashOf([]byte("12354")))

	a.fail["pool/flaky_1_amd64.deb"] = 2
	var done int64
	if _, err := ix.Package("flaky").Fetch(t.Context(), c, func(_ string, d, _ int64) { done = d }); err != nil || done != 3 {
		t.Errorf("after two answers of 503: %d bytes, %v", done, err)
	}
	b := newArchive(t)
	ix = loaded(t, b, b.offer("down", "1", "", []byte("1")))
	b.fail["pool/down_1_amd64.deb"] = 99
	_, err = ix.Package("down").Fetch(t.Context(), c, nil)
	wantWords(t, err, "503", "tried 4 times", "down")
	if all, _ := c.List(); len(all) != 1 {
		t.Errorf("cached: %+v", all)
	}
}

func TestPinOutlivesTheMirror(t *testing.T) {
	a := newArchive(t)
	a.publish("bookworm", "", "")
	c := openCache(t)
	if _, err := Load(t.Context(), c, a.mirror(), main, "amd64", nil); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"blobs", "trees"} {
		if err := os.RemoveAll(filepath.Join(c.Dir(), kind)); err != nil {
			t.Fatal(err)
		}
	}
	clear(a.files)
	_, err := Load(t.Context(), c, a.mirror(), main, "amd64", nil)
	wantWords(t, err, "older than the mirror", "xtest cache update", "404")
}

func TestConcurrentFetches(t *testing.T) {
	a := newArchive(t)
	ix := loaded(t, a, a.offer("hello", "1", "", []byte("12345")))
	before := a.count()
	c := openCache(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := ix.Package("hello").Fetch(t.Context(), c, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := a.count() - before; n != 1 {
		t.Errorf("%d requests for one package", n)
	}
}

func TestProxyIsUsedAndPasswordsStayOut(t *testing.T) {
	a := newArchive(t)
	a.publish("bookworm", "", "")
	proxy := httptest.NewServer(a) // an HTTP proxy is asked with the absolute URL
	defer proxy.Close()
	m := a.mirror()
	m.Proxy = Proxy{byKey: map[string]string{"http": proxy.URL}}
	m.URL = "http://user:secret@archive.example.org/debian"
	c := openCache(t)
	if _, err := Load(t.Context(), c, m, main, "amd64", nil); err != nil {
		t.Fatal(err)
	}
	all, err := c.List()
	if err != nil || strings.Contains(fmt.Sprintf("%+v", all), "secret") {
		t.Errorf("listed %+v, %v", all, err)
	}
	_, err = Load(t.Context(), c, m, []Suite{{Name: "sid"}}, "amd64", nil)
	wantWords(t, err, "404")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error shows the password: %v", err)
	}
}
