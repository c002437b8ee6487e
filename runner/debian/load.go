package debian

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"xtest/runner/cache"
)

// maxRelease bounds a suite's signed index, in bytes; Debian's have some 200 kB.
const maxRelease = 16 << 20

// recipe is the version of what condense makes; a new one makes caches build it again.
const recipe = "debian packages, condensed, 1\n"

// Load returns the packages of suites for arch ("amd64"). What it fetches is pinned in the cache:
// the next Load with the same mirror returns the same packages and opens no connection. Signatures
// are checked each time, as of the day when the index was fetched. progress may be nil.
func Load(ctx context.Context, c *cache.Cache, m Mirror, suites []Suite, arch string, progress Progress) (*Index, error) {
	return load(ctx, c, m, suites, arch, progress, false)
}

// Update is Load that asks the mirror for the newest index and pins that.
func Update(ctx context.Context, c *cache.Cache, m Mirror, suites []Suite, arch string, progress Progress) (*Index, error) {
	return load(ctx, c, m, suites, arch, progress, true)
}

func load(ctx context.Context, c *cache.Cache, m Mirror, suites []Suite, arch string, progress Progress, update bool) (*Index, error) {
	keys, err := readKeyrings(m.Keyrings)
	if err != nil {
		return nil, err
	}
	ix := &Index{Arch: arch, records: make(map[string]record, 64<<10), provides: map[string][]string{}}
	l := &loader{cache: c, keys: keys, ix: ix, progress: progress, update: update}
	client := newClient(m.Proxy)
	for _, s := range suites {
		root := m.URL
		if s.Security {
			root = m.SecurityURL
		}
		if root == "" {
			return nil, fmt.Errorf("loading the suite %s: no mirror is known for it; name one with --mirror URL", s.Name)
		}
		o := &origin{root: root, client: client}
		if err := l.suite(ctx, o, s); err != nil {
			return nil, fmt.Errorf("loading the suite %s: %w", s.Name, err)
		}
		ix.suites = append(ix.suites, s.Name)
	}
	return ix, nil
}

type loader struct {
	cache    *cache.Cache
	keys     *keyring
	ix       *Index
	progress Progress
	update   bool
}

func (l *loader) suite(ctx context.Context, o *origin, s Suite) error {
	pin, err := pinName(o.root, s)
	if err != nil {
		return err
	}
	data, when, err := l.cache.Pin(pin)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fresh := l.update || err != nil
	var old *release
	if fresh {
		if err == nil {
			old, _ = parseRelease(textOf(l.keys.open(pin, data, when))) // only to see whether time runs backwards
		}
		when = time.Now()
		if data, err = l.fetchRelease(ctx, o, s); err != nil {
			return err
		}
	}
	o.pinned = when
	name := "dists/" + s.Name + "/InRelease"
	text, err := l.keys.open(name, data, when)
	if err != nil {
		return err
	}
	r, err := parseRelease(text)
	if err == nil {
		err = r.is(s)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	l.warn(s, r, old)
	file, err := l.condensed(ctx, o, s, r)
	var status *statusError
	if !fresh && errors.As(err, &status) && status.status == http.StatusNotFound {
		return fmt.Errorf("its index, cached on %s, is older than the mirror; run \"xtest cache update\": %w", when.Format("2006-01-02"), err)
	}
	if err != nil {
		return err
	}
	// Pinned only now: a pin promises that the rest is in the cache, too.
	if fresh {
		if err := l.cache.SetPin(pin, data); err != nil {
			return err
		}
	}
	return l.ix.add(file, o)
}

// textOf is nil for what did not verify.
func textOf(text []byte, _ error) []byte { return text }

func (l *loader) warn(s Suite, r, old *release) {
	if !r.until.IsZero() && time.Now().After(r.until) {
		l.ix.Warnings = append(l.ix.Warnings, fmt.Sprintf("the index of %s was valid until %s; \"xtest cache update\" fetches a newer one", s.Name, r.until.Format("2006-01-02")))
	}
	if old != nil && r.date.Before(old.date) {
		l.ix.Warnings = append(l.ix.Warnings, fmt.Sprintf("the mirror's index of %s is of %s, older than the one used before (%s); the mirror lags, or somebody replays an old one",
			s.Name, r.date.Format("2006-01-02"), old.date.Format("2006-01-02")))
	}
}

func (l *loader) fetchRelease(ctx context.Context, o *origin, s Suite) ([]byte, error) {
	m := &meter{progress: l.progress, what: "index of " + s.Name, total: -1}
	var got limited
	err := retry(ctx, func() error {
		got.Reset()
		return o.get(ctx, "dists/"+s.Name+"/InRelease", &got, func(n int) { m.moved(int64(n)) })
	})
	if err != nil {
		return nil, fmt.Errorf("fetching its signed index: %w; is %s an archive with this suite? --mirror URL names another", err, redacted(o.root))
	}
	m.end()
	return got.Bytes(), nil
}

// limited is a buffer that takes no more than maxRelease bytes.
type limited struct{ bytes.Buffer }

func (b *limited) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxRelease {
		return 0, fmt.Errorf("the signed index has more than %d bytes; the mirror is broken", maxRelease)
	}
	return b.Buffer.Write(p)
}

// condensed returns the path of the suite's condensed list of packages.
func (l *loader) condensed(ctx context.Context, o *origin, s Suite, r *release) (string, error) {
	name, b, err := r.packages(l.ix.Arch)
	if err != nil {
		return "", err
	}
	key := sha256.Sum256([]byte(recipe + b.SHA256))
	title := "packages of " + s.Name + " " + l.ix.Arch
	dir, err := l.cache.Tree(ctx, hex.EncodeToString(key[:]), title, func(ctx context.Context, dir string) error {
		from := "dists/" + s.Name + "/" + name
		if r.byHash {
			// The plain name changes under a client's feet while a mirror is updated.
			from = "dists/" + s.Name + "/" + filepath.Dir(name) + "/by-hash/SHA256/" + b.SHA256
		}
		b.Name = title
		packed, err := o.blob(ctx, l.cache, b, from, &meter{progress: l.progress, what: title, total: b.Size})
		if err != nil {
			return fmt.Errorf("fetching its list of packages: %w", err)
		}
		return condenseFile(packed, filepath.Ext(name), filepath.Join(dir, "packages"))
	})
	return filepath.Join(dir, "packages"), err
}

func condenseFile(packed, ext, to string) (err error) {
	in, err := os.Open(packed)
	if err != nil {
		return err
	}
	defer in.Close() // only read
	plain, done, err := decompress(ext, in)
	if err != nil {
		return fmt.Errorf("unpacking its list of packages: %w", err)
	}
	defer done()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if err := errors.Join(condense(plain, out), out.Close()); err != nil {
		return fmt.Errorf("reading its list of packages: %w", err)
	}
	return nil
}

// pinName names a suite's pin for people; a password in the URL stays out of it.
func pinName(root string, s Suite) (string, error) {
	u, err := url.Parse(root)
	if err != nil {
		return "", fmt.Errorf("the mirror's URL cannot be parsed; correct it with --mirror URL")
	}
	u.User = nil
	name := u.String()
	if len(name) > 100 {
		h := sha256.Sum256([]byte(name))
		name = hex.EncodeToString(h[:])
	}
	return "debian/" + s.Name + "/" + name, nil
}

func redacted(root string) string {
	if u, err := url.Parse(root); err == nil {
		return u.Redacted()
	}
	return "the mirror"
}
