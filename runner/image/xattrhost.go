package image

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// xattrs reads what a file of the host has, as records of a tar header.
func (f *folder) xattrs(name string) (map[string]string, error) {
	file := filepath.Join(f.path, name)
	list, err := sized(func(p []byte) (int, error) { return unix.Llistxattr(file, p) })
	if err != nil || len(list) == 0 {
		return nil, err
	}
	found := map[string]string{}
	for one := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		if _, _, known := xattrIndex(one); !known {
			continue
		}
		value, err := sized(func(p []byte) (int, error) { return unix.Lgetxattr(file, one, p) })
		if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EPERM) {
			continue // gone meanwhile, or for root alone
		}
		if err != nil {
			return nil, err
		}
		found[one] = string(value)
	}
	return paxOf(found), nil
}

// sized asks how long an answer is, then for the answer. A file system that has no extended
// attributes has an empty one.
func sized(ask func([]byte) (int, error)) ([]byte, error) {
	n, err := ask(nil)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil
	}
	if err != nil || n == 0 {
		return nil, err
	}
	p := make([]byte, n)
	n, err = ask(p)
	return p[:max(n, 0)], err
}

// xattrs sets on an unpacked file what the host's user may: file capabilities as root, as owners are.
// Labels of security modules are the host's own to give, and trusted attributes nobody's.
func (u *unpacking) xattrs(name string, f *file) error {
	for _, key := range slices.Sorted(maps.Keys(f.xattrs)) {
		if !strings.HasPrefix(key, "user.") && !isACL(key) && (key != "security.capability" || !u.owners) {
			continue
		}
		if err := u.xattr(name, key, f.xattrs[key]); err != nil {
			return fmt.Errorf("%s: setting the extended attribute %.100q: %w; set XTEST_CACHE to a folder of a file system that keeps them (ext4, xfs, btrfs)", name, key, err)
		}
	}
	return nil
}

func (u *unpacking) xattr(name, key, value string) error {
	r, err := u.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(unix.Fsetxattr(int(r.Fd()), key, []byte(value), 0), r.Close())
}
