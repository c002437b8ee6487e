package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Dir gives the image's files as a folder of the cache, unpacked when they are first asked for. They
// must not be changed. The folder above it is closed to other users: among the files may be
// set-user-ID programs, which are nobody's to start here.
func (s *Source) Dir(ctx context.Context) (string, error) {
	// Root's trees have owners, others' have not.
	key := sha256.Sum256(fmt.Appendf(nil, "image 2\n%s\n%t\n%q\n", s.key, os.Geteuid() == 0, s.opts.Folders))
	dir, err := s.opts.Cache.Tree(ctx, hex.EncodeToString(key[:]), "image "+s.Ref, func(ctx context.Context, dir string) error {
		if err := os.Chmod(dir, 0o700); err != nil {
			return err
		}
		if err := os.Mkdir(filepath.Join(dir, "root"), 0o755); err != nil {
			return err
		}
		t, err := s.flat(ctx)
		if err != nil {
			return err
		}
		for _, name := range s.opts.Folders {
			if _, err := t.folder(strings.Split(name, "/"), 0, true); err != nil {
				return fmt.Errorf("making the folder %s: %w", name, err)
			}
		}
		return s.Unpack(ctx, filepath.Join(dir, "root"))
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "root"), nil
}
