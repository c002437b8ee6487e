package lies

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"xtest/runner/event"
	"xtest/suites/namespaces"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// struct seccomp_notif and seccomp_notif_resp, and their requests: linux/seccomp.h.
type notification struct {
	ID         uint64
	PID, Flags uint32
	Nr         int32
	Arch       uint32
	IP         uint64
	Args       [6]uint64
}

type response struct {
	ID    uint64
	Value int64
	Error int32
	Flags uint32
}

const (
	notifyReceive = 0xc0502100
	notifySend    = 0xc0182101
	goOn          = 1 // SECCOMP_USER_NOTIF_FLAG_CONTINUE
)

// lie is one way in which a kernel could be wrong.
type lie struct {
	id, name string
	nr       uintptr
	// when says whether a call is lied about; nil: every one.
	when func(args [6]uint64) bool
	// The call is not made, and gives this.
	value int64
	errno unix.Errno
	// suite and specs are what is run: the prefixes of the IDs.
	suite string
	specs []string
}

// verdicts are what came of the specs, by their IDs.
type verdicts map[string]event.Result

// stopped stands for the suite as a whole.
const stopped = "(the suite does not end)"

// order is what the child is told.
type order struct {
	Nr    uint32
	Suite string
	Specs []string // prefixes of IDs
}

// answer is one message of the child's: the listener's descriptor first, then results, then the end.
type answer struct {
	Listener int
	Spec     string
	Result   *event.Result
	Done     bool
}

// under is the child: a thread of it puts itself under the filter and runs the specs, whose own children
// inherit it. The other threads, which tell of the verdicts, are not lied to.
var under = child.NewFunc("lies", func(s *child.Side) error {
	var o order
	if err := s.Recv(&o); err != nil {
		return err
	}
	failed := make(chan error)
	go func() {
		runtime.LockOSThread()
		fd, err := filter(o.Nr)
		if err == nil {
			err = s.Send(answer{Listener: fd})
		}
		if err == nil {
			err = s.Recv(nil) // it has been fetched: it closes on exec
		}
		if err == nil {
			err = unix.Exec("/proc/self/exe", []string{"xtest-child", "lied-to"}, []string{ordered + "=" + strings.Join(append([]string{o.Suite}, o.Specs...), ",")})
		}
		failed <- err
	}()
	return <-failed
})

// ordered names the environment variable with the suite and the prefixes that the lied-to process runs.
const ordered = "XTEST_LIED_TO"

// What the child becomes: all its threads are under the filter.
var _ = child.NewFunc("lied-to", func(s *child.Side) error {
	namespaces.Hurry()
	told := strings.Split(os.Getenv(ordered), ",")
	suite, prefixes := told[0], told[1:]
	var failed error
	spec.Run(spec.Environment{Booted: true, Scale: 1, Suites: []string{suite}, Emit: func(e event.Event) {
		if e.Kind == event.SpecEnded {
			failed = errors.Join(failed, s.Send(answer{Spec: e.Spec, Result: e.Result}))
		}
	}}, func(l spec.Listed) bool {
		for _, p := range prefixes {
			if strings.HasPrefix(l.ID, p) && l.Grade < spec.Destructive && !slices.Contains(l.Labels, "soak") {
				return true
			}
		}
		return false
	})
	return errors.Join(failed, s.Send(answer{Done: true}))
})

// filter puts the calling thread under a filter that holds one system call, and gives the descriptor on
// which a supervisor hears of it.
func filter(nr uint32) (int, error) {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // seccomp_data.nr
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: nr},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0x7fc00000}, // SECCOMP_RET_USER_NOTIF
		{Code: unix.BPF_RET | unix.BPF_K, K: 0x7fff0000}, // SECCOMP_RET_ALLOW
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	const setFilter, newListener = 1, 8 // SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, setFilter, newListener, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return -1, fmt.Errorf("seccomp(SECCOMP_SET_MODE_FILTER): %w", errno)
	}
	return int(fd), nil
}

// deaf is how long a lie may keep the suite from its next verdict: under some of them it waits for what never comes.
const deaf = 20 * time.Second

// kinds are the namespaces that the child gets, so that what it does to its machine stays there. Its
// processes are numbered as in the machine, whose procfs it sees.
const kinds = unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// lieTo runs the lie's specs under it and gives their verdicts and how often it was told. A suite that does
// not come to its end has [stopped] among them: on a machine that would be a hang, and broken.
func lieTo(l lie) (seen verdicts, told int, err error) {
	p, err := under.Start(child.In(kinds))
	if err != nil {
		return nil, 0, err
	}
	watchdog := time.AfterFunc(deaf, p.Kill)
	defer func() {
		watchdog.Stop()
		p.Kill()
	}()
	if err := p.Send(order{uint32(l.nr), l.suite, l.specs}); err != nil {
		return nil, 0, err
	}
	var first answer
	if err := p.Recv(&first); err != nil {
		return nil, 0, err
	}
	listener, err := fetch(p.PID(), first.Listener)
	if err != nil {
		return nil, 0, err
	}
	defer unix.Close(listener)
	if err := p.Send(true); err != nil {
		return nil, 0, err
	}
	count, stop := make(chan int, 1), make(chan struct{})
	go func() { count <- supervise(listener, l, stop) }()
	seen = verdicts{}
	for {
		var a answer
		if err := p.Recv(&a); err != nil {
			seen[stopped] = event.Result{Verdict: event.Broken, Reason: err.Error()}
			break
		}
		if a.Done {
			break
		}
		seen[a.Spec] = *a.Result
		watchdog.Reset(deaf)
	}
	p.Kill()
	close(stop)
	return seen, <-count, nil
}

// fetch takes a descriptor out of another process: pidfd_getfd(2), since Linux 5.6.
func fetch(pid, fd int) (int, error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1, fmt.Errorf("pidfd_open: %w", err)
	}
	defer unix.Close(pidfd)
	got, err := unix.PidfdGetfd(pidfd, fd, 0)
	if err != nil {
		return -1, fmt.Errorf("pidfd_getfd: %w", err)
	}
	return got, nil
}

// supervise answers until it is stopped or nobody is left under the filter, and counts the lies. Calls
// that are held when the listener is closed come back to their callers with ENOSYS.
func supervise(listener int, l lie, stop <-chan struct{}) (told int) {
	const look = 50 // how often it looks whether it is stopped, in ms
	for {
		select {
		case <-stop:
			return told
		default:
		}
		p := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		n, err := unix.Poll(p, look)
		if n == 0 || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || p[0].Revents&unix.POLLIN == 0 {
			return told
		}
		var held notification
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), notifyReceive, uintptr(unsafe.Pointer(&held))); errno != 0 {
			continue // the caller was killed meanwhile
		}
		r := response{ID: held.ID, Flags: goOn}
		if l.when == nil || l.when(held.Args) {
			told++
			r = response{ID: held.ID, Value: l.value, Error: -int32(l.errno)}
		}
		unix.Syscall(unix.SYS_IOCTL, uintptr(listener), notifySend, uintptr(unsafe.Pointer(&r)))
	}
}
