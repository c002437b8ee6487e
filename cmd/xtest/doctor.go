package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"xtest/runner/debian"
	"xtest/runner/depot"
	"xtest/runner/machine"
)

func doctorCommand() *cobra.Command {
	var f archiveFlags
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine can run, what it lacks, and the command that mends it",
		Long: `Say what this machine can run, what it lacks, and the command that mends it. The exit status is 0
when at least one kind of machine can be booted, else 125.`,
		Example: "  xtest doctor",
		Args:    usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			t := newTable(c.OutOrStdout())
			can := false
			for _, b := range backends {
				for _, cap := range b.Check(c.Context()) {
					can = can || cap.Can && b.Name() != "local"
					if err := t.Append(verb("run", cap.Can), cap.What, cap.Reason, cap.Fix); err != nil {
						return err
					}
				}
			}
			for _, cap := range []machine.Capability{f.checkMirror(), f.checkCache()} {
				if err := t.Append(verb("fetch", cap.Can), cap.What, cap.Reason, cap.Fix); err != nil {
					return err
				}
			}
			if err := t.Render(); err != nil {
				return err
			}
			if !can {
				return exit(exitUnjudged)
			}
			return nil
		},
	}
	f.add(c)
	return c
}

func verb(verb string, can bool) string {
	if can {
		return "can " + verb
	}
	return "cannot " + verb
}

// checkMirror looks at the settings alone; it opens no connection.
func (f *archiveFlags) checkMirror() machine.Capability {
	var titles []string
	for _, r := range depot.Releases {
		titles = append(titles, r.Name)
	}
	check := machine.Capability{What: strings.Join(titles, ", ")}
	host, err := debian.HostSources("/")
	if err == nil {
		_, err = host.Mirror(f.override)
	}
	if err != nil {
		check.Reason = err.Error()
		return check
	}
	check.Can, check.Reason = true, "mirror and keyring from apt's settings"
	if f.override.Mirror != "" {
		check.Reason = "mirror from --mirror"
	}
	return check
}

func (f *archiveFlags) checkCache() machine.Capability {
	check := machine.Capability{What: "into the cache"}
	d, err := f.depot()
	if err != nil {
		check.Reason = err.Error()
		return check
	}
	defer d.Cache.Close()
	if err := d.Cache.SetPin("doctor", nil); err != nil {
		check.Reason = err.Error()
		return check
	}
	check.Can, check.Reason = true, fmt.Sprint(d.Cache.Dir())
	return check
}
