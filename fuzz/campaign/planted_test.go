package campaign

import (
	"bufio"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"xtest/fuzz/call"
	"xtest/fuzz/finding"
	"xtest/fuzz/planted"
	"xtest/fuzz/session"
	"xtest/internal/xen"
)

// when is a condition on an argument of a hypercall's function.
func when(argument planted.Register, is uint64) planted.Condition {
	return planted.Condition{Argument: argument, Is: uint32(is)}
}

// faults are planted into a stock Xen, and what must come of each.
var faults = map[string]struct {
	fault     planted.Fault
	class     string
	signature string
	call      string
	program   string // the least that shows it
}{
	// One of 2^32 processors of one operation.
	"trap": {
		planted.Fault{Function: "do_vcpu_op", When: []planted.Condition{when(planted.First, xen.VCPUGetPhysID), when(planted.Second, 63)}, Then: planted.Trap},
		finding.Hypervisor, "FATAL TRAP: ", "vcpu_op/get_physid", "vcpu_op/get_physid(0xc, 0x3f, 0, 0, 0)\n",
	},
	"trap-of-count": {
		planted.Fault{Function: "do_grant_table_op", When: []planted.Condition{when(planted.First, xen.GrantGetStatusFrames), when(planted.Third, 3)}, Then: planted.Trap},
		finding.Hypervisor, "FATAL TRAP: ", "grant_table_op/get_status_frames", "grant_table_op/get_status_frames(9, 0, 3, 0, 0)\n",
	},
	"loop": {
		planted.Fault{Function: "do_grant_table_op", When: []planted.Condition{when(planted.First, xen.GrantQuerySizeOp), when(planted.Third, 17)}, Then: planted.Loop},
		finding.Hypervisor, "hang in grant_table_op/query_size", "grant_table_op/query_size", "grant_table_op/query_size(6, 0, 0x11, 0, 0)\n",
	},
	"loop-of-processor": {
		planted.Fault{Function: "do_vcpu_op", When: []planted.Condition{when(planted.First, xen.VCPUIsUp), when(planted.Second, 8192)}, Then: planted.Loop},
		finding.Hypervisor, "hang in vcpu_op/is_up", "vcpu_op/is_up", "vcpu_op/is_up(3, 0x2000, 0, 0, 0)\n",
	},
	"wrong-error": {
		planted.Fault{Function: "do_physdev_op", When: []planted.Condition{when(planted.First, xen.PhysdevIRQStatusQuery)}, Then: planted.Answer(-2000)},
		finding.Contract, "contract: physdev_op/irq_status_query answers -2000", "physdev_op/irq_status_query", "physdev_op/irq_status_query(5, 0, 0, 0, 0)\n",
	},
	"wrong-value": {
		planted.Fault{Function: "do_event_channel_op", When: []planted.Condition{when(planted.First, xen.EventStatus)}, Then: planted.Answer(77)},
		finding.Contract, "contract: event_channel_op/status answers a value", "event_channel_op/status", "event_channel_op/status(5, 0, 0, 0, 0)\n",
	},
	"wrong-value-of-count": {
		planted.Fault{Function: "do_vcpu_op", When: []planted.Condition{when(planted.First, xen.VCPUGetPhysID), when(planted.Second, 63)}, Then: planted.Answer(1)},
		finding.Contract, "contract: vcpu_op/get_physid answers a value", "vcpu_op/get_physid", "vcpu_op/get_physid(0xc, 0x3f, 0, 0, 0)\n",
	},
}

// keptCore judges the memory of a Xen that died: a core with the processor's registers and the dead Xen's banner.
func keptCore(t *testing.T, file string) {
	t.Helper()
	core, err := elf.Open(file)
	if err != nil {
		t.Errorf("no memory: %v", err)
		return
	}
	defer core.Close()
	notes, memory, banner := uint64(0), uint64(0), false
	for _, p := range core.Progs {
		switch p.Type {
		case elf.PT_NOTE:
			notes += p.Filesz
		case elf.PT_LOAD:
			memory += p.Filesz
			for r := bufio.NewReader(p.Open()); !banner; {
				text, err := r.ReadSlice('\n')
				banner = bytes.Contains(text, []byte("Xen version "))
				if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
					break
				}
			}
		}
	}
	if core.Type != elf.ET_CORE || notes == 0 || memory < 1<<30 || !banner {
		t.Errorf("%v with %d bytes of notes and %d of memory, banner %v", core.Type, notes, memory, banner)
	}
	if st, err := os.Stat(file); err != nil || uint64(st.Sys().(*syscall.Stat_t).Blocks*512) > memory*3/4 {
		t.Errorf("what is empty takes room: %v", err)
	}
}

// partings are faults that make one of two Xens answer otherwise, and how those answers begin.
var partings = map[string]struct {
	fault planted.Fault
	call  string
	there string
	least string // the fewest arguments that show it
}{
	"error-for-another": {
		planted.Fault{Function: "do_memory_op", When: []planted.Condition{when(planted.First, xen.MemoryReservedDeviceMap)}, Then: planted.Answer(-61)},
		"memory_op/reserved_device_memory_map", "ENODATA there", "memory_op/reserved_device_memory_map(0x1b, ",
	},
	"success-for-error": {
		planted.Fault{Function: "do_vcpu_op", When: []planted.Condition{when(planted.First, xen.VCPUGetPhysID), when(planted.Second, 63)}, Then: planted.Answer(0)},
		"vcpu_op/get_physid", "0 there", "vcpu_op/get_physid(0xc, 0x3f, 0, 0, 0)\n",
	},
	"error-for-value": {
		planted.Fault{Function: "do_grant_table_op", When: []planted.Condition{when(planted.First, xen.GrantQuerySizeOp), when(planted.Third, 1)}, Then: planted.Answer(-38)},
		"grant_table_op/query_size", "ENOSYS there", "grant_table_op/query_size(6, ",
	},
}

// plant gives a target whose Xen has the faults.
func plant(t *testing.T, list ...planted.Fault) *session.Target {
	t.Helper()
	stock := xenTarget(t, "debian-12")
	file := ""
	for i, a := range stock.Image.Plan.Command {
		if a == "-kernel" {
			file = stock.Image.Plan.Command[i+1]
		}
	}
	image, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if image, err = planted.Plant(image, list...); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "xen")
	if err := os.WriteFile(file, image, 0o600); err != nil {
		t.Fatal(err)
	}
	return xenTarget(t, file)
}

// TestFindsPlanted: faults in a stock Xen are found among all its calls, named, and made one call. In short
// one of them; with -soak each, beside each other and alone.
func TestFindsPlanted(t *testing.T) {
	if testing.Short() {
		t.Skip("boots machines")
	}
	names := []string{"trap"}
	if *soak {
		names = nil
		for n := range faults {
			names = append(names, n)
		}
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			want := faults[name]
			target := plant(t, want.fault)
			ops, err := target.Space.Choose(call.Allocates, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			c := New(Config{
				Target: target, Ops: ops, Seed: 11, For: 10 * time.Minute, Jobs: 1, Dir: t.TempDir(), Mode: Both, Guided: target.Plugin != "",
				Replays: 1, Boots: 12, Silence: 6 * time.Second, Say: t.Logf, Dump: true,
				Found: func(*finding.Finding) { stop() }, // one is enough
			})
			begin := time.Now()
			if err := c.Run(ctx); err != nil {
				t.Fatal(err)
			}
			list := c.All()
			if len(list) == 0 {
				t.Fatalf("nothing was found in %d calls", c.Calls.Load())
			}
			f := list[0]
			t.Logf("found after %v of fuzzing, %d calls; explained after %v; %d machines", f.After.Round(time.Second/10), c.Calls.Load(), time.Since(begin).Round(time.Second/10), c.Machines.Load())
			if f.Class != want.class || !strings.HasPrefix(f.Signature, want.signature) || f.Call != want.call || f.Again != 1 {
				t.Errorf("%+v", f)
			}
			if want.class == finding.Hypervisor {
				keptCore(t, filepath.Join(f.Dir, f.Memory))
			}
			if len(f.Programs) != 1 || f.Programs[0].String() != want.program {
				t.Errorf("%d programs, the first\n%sand not\n%s", len(f.Programs), f.Programs[0], want.program)
			}
		})
	}
}

// TestComparesPlanted: of two Xens that differ in a few answers those are reported, each by the call alone, and no
// other.
func TestComparesPlanted(t *testing.T) {
	if !*soak {
		t.Skip("boots eight machines; -soak does")
	}
	var list []planted.Fault
	for _, p := range partings {
		list = append(list, p.fault)
	}
	other := plant(t, list...)
	stock := xenTarget(t, "debian-12")
	stock.Plugin, other.Plugin = "", ""
	ops, err := stock.Space.Choose(call.Allocates, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	c := New(Config{Target: stock, Ops: ops, Seed: 3, Most: 20_000, Dir: t.TempDir(), Say: t.Logf})
	found, err := c.Compare(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d differences after %v", len(found), time.Since(begin).Round(time.Second/10))
	seen := map[string]bool{}
	for _, f := range found {
		t.Logf("%s, met %d times: %s", f.Signature, f.Seen, f.Programs[0])
		known := false
		for name, p := range partings {
			if f.Call == p.call && strings.HasSuffix(f.Signature, p.there) && f.Calls() == 1 && strings.HasPrefix(f.Programs[0].String(), p.least) {
				seen[name], known = true, true
			}
		}
		if !known {
			t.Errorf("nobody planted it: %s: %s", f.Signature, f.Programs[0])
		}
	}
	for name := range partings {
		if !seen[name] {
			t.Errorf("%s was not found", name)
		}
	}
}
