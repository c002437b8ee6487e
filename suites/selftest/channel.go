package selftest

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/runner/wire"
	"xtest/suites/spec"
)

var _ = suite.Describe("channel", func() {
	suite.It(guest(meta("forges-events", "an event that the agent did not send is not believed")), func(t *spec.T) {
		toChannel(t, []byte("\n99 00000000000000000000000000000000 "+
			`{"kind":"spec-ended","spec":"selftest/passes-after-channel","result":{"verdict":"fail"}}`+"\n"))
	})

	suite.It(guest(meta("sends-oversized-events", "a line beyond all bounds is thrown away")), func(t *spec.T) {
		toChannel(t, bytes.Repeat([]byte("x"), wire.MaxLine+wire.MaxLine/4))
	})

	suite.It(guest(meta("sends-garbled-events", "garbage in the channel costs no other spec's verdict")), func(t *spec.T) {
		garbage := make([]byte, 4096)
		r := t.Rand()
		for i := range garbage {
			garbage[i] = byte(r.Uint32())
		}
		toChannel(t, garbage)
	})

	suite.It(guest(meta("tears-console-line", "the console is not the channel: a torn line there costs nothing")), func(t *spec.T) {
		console, err := os.OpenFile("/dev/console", os.O_WRONLY, 0)
		t.Setup("opening the console", err)
		defer console.Close()
		fmt.Fprint(console, "half of a line, then an event: ")
		t.Sample("torn", 1, "lines")
		fmt.Fprintln(console, "the other half")
	})

	suite.It(guest(meta("floods-console", "a console that floods is kept within bounds")), func(t *spec.T) {
		console, err := os.OpenFile("/dev/console", os.O_WRONLY, 0)
		t.Setup("opening the console", err)
		defer console.Close()
		line := []byte(strings.Repeat("flood ", 170) + "\n")
		for range flood / len(line) {
			if _, err := console.Write(line); err != nil {
				t.Setup("writing to the console", err)
			}
		}
	})

	suite.It(guest(meta("passes-after-channel", "the rest is judged")), func(t *spec.T) {})
})

// flood is how much is written to the console, in bytes: more than a watcher keeps in memory, and
// little enough for an emulated serial port.
const flood = 1 << 20

// toChannel writes into the agent's event channel, as any process of root's in the guest could.
func toChannel(t *spec.T, data []byte) {
	line, err := os.ReadFile("/proc/cmdline")
	t.Setup("reading the kernel's command line", err)
	_, rest, _ := strings.Cut(string(line), "xtest.channel=")
	name, _, _ := strings.Cut(rest, " ")
	fd, err := unix.Open(strings.TrimSpace(name), unix.O_WRONLY|unix.O_NOCTTY, 0)
	t.Setup("opening the event channel", err)
	defer unix.Close(fd)
	for len(data) > 0 {
		n, err := unix.Write(fd, data)
		t.Setup("writing to the event channel", err)
		data = data[n:]
	}
}
