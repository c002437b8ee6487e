package namespaces

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// held is how much a spec puts into a namespace, in bytes: far more than anything else changes meanwhile.
const held = 24 << 20

// shared reads Shmem of proc(5) meminfo, in bytes: shared memory and tmpfs.
func shared() (int64, error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if value, ok := strings.CutPrefix(s.Text(), "Shmem:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/meminfo has no Shmem")
}

// shmemCounter probes for the counter.
var shmemCounter = spec.Probe{Name: "Shmem in /proc/meminfo", Check: func() error {
	_, err := shared()
	return err
}}

// freed judges that what a process fills, in a namespace that ends with it, is memory of the machine again
// once it has ended, and was not before: as long as the namespace lives it stays, although who filled it is
// gone. That is the control.
func freed(m spec.Meta, k ns.Kind, fill func(s *script)) {
	m.Level, m.Grade, m.Limit = spec.Must, spec.Guest, 30*time.Second
	m.Needs = append(m.Needs, canMake(k), shmemCounter)
	suite.It(m, func(t *spec.T) {
		before, err := shared()
		t.Setup("reading Shmem", err)
		s := newScript()
		s.own(k.Flag)
		ready, end := s.event(), event()
		t.Cleanup(func() { unix.Close(end) })
		s.wait(s.fork(0, fill)) // whoever fills it is gone, and the namespace is not
		s.signal(ready)
		s.told(end)
		p, err := s.Start(0)
		t.Setup("starting a child process", err)
		full, err := reaches(t, func(now int64) bool { return now-before > held*3/4 })
		t.Setup("filling the namespace", err)
		signal(end)
		t.Setup("waiting for the child process", p.Wait(t))
		t.Setup("in the child process", s.check())
		start := time.Now()
		now, err := reaches(t, func(now int64) bool { return full-now > held*3/4 })
		t.True("Shmem after the last process of the namespace has ended", err == nil,
			fmt.Sprintf("%d MB of %d MB are still there after %v", (now-before)>>20, held>>20, gone), "the memory is free again")
		t.Sample("freed", float64(time.Since(start).Nanoseconds()), "ns")
	})
}

// reaches reads Shmem until it is as wanted, and gives the last value with an error when it did not get
// there.
func reaches(t *spec.T, wanted func(int64) bool) (now int64, err error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for start := time.Now(); time.Since(start) < gone; {
		if now, err = shared(); err != nil || wanted(now) {
			return now, err
		}
		select {
		case <-tick.C:
		case <-t.Done():
		}
	}
	return now, fmt.Errorf("the counter Shmem is %d kB", now>>10)
}

// shmget adds System V shared memory of a size, touched page by page.
func (s *script) fillShared() {
	id := s.must("shmget(IPC_PRIVATE, size, 0600)", unix.SYS_SHMGET, unix.IPC_PRIVATE, held, 0o600)
	at := s.must("shmat(id, NULL, 0)", unix.SYS_SHMAT, id, 0, 0)
	// The kernel writes every page of it.
	zero := s.open("/dev/zero", unix.O_RDONLY)
	s.must("read(/dev/zero, shm, size)", unix.SYS_READ, zero, at, held)
}

var _ = suite.Describe("teardown", func() {
	freed(spec.Meta{
		ID: "teardown/ipc-shm", Sources: []string{"TDN-013"},
		Clause: "ipc_namespaces(7): when an IPC namespace is destroyed all its objects are, shared memory without IPC_RMID included",
	}, ns.IPC, (*script).fillShared)

	freed(spec.Meta{
		ID: "teardown/mnt-tmpfs", Sources: []string{"TDN-014"}, Needs: []spec.Probe{mounts},
		Clause: "mount_namespaces(7), tmpfs(5): a file system that is mounted in one mount namespace alone is gone with it, content and all",
	}, ns.Mount, func(s *script) {
		s.scratch()
		fd := s.open(scratch+"/filled", unix.O_RDWR|unix.O_CREAT)
		s.must("fallocate(fd, 0, 0, size)", unix.SYS_FALLOCATE, fd, 0, 0, held)
		for i := range 8 { // mounts stacked on it, with open files
			s.mkdir(fmt.Sprintf("%s/%d", scratch, i))
			s.mount(scratch, fmt.Sprintf("%s/%d", scratch, i), "none", unix.MS_BIND, "")
		}
	})
})
