package cache

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// tryLock takes a lock of e exclusively, or returns nil when another has it. Prune removes lock
// files, so a lock counts only when its file is still the one that others would open.
func (c *Cache) tryLock(e id, purpose string) (*flock.Flock, error) {
	path := c.lockFile(e, purpose)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, c.storeError(e.key, -1, err)
	}
	l := flock.New(path, flock.SetPermissions(0o644))
	ok, err := l.TryLock()
	if err != nil {
		return nil, c.storeError(e.key, -1, err)
	}
	if !ok || !current(l) {
		return nil, l.Close()
	}
	return l, nil
}

// hold keeps e from being pruned until Close. It reports false when another process is removing e
// right now. A read-only cache that has no lock file needs no protection.
func (c *Cache) hold(e id) bool {
	path := c.lockFile(e, toUse)
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.held[path]; ok {
		return true
	}
	l := flock.New(path, flock.SetPermissions(0o644))
	ok, err := l.TryRLock()
	if err != nil {
		return true
	}
	if !ok || !current(l) {
		_ = l.Close() // nothing was written through it
		return false
	}
	c.held[path] = l
	return true
}

func current(l *flock.Flock) bool {
	mine, err := l.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(l.Path())
	return err == nil && os.SameFile(mine, there)
}

// sweep removes the temporaries of makers that are gone. What cannot be removed waits for the next
// opener: an entry is never taken from tmp.
func (c *Cache) sweep() {
	names, _ := os.ReadDir(c.tmpDir())
	for _, n := range names {
		stem, _, _ := strings.Cut(n.Name(), ".")
		kind, key, _ := strings.Cut(stem, "-")
		if kind != kindBlob && kind != kindTree || !validKey(key) {
			continue
		}
		e := id{kind, key}
		if l, err := c.tryLock(e, toMake); err == nil && l != nil {
			c.removeTemps(e)
			_ = l.Close() // unlocking; the file holds nothing
		}
	}
}

// removeTemps removes the temporaries of e. The caller holds e's lock for making.
func (c *Cache) removeTemps(e id) {
	old, _ := filepath.Glob(filepath.Join(escapeGlob(c.tmpDir()), e.kind+"-"+e.key+".*"))
	for _, p := range old {
		_ = removeAll(p) // another try follows when the cache is opened again
	}
}
