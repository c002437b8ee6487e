package xen

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// The interface versions of sysctl and domctl that are tried: they grow by one with incompatible
// releases. Xen 4.14 has 0x13 for both, 4.17 has 0x15.
const (
	oldestInterface uint32 = 0x0a
	newestInterface uint32 = 0x60
)

// SysctlVersion finds the sysctl interface version that this Xen speaks, with a command that changes
// nothing. A wrong version is answered by EACCES; any other error is wrapped, beside the version that it
// was the answer to: EPERM says that this one is right and the domain no control domain.
func SysctlVersion(c Caller, a *Arena) (uint32, error) {
	s := NewSysctl[SchedID](a, SysctlSchedID, 0)
	return findVersion("sysctl", func(v uint32) (int64, error) {
		s.Version = v
		return c.Hypercall(SysctlOp, Addr(s))
	})
}

// DomctlVersion is [SysctlVersion] for domctl.
func DomctlVersion(c Caller, a *Arena) (uint32, error) {
	d := NewDomctl[DomainInfo](a, DomctlGetDomainInfo, 0, 0)
	return findVersion("domctl", func(v uint32) (int64, error) {
		d.Version = v
		return c.Hypercall(DomctlOp, Addr(d))
	})
}

func findVersion(name string, try func(version uint32) (int64, error)) (uint32, error) {
	for v := oldestInterface; v <= newestInterface; v++ {
		ret, err := try(v)
		if err != nil {
			return 0, fmt.Errorf("finding %s's interface version: %w", name, err)
		}
		if ret == 0 {
			return v, nil
		}
		if no := Err(ret); !errors.Is(no, unix.EACCES) {
			return v, fmt.Errorf("finding %s's interface version: version %#x was answered by %d (%w)", name, v, ret, no)
		}
	}
	return 0, fmt.Errorf("finding %s's interface version: none from %#x to %#x is accepted", name, oldestInterface, newestInterface)
}
