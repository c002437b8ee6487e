package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// pollEvery is how often a waiter looks whether the maker of an entry is done: flock(2) cannot
// wait with a deadline.
const pollEvery = 20 * time.Millisecond

// Cache is an open cache. Its methods may be called from several goroutines, and several processes
// may have the same folder open.
type Cache struct {
	dir  string
	mu   sync.Mutex
	held map[string]*flock.Flock // shared locks on what was handed out, by lock file
}

// Open opens the cache in dir. An empty dir means $XTEST_CACHE, else $XDG_CACHE_HOME/xtest, else
// ~/.cache/xtest. The folder is made when something is first stored, so a read-only one can be
// opened and read. What killed builds left behind is removed.
func Open(dir string) (*Cache, error) {
	if dir == "" {
		var err error
		if dir, err = defaultDir(); err != nil {
			return nil, err
		}
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the cache %s: %w", dir, err)
	}
	if st, err := os.Stat(abs); err == nil && !st.IsDir() {
		return nil, fmt.Errorf("opening the cache %s: it is not a folder; choose another with --cache DIR or XTEST_CACHE", abs)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("opening the cache: %w; choose another folder with --cache DIR or XTEST_CACHE", err)
	}
	c := &Cache{dir: abs, held: map[string]*flock.Flock{}}
	c.sweep()
	return c, nil
}

func defaultDir() (string, error) {
	if d := os.Getenv("XTEST_CACHE"); d != "" {
		return d, nil
	}
	// The XDG base directory specification: a relative path is invalid and must be ignored.
	if d := os.Getenv("XDG_CACHE_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "xtest"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding a folder for the cache: %w; set it with --cache DIR or XTEST_CACHE", err)
	}
	return filepath.Join(home, ".cache", "xtest"), nil
}

// Dir is the cache's folder, absolute.
func (c *Cache) Dir() string { return c.dir }

// Close gives up the protection of everything that was handed out.
func (c *Cache) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for path, l := range c.held {
		errs = append(errs, l.Close())
		delete(c.held, path)
	}
	return errors.Join(errs...)
}

// An id names a blob or a tree.
type id struct{ kind, key string }

const (
	kindBlob = "blob"
	kindTree = "tree"
	kindPin  = "pin"
)

func (c *Cache) kindDir(kind string) string {
	return filepath.Join(c.dir, kind+"s", "sha256")
}

func (c *Cache) path(e id) string {
	return filepath.Join(c.kindDir(e.kind), e.key[:2], e.key)
}

// An entry has two locks. A maker must not wait for users: when somebody deletes an entry by hand
// while it is used, it has to be made again.
const (
	toMake = ".make" // exclusive while the entry is made or removed
	toUse  = ".use"  // shared while the path is handed out, exclusive while it is removed
)

func (c *Cache) lockFile(e id, purpose string) string {
	return filepath.Join(c.dir, "locks", e.kind+"-"+e.key+purpose)
}

func (c *Cache) tmpDir() string { return filepath.Join(c.dir, "tmp") }

// validKey keeps keys from naming anything but a file of their own.
func validKey(key string) bool {
	return len(key) == 64 && strings.Trim(key, "0123456789abcdef") == ""
}

// obtain returns the path of e once present says that it is there. When it is not, make is called
// under e's exclusive lock. While another process makes it, obtain waits until ctx ends.
func (c *Cache) obtain(ctx context.Context, e id, present func(path string) bool, make func(path string) error) (string, error) {
	path := c.path(e)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if present(path) && c.hold(e) && present(path) {
			now := time.Now()
			_ = os.Chtimes(path, now, now) // marks its use; impossible, and no matter, on a read-only cache
			return path, nil
		}
		if err := ctx.Err(); err != nil {
			return "", err
		}
		l, err := c.tryLock(e, toMake)
		if err != nil {
			return "", err
		}
		if l != nil {
			if !present(path) {
				c.removeTemps(e)
				err = make(path)
			}
			err = errors.Join(err, l.Close())
			if err != nil {
				return "", err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-tick.C:
		}
	}
}
