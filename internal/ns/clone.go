package ns

import "encoding/binary"

// CloneArgs is struct clone_args of linux/sched.h. Set_tid and set_tid_size are at bytes 64 and 72,
// behind the part that every kernel with clone3(2) knows.
type CloneArgs struct {
	Flags, Pidfd, ChildTID, ParentTID, ExitSignal     uint64
	Stack, StackSize, TLS, SetTID, SetTIDSize, Cgroup uint64
}

// Sizes of struct clone_args in bytes: CLONE_ARGS_SIZE_VER0 and VER2 of linux/sched.h.
const (
	CloneArgsSize0 = 64
	CloneArgsSize2 = 88
)

// ReservedCloneFlag is the highest bit of clone3's flags: the one that will be given a meaning last.
const ReservedCloneFlag = 1 << 63

// Bytes gives the structure as the kernel reads it.
func (a CloneArgs) Bytes() []byte {
	b := make([]byte, CloneArgsSize2)
	binary.Encode(b, binary.NativeEndian, a)
	return b
}

// Numbers of clone(2) and unshare(2) that x/sys/unix has under no name or only for some
// architectures: linux/sched.h.
const (
	// CSignal is the mask of the signal sent when the child ends.
	CSignal = 0xff
	// CloneDetached was a flag until Linux 2.6.2 and is refused by clone3.
	CloneDetached = 0x00400000
)
