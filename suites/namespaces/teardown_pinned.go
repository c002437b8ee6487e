package namespaces

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// queueBytes is a limit that one message queue of the usual size keeps to and two do not: mq_overview(7) has 10
// messages of 8192 bytes, and some more for each.
const queueBytes = 120_000

// oneQueue lets the process's user have one message queue.
func (s *script) oneQueue() {
	b := s.Buffer(16)
	*(*unix.Rlimit)(pointer(b)) = unix.Rlimit{Cur: queueBytes, Max: queueBytes}
	s.must(fmt.Sprintf("setrlimit(RLIMIT_MSGQUEUE, %d)", queueBytes), unix.SYS_SETRLIMIT, unix.RLIMIT_MSGQUEUE, b)
}

// queueFits says whether this user may make a message queue more, in an IPC namespace of its own: nil, or why not.
// The queue that it makes is gone when it returns, unlike those that are left to the end of their namespace.
func queueFits(ctx context.Context) (refused, err error) {
	s := newScript()
	s.own(unix.CLONE_NEWIPC)
	s.oneQueue()
	made := s.mqOpen(unix.O_CREAT | unix.O_RDWR)
	s.call(`mq_unlink("/xtest")`, unix.SYS_MQ_UNLINK, s.String("xtest"))
	s.call("close(queue)", unix.SYS_CLOSE, made)
	if err := s.try(ctx); err != nil {
		return nil, err
	}
	return made.Err(), nil
}

// queuesGone waits until this user has no queue any more that counts, as those of ended namespaces do for a while.
func queuesGone(ctx context.Context) (refused, err error) {
	for start := time.Now(); ; pause(5 * time.Millisecond) {
		refused, err = queueFits(ctx)
		if err != nil || refused == nil || time.Since(start) > gone {
			return refused, err
		}
	}
}

// queueCount probes for a user without queues, and for a limit that counts those of all IPC namespaces.
var queueCount = spec.Probe{Name: countsQueues.Name, Check: func() error {
	if err := errors.Join(queuesGone(context.Background())); err != nil {
		return fmt.Errorf("a first queue within the limit: %w", err)
	}
	return countsQueues.Check()
}}

var countsQueues = answers("RLIMIT_MSGQUEUE across IPC namespaces", func(s *script) call {
	s.own(unix.CLONE_NEWIPC)
	s.oneQueue()
	s.mqCreate()
	var second call
	s.wait(s.fork(unix.CLONE_NEWIPC, func(s *script) { second = s.mqOpen(unix.O_CREAT | unix.O_RDWR) }))
	return second
}, func(c call) string {
	if errors.Is(c.Err(), unix.EMFILE) {
		return ""
	}
	return "a second queue beyond the limit: " + spec.ErrnoName(c.Err())
})

// mountNamespaces lists the machine's mount namespaces by their numbers, from this process's on: those made before
// are of no interest here.
func mountNamespaces() (ids []uint64, err error) {
	fd, err := unix.Open("/proc/self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	for err == nil {
		info := make([]byte, ns.MountInfoSize)
		next, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), ns.MountGetNext, uintptr(unsafe.Pointer(&info[0])))
		unix.Close(fd)
		if errno == unix.ENOENT {
			return ids, nil
		}
		if errno != 0 {
			return nil, fmt.Errorf("ioctl(NS_MNT_GET_NEXT): %w", errno)
		}
		fd = int(next)
		ids = append(ids, binary.NativeEndian.Uint64(info[8:])) // mnt_ns_id
	}
	return nil, err
}

// allListed lists the machine's namespaces of all kinds by their numbers.
func allListed() ([]uint64, error) {
	r := unix.NsIdReq{Size: unix.NS_ID_REQ_SIZE_VER0}
	ids := make([]uint64, all)
	n, _, errno := unix.Syscall6(unix.SYS_LISTNS, uintptr(unsafe.Pointer(&r)), uintptr(unsafe.Pointer(&ids[0])), uintptr(len(ids)), 0, 0, 0)
	if errno != 0 {
		return nil, fmt.Errorf("listns: %w", errno)
	}
	return ids[:n], nil
}

// newer are the namespaces that were not there before.
func newer(list func() ([]uint64, error), before []uint64) ([]uint64, error) {
	ids, err := list()
	return slices.DeleteFunc(ids, func(id uint64) bool { return slices.Contains(before, id) }), err
}

// bindNamespace binds a new namespace, of which no process is a member any more, to a file.
func (s *script) bindNamespace(k ns.Kind, file string) {
	var fd call
	s.wait(s.fork(k.Flag|unix.CLONE_FILES, func(s *script) { fd = s.open("/proc/self/ns/"+k.Name, unix.O_RDONLY) }))
	s.keep(fd)
	s.must("close(fd)", unix.SYS_CLOSE, fd)
	s.must("close(fd)", unix.SYS_CLOSE, s.open(file, unix.O_CREAT|unix.O_RDWR))
	s.mount(theFilePath, file, "none", unix.MS_BIND, "")
	s.must("close(fd)", unix.SYS_CLOSE, theFile)
}

// lazily judges that mounts which are taken away with MNT_DETACH keep no namespace: list shows those that are bound
// to files in a chain of mounts as long as the chain is mounted, which is the control, and then no longer.
func lazily(m spec.Meta, list func() ([]uint64, error), kinds func() []ns.Kind) {
	m.Level, m.Grade, m.Sources, m.Limit = spec.Must, spec.Guest, []string{"TDN-023"}, 30*time.Second
	m.Needs = append(m.Needs, mountNS, mounts, allNamespaces)
	suite.It(m, func(t *spec.T) {
		before, err := list()
		t.Setup("listing namespaces", err)
		s := newScript()
		s.own(unix.CLONE_NEWNS)
		s.scratch()
		bound, detach, detached, end := event(), event(), event(), event()
		t.Cleanup(func() {
			for _, fd := range []int{bound, detach, detached, end} {
				unix.Close(fd)
			}
		})
		deepest := scratch
		for range 8 {
			deepest += "/a"
			s.mkdir(deepest)
			s.mount("xtest", deepest, "tmpfs", 0, "")
		}
		for _, k := range kinds() {
			s.bindNamespace(k, deepest+"/"+k.Name)
		}
		s.signal(bound)
		s.told(detach)
		inside := s.open(deepest, unix.O_RDONLY)
		s.umount(scratch+"/a", unix.MNT_DETACH).succeeds()
		s.must("close(folder)", unix.SYS_CLOSE, inside)
		s.signal(detached)
		s.told(end)
		p, err := s.Start(0)
		t.Setup("starting a child process", err)
		t.Setup("binding namespaces to files", errors.Join(await(bound, p), s.check()))
		held, err := newer(list, before)
		t.Setup("listing namespaces", err)
		if want := len(kinds()) + 1; len(held) != want { // and the process's own mount namespace
			t.Broken("void: with %d namespaces bound to files, and one that has a member, %d are new", want-1, len(held))
		}
		signal(detach)
		t.Setup("detaching the mounts", errors.Join(await(detached, p), s.check()))
		start := time.Now()
		remain := func(when string, most int) {
			var now []uint64
			left := leaves(t, func() (bool, error) {
				now, err = newer(list, before)
				return len(now) <= most, err
			})
			t.Setup("listing namespaces", err)
			t.True(when, left == nil, fmt.Sprintf("%d after %v", len(now), gone), fmt.Sprint(most))
		}
		remain("umount2(top, MNT_DETACH) of 8 mounts on one another, close() of a folder in the last: new namespaces, the caller's among them", 1)
		t.Sample("detached", float64(time.Since(start).Nanoseconds()), "ns")
		signal(end)
		t.Setup("in the child process", errors.Join(p.Wait(t), s.check()))
		for _, j := range s.log.judged {
			j.judge(t)
		}
		remain("the end of the process that had mounted them: new namespaces", 0)
	})
}

var _ = suite.Describe("teardown", func() {
	suite.It(spec.Meta{
		ID: "teardown/mqueue-mount", Level: spec.Must, Grade: spec.Guest, Sources: []string{"TDN-021"}, Limit: 30 * time.Second,
		Clause: "mq_overview(7), ipc_namespaces(7): the queues of an IPC namespace that has ended are gone, and counted for nobody, once a file system of them that was mounted elsewhere is unmounted",
		Needs:  []spec.Probe{ipcNS, mountNS, mounts, mqueues, queueCount},
	}, func(t *spec.T) {
		t.Setup("waiting for the queues of earlier namespaces to go", errors.Join(queuesGone(t)))
		s := newScript()
		s.own(unix.CLONE_NEWIPC | unix.CLONE_NEWNS)
		s.oneQueue()
		mounted, unmount, unmounted, end := event(), event(), event(), event()
		t.Cleanup(func() {
			for _, fd := range []int{mounted, unmount, unmounted, end} {
				unix.Close(fd)
			}
		})
		s.wait(s.fork(unix.CLONE_NEWIPC, func(s *script) { // it ends, and its namespace has no other member
			s.mqCreate()
			s.mount("xtest", scratch, "mqueue", 0, "")
		}))
		s.signal(mounted)
		s.told(unmount)
		s.umount(scratch, 0).succeeds()
		s.signal(unmounted)
		s.told(end) // its mount namespace is still there
		p, err := s.Start(0)
		t.Setup("starting a child process", err)
		t.Setup("mounting the queues", errors.Join(await(mounted, p), s.check()))
		refused, err := queueFits(t)
		t.Setup("making another queue", err)
		if refused == nil {
			t.Broken("void: a queue beyond the limit is made while the first one's file system is mounted")
		}
		t.Errno("mq_open() beyond RLIMIT_MSGQUEUE while the queues of an ended namespace are mounted", refused, unix.EMFILE)
		signal(unmount)
		t.Setup("unmounting the queues", errors.Join(await(unmounted, p), s.check()))
		start := time.Now()
		refused, err = queuesGone(t)
		t.Setup("making another queue", err)
		t.True("umount() of the queues of an ended namespace, mq_open() within RLIMIT_MSGQUEUE", refused == nil, fmt.Sprintf("%s after %v", spec.ErrnoName(refused), gone), "success")
		t.Sample("counted down", float64(time.Since(start).Nanoseconds()), "ns")
		signal(end)
		t.Setup("in the child process", errors.Join(p.Wait(t), s.check()))
		for _, j := range s.log.judged {
			j.judge(t)
		}
	})

	lazily(spec.Meta{
		ID: "teardown/detached-mounts", Needs: []spec.Probe{mountWalk},
		Clause: "umount2(2) MNT_DETACH, linux/nsfs.h NS_MNT_GET_NEXT: a mount namespace that is bound to a file goes when the file's mount does, also as part of a tree that is detached",
	}, mountNamespaces, func() []ns.Kind { return []ns.Kind{ns.Mount} })
	lazily(spec.Meta{
		ID: "teardown/detached-listed", Needs: []spec.Probe{listns},
		Clause: "umount2(2) MNT_DETACH, kernel/nstree.c listns: namespaces of all kinds that are bound to files go when the files' mounts do, also as part of a tree that is detached",
	}, allListed, func() []ns.Kind {
		// A time namespace takes another way to come about, and has no other way to go.
		return slices.DeleteFunc(present(), func(k ns.Kind) bool { return k == ns.Time })
	})
})
