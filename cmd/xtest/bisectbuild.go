package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"xtest/bisect"
	"xtest/config"
)

// buildFlags are what the axes whose candidates are built are asked with: commits and configurations.
type buildFlags struct {
	bisectFlags
	good, bad, repo, build string

	kernel string // what a build makes, in its tree
}

// complete gives a command that builds what it judges its arguments and other flags.
func (f *buildFlags) complete(c *cobra.Command, search func(ctx context.Context, target string) error) {
	c.Args = usage(cobra.MaximumNArgs(1))
	c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return allTargetNames(&f.config), cobra.ShellCompDirectiveNoFileComp
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		f.started(c)
		target := "qemu:debian-12"
		if len(args) > 0 {
			target = args[0]
		}
		return search(c.Context(), target)
	}
	f.add(c)
	c.Flags().StringVar(&f.repo, "repo", ".", "git repository; what is built is a clone of it")
	c.Flags().StringVar(&f.build, "build", "", "shell command that builds a candidate, started in its tree")
}

// checkKernel checks how a kernel is built and booted, where one is. --kernel names a file of the tree here, not one
// of the host.
func (f *buildFlags) checkKernel(target string) error {
	f.kernel, f.options.Kernel = f.options.Kernel, ""
	switch {
	case f.command != "":
		return nil
	case f.kernel == "" || f.build == "":
		return usagef("what is booted is the kernel that is built: say how with --build 'cmd', and where it is then with --kernel PATH, in the tree that is built")
	case !filepath.IsLocal(f.kernel):
		return usagef("--kernel %s: here it is a path in the tree that is built", f.kernel)
	}
	_, err := f.planFor(subject{target: target})
	return err
}

// workshop is a search that builds its candidates in a clone of its own.
type workshop struct {
	*hunt
	how          *buildFlags
	target, tree string
}

// workshop makes the search's folder, with a clone in it that shares the repository's objects and has no files yet. It is
// removed when the search ends.
func (f *buildFlags) workshop(ctx context.Context, target string, header bisect.Header) (*workshop, error) {
	if err := f.counts(target); err != nil {
		return nil, err
	}
	h, err := f.hunt(ctx, header)
	if err != nil {
		return nil, err
	}
	w := &workshop{hunt: h, how: f, target: target}
	if err := w.clone(ctx); err != nil {
		h.end()
		return nil, err
	}
	return w, nil
}

func (w *workshop) clone(ctx context.Context) (err error) {
	if w.tree, err = filepath.Abs(filepath.Join(w.dir, "tree")); err != nil {
		return fmt.Errorf("finding the search's folder: %w", err)
	}
	if err := os.RemoveAll(w.tree); err != nil {
		return fmt.Errorf("removing the clone of a search that was cut off: %w", err)
	}
	w.close = append(w.close, func() { os.RemoveAll(w.tree) }) // the answers are in the journal
	_, err = git(ctx, w.how.repo, "clone", "--quiet", "--shared", "--no-checkout", ".", w.tree)
	return err
}

// build builds what the tree holds and gives it as a subject, which a command finds in its environment, too. The error is
// unbuilt when the build fails; its output is kept under the name.
func (w *workshop) build(ctx context.Context, name string, env ...string) (subject, error) {
	if w.how.build != "" {
		w.say(" build     %s", name)
		path := filepath.Join(w.dir, "build-"+name+".log")
		log, err := os.Create(path)
		if err != nil {
			return subject{}, fmt.Errorf("keeping the build's output: %w", err)
		}
		defer log.Close() // only for people
		code, err := shell(ctx, w.how.build, w.tree, nil, log)
		if err != nil {
			return subject{}, fmt.Errorf("running --build %q: %w", w.how.build, err)
		}
		if code != 0 {
			return subject{}, unbuilt{fmt.Errorf("its build ended with status %d, see %s", code, path)}
		}
	}
	return subject{
		target: w.target, dir: w.tree, env: append(env, "XTEST_TARGET="+w.target),
		adapt: func(o *config.Options) { o.Kernel = filepath.Join(w.tree, w.how.kernel) },
	}, nil
}

// git runs git in a folder and gives what it writes.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s in %s: %w: %s", args[0], dir, err, strings.TrimSpace(said.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
