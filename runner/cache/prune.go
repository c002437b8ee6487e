package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"
)

// Entry is one thing in the cache.
type Entry struct {
	Kind     string    // "blob", "tree" or "pin"
	Name     string    // for people; "" when it is not known
	Key      string    // hex SHA-256; a pin's name
	Size     int64     // bytes taken on the disk
	LastUsed time.Time // of a pin: when it was set
	path     string
}

// List returns what is in the cache, by kind and then last used first.
func (c *Cache) List() ([]Entry, error) {
	var all []Entry
	for _, kind := range []string{kindBlob, kindTree} {
		paths, err := filepath.Glob(filepath.Join(escapeGlob(c.kindDir(kind)), "??", "*"))
		if err != nil {
			return nil, fmt.Errorf("listing the cache %s: %w", c.dir, err)
		}
		for _, p := range paths {
			key := filepath.Base(p)
			st, err := os.Lstat(p)
			if !validKey(key) || err != nil {
				continue // a sidecar, or removed by another process since
			}
			all = append(all, Entry{kind, readSidecar(p).Name, key, diskUsage(p), st.ModTime(), p})
		}
	}
	pins, err := os.ReadDir(filepath.Join(c.dir, "pins"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the cache %s: %w", c.dir, err)
	}
	for _, d := range pins {
		name, err := url.PathUnescape(d.Name())
		st, statErr := d.Info()
		if err != nil || statErr != nil || strings.HasPrefix(d.Name(), ".") {
			continue
		}
		p := filepath.Join(c.dir, "pins", d.Name())
		all = append(all, Entry{kindPin, name, name, diskUsage(p), st.ModTime(), p})
	}
	sort.SliceStable(all, func(i, j int) bool {
		if all[i].Kind != all[j].Kind {
			return all[i].Kind < all[j].Kind
		}
		return all[i].LastUsed.After(all[j].LastUsed)
	})
	return all, nil
}

// PruneOptions says what to remove. The zero value removes nothing.
type PruneOptions struct {
	All       bool          // everything that is not in use
	OlderThan time.Duration // what was not used for this long; 0 or less matches nothing
	Name      string        // of these, only entries with this name; "" means any
}

// Prune removes entries and returns how many bytes of disk (freed) and how many entries (n) that
// were. What any process, this one included, has locked stays. It goes on after an entry that
// cannot be removed, and returns those errors joined.
func (c *Cache) Prune(o PruneOptions) (freed int64, n int, err error) {
	c.sweep()
	entries, err := c.List()
	if err != nil {
		return 0, 0, err
	}
	var errs []error
	for _, e := range entries {
		if o.Name != "" && e.Name != o.Name || !o.All && (o.OlderThan <= 0 || time.Since(e.LastUsed) < o.OlderThan) {
			continue
		}
		removed, err := c.remove(e, o)
		if err != nil {
			errs = append(errs, c.storeError("the removal of "+e.Kind+" "+e.Key, -1, err))
		}
		if removed {
			freed += e.Size
			n++
		}
	}
	return freed, n, errors.Join(errs...)
}

func (c *Cache) remove(e Entry, o PruneOptions) (removed bool, err error) {
	if e.Kind == kindPin {
		err := os.Remove(e.path)
		return err == nil, ignoreMissing(err)
	}
	var locks []string
	for _, purpose := range []string{toMake, toUse} {
		l, err := c.tryLock(id{e.Kind, e.Key}, purpose)
		if l == nil || err != nil {
			return false, err
		}
		defer l.Close() // nothing was written through it
		locks = append(locks, l.Path())
	}
	st, err := os.Lstat(e.path)
	if err != nil || !o.All && time.Since(st.ModTime()) < o.OlderThan {
		return false, ignoreMissing(err) // removed or used by another process since it was listed
	}
	// A tree is moved away first: half of one must never stand in its place.
	gone := filepath.Join(c.tmpDir(), e.Kind+"-"+e.Key+".gone")
	if err := os.MkdirAll(c.tmpDir(), 0o755); err != nil {
		return false, err
	}
	if err := os.Rename(e.path, gone); err != nil {
		return false, err
	}
	err = errors.Join(removeAll(gone), ignoreMissing(os.Remove(e.path+".json")), os.Remove(locks[0]), os.Remove(locks[1]))
	return true, err
}

// diskUsage counts a file with several names once, as du(1) does.
func diskUsage(path string) (bytes int64) {
	seen := map[uint64]bool{}
	_ = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // another process may be removing it
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok || seen[st.Ino] {
			return nil
		}
		seen[st.Ino] = true
		bytes += st.Blocks * 512 // stat(2): st_blocks counts units of 512 bytes
		return nil
	})
	return bytes
}

// escapeGlob makes a folder's name match only itself.
func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}
