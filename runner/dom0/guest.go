package dom0

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"xtest/internal/xen"
	"xtest/internal/xenstore"
	"xtest/runner/initrd"
	"xtest/runner/wire"
)

// guestMemory is what a guest gets, in MiB.
const guestMemory = 256

// guestInitrd is a guest's initial RAM file system, made of dom0's own.
const guestInitrd = "/guest/initrd"

// guest is a domain that the toolstack made.
type guest struct {
	*host
	name    string
	id      xen.DomID
	console *exec.Cmd
	in      io.Closer // its console ends when this does
	out     io.ReadCloser
	took    time.Duration // to create
	partner *partner      // nil: there is none
}

// create has the toolstack make a guest with its order, and starts it once somebody listens to its
// console.
func (h *host) create(order wire.Order) (*guest, error) {
	if err := writeInitrd(guestInitrd, order); err != nil {
		return nil, fmt.Errorf("making the guest's initial RAM file system: %w", err)
	}
	defer os.Remove(guestInitrd) // the domain has it
	defer os.Remove(firmwareFile)
	h.guests++
	g := &guest{host: h, name: fmt.Sprintf("caller-%d", h.guests)}
	// Domains are numbered in order, and nobody else creates any.
	var err error
	if g.partner, err = newPartner(xen.DomID(h.guests)); err != nil {
		fmt.Fprintf(h.console, "xtest: the guest will have no partner: %v\n", err)
	}
	file := "/etc/xen/" + g.name
	if err := g.prepare(file, order.Token); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing a %s guest: %w", h.kind, err), g.part())
	}
	fmt.Fprintf(h.console, "xtest: creating the %s guest %s\n", h.kind, g.name)
	start := time.Now()
	// Nobody but us is to handle its end.
	if err := h.run("xl", "create", "-p", "-e", "-q", file); err != nil {
		err = errors.Join(fmt.Errorf("creating a %s guest: %w", h.kind, err), g.part())
		g.destroy() // what there is of it; mostly nothing
		return nil, err
	}
	g.took = time.Since(start)
	err = g.find()
	if err == nil {
		err = g.attach()
	}
	if err == nil {
		err = h.run("xl", "unpause", g.name)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting a %s guest: %w", h.kind, err), g.destroy())
	}
	fmt.Fprintf(h.console, "xtest: guest %s is domain %d\n", g.name, g.id)
	return g, nil
}

// prepare writes what the toolstack is to make the guest of.
func (g *guest) prepare(file, token string) error {
	line := g.commandLine(token)
	if g.kind == HVM {
		if err := errors.Join(writeFirmware(firmwareFile, guestInitrd, hvmParams+line), modelDevices()); err != nil {
			return err
		}
	}
	return os.WriteFile(file, []byte(g.config(line)), 0o600)
}

// config is xl.cfg(5). An HVM guest's kernel and its command line are in the firmware.
func (g *guest) config(line string) string {
	text := fmt.Sprintf("name = %q\ntype = %q\nmemory = %d\nvcpus = 1\n", g.name, g.kind, guestMemory)
	if g.kind == HVM {
		return text + hvmConfig()
	}
	return text + fmt.Sprintf("kernel = \"/%s\"\nramdisk = %q\ncmdline = %q\n", Kernel, guestInitrd, line)
}

// commandLine is the guest's kernel's. It prints nothing to its console but its last words, since its agent's
// events come the same way. Newer kernels let an unprivileged domain's privcmd call nobody unless told to.
func (g *guest) commandLine(token string) string {
	params := ""
	if g.partner != nil {
		params = fmt.Sprintf("%s=%d,%d ", xen.PartnerParam, g.partner.port, g.partner.ref)
	}
	return params + "console=hvc0 loglevel=1 panic=-1 rdinit=/init xen_privcmd.unrestricted=1 xtest." + PowerParam + "=xen xtest.channel=/dev/hvc0 xtest.token=" + token
}

// writeInitrd packs this program, dom0's modules, since the guests run the same kernel, and the order.
func writeInitrd(file string, order wire.Order) (err error) {
	text, err := json.Marshal(order)
	if err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := initrd.NewWriter(f)
	for _, dir := range []string{"dev", "lib", "lib/modules"} {
		w.Dir(dir)
	}
	w.CharDevice("dev/console", 5, 1)
	files, err := filepath.Glob("/lib/modules/*")
	if err != nil {
		return err
	}
	for _, m := range files {
		w.Copy(m[1:], 0o644, m)
	}
	w.Copy("init", 0o755, "/init")
	w.File(strings.TrimPrefix(wire.OrderPath, "/"), 0o600, int64(len(text)), bytes.NewReader(text))
	return w.Close()
}

// find learns the domain's number.
func (g *guest) find() error {
	out, err := exec.Command(filepath.Join(g.bin, "xl"), "domid", g.name).Output()
	if err != nil {
		return fmt.Errorf("xl domid: %w", err)
	}
	id, err := strconv.ParseUint(string(out[:max(len(out)-1, 0)]), 10, 15)
	if g.id = xen.DomID(id); err == nil && g.partner != nil && g.id != g.partner.to {
		return fmt.Errorf("it is domain %d, where domain %d was expected", g.id, g.partner.to)
	}
	return err
}

// attach connects to the guest's console.
func (g *guest) attach() (err error) {
	if err := g.terminal(); err != nil {
		return err
	}
	g.console = exec.Command(filepath.Join(g.bin, "xenconsole"), "--type", "pv", strconv.Itoa(int(g.id)))
	g.console.Stderr = g.host.console
	if g.in, err = g.console.StdinPipe(); err != nil {
		return err
	}
	if g.out, err = g.console.StdoutPipe(); err != nil {
		return err
	}
	return g.console.Start()
}

// terminal waits until the guest's console has one. xenconsole by itself gives up after 5 seconds (tools/console/client/main.c),
// which pass on a busy host, and nothing that the guest says would be heard.
func (g *guest) terminal() error {
	store, err := xenstore.Dial()
	if err != nil {
		return err
	}
	path := xenstore.Strings(fmt.Sprintf("/local/domain/%d/console/tty", g.id))
	err = until("the console of "+g.name, func() error {
		m, err := store.Ask(xenstore.Read, 0, path)
		if err = errors.Join(err, m.Err()); err == nil && len(m.Payload) == 0 {
			err = errors.New("it has no terminal")
		}
		return err
	})
	return errors.Join(err, store.Close())
}

// ended says whether the guest is down, and by which reason (public/sched.h SHUTDOWN_*). A domain that
// is gone was destroyed.
func (g *guest) ended() (reason int, down bool, err error) {
	d, err := g.info()
	if err != nil || d.Flags&xen.DomainShutdown == 0 {
		return 0, false, err
	}
	return int(d.Flags >> xen.DomainShutdownReason & 0xff), true, nil
}

// info is what Xen knows of the domain.
func (g *guest) info() (xen.DomainInfo, error) {
	g.arena.Reset()
	d := xen.NewDomctl[xen.DomainInfo](g.arena, xen.DomctlGetDomainInfo, g.version, g.id)
	ret, err := g.call.Hypercall(xen.DomctlOp, xen.Addr(d))
	if err = errors.Join(err, xen.Err(ret)); err != nil {
		return xen.DomainInfo{}, fmt.Errorf("asking Xen for the state of domain %d: %w", g.id, err)
	}
	return d.U, nil
}

// destroy takes the guest down and closes its console.
func (g *guest) destroy() error {
	g.modelSaid()
	err := errors.Join(g.run("xl", "destroy", g.name), g.part())
	if g.console != nil && g.console.Process != nil {
		g.console.Process.Kill()
		g.console.Wait()
	}
	return err
}

// part ends what dom0 shares with the guest.
func (g *guest) part() error {
	p := g.partner
	if g.partner = nil; p == nil {
		return nil
	}
	return p.close()
}
