package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"xtest/runner/cache"
)

// patience is how long a registry is tried that does not answer: three times, this far apart first.
var patience = remote.Backoff{Duration: 200 * time.Millisecond, Factor: 3, Steps: 3}

func openRegistry(ctx context.Context, ref string, o Options) (*Source, error) {
	r, err := name.ParseReference(ref)
	if err != nil {
		return nil, fmt.Errorf("there is no such file or folder, and no registry can have it: %w", err)
	}
	keys := o.Keychain
	if keys == nil {
		keys = authn.DefaultKeychain
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	way := remote.DefaultTransport.(*http.Transport).Clone()
	way.DialContext = dialer.DialContext
	desc, err := remote.Get(r, remote.WithContext(ctx), remote.WithAuthFromKeychain(keys),
		remote.WithTransport(way), remote.WithRetryBackoff(patience))
	if err != nil {
		return nil, explain(r, err)
	}
	var img v1.Image
	if desc.MediaType.IsIndex() {
		index, err := desc.ImageIndex()
		if err != nil {
			return nil, explain(r, err)
		}
		if img, err = choose(index, "", o); err != nil {
			return nil, err
		}
	} else if img, err = desc.Image(); err != nil {
		return nil, explain(r, err)
	}
	s, err := sourceOf(img, func(l v1.Layer) (func() (io.ReadCloser, error), error) { return fetched(ctx, ref, l, o) })
	if err != nil {
		return nil, err
	}
	s.Kind = "registry"
	return s, nil
}

// explain says what can be done about a registry's refusal.
func explain(r name.Reference, err error) error {
	var answer *transport.Error
	if errors.As(err, &answer) {
		switch answer.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Errorf("%s asks for a login (`docker login` or `podman login` keeps one), or has no such image: %w", r.Context().RegistryStr(), err)
		case http.StatusNotFound:
			return fmt.Errorf("%s has no such image: %w", r.Context().RegistryStr(), err)
		}
	}
	return fmt.Errorf("there is no such file or folder, and asking the registry %s failed: %w", r.Context().RegistryStr(), err)
}

// fetched gives a layer out of the cache, where it is kept as the registry has it. It is fetched when
// it is first read: a tree that is unpacked already needs none.
func fetched(ctx context.Context, ref string, l v1.Layer, o Options) (func() (io.ReadCloser, error), error) {
	digest, err := l.Digest()
	if err != nil {
		return nil, err
	}
	size, err := l.Size()
	if err != nil {
		return nil, err
	}
	return func() (io.ReadCloser, error) {
		if size > o.limit() {
			return nil, fmt.Errorf("it has %d bytes, more than the disk has place for", size)
		}
		path, err := o.Cache.Blob(ctx, cache.Blob{SHA256: digest.Hex, Size: size, Name: "layer of " + ref},
			func(_ context.Context, w io.Writer) error {
				r, err := l.Compressed()
				if err != nil {
					return err
				}
				_, err = io.Copy(w, r)
				return errors.Join(err, r.Close())
			})
		if err != nil {
			return nil, err
		}
		return openFile(path)
	}, nil
}
