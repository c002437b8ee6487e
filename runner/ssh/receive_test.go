package ssh

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Whatever the login shell and whatever sh is there, an agent that arrived whole is run, and nothing
// stays behind.
func TestReceive(t *testing.T) {
	const program = "#!/bin/sh\necho it runs as \"${0##*/}\"; read line; echo \"heard $line\"; exit 7\n"
	for _, shell := range []string{"sh", "bash", "zsh", "tcsh", "fish", "busybox"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		for name, c := range map[string]struct {
			size int
			code int
			says string
		}{
			"whole":     {len(program), 7, "it runs as xtest-agent-stdio\nheard the runner\n"},
			"cut short": {len(program) + 100, 1, "did not arrive whole"},
		} {
			t.Run(shell+"/"+name, func(t *testing.T) {
				dir := t.TempDir()
				args := []string{"-c", receive(int64(c.size))}
				if shell == "busybox" {
					args = append([]string{"sh"}, args...)
				}
				cmd := exec.Command(path, args...)
				cmd.Env = append(os.Environ(), "TMPDIR="+dir)
				said := converse(t, cmd, program, "the runner\n", c.size > len(program))
				if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(said, c.says) {
					t.Errorf("exit status %d, %q; expected %d, %q", code, said, c.code, c.says)
				}
				if left, _ := os.ReadDir(dir); len(left) > 0 {
					t.Errorf("%v stayed behind", left)
				}
			})
		}
	}
}

// converse sends the program, and the line once the program has said something, as a runner does:
// some versions of head(1) read more than they are asked to. When it is short, the input ends there.
func converse(t *testing.T, cmd *exec.Cmd, program, line string, short bool) (said string) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, program); err != nil {
		t.Fatal(err)
	}
	if short {
		in.Close()
	}
	var text strings.Builder
	scan := bufio.NewScanner(out)
	for scan.Scan() {
		text.WriteString(scan.Text() + "\n")
		if strings.HasPrefix(scan.Text(), "it runs") {
			io.WriteString(in, line)
		}
	}
	cmd.Wait()
	return text.String()
}

func TestParseHost(t *testing.T) {
	for what, want := range map[string]host{
		"board":                {"board", ""},
		"root@board.lab:2222":  {"root@board.lab", "2222"},
		"192.0.2.7":            {"192.0.2.7", ""},
		"[2001:db8::1]":        {"2001:db8::1", ""},
		"me@[fe80::1%eth0]:22": {"me@fe80::1%eth0", "22"},
	} {
		if got, ok := parseHost(what); !ok || got != want {
			t.Errorf("%q: got %+v, %v", what, got, ok)
		}
	}
	for _, what := range []string{"", "-oProxyCommand=x", "a b", "me@", "@board", "-x@board", "board:", "board:0", "board:65536", "board:ssh", "2001:db8::1", "a/b", "a\nb"} {
		if got, ok := parseHost(what); ok {
			t.Errorf("%q was taken for %+v", what, got)
		}
	}
}

func TestAgentForAnotherArchitecture(t *testing.T) {
	for _, c := range []struct {
		remote      remote
		reason, fix string
	}{
		{remote{"Linux", "sparc64", "6.1"}, "architecture sparc64", ""},
		{remote{"FreeBSD", "amd64", "14.1"}, "xtest judges Linux", ""},
		{remote{"Linux", "riscv64", "6.1"}, "built for", "GOARCH=riscv64"},
	} {
		_, err := agentFor(c.remote, "ssh:board")
		if err == nil || !strings.Contains(err.Error(), c.reason) || !strings.Contains(err.Error(), c.fix) {
			t.Errorf("%+v: got %v, expected %q and %q", c.remote, err, c.reason, c.fix)
		}
	}
}

// What comes from the far side before a login succeeds is not to be trusted.
func TestLastWords(t *testing.T) {
	got := lastWords("first\r\n\r\nsecond \x1b[31mred\r\n\nthird\n")
	if got != "second [31mred third" {
		t.Errorf("got %q", got)
	}
	if got := lastWords(strings.Repeat("long ", 1000)); len(got) > maxWords {
		t.Errorf("got %d bytes", len(got))
	}
}
