package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"xtest/config"
	"xtest/suites/spec"
)

// configFlag says which file describes the user's targets.
type configFlag struct{ file string }

func (f *configFlag) add(c *cobra.Command) {
	c.Flags().StringVar(&f.file, "config", "", "file of targets, defaults and known failures (default: "+config.Name+", if it is there)")
}

// load reads the file. Without one that was asked for there need not be any.
func (f *configFlag) load() (*config.Config, error) {
	name := f.file
	if name == "" {
		name = config.Name
	}
	c, err := config.Load(name, world())
	var wrong *config.Problem
	switch {
	case f.file == "" && errors.Is(err, fs.ErrNotExist):
		return &config.Config{}, nil
	case errors.As(err, &wrong), errors.Is(err, fs.ErrNotExist):
		return nil, usageError{err}
	}
	return c, err
}

// world is what a file may name.
func world() config.World {
	all := spec.All()
	w := config.World{
		Suites:  suiteNames(all),
		Nearest: nearest,
		Target:  func(name string) error { _, err := parseTarget(name); return err },
		Memory:  func(text string) error { _, err := parseSize(text); return err },
	}
	for _, s := range all {
		w.Specs = append(w.Specs, s.ID)
		w.Labels = append(w.Labels, labelsOf(s)...)
	}
	slices.Sort(w.Labels)
	w.Labels = slices.Compact(w.Labels)
	return w
}

// labelsOf are a spec's own labels, its level and its grade.
func labelsOf(s spec.Listed) []string {
	return append(slices.Clone(s.Labels), string(s.Level), s.Grade.String())
}

func configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Check and show " + config.Name + ", print its JSON schema",
		Long: `A file ` + config.Name + ` in the current folder gives targets names, says what xtest run judges without
arguments, and holds the failures that are known.`,
		Example: `  xtest config check
  xtest config show
  xtest config schema >xtest.schema.json`,
	}
	show := &configFlag{}
	shown := &cobra.Command{
		Use: "show", Short: "Show the targets with all they inherit, matrices expanded", Example: "  xtest config show",
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return showConfig(c, show) },
	}
	show.add(shown)
	c.AddCommand(
		&cobra.Command{
			Use: "check [FILE]", Short: "Check a file; the exit status is 2 when something is wrong in it",
			Example: "  xtest config check\n  xtest config check ci/xtest.yaml", Args: usage(cobra.MaximumNArgs(1)),
			RunE: checkConfig,
		},
		&cobra.Command{
			Use: "schema", Short: "Print the JSON schema of the file, for editors",
			Example: "  xtest config schema >xtest.schema.json", Args: usage(cobra.NoArgs),
			RunE: func(c *cobra.Command, _ []string) error {
				_, err := fmt.Fprint(c.OutOrStdout(), config.Schema)
				return err
			},
		},
		shown,
	)
	return group(c)
}

func checkConfig(c *cobra.Command, args []string) error {
	f := configFlag{config.Name}
	if len(args) == 1 {
		f.file = args[0]
	}
	cfg, err := f.load()
	if err != nil {
		return err
	}
	for _, k := range cfg.Known {
		if k.Expired(time.Now()) {
			fmt.Fprintf(c.OutOrStdout(), "expired after %s: %s\n", k.Expires, k.Title())
		}
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s is good: targets %d, known failures %d\n", f.file, len(cfg.Names()), len(cfg.Known))
	return err
}

func showConfig(c *cobra.Command, f *configFlag) error {
	cfg, err := f.load()
	if err != nil {
		return err
	}
	t := newTable(c.OutOrStdout())
	t.Header("target", "what it is", "suites", "specs", "memory", "time limits")
	for _, name := range cfg.Names() {
		j, err := judge(cfg, name, config.Options{})
		if err != nil {
			return err
		}
		memory, limits := j.options.Memory, "the backend's"
		if memory == "" {
			memory = "the backend's"
		}
		if s := j.options.Limits.Scale; s > 0 {
			limits = fmt.Sprintf("× %g", s)
		}
		what, _ := cfg.Find(name)
		if err := t.Append(name, what.What, strings.Join(j.target.Suites, " "), fmt.Sprint(len(j.specs)), memory, limits); err != nil {
			return err
		}
	}
	if len(cfg.Names()) > 0 {
		if err := t.Render(); err != nil {
			return err
		}
		fmt.Fprintln(c.OutOrStdout())
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "xtest run judges: %s\n", strings.Join(defaults(cfg), " "))
	return err
}

// defaults are the targets that are judged when none is named.
func defaults(c *config.Config) []string {
	switch {
	case len(c.Run.Targets) > 0:
		return c.Run.Targets
	case len(c.Names()) > 0:
		return c.Names()
	}
	return defaultTargets
}
