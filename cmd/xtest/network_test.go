package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
)

// A second run needs no network: everything it asks for is in the cache.
func TestWarmRunOpensNoConnection(t *testing.T) {
	t.Parallel()
	needBoots(t)
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	defer server.Close()
	proxies := []string{"http_proxy=" + server.URL, "https_proxy=" + server.URL, "HTTP_PROXY=" + server.URL, "HTTPS_PROXY=" + server.URL}
	for _, mirror := range [][]string{nil, {"--mirror", server.URL + "/debian"}} {
		if out := (call{args: append(passes, mirror...), env: proxies}).run(t); out.code != exitGood {
			t.Error(out)
		}
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("%d requests", n)
	}
	// The server does count: an empty cache asks it.
	out := call{args: append(passes, "--mirror", server.URL+"/debian"), env: []string{"XTEST_CACHE=" + t.TempDir()}}.run(t)
	if out.code != exitUnjudged || requests.Load() == 0 {
		t.Errorf("an empty cache: %d requests, %s", requests.Load(), out)
	}
}

// What the wrong key signed is not believed, and not kept either.
func TestWrongKeyring(t *testing.T) {
	t.Parallel()
	needBoots(t)
	m := newMirror(t)
	dir := t.TempDir()
	stranger := filepath.Join(dir, "stranger.gpg")
	f, err := os.Create(stranger)
	if err != nil {
		t.Fatal(err)
	}
	key, err := openpgp.NewEntity("A stranger", "", "stranger@example.org", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := key.Serialize(f); err != nil {
		t.Fatal(err)
	}
	f.Close()
	rubbish := filepath.Join(dir, "rubbish.gpg")
	if err := os.WriteFile(rubbish, []byte("these are no keys"), 0o644); err != nil {
		t.Fatal(err)
	}
	for file, words := range map[string]string{
		stranger:                          "the signature of dists/bookworm/InRelease is not good",
		rubbish:                           "reading the key ring",
		filepath.Join(dir, "nothing.gpg"): "no such file",
	} {
		cache := t.TempDir()
		out := call{args: append(passes, "--mirror", m.root(), "--keyring", file), env: []string{"XTEST_CACHE=" + cache}}.run(t)
		if out.code != exitUnjudged {
			t.Errorf("%s: %s", file, out)
		}
		said := strings.Join(strings.Fields(out.stdout+out.stderr), " ") // tables wrap
		for _, w := range []string{words, file, "--keyring"} {
			if !strings.Contains(said, w) {
				t.Errorf("%s: no %q in what it says: %s", file, w, out)
			}
		}
		if kept := filesBelow(t, cache); len(kept) > 0 {
			t.Errorf("%s: the cache holds %q", file, kept)
		}
	}
}

// filesBelow lists the files that are not empty, as lock files are.
func filesBelow(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.Walk(dir, func(p string, st os.FileInfo, err error) error {
		if err == nil && st.Mode().IsRegular() && st.Size() > 0 {
			list = append(list, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestColdCache fills an empty cache in several ways at once, and uses it in others.
func TestColdCache(t *testing.T) {
	t.Parallel()
	needBoots(t)
	m := newMirror(t)
	cache := openTemp(t)
	env := []string{"XTEST_CACHE=" + cache}
	cold := append(append([]string{}, passes...), "--mirror", m.root())
	outs := make([]outcome, 2)
	var both sync.WaitGroup
	for i := range outs {
		both.Go(func() { outs[i] = call{args: cold, env: env}.run(t) })
	}
	both.Wait()
	for _, out := range outs {
		if out.code != exitGood {
			t.Fatal(out)
		}
	}
	total, kernels := m.requests()
	if kernels != 1 {
		t.Errorf("the kernel was fetched %d times", kernels)
	}
	if left, err := os.ReadDir(filepath.Join(cache, "tmp")); err != nil || len(left) > 0 {
		t.Errorf("left in the cache's folder for temporary files: %v, %v", left, err)
	}
	if out := (call{args: cold, env: env}).run(t); out.code != exitGood {
		t.Errorf("the third run: %s", out)
	}
	if again, _ := m.requests(); again != total {
		t.Errorf("the third run made %d requests", again-total)
	}
	t.Run("read-only", func(t *testing.T) { readOnlyCache(t, cache, m) })
	t.Run("pruned", func(t *testing.T) { prunedCache(t, cache) })
}

func prunedCache(t *testing.T, cache string) {
	env := []string{"XTEST_CACHE=" + cache}
	shown := call{args: []string{"cache", "show"}, env: env}.run(t)
	if shown.code != exitGood || !strings.Contains(shown.stdout, "user-mode-linux_") {
		t.Errorf("cache show: %s", shown)
	}
	young := call{args: []string{"cache", "prune", "--older-than", "720h"}, env: env}.run(t)
	if young.code != exitGood || !strings.HasPrefix(young.stdout, "0 entries removed") {
		t.Errorf("pruning what is older than a month: %s", young)
	}
	all := call{args: []string{"cache", "prune", "--all"}, env: env}.run(t)
	if all.code != exitGood || strings.HasPrefix(all.stdout, "0 entries") {
		t.Errorf("pruning all: %s", all)
	}
	empty := call{args: []string{"cache", "show"}, env: env}.run(t)
	if strings.Contains(empty.stdout, "user-mode-linux_") {
		t.Errorf("the kernel is still there: %s", empty)
	}
}

func TestUpdateWithoutMirror(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	out := call{args: []string{"cache", "update", "--mirror", closed.URL + "/debian"}, env: []string{"XTEST_CACHE=" + t.TempDir()}}.run(t)
	for _, words := range []string{"updating Debian ", "connection refused", "--mirror URL"} {
		if !strings.Contains(out.stderr, words) {
			t.Errorf("no %q: %s", words, out)
		}
	}
	if out.code != exitUnjudged {
		t.Errorf("exit status %d", out.code)
	}
}

func TestNoMirror(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	out := call{args: append(passes, "--mirror", closed.URL+"/debian"), env: []string{"XTEST_CACHE=" + t.TempDir()}}.run(t)
	said := strings.Join(strings.Fields(out.stdout), " ")
	for _, words := range []string{"fetching its signed index", "connection refused", "--mirror URL"} {
		if !strings.Contains(said, words) {
			t.Errorf("no %q: %s", words, out)
		}
	}
	if out.code != exitUnjudged {
		t.Errorf("exit status %d", out.code)
	}
}
