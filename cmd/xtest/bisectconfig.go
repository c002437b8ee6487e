package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"xtest/bisect"
)

func bisectConfigCommand() *cobra.Command {
	var f buildFlags
	c := &cobra.Command{
		Use:   "config [TARGET]",
		Short: "Find the options of a kernel's configuration that make it bad",
		Long: `Find the least difference between a good and a bad kernel configuration that makes the kernel bad. Each
candidate is written to .config in a clone of --repo, and --build builds it there; let it begin with
` + "`make olddefconfig`" + `. What the build turns back even in the bad configuration, because the tree does
not know it or what it depends on is missing, is named and left out. One that it turns back in a candidate alone
is found together with what it depends on.

With --spec or --bench the target (default: qemu:debian-12) is booted with --kernel, a path in that clone. A
command (--run) is started in the clone.`,
		Example: `  xtest bisect config --good good.config --bad bad.config --repo linux --build 'make olddefconfig && make -j8 bzImage' --kernel arch/x86/boot/bzImage --bench munmap/anon-8k-write
  xtest bisect config --good a.config --bad b.config --build 'make olddefconfig' --run ./check`,
	}
	c.Flags().StringVar(&f.good, "good", "", "configuration that is good: a file like .config")
	c.Flags().StringVar(&f.bad, "bad", "", "configuration that is bad")
	f.complete(c, f.configs)
	return c
}

func (f *buildFlags) configs(ctx context.Context, target string) error {
	switch err := f.check(); {
	case err != nil:
		return err
	case f.good == "" || f.bad == "":
		return usagef("name both configurations: --good FILE --bad FILE")
	case f.build == "":
		return usagef("say how a configuration is built: --build 'make olddefconfig && make -j8 bzImage'")
	}
	if err := f.checkKernel(target); err != nil {
		return err
	}
	var both [2]bisect.Config
	for i, path := range []string{f.good, f.bad} {
		file, err := os.Open(path)
		if err != nil {
			return usageError{err}
		}
		both[i], err = bisect.ReadConfig(file)
		file.Close()
		if err != nil {
			return usagef("%s: %w", path, err)
		}
	}
	configs := bisect.NewConfigs(both[0], both[1])
	set := configs.Set()
	if len(set.Items) == 0 {
		return usagef("%s and %s set the same options", f.good, f.bad)
	}
	commit, err := git(ctx, f.repo, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	h, err := f.workshop(ctx, target, bisect.Header{Axis: "config", Judged: []string{target, f.build, f.kernel, commit}, Candidates: set.Items})
	if err != nil {
		return err
	}
	defer h.end()
	if _, err := git(ctx, h.tree, "checkout", "--quiet", "--detach", commit); err != nil {
		return err
	}
	builds := 0
	err = h.judge(func(ctx context.Context, candidate string) (subject, error) {
		path := filepath.Join(h.tree, ".config")
		if err := os.WriteFile(path, []byte(configs.Text(candidate)), 0o644); err != nil {
			return subject{}, fmt.Errorf("writing a configuration: %w", err)
		}
		builds++
		s, err := h.build(ctx, fmt.Sprintf("config-%d", builds))
		if err != nil {
			return subject{}, err
		}
		file, err := os.Open(path)
		if err != nil {
			return subject{}, unbuilt{fmt.Errorf("the build took the configuration away: %w", err)}
		}
		defer file.Close()
		built, err := bisect.ReadConfig(file)
		if err != nil {
			return subject{}, unbuilt{err}
		}
		turned := bisect.TurnedBack(candidate, built)
		if n := len(turned); n > 0 && n <= few {
			h.say(" build     turned back: %s", strings.Join(turned, ", "))
		} else if n > few {
			h.say(" build     turned back: %s and %d more", strings.Join(turned[:few], ", "), n-few)
		}
		s.built, s.unheeded = true, turned
		return s, nil
	})
	if err != nil {
		return err
	}
	return h.reduce(ctx, set, "the build turns them back")
}

// few is how many options are named that a build turned back.
const few = 5
