package child

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// Func is Go code that runs in a re-executed copy of this program.
type Func struct {
	name string
	body func(*Side) error
}

// marker is the name the copy is started under, so that [Main] knows it.
const marker = "xtest-child"

var funcs = map[string]*Func{}

// NewFunc registers body under a name of its own. Call it from a package-level variable.
func NewFunc(name string, body func(s *Side) error) *Func {
	if funcs[name] != nil {
		panic(fmt.Sprintf("child function %q is registered twice", name))
	}
	f := &Func{name, body}
	funcs[name] = f
	return f
}

// Main runs the requested function and exits, when this process was started as a child; otherwise it
// returns at once.
func Main() {
	if len(os.Args) != 2 || os.Args[0] != marker {
		return
	}
	f := funcs[os.Args[1]]
	if f == nil {
		fmt.Fprintf(os.Stderr, "no child function %q in this program\n", os.Args[1])
		os.Exit(2)
	}
	s := newSide(os.NewFile(3, "from parent"), os.NewFile(4, "to parent"))
	if err := f.body(s); err != nil {
		s.enc.Encode(message{Err: describe(err)})
		os.Exit(1)
	}
	os.Exit(0)
}

// Option changes how a Func is started.
type Option func(*syscall.SysProcAttr)

// In starts the child in new namespaces: CLONE_NEW* flags.
func In(flags uintptr) Option {
	return func(a *syscall.SysProcAttr) { a.Cloneflags |= flags }
}

// MapRoot maps the caller to root in the child's new user namespace.
func MapRoot() Option {
	return func(a *syscall.SysProcAttr) {
		a.Cloneflags |= unix.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
}

// Start runs the function in a new process. The error wraps the unix.Errno of a refused clone(2).
func (f *Func) Start(opts ...Option) (*Peer, error) {
	toR, toW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting child %s: %w", f.name, err)
	}
	fromR, fromW, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting child %s: %w", f.name, err), toR.Close(), toW.Close())
	}
	defer toR.Close()
	defer fromW.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{marker, f.name}
	cmd.Env = []string{}
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{toR, fromW}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	for _, o := range opts {
		o(cmd.SysProcAttr)
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting child %s: %w", f.name, err), toW.Close(), fromR.Close())
	}
	// From here on the process is waited for by its ID, not through cmd.
	proc := &Process{pid: cmd.Process.Pid}
	cmd.Process.Release()
	peer := &Peer{Process: proc, Side: newSide(fromR, toW)}
	ledger.add(proc, peer)
	return peer, nil
}

// Peer is the parent's view of a running Func.
type Peer struct {
	*Process
	*Side
}

// Side is one end of the conversation between parent and child: values, as JSON, in turn.
type Side struct {
	dec *json.Decoder
	enc *json.Encoder
	out io.Closer
}

func newSide(r io.Reader, w io.WriteCloser) *Side {
	return &Side{dec: json.NewDecoder(r), enc: json.NewEncoder(w), out: w}
}

type message struct {
	Value json.RawMessage `json:",omitempty"`
	Err   *failure        `json:",omitempty"`
}

type failure struct {
	Text  string
	Errno unix.Errno
}

func describe(err error) *failure {
	f := &failure{Text: err.Error()}
	errors.As(err, &f.Errno)
	return f
}

func (f *failure) Error() string { return f.Text }

func (f *failure) Unwrap() error {
	if f.Errno == 0 {
		return nil
	}
	return f.Errno
}

// Send gives a value to the other side.
func (s *Side) Send(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("sending to the other process: %w", err)
	}
	return s.enc.Encode(message{Value: raw})
}

// SendErr gives an error to the other side, where errors.Is finds its unix.Errno again.
func (s *Side) SendErr(err error) error {
	if err == nil {
		return s.Send(nil)
	}
	return s.enc.Encode(message{Err: describe(err)})
}

// Recv waits for the next value. It returns the error the other side sent or ended with, and io.EOF
// when it ended without one. A nil v discards the value.
func (s *Side) Recv(v any) error {
	var m message
	if err := s.dec.Decode(&m); err != nil {
		return err
	}
	if m.Err != nil {
		return m.Err
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(m.Value, v)
}

// Close tells the other side that nothing more will come: its Recv gets io.EOF.
func (s *Side) Close() error { return s.out.Close() }
