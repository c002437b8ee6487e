// Package posix judges the system interfaces of POSIX.1-2008 that the Linux Standard Base 5.0 refers
// to, as far as a program can without the C library: by system calls, each with its clause. The specs
// belong to the suite lsb and have the kind posix.
//
// Beware: the calls are made by a forked single-threaded process, in order, whether or not those
// before them failed; the verdict is that of the first that did not answer as its clause asks.
package posix

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

var suite = spec.NewSuite("lsb")

// script is a list of system calls and what each must answer.
type script struct {
	*child.Program
	t      *spec.T
	folder string
	judge  *[]func() // in the order of the calls
}

// it declares a spec. The clause begins with the function of the System Interfaces volume.
func it(id, clause string, body func(s *script), needs ...spec.Probe) {
	suite.It(spec.Meta{
		ID: "posix/" + id, Clause: "LSB 5.0 Core 13.5, POSIX.1-2008 " + clause, Level: spec.Must, Needs: needs,
	}, func(t *spec.T) {
		dir, err := os.MkdirTemp("", "xtest-posix-")
		t.Setup("making a temporary folder", err)
		t.Cleanup(func() { os.RemoveAll(dir) })
		t.Setup("opening the temporary folder to all", os.Chmod(dir, 0o777))
		s := &script{child.NewProgram(), t, dir, &[]func(){}}
		body(s)
		p, err := s.Start(0)
		t.Setup("starting the process", err)
		// That it was killed, or ended in other ways, its calls tell.
		if err := p.Wait(t); t.Err() != nil {
			t.Setup("waiting for the calls", err)
		}
		for _, f := range *s.judge {
			f()
		}
	})
}

// path is a file in the spec's own folder, as an argument.
func (s *script) path(name string) child.Buffer { return s.String(filepath.Join(s.folder, name)) }

// then judges something when the calls have been made.
func (s *script) then(f func()) { *s.judge = append(*s.judge, f) }

// ok adds a call that must succeed.
func (s *script) ok(text string, nr uintptr, args ...child.Arg) child.Result {
	r := s.Call(nr, args...)
	s.then(func() { s.t.Success(text, r.Err()) })
	return r
}

// fails adds a call that must be refused with one of the errors.
func (s *script) fails(text string, errno []unix.Errno, nr uintptr, args ...child.Arg) {
	r := s.Call(nr, args...)
	s.then(func() { s.t.Errno(text, r.Err(), errno...) })
}

// gives adds a call that must return a value.
func (s *script) gives(text string, value int, nr uintptr, args ...child.Arg) child.Result {
	r := s.ok(text, nr, args...)
	s.then(func() { s.t.Equal(text, r.Value(), value) })
	return r
}

// setup adds a call that has nothing to do with the clause.
func (s *script) setup(text string, nr uintptr, args ...child.Arg) child.Result {
	r := s.Call(nr, args...)
	s.then(func() { s.t.Setup(text, r.Err()) })
	return r
}

// fork adds a process that makes the calls of body.
func (s *script) fork(body func(sub *script)) child.Result {
	r := s.Fork(0, func(p *child.Program) { body(&script{p, s.t, s.folder, s.judge}) })
	s.then(func() { s.t.Setup("fork()", r.Err()) })
	return r
}

// wait adds a wait for a process and gives its status.
func (s *script) wait(pid child.Result) func() unix.WaitStatus {
	b := s.Buffer(4)
	s.setup("waitpid(child)", unix.SYS_WAIT4, pid, b, 0, 0)
	return func() unix.WaitStatus { return unix.WaitStatus(word(b, 0)) }
}

// errs is a list of errors of which any will do.
func errs(e ...unix.Errno) []unix.Errno { return e }

// open adds an openat(2) that is not judged.
func (s *script) open(name string, flags int) child.Result {
	return s.setup("open("+name+")", unix.SYS_OPENAT, unix.AT_FDCWD, s.path(name), flags, 0o644)
}

// file adds a new file with content.
func (s *script) file(name, content string) {
	fd := s.open(name, unix.O_CREAT|unix.O_WRONLY|unix.O_TRUNC)
	if content != "" {
		s.setup("write("+name+")", unix.SYS_WRITE, fd, s.String(content), len(content))
	}
	s.setup("close("+name+")", unix.SYS_CLOSE, fd)
}

// nobody becomes the user and group 65534.
func (s *script) nobody() {
	s.setup("setgroups()", unix.SYS_SETGROUPS, 0, 0)
	s.setup("setgid(65534)", unix.SYS_SETRESGID, 65534, 65534, 65534)
	s.setup("setuid(65534)", unix.SYS_SETRESUID, 65534, 65534, 65534)
}

// pipe gives both ends of a pipe. It is a FIFO, since calls can be given what an earlier call returned,
// but not what it wrote.
func (s *script) pipe(name string, flags int) (read, write child.Result) {
	s.setup("mkfifo()", unix.SYS_MKNODAT, unix.AT_FDCWD, s.path(name), unix.S_IFIFO|0o600, 0)
	read = s.open(name, unix.O_RDONLY|unix.O_NONBLOCK)
	write = s.open(name, unix.O_WRONLY|flags)
	s.setup("fcntl(F_SETFL)", unix.SYS_FCNTL, read, unix.F_SETFL, flags)
	return read, write
}
