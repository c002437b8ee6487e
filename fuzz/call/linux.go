package call

import (
	"cmp"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

func sortOps(ops []Op) {
	slices.SortFunc(ops, func(a, b Op) int { return cmp.Compare(a.Name, b.Name) })
}

// cloneNew are the flags that make namespaces (linux/sched.h).
var cloneNew = []uint64{
	unix.CLONE_NEWNS, unix.CLONE_NEWUTS, unix.CLONE_NEWIPC, unix.CLONE_NEWUSER, unix.CLONE_NEWPID, unix.CLONE_NEWNET, unix.CLONE_NEWCGROUP, unix.CLONE_NEWTIME,
	unix.CLONE_NEWUSER | unix.CLONE_NEWNS, unix.CLONE_NEWUSER | unix.CLONE_NEWPID, unix.CLONE_NEWNS | unix.CLONE_FS, unix.CLONE_FILES, unix.CLONE_THREAD,
	unix.CLONE_SIGHAND, unix.CLONE_INTO_CGROUP, unix.CLONE_PIDFD, unix.CLONE_PARENT,
}

// Linux is the system calls around namespaces.
var Linux = sync.OnceValue(func() *Space {
	path := Arg{Kind: Text, Texts: []string{"/", ".", "", "/tmp", "/proc", "/proc/self", "/dev", "/sys", "/tmp/a", "/tmp/a/b", "..", "/proc/self/ns/user", "/nothing"}}
	namespaces := Arg{Kind: Text, Texts: []string{
		"/proc/self/ns/user", "/proc/self/ns/mnt", "/proc/self/ns/net", "/proc/self/ns/pid", "/proc/self/ns/uts", "/proc/self/ns/ipc", "/proc/self/ns/time",
		"/proc/self/ns/cgroup", "/proc/self/ns/pid_for_children", "/proc/self/ns/time_for_children", "/proc/1/ns/mnt", "/proc/self/uid_map", "/proc/self/timens_offsets", "/tmp", "/proc",
	}}
	types := Arg{Kind: Text, Texts: []string{"tmpfs", "proc", "sysfs", "overlay", "ramfs", "mqueue", "devpts", "cgroup2", "bind", "", "nothing"}}
	key := Arg{Kind: Text, Texts: []string{"source", "size", "mode", "ro", "lowerdir", "nr_inodes", "", "hidepid"}}
	data := Arg{Kind: Text, Texts: []string{"", "size=4096", "mode=700", "ro", "lowerdir=/tmp", "nsdelegate", "newinstance", "100%"}}
	flags := func(v ...uint64) Arg { return Arg{Kind: Flags, Values: v} }
	fd, null := Arg{Kind: FD}, Arg{Kind: Const}
	mounts := flags(unix.MS_BIND, unix.MS_BIND|unix.MS_REC, unix.MS_MOVE, unix.MS_PRIVATE, unix.MS_SHARED, unix.MS_SLAVE, unix.MS_UNBINDABLE, unix.MS_REMOUNT, unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, unix.MS_NOSUID, unix.MS_REC|unix.MS_SHARED)
	clone := &Layout{Size: 88}
	for i, name := range []string{"flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size", "tls", "set_tid", "set_tid_size", "cgroup"} {
		f := Field{Name: name, Offset: 8 * i, Size: 8, Kind: Pad}
		switch name {
		case "flags":
			f.Kind = Flags
		case "pidfd", "set_tid":
			f.Kind = Buffer
		case "exit_signal", "set_tid_size":
			f.Kind = Index
		case "cgroup":
			f.Kind = FD
		}
		clone.Fields = append(clone.Fields, f)
	}
	attr := &Layout{Size: 32, Fields: []Field{{Name: "set", Size: 8, Kind: Flags}, {Name: "clear", Offset: 8, Size: 8, Kind: Flags}, {Name: "propagation", Offset: 16, Size: 8, Kind: Flags}, {Name: "userns", Offset: 24, Size: 8, Kind: FD}}}
	s := &Space{Name: "linux", Version: 1, Errno: linuxErrno, Ops: []Op{
		{Name: "unshare", Number: unix.SYS_UNSHARE, Args: []Arg{flags(cloneNew...)}},
		{Name: "clone3", Number: unix.SYS_CLONE3, Args: []Arg{{Kind: Struct, Struct: clone, Values: cloneNew}, {Kind: Count, Values: []uint64{64, 80, 88, 96, 4096}}}, Gives: PID},
		{Name: "setns", Number: unix.SYS_SETNS, Args: []Arg{fd, flags(append([]uint64{0}, cloneNew...)...)}},
		{Name: "openat", Number: unix.SYS_OPENAT, Args: []Arg{{Kind: Const, Const: ^uint64(99)}, namespaces, flags(unix.O_RDONLY, unix.O_PATH, unix.O_PATH|unix.O_DIRECTORY, unix.O_RDONLY|unix.O_CLOEXEC), null}, Gives: FD},
		{Name: "close", Number: unix.SYS_CLOSE, Args: []Arg{fd}, Own: true},
		{Name: "dup", Number: unix.SYS_DUP, Args: []Arg{fd}, Gives: FD},
		{Name: "mount", Number: unix.SYS_MOUNT, Args: []Arg{path, path, types, mounts, data}},
		{Name: "umount2", Number: unix.SYS_UMOUNT2, Args: []Arg{path, flags(unix.MNT_DETACH, unix.MNT_FORCE, unix.MNT_EXPIRE, unix.UMOUNT_NOFOLLOW)}},
		{Name: "pivot_root", Number: unix.SYS_PIVOT_ROOT, Args: []Arg{path, path}},
		{Name: "chroot", Number: unix.SYS_CHROOT, Args: []Arg{path}},
		{Name: "chdir", Number: unix.SYS_CHDIR, Args: []Arg{path}},
		{Name: "mkdir", Number: unix.SYS_MKDIR, Args: []Arg{path, {Kind: Const, Const: 0o755}}},
		{Name: "open_tree", Number: unix.SYS_OPEN_TREE, Args: []Arg{{Kind: Const, Const: ^uint64(99)}, path, flags(unix.OPEN_TREE_CLONE, unix.OPEN_TREE_CLONE|unix.AT_RECURSIVE, unix.OPEN_TREE_CLOEXEC, unix.AT_EMPTY_PATH)}, Gives: FD},
		{Name: "move_mount", Number: unix.SYS_MOVE_MOUNT, Args: []Arg{fd, path, {Kind: Const, Const: ^uint64(99)}, path, flags(unix.MOVE_MOUNT_F_EMPTY_PATH, unix.MOVE_MOUNT_T_EMPTY_PATH, unix.MOVE_MOUNT_SET_GROUP, 0x200)}},
		{Name: "fsopen", Number: unix.SYS_FSOPEN, Args: []Arg{types, flags(0, unix.FSOPEN_CLOEXEC)}, Gives: FD},
		{Name: "fsconfig", Number: unix.SYS_FSCONFIG, Args: []Arg{fd, {Kind: Index, Values: []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8}}, key, data, {Kind: Index}}},
		{Name: "fsmount", Number: unix.SYS_FSMOUNT, Args: []Arg{fd, flags(0, unix.FSMOUNT_CLOEXEC), flags(unix.MOUNT_ATTR_RDONLY, unix.MOUNT_ATTR_NOSUID, unix.MOUNT_ATTR_IDMAP)}, Gives: FD},
		{Name: "fspick", Number: unix.SYS_FSPICK, Args: []Arg{{Kind: Const, Const: ^uint64(99)}, path, flags(0, unix.FSPICK_CLOEXEC, unix.FSPICK_EMPTY_PATH)}, Gives: FD},
		{Name: "mount_setattr", Number: unix.SYS_MOUNT_SETATTR, Args: []Arg{fd, path, flags(0, unix.AT_RECURSIVE, unix.AT_EMPTY_PATH), {Kind: Struct, Struct: attr}, {Kind: Count, Values: []uint64{32}}}},
		{Name: "pidfd_open", Number: unix.SYS_PIDFD_OPEN, Args: []Arg{{Kind: PID}, flags(0, unix.PIDFD_NONBLOCK)}, Gives: FD},
		{Name: "pidfd_getfd", Number: unix.SYS_PIDFD_GETFD, Args: []Arg{fd, fd, null}, Gives: FD},
		{Name: "pidfd_send_signal", Number: unix.SYS_PIDFD_SEND_SIGNAL, Args: []Arg{fd, null, null, flags(0, 1)}},
		{Name: "waitid", Number: unix.SYS_WAITID, Args: []Arg{{Kind: Index}, {Kind: FD}, {Kind: Buffer}, {Kind: Const, Const: unix.WNOHANG | unix.WEXITED}}},
		{Name: "socket", Number: unix.SYS_SOCKET, Args: []Arg{{Kind: Const, Const: unix.AF_NETLINK}, {Kind: Const, Const: unix.SOCK_RAW}, {Kind: Index}}, Gives: FD},
		{Name: "sendto", Number: unix.SYS_SENDTO, Args: []Arg{fd, {Kind: Struct, Struct: netlink()}, {Kind: Count, Values: []uint64{16, 32, 64}}, {Kind: Const, Const: unix.MSG_DONTWAIT}, null}},
		{Name: "ioctl-ns", Number: unix.SYS_IOCTL, Args: []Arg{fd, {Kind: Index, Values: []uint64{unix.NS_GET_USERNS, unix.NS_GET_PARENT, 0xb703, 0xb704, 0x8008b705, 0x8004b706, 0x8004b707, 0x8004b708}}, {Kind: Buffer}}, Gives: FD},
		{Name: "sethostname", Number: unix.SYS_SETHOSTNAME, Args: []Arg{data, {Kind: Count, Values: []uint64{64, 65}}}},
		{Name: "setdomainname", Number: unix.SYS_SETDOMAINNAME, Args: []Arg{data, {Kind: Count, Values: []uint64{64, 65}}}},
	}}
	for i := range s.Ops {
		s.Ops[i].Values = true
		if s.Ops[i].Grade == 0 {
			s.Ops[i].Grade = Allocates
		}
	}
	return s
})

// netlink is a message's head (linux/netlink.h) and a body of words.
func netlink() *Layout {
	l := &Layout{Size: 64, Fields: []Field{{Name: "len", Size: 4, Kind: Count}, {Name: "type", Offset: 4, Size: 2, Kind: Index}, {Name: "flags", Offset: 6, Size: 2, Kind: Flags}, {Name: "seq", Offset: 8, Size: 4}, {Name: "pid", Offset: 12, Size: 4}}}
	for i := 16; i < 64; i += 4 {
		l.Fields = append(l.Fields, Field{Name: "body", Offset: i, Size: 4, Kind: Index})
	}
	return l
}

// linuxErrorsTop is the highest error number that reaches user space, EHWPOISON (asm-generic/errno.h). Those
// from 512 on are the kernel's own (linux/errno.h) and must not.
const linuxErrorsTop = 133

func linuxErrno(result int64) (string, bool) {
	if result >= 0 {
		return "", true
	}
	return unix.ErrnoName(unix.Errno(-result)), result >= -linuxErrorsTop
}
