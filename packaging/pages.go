package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// completions are where each shell looks for them, below /usr/share.
var completions = map[string]string{
	"bash": "bash-completion/completions/xtest",
	"zsh":  "zsh/vendor-completions/_xtest",
	"fish": "fish/vendor_completions.d/xtest.fish",
}

// pages has the command write its own manual and completions. The manual's writer is in a build of its
// own: users carry no Markdown renderer about.
func (r *release) pages() error {
	scratch, err := os.MkdirTemp("", "xtest-packaging-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	writer := filepath.Join(scratch, "xtest")
	if err := r.build(writer, "-tags", "man"); err != nil {
		return err
	}
	man := r.path("share", "man", "man1")
	if err := os.MkdirAll(man, 0o755); err != nil {
		return err
	}
	if err := loudly(exec.Command(writer, "man", man, r.date.Format("2006-01-02"))); err != nil {
		return err
	}
	for shell, place := range completions {
		var script bytes.Buffer
		c := exec.Command(r.path("xtest"), "completion", shell)
		c.Stdout = &script
		if err := c.Run(); err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
		file := r.path("share", place)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, script.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}
