package qemu

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"xtest/runner/machine"
)

// message is whatever comes over QMP (QEMU's docs/interop/qmp-spec): a greeting, an answer, an event.
type message struct {
	QMP    json.RawMessage `json:"QMP"`
	Return json.RawMessage `json:"return"`
	Error  *struct {
		Desc string `json:"desc"`
	} `json:"error"`
	Event string `json:"event"`
	Data  struct {
		Reason string `json:"reason"`
	} `json:"data"`
}

// hows are QEMU's ShutdownCause (qapi/run-state.json) in words, those that say something of the guest.
var hows = map[string]string{
	"guest-shutdown":  "powered off",
	"guest-reset":     "reset itself",
	"guest-panic":     "panicked",
	"subsystem-reset": "was reset by its firmware",
	"host-signal":     "was ended by a signal to QEMU",
	"host-error":      "was ended by QEMU after an error of the host's",
	"host-ui":         "was ended by QEMU",
}

// lingers is how long a machine that crashed may take to write its memory out.
const lingers = 2 * time.Minute

// monitor converses with QEMU over QMP until it ends.
type monitor struct {
	keep string // the file that is to hold the memory of a machine that crashed, or ""

	socket   io.Writer
	messages chan message
	panicked bool
	end      machine.End
}

// Monitor is the Control of a [machine.Launch] whose descriptor 4 is a QMP socket.
func Monitor() func(io.ReadWriteCloser, <-chan struct{}) machine.End { return (&monitor{}).control }

// control is a machine.Launch's.
func (m *monitor) control(socket io.ReadWriteCloser, last <-chan struct{}) machine.End {
	m.socket, m.messages = socket, make(chan message)
	over := make(chan struct{})
	defer close(over)
	go func() {
		defer close(m.messages)
		for d := json.NewDecoder(socket); ; {
			var msg message
			if d.Decode(&msg) != nil {
				return
			}
			select {
			case m.messages <- msg:
			case <-over:
				return
			}
		}
	}()
	for {
		select {
		case msg, ok := <-m.messages:
			if !ok {
				return m.end
			}
			switch {
			case msg.QMP != nil:
				if m.send("qmp_capabilities", nil) != nil {
					return m.end
				}
			case m.hear(msg) && m.keep != "":
				// It was told to stay when the guest ends.
				if m.end.How != hows["guest-shutdown"] {
					m.dump()
				}
				m.do("quit", nil)
			}
		case <-last:
			if m.keep != "" && m.end.Dump == "" {
				m.dump()
			}
			return m.end
		}
	}
}

// hear learns from an event, and tells whether the guest has ended with it.
func (m *monitor) hear(msg message) bool {
	switch msg.Event {
	case "GUEST_PANICKED":
		m.panicked = true
	case "SHUTDOWN":
		m.end.How = hows[msg.Data.Reason]
		if m.panicked { // and reset itself, as it was told to
			m.end.How = hows["guest-panic"]
		}
		return true
	}
	return false
}

func (m *monitor) send(command string, args any) error {
	text, err := json.Marshal(struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
	}{command, args})
	if err == nil {
		_, err = m.socket.Write(append(text, '\n'))
	}
	return err
}

// do waits for the answer.
func (m *monitor) do(command string, args any) error {
	if err := m.send(command, args); err != nil {
		return err
	}
	for msg := range m.messages {
		switch {
		case msg.Error != nil:
			return errors.New(msg.Error.Desc)
		case msg.Return != nil:
			return nil
		}
		m.hear(msg)
	}
	return errors.New("QEMU ended before it answered")
}

// dump writes the guest's memory out as it lies in the machine: physical addresses, not virtual ones,
// which crash(8) and drgn expect and which needs no trust in the guest's page tables.
func (m *monitor) dump() {
	err := m.do("stop", nil)
	if err == nil {
		err = m.do("dump-guest-memory", map[string]any{"paging": false, "protocol": "file:" + m.keep})
	}
	if err != nil {
		os.Remove(m.keep)
		m.end.How = fmt.Sprintf("%s (its memory could not be kept: %v)", cmp.Or(m.end.How, "was stopped"), err)
		return
	}
	m.end.Dump = m.keep
}
