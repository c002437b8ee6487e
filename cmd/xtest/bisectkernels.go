package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"xtest/bisect"
	"xtest/runner/offline"
)

func bisectKernelsCommand() *cobra.Command {
	var f bisectFlags
	c := &cobra.Command{
		Use:   "kernels TARGET|FILE...",
		Short: "Find the first bad one of an ordered list of kernels",
		Long: `Find the first bad one of an ordered list: targets, kernels or kernels' packages as files (which are
booted as qemu:FILE). The first is the good end and the last the bad one. Braces are expanded.

A command (--run) finds the candidate in $XTEST_TARGET.`,
		Example: `  xtest bisect kernels 'qemu:debian-{11,12,13,sid}' --spec general/links-of-others --bad-verdict pass
  xtest bisect kernels linux-image-6.1.0-{30,31,32}-amd64.deb --spec 'mnt/*' --no-rootfs`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return allTargetNames(&f.config), cobra.ShellCompDirectiveDefault
		},
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			f.started(c)
			return f.kernels(c.Context(), args)
		},
	}
	f.add(c)
	return c
}

func (f *bisectFlags) kernels(ctx context.Context, args []string) error {
	if err := f.check(); err != nil {
		return err
	}
	names, err := expand(args)
	if err != nil {
		return err
	}
	if len(names) < 2 {
		return usagef("a search needs two kernels at least, from good to bad; %d is named", len(names))
	}
	seen := map[string]bool{}
	for i, n := range names {
		if _, err := parseTarget(n); err != nil && offline.IsPath(n) {
			if !strings.HasPrefix(n, "/") && !strings.HasPrefix(n, ".") {
				n = "./" + n
			}
			names[i] = "qemu:" + n
		}
		if seen[names[i]] {
			return usagef("%s is named twice", names[i])
		}
		seen[names[i]] = true
		if f.command == "" {
			if _, err := f.planFor(subject{target: names[i]}); err != nil {
				return err
			}
		}
	}
	if err := f.counts(names[0]); err != nil {
		return err
	}
	h, err := f.hunt(ctx, bisect.Header{Axis: "kernels", Candidates: names})
	if err != nil {
		return err
	}
	defer h.end()
	err = h.judge(func(_ context.Context, candidate string) (subject, error) {
		return subject{target: candidate, env: []string{"XTEST_TARGET=" + candidate}}, nil
	})
	if err != nil {
		return err
	}
	return h.search(ctx, names)
}

// search finds the first bad one of an ordered list and shows it.
func (h *hunt) search(ctx context.Context, names []string) error {
	if err := h.gauge(ctx, names[0], names[len(names)-1]); err != nil {
		return err
	}
	found, err := h.Search(ctx, names)
	if err != nil {
		return fmt.Errorf("%w; `--resume %s` continues", err, h.dir)
	}
	if found.Kind != bisect.Found {
		return h.unlike(found.Kind, names[0], names[len(names)-1])
	}
	culprits := names[found.First : found.Last+1]
	remark := fmt.Sprintf("%s is bad, %s before it is good", culprits[0], names[found.First-1])
	if len(culprits) > 1 {
		remark = fmt.Sprintf("the first bad one is one of %d: those before the last of them could not be judged", len(culprits))
	}
	return h.result(culprits, found.Confidence, remark)
}
