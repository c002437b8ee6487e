package kvm

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"xtest/internal/required"
	"xtest/runner/cache"
	"xtest/runner/depot"
	"xtest/runner/machine"
	"xtest/runner/qemu"
)

// supplies are those of a kernel's file; nothing is fetched.
func supplies(t *testing.T, o machine.Options) *machine.Supplies {
	t.Helper()
	c, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &machine.Supplies{Depot: &depot.Depot{Cache: c}, Options: o}
}

// kernel writes a file that passes for a bzImage of Linux 6.1.0, with a configuration beside it.
func kernel(t *testing.T, config string) string {
	t.Helper()
	b := make([]byte, 0x2000)
	le := binary.LittleEndian
	copy(b[0x202:], "HdrS")
	b[0x1fe], b[0x1ff] = 0x55, 0xaa
	le.PutUint16(b[0x206:], 0x20f) // boot protocol
	le.PutUint16(b[0x236:], 1)     // XLF_KERNEL_64
	b[0x1f1] = 4                   // sectors of the setup
	le.PutUint32(b[0x24c:], 16)    // bytes of the kernel inside
	dir := t.TempDir()
	path := filepath.Join(dir, "vmlinuz-6.1.0")
	for name, text := range map[string][]byte{path: b, filepath.Join(dir, "config-6.1.0"): []byte(config)} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

const rest = "CONFIG_64BIT=y\nCONFIG_BLK_DEV_INITRD=y\nCONFIG_BINFMT_ELF=y\nCONFIG_PRINTK=y\nCONFIG_TTY=y\nCONFIG_SERIAL_8250=y\n" +
	"CONFIG_SERIAL_8250_CONSOLE=y\nCONFIG_DEVTMPFS=y\nCONFIG_PROC_FS=y\nCONFIG_TMPFS=y\n"

// A kernel without KVM is told by its configuration, before anything is booted.
func TestKernelWithoutKVM(t *testing.T) {
	needQEMU(t)
	for config, want := range map[string]string{
		"":                                   "it lacks CONFIG_KVM: KVM is what is judged (Debian's linux-image-amd64 has it)",
		"CONFIG_KVM=y\nCONFIG_KVM_INTEL=y\n": "it lacks CONFIG_KVM_AMD: the emulated processor has AMD's SVM",
		"CONFIG_KVM=m\nCONFIG_KVM_AMD=m\n":   "its modules were not given (--modules DIR)",
	} {
		_, err := Backend{}.Prepare(t.Context(), kernel(t, rest+config), supplies(t, machine.Options{}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, expected %q", config, err, want)
		}
	}
}

// So is one whose modules are there, and KVM's are not among them.
func TestModulesWithoutKVM(t *testing.T) {
	needQEMU(t)
	dir := filepath.Join(t.TempDir(), "6.1.0")
	if err := os.MkdirAll(filepath.Join(dir, "kernel"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := kernel(t, rest+"CONFIG_KVM=m\nCONFIG_KVM_AMD=m\n")
	_, err := Backend{}.Prepare(t.Context(), path, supplies(t, machine.Options{Modules: dir}))
	if err == nil || !strings.Contains(err.Error(), "kvm_amd: the kernel has no such module") || !strings.Contains(err.Error(), "linux-image-amd64") {
		t.Errorf("%v", err)
	}
}

// Whatever the environment and the user say, no machine is accelerated: that would open this host's KVM.
func TestMachinesAreAlwaysEmulated(t *testing.T) {
	needQEMU(t)
	needStatic(t)
	for _, asked := range []string{qemu.KVM, qemu.Auto} {
		if err := (machine.Options{Accel: asked}).Check(Backend{}); err == nil {
			t.Errorf("--accel %s is taken", asked)
		}
		if _, err := emulated(supplies(t, machine.Options{Accel: asked})); err == nil || !strings.Contains(err.Error(), "these machines are emulated") {
			t.Errorf("--accel %s: %v", asked, err)
		}
		t.Setenv(qemu.AccelEnv, asked)
		if own, err := emulated(supplies(t, machine.Options{})); err != nil || own.Options.Accel != qemu.TCG {
			t.Errorf("%s=%s: %+v, %v", qemu.AccelEnv, asked, own, err)
		}
	}
	t.Setenv(qemu.AccelEnv, "")
	img, err := Backend{}.Prepare(t.Context(), kernel(t, rest+"CONFIG_KVM=y\nCONFIG_KVM_AMD=y\n"), supplies(t, machine.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	value := func(flag string) string {
		at := slices.Index(img.Plan.Command, flag)
		if at < 0 {
			t.Fatalf("no %s in %v", flag, img.Plan.Command)
		}
		return img.Plan.Command[at+1]
	}
	if value("-accel") != qemu.TCG || !strings.HasPrefix(value("-cpu"), "max") || img.Plan.Accel != qemu.TCG || img.Plan.Backend != "kvm" || img.Root != nil {
		t.Errorf("%+v", img.Plan)
	}
}

func needQEMU(t *testing.T) {
	t.Helper()
	if _, err := qemu.Find(); err != nil {
		required.Missing(t, err)
	}
}

// needStatic skips in a test program that cannot be a guest's init.
func needStatic(t *testing.T) {
	t.Helper()
	f, err := elf.Open(machine.Self)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Skip("the test program is dynamically linked; CGO_ENABLED=0 makes it static")
		}
	}
}
