package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"xtest/internal/late"
	"xtest/runner/cache"
	"xtest/runner/guard"
	"xtest/runner/machine"
)

// trialLimit is how long a container that does nothing may take.
const trialLimit = 30 * time.Second

// proved tries the runtime unless the cache knows that it worked here since this machine was booted.
func (b Backend) proved(ctx context.Context, r runtime, c *cache.Cache) error {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return b.try(ctx, r)
	}
	pin := "oci-works-" + r.name
	know := fmt.Sprintf("%s %s %d", r.artefact.SHA256, strings.TrimSpace(string(boot)), os.Geteuid())
	if text, _, err := c.Pin(pin); err == nil && string(text) == know {
		return nil
	}
	if err := b.try(ctx, r); err != nil {
		return err
	}
	if err := c.SetPin(pin, []byte(know)); !errors.Is(err, cache.ErrReadOnly) {
		return err
	}
	return nil
}

// forbidden matches what runtimes say when root might be allowed what the user is not.
var forbidden = late.Regexp(`(?i)permission denied|not permitted|rootless|EPERM|EACCES`)

// try starts a container that does nothing. The error has the runtime's own words, in a
// [machine.Unavailable] when it refused.
func (b Backend) try(ctx context.Context, r runtime) error {
	scratch, err := os.MkdirTemp("", "xtest-trial-")
	if err != nil {
		return fmt.Errorf("making a scratch folder: %w (TMPDIR chooses where)", err)
	}
	said, err := b.tryIn(ctx, r, scratch)
	if err == nil || ctx.Err() != nil {
		return errors.Join(err, os.RemoveAll(scratch))
	}
	u := &machine.Unavailable{Reason: fmt.Sprintf("%s cannot start a container here: %s", r, lastWords(said, err))}
	if os.Geteuid() != 0 && forbidden().MatchString(u.Reason) {
		u.Fix = "sudo " + strings.Join(os.Args, " ")
	}
	return errors.Join(u, os.RemoveAll(scratch))
}

func (b Backend) tryIn(ctx context.Context, r runtime, scratch string) (said string, err error) {
	c := container{runtime: r, root: filepath.Join(scratch, "root")}
	if c.agent, err = b.agent(); err != nil {
		return "", err
	}
	if err := makeFolders(c.root); err != nil {
		return "", err
	}
	launch, err := c.prepare(scratch, trialName)
	if err != nil {
		return "", err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer null.Close()
	out, in, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer out.Close()
	p, err := guard.Start(guard.Command{
		Args: launch.Args, Env: launch.Env, Dir: scratch, Scratch: scratch,
		Stdout: in, Stderr: in, Files: []*os.File{null},
	})
	in.Close()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, trialLimit, fmt.Errorf("it took more than %v", trialLimit))
	defer cancel()
	defer context.AfterFunc(ctx, p.Kill)()
	text, _ := io.ReadAll(io.LimitReader(out, 64<<10))
	err = p.Wait()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return string(text), err
}

// lastWords are the last lines of what a runtime said, or how it ended.
func lastWords(said string, err error) string {
	var lines []string
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return err.Error()
	}
	return strings.Join(slices.Clip(lines[max(len(lines)-3, 0):]), "; ")
}
