package lsb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec/child"
)

// site is a place for daemons: PID, IPC, UTS, network and mount namespaces below the throw-away view, with a /proc,
// an empty /run and a loopback interface of their own. Whatever detached itself from the command that started it is over with it.
type site struct{ peer *child.Peer }

// order is a command to be run in a site, answer how it ended.
type (
	order struct {
		File      string
		Argv, Env []string
		Dir       string
		Limit     time.Duration
	}
	answer struct {
		Stdout, Stderr, Died string
		Status               int
	}
)

// apart judges in a site.
func apart(judge func(ctx context.Context, m *machine, s *site) (finding, error)) check {
	return inView(func(ctx context.Context, m *machine) (finding, error) {
		s, err := openSite()
		if err != nil {
			return finding{}, fmt.Errorf("making a place for daemons: %w", err)
		}
		defer s.close()
		return judge(ctx, m, s)
	})
}

// openSite makes a site in the mount namespace of the calling thread.
func openSite() (*site, error) {
	peer, err := keeper.Start(child.In(unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWNET))
	if err != nil {
		return nil, err
	}
	s := &site{peer}
	if err := peer.Recv(nil); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// close ends every process of the site.
func (s *site) close() {
	s.peer.Close()
	s.peer.Kill()
}

// run executes a command, without environment but for the one given, and ends its process group after limit;
// what left that group runs on. The error tells that it could not be run for a reason that is not the machine's.
func (s *site) run(ctx context.Context, m *machine, c command, limit time.Duration, env ...string) (outcome, error) {
	file, err := m.locate(c)
	if err != nil {
		return outcome{}, err
	}
	stop := context.AfterFunc(ctx, s.peer.Kill)
	defer stop()
	var a answer
	if err := s.peer.Send(order{File: file, Argv: c.argv, Env: env, Dir: c.dir, Limit: limit}); err != nil {
		return outcome{}, fmt.Errorf("running %s: %w", c, err)
	}
	if err := s.peer.Recv(&a); err != nil {
		return outcome{}, fmt.Errorf("running %s: %w", c, errors.Join(ctx.Err(), err))
	}
	return outcome{stdout: a.Stdout, stderr: a.Stderr, status: a.Status, died: a.Died}, nil
}

// keeper is the first process of a site. It reaps the others: a dead daemon that nobody waited for would pass
// for a running one.
var keeper = child.NewFunc("lsb/site", func(s *child.Side) error {
	if err := s.SendErr(settle()); err != nil {
		return err
	}
	for {
		var o order
		if err := s.Recv(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		a, err := o.execute()
		if err != nil {
			err = s.SendErr(err)
		} else {
			err = s.Send(a)
		}
		if err != nil {
			return err
		}
	}
})

// maxWritten bounds each file that a process of a site writes, in bytes.
const maxWritten = 64 << 20

// settle mounts what belongs to the site alone.
func settle() error {
	err := unix.Mount("proc", "/proc", "proc", 0, "")
	if err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	for _, dir := range []string{"/run", "/var/run"} {
		at, err := filepath.EvalSymlinks(dir)
		if err != nil || dir != at { // /var/run is a link to /run, as a rule
			continue
		}
		err = errors.Join(unix.Mount("xtest", at, "tmpfs", 0, "mode=0755"), os.Mkdir(at+"/lock", 0o777), os.Chmod(at+"/lock", 0o1777))
		if err != nil {
			return fmt.Errorf("covering %s: %w", at, err)
		}
	}
	if err := raiseLoopback(); err != nil {
		return fmt.Errorf("setting the loopback interface up: %w", err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: maxWritten, Max: maxWritten}); err != nil {
		return fmt.Errorf("bounding what is written: %w", err)
	}
	return nil
}

// raiseLoopback makes 127.0.0.1 an address: there are daemons that report themselves only behind having bound it.
func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

// execute runs a command and reaps whatever else ends meanwhile.
func (o order) execute() (a answer, err error) {
	var files []*os.File
	null, err := os.Open(os.DevNull)
	if err != nil {
		return a, err
	}
	files = append(files, null)
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	for range 2 {
		// No pipes: a daemon that keeps one would never be waited to the end of.
		fd, err := unix.MemfdCreate("xtest", unix.MFD_CLOEXEC)
		if err != nil {
			return a, fmt.Errorf("making a file for output: %w", err)
		}
		files = append(files, os.NewFile(uintptr(fd), "output"))
	}
	p, err := os.StartProcess(o.File, o.Argv, &os.ProcAttr{Dir: o.Dir, Env: o.Env, Files: files, Sys: &syscall.SysProcAttr{Setpgid: true}})
	if err != nil {
		var errno unix.Errno
		if errors.As(err, &errno) && refusal[errno] {
			return answer{Status: -1, Died: "not executed: " + errno.Error()}, nil
		}
		return a, err
	}
	pid := p.Pid
	p.Release() // it is waited for by its ID, with all others
	limit := time.AfterFunc(o.Limit, func() { unix.Kill(-pid, unix.SIGKILL) })
	var ws unix.WaitStatus
	for {
		got, err := unix.Wait4(-1, &ws, 0, nil)
		if got == pid {
			break
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return a, fmt.Errorf("waiting for a command: %w", err)
		}
	}
	switch {
	case !limit.Stop():
		a.Status, a.Died = -1, "no end within "+o.Limit.String()
	case ws.Signaled():
		a.Status, a.Died = -1, "killed by "+unix.SignalName(ws.Signal())
	default:
		a.Status = ws.ExitStatus()
	}
	for i, to := range []*string{&a.Stdout, &a.Stderr} {
		text := make([]byte, maxOutput)
		n, err := files[i+1].ReadAt(text, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return a, fmt.Errorf("reading output: %w", err)
		}
		*to = string(text[:n])
	}
	return a, nil
}
