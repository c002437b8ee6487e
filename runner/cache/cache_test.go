package cache_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xtest/runner/cache"
)

func open(t *testing.T, dir string) *cache.Cache {
	t.Helper()
	c, err := cache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func blobOf(text string) cache.Blob {
	h := sha256.Sum256([]byte(text))
	return cache.Blob{SHA256: hex.EncodeToString(h[:]), Size: int64(len(text)), Name: "hello_1.deb"}
}

func write(text string) func(context.Context, io.Writer) error {
	return func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

func never(t *testing.T) func(context.Context, io.Writer) error {
	return func(context.Context, io.Writer) error {
		t.Error("fetched again")
		return errors.New("fetched again")
	}
}

// leftovers are the files below dir other than locks.
func leftovers(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Base(filepath.Dir(p)) != "locks" {
			names = append(names, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func wantWords(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q lacks %q", err, w)
		}
	}
}

func TestBlobIsFetchedOnce(t *testing.T) {
	dir := t.TempDir()
	b := blobOf("content")
	p, err := open(t, dir).Blob(t.Context(), b, write("content"))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(p); string(got) != "content" {
		t.Errorf("stored %q", got)
	}
	if want := filepath.Join(dir, "blobs", "sha256", b.SHA256[:2], b.SHA256); p != want {
		t.Errorf("path %s, want %s", p, want)
	}
	if again, err := open(t, dir).Blob(t.Context(), b, never(t)); err != nil || again != p {
		t.Errorf("second call: %s, %v", again, err)
	}
}

func TestWrongContentIsNotCached(t *testing.T) {
	b := blobOf("content")
	for name, sent := range map[string]string{"hash": "tnetnoc", "short": "cont", "long": "contents"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := open(t, dir).Blob(t.Context(), b, write(sent))
			wantWords(t, err, "hello_1.deb", "want")
			if !cache.IsMismatch(err) {
				t.Errorf("not a mismatch: %v", err)
			}
			if name != "hash" {
				wantWords(t, err, "size")
			} else {
				wantWords(t, err, b.SHA256)
			}
			if l := leftovers(t, dir); len(l) != 0 {
				t.Errorf("left behind: %v", l)
			}
		})
	}
}

func TestTruncatedBlobIsFetchedAgain(t *testing.T) {
	c := open(t, t.TempDir())
	b := blobOf("content")
	p, err := c.Blob(t.Context(), b, write("content"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(p, 3); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Blob(t.Context(), b, write("content")); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(p); string(got) != "content" {
		t.Errorf("stored %q", got)
	}
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	full := func(context.Context, io.Writer) error {
		return &os.PathError{Op: "write", Path: "somewhere", Err: syscall.ENOSPC}
	}
	_, err := open(t, dir).Blob(t.Context(), blobOf(strings.Repeat("x", 2_000_000)), full)
	wantWords(t, err, dir, "2.0 MB", "xtest cache prune", "--cache DIR")
	if l := leftovers(t, dir); len(l) != 0 {
		t.Errorf("left behind: %v", l)
	}
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	b := blobOf("content")
	if _, err := open(t, dir).Blob(t.Context(), b, write("content")); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir).SetPin("a", []byte("pinned")); err != nil {
		t.Fatal(err)
	}
	setMode(t, dir, 0o555)
	defer setMode(t, dir, 0o755)
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		// Root may write anywhere; this thread becomes nobody for the file system. It is thrown away
		// with the goroutine when the test cannot set it back.
		runtime.LockOSThread()
		if _, err := unix.SetfsuidRetUid(65534); err != nil {
			t.Skipf("cannot become another user: %v", err)
		}
		defer runtime.UnlockOSThread()
		defer unix.SetfsuidRetUid(0)
	}
	c, err := cache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Blob(t.Context(), b, never(t)); err != nil {
		t.Errorf("what is there: %v", err)
	}
	if data, _, err := c.Pin("a"); err != nil || string(data) != "pinned" {
		t.Errorf("pin: %q, %v", data, err)
	}
	_, err = c.Blob(t.Context(), blobOf("other"), write("other"))
	wantWords(t, err, "cannot be written", "--cache DIR", "XTEST_CACHE")
	if !errors.Is(err, cache.ErrReadOnly) {
		t.Errorf("not ErrReadOnly: %v", err)
	}
	if err := c.SetPin("b", nil); !errors.Is(err, cache.ErrReadOnly) {
		t.Errorf("not ErrReadOnly: %v", err)
	}
}

func setMode(t *testing.T, dir string, mode os.FileMode) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(p, mode)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestConcurrentBlobs(t *testing.T) {
	dir := t.TempDir()
	var fetched atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		c := open(t, dir)
		wg.Go(func() {
			_, err := c.Blob(t.Context(), blobOf("content"), func(ctx context.Context, w io.Writer) error {
				fetched.Add(1)
				return write("content")(ctx, w)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := fetched.Load(); n != 1 {
		t.Errorf("fetched %d times", n)
	}
}

func TestUseIsMarked(t *testing.T) {
	c := open(t, t.TempDir())
	p, err := c.Blob(t.Context(), blobOf("content"), write("content"))
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(p, old, old); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Blob(t.Context(), blobOf("content"), never(t)); err != nil {
		t.Fatal(err)
	}
	if st, _ := os.Stat(p); time.Since(st.ModTime()) > time.Hour {
		t.Error("its use was not marked")
	}
}

func TestWhereTheCacheIs(t *testing.T) {
	t.Setenv("HOME", "/h")
	for _, tc := range []struct{ own, xdg, want string }{
		{"/own", "/xdg", "/own"},
		{"", "/xdg", "/xdg/xtest"},
		{"", "relative", "/h/.cache/xtest"},
		{"", "", "/h/.cache/xtest"},
	} {
		t.Setenv("XTEST_CACHE", tc.own)
		t.Setenv("XDG_CACHE_HOME", tc.xdg)
		c, err := cache.Open("")
		if err != nil || c.Dir() != tc.want {
			t.Errorf("%+v: %v, %v", tc, c.Dir(), err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := cache.Open(file)
	wantWords(t, err, "not a folder", "--cache DIR")
}

func TestBadKey(t *testing.T) {
	c := open(t, t.TempDir())
	for _, key := range []string{"", "..", strings.Repeat("g", 64), strings.Repeat("A", 64), "../" + strings.Repeat("a", 61)} {
		if _, err := c.Blob(t.Context(), cache.Blob{SHA256: key}, never(t)); err == nil {
			t.Errorf("accepted %q", key)
		}
		if _, err := c.Tree(t.Context(), key, "x", nil); err == nil {
			t.Errorf("accepted %q", key)
		}
	}
}
