package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"xtest/internal/required"
	"xtest/runner/cache"
	"xtest/suites/spec/child"
)

// program is the program under test, built as it is shipped; cacheDir is the cache that the tests
// share, so that what was fetched once is not fetched by each.
var program, cacheDir string

func TestMain(m *testing.M) {
	child.Main()
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "xtest-e2e-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = errors.Join(os.Chmod(dir, 0o755), build(dir)) // others than root run it as well
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func build(dir string) error {
	program = filepath.Join(dir, "xtest")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building xtest: %w\n%s", err, out)
	}
	c, err := cache.Open("")
	if err != nil {
		return err
	}
	cacheDir = c.Dir()
	return c.Close()
}

// TestScripts runs what a person would type, and checks what comes back.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		// Its own folder stays behind when only some scripts are chosen.
		WorkdirRoot: t.TempDir(),
		Setup: func(e *testscript.Env) error {
			tmp := filepath.Join(e.WorkDir, "tmp")
			e.Setenv("PATH", filepath.Dir(program)+":"+os.Getenv("PATH"))
			e.Setenv("BIN", filepath.Dir(program))
			e.Setenv("XTEST_CACHE", cacheDir)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("TMPDIR", tmp)
			return os.MkdirAll(tmp, 0o755)
		},
		Condition: func(name string) (bool, error) {
			switch tool, isTool := strings.CutPrefix(name, "tool:"); {
			case isTool:
				return found(tool)
			case name == "boots":
				return boots()
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits runs a program that must end with the given status: exits STATUS PROGRAM [ARGUMENT...].
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func found(tool string) (bool, error) {
	if _, err := exec.LookPath(tool); err != nil {
		if required.All() {
			return false, err
		}
		return false, nil
	}
	return true, nil
}

func needTool(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		ok, err := found(tool)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			t.Skipf("%s is not installed", tool)
		}
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can do this")
	}
}

func needBoots(t *testing.T) {
	t.Helper()
	ok, err := boots()
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Skip("boots machines: not in short mode, and not without a Debian mirror in apt's settings")
	}
}

// boots says whether machines can be booted here; the first call fetches the kernel.
func boots() (bool, error) {
	if testing.Short() {
		return false, nil
	}
	return bootsOnce()
}

var bootsOnce = sync.OnceValues(func() (bool, error) {
	out, err := exec.Command(program, "doctor").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "mirror and keyring from apt's settings") {
		if required.All() {
			return false, fmt.Errorf("xtest doctor finds no mirror: %w\n%s", err, out)
		}
		return false, nil
	}
	dir, err := os.MkdirTemp("", "xtest-e2e-warm-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command(program, "run", "uml:debian-12", "--no-rootfs", "--spec", "selftest/passes")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return false, fmt.Errorf("filling the cache: %w\n%s", err, out)
	}
	return true, nil
})

// passes are the arguments of the shortest run there is.
var passes = []string{"run", "uml:debian-12", "--no-rootfs", "--spec", "selftest/passes"}

// call is a program to run.
type call struct {
	args []string // behind the name of the program under test
	prog []string // put before the program under test
	bare bool     // args name the program under test themselves
	env  []string // in addition
	dir  string   // "" makes one
	tmp  string   // TMPDIR; "" makes one
}

type outcome struct {
	stdout, stderr string
	code           int
}

func (o outcome) String() string {
	return fmt.Sprintf("exit status %d\nstdout:\n%s\nstderr:\n%s", o.code, o.stdout, o.stderr)
}

func (c call) command(t *testing.T) *exec.Cmd {
	t.Helper()
	if c.dir == "" {
		c.dir = t.TempDir()
	}
	if c.tmp == "" {
		c.tmp = t.TempDir()
	}
	argv := append([]string{}, c.prog...)
	if !c.bare {
		argv = append(argv, program)
	}
	argv = append(argv, c.args...)
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Dir = c.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "TMPDIR=" + c.tmp, "XTEST_CACHE=" + cacheDir}, c.env...)
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

func (c call) run(t *testing.T) outcome {
	t.Helper()
	cmd := c.command(t)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// until polls a condition to a deadline.
func until(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			t.Fatalf("%s: not within %v", what, limit)
		case <-tick.C:
		}
	}
}
