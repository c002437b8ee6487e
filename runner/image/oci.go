package image

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// refName is the annotation that names an image in a layout: OCI image specification, annotations.md.
const refName = "org.opencontainers.image.ref.name"

// maxNesting is how deep indexes may lie in indexes.
const maxNesting = 4

func openLayout(dir, tag string, o Options) (*Source, error) {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, err
	}
	img, err := choose(index, tag, o)
	if err != nil {
		return nil, err
	}
	s, err := sourceOf(img, func(l v1.Layer) (func() (io.ReadCloser, error), error) {
		return func() (io.ReadCloser, error) {
			blob, err := l.Compressed()
			if err != nil {
				return nil, err
			}
			plain, err := decompress(blob)
			if err != nil {
				return nil, errors.Join(err, blob.Close())
			}
			return both{plain, blob}, nil
		}, nil
	})
	if err != nil {
		return nil, err
	}
	s.Kind = "layout"
	return s, nil
}

// candidate is an image of an index.
type candidate struct {
	index v1.ImageIndex
	v1.Descriptor
}

// choose picks from an index the image of that tag ("" for any) and the needed architecture.
func choose(index v1.ImageIndex, tag string, o Options) (v1.Image, error) {
	all, err := candidates(index, tag, 0)
	if err != nil {
		return nil, err
	}
	need := Platform{"linux", o.Arch}
	var fit []candidate
	var has []Platform
	names := map[string]bool{}
	for _, c := range all {
		p := c.Platform
		if p != nil && p.OS == "unknown" { // attestations, which are no images
			continue
		}
		names[c.Annotations[refName]] = true
		if p == nil || (Platform{p.OS, p.Architecture}) == need {
			fit = append(fit, c)
		} else {
			has = append(has, Platform{p.OS, p.Architecture})
		}
	}
	if len(fit) == 0 && o.Inspect {
		for _, c := range all {
			if c.Platform != nil && c.Platform.OS == need.OS {
				fit = append(fit, c)
			}
		}
	}
	switch {
	case len(fit) == 0 && len(has) > 0:
		return nil, &WrongPlatform{Has: has, Need: need}
	case len(fit) == 0 && tag != "":
		return nil, fmt.Errorf("it holds no image of the name %q", tag)
	case len(fit) == 0:
		return nil, errors.New("it holds no image")
	case tag == "" && len(names) > 1:
		return nil, severalImages(names)
	}
	img, err := fit[0].index.Image(fit[0].Digest)
	if err != nil {
		return nil, err
	}
	if got, err := img.Digest(); err != nil || got != fit[0].Digest {
		return nil, errors.Join(fmt.Errorf("the manifest %s does not have that hash: it is damaged", fit[0].Digest), err)
	}
	return img, nil
}

func severalImages(names map[string]bool) error {
	var list []string
	for n := range names {
		if n != "" {
			list = append(list, fmt.Sprintf("%.80q", n))
		}
	}
	return fmt.Errorf("it holds several images; put :TAG behind it, one of %s", strings.Join(list, ", "))
}

// candidates lists the images of an index and of the indexes in it. A tag may name either.
func candidates(index v1.ImageIndex, tag string, depth int) ([]candidate, error) {
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	if m == nil || depth > maxNesting {
		return nil, errors.New("its index is empty or holds itself")
	}
	var list []candidate
	for _, d := range m.Manifests {
		if tag != "" && d.Annotations[refName] != tag {
			continue
		}
		switch {
		case d.MediaType.IsIndex():
			inner, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, err
			}
			below, err := candidates(inner, "", depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, below...)
		case d.MediaType.IsImage():
			list = append(list, candidate{index, d})
		}
	}
	return list, nil
}

// sourceOf makes a source of an OCI image; open says how to read a layer.
func sourceOf(img v1.Image, open func(v1.Layer) (func() (io.ReadCloser, error), error)) (*Source, error) {
	digest, err := img.Digest()
	if err != nil {
		return nil, fmt.Errorf("reading its manifest: %w", err)
	}
	config, err := readConfig(img)
	if err != nil {
		return nil, err
	}
	list, err := img.Layers()
	if err != nil {
		return nil, fmt.Errorf("reading its layers: %w", err)
	}
	if len(list) != len(config.RootFS.DiffIDs) {
		return nil, fmt.Errorf("its manifest tells of %d layers and its configuration of %d", len(list), len(config.RootFS.DiffIDs))
	}
	if len(list) == 0 {
		return nil, errors.New("it has no layers: there are no files in it")
	}
	name, err := img.ConfigName()
	if err != nil {
		return nil, err
	}
	from := &layers{whiteouts: true}
	for i, l := range list {
		f, err := open(l)
		if err != nil {
			return nil, fmt.Errorf("layer %d of %d: %w", i+1, len(list), err)
		}
		from.list = append(from.list, layer{f, config.RootFS.DiffIDs[i].Hex})
	}
	return &Source{
		Digest: digest.Hex, key: name.Hex, origin: from,
		Platform: Platform{config.OS, config.Architecture}, Env: config.Config.Env,
	}, nil
}

// readConfig reads the image's configuration and checks that it is the one that the manifest means.
func readConfig(img v1.Image) (*v1.ConfigFile, error) {
	raw, err := img.RawConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading its configuration: %w", err)
	}
	name, err := img.ConfigName()
	if err != nil {
		return nil, fmt.Errorf("reading its configuration: %w", err)
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != name.Hex {
		return nil, fmt.Errorf("the configuration %s does not have that hash: it is damaged", name)
	}
	config, err := img.ConfigFile()
	if err != nil || config == nil {
		return nil, errors.Join(errors.New("reading its configuration"), err)
	}
	return config, nil
}
