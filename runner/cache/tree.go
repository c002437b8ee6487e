package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Tree returns the path of the folder that build makes. key is the hex SHA-256 of everything that
// decides its content: the inputs' hashes and the recipe's version; name is for people. build is
// given an empty folder, which gets its place only when build succeeds. Of two processes that want
// the same tree one builds and the other waits. Whoever uses a tree must not change it.
func (c *Cache) Tree(ctx context.Context, key, name string, build func(ctx context.Context, dir string) error) (string, error) {
	if !validKey(key) {
		return "", fmt.Errorf("looking up %s in the cache: %q is not a SHA-256 hash in lower-case hex", name, key)
	}
	present := func(path string) bool {
		st, err := os.Stat(path)
		return err == nil && st.IsDir()
	}
	return c.obtain(ctx, id{kindTree, key}, present, func(path string) error {
		return c.storeTree(ctx, key, name, path, build)
	})
}

func (c *Cache) storeTree(ctx context.Context, key, name, path string, build func(ctx context.Context, dir string) error) (err error) {
	for _, d := range []string{c.tmpDir(), filepath.Dir(path)} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return c.storeError(name, -1, err)
		}
	}
	tmp, err := os.MkdirTemp(c.tmpDir(), kindTree+"-"+key+".*")
	if err != nil {
		return c.storeError(name, -1, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeAll(tmp))
		}
	}()
	if err := os.Chmod(tmp, 0o755); err != nil {
		return c.storeError(name, -1, err)
	}
	if err := build(ctx, tmp); err != nil {
		return c.makerError(name, -1, err)
	}
	if err := ctx.Err(); err != nil {
		return err // build may have stopped half-way without saying so
	}
	if err := syncAll(tmp); err != nil {
		return c.storeError(name, -1, err)
	}
	if err := writeSidecar(path, name); err != nil {
		return c.storeError(name, -1, err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return c.storeError(name, -1, err)
	}
	return nil
}

// syncAll writes dir's file system out: after a power cut a tree must not stand with empty files.
func syncAll(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}
