package machine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"xtest/runner/depot"
	"xtest/runner/event"
	"xtest/runner/image"
)

// HasUserland says whether a machine is to get a root file system at all.
func (s *Supplies) HasUserland() bool { return s.Root != nil || s.Options.Rootfs != "" }

const userlandName = "root.ext4"

// Userland gives the file with the ext4 file system that is a machine's root: the files of the image
// that the user names, else the release's own. Machines share it, and write to a copy of what they
// change. The user's image is read once and stays as it is.
func (s *Supplies) Userland(ctx context.Context, r depot.Release) (path string, part event.Artefact, err error) {
	part.Role = "rootfs"
	if s.Options.Rootfs == "" {
		part.Package = strings.Join(append([]string{r.Title}, s.Options.Packages...), " + ")
		path, err = s.Root(ctx, r, s.Options.Packages)
		return path, part, err
	}
	c := s.Depot.Cache
	img, err := image.Open(ctx, s.Options.Rootfs, image.Options{Cache: c, Arch: depot.Arch})
	if err != nil {
		return "", part, err
	}
	part.Package, part.Version, part.SHA256 = img.Ref, img.Found, img.Digest
	key := sha256.Sum256([]byte("userland 1\n" + img.Kind + "\n" + img.Digest))
	dir, err := c.Tree(ctx, hex.EncodeToString(key[:]), "root of image "+filepath.Base(img.Ref), func(ctx context.Context, dir string) error {
		return img.Ext4(ctx, filepath.Join(dir, userlandName), image.FileSystem{})
	})
	if err != nil {
		return "", part, fmt.Errorf("making a root file system: %w", err)
	}
	return filepath.Join(dir, userlandName), part, nil
}
