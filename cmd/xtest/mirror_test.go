package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// mirror is an archive on loopback that serves what the shared cache holds, with Debian's own
// signatures, and counts what it is asked for.
type mirror struct {
	*httptest.Server
	mu    sync.Mutex
	asked map[string]int // by the last part of the path
}

func newMirror(t *testing.T) *mirror {
	t.Helper()
	m := &mirror{asked: map[string]int{}}
	blobs := blobsByName(t)
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := path.Base(r.URL.Path)
		m.mu.Lock()
		m.asked[name]++
		m.mu.Unlock()
		file := blobs[name]
		if name == "InRelease" {
			file = pinned(path.Base(path.Dir(r.URL.Path)))
		} else if strings.Contains(r.URL.Path, "/by-hash/SHA256/") {
			file = filepath.Join(cacheDir, "blobs", "sha256", name[:2], name)
		}
		if file == "" {
			http.NotFound(w, r)
			return
		}
		http.ServeFile(w, r, file)
	}))
	t.Cleanup(m.Close)
	return m
}

// root is the archive's; its security archive lies beside it, as on every mirror.
func (m *mirror) root() string { return m.URL + "/debian" }

func (m *mirror) requests() (total int, kernels int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, n := range m.asked {
		total += n
		if strings.HasPrefix(name, "user-mode-linux_") {
			kernels += n
		}
	}
	return total, kernels
}

// pinned is the signed index of a suite that the shared cache holds.
func pinned(suite string) string {
	found, err := filepath.Glob(filepath.Join(cacheDir, "pins", url.PathEscape("debian/"+suite+"/")+"*"))
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[0]
}

// blobsByName finds packages by their file names.
func blobsByName(t *testing.T) map[string]string {
	t.Helper()
	notes, err := filepath.Glob(filepath.Join(cacheDir, "blobs", "sha256", "*", "*.json"))
	if err != nil || len(notes) == 0 {
		t.Fatalf("the cache %s holds no blobs: %v", cacheDir, err)
	}
	byName := map[string]string{}
	for _, n := range notes {
		var note struct{ Name string }
		text, err := os.ReadFile(n)
		if err == nil {
			err = json.Unmarshal(text, &note)
		}
		if err != nil {
			t.Fatal(err)
		}
		byName[note.Name] = strings.TrimSuffix(n, ".json")
	}
	return byName
}
