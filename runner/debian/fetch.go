package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"sync"

	"golang.org/x/sync/errgroup"

	"xtest/runner/cache"
)

// parallel is how many packages are fetched at once: mirrors ask for few connections.
const parallel = 3

// Fetch returns the path of the package's verified .deb in the cache, and fetches it when it is not
// there. progress may be nil.
func (p *Package) Fetch(ctx context.Context, c *cache.Cache, progress Progress) (string, error) {
	paths, err := FetchAll(ctx, c, []*Package{p}, progress)
	if err != nil {
		return "", err
	}
	return paths[0], nil
}

// FetchAll is Fetch for many, a few at once; the paths are in pkgs' order. progress counts the
// bytes of all together.
func FetchAll(ctx context.Context, c *cache.Cache, pkgs []*Package, progress Progress) ([]string, error) {
	m := &meter{progress: progress}
	for _, p := range pkgs {
		m.total += p.Size
	}
	paths := make([]string, len(pkgs))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, p := range pkgs {
		g.Go(func() (err error) {
			paths[i], err = p.fetch(ctx, c, m)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return paths, nil
}

func (p *Package) fetch(ctx context.Context, c *cache.Cache, m *meter) (string, error) {
	file := path.Base(p.Filename)
	b := cache.Blob{SHA256: p.SHA256, Size: p.Size, Name: file}
	at, err := p.from.blob(ctx, c, b, p.Filename, m)
	var status *statusError
	if errors.As(err, &status) && status.status == http.StatusNotFound {
		return "", fmt.Errorf("the mirror no longer has %s: the cached index, of %s, is older than the mirror; run \"xtest cache update\": %w",
			file, p.from.pinned.Format("2006-01-02"), err)
	}
	if err != nil {
		return "", fmt.Errorf("fetching the package %s: %w", p.Name, err)
	}
	return at, nil
}

// blob gets b from the cache, or from the file name below o's root.
func (o *origin) blob(ctx context.Context, c *cache.Cache, b cache.Blob, name string, m *meter) (at string, err error) {
	var moved int64
	err = retry(ctx, func() error {
		at, err = c.Blob(ctx, b, func(ctx context.Context, w io.Writer) error {
			m.add(b.Name, -moved) // what an earlier try brought is fetched again
			moved = 0
			return o.get(ctx, name, w, func(n int) {
				moved += int64(n)
				m.add(b.Name, int64(n))
			})
		})
		return err
	})
	if err == nil {
		m.add(b.Name, b.Size-moved) // from the cache, or fetched by another process
	}
	return at, err
}

// meter adds up what several transfers bring.
type meter struct {
	mu          sync.Mutex
	progress    Progress
	done, total int64
}

func (m *meter) add(what string, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += n
	if m.progress != nil && n != 0 {
		m.progress(what, m.done, m.total)
	}
}
