// Package offline opens root file systems that are judged without being booted: a folder, or any image
// that package image reads.
//
// Beware: nothing of them is executed or unpacked, and none is changed; what is kept of an image lies in
// a file without a name until the root is closed.
package offline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"xtest/internal/root"
	"xtest/runner/cache"
	"xtest/runner/event"
	"xtest/runner/image"
)

// Options say how images are read.
type Options struct {
	// Cache opens the cache where it is needed: for images of a registry.
	Cache func() (*cache.Cache, error)
	// Arch is the architecture that is preferred of an image for several; "" means this program's own.
	Arch string
	// Keep says of a root what must be read of its files: see image.Index.Keep.
	Keep func(*root.FS) func(name string, size int64) int64
}

// Root is an open root file system.
type Root struct {
	*root.FS
	Kind   string // "folder", or as image.Source says
	Digest string // hex SHA-256, where the image has one
	Arch   string // as the image tells; "" when it does not

	close func() error
}

// Close ends the reading.
func (r *Root) Close() error { return r.close() }

// IsPath says whether ref names something on this machine.
func IsPath(ref string) bool {
	_, err := os.Stat(ref)
	return err == nil
}

// MissingPath says whether ref can only be meant to name something on this machine, and does not.
func MissingPath(ref string) bool {
	if strings.HasPrefix(ref, "./") || strings.HasPrefix(ref, "../") || strings.HasPrefix(ref, "/") {
		// Behind the path of a layout may stand :TAG.
		i := strings.LastIndexByte(ref, ':')
		return !IsPath(ref) && (i < 0 || !IsPath(ref[:i]))
	}
	return false
}

// Plan describes the root for the record. What it holds is in the words of about.
func (r *Root) Plan(suite, about string) *event.Plan {
	p := &event.Plan{Backend: event.Offline, Suites: []string{suite}, Why: "read as a " + r.Kind}
	if about != "" {
		p.Why = about + ", " + p.Why
	}
	if r.Digest != "" {
		p.Parts = []event.Artefact{{Role: "rootfs", SHA256: r.Digest}}
	}
	return p
}

// Open opens what ref names: a folder, a file, or else an image of a registry.
func Open(ctx context.Context, ref string, o Options) (*Root, error) {
	if isFolder(ref) {
		f, err := root.OpenFolder(ref)
		if err != nil {
			return nil, err
		}
		return &Root{FS: root.New(f), Kind: "folder", close: f.Close}, nil
	}
	c, err := o.Cache()
	if err != nil {
		return nil, err
	}
	src, err := image.Open(ctx, ref, image.Options{Cache: c, Arch: o.Arch, Inspect: true})
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	x, err := src.Index(ctx)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	all := func() error { return errors.Join(x.Close(), c.Close()) }
	if err := x.Keep(ctx, o.Keep(root.New(x))); err != nil {
		return nil, errors.Join(fmt.Errorf("reading it: %w", err), all())
	}
	return &Root{FS: root.New(x), Kind: src.Kind, Digest: src.Digest, Arch: src.Platform.Arch, close: all}, nil
}

// isFolder says whether ref is a folder that is a root itself, and not the layout of an image.
func isFolder(ref string) bool {
	st, err := os.Stat(ref)
	if err != nil || !st.IsDir() {
		return false
	}
	_, err = os.Stat(filepath.Join(ref, "oci-layout"))
	return err != nil
}
