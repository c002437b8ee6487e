package ns

import "encoding/binary"

// MountRequest is struct mnt_id_req of linux/mount.h. FD, a mount namespace's or with STATMOUNT_BY_FD a
// mount's, came with Linux 6.18, Namespace with 6.11.
type MountRequest struct {
	Size, FD                uint32 // 0 is the whole structure's size
	Mount, Param, Namespace uint64
}

// Bytes gives the structure as the kernel reads it. A kernel that knows the first version alone, of 24
// bytes, takes it when Namespace is 0.
func (r MountRequest) Bytes() []byte {
	if r.Size == 0 {
		r.Size = 32 // MNT_ID_REQ_SIZE_VER1
	}
	b, _ := binary.Append(nil, binary.NativeEndian, r)
	return b
}

// ListRoot is LSMT_ROOT of linux/mount.h: the root of the mount namespace.
const ListRoot = 1<<64 - 1

// What statmount(2) is asked for: STATMOUNT_ of linux/mount.h.
const (
	StatMountBasic = 0x2
	StatMountPoint = 0x10
	StatMountKind  = 0x20
)

// Flags of mount calls that x/sys/unix lacks: linux/mount.h, linux/sched.h.
const (
	// OpenTreeNamespace makes open_tree(2) give a new mount namespace, since Linux 7.0.
	OpenTreeNamespace = 1 << 1
	// FsmountNamespace makes fsmount(2) give one, since Linux 7.1.
	FsmountNamespace = 1 << 1
	// MoveMountBeneath puts a mount under the topmost one, since Linux 6.5.
	MoveMountBeneath = 0x200
	// UnshareEmptyMounts is UNSHARE_EMPTY_MNTNS, since Linux 7.1.
	UnshareEmptyMounts = 0x00100000
)
