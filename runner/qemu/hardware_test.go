package qemu

import (
	"slices"
	"strings"
	"testing"

	"xtest/runner/machine"
)

func TestArguments(t *testing.T) {
	base := hardware{path: "qemu", typ: MicroVM, accel: TCG, memory: 256 << 20, cores: 1}
	for _, c := range []struct {
		name   string
		change func(h *hardware)
		with   []string
		never  []string
	}{
		{"microvm", func(*hardware) {},
			[]string{"-accel tcg -m 256M -smp 1", "-M microvm,isa-serial=on,rtc=on -serial stdio -device isa-serial,chardev=channel,iobase=0x2f8,irq=3", "-cpu max", "console=ttyS0", "no_timer_check"},
			[]string{"icount", "panic=0", "virtio", "monitor", "pvpanic", "-action"}},
		{"q35", func(h *hardware) { h.typ, h.cores = Q35, 2 },
			[]string{"-smp 2", "-M q35 -serial stdio -serial chardev:channel", "-device pvpanic -action panic=none"},
			[]string{"isa-serial", "tsc_early_khz"}},
		{"root", func(h *hardware) { h.root = "/a,b/root" },
			[]string{"snapshot=on,file.locking=off,file=/a,,b/root -device virtio-blk-device,drive=root"}, nil},
		{"root on q35", func(h *hardware) { h.typ, h.root = Q35, "/r" }, []string{"-device virtio-blk-pci,drive=root"}, nil},
		{"luggage", func(h *hardware) { h.root, h.luggage = "/r", "/proc/7/fd/3" },
			[]string{"drive=root -drive if=none,id=luggage,format=raw,file.locking=off,file=/proc/7/fd/3 -device virtio-blk-device,drive=luggage"}, nil},
		{"icount", func(h *hardware) { h.clock = Icount },
			[]string{"-icount shift=0,sleep=off,align=off -rtc base=2020-01-01,clock=vm", "-seed 1", "tsc_early_khz=1000000"}, nil},
		{"dump", func(h *hardware) { h.monitor, h.dump = true, true },
			[]string{"-chardev socket,id=monitor,fd=4 -mon chardev=monitor,mode=control", "-device vmcoreinfo -action shutdown=pause", "panic=0"}, nil},
		{"kvm", func(h *hardware) { h.accel = KVM }, []string{"-accel kvm", "-cpu host"}, []string{"tsc_early_khz", "no_timer_check"}},
	} {
		h := base
		c.change(&h)
		g := guest{hardware: h, kernel: "K", initrd: "I", params: []string{"last=1"}}
		line := strings.Join(g.args(machine.Boot{Token: "T"}), " ")
		for _, want := range append(c.with, "-nodefaults", "-no-reboot", "id=channel", "-kernel K -initrd I -append ", "xtest.token=T last=1") {
			if !strings.Contains(line, want) {
				t.Errorf("%s lacks %q: %s", c.name, want, line)
			}
		}
		for _, bad := range c.never {
			if strings.Contains(line, bad) {
				t.Errorf("%s has %q: %s", c.name, bad, line)
			}
		}
	}
}

// TestRepeats: a host's command lines are alike, or addresses would be laid out anew each time.
func TestRepeats(t *testing.T) {
	h := hardware{typ: MicroVM, accel: TCG}
	if a, b := h.params(), h.params(); !slices.Equal(a, b) {
		t.Errorf("%q and %q", a, b)
	}
	if mhz := hostMHz(); mhz != 0 && (mhz < 100 || mhz > 20_000) {
		t.Errorf("a counter of %d MHz", mhz)
	}
}

func TestChoicesThatExcludeEachOther(t *testing.T) {
	for _, c := range []struct {
		h    hardware
		want string
	}{
		{hardware{clock: Icount, accel: TCG, cores: 1}, ""},
		{hardware{clock: Icount, accel: TCG, cores: 2}, "one processor, not 2"},
		{hardware{clock: Icount, accel: KVM, cores: 1}, "does not go with --accel kvm"},
	} {
		if err := c.h.check(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.h, err, c.want)
		}
	}
}
