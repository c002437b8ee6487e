//go:build man

package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func init() { extras = append(extras, manCommand) }

// manCommand writes the manual. It is in no binary that users get: `make dist` builds one with it.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man FOLDER DATE",
		Short:  "Write the manual pages",
		Hidden: true,
		Args:   usage(cobra.ExactArgs(2)),
		RunE: func(c *cobra.Command, args []string) error {
			date, err := time.Parse(time.DateOnly, args[1])
			if err != nil {
				return usagef("the manual's date: %w", err)
			}
			header := &doc.GenManHeader{Section: "1", Date: &date, Source: "xtest " + version(), Manual: "User Commands"}
			root := c.Root()
			root.DisableAutoGenTag = true
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return fmt.Errorf("writing the manual: %w", err)
			}
			return nil
		},
	}
}
