package console

import (
	"bytes"
	"regexp"
	"strings"
)

// Pattern is one way in which a kernel or hypervisor says that something is wrong with it.
type Pattern struct {
	// Kind names the cry: panic, oops, bug, hung-task, lockup, leak, warning, xen-panic, ...
	Kind string
	// Fatal cries are followed by the end of the machine; after the others it may limp on.
	Fatal bool
	text  string
}

// Crash is a cry with what stood around it.
type Crash struct {
	Pattern
	Signature string
	Excerpt   string
}

// patterns are tried in order. Linux: kernel/panic.c, lib/bug.c, mm/kasan/report.c, kernel/hung_task.c,
// kernel/watchdog.c, arch/x86/mm/fault.c, net/core/dev.c. Xen: xen/common/bug.c, xen/drivers/char/console.c,
// xen/arch/x86/traps.c, xen/common/shutdown.c.
var patterns = []Pattern{
	{"panic", true, "Kernel panic - not syncing"},
	{"xen-panic", true, "Panic on CPU "},
	{"xen-bug", true, "Xen BUG at "},
	{"xen-assertion", true, "Assertion '"},
	{"xen-trap", true, "FATAL TRAP: vec"},
	{"xen-page-fault", true, "FATAL PAGE FAULT"},
	{"double-fault", true, "*** DOUBLE FAULT ***"},
	{"xen-watchdog", true, "Watchdog timer detects that CPU"},
	{"xen-cfi", true, "CONTROL-FLOW PROTECTION FAULT"},
	{"dom0-crash", true, "Hardware Dom"},
	{"kasan", false, "BUG: KASAN:"},
	{"bug", false, "kernel BUG at "},
	{"page-fault", false, "BUG: unable to handle"},
	{"null-pointer", false, "BUG: kernel NULL pointer dereference"},
	{"protection-fault", false, "general protection fault"},
	{"oops", false, "Oops: "},
	{"lockup", false, "watchdog: BUG: soft lockup"},
	{"lockup", false, "NMI watchdog: Watchdog detected hard LOCKUP"},
	{"hung-task", false, "blocked for more than"},
	{"rcu-stall", false, "rcu: INFO: rcu_"},
	{"bug", false, "BUG: "},
	{"refcount", false, "refcount_t: "},
	{"net-leak", false, "unregister_netdevice: waiting for"},
	{"xen-warning", false, "Xen WARN at "},
	{"domain-crash", false, "crashed on cpu#"},
	{"ubsan", false, "UBSAN: "},
}

func match(line []byte) (Pattern, bool) {
	for _, p := range patterns {
		if bytes.Contains(line, []byte(p.text)) {
			return p, true
		}
	}
	return Pattern{}, false
}

var (
	timestamp = regexp.MustCompile(`^(\(XEN\) )?\[ *\d+\.\d+\] ?|^<\d>`)
	numbers   = regexp.MustCompile(`0x[0-9a-fA-F]+|\b[0-9a-fA-F]{8,16}\b|\b\d+\b`)
	function  = regexp.MustCompile(`(?:RIP:? |RIP: \d+:)\S*?([a-zA-Z_][\w.]*)\+0x`)
)

// signature is the same for the same crash: the cry with numbers and addresses taken out, and the
// function it happened in where the console names it.
func signature(p Pattern, lines [][]byte) string {
	head := p.Kind
	for _, l := range lines {
		if bytes.Contains(l, []byte(p.text)) {
			head = numbers.ReplaceAllString(timestamp.ReplaceAllString(string(l), ""), "N")
			break
		}
	}
	for _, l := range lines {
		if m := function.FindSubmatch(l); m != nil {
			return strings.TrimSpace(head) + " in " + string(m[1])
		}
	}
	return strings.TrimSpace(head)
}
