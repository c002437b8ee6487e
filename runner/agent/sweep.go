package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/runner/guard"
)

// settle is how long an orphan may take to die of what its spec already did to it.
const settle = 500 * time.Millisecond

// kept is a child that specs have not made and that stays; 0 for none.
var kept int

// children lists the processes that this one is the parent of (proc(5), /proc/pid/task/tid/children),
// which costs far less than to look at all.
func children() []int {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(lists) == 0 {
		return guard.Children(os.Getpid())
	}
	var pids []int
	for _, l := range lists {
		text, err := os.ReadFile(l)
		if err != nil {
			continue // the thread has ended
		}
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// births tells whether processes have come to be, by the PID that was given last (proc(5),
// /proc/loadavg): one system call, where a look at the children takes dozens.
type births struct {
	file *os.File
	last string
}

// none says that no process and no thread has come to be since the last call. The first call cannot know.
func (b *births) none() bool {
	if b.file == nil {
		var err error
		if b.file, err = os.Open("/proc/loadavg"); err != nil {
			return false
		}
	}
	var text [128]byte
	n, err := b.file.ReadAt(text[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	before := b.last
	b.last = string(text[bytes.LastIndexByte(text[:n], ' ')+1 : n])
	return b.last == before
}

var newcomers births

// sweep reaps and ends what a spec left behind, and names what was still running.
func sweep() string {
	if kept != 0 && newcomers.none() {
		return ""
	}
	if err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil); errors.Is(err, unix.ECHILD) {
		return ""
	}
	var left []string
	for {
		found := false
		for _, pid := range children() {
			if pid == kept {
				continue
			}
			found = true
			if name := endOrphan(pid); name != "" {
				left = append(left, name)
			}
		}
		if !found {
			return strings.Join(left, ", ")
		}
	}
}

// endOrphan reaps a child; one that does not end by itself is killed and named.
func endOrphan(pid int) (name string) {
	if fd, err := unix.PidfdOpen(pid, 0); err == nil {
		defer unix.Close(fd)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(settle.Milliseconds()))
		for errors.Is(err, unix.EINTR) {
			n, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(settle.Milliseconds()))
		}
		if n == 0 {
			name = fmt.Sprintf("process %d (%s)", pid, read(fmt.Sprintf("/proc/%d/comm", pid)))
		}
	}
	unix.Kill(pid, unix.SIGKILL)
	for {
		if _, err := unix.Wait4(pid, nil, unix.WALL, nil); !errors.Is(err, unix.EINTR) {
			return name
		}
	}
}
