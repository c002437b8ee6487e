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
	keep   string // the file that is to hold the memory of a machine that crashed, or ""
	keeper *Keeper

	socket   io.Writer
	messages chan message
	panicked bool
	end      machine.End
}

// Monitor is the Control of a [machine.Launch] whose descriptor 4 is a QMP socket.
func Monitor() func(io.ReadWriteCloser, <-chan struct{}) machine.End { return (&monitor{}).control }

// Keeper answers for a machine that somebody else finds went wrong: where its processors are, and with its memory.
type Keeper struct {
	asked chan func(*monitor)
	over  chan struct{}
}

// NewKeeper makes one, for one machine.
func NewKeeper() *Keeper {
	return &Keeper{make(chan func(*monitor)), make(chan struct{})}
}

// Control is that of a [machine.Launch] whose descriptor 4 is a QMP socket.
func (k *Keeper) Control(socket io.ReadWriteCloser, last <-chan struct{}) machine.End {
	defer close(k.over)
	return (&monitor{keeper: k}).control(socket, last)
}

// Keep stops the machine for good and writes its memory and the state of its processors into a file, as an ELF
// core of physical addresses. It is called once. Killing the machine ends the wait.
func (k *Keeper) Keep(file string) error {
	return k.ask(func(m *monitor) error { return m.write(file) })
}

// Registers are what "info registers -a" of QEMU's monitor prints: each processor's, as they are now.
func (k *Keeper) Registers() (text string, err error) {
	err = k.ask(func(m *monitor) error {
		answer, err := m.ask("human-monitor-command", map[string]string{"command-line": "info registers -a"})
		if err != nil {
			return err
		}
		return json.Unmarshal(answer, &text)
	})
	return text, err
}

// ask has the monitor's goroutine do something and waits for it.
func (k *Keeper) ask(what func(*monitor) error) error {
	gone := errors.New("the machine is gone")
	late := time.After(lingers)
	done := make(chan error, 1)
	select {
	case k.asked <- func(m *monitor) { done <- what(m) }:
	case <-k.over:
		return gone
	case <-late:
		return errors.New("QEMU does not listen")
	}
	select {
	case err := <-done:
		return err
	case <-k.over:
		return gone
	case <-late:
		return fmt.Errorf("QEMU was not done within %v", lingers)
	}
}

// control is a machine.Launch's.
func (m *monitor) control(socket io.ReadWriteCloser, last <-chan struct{}) machine.End {
	m.socket, m.messages = socket, make(chan message)
	over := make(chan struct{})
	var asked chan func(*monitor) // nil: nobody will ask
	if m.keeper != nil {
		asked = m.keeper.asked
	}
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
		case do := <-asked:
			do(m)
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

// do waits until it is done.
func (m *monitor) do(command string, args any) error {
	_, err := m.ask(command, args)
	return err
}

// ask waits for the answer.
func (m *monitor) ask(command string, args any) (json.RawMessage, error) {
	if err := m.send(command, args); err != nil {
		return nil, err
	}
	for msg := range m.messages {
		switch {
		case msg.Error != nil:
			return nil, errors.New(msg.Error.Desc)
		case msg.Return != nil:
			return msg.Return, nil
		}
		m.hear(msg)
	}
	return nil, errors.New("QEMU ended before it answered")
}

// dump keeps the memory of a machine that crashed.
func (m *monitor) dump() {
	if err := m.write(m.keep); err != nil {
		m.end.How = fmt.Sprintf("%s (its memory could not be kept: %v)", cmp.Or(m.end.How, "was stopped"), err)
		return
	}
	m.end.Dump = m.keep
}

// write writes the guest's memory out as it lies in the machine: physical addresses, not virtual ones,
// which crash(8) and drgn expect and which needs no trust in the guest's page tables. It leaves no file behind when it
// fails.
func (m *monitor) write(file string) error {
	err := m.do("stop", nil)
	if err == nil {
		err = m.do("dump-guest-memory", map[string]any{"paging": false, "protocol": "file:" + file})
	}
	if err != nil {
		os.Remove(file)
	}
	return err
}
