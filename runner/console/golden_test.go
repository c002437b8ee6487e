package console

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// golden tells what is in the logs below testdata.
var golden = []struct{ file, kind, signature, excerpt string }{
	{"linux-panic", "panic", "Kernel panic - not syncing: Attempted to kill init! exitcode=N", "xtest: something/ran"},
	{"linux-null", "null-pointer", "BUG: kernel NULL pointer dereference, address: N in drop_it", "vfs_write"},
	{"linux-null-panic", "panic", "BUG: kernel NULL pointer dereference, address: N in drop_it", "Fatal exception"},
	{"linux-gpf", "protection-fault", "Oops: general protection fault, probably for non-canonical address N: N [#N] PREEMPT SMP in __list_del_entry_valid", "RIP"},
	{"linux-segment", "protection-fault", "segment-related general protection fault: N [#N] SMP NOPTI in ex_handler_clear_fs", "RIP"},
	{"linux-page-fault", "page-fault", "BUG: unable to handle page fault for address: N in memset_erms", "#PF"},
	{"linux-bug", "bug", "kernel BUG at mm/slub.c:N! in kfree", "cut here"},
	{"linux-opcode", "oops", "divide error: N [#N] PREEMPT SMP PTI in timer_tick", "RIP"},
	{"linux-kasan", "kasan", "BUG: KASAN: slab-use-after-free in tty_flush+N/N", "Read of size 8"},
	{"linux-hung", "hung-task", "INFO: task kworker/u4:N:N blocked for more than N seconds.", "Not tainted"},
	{"linux-lockup", "lockup", "watchdog: BUG: soft lockup - CPU#N stuck for Ns! [test:N] in spin_here", "RIP"},
	{"linux-hard-lockup", "lockup", "NMI watchdog: Watchdog detected hard LOCKUP on cpu N", "LOCKUP"},
	{"linux-rcu", "rcu-stall", "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", "fqs=0"},
	{"linux-refcount", "refcount", "refcount_t: underflow; use-after-free.", "lib/refcount.c"},
	{"linux-net", "net-leak", "unregister_netdevice: waiting for lo to become free. Usage count = N", "lo"},
	{"linux-ubsan", "ubsan", "UBSAN: array-index-out-of-bounds in drivers/x/y.c:N:N", "index 17"},
	{"uml-panic", "panic", "Kernel panic - not syncing: Kernel mode fault at addr N, ip N in proc_do", "ptrace"},
	{"uml-partial", "panic", "Kernel panic - not syncing: sysrq triggered crash", "prompt"},
	{"xen-fault", "xen-page-fault", "FATAL PAGE FAULT in do_thing", "Xen-4.17.5"},
	{"xen-trap", "xen-trap", "FATAL TRAP: vec N, #GP[N] in do_thing", "Xen call trace"},
	{"xen-panic", "xen-panic", "Could not construct d0", "Xen version"},
	{"xen-bug", "xen-bug", "Xen BUG at common/grant_table.c:N in gnttab_thing", "Panic on CPU 1"},
	{"xen-assert", "xen-assertion", "Assertion 'spin_is_locked(&d->lock)' failed at common/domain.c:N in domain_thing", "Xen-4.17.5"},
	{"xen-domcrash", "domain-crash", "Domain N (vcpu#N) crashed on cpu#N:", "domain_crash called"},
	{"xen-dom0", "dom0-crash", "Domain N (vcpu#N) crashed on cpu#N:", "rebooting"},
	{"xen-doublefault", "double-fault", "*** DOUBLE FAULT *** in deep_thing", "RIP"},
	{"xen-watchdog", "xen-watchdog", "Watchdog timer detects that CPU1 is stuck!", "stuck"},
	{"none-boot", "", "", ""},
}

func load(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".log")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// heard gives what a watcher makes of the parts of a console.
func heard(parts ...string) (c Crash, ok bool, cries int) {
	w := NewWatcher(nil, func(Pattern) { cries++ })
	for _, p := range parts {
		w.Write([]byte(p))
	}
	c, ok = w.Crash()
	return c, ok, cries
}

func TestGoldenLogs(t *testing.T) {
	for _, g := range golden {
		log := load(t, g.file)
		c, ok, cries := heard(log)
		if ok != (g.kind != "") || c.Kind != g.kind || c.Signature != g.signature {
			t.Errorf("%s: %s %q\nwant %s %q\n%s", g.file, c.Kind, c.Signature, g.kind, g.signature, c.Excerpt)
			continue
		}
		if ok != (cries == 1) || !strings.Contains(c.Excerpt, g.excerpt) {
			t.Errorf("%s: %d cries, excerpt\n%s", g.file, cries, c.Excerpt)
		}
	}
}

// Another boot puts the same crash at other addresses, at another time, into another process.
func TestSignatureIsThatOfTheCrash(t *testing.T) {
	moved := regexp.MustCompile(`\b[0-9a-f]{16}\b|0x[0-9a-f]+|\b\d+\.\d{6}\b|PID: \d+|/1234\b|:812\b|CPU#1|26s`)
	for _, g := range golden {
		other := moved.ReplaceAllStringFunc(load(t, g.file), func(s string) string {
			return regexp.MustCompile(`[1-9]`).ReplaceAllString(s, "7")
		})
		c, _, _ := heard(strings.ReplaceAll(other, "\n", "\r\n"))
		if c.Kind != g.kind || c.Signature != g.signature {
			t.Errorf("%s: %s %q, want %q", g.file, c.Kind, c.Signature, g.signature)
		}
	}
}

func TestSeamBetweenTwoWrites(t *testing.T) {
	for _, name := range []string{"linux-null-panic", "xen-panic", "uml-partial"} {
		log := load(t, name)
		want, _, _ := heard(log)
		for i := range len(log) {
			if c, ok, cries := heard(log[:i], log[i:]); !ok || cries != 1 || c.Signature != want.Signature || c.Excerpt != want.Excerpt || c.Kind != want.Kind {
				t.Fatalf("%s cut at %d: %s %q\n%s", name, i, c.Kind, c.Signature, c.Excerpt)
			}
		}
	}
}
