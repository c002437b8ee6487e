// Package depot supplies what targets are made of: kernels, hypervisors and packages of a
// distribution, unpacked, out of the cache or the distribution's archive.
//
// What was resolved once is pinned: later runs use the same versions and open no connection until
// the user asks for an update.
//
// Beware: the folders it gives belong to the cache. Other runs use them too; never write there.
package depot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"xtest/runner/cache"
	"xtest/runner/debian"
	"xtest/runner/event"
)

// Depot hands out artefacts. It is safe for concurrent use.
type Depot struct {
	Cache    *cache.Cache
	Override debian.Override // of the host's package manager's settings
	Progress debian.Progress
	Warn     func(string) // for what a person should know of the archive; may be nil

	mu      sync.Mutex
	indexes map[string]*debian.Index
}

// Arch is the processor architecture of guests, as Debian names it.
const Arch = "amd64"

// Index is the release's package index, by code name.
func (d *Depot) Index(ctx context.Context, codename string) (*debian.Index, error) {
	return d.index(ctx, codename, debian.Load, false)
}

// Update fetches the newest index and forgets what was resolved from an older one.
func (d *Depot) Update(ctx context.Context, codename string) (*debian.Index, error) {
	ix, err := d.index(ctx, codename, debian.Update, true)
	if err != nil {
		return nil, err
	}
	return ix, d.forget(codename)
}

func (d *Depot) forget(codename string) error {
	return d.Cache.SetPin(pinName(codename), []byte("{}"))
}

type loader func(context.Context, *cache.Cache, debian.Mirror, []debian.Suite, string, debian.Progress) (*debian.Index, error)

func (d *Depot) index(ctx context.Context, codename string, load loader, fresh bool) (*debian.Index, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ix := d.indexes[codename]; ix != nil && !fresh {
		return ix, nil
	}
	host, err := debian.HostSources("/")
	if err != nil {
		return nil, fmt.Errorf("reading the package manager's settings: %w", err)
	}
	mirror, err := host.Mirror(d.Override)
	if err != nil {
		return nil, err
	}
	ix, err := load(ctx, d.Cache, mirror, debian.Suites(codename), Arch, d.Progress)
	if err != nil {
		return nil, err
	}
	if d.Warn != nil {
		for _, w := range ix.Warnings {
			d.Warn(w)
		}
	}
	if d.indexes == nil {
		d.indexes = map[string]*debian.Index{}
	}
	d.indexes[codename] = ix
	return ix, nil
}

// Parcel is an unpacked package.
type Parcel struct {
	Dir      string // holds the package's files
	Artefact event.Artefact
}

// Wanted says which part of which package of a release to supply.
type Wanted struct {
	Role     string // what it is for, as it stands on the record
	Codename string
	// Find picks the package out of the index; Name is what the choice is pinned under.
	Name string
	Find func(*debian.Index) (*debian.Package, error)
	// Keep chooses files as debian.Extract does. Part names the choice, for the cache.
	Part string
	Keep func(name string) bool
}

// choice is what was resolved for a Wanted, as it is pinned.
type choice struct {
	Package, Version, SHA256 string
}

// Unpacked gives the package's wanted files, from the cache when they are there.
func (d *Depot) Unpacked(ctx context.Context, w Wanted) (Parcel, error) {
	c, err := d.chosen(ctx, w)
	if err != nil {
		return Parcel{}, fmt.Errorf("choosing the %s of %s: %w", w.Role, w.Codename, err)
	}
	key := sha256.Sum256([]byte("unpacked 1\n" + c.SHA256 + "\n" + w.Part))
	dir, err := d.Cache.Tree(ctx, hex.EncodeToString(key[:]), c.Package+" "+c.Version+" "+w.Part,
		func(ctx context.Context, dir string) error {
			p, err := d.chosenPackage(ctx, w, c)
			if err != nil {
				return err
			}
			deb, err := p.Fetch(ctx, d.Cache, d.Progress)
			if err != nil {
				return err
			}
			return debian.Extract(deb, dir, w.Keep)
		})
	if err != nil {
		return Parcel{}, fmt.Errorf("obtaining the %s %s: %w", w.Role, c.Package, err)
	}
	return Parcel{dir, event.Artefact{Role: w.Role, Package: c.Package, Version: c.Version, SHA256: c.SHA256}}, nil
}

func pinName(codename string) string { return "chosen-" + codename }

// chosen takes the pinned choice, or makes and pins it.
func (d *Depot) chosen(ctx context.Context, w Wanted) (choice, error) {
	if c, ok := d.pins(w.Codename)[w.Name]; ok {
		return c, nil
	}
	ix, err := d.Index(ctx, w.Codename)
	if err != nil {
		return choice{}, err
	}
	p, err := w.Find(ix)
	if err != nil {
		return choice{}, err
	}
	c := choice{p.Name, p.Version, p.SHA256}
	return c, d.pin(w.Codename, w.Name, c)
}

func (d *Depot) pin(codename, name string, c choice) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.pins(codename)
	all[name] = c
	text, err := json.Marshal(all)
	if err == nil {
		err = d.Cache.SetPin(pinName(codename), text)
	}
	if errors.Is(err, cache.ErrReadOnly) {
		err = nil // then it is resolved anew each time
	}
	return err
}

// Remember keeps the cache key of something that was made of many of the release's packages, until
// the next Update.
func (d *Depot) Remember(codename, what, key string) error {
	return d.pin(codename, what, choice{SHA256: key})
}

// Remembered gives the key that was kept, or "".
func (d *Depot) Remembered(codename, what string) string {
	return d.pins(codename)[what].SHA256
}

func (d *Depot) pins(codename string) map[string]choice {
	all := map[string]choice{}
	text, _, err := d.Cache.Pin(pinName(codename))
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) || all == nil {
		return map[string]choice{} // a damaged pin costs a look-up, no more
	}
	return all
}

// chosenPackage finds the chosen package in the index again, to fetch it.
func (d *Depot) chosenPackage(ctx context.Context, w Wanted, c choice) (*debian.Package, error) {
	ix, err := d.Index(ctx, w.Codename)
	if err != nil {
		return nil, err
	}
	p := ix.Package(c.Package)
	if p == nil || p.SHA256 != c.SHA256 {
		return nil, fmt.Errorf("%s %s is no longer in the index; run `xtest cache update`", c.Package, c.Version)
	}
	return p, nil
}

// Named is a Find that takes the package of that name.
func Named(name string) func(*debian.Index) (*debian.Package, error) {
	return func(ix *debian.Index) (*debian.Package, error) {
		if p := ix.Package(name); p != nil {
			return p, nil
		}
		return nil, fmt.Errorf("the archive has no package %s", name)
	}
}
