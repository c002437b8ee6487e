package main

import (
	"fmt"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/spf13/cobra"

	"xtest/config"
)

func targetsCommand() *cobra.Command {
	var f configFlag
	c := &cobra.Command{
		Use:   "targets",
		Short: "List what can be judged",
		Example: `  xtest targets list
  xtest targets show uml:debian-12`,
	}
	c.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List all targets", Example: "  xtest targets list", Args: usage(cobra.NoArgs),
			RunE: func(c *cobra.Command, _ []string) error { return listTargets(c, &f) },
		},
		&cobra.Command{
			Use: "show TARGET", Short: "Show a target's suites and their specs", Example: "  xtest targets show uml:debian-12",
			Args: usage(cobra.ExactArgs(1)),
			ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
				return allTargetNames(&f), cobra.ShellCompDirectiveNoFileComp
			},
			RunE: func(c *cobra.Command, args []string) error { return showTarget(c, &f, args[0]) },
		},
	)
	for _, sub := range c.Commands() {
		f.add(sub)
	}
	return group(c)
}

func listTargets(c *cobra.Command, f *configFlag) error {
	cfg, err := f.load()
	if err != nil {
		return err
	}
	t := newTable(c.OutOrStdout())
	t.Header("target", "suites", "what it is")
	for _, name := range cfg.Names() {
		j, err := judge(cfg, name, config.Options{})
		if err != nil {
			return err
		}
		named, _ := cfg.Find(name)
		if err := t.Append(name, strings.Join(j.target.Suites, " "), named.What+", from the configuration"); err != nil {
			return err
		}
	}
	for _, b := range backends {
		for _, o := range b.Targets() {
			if err := t.Append(targetName(b, o), strings.Join(b.Suites(), " "), o.Title); err != nil {
				return err
			}
		}
	}
	return t.Render()
}

func showTarget(c *cobra.Command, f *configFlag, name string) error {
	cfg, err := f.load()
	if err != nil {
		return err
	}
	j, err := judge(cfg, name, config.Options{})
	if err != nil {
		return err
	}
	var rows [][]string
	for _, s := range j.specs {
		rows = append(rows, []string{s.Suite, s.ID, string(s.Level), s.Grade.String(), s.Clause})
	}
	t := newTable(c.OutOrStdout(), tablewriter.WithMaxWidth(stdoutScreen().width))
	t.Header("suite", "spec", "level", "grade", "clause")
	if err := t.Bulk(rows); err != nil {
		return err
	}
	if err := t.Render(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "\n%d specs   judge them: xtest run %s\n", len(rows), name)
	return err
}
