package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"xtest/internal/late"
)

// openArchive opens a tarball, which may be a whole image or a bare root.
func openArchive(ctx context.Context, file, tag string, o Options) (*Source, error) {
	kind, err := classify(ctx, file)
	if err != nil {
		return nil, fmt.Errorf("it is neither an image nor a tarball that xtest can read (tar, alone or with gzip, xz, zstd or bzip2): %w", err)
	}
	switch kind {
	case dockerArchive:
		return openDocker(file, tag)
	case layoutArchive:
		return openPackedLayout(ctx, file, tag, o)
	}
	return openTarball(file)
}

const (
	dockerArchive = "docker archive"
	layoutArchive = "layout"
	plainArchive  = "tarball"
)

// ofImage matches the names that `docker save` and tars of layouts have at their top. Image Manifest
// v1.2 of the Moby project, and image-layout.md of the OCI image specification.
var ofImage = late.Regexp(`^(manifest\.json|repositories|oci-layout|index\.json|blobs(/.*)?|(sha256:)?[0-9a-f]{64}(\.json|\.tar|\.tar\.gz)?(/(VERSION|json|layer\.tar))?)$`)

// classify reads the archive until an entry tells what it is.
func classify(ctx context.Context, file string) (string, error) {
	r, err := openFile(file)
	if err != nil {
		return "", err
	}
	defer r.Close() // only read
	isLayout := false
	t := tar.NewReader(&bound{ctx: ctx, r: r, left: 1 << 62})
	for n := 0; ; n++ {
		h, err := t.Next()
		switch {
		case err == io.EOF && isLayout:
			return layoutArchive, nil
		case err == io.EOF && n == 0:
			return "", errors.New("it is empty")
		case err == io.EOF:
			return plainArchive, nil
		case err != nil:
			return "", err
		}
		name := filepath.Clean(h.Name)
		if name == "." {
			continue
		}
		if name == "manifest.json" {
			return dockerArchive, nil
		}
		if !ofImage().MatchString(name) {
			return plainArchive, nil
		}
		isLayout = isLayout || name == "oci-layout"
	}
}

func openDocker(file, tag string) (*Source, error) {
	all, err := tarball.LoadManifest(opener(file))
	if err != nil {
		return nil, fmt.Errorf("reading its manifest.json: %w", err)
	}
	names := map[string]bool{}
	for _, d := range all {
		for _, t := range d.RepoTags {
			names[t] = true
		}
	}
	var want *name.Tag
	switch {
	case tag != "":
		// A tag alone is enough where one image has it.
		for full := range names {
			if t, err := name.NewTag(full); err == nil && (t.TagStr() == tag || full == tag) {
				want = &t
			}
		}
		if want == nil {
			return nil, fmt.Errorf("it holds no image of the name %q", tag)
		}
	case len(all) > 1:
		return nil, severalImages(names)
	}
	img, err := tarball.Image(opener(file), want)
	if err != nil {
		return nil, err
	}
	s, err := sourceOf(img, func(l v1.Layer) (func() (io.ReadCloser, error), error) { return l.Uncompressed, nil })
	if err != nil {
		return nil, err
	}
	// The archive has no manifest of the registry's kind; docker calls this hash the image's ID.
	s.Kind, s.Digest = dockerArchive, s.key
	return s, nil
}

// openPackedLayout unpacks the layout into the cache: it cannot be read in a stream.
func openPackedLayout(ctx context.Context, file, tag string, o Options) (*Source, error) {
	packed, err := openTarball(file)
	if err != nil {
		return nil, err
	}
	packed.Ref, packed.opts = file, o
	packed.opts.Folders = nil
	dir, err := packed.Dir(ctx)
	if err != nil {
		return nil, err
	}
	return openLayout(dir, tag, o)
}

func openTarball(file string) (*Source, error) {
	r, err := openFile(file)
	if err != nil {
		return nil, err
	}
	defer r.Close() // only read
	platform, err := sniff(r)
	if err != nil {
		return nil, fmt.Errorf("reading its tar stream: %w", err)
	}
	digest, err := hash(file)
	if err != nil {
		return nil, err
	}
	return &Source{
		Kind: plainArchive, Digest: digest, key: digest, Platform: platform,
		origin: &layers{list: []layer{{open: opener(file)}}},
	}, nil
}

func hash(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close() // only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
