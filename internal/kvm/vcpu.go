package kvm

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrHung says that a KVM_RUN did not come back by itself and was ended. The guest is of no more use.
var ErrHung = errors.New("KVM_RUN did not return and was ended by the watchdog")

// ErrStuck says that a KVM_RUN did not end even when it was told to: its thread is left behind.
var ErrStuck = errors.New("KVM_RUN does not return, nor does a signal end it")

// stuckAfter is how long a KVM_RUN may take to end when it was told to.
const stuckAfter = 5 * time.Second

// Stopped says that a guest ended for another reason than a call.
type Stopped struct{ Reason uint32 }

func (s *Stopped) Error() string {
	if name := exitNames[s.Reason]; name != "" {
		return "the guest stopped: " + name
	}
	return fmt.Sprintf("the guest stopped: KVM exit reason %d", s.Reason)
}

// vcpu executes a virtual processor on a thread of its own, which the watchdog can signal.
type vcpu struct {
	work   chan func()
	tid    int
	immed  *uint8       // kvm_run's immediate_exit: has KVM_RUN return at once
	enter  func() error // KVM_RUN
	mu     sync.Mutex
	inside bool // between the begin and the end of a run
	hung   bool // the watchdog has ended the run
}

func newVCPU(immediateExit *uint8, enter func() error) *vcpu {
	v := &vcpu{work: make(chan func()), immed: immediateExit, enter: enter}
	ready := make(chan struct{})
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the processor
		v.tid = unix.Gettid()
		close(ready)
		for f := range v.work {
			f()
		}
	}()
	<-ready
	return v
}

func (v *vcpu) close() { close(v.work) }

// do has f called by the processor's thread, and waits for no longer than limit and a while.
func (v *vcpu) do(limit time.Duration, f func() error) error {
	done := make(chan error, 1)
	begin := func() { done <- f() }
	timer := time.NewTimer(limit + stuckAfter)
	defer timer.Stop()
	select {
	case v.work <- begin:
	case <-timer.C:
		return ErrStuck
	}
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return ErrStuck
	}
}

// run enters the guest until exit, which sees each end of a KVM_RUN, says that it is done. When limit has
// passed by then the watchdog ends it. It must be called by the processor's thread.
func (v *vcpu) run(limit time.Duration, exit func() (done bool, err error)) error {
	v.mu.Lock()
	v.inside, v.hung = true, false
	v.mu.Unlock()
	timer := time.AfterFunc(limit, v.bite)
	defer func() {
		timer.Stop()
		v.mu.Lock() // a watchdog that was about to bite finds nothing to bite
		v.inside = false
		*v.immed = 0
		v.mu.Unlock()
	}()
	for {
		err := v.enter()
		switch {
		case errors.Is(err, unix.EINTR):
			if v.bitten() {
				return ErrHung
			}
			continue // one of the signals that Go's runtime sends
		case err != nil:
			return err
		}
		done, err := exit()
		if done || err != nil {
			return err
		}
		if v.bitten() {
			return ErrHung // it keeps leaving the guest and never gets anywhere
		}
	}
}

// bite ends the run: a KVM_RUN that has not begun sees the flag, one that has is interrupted.
func (v *vcpu) bite() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.inside {
		v.hung = true
		*v.immed = 1
		unix.Tgkill(unix.Getpid(), v.tid, unix.SIGURG) // which Go's runtime catches, and else ignores
	}
}

func (v *vcpu) bitten() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.hung
}

// head, and the functions below it, view the mapped struct kvm_run.
func head(run []byte) *runHead { return (*runHead)(unsafe.Pointer(&run[0])) }

func part[T any](run []byte) *T { return (*T)(unsafe.Pointer(&run[unsafe.Sizeof(runHead{})])) }
