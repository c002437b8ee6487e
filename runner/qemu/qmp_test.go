package qemu

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xtest/runner/machine"
)

// talk plays QEMU: it sends what the script has behind ">" and awaits what it has behind "<".
func talk(t *testing.T, keep string, last <-chan struct{}, script ...string) machine.End {
	t.Helper()
	ours, theirs := net.Pipe()
	ended := make(chan machine.End, 1)
	m := &monitor{keep: keep}
	go func() { ended <- m.control(ours, last); ours.Close() }()
	r := bufio.NewReader(theirs)
	for _, line := range script {
		side, text, _ := strings.Cut(line, " ")
		if side == ">" {
			if _, err := fmt.Fprintln(theirs, text); err != nil {
				t.Errorf("sending %s: %v", text, err)
			}
			continue
		}
		got, err := r.ReadString('\n')
		if err != nil || !strings.Contains(got, text) {
			t.Errorf("got %q, %v; want %s", got, err, text)
		}
	}
	theirs.Close()
	return <-ended
}

const (
	greeting = `> {"QMP": {"version": {}, "capabilities": []}}`
	done     = `> {"return": {}}`
)

func shutdown(reason string) string {
	return `> {"timestamp": {"seconds": 1}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "` + reason + `"}}`
}

func TestHowAGuestEnds(t *testing.T) {
	for reason, want := range map[string]string{
		"guest-shutdown": "powered off", "guest-reset": "reset itself", "guest-panic": "panicked",
		"host-qmp-quit": "", "host-signal": "was ended by a signal to QEMU", "of the future": "",
	} {
		end := talk(t, "", nil, greeting, "< qmp_capabilities", done, `> {"event": "RTC_CHANGE", "data": {"offset": 1}}`, shutdown(reason))
		if end != (machine.End{How: want}) {
			t.Errorf("%s: %+v", reason, end)
		}
	}
	// With panic=-1 the kernel resets the machine after it has told of the panic.
	end := talk(t, "", nil, greeting, "< qmp_capabilities", done, `> {"event": "GUEST_PANICKED", "data": {"action": "run"}}`, shutdown("guest-reset"))
	if end.How != "panicked" {
		t.Errorf("a panic: %+v", end)
	}
	for _, script := range [][]string{{}, {greeting}, {"> {]"}, {"> 7"}, {`> {"event": 7}`}} {
		if end := talk(t, "", nil, script...); end != (machine.End{}) {
			t.Errorf("%q: %+v", script, end)
		}
	}
}

func TestMemoryIsKept(t *testing.T) {
	keep := filepath.Join(t.TempDir(), "memory")
	begin := []string{greeting, "< qmp_capabilities", done}
	crash := append(begin, shutdown("guest-reset"), `< "stop"`, done,
		`< "dump-guest-memory","arguments":{"paging":false,"protocol":"file:`+keep+`"}`)
	if end := talk(t, keep, nil, append(crash, done, `< "quit"`, done)...); end != (machine.End{How: "reset itself", Dump: keep}) {
		t.Errorf("a reset: %+v", end)
	}
	// What is half written is no dump.
	if err := os.WriteFile(keep, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	end := talk(t, keep, nil, append(crash, `> {"error": {"class": "GenericError", "desc": "dump: failed to save memory: No space left on device"}}`, `< "quit"`, done)...)
	if end.Dump != "" || !strings.Contains(end.How, "No space left on device") {
		t.Errorf("a full disk: %+v", end)
	}
	if _, err := os.Stat(keep); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a dump stays: %v", err)
	}
	// A clean end leaves none.
	if end := talk(t, keep, nil, append(begin, shutdown("guest-shutdown"), `< "quit"`, done)...); end != (machine.End{How: "powered off"}) {
		t.Errorf("a clean end: %+v", end)
	}
	// A machine that cried and limps on is stopped for it.
	last := make(chan struct{})
	close(last)
	if end := talk(t, keep, last, `< "stop"`, done, `< "dump-guest-memory"`, done); end.Dump != keep {
		t.Errorf("a machine that limps: %+v", end)
	}
}

// TestMemoryIsAskedFor: a machine that did not cry is stopped and its memory kept by whoever asks.
func TestMemoryIsAskedFor(t *testing.T) {
	ask := func(answers ...string) error {
		ours, theirs := net.Pipe()
		k := NewKeeper()
		go func() { k.Control(ours, nil); ours.Close() }()
		asked := make(chan error, 1)
		go func() { asked <- k.Keep("/there/memory") }()
		r := bufio.NewReader(theirs)
		for i, want := range []string{`"stop"`, `"dump-guest-memory","arguments":{"paging":false,"protocol":"file:/there/memory"}`}[:len(answers)] {
			if got, err := r.ReadString('\n'); err != nil || !strings.Contains(got, want) {
				t.Errorf("got %q, %v; want %s", got, err, want)
			}
			fmt.Fprintln(theirs, strings.TrimPrefix(answers[i], "> "))
		}
		theirs.Close()
		return <-asked
	}
	if err := ask(done, done); err != nil {
		t.Error(err)
	}
	if err := ask(done, `> {"error": {"class": "GenericError", "desc": "No space left on device"}}`); err == nil || !strings.Contains(err.Error(), "No space left") {
		t.Errorf("a full disk: %v", err)
	}
	if err := ask(); err == nil {
		t.Error("a machine that is gone has kept its memory")
	}
}
