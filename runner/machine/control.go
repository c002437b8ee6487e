package machine

import (
	"os"
	"sync"
	"time"
)

// control is what a machine has of its Launch's Control.
type control struct {
	linger time.Duration
	last   chan struct{} // closed when it cried and is to end
	told   chan struct{} // closed when End is known

	mu   sync.Mutex
	over bool // Control has returned, or knows that it is to
}

// attend runs the Control; without one the end stays unknown.
func (m *Machine) attend(launch Launch, socket *os.File) {
	c := &m.control
	defer close(c.told)
	if socket == nil {
		return
	}
	defer socket.Close()
	m.End = launch.Control(socket, c.last)
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	select {
	case <-c.last:
		m.process.Kill()
	default:
	}
}

// Kill ends the machine. Ended is closed soon after, or after the Launch's Linger when it has cried.
func (m *Machine) Kill() {
	c := &m.control
	_, cried := m.Console.Crash()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !cried || c.linger == 0 || c.over:
		m.process.Kill()
	default:
		c.over = true // the next Kill is impatient
		close(c.last)
		time.AfterFunc(c.linger, m.process.Kill)
	}
}
