package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"xtest/bisect"
	"xtest/config"
)

// commitFlags are what the axis of commits is asked with.
type commitFlags struct {
	bisectFlags
	good, bad, repo, build string
}

func bisectCommitsCommand() *cobra.Command {
	var f commitFlags
	c := &cobra.Command{
		Use:   "commits [TARGET]",
		Short: "Find the first bad commit of a git tree",
		Long: `Find the first bad commit between a good and a bad one, along first parents, so that each comes on top of
the one before. Commits are checked out in a clone of the search's own, which shares the repository's
objects; the repository is not written to. There --build builds each; one that does not build is skipped.

With --spec the target (default: qemu:debian-12) is booted with --kernel, a path in that clone. A command
(--run) is started in the clone and finds the commit in $XTEST_COMMIT.

Who would rather use git's own bisection has xtest run behind it; its exit status is the right one:
  git bisect run sh -c 'make -j8 bzImage || exit 125; xtest run qemu:debian-12 --kernel arch/x86/boot/bzImage --spec ID'`,
		Example: `  xtest bisect commits --good v6.1 --bad v6.2 --repo linux --build 'make -j8 bzImage' --kernel arch/x86/boot/bzImage --spec 'ipc/*'
  xtest bisect commits --good HEAD~20 --bad HEAD --build make --run ./check`,
	}
	c.Flags().StringVar(&f.good, "good", "", "commit that is good, an ancestor of the bad one")
	c.Flags().StringVar(&f.bad, "bad", "HEAD", "commit that is bad")
	f.complete(c, f.commits)
	return c
}

// complete gives a command that builds what it judges its arguments and other flags.
func (f *commitFlags) complete(c *cobra.Command, search func(ctx context.Context, target string) error) {
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

func (f *commitFlags) commits(ctx context.Context, target string) error {
	if err := f.check(); err != nil {
		return err
	}
	kernel := f.options.Kernel
	f.options.Kernel = ""
	switch {
	case f.good == "":
		return usagef("name a commit that is good: --good COMMIT")
	case f.command == "" && (kernel == "" || f.build == ""):
		return usagef("specs are judged on the kernel that a commit builds: say how with --build 'cmd', and where it is then with --kernel PATH")
	case f.command == "" && !filepath.IsLocal(kernel):
		return usagef("--kernel %s: here it is a path in the tree that is built", kernel)
	}
	if f.command == "" {
		if _, err := f.planFor(subject{target: target}); err != nil {
			return err
		}
	}
	names, err := commitsBetween(ctx, f.repo, f.good, f.bad)
	if err != nil {
		return err
	}
	if err := f.counts(target); err != nil {
		return err
	}
	h, err := f.hunt(ctx, bisect.Header{Axis: "commits", Judged: []string{target, f.build, kernel}, Candidates: names})
	if err != nil {
		return err
	}
	defer h.end()
	tree, remove, err := h.clone(ctx, f.repo)
	if err != nil {
		return err
	}
	defer remove()
	err = h.judge(func(ctx context.Context, candidate string) (subject, error) {
		commit, _, _ := strings.Cut(candidate, " ")
		if _, err := git(ctx, tree, "checkout", "--quiet", "--force", "--detach", commit); err != nil {
			return subject{}, err
		}
		if err := h.build(ctx, f.build, tree, commit); err != nil {
			return subject{}, err
		}
		return subject{
			target: target, dir: tree, env: []string{"XTEST_COMMIT=" + commit, "XTEST_TARGET=" + target},
			adapt: func(o *config.Options) { o.Kernel = filepath.Join(tree, kernel) },
		}, nil
	})
	if err != nil {
		return err
	}
	return h.search(ctx, names)
}

// clone makes a clone of the search's own that shares the repository's objects, without files yet.
func (h *hunt) clone(ctx context.Context, repo string) (tree string, remove func(), err error) {
	if tree, err = filepath.Abs(filepath.Join(h.dir, "tree")); err != nil {
		return "", nil, fmt.Errorf("finding the search's folder: %w", err)
	}
	if err := os.RemoveAll(tree); err != nil {
		return "", nil, fmt.Errorf("removing the clone of a search that was cut off: %w", err)
	}
	if _, err := git(ctx, repo, "clone", "--quiet", "--shared", "--no-checkout", ".", tree); err != nil {
		return "", nil, err
	}
	return tree, func() { os.RemoveAll(tree) }, nil // the answers are in the journal
}

// build builds a commit; the error is unbuilt when its command fails.
func (h *hunt) build(ctx context.Context, command, tree, commit string) error {
	if command == "" {
		return nil
	}
	path := filepath.Join(h.dir, "build-"+commit+".log")
	log, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("keeping the build's output: %w", err)
	}
	defer log.Close() // only for people
	code, err := shell(ctx, command, tree, nil, log)
	if err != nil {
		return fmt.Errorf("running --build %q: %w", command, err)
	}
	if code != 0 {
		return unbuilt{fmt.Errorf("its build ended with status %d, see %s", code, path)}
	}
	return nil
}

// abbreviated has git write as many digits of a hash as tell it from all others, 12 at least.
const abbreviated = "--abbrev=12"

// commitsBetween gives the commits from good to bad along first parents, as "HASH subject".
func commitsBetween(ctx context.Context, repo, good, bad string) ([]string, error) {
	var names []string
	for _, c := range []string{good, bad} {
		if strings.HasPrefix(c, "-") {
			return nil, usagef("%q is no commit", c)
		}
		if _, err := git(ctx, repo, "rev-parse", "--quiet", "--verify", c+"^{commit}"); err != nil {
			if ctx.Err() != nil || errors.Is(err, exec.ErrNotFound) {
				return nil, err
			}
			return nil, usagef("there is no commit %q in %s", c, repo)
		}
	}
	first, err := git(ctx, repo, "log", "-1", abbreviated, "--format=%h %s", good)
	if err != nil {
		return nil, err
	}
	names = append(names, first)
	text, err := git(ctx, repo, "log", "--reverse", "--first-parent", "--ancestry-path", abbreviated, "--format=%h %s", good+".."+bad)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, usagef("%s is no ancestor of %s along first parents; `git merge-base %s %s` names a commit that both have", good, bad, good, bad)
	}
	return append(names, strings.Split(text, "\n")...), nil
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
