package namespaces

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// criuPaths are where distributions put criu(8).
var criuPaths = []string{"/usr/sbin/criu", "/usr/bin/criu", "/usr/local/sbin/criu"}

// criuEnv is for the programs that criu calls: tar, ip, iptables-save.
var criuEnv = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

// criu probes for a criu that says it can work with this kernel. It is the one program of others that a
// spec starts: the clauses are about what it and the kernel do together.
var criu = spec.Probe{Name: "criu", Check: func() error {
	down, err := loopbackUp()
	if err != nil {
		return err
	}
	defer down()
	_, err = criuRun(context.Background(), "check")
	return err
}}

// loopbackUp brings the machine's loopback link up, which criu connects over to find out what the kernel
// can, and gives what takes it down again.
func loopbackUp() (down func(), err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	r, err := unix.NewIfreq("lo")
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, r)
	}
	was := uint16(0)
	if err == nil {
		was = r.Uint16()
		r.SetUint16(was | unix.IFF_UP)
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("bringing the loopback link up: %w", err)
	}
	return func() {
		r.SetUint16(was)
		unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
		unix.Close(fd)
	}, nil
}

// criuPatience is how long one run of criu may take that no spec's limit ends: emulated, too, it takes a few seconds.
const criuPatience = 2 * time.Minute

// criuRun runs criu and quotes its own errors when it fails.
func criuRun(ctx context.Context, args ...string) (said string, err error) {
	for _, path := range criuPaths {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, share(ctx, criuPatience))
		defer cancel()
		cmd := exec.CommandContext(ctx, path, args...)
		cmd.Env = criuEnv
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			return out.String(), fmt.Errorf("criu %s: %w: %s", args[0], err, complaint(out.String()))
		}
		return out.String(), nil
	}
	return "", errors.New("criu is not installed; `--packages criu` adds it to a release's root file system")
}

// complaint picks criu's first errors out of what it said.
func complaint(text string) string {
	var found []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, "Error") && len(found) < 4 {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return strings.Join(found, "; ")
}

// frozen is a process tree between its checkpoint and its restore.
type frozen struct {
	dir     string   // the subject's own folder, and its root where it has a mount namespace
	images  string   // what criu dumped
	options []string // for both ways
	restore []string // for the way back alone
	pid     int      // of the tree's root, as seen from here
	born    *script  // what started it
}

// newFrozen makes the folders and copies this program there: criu must find it by its path again.
func newFrozen(t *spec.T) *frozen {
	f := &frozen{dir: "/tmp/xtest-criu/root", images: "/tmp/xtest-criu/images"}
	t.Cleanup(func() {
		unix.Unmount(f.dir, unix.MNT_DETACH)
		os.RemoveAll(filepath.Dir(f.dir))
	})
	down, err := loopbackUp()
	t.Setup("preparing the network", err)
	t.Cleanup(down)
	t.Setup("making folders", errors.Join(os.MkdirAll(f.dir, 0o755), os.MkdirAll(f.images, 0o700), os.Chmod(f.dir, 0o777)))
	t.Setup("making a file", os.WriteFile(filepath.Join(f.dir, subjectNull), nil, 0o666))
	t.Setup("making a file", os.Chmod(filepath.Join(f.dir, subjectNull), 0o666))
	t.Setup("allowing large reservations", overcommit(t))
	t.Setup("copying this program", copyProgram(filepath.Join(f.dir, subjectProgram)))
	return f
}

// overcommit lets a process be given back what Go's runtime reserves and does not use: criu maps all of it
// writable at first, more than a small machine has.
func overcommit(t *spec.T) error {
	const file = "/proc/sys/vm/overcommit_memory"
	was, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	t.Cleanup(func() { os.WriteFile(file, was, 0) })
	return os.WriteFile(file, []byte("1"), 0)
}

func copyProgram(to string) (err error) {
	in, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// dump checkpoints the tree, which ends it.
func (f *frozen) dump(t *spec.T) {
	start := time.Now()
	args := append([]string{"dump", "--tree", fmt.Sprint(f.pid), "--images-dir", f.images, "-v4", "--log-file", "dump.log"}, f.options...)
	tree := append([]int{f.pid}, descendants(f.pid)...)
	_, err := criuRun(t, args...)
	f.judge(t, "criu dump", "dump.log", err)
	for _, pid := range tree { // whose IDs are to be free again
		t.Setup("reaping the dumped processes", reapOrphan(pid))
	}
	t.Sample("dump", float64(time.Since(start).Nanoseconds()), "ns")
}

// revive restores the tree.
func (f *frozen) revive(t *spec.T) {
	start := time.Now()
	f.judge(t, "criu restore", "restore.log", f.tryRevive(t))
	t.Sample("restore", float64(time.Since(start).Nanoseconds()), "ns")
}

func (f *frozen) tryRevive(ctx context.Context, more ...string) error {
	pidfile := filepath.Join(f.images, "pid")
	os.Remove(pidfile)
	args := append([]string{"restore", "--restore-detached", "--pidfile", pidfile, "--images-dir", f.images, "-v4", "--log-file", "restore.log"}, f.options...)
	_, err := criuRun(ctx, append(append(args, f.restore...), more...)...)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(pidfile)
	if err != nil {
		return err
	}
	_, err = fmt.Sscan(string(text), &f.pid)
	return err
}

// judge takes a failure of criu's for one of the target, with the last errors of its log.
func (f *frozen) judge(t *spec.T, call, log string, err error) {
	if err == nil {
		return
	}
	text, _ := os.ReadFile(filepath.Join(f.images, log))
	t.True(call, false, fmt.Sprintf("%v; %s: %s", err, log, complaint(string(text))), "success")
}

// reapOrphan waits for a process that became this one's child when its parent ended.
func reapOrphan(pid int) error {
	for start := time.Now(); time.Since(start) < gone; pause(5 * time.Millisecond) {
		reaped, err := unix.Wait4(pid, nil, unix.WNOHANG|unix.WALL, nil)
		if reaped == pid || errors.Is(err, unix.ECHILD) {
			return nil
		}
	}
	return fmt.Errorf("process %d has not ended: %s", pid, stateOf(pid))
}

// end kills the tree, wherever it is by now.
func (f *frozen) end() {
	if f.pid == 0 {
		return
	}
	for _, pid := range append(descendants(f.pid), f.pid) {
		unix.Kill(pid, unix.SIGKILL)
	}
	reapOrphan(f.pid)
}
