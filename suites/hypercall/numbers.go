package hypercall

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/suites/spec"
)

var _ = suite.Describe("number", func() {
	it(spec.Meta{
		ID: "number/holes", Level: spec.Must,
		Clause: "xen/include/public/xen.h __HYPERVISOR_*: numbers that are not assigned; errno.h ENOSYS: function not implemented",
	}, func(g *guest) {
		for _, n := range xen.Holes() {
			g.ask(fmt.Sprintf("hypercall %d", n), n).refused(unix.ENOSYS)
		}
	})
	it(spec.Meta{
		ID: "number/behind-the-table", Level: spec.Must,
		Clause: "xen/include/public/xen.h __HYPERVISOR_*: there are none from 64 on; errno.h ENOSYS: function not implemented",
	}, func(g *guest) {
		for _, n := range []uint64{64, 65, 126, 127} {
			g.ask(fmt.Sprintf("hypercall %d", n), n).refused(unix.ENOSYS)
		}
	})
	for id, n := range inOrder(map[string]uint64{"128": 128, "4096": 4096, "sign-bit": 1 << 31, "all-ones": 1<<32 - 1}) {
		it(spec.Meta{
			ID: "number/" + id, Level: spec.Must,
			Clause: "xen/include/public/xen.h __HYPERVISOR_*: there are none from 64 on; errno.h ENOSYS: function not implemented",
		}, func(g *guest) {
			call := fmt.Sprintf("hypercall %#x", n)
			ret, err := g.xen.Hypercall(n)
			var refusal *xen.Refusal
			if errors.As(err, &refusal) {
				g.NotApplicable("%v", err)
			}
			g.Setup(call, err)
			reply{g, call, ret}.refused(unix.ENOSYS)
		})
	}
	refuse(refusal{
		Meta: spec.Meta{
			ID: "number/tmem", Level: spec.Must,
			Clause: "xen/include/public/xen.h __HYPERVISOR_tmem_op: transcendent memory is gone since Xen 4.13; errno.h ENOSYS",
		},
		call: "tmem_op(unmapped)", op: xen.TmemOp,
		args: func(g *guest) []uint64 { return []uint64{g.Unmapped()} },
		want: []unix.Errno{unix.ENOSYS},
	})
	for _, c := range []struct {
		id, clause string
		number     uint64
		args       func(g *guest) []uint64
		want       []unix.Errno
	}{
		{"xsm", "xsm/flask_op.h: one structure; ENOSYS without a security module", xen.XSMOp,
			func(g *guest) []uint64 { return []uint64{g.Unmapped()} }, []unix.Errno{unix.EFAULT, unix.ENOSYS}},
		{"event-channel-compat", "event_channel.h struct evtchn_op: one structure, superseded by event_channel_op", xen.EventChannelOpCompat,
			func(g *guest) []uint64 { return []uint64{g.Unmapped()} }, []unix.Errno{unix.EFAULT, unix.ENOSYS}},
		{"xenoprof", "xenoprof.h: profiling, which Xen can be built without", xen.XenoprofOp,
			func(g *guest) []uint64 { return []uint64{63, g.Unmapped()} }, []unix.Errno{unix.ENOSYS, unix.EINVAL, unix.EPERM}},
		{"dm-op", "hvm/dm_op.h: the domain must exist, and the list of buffers be there", xen.DMOp,
			func(g *guest) []uint64 { return []uint64{uint64(nobody), 1, g.Unmapped()} }, []unix.Errno{unix.ESRCH, unix.ENOSYS, unix.EFAULT}},
		{"debug-register-9", "xen.h get_debugreg: x86 has the debug registers 0 to 7; ENOSYS outside PV domains", xen.GetDebugreg,
			func(*guest) []uint64 { return []uint64{9} }, []unix.Errno{unix.EINVAL, unix.ENODEV, unix.ENOSYS}},
	} {
		refuse(refusal{
			Meta: spec.Meta{ID: "number/" + c.id, Clause: "xen/include/public/" + c.clause},
			call: fmt.Sprintf("hypercall %d (%s)", c.number, c.id), op: c.number, args: c.args, want: c.want,
		})
	}
})
