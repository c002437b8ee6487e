// Package xen holds Xen's hypercall interface as data and types: numbers, sub-operations and how
// dangerous each is, the layout of structures, and the way to make calls from a Linux domain's user
// space. Suites, fuzzer and benchmarks all take the interface from here. Numbers and layouts are those
// of Xen's public headers (xen/include/public/) for 64-bit x86.
//
// Two layers can refuse a call, and they are told apart: an error of [Caller.Hypercall] means that the
// privcmd driver kept the call from Xen; everything Xen said, refusals too, is the returned value, of
// which [Err] takes the error number.
//
// Beware: a call acts on the machine at once, and one wrong call ends it. [Hypercall.Danger] and
// [Op.Danger] say which. Memory handed to Xen comes from an [Arena]: addresses of Go's own memory must
// not be passed, since it may be paged out or moved.
package xen

//go:generate go run ./headers/generate
