package main

import (
	"context"
	"errors"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"xtest/bisect"
)

func bisectCommitsCommand() *cobra.Command {
	var f buildFlags
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

func (f *buildFlags) commits(ctx context.Context, target string) error {
	switch err := f.check(); {
	case err != nil:
		return err
	case f.good == "":
		return usagef("name a commit that is good: --good COMMIT")
	}
	if err := f.checkKernel(target); err != nil {
		return err
	}
	names, err := commitsBetween(ctx, f.repo, f.good, f.bad)
	if err != nil {
		return err
	}
	h, err := f.workshop(ctx, target, bisect.Header{Axis: "commits", Judged: []string{target, f.build, f.kernel}, Candidates: names})
	if err != nil {
		return err
	}
	defer h.end()
	err = h.judge(func(ctx context.Context, candidate string) (subject, error) {
		commit, _, _ := strings.Cut(candidate, " ")
		if _, err := git(ctx, h.tree, "checkout", "--quiet", "--force", "--detach", commit); err != nil {
			return subject{}, err
		}
		return h.build(ctx, commit, "XTEST_COMMIT="+commit)
	})
	if err != nil {
		return err
	}
	return h.search(ctx, names)
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
