package perf

import (
	"errors"

	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/internal/xenstore"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

var underXen = spec.NewSuite(name).Under("xen")

// calls probes for a way to make hypercalls.
var calls = spec.Probe{Name: "Xen's privcmd", Check: func() error {
	c, err := xen.OpenPrivcmd()
	if err != nil {
		return err
	}
	return c.Close()
}}

// store probes for Xenstore, through the kernel.
var store = spec.Probe{Name: "Xenstore through the kernel", Check: func() error {
	c, err := xenstore.Open()
	if err != nil {
		return err
	}
	m, err := c.Ask(xenstore.Directory, 0, xenstore.Strings(storeRoot))
	return errors.Join(err, m.Err(), c.Close())
}}

// storeRoot is the one node that every store has.
const storeRoot = "/"

func device(path string) func() ([]int, error) {
	return only(func() (int, error) { return unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0) })
}

var _ = underXen.Describe("xen", func() {
	var call child.Buffer
	l := repeated(64, func(s *steps) {
		call = s.words(xen.XenVersion, xen.VersionVersion, 0, 0, 0, 0)
	}, func(s *steps) {
		s.Do("ioctl(IOCTL_PRIVCMD_HYPERCALL)", unix.SYS_IOCTL, s.file(), xen.IoctlHypercall, call)
	})
	l.files = device(xen.PrivcmdPath)
	measures(underXen, "hypercall/round-trip", "xen/include/public/version.h XENVER_version: a hypercall that does next to nothing, through Linux's privcmd", l, calls)

	request := xenstore.Message{Type: xenstore.Directory, Payload: xenstore.Strings(storeRoot)}.Bytes()
	var ask, reply child.Buffer
	l = repeated(4, func(s *steps) {
		ask, reply = s.Buffer(len(request)), s.Buffer(xenstore.PayloadMax)
		copy(ask.Bytes, request)
	}, func(s *steps) {
		s.Do("write(/dev/xen/xenbus)", unix.SYS_WRITE, s.file(), ask, len(request))
		s.Do("read(/dev/xen/xenbus)", unix.SYS_READ, s.file(), reply, xenstore.PayloadMax)
	})
	l.files = device(xenstore.BusPath)
	measures(underXen, "xenstore/round-trip", "xen/include/public/io/xs_wire.h XS_DIRECTORY: the root's children are listed, through Linux's /dev/xen/xenbus", l, store)
})
