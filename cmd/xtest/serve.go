package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strconv"

	"github.com/spf13/cobra"

	"xtest/reports/serve"
)

func serveCommand() *cobra.Command {
	var port int
	c := &cobra.Command{
		Use:   "serve [RUNS]",
		Short: "Show a folder of runs to a browser on this machine",
		Long: `Show the runs below a folder (default: ./runs) as pages: a list of them, each with its page, several side by side, all as
history. Only this machine can connect, by 127.0.0.1 or localhost; nothing is written. Ctrl-C ends it.`,
		Example: `  xtest serve
  xtest serve nightly/ --port 9000`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			dir := "runs"
			if len(args) == 1 {
				dir = args[0]
			}
			if port < 0 || port > 65535 {
				return usagef("--port %d: a port is a number up to 65535; 0 takes one that is free", port)
			}
			return serveRuns(c.Context(), dir, port)
		},
	}
	c.Flags().IntVar(&port, "port", 8700, "port to listen on; 0: any that is free")
	return c
}

func serveRuns(ctx context.Context, dir string, port int) error {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(pageMemory)
	}
	folder, err := serve.New(dir)
	if err != nil {
		return usageError{err}
	}
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("listening: %w; --port 0 takes a port that is free", err)
	}
	fmt.Printf("http://%s/ shows the runs below %s; Ctrl-C ends it\n", l.Addr(), dir)
	return folder.Serve(ctx, l)
}
