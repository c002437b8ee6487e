// Package kvm holds the specs of the hypercalls that Linux's KVM answers: its own, Hyper-V's and Xen's.
// To users they are the suite "hypercall" on targets that are KVM. Micro guests make the calls under the
// /dev/kvm of the machine that xtest booted; what each call must be answered is data, a [fact].
//
// Beware: every spec is graded guest at least. It must stay so: the device of the machine that the user
// works on is never opened.
package kvm

import (
	"errors"
	"io/fs"
	"sync"
	"time"

	"xtest/internal/kvm"
	"xtest/suites/spec"
)

var suite = spec.NewSuite("hypercall").Under("kvm")

// guest makes calls, as [kvm.Guest] does.
type guest interface {
	Batch(calls []kvm.Regs, limit time.Duration) ([]kvm.Outcome, error)
	Step(r kvm.Regs, limit time.Duration) (kvm.Outcome, error)
	Memory() []byte
	Opcode() kvm.Opcode
	Close() error
}

// hypervisor makes guests.
type hypervisor interface {
	NewGuest(c kvm.Config) (guest, error)
	Native() (kvm.Opcode, error)
}

type device struct{ *kvm.Device }

func (d device) NewGuest(c kvm.Config) (guest, error) {
	g, err := d.Device.NewGuest(c)
	if err != nil {
		return nil, err
	}
	return g, nil
}

// errNoDevice says what a machine lacks that has no device.
var errNoDevice = errors.New("no " + kvm.Path + ": the kernel lacks CONFIG_KVM_AMD, or its modules (--modules)")

// connect opens the way to KVM. Tests put a stand-in under the specs here.
var connect = func() (hypervisor, error) {
	d, err := kvm.Open(kvm.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoDevice
	}
	if err != nil {
		return nil, err
	}
	return device{d}, nil
}

// reached is the hypervisor and what it was asked once.
type reached struct {
	hypervisor
	native kvm.Opcode
}

var reach = sync.OnceValues(func() (reached, error) {
	h, err := connect()
	if err != nil {
		return reached{}, err
	}
	native, err := h.Native()
	return reached{h, native}, err
})

// foreign is the hypercall instruction of the other vendor.
func (r reached) foreign() kvm.Opcode {
	if r.native == kvm.VMCALL {
		return kvm.VMMCALL
	}
	return kvm.VMCALL
}

// patience is how long a batch may take until the watchdog ends it. A full one takes some 20 ms under
// emulation on a host with nothing else to do.
const patience = 30 * time.Second

// run is a spec's hand on KVM.
type run struct {
	*spec.T
	reached
}

// it declares a spec that makes guests.
func it(m spec.Meta, body func(r *run)) {
	m.Grade = max(m.Grade, spec.Guest)
	m.Needs = append([]spec.Probe{Device, Executes}, m.Needs...)
	suite.It(m, func(t *spec.T) {
		h, err := reach()
		t.Setup("reaching KVM", err)
		body(&run{t, h})
	})
}

// guest makes a guest that ends with the spec. Its instruction is the processor's own unless the
// configuration says otherwise.
func (r *run) guest(c kvm.Config) guest {
	if c.Opcode == (kvm.Opcode{}) {
		c.Opcode = r.native
	}
	g, err := r.NewGuest(c)
	r.Setup("making a guest", err)
	r.Cleanup(func() { g.Close() })
	return g
}
