package main

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"xtest/reports"
	"xtest/runner/cache"
	"xtest/runner/depot"
)

func cacheCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "cache",
		Short: "Show, update and prune what was fetched and made",
		Example: `  xtest cache show
  xtest cache update
  xtest cache prune --older-than 720h`,
	}
	c.AddCommand(cacheShow(), cacheUpdate(), cachePrune())
	return group(c)
}

func cacheShow() *cobra.Command {
	var f archiveFlags
	c := &cobra.Command{
		Use: "show", Short: "List the cache's entries", Example: "  xtest cache show", Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := f.depot()
			if err != nil {
				return err
			}
			defer d.Cache.Close()
			entries, err := d.Cache.List()
			if err != nil {
				return err
			}
			t := newTable(c.OutOrStdout())
			t.Header("kind", "size", "last used", "what")
			var total int64
			for _, e := range entries {
				total += e.Size
				what := e.Name
				if what == "" {
					what = e.Key
				}
				if err := t.Append(e.Kind, humanize.Bytes(uint64(e.Size)), humanize.Time(e.LastUsed), what); err != nil {
					return err
				}
			}
			if err := t.Render(); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "\n%d entries, %s in %s\n", len(entries), humanize.Bytes(uint64(total)), d.Cache.Dir())
			return err
		},
	}
	f.add(c)
	return c
}

func cacheUpdate() *cobra.Command {
	var f archiveFlags
	c := &cobra.Command{
		Use:   "update",
		Short: "Fetch the newest package indexes, so that the next run uses the newest versions",
		Long: `Fetch the newest package indexes. Until then runs use the versions that were resolved first, and
open no connection once the cache holds them.`,
		Example: "  xtest cache update", Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := f.depot()
			if err != nil {
				return err
			}
			defer d.Cache.Close()
			progress := reports.NewProgress(c.OutOrStdout(), stdoutScreen().progress())
			defer progress.Close()
			d.Progress, d.Warn = progress.Transfer, progress.Say
			for _, r := range depot.Releases {
				ix, err := d.Update(c.Context(), r.Codename)
				if err != nil {
					return fmt.Errorf("updating %s: %w", r.Title, err)
				}
				progress.Say(fmt.Sprintf("%s: %d packages", r.Title, ix.Len()))
			}
			return nil
		},
	}
	f.add(c)
	return c
}

func cachePrune() *cobra.Command {
	var f archiveFlags
	var o cache.PruneOptions
	c := &cobra.Command{
		Use:   "prune",
		Short: "Remove entries that nobody uses",
		Example: `  xtest cache prune --older-than 720h
  xtest cache prune --all`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if !o.All && o.OlderThan <= 0 {
				return usagef("say what to remove: --older-than DURATION or --all")
			}
			d, err := f.depot()
			if err != nil {
				return err
			}
			defer d.Cache.Close()
			freed, n, err := d.Cache.Prune(o)
			fmt.Fprintf(c.OutOrStdout(), "%d entries removed, %s freed\n", n, humanize.Bytes(uint64(freed)))
			return err
		},
	}
	f.add(c)
	c.Flags().BoolVar(&o.All, "all", false, "remove everything that is not in use")
	c.Flags().DurationVar(&o.OlderThan, "older-than", time.Duration(0), "remove what was not used for this long, as 72h")
	return c
}
