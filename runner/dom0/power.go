package dom0

import (
	"errors"
	"fmt"

	"xtest/internal/xen"
)

// PowerParam is the guest's kernel parameter that has its agent ask Xen itself to power it off: a guest without
// ACPI knows no other way, and a PVH guest of Linux 5.10 halts in place of it.
const PowerParam = "power"

// PowerOff powers this domain off by a hypercall. It returns only with an error.
func PowerOff() error {
	call, err := xen.OpenPrivcmd()
	if err != nil {
		return err
	}
	arena, err := xen.NewArena(1)
	if err != nil {
		return err
	}
	s := xen.New[xen.SchedShutdown](arena) // reason 0, SHUTDOWN_poweroff
	ret, err := call.Hypercall(xen.SchedOp, xen.SchedShutdownOp, xen.Addr(s))
	return fmt.Errorf("asking Xen to power this domain off: %w", errors.Join(err, xen.Err(ret)))
}
