package hypercall

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/runner/event"
	"xtest/suites/spec"
)

// aftermath is how long a caller may live on behind a call that is to end it, unscaled: some calls
// take effect with the next interrupt or system call.
var aftermath = 2 * time.Second

// lethal is a spec of a call that ends the domain which makes it. Dom0 sees the end and judges it; a
// caller that lives on has failed. It needs a guest: with dom0 the machine would go.
type lethal struct {
	id, clause string
	ends       []string
	needs      []spec.Probe
	call       string
	op         uint64
	args       func(g *guest) []uint64
	again      bool // the kernel may undo the call before it takes effect: it is made until it does
}

func end(l lethal) {
	it(spec.Meta{
		ID: "caller-end/" + l.id, Clause: l.clause, Level: spec.Must, Grade: spec.Destructive, Ends: l.ends,
		Needs: append([]spec.Probe{Guest}, l.needs...),
	}, func(g *guest) {
		args := l.args(g)
		r := g.ask(l.call, l.op, args...).record()
		timer := time.NewTimer(aftermath)
		defer timer.Stop()
		for alive := true; alive; {
			unix.Getppid() // a way into the kernel, which the caller may not find back from
			if l.again {
				g.ask(l.call, l.op, args...)
			}
			select {
			case <-timer.C:
				alive = false
			case <-g.Done():
				alive = false
			default:
			}
		}
		g.True(l.call, false, fmt.Sprintf("%s, and the caller lives on", r), "the caller's end")
	})
}

// values are arguments that need no memory.
func values(args ...uint64) func(*guest) []uint64 { return func(*guest) []uint64 { return args } }

var _ = suite.Describe("caller-end", func() {
	for reason, how := range []string{event.PoweredOff, event.Rebooted, event.Suspended, event.DomCrashed, event.DomWatched, event.SoftReset} {
		end(lethal{
			id:     fmt.Sprintf("shutdown-%d", reason),
			clause: fmt.Sprintf(schedH+"SCHEDOP_shutdown, SHUTDOWN_* %d: stops the domain and tells the control software why", reason),
			ends:   []string{how},
			call:   fmt.Sprintf("sched_op(SCHEDOP_shutdown, {.reason = %d})", reason), op: xen.SchedOp,
			args: structure(xen.SchedShutdownOp, func(s *xen.SchedShutdown) { s.Reason = uint32(reason) }),
		})
	}
	end(lethal{
		id: "watchdog", clause: schedH + "SCHEDOP_watchdog: shuts the domain down with SHUTDOWN_watchdog when timeout, in seconds, is over",
		ends: []string{event.DomWatched},
		call: "sched_op(SCHEDOP_watchdog, {.id = 0, .timeout = 1})", op: xen.SchedOp,
		args: structure(xen.SchedWatchdogOp, func(w *xen.SchedWatchdog) { w.Timeout = 1 }),
	})
	end(lethal{
		id: "last-vcpu-down", clause: vcpuH + "VCPUOP_down; xen/common/domain.c: the last VCPU's going down is the domain's power-off",
		ends: []string{event.PoweredOff},
		call: "vcpu_op(VCPUOP_down, 0, NULL)", op: xen.VCPUOp, args: values(xen.VCPUDown, 0, 0),
	})
	pv := []spec.Probe{PVGuest}
	killed := []string{event.DomCrashed, event.Panicked}
	end(lethal{
		id: "stack-switch", needs: pv, ends: killed,
		clause: "xen/include/public/arch-x86/xen.h stack_switch(ss, esp): sets the stack that Xen enters the guest's kernel on; with none the domain crashes at the next entry",
		call:   "stack_switch(0, 0)", op: 3, args: values(0, 0), again: true, // Linux sets it anew with each task
	})
	end(lethal{
		id: "set-callbacks", needs: pv, ends: killed,
		clause: "xen/include/public/arch-x86/xen.h set_callbacks(event, failsafe, syscall): sets where Xen enters the guest's kernel; there is none at 0",
		call:   "set_callbacks(0, 0, 0)", op: 4, args: values(0, 0, 0),
	})
	end(lethal{
		id: "set-gdt-none", needs: pv, ends: killed,
		clause: "xen/include/public/xen.h set_gdt(frames, 0): takes the caller's descriptors away; its segments cannot be loaded any more",
		call:   "set_gdt(NULL, 0)", op: 2, args: values(0, 0),
	})
	end(lethal{
		id: "iret", needs: pv, ends: killed,
		clause: "xen/include/public/arch-x86/xen-x86_64.h iret: goes on where the frame on the guest's kernel stack says, which is none",
		call:   "iret()", op: 23, args: values(),
	})
})
