package main

import (
	"github.com/spf13/cobra"

	"xtest/runner/cache"
	"xtest/runner/debian"
	"xtest/runner/depot"
)

// archiveFlags say where packages come from and where they are kept.
type archiveFlags struct {
	cache    string
	override debian.Override
}

func (f *archiveFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.cache, "cache", "", "cache folder (default: $XTEST_CACHE or ~/.cache/xtest)")
	c.Flags().StringVar(&f.override.Mirror, "mirror", "", "URL of a Debian mirror (default: the one that apt is set to)")
	c.Flags().StringVar(&f.override.Security, "security-mirror", "", "URL of its security archive (default: beside the mirror)")
	c.Flags().StringVar(&f.override.Keyring, "keyring", "", "file of the archive's OpenPGP keys (default: the one that apt is set to)")
}

// open opens the cache.
func (f *archiveFlags) open() (*cache.Cache, error) { return cache.Open(f.cache) }

func (f *archiveFlags) depot() (*depot.Depot, error) {
	c, err := f.open()
	if err != nil {
		return nil, err
	}
	return &depot.Depot{Cache: c, Override: f.override}, nil
}
