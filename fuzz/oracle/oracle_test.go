package oracle

import (
	"testing"

	"xtest/fuzz/call"
	"xtest/runner/console"
)

// TestClassify: what a calling domain's kernel cries of is no death of the hypervisor's, and under KVM, whose kernel is
// what is tried, it is.
func TestClassify(t *testing.T) {
	for _, c := range []struct {
		space           *call.Space
		kind, signature string
		want            Death
	}{
		{call.Xen(), "xen-bug", "Xen BUG at x.c:N", Hypervisors},
		{call.Xen(), "xen-warning", "Xen WARN at x.c:N", Hypervisors},
		{call.Xen(), "double-fault", "*** DOUBLE FAULT ***", Hypervisors},
		{call.Xen(), "hung-task", "INFO: task xenbus_probe:N blocked for more than N seconds", Callers},
		{call.Xen(), "page-fault", "BUG: unable to handle page fault", Callers},
		{call.Xen(), "dom0-crash", "Hardware Dom0 crashed", Callers},
		{call.KVM(), "page-fault", "BUG: unable to handle page fault", Hypervisors},
		{call.KVM(), "hung-task", "INFO: task xtest:N blocked for more than N seconds", Hypervisors},
		{call.KVM(), "panic", "Kernel panic - not syncing: Attempted to kill init!", Callers},
		{call.Linux(), "oops", "Oops: N [#N]", Hypervisors},
	} {
		crash := console.Crash{Pattern: console.Pattern{Kind: c.kind}, Signature: c.signature}
		if got := Classify(c.space, crash); got != c.want {
			t.Errorf("%s of %s: %v, want %v", c.kind, c.space.Name, got, c.want)
		}
	}
}
