package kvm

import "encoding/binary"

// Where things lie in a guest's memory, in bytes. Guest-physical and virtual addresses are the same.
const (
	// GuestMemory is how much memory a guest has.
	GuestMemory = 4 << 20

	pml4At     = 0x1000
	pdptAt     = 0x2000
	pdAt       = 0x3000
	codeAt     = 0x4000
	gdtAt      = 0x5000
	tssAt      = 0x6000
	idtAt      = 0x7000
	handlersAt = 0x8000
	stackTop   = 0xb000
	tableAt    = 0x10000

	// Data is where the memory begins that is free for what calls point at; it goes to GuestMemory.
	Data = 0x100000
)

// MaxBatch is how many calls fit into the table.
const MaxBatch = 512

// A record of the table: registers in, registers out, and what became of it.
const (
	recordIn      = 0
	recordXMM     = recordIn + 8*numRegs
	recordOut     = recordXMM + 16*numXMM
	recordDone    = recordOut + 8*numRegs // 1: the registers behind the call were stored
	recordFault   = recordDone + 8        // vector+1 of the exception that the call raised
	recordPresent = recordDone + 16       // 1: there is a call here
	recordSize    = 384
)

// RecordAddress is what RBP holds during a batch's call of an index from 0 to MaxBatch-1: it is a sixth
// argument to some calls of 32-bit code.
func RecordAddress(i int) uint64 { return tableAt + uint64(i)*recordSize }

// endPort is where a guest writes when it has come to the table's end.
const endPort = 0xf4

const (
	numRegs    = 14
	numXMM     = 6
	numVectors = 32
)

// encodings are the processor's numbers of the registers in a record, in its order.
var encodings = [numRegs]byte{0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}

// program is a guest's code, and where in memory its hypercall instruction is.
type program struct {
	code, handlers []byte
	handlerSize    uint64
	call           uint64
}

// assembler appends instructions. Operands at EBP plus a displacement are all that the program needs.
type assembler struct {
	b    []byte
	long bool // 64-bit code
}

func (a *assembler) bytes(b ...byte) { a.b = append(a.b, b...) }
func (a *assembler) imm32(v uint32)  { a.b = binary.LittleEndian.AppendUint32(a.b, v) }

// reg emits an instruction between a general register and memory at EBP plus disp. It emits nothing for
// registers that 32-bit code does not have.
func (a *assembler) reg(opcode, reg byte, disp uint32) {
	if a.long {
		a.bytes(0x48 | reg>>3<<2)
	} else if reg >= 8 {
		return
	}
	a.bytes(opcode, 0x85|reg&7<<3)
	a.imm32(disp)
}

// assemble makes the program: it begins again at its begin after each OUT, so that the next table needs
// no registers set.
func assemble(long bool, opcode [3]byte) program {
	a := &assembler{long: long}
	a.bytes(0xbd) // mov ebp, tableAt
	a.imm32(tableAt)
	loop := len(a.b)
	a.bytes(0x80, 0xbd) // cmp byte [ebp+recordPresent], 0
	a.imm32(recordPresent)
	a.bytes(0)
	a.bytes(0x0f, 0x84) // je end
	toEnd := len(a.b)
	a.imm32(0)
	for i := range byte(numXMM) { // movups xmm, [ebp+…]
		a.bytes(0x0f, 0x10, 0x85|i<<3)
		a.imm32(recordXMM + 16*uint32(i))
	}
	for i, r := range encodings { // mov r, [ebp+…]
		a.reg(0x8b, r, recordIn+8*uint32(i))
	}
	call := len(a.b)
	a.bytes(opcode[:]...)
	for i, r := range encodings { // mov [ebp+…], r
		a.reg(0x89, r, recordOut+8*uint32(i))
	}
	a.bytes(0xc6, 0x85) // mov byte [ebp+recordDone], 1
	a.imm32(recordDone)
	a.bytes(1)
	a.bytes(0x81, 0xc5) // add ebp, recordSize
	a.imm32(recordSize)
	a.jump(loop)
	binary.LittleEndian.PutUint32(a.b[toEnd:], uint32(len(a.b)-toEnd-4))
	a.bytes(0xe6, endPort) // out endPort, al
	a.jump(0)

	p := program{code: a.b, call: codeAt + uint64(call)}
	p.handlers, p.handlerSize = handlers(long, uint32(p.call)+3)
	return p
}

func (a *assembler) jump(to int) {
	a.bytes(0xe9)
	a.imm32(uint32(to - len(a.b) - 4))
}

// pushesError are the exceptions with an error code, AMD64 Architecture Programmer's Manual 2, 8.2.
var pushesError = map[byte]bool{8: true, 10: true, 11: true, 12: true, 13: true, 14: true, 17: true, 21: true, 29: true, 30: true}

// handlers are those of all exceptions. Each notes its vector in the record, and goes on behind the call.
func handlers(long bool, behind uint32) (code []byte, size uint64) {
	size = 32
	for v := range byte(numVectors) {
		a := &assembler{long: long}
		a.bytes(0xc6, 0x85) // mov byte [ebp+recordFault], v+1
		a.imm32(recordFault)
		a.bytes(v + 1)
		if long {
			if pushesError[v] {
				a.bytes(0x48, 0x83, 0xc4, 8) // add rsp, 8
			}
			a.bytes(0x48, 0xc7, 0x04, 0x24) // mov qword [rsp], behind
			a.imm32(behind)
			a.bytes(0x48, 0xcf) // iretq
		} else {
			if pushesError[v] {
				a.bytes(0x83, 0xc4, 4) // add esp, 4
			}
			a.bytes(0xc7, 0x04, 0x24) // mov dword [esp], behind
			a.imm32(behind)
			a.bytes(0xcf) // iret
		}
		code = append(code, append(a.b, make([]byte, int(size)-len(a.b))...)...)
	}
	return code, size
}
