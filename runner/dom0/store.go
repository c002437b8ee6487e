package dom0

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// StoreParam is the kernel parameter that names the program that is Xenstore. A dom0 without guests starts
// nothing else of the toolstack.
const StoreParam = "store"

// The programs that can be Xenstore: one in C and one in OCaml.
const (
	CStore     = "xenstored"
	OCamlStore = "oxenstored"
)

// NeedStore says whether any of the specs speaks to Xenstore.
func NeedStore(specs []string) bool {
	return slices.ContainsFunc(specs, func(id string) bool { return strings.HasPrefix(id, "xenstore/") })
}

// Store starts the program as Xenstore in a dom0 that has no guests, and gives its process's number. It runs for as long
// as dom0 does. It is not waited for: other specs go on meanwhile, and the kernel keeps requests until the
// store has come up. It has its mounts for itself, so that the caller may change to another root.
func Store(program string, console io.Writer) (pid int, err error) {
	h := &host{console: console, apart: true}
	if err := h.prepare(); err != nil {
		return 0, err
	}
	if err := h.daemon(program, "--no-fork"); err != nil {
		return 0, fmt.Errorf("starting Xenstore: %w", err)
	}
	return h.daemons[0].Process.Pid, nil
}

// Reach makes the socket of a Xenstore that was started under another root reachable where programs look
// for it.
func Reach(pid int) error {
	const folder = "/run/xenstored"
	err := errors.Join(os.MkdirAll("/run", 0o755), os.Symlink(fmt.Sprintf("/proc/%d/root%s", pid, folder), folder))
	if err != nil {
		return fmt.Errorf("making Xenstore's socket reachable: %w", err)
	}
	return nil
}
