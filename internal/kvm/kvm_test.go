package kvm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sizes and offsets as linux/kvm.h and asm/kvm.h have them.
func TestLayout(t *testing.T) {
	for name, size := range map[string][2]uintptr{
		"kvm_regs": {unsafe.Sizeof(kregs{}), 144}, "kvm_sregs": {unsafe.Sizeof(sregs{}), 312}, "kvm_segment": {unsafe.Sizeof(segment{}), 24},
		"kvm_dtable": {unsafe.Sizeof(descriptorTable{}), 16}, "kvm_cpuid_entry2": {unsafe.Sizeof(CPUIDEntry{}), 40},
		"kvm_cpuid2.entries": {unsafe.Offsetof(cpuid2{}.Entries), 8}, "kvm_userspace_memory_region": {unsafe.Sizeof(memoryRegion{}), 32},
		"kvm_msrs and a kvm_msr_entry": {unsafe.Sizeof(msrs{}), 24}, "kvm_msr_entry.data": {unsafe.Offsetof(msrs{}.Data), 16},
		"kvm_enable_cap": {unsafe.Sizeof(capability{}), 104}, "kvm_xen_hvm_config": {unsafe.Sizeof(xenConfig{}), 56},
		"kvm_xen_hvm_attr": {unsafe.Sizeof(XenAttr{}), 72}, "kvm_xen_hvm_attr.u": {unsafe.Offsetof(XenAttr{}.Words), 8},
		"kvm_run up to the union": {unsafe.Sizeof(runHead{}), 32}, "kvm_run.immediate_exit": {unsafe.Offsetof(runHead{}.ImmediateExit), 1},
		"kvm_run.exit_reason": {unsafe.Offsetof(runHead{}.ExitReason), 8}, "kvm_sregs.cr0": {unsafe.Offsetof(sregs{}.CR0), 224},
		"kvm_sregs.efer": {unsafe.Offsetof(sregs{}.EFER), 264}, "kvm_sregs.interrupt_bitmap": {unsafe.Offsetof(sregs{}.InterruptBitmap), 280},
		"hypercall.args": {unsafe.Offsetof(runHypercall{}.Args), 8}, "hypercall.ret": {unsafe.Offsetof(runHypercall{}.Ret), 56},
		"hypercall.longmode": {unsafe.Offsetof(runHypercall{}.LongMode), 64}, "hyperv.u.hcall.input": {unsafe.Offsetof(runHyperV{}.Input), 8},
		"hyperv.u.hcall.result": {unsafe.Offsetof(runHyperV{}.Result), 16}, "hyperv.u.hcall.params": {unsafe.Offsetof(runHyperV{}.Params), 24},
		"xen.u.hcall": {unsafe.Offsetof(runXen{}.LongMode), 8}, "xen.u.hcall.result": {unsafe.Offsetof(runXen{}.Result), 24},
		"xen.u.hcall.params": {unsafe.Offsetof(runXen{}.Params), 32},
		"a whole table":      {max(tableAt+(MaxBatch+1)*recordSize, Data), Data},
		"a record":           {max(recordPresent+1, recordSize), recordSize},
	} {
		if size[0] != size[1] {
			t.Errorf("%s: %d, expected %d", name, size[0], size[1])
		}
	}
}

// The program is fixed: what real guests execute is tested in machines, what they must not change is here.
func TestProgram(t *testing.T) {
	for _, long := range []bool{true, false} {
		p := assemble(long, VMMCALL)
		if at := p.call - codeAt; !bytes.Equal(p.code[at:at+3], VMMCALL[:]) {
			t.Errorf("64-bit %v: % x where the call is said to be", long, p.code[at:at+3])
		}
		if len(p.code) > gdtAt-codeAt || handlersAt+len(p.handlers) > stackTop-0x400 {
			t.Errorf("64-bit %v: the code takes %d bytes, the handlers %d", long, len(p.code), len(p.handlers))
		}
		back := p.code[len(p.code)-5:]
		if to := len(p.code) + int(int32(binary.LittleEndian.Uint32(back[1:]))); back[0] != 0xe9 || to != 0 {
			t.Errorf("64-bit %v: behind the end it goes on at %d, not at its begin", long, to)
		}
		for v := range numVectors {
			h := p.handlers[uint64(v)*p.handlerSize:]
			if h[6+1-1] != byte(v+1) {
				t.Errorf("64-bit %v: the handler of vector %d notes %d", long, v, int(h[6])-1)
			}
		}
	}
}

func TestDescriptors(t *testing.T) {
	// As usual in flat systems, AMD64 Architecture Programmer's Manual 2, 4.8.
	for name, d := range map[string][2]uint64{
		"64-bit code": {codeSegment(Long, 0, code0Sel).descriptor(), 0x00af9b000000ffff},
		"32-bit code": {codeSegment(Protected, 3, code3Sel).descriptor(), 0x00cffb000000ffff},
		"data":        {dataSegment(0, data0Sel).descriptor(), 0x00cf93000000ffff},
		"task":        {taskSegment().descriptor(), 0x00008b0060000067},
	} {
		if d[0] != d[1] {
			t.Errorf("%s: %#x, expected %#x", name, d[0], d[1])
		}
	}
}

// fake is a processor whose KVM_RUN is a function.
func fake(t *testing.T, enter func() error) (*vcpu, *uint8) {
	t.Helper()
	flag := new(uint8)
	v := newVCPU(flag, enter)
	t.Cleanup(v.close)
	return v, flag
}

// waits stands for a KVM_RUN that never returns by itself: a system call that only a signal ends.
func waits(flag *uint8) func() error {
	return func() error {
		if *flag == 1 {
			return unix.EINTR
		}
		_, _, errno := unix.Syscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
		return errno
	}
}

func TestWatchdogEndsWhatHangs(t *testing.T) {
	var v *vcpu
	var flag *uint8
	v, flag = fake(t, func() error { return waits(flag)() })
	for range 20 {
		start := time.Now()
		err := v.do(time.Minute, func() error {
			return v.run(20*time.Millisecond, func() (bool, error) { t.Error("it came back"); return true, nil })
		})
		if !errors.Is(err, ErrHung) {
			t.Fatalf("%v, expected %v", err, ErrHung)
		}
		if took := time.Since(start); took < 20*time.Millisecond {
			t.Fatalf("ended after %v", took)
		}
		if *flag != 0 {
			t.Fatal("immediate_exit is left set: the next run would return at once")
		}
	}
}

func TestWatchdogEndsWhatOnlyExits(t *testing.T) {
	v, _ := fake(t, func() error { return nil })
	err := v.do(time.Minute, func() error {
		return v.run(20*time.Millisecond, func() (bool, error) { return false, nil })
	})
	if !errors.Is(err, ErrHung) {
		t.Errorf("%v, expected %v", err, ErrHung)
	}
}

func TestSignalsOfTheRuntimeAreNoEnd(t *testing.T) {
	n := 0
	v, _ := fake(t, func() error {
		if n++; n < 5 {
			return unix.EINTR
		}
		return nil
	})
	if err := v.do(time.Minute, func() error {
		return v.run(time.Minute, func() (bool, error) { return true, nil })
	}); err != nil || n != 5 {
		t.Errorf("%v after %d entries, expected none after 5", err, n)
	}
}

func TestStuckThreadIsLeftBehind(t *testing.T) {
	release := make(chan struct{})
	v, _ := fake(t, nil)
	defer close(release)
	if err := v.do(-stuckAfter+20*time.Millisecond, func() error { <-release; return nil }); !errors.Is(err, ErrStuck) {
		t.Errorf("%v, expected %v", err, ErrStuck)
	}
	if err := v.do(-stuckAfter+20*time.Millisecond, func() error { return nil }); !errors.Is(err, ErrStuck) {
		t.Errorf("the next work: %v, expected %v", err, ErrStuck)
	}
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "kvm")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	// A file is no KVM.
	path := filepath.Join(t.TempDir(), "file")
	if err := unix.Mknod(path, unix.S_IFREG|0o600, 0); err != nil {
		t.Fatal(err)
	}
	var e *IoctlError
	if _, err := Open(path); !errors.As(err, &e) || e.Name != "KVM_GET_API_VERSION" {
		t.Errorf("%v", err)
	}
}
