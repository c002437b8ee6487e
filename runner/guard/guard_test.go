package guard

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// roleEnv tells a copy of the test program what to play.
const roleEnv = "XTEST_TEST_ROLE"

func TestMain(m *testing.M) {
	Main()
	role, arg, _ := strings.Cut(os.Getenv(roleEnv), " ")
	if role == "" {
		os.Exit(m.Run())
	}
	roles[role](arg)
	os.Exit(0)
}

var roles = map[string]func(arg string){
	"leaf": func(string) { stubborn() },
	"tree": func(string) {
		spawn("leaf", &syscall.SysProcAttr{})
		spawn("leaf", &syscall.SysProcAttr{Setsid: true})
		spawn("forker", &syscall.SysProcAttr{Setsid: true}).Wait()
		stubborn()
	},
	"forker": func(string) { spawn("leaf", &syscall.SysProcAttr{Setpgid: true}) },
	// regroup leaves the process group it was started in.
	"regroup": func(string) {
		leaf := spawn("leaf", &syscall.SysProcAttr{Setpgid: true})
		if err := unix.Setpgid(0, leaf.Process.Pid); err != nil {
			fmt.Println(err)
		}
		stubborn()
	},
	// quitter ends and leaves children behind.
	"quitter": func(string) {
		spawn("forker", &syscall.SysProcAttr{Setsid: true}).Wait()
		os.Exit(3)
	},
	"exit": func(arg string) {
		n, _ := strconv.Atoi(arg)
		os.Exit(n)
	},
	"signal": func(arg string) {
		n, _ := strconv.Atoi(arg)
		unix.Kill(os.Getpid(), syscall.Signal(n))
		unix.Pause()
	},
	"look": look,
	// holder is an xtest that runs a guarded command until it is killed.
	"holder": func(scratch string) {
		_, err := Start(Command{Args: self(), Env: env("tree"), Scratch: scratch, Dir: scratch, Stdout: os.Stdout})
		if err != nil {
			fmt.Println(err)
		}
		stubborn()
	},
}

// stubborn prints its process ID and stays, whatever signal asks it not to.
func stubborn() {
	signal.Ignore(unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT)
	fmt.Println(os.Getpid())
	for {
		unix.Pause()
	}
}

// look tells what it finds at its descriptors and around it.
func look(string) {
	var ours, st unix.Stat_t
	var open []string // as descriptor 3 and 4 are
	for _, file := range []int{3, 4} {
		unix.Fstat(file, &ours)
		for fd := 3; fd < 30; fd++ {
			if unix.Fstat(fd, &st) == nil && st.Ino == ours.Ino && st.Dev == ours.Dev {
				open = append(open, strconv.Itoa(fd))
			}
		}
	}
	in, _ := io.ReadAll(os.Stdin)
	a, b := make([]byte, 10), make([]byte, 10)
	n, _ := unix.Read(3, a)
	m, _ := unix.Read(4, b)
	dir, _ := os.Getwd()
	fmt.Fprintln(os.Stderr, "to stderr")
	fmt.Printf("%v %s %s %s\n%s\n%s\n", open, in, a[:n], b[:m], dir, strings.Join(os.Environ(), ","))
}

func self() []string {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return []string{exe}
}

func env(role string) []string { return []string{roleEnv + "=" + role} }

func spawn(role string, attr *syscall.SysProcAttr) *exec.Cmd {
	cmd := exec.Command(self()[0])
	cmd.Env, cmd.Stdout, cmd.SysProcAttr = env(role), os.Stdout, attr
	if err := cmd.Start(); err != nil {
		fmt.Println(err)
	}
	return cmd
}

// pipe gives a reader of what is written by whoever inherits w.
func pipe(t *testing.T) (*bufio.Reader, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	r.SetReadDeadline(time.Now().Add(20 * time.Second))
	return bufio.NewReader(r), w
}

func pids(t *testing.T, r *bufio.Reader, n int) (list []int) {
	t.Helper()
	for range n {
		line, err := r.ReadString('\n')
		pid, bad := strconv.Atoi(strings.TrimSpace(line))
		if err != nil || bad != nil {
			t.Fatalf("read %q, %v", line, err)
		}
		list = append(list, pid)
	}
	return list
}

// gone checks that nobody holds the pipe, and that no such process is left.
func gone(t *testing.T, r *bufio.Reader, list []int) {
	t.Helper()
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Errorf("somebody still holds the output: %q, %v", rest, err)
	}
	deadline, tick := time.NewTimer(10*time.Second), time.NewTicker(5*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for _, pid := range list {
		for unix.Kill(pid, 0) == nil {
			select {
			case <-tick.C:
			case <-deadline.C:
				t.Fatalf("process %d is left", pid)
			}
		}
	}
}

func scratch(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "scratch")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "file"), nil, 0o400)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func removed(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", dir, err)
	}
}

func TestKill(t *testing.T) {
	for role, n := range map[string]int{"tree": 4, "regroup": 2} {
		t.Run(role, func(t *testing.T) {
			r, w := pipe(t)
			dir := scratch(t)
			p, err := Start(Command{Args: self(), Env: env(role), Scratch: dir, Dir: dir, Stdout: w})
			if err != nil {
				t.Fatal(err)
			}
			w.Close()
			list := pids(t, r, n)
			p.Kill()
			p.Kill() // once is as good as twice
			gone(t, r, list)
			var exit *exec.ExitError
			if err := p.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 128+int(unix.SIGKILL) {
				t.Errorf("Wait: %v", err)
			}
			removed(t, dir)
		})
	}
}

func TestHolderIsKilled(t *testing.T) {
	r, w := pipe(t)
	dir := scratch(t)
	holder := exec.Command(self()[0])
	holder.Env, holder.Stdout = env("holder "+dir), w
	if err := errors.Join(holder.Start(), w.Close()); err != nil {
		t.Fatal(err)
	}
	list := pids(t, r, 5)
	if !slices.Contains(list, holder.Process.Pid) {
		t.Errorf("%v lacks the holder", list)
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	holder.Wait()
	gone(t, r, list)
	// The guard itself ends behind its descendants.
	for _, pid := range Children(1) {
		if name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.Contains(string(name), dir) {
			await(t, pid)
		}
	}
	removed(t, dir)
}

// await waits until a process that is not our child has ended.
func await(t *testing.T, pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10_000)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n != 1 {
			t.Errorf("process %d does not end", pid)
		}
		return
	}
}

func TestCommandThatEndsTakesItsChildrenAlong(t *testing.T) {
	r, w := pipe(t)
	dir := scratch(t)
	p, err := Start(Command{Args: self(), Env: env("quitter"), Scratch: dir, Stdout: w})
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	var exit *exec.ExitError
	if err := p.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("Wait: %v", err)
	}
	removed(t, dir)
	if rest, err := io.ReadAll(r); err != nil {
		t.Errorf("somebody still holds the output: %q, %v", rest, err)
	}
}

func TestExitStatus(t *testing.T) {
	for role, want := range map[string]int{"exit 0": 0, "exit 7": 7, "signal 9": 137, "signal 15": 143} {
		p, err := Start(Command{Args: self(), Env: env(role)})
		if err != nil {
			t.Fatal(err)
		}
		err = p.Wait()
		got := 0
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			got = exit.ExitCode()
		}
		if got != want || (err == nil) != (want == 0) {
			t.Errorf("%s: %v", role, err)
		}
	}
}

func TestCommandThatIsNotThere(t *testing.T) {
	r, w := pipe(t)
	dir := scratch(t)
	p, err := Start(Command{Args: []string{"/no/such/program", "x"}, Scratch: dir, Stderr: w})
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	said, _ := io.ReadAll(r)
	if err := p.Wait(); err == nil || !strings.Contains(string(said), "starting /no/such/program: ") {
		t.Errorf("Wait: %v; it said %q", err, said)
	}
	removed(t, dir)
	if _, err := Start(Command{Args: []string{"x"}, Dir: "/no/such/folder"}); err == nil || !strings.Contains(err.Error(), "starting x") {
		t.Errorf("Start: %v", err)
	}
}

func TestDescriptorsAndSurroundings(t *testing.T) {
	feed := func(text string) *os.File {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, text)
		w.Close()
		t.Cleanup(func() { r.Close() })
		return r
	}
	dir := scratch(t)
	out, outW := pipe(t)
	errs, errsW := pipe(t)
	p, err := Start(Command{
		Args: self(), Env: append(env("look"), "X=1"), Dir: dir,
		Stdin: feed("zero"), Stdout: outW, Stderr: errsW, Files: []*os.File{feed("three"), feed("four")},
	})
	if err != nil {
		t.Fatal(err)
	}
	outW.Close()
	errsW.Close()
	got, _ := io.ReadAll(out)
	want := "[3 4] zero three four\n" + dir + "\n" + roleEnv + "=look,X=1\n"
	if string(got) != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if said, _ := io.ReadAll(errs); string(said) != "to stderr\n" {
		t.Errorf("stderr: %q", said)
	}
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("a folder that is no scratch was removed: %v", err)
	}
}

func TestChildren(t *testing.T) {
	cmd := exec.Command(self()[0])
	cmd.Env = env("exit 0")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Also when it has ended and is not yet reaped.
	if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if list := Children(os.Getpid()); !slices.Contains(list, cmd.Process.Pid) {
		t.Errorf("%v lacks %d", list, cmd.Process.Pid)
	}
	cmd.Wait()
	if list := Children(os.Getpid()); slices.Contains(list, cmd.Process.Pid) {
		t.Errorf("%v has %d", list, cmd.Process.Pid)
	}
}
