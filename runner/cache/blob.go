package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// Blob says which file is wanted.
type Blob struct {
	SHA256 string // hex, lower case
	Size   int64  // bytes; negative when unknown
	Name   string // for people: a package's file name, say
}

// A mismatch is a fetched file that is not the one that was asked for.
type mismatch struct{ name, what, want, got string }

func (m *mismatch) Error() string {
	return fmt.Sprintf("%s is not what was promised: %s %s, want %s; nothing was cached", m.name, m.what, m.got, m.want)
}

// IsMismatch says whether err tells of a fetched file with a wrong size or hash.
func IsMismatch(err error) bool {
	var m *mismatch
	return errors.As(err, &m)
}

// Blob returns the path of b's file. When the cache lacks it, fetch writes it; it is stored only
// when size and hash are right. The file was verified when it was stored; later calls compare only
// its size. An error of fetch is returned wrapped.
func (c *Cache) Blob(ctx context.Context, b Blob, fetch func(ctx context.Context, w io.Writer) error) (string, error) {
	if b.Name == "" {
		b.Name = "sha256:" + b.SHA256
	}
	if !validKey(b.SHA256) {
		return "", fmt.Errorf("looking up %s in the cache: %q is not a SHA-256 hash in lower-case hex", b.Name, b.SHA256)
	}
	e := id{kindBlob, b.SHA256}
	present := func(path string) bool {
		st, err := os.Stat(path)
		return err == nil && st.Mode().IsRegular() && (b.Size < 0 || st.Size() == b.Size)
	}
	return c.obtain(ctx, e, present, func(path string) error {
		return c.storeBlob(ctx, b, path, fetch)
	})
}

func (c *Cache) storeBlob(ctx context.Context, b Blob, path string, fetch func(ctx context.Context, w io.Writer) error) (err error) {
	for _, d := range []string{c.tmpDir(), filepath.Dir(path)} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return c.storeError(b.Name, b.Size, err)
		}
	}
	f, err := os.CreateTemp(c.tmpDir(), kindBlob+"-"+b.SHA256+".*")
	if err != nil {
		return c.storeError(b.Name, b.Size, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreClosed(f.Close()), ignoreMissing(os.Remove(f.Name())))
		}
	}()
	w := &checkedWriter{blob: b, to: f, hash: sha256.New()}
	if err := fetch(ctx, w); err != nil {
		if w.fault != nil && !IsMismatch(w.fault) {
			return c.storeError(b.Name, b.Size, w.fault)
		}
		return c.makerError(b.Name, b.Size, err)
	}
	if err := w.verify(); err != nil {
		return c.makerError(b.Name, b.Size, err)
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return c.storeError(b.Name, b.Size, err)
	}
	if err := writeSidecar(path, b.Name); err != nil {
		return c.storeError(b.Name, b.Size, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return c.storeError(b.Name, b.Size, err)
	}
	return nil
}

// checkedWriter hashes what passes and stops a sender that sends more than was promised, so that
// one cannot fill the disk.
type checkedWriter struct {
	blob  Blob
	to    io.Writer
	hash  hash.Hash
	n     int64
	fault error // the first error of to, kept because a fetch may hide it
}

func (w *checkedWriter) Write(p []byte) (int, error) {
	if w.blob.Size >= 0 && w.n+int64(len(p)) > w.blob.Size {
		w.fault = &mismatch{w.blob.Name, "size", fmt.Sprint(w.blob.Size, " bytes"), "more"}
		return 0, w.fault
	}
	n, err := w.to.Write(p)
	w.n += int64(n)
	w.hash.Write(p[:n])
	if err != nil {
		w.fault = err
	}
	return n, err
}

func (w *checkedWriter) verify() error {
	if w.fault != nil {
		return w.fault
	}
	if w.blob.Size >= 0 && w.n != w.blob.Size {
		return &mismatch{w.blob.Name, "size", fmt.Sprint(w.blob.Size, " bytes"), fmt.Sprint(w.n)}
	}
	if got := hex.EncodeToString(w.hash.Sum(nil)); got != w.blob.SHA256 {
		return &mismatch{w.blob.Name, "sha256", w.blob.SHA256, got}
	}
	return nil
}

// sidecar is what is kept beside an entry for people.
type sidecar struct {
	Name string `json:"name"`
}

func writeSidecar(path, name string) error {
	text, err := json.Marshal(sidecar{name})
	if err != nil {
		return err
	}
	return os.WriteFile(path+".json", append(text, '\n'), 0o644)
}

func readSidecar(path string) sidecar {
	var s sidecar
	if text, err := os.ReadFile(path + ".json"); err == nil {
		_ = json.Unmarshal(text, &s) // a damaged sidecar costs only the name
	}
	return s
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
