package xen

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// MaxArgs is how many arguments a hypercall takes at most (RDI, RSI, RDX, R10, R8).
const MaxArgs = 5

// Caller makes hypercalls. The value is what Xen returned; see [Err]. A non-nil error means that the
// call did not reach Xen: it is a *[Refusal], or says that there are more than [MaxArgs] arguments.
type Caller interface {
	Hypercall(op uint64, args ...uint64) (int64, error)
}

// Refusal is the privcmd driver's own no: Xen never saw the call.
type Refusal struct {
	Op    uint64
	Errno unix.Errno
	Why   string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("hypercall %d was refused by the kernel's privcmd driver (%s): %s", r.Op, unix.ErrnoName(r.Errno), r.Why)
}

func (r *Refusal) Unwrap() error { return r.Errno }

// maxErrno is the highest error number that a negative return value can stand for (xen/include/xen/err.h).
// Results below -maxErrno are values: get_debugreg(6) returns 0xffff0ff0.
const maxErrno = 4095

// Err is the error number in a hypercall's return value, nil when the value is a result. Xen numbers
// its errors as Linux on x86 does (public/errno.h).
func Err(ret int64) error {
	if ret < 0 && ret >= -maxErrno {
		return unix.Errno(-ret)
	}
	return nil
}
