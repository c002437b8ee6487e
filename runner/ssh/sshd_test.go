package ssh

import (
	"bufio"
	"debug/elf"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/required"
	"xtest/runner/guard"
)

// far is a real sshd on the loopback interface, as another machine would be reached. Its logins see
// the folder remote as TMPDIR, so that what is left behind shows.
type far struct {
	dir, remote string
	port        string
	pid         int
}

// needTools skips the test, or fails it where tools are required.
func needTools(t *testing.T) {
	t.Helper()
	missing := ""
	for _, tool := range []string{"ssh", "ssh-keygen", "/usr/sbin/sshd"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing += fmt.Sprintf("%v; ", err)
		}
	}
	if program, err := elf.Open("/proc/self/exe"); err == nil {
		for _, p := range program.Progs {
			if p.Type == elf.PT_INTERP {
				missing += "this test program is dynamically linked (set CGO_ENABLED=0); "
			}
		}
		program.Close()
	}
	switch {
	case testing.Short():
		t.Skip("logs in to a real sshd")
	case missing != "":
		required.Missing(t, missing)
	}
}

func output(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// startFar starts the server, and sets XTEST_SSH so that it is known as "board".
func startFar(t *testing.T) *far {
	t.Helper()
	needTools(t)
	f := &far{dir: t.TempDir(), port: freePort(t)}
	f.remote = filepath.Join(f.dir, "remote")
	if err := os.Mkdir(f.remote, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"host", "user", "stranger"} {
		output(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(f.dir, key))
	}
	public, err := os.ReadFile(filepath.Join(f.dir, "user.pub"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(f.dir, "authorized_keys"), string(public))
	write(t, filepath.Join(f.dir, "sshd_config"), strings.NewReplacer("@dir@", f.dir, "@port@", f.port).Replace(`
ListenAddress 127.0.0.1
Port @port@
HostKey @dir@/host
AuthorizedKeysFile @dir@/authorized_keys
SetEnv TMPDIR=@dir@/remote
StrictModes no
UsePAM no
PidFile none
`))
	f.privilegeSeparation(t)
	f.serve(t)
	t.Setenv(variable, f.client(t, "user", "host"))
	out, err := exec.Command("sh", "-c", os.Getenv(variable)+` board 'echo "$TMPDIR"'`).CombinedOutput()
	if err != nil {
		t.Skipf("sshd lets this account not log in: %v: %s", err, out)
	}
	if got := strings.TrimSpace(string(out)); !strings.HasSuffix(got, f.remote) {
		t.Fatalf("logins have TMPDIR=%s, expected %s", got, f.remote)
	}
	return f
}

// client gives a client command with the named keys for the user and the host.
func (f *far) client(t *testing.T, user, host string) string {
	t.Helper()
	known := ""
	if host != "" {
		public, err := os.ReadFile(filepath.Join(f.dir, host+".pub"))
		if err != nil {
			t.Fatal(err)
		}
		known = "board " + string(public)
	}
	name := filepath.Join(f.dir, "client-"+user+"-"+host)
	write(t, name+".known", known)
	write(t, name, fmt.Sprintf(`
Host board
	HostName 127.0.0.1
	HostKeyAlias board
	Port %s
	IdentityFile %s
	IdentitiesOnly yes
	IdentityAgent none
	UserKnownHostsFile %s.known
	GlobalKnownHostsFile /dev/null
`, f.port, filepath.Join(f.dir, user), name))
	return "ssh -F " + name
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// privilegeSeparation makes the folder that sshd asks for when root starts it.
func (f *far) privilegeSeparation(t *testing.T) {
	const dir = "/run/sshd"
	if os.Geteuid() == 0 && os.Mkdir(dir, 0o755) == nil {
		t.Cleanup(func() { os.Remove(dir) })
	}
}

func (f *far) serve(t *testing.T) {
	t.Helper()
	cmd := exec.Command("/usr/sbin/sshd", "-f", filepath.Join(f.dir, "sshd_config"), "-D", "-e")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGTERM}
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f.pid = cmd.Process.Pid
	t.Cleanup(func() {
		f.cut()
		cmd.Process.Kill()
		cmd.Wait()
	})
	listening := make(chan bool, 1)
	go func() {
		for s := bufio.NewScanner(log); s.Scan(); {
			if strings.Contains(s.Text(), "Server listening") {
				listening <- true
			}
		}
		close(listening)
	}()
	select {
	case ok := <-listening:
		if !ok {
			t.Fatal("sshd ended")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("sshd does not listen")
	}
}

// cut kills every server process of a connection, and nothing of what runs behind it.
func (f *far) cut() {
	for _, p := range descendants(f.pid) {
		if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p)); err == nil && strings.HasPrefix(string(name), "sshd") {
			unix.Kill(p, unix.SIGKILL)
		}
	}
}

func descendants(pid int) []int {
	var all []int
	for _, child := range guard.Children(pid) {
		all = append(append(all, child), descendants(child)...)
	}
	return all
}

// hold keeps hold of the descendants of a process, to see them end wherever they are then.
func hold(t *testing.T, pid int) (ended func()) {
	t.Helper()
	var fds []int
	for _, p := range descendants(pid) {
		if fd, err := unix.PidfdOpen(p, 0); err == nil {
			fds = append(fds, fd)
			t.Cleanup(func() { unix.Close(fd) })
		}
	}
	if len(fds) == 0 {
		t.Error("there are no processes to watch")
	}
	return func() {
		t.Helper()
		deadline := time.Now().Add(10 * time.Second)
		for _, fd := range fds {
			poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			n, err := unix.Poll(poll, int(max(0, time.Until(deadline).Milliseconds())))
			for err == unix.EINTR {
				n, err = unix.Poll(poll, int(max(0, time.Until(deadline).Milliseconds())))
			}
			if n != 1 {
				t.Error("a process goes on")
			}
		}
	}
}

// mustBeEmpty checks that nothing stayed behind.
func (f *far) mustBeEmpty(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir(f.remote)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s stayed behind", e.Name())
	}
}
