package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"xtest/bisect"
	"xtest/config"
)

func bisectParamsCommand() *cobra.Command {
	var f bisectFlags
	var good, bad string
	var themes []string
	c := &cobra.Command{
		Use:   "params TARGET",
		Short: "Find the boot parameters that make a good machine bad",
		Long: `Find the least difference between a good and a bad list of boot parameters that makes the target bad:
one parameter, several that are bad together, or several each of which is. They come behind the
machine's own. What the kernel says it does not know (5.14 and later do) is named and left out.

Built-in lists (--catalogue), which are added to --bad:
` + themeList() + `
A command (--run) finds the parameters in $XTEST_PARAMS and the target in $XTEST_TARGET.`,
		Example: `  xtest bisect params qemu:debian-12 --bad 'quiet ipv6.disable=1 nosmt' --spec 'net/*' --bad-verdict not-applicable
  xtest bisect params uml:debian-12 --catalogue mm --spec 'teardown/*'
  xtest bisect params local --bad 'a b c' --run './measure "$XTEST_PARAMS"'`,
		Args: usage(cobra.ExactArgs(1)),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return allTargetNames(&f.config), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			f.started(c)
			list := strings.Fields(bad)
			for _, name := range themes {
				i := slices.IndexFunc(bisect.Catalogue(), func(t bisect.Theme) bool { return t.Name == name })
				if i < 0 {
					return usagef("--catalogue %s: there is no such list; there are\n%s", name, themeList())
				}
				list = append(list, bisect.Catalogue()[i].Params...)
			}
			return f.params(c.Context(), args[0], strings.Fields(good), list)
		},
	}
	f.add(c)
	c.Flags().StringVar(&bad, "bad", "", "boot parameters with which it is bad, as 'a=1 b'")
	c.Flags().StringVar(&good, "good", "", "boot parameters with which it is good (default: none)")
	c.Flags().StringSliceVar(&themes, "catalogue", nil, "add these built-in lists to --bad")
	return c
}

// audible comes behind the candidate's parameters: what the kernel does not know it says as a notice, which
// "quiet" would keep from the console.
const audible = "loglevel=7"

func themeList() string {
	var b strings.Builder
	for _, t := range bisect.Catalogue() {
		fmt.Fprintf(&b, "  %-12s %d: %s\n", t.Name, len(t.Params), t.About)
	}
	return b.String()
}

func (f *bisectFlags) params(ctx context.Context, target string, good, bad []string) error {
	if err := f.check(); err != nil {
		return err
	}
	params := bisect.NewParams(good, bad)
	set := params.Set()
	if len(set.Items) == 0 {
		return usagef("--good and --bad do not differ: name boot parameters with which it is bad (--bad 'a=1 b', --catalogue mm)")
	}
	if _, err := parseTarget(target); err != nil && f.command != "" {
		return err
	}
	of := func(_ context.Context, candidate string) (subject, error) {
		return subject{
			target: target,
			adapt:  func(o *config.Options) { o.Params = append(o.Params, candidate, audible) },
			flags:  asFlag("params", candidate),
			env:    []string{"XTEST_PARAMS=" + candidate, "XTEST_TARGET=" + target},
		}, nil
	}
	if f.command == "" {
		worst, _ := of(ctx, strings.Join(bad, " "))
		if _, err := f.planFor(worst); err != nil {
			return err
		}
	} else {
		set.Known = nil // a command may heed what the kernel does not
	}
	if err := f.counts(target); err != nil {
		return err
	}
	h, err := f.hunt(ctx, bisect.Header{Axis: "params", Judged: append([]string{target, "good"}, good...), Candidates: set.Items})
	if err != nil {
		return err
	}
	defer h.end()
	if err := h.judge(of); err != nil {
		return err
	}
	return h.reduce(ctx, set, "this kernel does not know them")
}
