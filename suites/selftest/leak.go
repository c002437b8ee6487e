package selftest

import (
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
	"xtest/suites/spec/leak"
)

// pinned makes UTS namespaces and keeps them: what a kernel that leaks would do.
func pinned(t *spec.T, n int) error {
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its namespace
		for range n {
			if err := unix.Unshare(unix.CLONE_NEWUTS); err != nil {
				failed <- fmt.Errorf("unshare(CLONE_NEWUTS): %w", err)
				return
			}
			fd, err := unix.Open("/proc/thread-self/ns/uts", unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				failed <- fmt.Errorf("keeping a namespace: %w", err)
				return
			}
			t.Cleanup(func() { unix.Close(fd) })
		}
		failed <- nil
	}()
	return <-failed
}

var _ = suite.Describe("leak", func() {
	m := guest(meta("sees-leaks", "namespaces that stay are seen in the kernel's memory"))
	m.Limit = time.Minute
	suite.It(m, func(t *spec.T) {
		const cycles = 200
		r, err := leak.Watch(t, cycles, func() error { return nil }, func() error { return pinned(t, cycles) })
		t.Setup("watching the kernel's memory", err)
		t.True("keeping 200 UTS namespaces, twice", r.Grown != "", "nothing grew", "objects of uts_namespace, or nsfs inodes")
		t.Note("%s", r.Grown)
	})
})
