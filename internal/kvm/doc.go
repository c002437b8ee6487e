// Package kvm holds KVM's user interface for x86 as data and types, and micro guests that make
// hypercalls under it: a virtual machine of 4 MiB whose only program works through a table of calls,
// loading the registers of each, executing VMCALL or VMMCALL, and storing what came back. One KVM_RUN
// takes as many calls as the table holds. Suites, fuzzer and benchmarks all take them from here.
//
// Numbers and layouts are those of linux/kvm.h, linux/kvm_para.h and asm/kvm.h, as the names that stand
// in their comments; Hyper-V's are those of its Top Level Functional Specification (TLFS).
//
// Beware: a call with the wrong arguments is meant to shake the kernel that executes it. Open the device
// only inside a machine that was booted for it, never the one of the machine that the user works on.
package kvm
