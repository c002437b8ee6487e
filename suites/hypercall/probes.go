package hypercall

import (
	"errors"
	"fmt"
	"sync"

	"xtest/internal/xen"
	"xtest/suites/spec"
)

// PrivCmd probes for a way to make hypercalls, by asking Xen for its version.
var PrivCmd = spec.Probe{Name: "Xen's privcmd", Check: func() error {
	_, err := hypervisor()
	return err
}}

// PV probes for a paravirtualised domain: others do not see machine memory, and lack some calls.
var PV = spec.Probe{Name: "Xen PV domain", Check: func() error {
	translated, err := translatedMemory()
	if err == nil && translated {
		err = errors.New("this domain's memory is translated by Xen: it is HVM or PVH")
	}
	return err
}}

func translatedMemory() (is bool, err error) {
	const autoTranslatedPhysmap = 1 << 2 // public/features.h XENFEAT_auto_translated_physmap
	err = withArena(func(c xen.Caller, a *xen.Arena) error {
		f := xen.New[xen.FeatureInfo](a)
		ret, err := c.Hypercall(xen.XenVersion, xen.VersionGetFeatures, xen.Addr(f))
		switch {
		case err != nil:
			return err
		case xen.Err(ret) != nil:
			return fmt.Errorf("asking for Xen's features: %w", xen.Err(ret))
		}
		is = f.Submap&autoTranslatedPhysmap != 0
		return nil
	})
	return is, err
}

// OneSize probes for a Xen that tells the same size of each resource, those that do not exist among
// them: before 4.15 the size was how many frames one call can map.
var OneSize = spec.Probe{Name: "one size of all resources", Check: func() error {
	const noType = 0x7fff
	return withArena(func(c xen.Caller, a *xen.Arena) error {
		r := xen.New[xen.AcquireResource](a)
		r.Dom, r.Type = xen.Self, noType
		ret, err := c.Hypercall(xen.MemoryOp, xen.MemoryAcquireResource, xen.Addr(r))
		if err != nil {
			return err
		}
		if no := xen.Err(ret); no != nil {
			return fmt.Errorf("the size of a resource that does not exist: %w", no)
		}
		return nil
	})
}}

// versions are the interface versions that this Xen was found to speak.
type versions struct{ sysctl, domctl uint32 }

var spoken = sync.OnceValues(func() (v versions, err error) {
	err = withArena(func(c xen.Caller, a *xen.Arena) (err error) {
		if v.sysctl, err = xen.SysctlVersion(c, a); err != nil {
			return err
		}
		v.domctl, err = xen.DomctlVersion(c, a)
		return err
	})
	return v, err
})

// Control probes for the privilege of a control domain, by finding the interface versions of sysctl
// and domctl.
var Control = spec.Probe{Name: "Xen control domain", Check: func() error {
	_, err := spoken()
	return err
}}

func withArena(f func(xen.Caller, *xen.Arena) error) error {
	c, err := hypervisor()
	if err != nil {
		return err
	}
	a, err := xen.NewArena(1)
	if err != nil {
		return err
	}
	return errors.Join(f(c, a), a.Close())
}
