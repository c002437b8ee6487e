package xen

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sizes are those that a C compiler gives the structures of Xen 4.17's public headers.
func TestLayouts(t *testing.T) {
	for _, l := range []struct {
		name      string
		got, want uintptr
	}{
		{"xen_compile_info", unsafe.Sizeof(CompileInfo{}), 144},
		{"xen_feature_info", unsafe.Sizeof(FeatureInfo{}), 8},
		{"xen_machphys_mfn_list", unsafe.Sizeof(MachphysList{}), 24},
		{"xen_machphys_mapping", unsafe.Sizeof(MachphysMapping{}), 24},
		{"xen_memory_map", unsafe.Sizeof(MemoryMap{}), 16},
		{"xen_pod_target", unsafe.Sizeof(PodTarget{}), 40},
		{"xen_reserved_device_memory_map", unsafe.Sizeof(ReservedMap{}), 24},
		{"xen_mem_acquire_resource", unsafe.Sizeof(AcquireResource{}), 32},
		{"xen_vnuma_topology_info", unsafe.Sizeof(VNUMAInfo{}), 40},
		{"evtchn_alloc_unbound", unsafe.Sizeof(EvtchnAllocUnbound{}), 8},
		{"evtchn_bind_interdomain", unsafe.Sizeof(EvtchnBindInterdomain{}), 12},
		{"evtchn_bind_virq", unsafe.Sizeof(EvtchnBindVIRQ{}), 12},
		{"evtchn_bind_pirq", unsafe.Sizeof(EvtchnBindPIRQ{}), 12},
		{"evtchn_bind_ipi", unsafe.Sizeof(EvtchnBindIPI{}), 8},
		{"evtchn_close", unsafe.Sizeof(EvtchnPort{}), 4},
		{"evtchn_status", unsafe.Sizeof(EvtchnStatus{}), 24},
		{"evtchn_bind_vcpu", unsafe.Sizeof(EvtchnBindVCPU{}), 8},
		{"gnttab_query_size", unsafe.Sizeof(GrantQuerySize{}), 16},
		{"gnttab_get_version", unsafe.Sizeof(GrantGetVersion{}), 8},
		{"gnttab_get_status_frames", unsafe.Sizeof(GrantStatusFrames{}), 16},
		{"gnttab_map_grant_ref", unsafe.Sizeof(GrantMap{}), 32},
		{"gnttab_unmap_grant_ref", unsafe.Sizeof(GrantUnmap{}), 24},
		{"gnttab_copy", unsafe.Sizeof(GrantCopy{}), 40},
		{"gnttab_swap_grant_ref", unsafe.Sizeof(GrantSwap{}), 12},
		{"sched_poll", unsafe.Sizeof(SchedPoll{}), 24},
		{"vcpu_runstate_info", unsafe.Sizeof(RunstateInfo{}), 48},
		{"multicall_entry", unsafe.Sizeof(MultiEntry{}), 64},
		{"xen_sysctl_readconsole", unsafe.Sizeof(ReadConsole{}), 24},
		{"xen_sysctl_physinfo, before hw_cap", unsafe.Sizeof(PhysInfo{}), 80},
		{"xen_sysctl_getdomaininfolist", unsafe.Sizeof(DomainInfoList{}), 24},
		{"xen_sysctl_getcpuinfo", unsafe.Sizeof(CPUInfo{}), 24},
		{"xen_sysctl_availheap", unsafe.Sizeof(AvailHeap{}), 24},
		{"xen_sysctl_numainfo", unsafe.Sizeof(TopoInfo{}), 24},
		{"xen_sysctl_cpupool_op", unsafe.Sizeof(CPUPool{}), 40},
		{"xen_sysctl_scheduler_op", unsafe.Sizeof(SchedulerOp{}), 32},
		{"xen_sysctl_cpu_featureset", unsafe.Sizeof(FeatureSet{}), 16},
		{"xen_sysctl_cpu_policy", unsafe.Sizeof(CPUPolicy{}), 32},
		{"xen_domctl_getvcpuinfo", unsafe.Sizeof(VCPUInfo{}), 24},
		{"xen_domctl_vcpuaffinity", unsafe.Sizeof(VCPUAffinity{}), 40},
		{"xenctl_bitmap", unsafe.Sizeof(Bitmap{}), 16},
		{"xenpf_pcpuinfo", unsafe.Sizeof(PCPUInfo{}), 20},
		{"xenpf_pcpu_version", unsafe.Sizeof(PCPUVersion{}), 32},
		{"xenpf_getidletime", unsafe.Sizeof(IdleTime{}), 32},
		{"xenoprof_init", unsafe.Sizeof(XenoprofInitInfo{}), 72},
		{"xen_hvm_param", unsafe.Sizeof(HVMParam{}), 16},
		{"physdev_irq_status_query", unsafe.Sizeof(IRQStatusQuery{}), 8},
		{"xen_domctl_getdomaininfo.handle", unsafe.Offsetof(DomainInfo{}.Handle), 76},
		{"xen_sysctl.u", unsafe.Offsetof(Sysctl[PhysInfo]{}.U), 8},
		{"xen_domctl.u", unsafe.Offsetof(Domctl[DomainInfo]{}.U), 16},
	} {
		if l.got != l.want {
			t.Errorf("struct %s: %d, expected %d", l.name, l.got, l.want)
		}
	}
}

func TestErrTellsResultsFromErrors(t *testing.T) {
	for _, c := range []struct {
		ret  int64
		want error
	}{
		{0, nil}, {1, nil}, {-1, unix.EPERM}, {-38, unix.ENOSYS}, {-4095, unix.Errno(4095)},
		{-4096, nil}, {-61456, nil}, // get_debugreg(6) as it was seen
	} {
		if got := Err(c.ret); !errors.Is(got, c.want) {
			t.Errorf("Err(%d): %v, expected %v", c.ret, got, c.want)
		}
	}
}

func TestTable(t *testing.T) {
	numbers := map[uint64]string{}
	for _, h := range Table() {
		if other, twice := numbers[h.Number]; twice {
			t.Errorf("%s and %s are both number %d", h.Name, other, h.Number)
		}
		numbers[h.Number] = h.Name
		if h.Header == "" || len(h.Ops) > 0 && h.Pointer == None && h.SubOp == None {
			t.Errorf("%s: the row is incomplete: %+v", h.Name, h)
		}
		if !slices.IsSortedFunc(h.Ops, func(a, b Op) int { return int(a.Number) - int(b.Number) }) {
			t.Errorf("%s: sub-operations are not in order", h.Name)
		}
		seen := map[uint64]bool{}
		for _, o := range h.Ops {
			if seen[o.Number] || o.Name == "" {
				t.Errorf("%s/%d is listed twice or has no name", h.Name, o.Number)
			}
			seen[o.Number] = true
		}
	}
	want := []uint64{11, 43, 44, 45, 46, 47}
	for n := uint64(50); n < 64; n++ {
		want = append(want, n)
	}
	if got := Holes(); !slices.Equal(got, want) {
		t.Errorf("holes: %v, expected %v", got, want)
	}
	// What kills the caller at once must never be taken for harmless.
	for _, n := range []uint64{3, 4, 6, 23} {
		if h, ok := Lookup(n); !ok || h.Danger != Destructive {
			t.Errorf("hypercall %d is graded %v, expected destructive", n, h.Danger)
		}
	}
	sched, _ := Lookup(SchedOp)
	if o, _ := sched.Op(2); o.Danger != Destructive || o.Name != "SCHEDOP_shutdown" {
		t.Errorf("sched_op 2 is %+v", o)
	}
}

// readable asks the kernel, which sees the same page tables as Xen.
func readable(at uint64, n int) error {
	buf := make([]byte, n)
	local := []unix.Iovec{{Base: &buf[0]}}
	local[0].SetLen(n)
	got, err := unix.ProcessVMReadv(os.Getpid(), local, []unix.RemoteIovec{{Base: uintptr(at), Len: n}}, 0)
	if err == nil && got < n {
		return unix.EFAULT
	}
	return err
}

func TestArena(t *testing.T) {
	a, err := NewArena(3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	if err := readable(a.Base(), a.Size()); errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		t.Skipf("process_vm_readv: %v", err)
	} else if err != nil {
		t.Errorf("the arena's memory: %v", err)
	}
	if err := readable(a.Unmapped(), 1); !errors.Is(err, unix.EFAULT) {
		t.Errorf("the unmapped address: got %v, expected EFAULT", err)
	}
	page := uint64(os.Getpagesize())
	b := a.Buffer(10)
	s := a.Straddling(16)
	if s.Addr()/page == (s.Addr()+15)/page || s.Addr()%page != page-8 {
		t.Errorf("a straddling buffer lies at %#x", s.Addr())
	}
	if c := a.Buffer(1); b.Addr()%16 != 0 || c.Addr() < s.Addr()+16 || c.Addr()%16 != 0 {
		t.Errorf("buffers at %#x, %#x, %#x", b.Addr(), s.Addr(), c.Addr())
	}
	edge := a.AtEdge(4)
	if err := readable(edge.Addr(), 4); err != nil {
		t.Errorf("the buffer at the edge: %v", err)
	}
	if err := readable(edge.Addr(), 8); !errors.Is(err, unix.EFAULT) {
		t.Errorf("behind the buffer at the edge: got %v, expected EFAULT", err)
	}
	p := New[EvtchnPort](a)
	p.Port = 7
	a.Reset()
	if p.Port != 0 {
		t.Error("Reset left bytes behind")
	}
	defer func() {
		if r, _ := recover().(string); !strings.Contains(r, "do not fit") {
			t.Errorf("a buffer that does not fit: panic %q", r)
		}
	}()
	a.Buffer(4 * int(page))
}

// script answers calls from a list.
type script []int64

func (s *script) Hypercall(uint64, ...uint64) (int64, error) {
	ret := (*s)[0]
	*s = (*s)[1:]
	return ret, nil
}

func TestInterfaceVersion(t *testing.T) {
	a, err := NewArena(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	if v, err := SysctlVersion(&script{-13, -13, 0}, a); err != nil || v != oldestInterface+2 {
		t.Errorf("got %#x, %v", v, err)
	}
	if _, err := DomctlVersion(&script{-13, -1}, a); err == nil || !strings.Contains(err.Error(), "operation not permitted") {
		t.Errorf("a refusal: got %v", err)
	}
	none := make(script, newestInterface)
	for i := range none {
		none[i] = -13
	}
	if _, err := DomctlVersion(&none, a); err == nil || !strings.Contains(err.Error(), "none from") {
		t.Errorf("no version: got %v", err)
	}
}

func TestPrivcmdSaysWhatIsMissing(t *testing.T) {
	if _, err := os.Stat(PrivcmdPath); err == nil {
		t.Skip("this machine may be a Xen domain: hypercalls are not made here")
	}
	if _, err := OpenPrivcmd(); !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), "xen-privcmd.ko") {
		t.Errorf("got %v", err)
	}
}

// A driver that keeps high numbers to itself must not be taken for Xen.
func TestRefusalIsNotAnAnswer(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { null.Close() })
	p := &Privcmd{file: null, bound: hypercallPageEntries}
	var refusal *Refusal
	if _, err := p.Hypercall(200); !errors.As(err, &refusal) || refusal.Errno != unix.EINVAL {
		t.Errorf("number 200 behind a bound of 128: got %v", err)
	}
	// The null device knows no such ioctl: that is not Xen's word either.
	if _, err := p.Hypercall(XenVersion); !errors.As(err, &refusal) || refusal.Errno != unix.ENOTTY {
		t.Errorf("a device without hypercalls: got %v", err)
	}
	if _, err := p.Hypercall(XenVersion, 1, 2, 3, 4, 5, 6); err == nil {
		t.Error("six arguments were accepted")
	}
}
