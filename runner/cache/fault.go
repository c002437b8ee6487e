package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrReadOnly is what storing in a cache that cannot be written fails with, for errors.Is.
var ErrReadOnly = errors.New("the cache cannot be written")

// storeError explains why what could not be stored. size is in bytes, negative when unknown.
func (c *Cache) storeError(what string, size int64, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		need := ""
		if size >= 0 {
			need = fmt.Sprintf(" it needs %s,", megabytes(size))
		}
		return fmt.Errorf("storing %s in the cache %s:%s %s there is free: %w; make room with \"xtest cache prune\", or use another folder with --cache DIR",
			what, c.dir, need, c.free(), err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("storing %s: %w: %w; use another folder with --cache DIR or XTEST_CACHE", what, ErrReadOnly, err)
	}
	return fmt.Errorf("storing %s in the cache %s: %w", what, c.dir, err)
}

// makerError is for what a fetch or a build came back with: its own words, unless the disk is full.
func (c *Cache) makerError(what string, size int64, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return c.storeError(what, size, err)
	}
	return err
}

func (c *Cache) free() string {
	var st unix.Statfs_t
	if err := unix.Statfs(c.dir, &st); err != nil {
		return "an unknown amount"
	}
	return megabytes(int64(st.Bavail) * st.Bsize)
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// removeAll is os.RemoveAll for trees that hold folders without write permission, as packages may.
func removeAll(path string) error {
	err := os.RemoveAll(path)
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			return os.Chmod(p, 0o700)
		}
		return nil
	})
	return os.RemoveAll(path)
}
