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
	m := &meter{progress: progress, what: fmt.Sprintf("%d packages", len(pkgs))}
	if len(pkgs) == 1 {
		m.what = path.Base(pkgs[0].Filename)
	}
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
			m.moved(-moved) // what an earlier try brought is fetched again
			moved = 0
			return o.get(ctx, name, w, func(n int) {
				moved += int64(n)
				m.moved(int64(n))
			})
		})
		return err
	})
	if err == nil {
		m.had(b.Size - moved) // from the cache, or fetched by another process
	}
	return at, err
}

// meter adds up what several transfers bring. Nothing is told as long as all comes from the cache.
type meter struct {
	mu       sync.Mutex
	progress Progress
	what     string
	total    int64 // negative when it is not known
	done     int64
	telling  bool
}

// moved counts n bytes that came over the network.
func (m *meter) moved(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.telling = m.telling || n > 0
	m.count(n)
}

// had counts n bytes that were there already.
func (m *meter) had(n int64) {
	if n == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count(n)
}

// end tells that a transfer whose total was not known is over.
func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total = m.done
	m.count(0)
}

func (m *meter) count(n int64) {
	m.done += n
	if m.progress != nil && m.telling && (n != 0 || m.done == m.total) {
		m.progress(m.what, m.done, m.total)
	}
}
