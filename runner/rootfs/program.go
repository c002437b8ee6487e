package rootfs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// run runs a program of the file system at root, with root as its /.
func run(root string, args ...string) error { return start(program(root, args...)) }

func program(root string, args ...string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = &unix.SysProcAttr{Chroot: root}
	cmd.Dir = "/"
	cmd.Env = []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "TERM=dumb",
		"DEBIAN_FRONTEND=noninteractive", "DEBCONF_NONINTERACTIVE_SEEN=true", "DEBCONF_NOWARNINGS=yes",
	}
	return cmd
}

// said is how much of what a failed program said is quoted, in bytes from its end.
const said = 2000

func start(cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(out.String())
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args[:min(len(cmd.Args), 4)], " "), err, text[max(0, len(text)-said):])
	}
	return nil
}

// statusFD is the descriptor on which dpkg(1) tells what it does, --status-fd.
const statusFD = "3"

// dpkg runs the new root's dpkg, counting a step for each package that it unpacked or configured.
func dpkg(p *pace, args ...string) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := program(target, append([]string{
		"/usr/bin/dpkg", "--status-fd", statusFD,
		// The system is not complete yet; the last step is without force.
		"--force-depends", "--force-unsafe-io", "--force-confold",
	}, args...)...)
	cmd.ExtraFiles = []*os.File{w}
	read := make(chan error, 1)
	go func() {
		s := bufio.NewScanner(r)
		for s.Scan() {
			// status: PACKAGE: STATE
			if f := strings.Fields(s.Text()); len(f) == 3 && f[0] == "status:" && (f[2] == "unpacked" || f[2] == "installed") {
				p.step(f[2] + " " + strings.TrimSuffix(f[1], ":"))
			}
		}
		read <- s.Err()
	}()
	err = start(cmd)
	return errors.Join(err, w.Close(), <-read, r.Close())
}
