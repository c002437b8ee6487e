package dom0

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/runner/modules"
)

// host is dom0 with its toolstack.
type host struct {
	kind    string
	keeper  string // the program that is Xenstore
	console io.Writer
	bin     string // the folder of the toolstack's programs
	apart   bool   // daemons have mounts of their own
	daemons []*exec.Cmd
	call    *xen.Privcmd
	arena   *xen.Arena
	version uint32 // of domctl
	guests  int    // created so far
}

// drivers are the modules through which the toolstack reaches Xen.
var drivers = []string{"xen-privcmd", "xen-evtchn", "xen-gntdev", "xen-gntalloc", "xenfs"}

// Drivers are the kernel modules that dom0 needs in its initial RAM file system.
func Drivers() []string { return drivers }

// start brings the toolstack up.
func start(kind, keeper string, console io.Writer) (*host, error) {
	h := &host{kind: kind, keeper: keeper, console: console}
	if err := h.prepare(); err != nil {
		return nil, err
	}
	if err := h.able(); err != nil {
		return nil, err
	}
	fmt.Fprintln(console, "xtest: starting the toolstack")
	for _, step := range []func() error{h.store, h.initialise, h.consoles} {
		if err := step(); err != nil {
			h.stop()
			return nil, fmt.Errorf("starting the toolstack: %w", err)
		}
	}
	return h, nil
}

// prepare gives the programs the folders and devices that they rely on.
func (h *host) prepare() error {
	found, err := filepath.Glob("/usr/lib/xen-*/bin")
	if err != nil || len(found) != 1 {
		return fmt.Errorf("one toolstack below /usr/lib is needed, found %d", len(found))
	}
	h.bin = found[0]
	tree, err := modules.Open(os.DirFS("/lib/modules"))
	if err != nil {
		return err
	}
	if err := tree.Load(drivers...); err != nil {
		return err
	}
	for _, dir := range []string{"/run/xenstored", "/run/xen", "/run/lock", "/var/lib/xen", "/var/lib/xenstored", "/var/log/xen", "/etc/xen", "/tmp", "/proc/xen"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return errors.Join(
		// dom0's memory was fixed when Xen was started.
		os.WriteFile("/etc/xen/xl.conf", []byte("autoballoon=\"off\"\n"), 0o644),
		os.Symlink("/run", "/var/run"), os.Symlink("/run/lock", "/var/lock"),
		mount("xenfs", "/proc/xen"), mount("sysfs", "/sys"), mount("devpts", "/dev/pts"),
	)
}

func mount(kind, target string) error {
	if err := errors.Join(os.MkdirAll(target, 0o755), unix.Mount(kind, target, kind, 0, "")); err != nil {
		return fmt.Errorf("mounting %s on %s: %w", kind, target, err)
	}
	return nil
}

// able asks Xen whether it can run guests of the kind at all: a processor without virtualisation has
// PV guests alone.
func (h *host) able() (err error) {
	if h.call, err = xen.OpenPrivcmd(); err != nil {
		return err
	}
	if h.arena, err = xen.NewArena(1); err != nil {
		return err
	}
	if h.version, err = xen.DomctlVersion(h.call, h.arena); err != nil {
		return err
	}
	v, err := xen.SysctlVersion(h.call, h.arena)
	if err != nil {
		return err
	}
	h.arena.Reset()
	p := xen.NewSysctl[xen.PhysInfo](h.arena, xen.SysctlPhysInfo, v)
	ret, err := h.call.Hypercall(xen.SysctlOp, xen.Addr(p))
	if err = errors.Join(err, xen.Err(ret)); err != nil {
		return fmt.Errorf("asking Xen what guests it can run: %w", err)
	}
	return capable(h.kind, p.U.Capabilities)
}

// capable says what keeps a processor with the capabilities (XEN_SYSCTL_PHYSCAP_*) from running guests of
// the kind.
func capable(kind string, capabilities uint32) error {
	if kind != PV && capabilities&xen.PhysCapHVM == 0 {
		return fmt.Errorf("the processor model cannot run %s guests: Xen found neither SVM nor VMX", strings.ToUpper(kind))
	}
	return nil
}

// daemon starts a program that runs for as long as dom0 does. What it says goes to dom0's console.
func (h *host) daemon(name string, args ...string) error {
	c := exec.Command(filepath.Join(h.bin, name), args...)
	c.Stdout, c.Stderr = h.console, h.console
	if h.apart {
		c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	}
	if err := c.Start(); err != nil {
		return err
	}
	h.daemons = append(h.daemons, c)
	return nil
}

func (h *host) stop() {
	for _, c := range h.daemons {
		c.Process.Kill()
		c.Wait()
	}
}

// patience is how long a program of the toolstack may take.
const patience = 3 * time.Minute

// store starts Xenstore and waits until it takes connections.
func (h *host) store() error {
	if err := h.daemon(h.keeper, "--no-fork"); err != nil {
		return err
	}
	return until("Xenstore to take connections", func() error {
		c, err := net.Dial("unix", "/run/xenstored/socket")
		if err == nil {
			c.Close()
		}
		return err
	})
}

func (h *host) initialise() error { return h.run("xen-init-dom0") }

func (h *host) consoles() error { return h.daemon("xenconsoled", "--interactive") }

// until tries f until it succeeds or the patience ends.
func until(what string, f func() error) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-deadline.C:
			return fmt.Errorf("waiting for %s: %w", what, err)
		case <-tick.C:
		}
	}
}

// run runs a program of the toolstack to its end. The error has its words.
func (h *host) run(name string, args ...string) error {
	c := exec.Command(filepath.Join(h.bin, name), args...)
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	c.WaitDelay = time.Second // its children may hold on to its output
	if err := c.Start(); err != nil {
		return err
	}
	defer time.AfterFunc(patience, func() { c.Process.Kill() }).Stop()
	if err := c.Wait(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.Join(strings.Fields(said.String()), " "))
	}
	return nil
}
