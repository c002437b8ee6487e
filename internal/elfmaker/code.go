package elfmaker

import "encoding/binary"

var le = binary.LittleEndian

// fixup is a place in the code that wants the distance to something: psABI, %rip-relative addressing.
type fixup struct {
	at     int
	target target
}

// target is a place in one of the two segments.
type target struct {
	code   bool // in the code, else in the data
	offset int
}

// assembler collects code and the data it refers to.
type assembler struct {
	code   []byte
	fixups []fixup
	data   []byte
	slots  map[Symbol]int // offsets in data of the words that hold symbols' addresses
	wants  []Symbol       // the symbols of slots, in order
	thread map[Symbol]int // the same for thread offsets
	copies map[Symbol]int // offsets in data of copied objects
}

// emit adds instructions; rel adds the distance to a target, which ends an instruction.
func (a *assembler) emit(b ...byte) { a.code = append(a.code, b...) }

func (a *assembler) rel(t target) {
	a.fixups = append(a.fixups, fixup{len(a.code), t})
	a.emit(0, 0, 0, 0)
}

// place reserves words of data and gives their offset.
func (a *assembler) place(b []byte) int {
	for len(a.data)%16 != 0 {
		a.data = append(a.data, 0)
	}
	at := len(a.data)
	a.data = append(a.data, b...)
	return at
}

func (a *assembler) slot(table map[Symbol]int, s Symbol) target {
	at, ok := table[s]
	if !ok {
		at = a.place(make([]byte, 8))
		table[s] = at
		a.wants = append(a.wants, s)
	}
	return target{offset: at}
}

// errnoLocation is how the C library gives the address of errno: LSB 5.0 Core, libc.
var errnoLocation = Libc("__errno_location")

// Libc is a function of the C library under the oldest version of x86-64, which LSB Core names for
// nearly all.
func Libc(name string) Symbol {
	return Symbol{Name: name, Version: "GLIBC_2.2.5", Library: "libc.so.6"}
}

// callSlot calls through a word: call *x(%rip).
func (a *assembler) callSlot(s Symbol) {
	a.emit(0xff, 0x15)
	a.rel(a.slot(a.slots, s))
}

// The prefixes, opcodes and ModRM bytes, without displacement, that load the argument registers rdi,
// rsi, rdx, rcx, r8 and r9: from a constant, an address, and memory.
var (
	constants = [][]byte{{0x48, 0xbf}, {0x48, 0xbe}, {0x48, 0xba}, {0x48, 0xb9}, {0x49, 0xb8}, {0x49, 0xb9}}
	addresses = [][]byte{{0x48, 0x8d, 0x3d}, {0x48, 0x8d, 0x35}, {0x48, 0x8d, 0x15}, {0x48, 0x8d, 0x0d}, {0x4c, 0x8d, 0x05}, {0x4c, 0x8d, 0x0d}}
	memories  = [][]byte{{0x48, 0x8b, 0x3d}, {0x48, 0x8b, 0x35}, {0x48, 0x8b, 0x15}, {0x48, 0x8b, 0x0d}, {0x4c, 0x8b, 0x05}, {0x4c, 0x8b, 0x0d}}
)

// program writes the code of a program's start and steps. The results are 16 bytes for each step.
func (a *assembler) program(steps []Step) {
	results := a.place(make([]byte, 16*len(steps)))
	// _start, as the psABI's process initialisation has it: %rdx holds what atexit should call, the
	// stack argc and argv. The C library's own constructors and destructors need no functions of ours.
	a.emit(0x31, 0xed)                   // xor %ebp,%ebp
	a.emit(0x49, 0x89, 0xd1)             // mov %rdx,%r9
	a.emit(0x5e)                         // pop %rsi
	a.emit(0x48, 0x89, 0xe2)             // mov %rsp,%rdx
	a.emit(0x48, 0x83, 0xe4, 0xf0)       // and $-16,%rsp
	a.emit(0x50, 0x54)                   // push %rax; push %rsp
	a.emit(0x45, 0x31, 0xc0, 0x31, 0xc9) // xor %r8d,%r8d; xor %ecx,%ecx
	a.emit(0x48, 0x8d, 0x3d)             // lea main(%rip),%rdi
	main := len(a.code)
	a.rel(target{code: true})
	a.callSlot(Libc("__libc_start_main"))
	a.emit(0xf4) // hlt
	for i := range a.fixups {
		if a.fixups[i].at == main {
			a.fixups[i].target.offset = len(a.code)
		}
	}
	a.emit(0x48, 0x83, 0xec, 0x08) // sub $8,%rsp
	for i, s := range steps {
		a.callSlot(errnoLocation)
		a.emit(0xc7, 0x00, 0, 0, 0, 0) // movl $0,(%rax)
		a.step(s, results)
		a.emit(0x48, 0x89, 0x05) // mov %rax,result(%rip)
		a.rel(target{offset: results + 16*i})
		a.callSlot(errnoLocation)
		a.emit(0x8b, 0x00)       // mov (%rax),%eax
		a.emit(0x48, 0x89, 0x05) // mov %rax,errno(%rip)
		a.rel(target{offset: results + 16*i + 8})
	}
	a.load(0, Int(1), results)
	a.emit(addresses[1]...)
	a.rel(target{offset: results})
	a.load(2, Int(int64(16*len(steps))), results)
	a.callSlot(Libc("write"))
	a.emit(0x31, 0xc0, 0x48, 0x83, 0xc4, 0x08, 0xc3) // xor %eax,%eax; add $8,%rsp; ret
}

// step leaves its result in %rax.
func (a *assembler) step(s Step, results int) {
	switch s.kind {
	case call:
		for i, arg := range s.args {
			a.load(i, arg, results)
		}
		a.emit(0x31, 0xc0) // xor %eax,%eax: no vector arguments
		a.callSlot(s.symbol)
	case loadThread:
		a.emit(0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0) // mov %fs:0,%rax
		a.emit(0x48, 0x03, 0x05)                         // add offset(%rip),%rax
		a.rel(a.slot(a.thread, s.symbol))
		a.emit(0x48, 0x8b, 0x00) // mov (%rax),%rax
	default:
		if s.symbol.Copy {
			if _, ok := a.copies[s.symbol]; !ok {
				a.copies[s.symbol] = a.place(make([]byte, 8))
				a.wants = append(a.wants, s.symbol)
			}
			a.emit(0x48, 0x8d, 0x05) // lea copy(%rip),%rax
			a.rel(target{offset: a.copies[s.symbol]})
		} else {
			a.emit(0x48, 0x8b, 0x05) // mov slot(%rip),%rax
			a.rel(a.slot(a.slots, s.symbol))
		}
		if s.kind == load {
			a.emit(0x48, 0x8b, 0x00) // mov (%rax),%rax
		}
	}
}

// load puts an argument into the register of its place.
func (a *assembler) load(i int, arg Arg, results int) {
	switch {
	case arg.text != nil:
		a.emit(addresses[i]...)
		a.rel(target{offset: a.place(append([]byte(*arg.text), 0))})
	case arg.space > 0:
		a.emit(addresses[i]...)
		a.rel(target{offset: a.place(make([]byte, arg.space))})
	case arg.result > 0:
		a.emit(memories[i]...)
		a.rel(target{offset: results + 16*(arg.result-1)})
	case arg.symbol != nil:
		a.emit(memories[i]...)
		a.rel(a.slot(a.slots, *arg.symbol))
	default:
		a.emit(constants[i]...)
		a.code = le.AppendUint64(a.code, uint64(arg.number))
	}
}

// function writes the code of a function, with system calls alone, and gives its offset.
func (a *assembler) function(f Function, entries map[string]int) int {
	at := len(a.code)
	if f.Chooses != "" {
		a.emit(0x48, 0x8d, 0x05) // lea chosen(%rip),%rax
		a.rel(target{code: true, offset: entries[f.Chooses]})
		a.emit(0xc3) // ret
		return at
	}
	if f.Prints != "" {
		a.emit(0xb8, 1, 0, 0, 0, 0xbf, 1, 0, 0, 0) // mov $SYS_write,%eax; mov $1,%edi
		a.emit(addresses[1]...)
		a.rel(target{offset: a.place([]byte(f.Prints))})
		a.emit(0xba)
		a.code = le.AppendUint32(a.code, uint32(len(f.Prints))) // mov $n,%edx
		a.emit(0x0f, 0x05)                                      // syscall
	}
	a.emit(0xb8)
	a.code = le.AppendUint32(a.code, uint32(f.Returns)) // mov $n,%eax
	a.emit(0xc3)                                        // ret
	return at
}
