package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"xtest/runner/guard"
)

const inside = "XTEST_LOCAL_NOPROC"

func TestMain(m *testing.M) {
	guard.Main()
	if os.Getenv(inside) == "" {
		os.Exit(m.Run())
	}
	for _, c := range (Backend{}).Check(context.Background()) {
		fmt.Println("check:", c.Can, c.Reason, c.Fix)
	}
	_, err := Backend{}.Prepare(context.Background(), "", nil)
	fmt.Println("prepare:", err)
	_, err = guard.Start(guard.Command{Args: []string{"/true"}})
	fmt.Println("start:", err)
	os.Exit(0)
}

// TestWithoutProc: where /proc is not mounted xtest says so, and how to mount it.
func TestWithoutProc(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "test"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/test")
	cmd.Env = []string{inside + "=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Chroot: root, Cloneflags: syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Skipf("user namespaces are not to be had here: %v %s", err, out)
	}
	for _, want := range []string{"check: false /proc is not mounted", "prepare: finding this program: ", "start: starting /true: "} {
		at := strings.Index(string(out), want)
		if at < 0 || !strings.Contains(strings.SplitN(string(out)[at:], "\n", 2)[0], "mount -t proc proc /proc") {
			t.Errorf("no %q with what to do in:\n%s", want, out)
		}
	}
}
