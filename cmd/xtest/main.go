// Command xtest judges kernels, hypervisors and distributions by booting them and running
// conformance suites inside.
//
// Beware: this file is also the guest agent, the guard of machines and the specs' child processes.
// Each looks at how the process was started and takes over before any flag is read.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"xtest/fuzz/executor"
	"xtest/runner/agent"
	"xtest/runner/guard"
	"xtest/runner/oci"
	"xtest/runner/rootfs"
	"xtest/runner/ssh"
	"xtest/suites/spec/child"
)

// Exit codes, the same for every command, so that any can stand behind `git bisect run`.
const (
	exitGood     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitUnjudged = 125
)

func main() {
	child.Main()
	guard.Main()
	oci.Main()
	ssh.Main()
	agent.Main(rootfs.Install, executor.Run)
	os.Exit(run(os.Args[1:]))
}

// exit is an error that is only an exit code: what there was to say has been said.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// usageError is a mistake in what the user typed.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// memoryGoal keeps the collector from letting the heap grow to twice what is needed while packages are
// unpacked, in bytes. It is a goal, no limit.
const memoryGoal = 56 << 20

func run(args []string) int {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryGoal)
	}
	ctx, interrupted := untilSignal()
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var code exit
	var usage usageError
	switch {
	case interrupted() != 0:
		return 128 + int(interrupted())
	case err == nil:
		return exitGood
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintf(os.Stderr, "xtest: %v\n", err)
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitUnjudged
}

// untilSignal gives a context that ends with the first SIGINT, SIGTERM or SIGHUP. A second one ends
// the process at once.
func untilSignal() (ctx context.Context, caught func() syscall.Signal) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	got := make(chan syscall.Signal, 1)
	go func() {
		s := (<-signals).(syscall.Signal)
		got <- s
		signal.Stop(signals)
		cancel(fmt.Errorf("interrupted by %v", s))
	}()
	return ctx, func() syscall.Signal {
		select {
		case s := <-got:
			got <- s
			return s
		default:
			return 0
		}
	}
}

// extras are the commands that only builds with certain tags have.
var extras []func() *cobra.Command

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "xtest",
		Short: "Judge kernels, hypervisors and distributions by booting them",
		Long: `xtest boots kernels, hypervisors and distributions on whatever machine it is started on,
runs conformance suites inside them, and says what does not conform.

Exit status: 0 judged and good; 1 something failed; 2 wrong usage;
125 it could not be judged; 128 + signal when interrupted.`,
		Example: `  xtest run                                  judge Debian 12's kernel and hypervisor
  xtest run uml:debian-12 --suite namespaces
  xtest doctor                               what can this machine run?`,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w; see `%s --help`", err, c.CommandPath())
	})
	root.AddCommand(runCommand(), lsbCommand(), targetsCommand(), configCommand(), doctorCommand(), reportCommand(), serveCommand(), mergeCommand(), benchCommand(), compareCommand(), bisectCommand(), explainCommand(), historyCommand(), fuzzCommand(), reproCommand(),
		cacheCommand(), versionCommand())
	for _, extra := range extras {
		root.AddCommand(extra())
	}
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			group(c).Example = "  xtest completion bash >~/.local/share/bash-completion/completions/xtest"
			for _, shell := range c.Commands() {
				shell.Args, shell.Example = usage(cobra.NoArgs), "  xtest completion "+shell.Name()
			}
		}
	}
	return group(root)
}

// group makes c a command that only holds others: alone it shows its help, and a name that is none of
// theirs is a mistake, which cobra would let pass below the root.
func group(c *cobra.Command) *cobra.Command {
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		var names []string
		for _, sub := range c.Commands() {
			names = append(names, sub.Name())
		}
		all := fmt.Sprintf("`%s --help` lists them", c.CommandPath())
		return usagef("there is no command \"%s %s\"; %s", c.CommandPath(), args[0], suggest(args[0], names, all))
	}
	return c
}
