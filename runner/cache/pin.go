package cache

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

func (c *Cache) pinFile(name string) (string, error) {
	file := url.PathEscape(name)
	// NAME_MAX is 255; the rest is for the temporary's suffix.
	if name == "" || name[0] == '.' || len(file) > 230 {
		return "", fmt.Errorf("naming a pin in the cache: %q is empty, starts with a dot or is too long", name)
	}
	return filepath.Join(c.dir, "pins", file), nil
}

// Pin returns what was last kept under name, and when. The error satisfies
// errors.Is(err, os.ErrNotExist) when there is nothing.
func (c *Cache) Pin(name string) ([]byte, time.Time, error) {
	path, err := c.pinFile(name)
	if err != nil {
		return nil, time.Time{}, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("reading the pin %s: %w", name, err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("reading the pin %s: %w", name, err)
	}
	return data, st.ModTime(), nil
}

// SetPin keeps data under name, in place of what was there. A reader sees the old or the new, never
// a mixture.
func (c *Cache) SetPin(name string, data []byte) (err error) {
	path, err := c.pinFile(name)
	if err != nil {
		return err
	}
	size := int64(len(data))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return c.storeError("the pin "+name, size, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".*")
	if err != nil {
		return c.storeError("the pin "+name, size, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return c.storeError("the pin "+name, size, errors.Join(err, ignoreMissing(os.Remove(f.Name()))))
	}
	return nil
}
