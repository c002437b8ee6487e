package console

import (
	"bytes"
	"regexp"
	"strings"

	"xtest/internal/late"
)

// Pattern is one way in which a kernel or hypervisor says that something is wrong with it.
type Pattern struct {
	// Kind names the cry: panic, oops, bug, hung-task, lockup, leak, warning, xen-panic, ...
	Kind string
	// Fatal cries are followed by the end of the machine; after the others it may limp on.
	Fatal bool
	xen   bool                  // it is the hypervisor's
	word  []byte                // stands in every such line: looking for it costs a flooding guest's lines little
	text  func() *regexp.Regexp // its group is where the cry begins
}

// Crash is a cry with what stood around it.
type Crash struct {
	Pattern
	Signature string
	Excerpt   string
}

// linux is a message of the kernel's own: at the start of a line, or behind the level or time that
// printk(9) puts in front. A program of the guest that writes of BUGs in passing is none.
const linux = `(?:^(?:\x1b\[[0-9;?]*[A-Za-z]|\s)*|<\d>|\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? )`

// xen is a message of the hypervisor's, which may stand behind half a line of a domain.
const xen = `\(XEN\) (?:\[[^\]]*\] )?`

// anywhere is for words that nothing else uses.
const anywhere = ``

// pattern has the word stand behind what is in front. Text says more, where the word is not enough.
func pattern(kind string, fatal bool, front, word, text string) Pattern {
	if text == "" {
		text = regexp.QuoteMeta(word)
	}
	return Pattern{kind, fatal, front == xen, []byte(word), late.Regexp(front + `(` + text + `)`)}
}

// patterns are tried in order. Linux: kernel/panic.c, lib/bug.c, mm/kasan/report.c, kernel/hung_task.c,
// kernel/watchdog.c, arch/x86/kernel/dumpstack.c, arch/x86/mm/fault.c, net/core/dev.c. Xen:
// xen/common/bug.c, xen/drivers/char/console.c, xen/arch/x86/traps.c, xen/common/shutdown.c.
var patterns = []Pattern{
	pattern("panic", true, anywhere, "Kernel panic - not syncing: ", ""),
	pattern("xen-bug", true, xen, "Xen BUG at ", ""),
	pattern("xen-assertion", true, xen, "Assertion '", `Assertion '.*' failed at `),
	pattern("xen-trap", true, xen, "FATAL TRAP: vec", ""),
	pattern("xen-page-fault", true, xen, "FATAL PAGE FAULT", ""),
	pattern("xen-page-fault", true, xen, "Early fatal page fault at ", ""),
	pattern("double-fault", true, xen, "*** DOUBLE FAULT ***", ""),
	pattern("xen-watchdog", true, xen, "Watchdog timer detects that CPU", ""),
	pattern("xen-cfi", true, xen, "CONTROL-FLOW PROTECTION FAULT", ""),
	pattern(vague, true, xen, "Panic on CPU ", `Panic on CPU \d+:`),
	// "halted" and "shutdown" in its place are what a clean end looks like.
	pattern("dom0-crash", true, xen, "Hardware Dom", `Hardware Dom\d+ crashed`),
	pattern("kasan", false, linux, "BUG: KASAN: ", ""),
	pattern("bug", false, linux, "kernel BUG at ", ""),
	pattern("null-pointer", false, linux, "BUG: kernel NULL pointer dereference", ""),
	pattern("page-fault", false, linux, "BUG: unable to handle ", ""),
	// A program's own fault reads "traps: NAME[PID] general protection fault".
	pattern("protection-fault", false, linux, "general protection fault", `(?:Oops: )?(?:segment-related )?general protection fault`),
	pattern("lockup", false, linux, "BUG: soft lockup", `(?:NMI )?watchdog: BUG: soft lockup`),
	pattern("lockup", false, linux, "Watchdog detected hard LOCKUP", `(?:NMI )?watchdog: Watchdog detected hard LOCKUP`),
	pattern("hung-task", false, linux, "blocked for more than ", `INFO: task .*:\d+ blocked for more than \d+ seconds`),
	pattern("rcu-stall", false, linux, "rcu: INFO: rcu_", `rcu: INFO: rcu_\w+ .*stall`),
	pattern("oops", false, linux, "[#", `(?:Oops|Internal error): .*\[#\d+\]|[a-z][a-z ]*: [0-9a-f]{4} \[#\d+\]`),
	pattern("bug", false, linux, "BUG: ", ""),
	pattern("refcount", false, linux, "refcount_t: ", ""),
	pattern("net-leak", false, linux, "unregister_netdevice: waiting for ", ""),
	pattern("xen-warning", false, xen, "Xen WARN at ", ""),
	// Other domains' ends are the business of the agent in domain 0.
	pattern("domain-crash", false, xen, "crashed on cpu#", `Domain 0 \(vcpu#\d+\) crashed on cpu#`),
	pattern("ubsan", false, linux, "UBSAN: ", ""),
}

// vague is a cry whose next line says what it is about.
const vague = "xen-panic"

// quoted is a line of an unprivileged domain's, behind its number, as Xen shows them and as the agent
// in domain 0 does.
var quoted = late.Regexp(`^\(d[1-9]\d*\) `)

// match gives the first pattern that the line holds, and the line from the cry on.
func match(line []byte) (p Pattern, cry []byte, ok bool) {
	others := bytes.HasPrefix(line, []byte("(d")) && quoted().Match(line)
	for _, p := range patterns {
		if !bytes.Contains(line, p.word) || others && !p.xen {
			continue
		}
		if at := p.text().FindSubmatchIndex(line); at != nil {
			return p, line[at[2]:], true
		}
	}
	return Pattern{}, nil, false
}

// ahead says whether a cry that follows p tells more: how it ended, or what it is about.
func (p Pattern) ahead(next Pattern) bool {
	return next.Fatal && (!p.Fatal || p.Kind == vague && next.Kind != vague)
}

var (
	prefix   = late.Regexp(`^\(XEN\) (?:\[[^\]]*\] )?`)
	numbers  = late.Regexp(`0x[0-9a-fA-F]+|\b[0-9a-fA-F]{8,16}\b|\b\d+`)
	function = late.Regexp(`\bRIP: +(?:[0-9a-f]{4}:)?(?:\[<[0-9a-f]+>\] *)*(?:\S*#)?([a-zA-Z_][\w.$]*)\+0x`)
)

// isDump recognises the beginning of the registers and the stack that Xen prints before it panics.
func isDump(line []byte) bool { return bytes.Contains(line, []byte("----[ Xen-")) }

// signature is the same for the same crash: what was cried first, with numbers and addresses taken
// out, and the function it happened in where the console names it.
func signature(cry []byte, lines [][]byte) string {
	head := strings.TrimSpace(numbers().ReplaceAllString(string(cry), "N"))
	for _, l := range lines {
		if m := function().FindSubmatch(l); m != nil {
			return head + " in " + string(m[1])
		}
	}
	return head
}
