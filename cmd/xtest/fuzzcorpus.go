package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"xtest/fuzz/campaign"
	"xtest/fuzz/corpus"
)

func fuzzCorpusCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "corpus",
		Short:   "Make a corpus smaller, or one of several",
		Long:    "A corpus is a file of programs as text, corpus.txt in a campaign's folder.",
		Example: "  xtest fuzz corpus merge -o all.txt runs/fuzz-*/corpus.txt\n  xtest fuzz corpus min xen:debian-12 all.txt -o small.txt",
	}
	c.AddCommand(corpusMergeCommand(), corpusMinCommand())
	return group(c)
}

func corpusMergeCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:     "merge CORPUS...",
		Short:   "Put the programs of several corpora into one",
		Example: "  xtest fuzz corpus merge -o all.txt runs/fuzz-*/corpus.txt",
		Args:    usage(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			var all *corpus.Corpus
			for _, a := range args {
				one, err := corpus.Load(a)
				if err != nil {
					return usagef("%w", err)
				}
				if all == nil {
					all = corpus.New(one.Space())
				}
				if err := all.Merge(one); err != nil {
					return usagef("%s: %w", a, err)
				}
			}
			if err := all.Save(out); err != nil {
				return err
			}
			fmt.Printf("%d programs of %d files: %s\n", all.Len(), len(args), out)
			return nil
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "file to write")
	c.MarkFlagRequired("output")
	return c
}

func corpusMinCommand() *cobra.Command {
	var f fuzzFlags
	var out string
	c := &cobra.Command{
		Use:   "min TARGET CORPUS",
		Short: "Leave out programs that reach nothing which others do not",
		Long: `Run the programs of a corpus on the target, see which code each was the first to reach, and keep those that
reached some, beginning with those that reached most when it was made.`,
		Example: "  xtest fuzz corpus min xen:debian-12 all.txt -o small.txt",
		Args:    usage(cobra.ExactArgs(2)),
		RunE:    func(c *cobra.Command, args []string) error { return f.minimise(c.Context(), args[0], args[1], out) },
	}
	f.archive.add(c)
	c.Flags().StringVarP(&out, "output", "o", "", "file to write")
	c.MarkFlagRequired("output")
	return c
}

func (f *fuzzFlags) minimise(ctx context.Context, target, file, out string) error {
	old, err := corpus.Load(file)
	if err != nil {
		return usagef("%w", err)
	}
	f.grade = "ends"
	t, ops, err := f.aim(target, old.Space().Name)
	if err != nil {
		return err
	}
	status := newStatus(stdoutScreen())
	done, err := f.prepare(ctx, t, status.say)
	if err != nil {
		return err
	}
	defer done()
	if t.Plugin == "" {
		return fmt.Errorf("without the plugin nobody sees what a program reaches")
	}
	c := campaign.New(campaign.Config{Target: &t.Target, Ops: ops, Say: status.say})
	small, err := c.Minimise(ctx, old)
	if err != nil {
		return err
	}
	if err := small.Save(out); err != nil {
		return err
	}
	fmt.Printf("%d of %d programs reach all that all of them do: %s\n", small.Len(), old.Len(), out)
	return nil
}
