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
	once   sync.Once
}

// attend runs the Control; without one the end stays unknown.
func (m *Machine) attend(launch Launch, socket *os.File) {
	defer close(m.control.told)
	if socket == nil {
		return
	}
	defer socket.Close()
	m.End = launch.Control(socket, m.control.last)
	m.control.once.Do(func() {}) // nobody lingers any more
	select {
	case <-m.control.last:
		m.process.Kill()
	default:
	}
}

// Kill ends the machine. Ended is closed soon after, or after the Launch's Linger when it has cried.
func (m *Machine) Kill() {
	_, cried := m.Console.Crash()
	if !cried || m.control.linger == 0 {
		m.process.Kill()
		return
	}
	m.control.once.Do(func() {
		close(m.control.last)
		time.AfterFunc(m.control.linger, m.process.Kill)
	})
}
