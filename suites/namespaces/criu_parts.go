package namespaces

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
)

// ipcKey is the key of the subject's System V objects.
const ipcKey = 0x78746573

// subjectParts are what subjects may have. Those that look the same before and after tell all of it; what
// is to go on tells how far it is.
var subjectParts = map[string]part{
	"tree":   {makeTree, tellNothing},
	"uts":    {makeNames, tellNames},
	"ipc":    {makeIPC, tellIPC},
	"mounts": {makeMounts, tellMounts},
	"ids":    {makeNothing, tellIDs},
	"clock":  {makeNothing, tellClock},
	"cgroup": {makeNothing, tellCgroup},
	"tcp":    {dialPeer, talk},
	"pair":   {makePair, tellPair},
}

func makeNothing(*subject) error        { return nil }
func tellNothing(*subject, facts) error { return nil }

// makeTree makes a member of the subject's group, one of a group and one of a session of its own.
func makeTree(s *subject) error {
	return errors.Join(s.leaf(nil), s.leaf(&syscall.SysProcAttr{Setpgid: true}), s.leaf(&syscall.SysProcAttr{Setsid: true}))
}

func makeNames(*subject) error {
	return errors.Join(unix.Sethostname([]byte("checkpointed")), unix.Setdomainname([]byte("xtest")))
}

func tellNames(_ *subject, f facts) error {
	var u unix.Utsname
	err := unix.Uname(&u)
	f["uname(&u): nodename"], f["uname(&u): domainname"] = unix.ByteSliceToString(u.Nodename[:]), unix.ByteSliceToString(u.Domainname[:])
	return err
}

// makeIPC makes shared memory, a queue with two messages, and a set of two semaphores.
func makeIPC(s *subject) error {
	shm, err := unix.SysvShmGet(ipcKey, 8192, unix.IPC_CREAT|0o600)
	if err != nil {
		return fmt.Errorf("shmget: %w", err)
	}
	at, err := unix.SysvShmAttach(shm, 0, 0)
	if err != nil {
		return fmt.Errorf("shmat: %w", err)
	}
	copy(at, "shared memory "+s.drawn)
	copy(at[4096:], "its second page")
	queue, _, errno := unix.Syscall(unix.SYS_MSGGET, ipcKey, unix.IPC_CREAT|0o600, 0)
	for _, text := range []string{"first", "second " + s.drawn} {
		m := append(binary.NativeEndian.AppendUint64(nil, 7), text...)
		if errno == 0 {
			_, _, errno = unix.Syscall6(unix.SYS_MSGSND, queue, uintptr(unsafe.Pointer(&m[0])), uintptr(len(text)), 0, 0, 0)
		}
	}
	if errno != 0 {
		return fmt.Errorf("msgget, msgsnd: %w", errno)
	}
	set, _, errno := unix.Syscall(unix.SYS_SEMGET, ipcKey, 2, unix.IPC_CREAT|0o600)
	for n := range uintptr(2) {
		if errno == 0 {
			_, _, errno = unix.Syscall6(unix.SYS_SEMCTL, set, n, ns.SemSetVal, 5+n, 0, 0)
		}
	}
	if errno != 0 {
		return fmt.Errorf("semget, semctl: %w", errno)
	}
	return nil
}

func tellIPC(_ *subject, f facts) error {
	shm, err := unix.SysvShmGet(ipcKey, 0, 0)
	if err != nil {
		return fmt.Errorf("shmget: %w", err)
	}
	at, err := unix.SysvShmAttach(shm, 0, unix.SHM_RDONLY)
	if err != nil {
		return fmt.Errorf("shmat: %w", err)
	}
	defer unix.SysvShmDetach(at)
	f["shmget(key): id, shmat: text"] = fmt.Sprintf("%d, %d bytes: %s, %s", shm, len(at), unix.ByteSliceToString(at), unix.ByteSliceToString(at[4096:]))
	queue, _, errno := unix.Syscall(unix.SYS_MSGGET, ipcKey, 0, 0)
	if errno != 0 {
		return fmt.Errorf("msgget: %w", errno)
	}
	set, _, errno := unix.Syscall(unix.SYS_SEMGET, ipcKey, 0, 0)
	if errno != 0 {
		return fmt.Errorf("semget: %w", errno)
	}
	f["msgget(key), semget(key): ids"] = fmt.Sprint(queue, set)
	for n := range uintptr(3) {
		m := make([]byte, 64)
		size, _, errno := unix.Syscall6(unix.SYS_MSGRCV, queue, uintptr(unsafe.Pointer(&m[0])), 48, n, ns.IPCNoWait|msgCopy, 0)
		text := unix.ErrnoName(errno)
		if errno == 0 {
			text = fmt.Sprintf("type %d: %s", binary.NativeEndian.Uint64(m), m[8:8+size])
		}
		f[fmt.Sprintf("msgrcv(id, &m, 48, %d, MSG_COPY)", n)] = text
	}
	for n := range uintptr(2) {
		value, _, errno := unix.Syscall6(unix.SYS_SEMCTL, set, n, ns.SemGetVal, 0, 0, 0)
		if errno != 0 {
			return fmt.Errorf("semctl(GETVAL): %w", errno)
		}
		f[fmt.Sprintf("semctl(id, %d, GETVAL)", n)] = fmt.Sprint(value)
	}
	return nil
}

// msgCopy is MSG_COPY of linux/msg.h: the message stays in the queue.
const msgCopy = 0o40000

// makeMounts makes two mounts of one peer group, one on top of another, one read-only, and a file that is
// open and has no name any more.
func makeMounts(s *subject) (err error) {
	mount := func(source, target, kind string, flags uintptr) {
		if err == nil {
			if err = os.MkdirAll(target, 0o755); err == nil {
				err = unix.Mount(source, target, kind, flags, "")
			}
			if err != nil {
				err = fmt.Errorf("mounting %s: %w", target, err)
			}
		}
	}
	mount("a", "/mnt/a", "tmpfs", 0)
	mount("none", "/mnt/a", "", unix.MS_SHARED)
	mount("/mnt/a", "/mnt/b", "", unix.MS_BIND)
	mount("c", "/mnt/c", "tmpfs", unix.MS_NOSUID)
	mount("over", "/mnt/c", "tmpfs", unix.MS_NODEV)
	mount("/mnt/a", "/mnt/d", "", unix.MS_BIND)
	mount("none", "/mnt/d", "", unix.MS_SLAVE)
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile("/mnt/a/file", []byte("in a "+s.drawn), 0o640), os.WriteFile("/mnt/c/file", []byte("on top "+s.drawn), 0o600)); err != nil {
		return err
	}
	if s.ghost, err = os.Create("/mnt/c/ghost"); err != nil {
		return err
	}
	_, err = s.ghost.WriteString("without a name " + s.drawn)
	return errors.Join(err, os.Remove("/mnt/c/ghost"))
}

func tellMounts(s *subject, f facts) error {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	f["/proc/self/mountinfo"] = topology(string(text))
	for _, path := range []string{"/mnt/a/file", "/mnt/b/file", "/mnt/d/file", "/mnt/c/file"} {
		content, err := os.ReadFile(path)
		f["read("+path+")"] = fmt.Sprintf("%s %v", content, err)
	}
	b := make([]byte, 64)
	n, err := s.ghost.ReadAt(b, 0)
	if n == 0 {
		return err
	}
	var st unix.Stat_t
	err = unix.Fstat(int(s.ghost.Fd()), &st)
	f["the file without a name"] = fmt.Sprintf("%s, %d links", b[:n], st.Nlink)
	return err
}

// topology writes mountinfo without what is a number of this boot: parents and peer groups get the name of
// a mount point.
func topology(info string) string {
	type entry struct {
		f        []string
		optional []string
	}
	var all []entry
	at, group := map[string]string{}, map[string]string{}
	for line := range strings.Lines(info) {
		f := strings.Fields(line)
		e := entry{f: f}
		end := slices.Index(f, "-")
		if end < 6 {
			continue
		}
		e.optional = f[6:end]
		e.f = append(slices.Clone(f[:6]), f[end+1:]...)
		at[f[0]] = f[4]
		for _, o := range e.optional {
			if id, ok := strings.CutPrefix(o, "shared:"); ok && group[id] == "" {
				group[id] = f[4]
			}
		}
		all = append(all, e)
	}
	var lines []string
	for _, e := range all {
		text := fmt.Sprintf("%s on %s of %s, %s, %s", e.f[3], e.f[4], at[e.f[1]], e.f[5], e.f[6])
		for _, o := range e.optional {
			kind, id, _ := strings.Cut(o, ":")
			text += fmt.Sprintf(", %s with %s", kind, group[id])
		}
		lines = append(lines, text)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func tellIDs(_ *subject, f facts) error {
	for _, file := range []string{"uid_map", "gid_map"} {
		text, err := os.ReadFile("/proc/self/" + file)
		if err != nil {
			return err
		}
		f[file] = strings.Join(strings.Fields(string(text)), " ")
	}
	text, err := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.HasPrefix(name, "Cap") || name == "Uid" || name == "Gid" || name == "NoNewPrivs" {
			f[name] = strings.Join(strings.Fields(value), " ")
		}
	}
	return err
}

// clockFact is read by the spec that judges it.
const clockFact = "clock_gettime(CLOCK_MONOTONIC)"

func tellClock(_ *subject, f facts) error {
	var now unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	f[clockFact] = time.Duration(now.Nano()).String()
	return err
}

func tellCgroup(_ *subject, f facts) error {
	text, err := os.ReadFile("/proc/self/cgroup")
	f["/proc/self/cgroup"] = string(text)
	return err
}

// conversation is how long a subject waits for what is on its way to it.
const conversation = time.Minute

// dialogue is the subject's connection.
type dialogue struct {
	conn net.Conn
	in   *bufio.Reader
}

func dialPeer(s *subject) error {
	c, err := net.Dial("tcp4", s.order.Peer)
	s.peer = &dialogue{c, bufio.NewReader(c)}
	return err
}

// talk reads a line that waits for the subject and has another one answered.
func talk(s *subject, f facts) error {
	s.peer.conn.SetDeadline(time.Now().Add(conversation))
	for _, what := range []string{"recv() of what was sent before", "recv() of the answer"} {
		line, err := s.peer.in.ReadString('\n')
		if err != nil {
			return err
		}
		f[what] = strings.TrimSpace(line)
		if _, err := fmt.Fprintf(s.peer.conn, "got %s", line); err != nil {
			return err
		}
	}
	return nil
}

// makePair makes a connection of which the subject has both ends, with a line that nobody has read on its
// way in each direction.
func makePair(s *subject) error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	one, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		return err
	}
	other, err := l.Accept()
	s.pair = [2]*dialogue{{one, bufio.NewReader(one)}, {other, bufio.NewReader(other)}}
	return errors.Join(err, s.sendBoth())
}

func (s *subject) sendBoth() error {
	_, err := io.WriteString(s.pair[0].conn, "there "+s.drawn+"\n")
	_, back := io.WriteString(s.pair[1].conn, "and back "+s.drawn+"\n")
	return errors.Join(err, back)
}

// tellPair reads what was on its way, and sends more.
func tellPair(s *subject, f facts) error {
	for i, end := range s.pair {
		end.conn.SetDeadline(time.Now().Add(conversation))
		line, err := end.in.ReadString('\n')
		f[fmt.Sprintf("recv() at end %d: text, error", i)] = fmt.Sprintf("%q, %v", line, err)
		f[fmt.Sprintf("bytes behind it at end %d", i)] = fmt.Sprint(end.in.Buffered())
		f[fmt.Sprintf("getsockname(), getpeername() of end %d", i)] = fmt.Sprint(end.conn.LocalAddr(), end.conn.RemoteAddr())
	}
	f["send()"] = fmt.Sprint(s.sendBoth())
	return nil
}
