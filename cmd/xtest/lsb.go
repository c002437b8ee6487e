package main

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"xtest/config"
	"xtest/reports"
	"xtest/runner"
	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/offline"
	"xtest/runner/record"
	"xtest/suites/lsb/inspection"
	"xtest/suites/lsb/waiver"
)

// lsbFlags are what `xtest lsb` was asked for.
type lsbFlags struct {
	runFlags
	profile       string
	profileSchema bool
	arch          string
	noWaivers     bool
}

func lsbCommand() *cobra.Command {
	var f lsbFlags
	c := &cobra.Command{
		Use:   "lsb PATH|IMAGE|TARGET...",
		Short: "Judge a distribution against the Linux Standard Base",
		Long: `Judge root file systems against the Linux Standard Base 5.0 and the Filesystem Hierarchy Standard 3.0, in
two readings: strict, as the text says, and effective, with the published waivers and errata, each with its
reason. A folder, a tarball, a disk image or an image of a registry is read and not executed, of whatever
architecture it is; a target, as of xtest run, is booted and its behaviour judged too.

The exit status follows the effective reading, with --no-waivers the strict one.`,
		Example: `  xtest lsb /srv/rootfs
  xtest lsb debian-12.tar.xz debian-13.tar.xz
  xtest lsb registry.example/base:1.2 --profile modern
  xtest lsb ./rootfs --profile base.yaml --json result.json
  xtest lsb uml:debian-12 --packages cron,at,lsb-release
  xtest lsb --profile-schema >profile.schema.json`,
		Args: usage(func(c *cobra.Command, args []string) error {
			if f.profileSchema {
				return cobra.NoArgs(c, args)
			}
			return cobra.MinimumNArgs(1)(c, args)
		}),
		RunE: func(c *cobra.Command, args []string) error {
			if f.profileSchema {
				_, err := io.WriteString(c.OutOrStdout(), inspection.ProfileSchema)
				return err
			}
			f.typed = machineFlags(c.Flags())
			return f.run(c.Context(), args)
		},
	}
	f.archive.add(c)
	f.config.add(c)
	c.Flags().StringVar(&f.profile, "profile", "lsb", "what to ask: lsb, modern, or a file of your own (YAML)")
	c.Flags().BoolVar(&f.profileSchema, "profile-schema", false, "print the JSON schema of a profile of your own, for editors")
	c.Flags().StringVar(&f.arch, "arch", "", "architecture to take of an image for several, as Go names it (default: this machine's)")
	c.Flags().BoolVar(&f.noWaivers, "no-waivers", false, "the strict reading alone: every failure counts")
	addPackagesFlag(c, &f.options)
	c.Flags().StringSliceVar(&f.options.Specs, "spec", nil, "specs to judge, by ID or pattern (*, ?)")
	c.Flags().StringVar(&f.runs, "runs", "runs", "folder that holds the records")
	f.files.add(c)
	return c
}

func (f *lsbFlags) run(ctx context.Context, args []string) error {
	profile, err := loadProfile(f.profile)
	if err != nil {
		return err
	}
	if profile.Checks, err = chooseChecks(profile.Checks, f.options.Specs); err != nil {
		return err
	}
	paths, targets, err := f.sort(args)
	if err != nil {
		return err
	}
	if len(targets) > 0 && profile.Name != "lsb" {
		return usagef("the profile %s is judged over files: name a folder or an image instead of %s", profile.Name, targets[0])
	}
	if len(targets) == 0 && len(f.options.Packages) > 0 {
		return usagef("--packages installs into machines that are booted, and %s is only read: name a target, as uml:debian-12", paths[0])
	}
	plan := runner.Plan{Supplies: &machine.Supplies{}}
	if len(targets) > 0 {
		f.options.Suites = []string{"lsb"}
		if plan, err = f.plan(targets); err != nil {
			return err
		}
	}
	excuse := func(spec string, r *event.Result) *event.Known {
		if f.noWaivers {
			return nil
		}
		return waiver.Excuse(waiver.All(), spec, r)
	}
	configured := plan.Known
	plan.Known = func(target, spec string, r *event.Result) *event.Known {
		if k := configured(target, spec, r); k != nil || r.Verdict != event.Fail {
			return k
		}
		return excuse(spec, r)
	}
	f.draw = func(w io.Writer, s screen, m *reports.Model) error { return reports.Readings(w, m, s.options()) }
	return f.carryOut(ctx, plan, nil, paths, func(rec *record.Writer) {
		for _, p := range paths {
			survey(ctx, p, profile, f.open, excuse, rec)
		}
	})
}

// sort tells what is read from what is booted. What lies on this machine goes first.
func (f *lsbFlags) sort(args []string) (paths, targets []string, err error) {
	cfg, err := f.config.load()
	if err != nil {
		return nil, nil, err
	}
	for i, a := range args {
		backend, _, _ := strings.Cut(a, ":")
		_, declared := cfg.Find(a)
		switch {
		case slices.Contains(args[:i], a):
			return nil, nil, usagef("%s is named twice", a)
		case offline.IsPath(a):
			paths = append(paths, a)
		case declared || isBackend(backend):
			targets = append(targets, a)
		case offline.MissingPath(a):
			return nil, nil, usagef("there is no file or folder %s", a)
		default:
			paths = append(paths, a)
		}
	}
	return paths, targets, nil
}

func isBackend(name string) bool {
	return slices.ContainsFunc(backends, func(b machine.Backend) bool { return b.Name() == name })
}

// open opens a root file system that is read.
func (f *lsbFlags) open(ctx context.Context, ref string) (*offline.Root, error) {
	return offline.Open(ctx, ref, offline.Options{Cache: f.archive.open, Arch: f.arch, Keep: inspection.Keep})
}

func loadProfile(name string) (inspection.Profile, error) {
	switch name {
	case "lsb":
		return inspection.LSB(), nil
	case "modern":
		return inspection.Modern(), nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return inspection.Profile{}, usagef("there is no profile %q: it is lsb, modern, or the file of one: %w", name, err)
	}
	p, err := inspection.ParseProfile(name, text)
	if err != nil {
		return p, usageError{err}
	}
	return p, nil
}

// chooseChecks picks by ID or pattern; none choose all.
func chooseChecks(all []inspection.Check, patterns []string) ([]inspection.Check, error) {
	if len(patterns) == 0 {
		return all, nil
	}
	var chosen []inspection.Check
	for _, p := range patterns {
		if err := config.CheckPattern(p); err != nil {
			return nil, usagef("--spec %q: %w", p, err)
		}
	}
	for _, c := range all {
		if slices.ContainsFunc(patterns, func(p string) bool { return config.Match(p, c.Meta.ID) }) {
			chosen = append(chosen, c)
		}
	}
	return chosen, nil
}
