package agent

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xtest/runner/guard"
)

// start starts a copy of the test program.
func start(role string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = []string{roleEnv + "=" + role}
	cmd.Stdout, cmd.SysProcAttr = os.Stdout, &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		fmt.Println(err)
	}
	return cmd
}

var roles = map[string]func(){
	"leaf": func() { unix.Pause() },
	// orphaner leaves a process to whoever adopts it.
	"orphaner": func() { start("leaf") },
	"reaper-of-nothing": func() {
		adopt()
	},
	"reaper-of-the-dead": func() {
		cmd := start("orphaner-of-the-dead")
		cmd.Wait()
		adopt()
	},
	"orphaner-of-the-dead": func() {
		cmd := start("exits")
		unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
	},
	"exits":            func() { os.Exit(3) },
	"reaper-of-dying":  func() { start("dies-soon"); adopt() },
	"dies-soon":        func() { <-time.After(settle / 10) },
	"reaper-of-orphan": func() { start("orphaner").Wait(); start("orphaner").Wait(); adopt() },
}

func init() {
	for name, f := range roles {
		if strings.HasPrefix(name, "reaper") {
			roles[name] = func() {
				if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
					fmt.Println(err)
				}
				f()
			}
		}
	}
}

func adopt() {
	fmt.Printf("left: %q\n", sweep())
	fmt.Printf("children: %v\n", guard.Children(os.Getpid()))
}

func TestSweep(t *testing.T) {
	t.Parallel()
	orphan := `process \d+ \(\S+\)`
	for role, want := range map[string]string{
		"reaper-of-nothing":  `left: ""`,
		"reaper-of-the-dead": `left: ""`,
		"reaper-of-dying":    `left: ""`,
		"reaper-of-orphan":   `left: "` + orphan + `, ` + orphan + `"`,
	} {
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		cmd := exec.CommandContext(t.Context(), exe)
		cmd.Env, cmd.Stdout = []string{roleEnv + "=" + role}, &out
		if err := cmd.Run(); err != nil { // it ends only when nobody holds the output
			t.Errorf("%s: %v", role, err)
		}
		if !regexp.MustCompile("^" + want + "\nchildren: \\[\\]\n$").MatchString(out.String()) {
			t.Errorf("%s: %s", role, out.String())
		}
	}
}
