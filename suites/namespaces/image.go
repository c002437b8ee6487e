package namespaces

import (
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

// images probes for scripts that execute and have threads. Their interpreter is then an executable in
// memory, which a security module may forbid.
var images = spec.Probe{Name: "executable memory", Check: func() error {
	_, err := child.Image()
	return err
}}

// image is the interpreter's descriptor, for specs that need [images].
func image(t *spec.T) int {
	fd, err := child.Image()
	t.Setup("making the interpreter's executable", err)
	return fd
}

// exec adds an execve(2) that belongs to the set-up; the new image goes on with body. File is a
// descriptor of [image] or of a copy.
func (s *script) exec(text string, file child.Arg, body func(*script)) {
	if c, ok := file.(call); ok {
		file = c.Result
	}
	// Written before what body adds, made before it, too.
	s.log.calls++
	at := s.log.calls
	c := call{text, s.Exec(file, func(sub *child.Program) { body(&script{sub, s.log}) }), s.log, at}
	s.log.setup = append(s.log.setup, c)
}

// thread adds a thread of the process, which ends with body. The process's threads share what it has.
func (s *script) thread(body func(*script)) call {
	s.log.calls++
	at := s.log.calls
	return s.require(call{"clone(CLONE_THREAD)", s.Thread(func(sub *child.Program) { body(&script{sub, s.log}) }), s.log, at})
}

// fork3 adds a clone3(2) that is judged, with args as the kernel reads them. Body is executed by the
// new process.
func (s *script) fork3(text string, args []byte, body func(*script)) call {
	s.log.calls++
	at := s.log.calls
	b := s.bytes(args)
	return call{text, s.Fork3(b, len(b.Bytes), func(sub *child.Program) { body(&script{sub, s.log}) }), s.log, at}
}

// mustFork3 adds a clone3(2) that belongs to the set-up.
func (s *script) mustFork3(text string, args ns.CloneArgs, body func(*script)) call {
	return s.require(s.fork3(text, args.Bytes(), body))
}

// copyImage adds a file with the interpreter in it and gives its path's descriptor for reading, since
// one that is open for writing is not executed.
func (s *script) copyImage(t *spec.T, path string, mode int) {
	out := s.open(path, unix.O_CREAT|unix.O_WRONLY)
	offset := s.Buffer(8)
	s.must("sendfile(out, image)", unix.SYS_SENDFILE, out, image(t), offset, 1<<16)
	s.must(fmt.Sprintf("fchmod(out, %#o)", mode), unix.SYS_FCHMOD, out, mode)
	s.must("close(out)", unix.SYS_CLOSE, out)
}

// capabilities adds a capget(2) and gives the effective set once the script has run.
func (s *script) capabilities() func() uint64 {
	b := s.Buffer(ns.CapabilitySets)
	s.must("capget(hdr, data)", unix.SYS_CAPGET, s.bytes(ns.CapabilityHeader()), b)
	return func() uint64 { return ns.Effective(b.Bytes) }
}
