// Package planted puts faults into a copy of a stock Xen, so that a fuzzer can be held against what is
// known to be wrong: a trap, an endless loop or a wrong answer behind one operation with certain arguments.
//
// Beware: such an image is broken on purpose. It is written where the caller says and nowhere else.
package planted

import (
	"encoding/binary"
	"fmt"
	"slices"

	"xtest/fuzz/symbols"
)

// Register is an argument of a function of Xen's, in the order of the System V ABI.
type Register int

// The arguments.
const (
	First  Register = iota // edi
	Second                 // esi
	Third                  // edx
)

// compare is cmp register, imm32.
var compare = [...][]byte{First: {0x81, 0xff}, Second: {0x81, 0xfe}, Third: {0x81, 0xfa}}

// Condition holds when the lower half of an argument is a value.
type Condition struct {
	Argument Register
	Is       uint32
}

// Fault is what goes wrong in a function when all conditions hold.
type Fault struct {
	Function string // as do_vcpu_op
	When     []Condition
	Then     []byte // instructions
}

// Trap is an instruction that no processor has, Loop one that jumps to itself.
var (
	Trap = []byte{0x0f, 0x0b}
	Loop = []byte{0xeb, 0xfe}
)

// Answer has the function return a value.
func Answer(value int32) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte{0x48, 0xc7, 0xc0}, uint32(value)), 0xc3) // mov rax, value; ret
}

// caves are functions that nobody calls unless an operator asks for them on the console.
var caves = []string{"dump_timerq", "dump_runq", "dump_heap", "dump_numa", "dump_irqs"}

// Plant gives a copy of an image with the faults.
func Plant(image []byte, faults ...Fault) ([]byte, error) {
	t, err := symbols.Read(image)
	if err != nil {
		return nil, err
	}
	image = slices.Clone(image)
	for i, f := range faults {
		if i == len(caves) {
			return nil, fmt.Errorf("there is room for %d faults", len(caves))
		}
		if err := plant(image, t, f, caves[i]); err != nil {
			return nil, fmt.Errorf("planting a fault into %s: %w", f.Function, err)
		}
	}
	return image, nil
}

func plant(image []byte, t *symbols.Table, f Fault, in string) error {
	target, _, ok := t.Lookup(f.Function)
	if !ok {
		return fmt.Errorf("the image has no such function")
	}
	cave, room, ok := t.Lookup(in)
	if !ok {
		return fmt.Errorf("the image has no %s to put it into", in)
	}
	var code []byte
	jump := func(opcode ...byte) {
		code = append(code, opcode...)
		rel := int64(target.Address) - int64(cave.Address+uint64(len(code))+4)
		code = binary.LittleEndian.AppendUint32(code, uint32(int32(rel)))
	}
	for _, c := range f.When {
		code = binary.LittleEndian.AppendUint32(append(code, compare[c.Argument]...), c.Is)
		jump(0x0f, 0x85) // jne
	}
	code = append(code, f.Then...)
	if uint64(len(code)) > room {
		return fmt.Errorf("%s has %d bytes, and %d are needed", in, room, len(code))
	}
	callers := redirect(image, t, target.Address, cave.Address)
	if callers == 0 {
		return fmt.Errorf("nobody calls it")
	}
	copy(image[t.Offset(cave.Address):], code)
	return nil
}

// redirect has those that call or name a function call another, and counts them.
func redirect(image []byte, t *symbols.Table, from, to uint64) (n int) {
	le := binary.LittleEndian
	text, _, _ := t.Lookup("_stext")
	begin := t.Offset(text.Address)
	for at := begin; at+9 <= len(image); at++ {
		if op := image[at]; op == 0xe8 || op == 0xe9 { // call and jmp rel32
			next := t.Address(at + 5)
			if next+uint64(int64(int32(le.Uint32(image[at+1:])))) == from {
				le.PutUint32(image[at+1:], uint32(int32(int64(to)-int64(next))))
				n++
			}
		}
		if le.Uint64(image[at:]) == from { // a table of pointers
			le.PutUint64(image[at:], to)
			n++
		}
	}
	return n
}
