package selftest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"

	"xtest/suites/spec"
)

// ordered is a file of a root that was made for this spec: a command of the image's own, in words, the
// program by its path.
const ordered = "/etc/xtest-command"

var commanded = spec.Probe{Name: "a command", Check: func() error {
	_, err := os.Stat(ordered)
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("the root holds no " + ordered)
	}
	return err
}}

var _ = suite.Describe("command", func() {
	runs := guest(meta("runs-command", "a program of the image works in the machine"))
	runs.Needs, runs.Limit = []spec.Probe{commanded}, 30*time.Second
	suite.It(runs, func(t *spec.T) {
		text, err := os.ReadFile(ordered)
		words := strings.Fields(string(text))
		if err == nil && len(words) == 0 {
			err = errors.New("it is empty")
		}
		t.Setup("reading the command", err)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go func() {
			select {
			case <-t.Done():
				cancel()
			case <-ctx.Done():
			}
		}()
		cmd := exec.CommandContext(ctx, words[0], words[1:]...)
		cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TMPDIR=/tmp"}
		out, err := cmd.CombinedOutput()
		t.Note("%s", out)
		t.Equal(strings.Join(words, " ")+": how it ended, and what it said", ended(err, out), "status 0")
	})
})

// ended says how a program ended, and what it said when that was badly.
func ended(err error, out []byte) string {
	if err == nil {
		return "status 0"
	}
	return err.Error() + ": " + string(out[max(0, len(out)-2000):])
}
