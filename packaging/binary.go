package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// arch is the one processor xtest's machines have.
const arch = "amd64"

// binary builds xtest: static, without paths of the machine that built it.
func (r *release) binary() error { return r.build(r.path("xtest")) }

// build compiles the command to a file. Version control's state stays out of it: a clone and a tarball of
// the same commit must give the same bytes.
func (r *release) build(to string, flags ...string) error {
	to, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.release=" + r.version, "-o", to}, flags...)
	c := exec.Command("go", append(args, "./cmd/xtest")...)
	c.Dir = r.source
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOFLAGS=")
	return loudly(c)
}

// loudly runs a command whose output matters only when it fails.
func loudly(c *exec.Cmd) error {
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", c, err, said.String())
	}
	return nil
}
