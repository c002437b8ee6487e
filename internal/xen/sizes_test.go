package xen

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"xtest/internal/required"
)

// TestSizesAreTheHeaders has a C compiler tell the sizes of the structures that the fuzzer gives Xen.
func TestSizesAreTheHeaders(t *testing.T) {
	cc := required.Tool(t, "cc", "gcc libc6-dev")
	if _, err := os.Stat("/usr/include/xen/memory.h"); err != nil {
		required.Missing(t, "libxen-dev: ", err)
	}
	want := map[string]uintptr{
		"struct xen_memory_reservation":       unsafe.Sizeof(MemoryReservation{}),
		"struct xen_memory_exchange":          unsafe.Sizeof(MemoryExchange{}),
		"struct xen_memory_domain":            unsafe.Sizeof(MemoryDomain{}),
		"struct xen_add_to_physmap":           unsafe.Sizeof(AddToPhysmap{}),
		"struct xen_add_to_physmap_batch":     unsafe.Sizeof(AddToPhysmapBatch{}),
		"struct xen_remove_from_physmap":      unsafe.Sizeof(RemoveFromPhysmap{}),
		"struct xen_mem_access_op":            unsafe.Sizeof(MemoryAccess{}),
		"struct physdev_irq":                  unsafe.Sizeof(PhysdevIRQ{}),
		"struct physdev_apic":                 unsafe.Sizeof(PhysdevAPIC{}),
		"struct physdev_map_pirq":             unsafe.Sizeof(PhysdevMapPIRQ{}),
		"struct physdev_unmap_pirq":           unsafe.Sizeof(PhysdevUnmapPIRQ{}),
		"struct physdev_get_free_pirq":        unsafe.Sizeof(PhysdevFreePIRQ{}),
		"struct physdev_setup_gsi":            unsafe.Sizeof(PhysdevGSI{}),
		"struct physdev_pci_mmcfg_reserved":   unsafe.Sizeof(PhysdevMMCFG{}),
		"struct physdev_pci_device":           unsafe.Sizeof(PhysdevPCI{}),
		"struct vcpu_set_singleshot_timer":    unsafe.Sizeof(VCPUTimer{}),
		"struct vcpu_register_vcpu_info":      unsafe.Sizeof(VCPUInfoArea{}),
		"struct sched_remote_shutdown":        unsafe.Sizeof(RemoteShutdown{}),
		"struct sched_pin_override":           unsafe.Sizeof(PinOverride{}),
		"struct xen_hvm_get_mem_type":         unsafe.Sizeof(HVMMemType{}),
		"struct xen_hvm_evtchn_upcall_vector": unsafe.Sizeof(HVMUpcallVector{}),
		"struct evtchn_reset":                 unsafe.Sizeof(EvtchnReset{}),
		"struct evtchn_init_control":          unsafe.Sizeof(EvtchnInitControl{}),
		"struct evtchn_expand_array":          unsafe.Sizeof(EvtchnExpand{}),
		"struct evtchn_set_priority":          unsafe.Sizeof(EvtchnPriority{}),
		"struct gnttab_setup_table":           unsafe.Sizeof(GrantSetup{}),
		"struct gnttab_dump_table":            unsafe.Sizeof(GrantDump{}),
		"struct gnttab_transfer":              unsafe.Sizeof(GrantTransfer{}),
		"struct gnttab_unmap_and_replace":     unsafe.Sizeof(GrantReplace{}),
		"struct gnttab_set_version":           unsafe.Sizeof(GrantSetVersion{}),
		"struct gnttab_cache_flush":           unsafe.Sizeof(GrantCacheFlush{}),
	}
	var source strings.Builder
	source.WriteString("#define __XEN_TOOLS__ 1\n#include <stdint.h>\n#include <stdio.h>\n")
	for _, h := range []string{"xen", "memory", "physdev", "vcpu", "sched", "event_channel", "grant_table", "hvm/hvm_op"} {
		fmt.Fprintf(&source, "#include <xen/%s.h>\n", h)
	}
	source.WriteString("int main(void)\n{\n")
	for name := range want {
		fmt.Fprintf(&source, "\tprintf(\"%%zu %s\\n\", sizeof(%s));\n", name, name)
	}
	source.WriteString("}\n")
	program := filepath.Join(t.TempDir(), "sizes")
	c := exec.Command(cc, "-x", "c", "-o", program, "-")
	c.Stdin = strings.NewReader(source.String())
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(program).Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		var size uintptr
		if _, err := fmt.Sscan(line, &size); err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if seen++; want[name] != size {
			t.Errorf("%s has %d bytes, here %d", name, size, want[name])
		}
	}
	if seen != len(want) {
		t.Errorf("%d of %d sizes", seen, len(want))
	}
}
