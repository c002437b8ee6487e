package hypercall

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/suites/spec"
)

// denied are the interface versions that this Xen speaks, as found by a domain that may not use them: a
// wrong version is told apart from a missing privilege (EACCES, EPERM).
var denied = sync.OnceValues(func() (v versions, err error) {
	err = withArena(func(c xen.Caller, a *xen.Arena) error {
		for _, f := range []struct {
			name  string
			find  func(xen.Caller, *xen.Arena) (uint32, error)
			found *uint32
		}{{"sysctl", xen.SysctlVersion, &v.sysctl}, {"domctl", xen.DomctlVersion, &v.domctl}} {
			found, err := f.find(c, a)
			switch {
			case err == nil:
				return fmt.Errorf("this domain may use %s: it is a control domain", f.name)
			case !errors.Is(err, unix.EPERM):
				return err
			}
			*f.found = found
			a.Reset()
		}
		return nil
	})
	return v, err
})

// Guest probes for a domain without the privileges of a control domain.
var Guest = spec.Probe{Name: "Xen guest domain", Check: func() error {
	_, err := denied()
	return err
}}

// Translated probes for a domain whose memory Xen translates: HVM and PVH.
var Translated = spec.Probe{Name: "Xen HVM or PVH domain", Check: func() error {
	translated, err := translatedMemory()
	if err == nil && !translated {
		err = errors.New("this domain is paravirtualised: it maps machine memory itself")
	}
	return err
}}

// Multicalls probes for a domain that may make several calls at once. PV domains always may; HVM and PVH
// ones may since 2021, after Xen 4.15, when hvm_hypercall_table (xen/arch/x86/hvm/hypercall.c) came to hold the call.
var Multicalls = spec.Probe{Name: "Xen multicalls", Check: func() error {
	return withArena(func(c xen.Caller, a *xen.Arena) error {
		ret, err := c.Hypercall(xen.Multicall, a.Unmapped(), 0)
		if err != nil || !errors.Is(xen.Err(ret), unix.ENOSYS) || Translated.Check() != nil {
			return err // a PV domain that lacks them is to fail
		}
		return errors.New("an HVM or PVH domain is given none by this Xen (ENOSYS), as by all up to 4.15")
	})
}}

// PVGuest probes for a paravirtualised domain that controls no other.
var PVGuest = spec.Probe{Name: "Xen PV guest", Check: func() error { return errors.Join(Guest.Check(), PV.Check()) }}
