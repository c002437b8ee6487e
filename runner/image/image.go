// Package image reads the root file systems that users have: an OCI image in a registry or a layout
// folder, a `docker save` tarball, a folder, a tarball of a root, a disk image with an ext4 file system.
// Whatever it was, it comes out as one tree of files: unpacked into a folder, as one tar stream, or as
// a file system of its own.
//
// Beware: an image is hostile until proven otherwise. Its entries are joined into a tree in memory
// first, where names and links are resolved; only that tree is written, so no link of the image's is
// ever followed on the disk.
package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"golang.org/x/sys/unix"

	"xtest/runner/cache"
)

// Options say how images are read.
type Options struct {
	// Cache keeps fetched layers and unpacked trees. It must be set.
	Cache *cache.Cache
	// Arch is the architecture that is needed, as Go names it; "" means this program's own.
	Arch string
	// Limit bounds the content of an image, in bytes; 0 means what is free where the cache is.
	Limit int64
	// Folders are made in what Dir gives, where they are missing, for something to be mounted on.
	Folders []string
	// Inspect is for an image that is looked at and not unpacked: of any architecture, the needed one
	// preferred, with files of any size, and without a digest where nobody gave it one.
	Inspect bool
	// Keychain holds the logins for registries; nil means the usual files of docker and podman.
	Keychain authn.Keychain
}

// Platform is what an image is for, in Go's words. Arch is "" where the image does not tell.
type Platform struct{ OS, Arch string }

func (p Platform) String() string { return p.OS + "/" + p.Arch }

// Source is an image that was found and is for the right architecture.
type Source struct {
	Ref      string // as it was named
	Kind     string // "registry", "layout", "docker archive", "folder", "tarball" or "file system"
	Digest   string // hex SHA-256 of its manifest, its configuration, its content or its file, by Kind
	Platform Platform
	Env      []string // as its configuration asks for, NAME=VALUE
	Found    string   // what of a disk image is the root, and why; "" for all others

	key    string // hex SHA-256 of what decides the content
	origin origin
	opts   Options
	once   sync.Once
	plan   *tree
	err    error
}

// origin is where an image's files come from.
type origin interface {
	// scan puts every entry into the tree.
	scan(ctx context.Context, t *tree) error
	// stream gives the content of the regular files that are left in the tree, each once.
	stream(ctx context.Context, t *tree, visit func(f *file, r io.Reader) error) error
}

// WrongPlatform is the error of an image that is for another platform than the one that is needed.
type WrongPlatform struct {
	Ref  string
	Has  []Platform
	Need Platform
}

func (e *WrongPlatform) Error() string {
	var has []string
	for _, p := range e.Has {
		has = append(has, p.String())
	}
	return fmt.Sprintf("image %s is for %s; one for %s is needed", e.Ref, strings.Join(has, ", "), e.Need)
}

// Open finds the image that ref names: a path of a folder or file, else a registry's image. Behind
// the path of a layout or a docker archive that holds several images may stand :TAG. The error is a
// [WrongPlatform] when the image is for another architecture.
func Open(ctx context.Context, ref string, o Options) (*Source, error) {
	if o.Arch == "" {
		o.Arch = runtime.GOARCH
	}
	s, err := open(ctx, ref, o)
	var wrong *WrongPlatform
	if errors.As(err, &wrong) {
		wrong.Ref = ref
		return nil, wrong
	}
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	s.Ref, s.opts = ref, o
	need := Platform{"linux", o.Arch}
	if s.Platform.Arch != "" && s.Platform != need && !o.Inspect {
		return nil, &WrongPlatform{ref, []Platform{s.Platform}, need}
	}
	return s, nil
}

func open(ctx context.Context, ref string, o Options) (*Source, error) {
	if ref == "" {
		return nil, errors.New("no image is named")
	}
	file, tag := ref, ""
	st, err := os.Stat(file)
	if err != nil {
		// A tag never holds a slash, so what stands behind a colon in a folder's name is not cut off.
		if i := strings.LastIndexByte(ref, ':'); i > 0 && !strings.Contains(ref[i:], "/") {
			if tagged, err := os.Stat(ref[:i]); err == nil && looksLikePath(ref) {
				file, tag, st = ref[:i], ref[i+1:], tagged
			}
		}
	}
	switch {
	case st == nil && looksLikePath(ref):
		return nil, err
	case st == nil:
		return openRegistry(ctx, ref, o)
	case st.IsDir():
		if _, err := os.Stat(filepath.Join(file, "oci-layout")); err == nil {
			return openLayout(file, tag, o)
		}
		return openTree(ctx, "folder", &folder{file}, o)
	case st.Mode().IsRegular():
		return openRegular(ctx, file, tag, o)
	}
	return nil, errors.New("it is neither a folder nor a file")
}

func openRegular(ctx context.Context, file, tag string, o Options) (*Source, error) {
	s, err := openDisk(ctx, file, o)
	if errors.Is(err, errNoDisk) {
		return openArchive(ctx, file, tag, o)
	}
	return s, err
}

// looksLikePath says whether ref cannot be a registry's image: those never begin like this.
func looksLikePath(ref string) bool {
	return strings.HasPrefix(ref, "/") || strings.HasPrefix(ref, "./") || strings.HasPrefix(ref, "../") || ref == "." || ref == ".."
}

// limit is how many bytes of files an image may have.
func (o Options) limit() int64 {
	if o.Limit > 0 {
		return o.Limit
	}
	for dir := o.Cache.Dir(); ; dir = filepath.Dir(dir) {
		var st unix.Statfs_t
		if unix.Statfs(dir, &st) == nil {
			return int64(st.Bavail) * st.Bsize
		}
		if dir == filepath.Dir(dir) {
			return 0
		}
	}
}

// inspected is how long the streams of an image may be that is only looked at, in bytes: as long as one
// waits for it.
const inspected = 64 << 30

// flat joins the image's entries into one tree.
func (s *Source) flat(ctx context.Context) (*tree, error) {
	s.once.Do(func() {
		s.plan = newTree(s.opts.limit())
		if s.opts.Inspect {
			s.plan.stream, s.plan.maximum = inspected, math.MaxInt64/4
		}
		if err := s.origin.scan(ctx, s.plan); err != nil {
			s.err = fmt.Errorf("image %s: %w", s.Ref, err)
		}
	})
	return s.plan, s.err
}
