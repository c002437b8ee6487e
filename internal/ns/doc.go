// Package ns holds the parts of the kernel's namespace interface that golang.org/x/sys/unix lacks:
// constants and structures of clone3(2), nsfs and System V IPC, and a small rtnetlink request writer.
// Each names the header it is taken from.
//
// Beware: the structures are written by hand in the layout of 64-bit Linux.
package ns

import "golang.org/x/sys/unix"

// Kind is one of the eight kinds of namespaces.
type Kind struct {
	Name string  // as in /proc/PID/ns and in nsfs link texts
	Flag uintptr // CLONE_NEW*
	C    string  // the flag's name in linux/sched.h
}

// The kinds, in the order of their names.
var (
	Cgroup = Kind{"cgroup", unix.CLONE_NEWCGROUP, "CLONE_NEWCGROUP"}
	IPC    = Kind{"ipc", unix.CLONE_NEWIPC, "CLONE_NEWIPC"}
	Mount  = Kind{"mnt", unix.CLONE_NEWNS, "CLONE_NEWNS"}
	Net    = Kind{"net", unix.CLONE_NEWNET, "CLONE_NEWNET"}
	PID    = Kind{"pid", unix.CLONE_NEWPID, "CLONE_NEWPID"}
	Time   = Kind{"time", unix.CLONE_NEWTIME, "CLONE_NEWTIME"}
	User   = Kind{"user", unix.CLONE_NEWUSER, "CLONE_NEWUSER"}
	UTS    = Kind{"uts", unix.CLONE_NEWUTS, "CLONE_NEWUTS"}
)

// Kinds lists all kinds.
var Kinds = []Kind{Cgroup, IPC, Mount, Net, PID, Time, User, UTS}

// InitialUser is the inode number of the initial user namespace, PROC_USER_INIT_INO in
// include/linux/proc_ns.h since Linux 3.8 and USER_NS_INIT_INO in linux/nsfs.h.
const InitialUser = 0xEFFFFFFD

// InitialInodes are the inode numbers of the initial namespaces that have been fixed since Linux 3.8
// (cgroup 4.6, time 5.6): include/linux/proc_ns.h. Those of net and mnt were not before Linux 6.18.
var InitialInodes = map[string]uint64{
	"ipc": 0xEFFFFFFF, "uts": 0xEFFFFFFE, "user": InitialUser, "pid": 0xEFFFFFFC,
	"cgroup": 0xEFFFFFFB, "time": 0xEFFFFFFA,
}

// MountGetInfo is NS_MNT_GET_INFO of linux/nsfs.h, since Linux 6.12, and MountInfoSize the size of
// the struct mnt_ns_info that it fills, in bytes.
const (
	MountGetInfo  = 0x8010B70A
	MountInfoSize = 16
)

// Requests on a pidfd that give a namespace's descriptor: linux/pidfd.h, since Linux 6.11.
const (
	PidfdGetCgroup          = 0xFF01
	PidfdGetIPC             = 0xFF02
	PidfdGetMount           = 0xFF03
	PidfdGetNet             = 0xFF04
	PidfdGetPID             = 0xFF05
	PidfdGetPIDForChildren  = 0xFF06
	PidfdGetTime            = 0xFF07
	PidfdGetTimeForChildren = 0xFF08
	PidfdGetUser            = 0xFF09
	PidfdGetUTS             = 0xFF0A
)
