// Package devicemodel is the device model of an HVM guest, in place of QEMU: a PCI bus with a host bridge and
// Xen's platform device, in whose memory Linux puts its grant table. Xen itself models what else a guest
// needs, timers and interrupt controllers, and answers what nobody has claimed as an empty bus would.
//
// Beware: the toolstack starts it as a device model of the traditional kind and waits for its word in Xenstore.
package devicemodel

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"

	"xtest/internal/xen"
	"xtest/internal/xenstore"
)

// Name is the name under which this program is started as a device model.
const Name = "xtest-device-model"

// Version is what xl.cfg(5) calls the way in which the toolstack talks to it.
const Version = "qemu-xen-traditional"

// heed is how long it waits for an access at a time, in milliseconds.
const heed = 10_000

// Main does the work for the domain that the arguments name, and returns with an error alone: the toolstack
// ends it with its guest.
func Main(args []string) error {
	i := slices.Index(args, "-d")
	if i < 0 || i+1 >= len(args) {
		return fmt.Errorf("a device model is told its domain by -d; it was started with %q", args)
	}
	dom, err := strconv.ParseUint(args[i+1], 10, 15)
	if err != nil {
		return fmt.Errorf("the device model's domain: %w", err)
	}
	b := newBus()
	s, err := xen.NewIOServer(xen.DomID(dom), b.claims)
	if err != nil {
		return fmt.Errorf("modelling devices for domain %d: %w", dom, err)
	}
	if err := tell(dom); err != nil {
		return errors.Join(err, s.Close())
	}
	for {
		if err := s.Serve(heed, b.answer); err != nil {
			return errors.Join(fmt.Errorf("modelling devices for domain %d: %w", dom, err), s.Close())
		}
	}
}

// tell tells the toolstack that the device model runs.
func tell(dom uint64) error {
	store, err := xenstore.Dial()
	if err != nil {
		return err
	}
	state := path.Join("/local/domain/0/device-model", strconv.FormatUint(dom, 10), "state")
	m, err := store.Ask(xenstore.Write, 0, append([]byte(state), "\x00running"...))
	if err = errors.Join(err, m.Err(), store.Close()); err != nil {
		return fmt.Errorf("telling the toolstack that the device model runs: %w", err)
	}
	return nil
}
