package namespaces

import (
	"context"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
)

// nobody is the user and group ID that checks of missing rights run under.
const nobody = 65534

// needed are the capabilities that the scripts use in namespaces of their own.
const needed = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW | 1<<unix.CAP_SYS_CHROOT | 1<<unix.CAP_SYS_TIME

// direct says whether this process may create namespaces and use them without a user namespace
// first. It is found by trying: root may lack a capability, and another user may have it.
var direct = sync.OnceValue(func() bool {
	s := newScript()
	sets := s.Buffer(ns.CapabilitySets)
	s.must("capget(hdr, sets)", unix.SYS_CAPGET, s.bytes(ns.CapabilityHeader()), sets)
	s.must("unshare(CLONE_NEWUTS)", unix.SYS_UNSHARE, unix.CLONE_NEWUTS)
	return s.try(context.Background()) == nil && ns.Effective(sets.Bytes)&needed == needed
})

// own moves the script's process into new namespaces, so that what it does next stays in them. Where
// the right is missing a user namespace gives it. Mounts are made private.
func (s *script) own(flags uintptr) {
	s.log.owned = true
	if flags&unix.CLONE_NEWUSER != 0 || !direct() {
		s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
		s.mapRoot(os.Geteuid(), os.Getegid())
	}
	s.unshare(flags &^ unix.CLONE_NEWUSER)
}

// unshare adds a set-up unshare(2) and makes the mounts of a new mount namespace private.
func (s *script) unshare(flags uintptr) {
	if flags == 0 {
		return
	}
	s.must(fmt.Sprintf("unshare(%s)", flagNames(flags)), unix.SYS_UNSHARE, flags)
	if flags&unix.CLONE_NEWNS != 0 {
		s.mount("none", "/", "none", unix.MS_REC|unix.MS_PRIVATE, "")
	}
}

// mapRoot maps uid and gid of the outer user namespace to 0 in the process's own, as an ordinary
// user may.
func (s *script) mapRoot(uid, gid int) {
	s.write("/proc/self/setgroups", "deny")
	s.write("/proc/self/uid_map", fmt.Sprintf("0 %d 1", uid))
	s.write("/proc/self/gid_map", fmt.Sprintf("0 %d 1", gid))
}

// ids is what an ordinary user's process runs under.
func ids() (uid, gid int) {
	if os.Geteuid() == 0 {
		return nobody, nobody
	}
	return os.Geteuid(), os.Getegid()
}

// drop takes all privileges from the script's process: root inside a user namespace would otherwise
// still be the machine's root for checks by user ID.
func (s *script) drop() {
	if os.Geteuid() == 0 {
		s.call("setgroups(0, NULL)", unix.SYS_SETGROUPS, 0, 0) // groups give no capability: where it is refused they may stay
		s.must("setresgid(65534, 65534, 65534)", unix.SYS_SETRESGID, nobody, nobody, nobody)
		s.must("setresuid(65534, 65534, 65534)", unix.SYS_SETRESUID, nobody, nobody, nobody)
	}
	s.must("capset(hdr, {0})", unix.SYS_CAPSET, s.bytes(ns.CapabilityHeader()), s.Buffer(ns.CapabilitySets))
	// The change of user hides /proc/self from the process; uid_map must be writable again.
	s.must("prctl(PR_SET_DUMPABLE, 1)", unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
	s.must("prctl(PR_SET_PDEATHSIG, SIGKILL)", unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, int(unix.SIGKILL), 0, 0, 0)
}

// ordinary makes the script's process root of a new user namespace whose creator has no right
// elsewhere.
func (s *script) ordinary() {
	s.drop()
	s.must("unshare(CLONE_NEWUSER)", unix.SYS_UNSHARE, unix.CLONE_NEWUSER)
	s.mapRoot(ids())
}

func flagNames(flags uintptr) string {
	if flags == 0 {
		return "0"
	}
	text := ""
	for _, k := range ns.Kinds {
		if flags&k.Flag != 0 {
			text += "|" + k.C
		}
	}
	if text == "" {
		return fmt.Sprintf("%#x", flags)
	}
	return text[1:]
}
