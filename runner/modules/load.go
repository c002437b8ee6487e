package modules

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Load loads the named modules and those they need into the running kernel. What fails does not keep
// the others from being loaded; the error joins all failures.
func (t *Tree) Load(names ...string) error {
	order, err := t.Order(names...)
	errs := []error{err}
	for _, file := range order {
		if err := t.load(file); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (t *Tree) load(file string) error {
	code, err := t.Read(file)
	if err != nil {
		return err
	}
	if len(code) == 0 {
		return fmt.Errorf("module %s is empty", file)
	}
	line, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return fmt.Errorf("reading the parameters of module %s: %w", file, err)
	}
	params, err := unix.BytePtrFromString(parameters(file, string(line)))
	if err != nil {
		return fmt.Errorf("reading the parameters of module %s: %w", file, err)
	}
	_, _, errno := unix.Syscall(unix.SYS_INIT_MODULE,
		uintptr(unsafe.Pointer(&code[0])), uintptr(len(code)), uintptr(unsafe.Pointer(params)))
	if errno != 0 && errno != unix.EEXIST {
		return fmt.Errorf("loading module %s: init_module: %w", file, errno)
	}
	return nil
}

// parameters are the module's in the kernel's command line, MODULE.NAME=VALUE, as modprobe(8) takes them.
func parameters(file, line string) string {
	var own []string
	for _, word := range strings.Fields(line) {
		if module, rest, ok := strings.Cut(word, "."); ok && nameOf(module) == nameOf(file) {
			own = append(own, rest)
		}
	}
	return strings.Join(own, " ")
}
