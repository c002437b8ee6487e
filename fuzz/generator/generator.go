// Package generator makes programs: calls that are valid but for what makes them interesting. The values
// of each kind are made by google/gofuzz; which of them a call gets, how calls follow each other, and
// which places pointers show follows from the seed and the program's number alone.
//
// Beware: the same seed and options give the same programs, byte for byte. Nothing here may depend on
// time, on maps' order, or on what a machine answered. What coverage teaches goes in through
// [Generator.Mutate], whose result depends on the program it is given.
package generator

import (
	"math/rand/v2"

	"xtest/fuzz/call"
	"xtest/fuzz/program"
)

// epoch is how many programs share the values of the pools.
const epoch = 4096

// Generator makes programs. It is for one goroutine.
type Generator struct {
	space *call.Space
	ops   []*call.Op
	users map[call.Kind][]*call.Op // operations that take a live resource of the kind
	kinds []call.Kind              // those that somebody makes and somebody uses
	seed  uint64
	pools pools
	pool  uint64 // the epoch of the pools, from 1
	pcg   rand.PCG
	rnd   *rand.Rand
	p     *program.Program
	// Longest is how many calls a program has at most.
	Longest int
	// Uniform makes numbers and arguments of 64 random bits: what guided fuzzing is compared with. Numbered leaves
	// operations their numbers, as somebody would who has read the list of calls alone.
	Uniform, Numbered bool
	// Independent leaves out what one call of a program takes from another's memory, so that all can be
	// one batch.
	Independent bool
}

// New makes a generator of programs of the operations, at least one, of a space.
func New(s *call.Space, ops []*call.Op, seed uint64) *Generator {
	g := &Generator{space: s, ops: ops, seed: seed, users: map[call.Kind][]*call.Op{}, Longest: 8}
	g.rnd = rand.New(&g.pcg)
	for k := call.Any + 1; k < call.NumKinds; k++ {
		made := false
		for _, o := range ops {
			if o.Uses(k) {
				g.users[k] = append(g.users[k], o)
			}
			if m, _, _ := o.Makes(); m == k {
				made = true
			}
		}
		if made && len(g.users[k]) > 0 {
			g.kinds = append(g.kinds, k)
		}
	}
	return g
}

// Seed is what the programs follow from.
func (g *Generator) Seed() uint64 { return g.seed }

// begin makes what is random follow from the program's number n.
func (g *Generator) begin(n uint64, stream uint64) {
	if e := n/epoch + 1; e != g.pool {
		g.pools.fill(int64(g.seed ^ e*0x9e3779b97f4a7c15))
		g.pool = e
	}
	g.pcg.Seed(g.seed^stream, n)
}

// Program makes the program of a number, into p.
func (g *Generator) Program(n uint64, p *program.Program) {
	g.begin(n, 0)
	g.p = p
	p.Reset(g.space)
	if g.Uniform {
		g.uniform()
		return
	}
	length := 1
	if g.chance(128) {
		length += g.intn(g.Longest)
	}
	var last *call.Op
	for len(p.Calls) < length {
		op := g.ops[g.intn(len(g.ops))]
		switch {
		case last != nil && g.chance(64): // the same once more
			op = last
		case last != nil && g.chance(96):
			if k, _, _ := last.Makes(); k != call.Any && len(g.users[k]) > 0 {
				op = g.users[k][g.intn(len(g.users[k]))]
			}
		}
		g.call(op)
		last = op
	}
	if g.chance(16) && len(p.Calls) < g.Longest {
		g.repeat()
	}
}

// uniform is a call of random bits.
func (g *Generator) uniform() {
	if g.Numbered {
		op := g.ops[g.intn(len(g.ops))]
		c := program.Call{Op: op}
		for i := range c.Args {
			if c.Args[i].N = g.rnd.Uint64(); i < len(op.Args) && op.Args[i].Kind == call.Const {
				c.Args[i].N = op.Args[i].Const
			}
		}
		g.p.Calls = append(g.p.Calls, c)
		return
	}
	// The operation lends its name; number and arguments are not its own.
	c := program.Call{Op: &call.Op{Name: "uniform", Number: g.rnd.Uint64(), Values: true}}
	for i := range c.Args {
		c.Args[i].N = g.rnd.Uint64()
	}
	g.p.Calls = append(g.p.Calls, c)
}

// chance is true in n of 256 cases.
func (g *Generator) chance(n int) bool { return int(g.rnd.Uint32()&255) < n }

func (g *Generator) intn(n int) int { return int(g.rnd.Uint32N(uint32(n))) }

// repeat appends the last call again, often enough to use something up.
func (g *Generator) repeat() {
	c := g.p.Calls[len(g.p.Calls)-1]
	for range 8 + g.intn(24) {
		g.p.Calls = append(g.p.Calls, c)
	}
}

// number takes a value of a kind.
func (g *Generator) number(k call.Kind, values []uint64) uint64 {
	if len(values) > 0 && g.chance(160) {
		v := values[g.intn(len(values))]
		if k == call.Flags && g.chance(48) {
			v |= values[g.intn(len(values))]
		}
		return v
	}
	return g.pools.of(k, g.rnd.Uint32()%poolSize)
}

// call appends a call of an operation.
func (g *Generator) call(op *call.Op) {
	c := program.Call{Op: op}
	n := len(g.p.Calls)
	for i := range op.Args {
		c.Args[i] = g.arg(op, &op.Args[i], n)
	}
	g.p.Calls = append(g.p.Calls, c)
}

func (g *Generator) arg(op *call.Op, a *call.Arg, n int) program.Value {
	switch a.Kind {
	case call.Const:
		v := program.Value{N: a.Const}
		if g.chance(1) {
			v.N |= 1 << (opBits + g.intn(64-opBits)) // the lower ones could choose a call of a worse grade
		}
		return v
	case call.Struct:
		// Another's structure would choose another command.
		if v, ok := g.badPointer(n, op.Own || a.Struct.Fields[0].Kind == call.Const); ok {
			return v
		}
		return g.structure(op, a, n)
	case call.Buffer:
		return g.buffer(n)
	case call.Text:
		if v, ok := g.badPointer(n, false); ok {
			return v
		}
		t := a.Texts[g.intn(len(a.Texts))]
		return g.memory(program.Buffer{Size: uint32(len(t) + 1), Text: t}, nil)
	}
	return g.scalar(op, a.Kind, a.Values, n, 8)
}

// scalar is a number of a kind, a live resource where there is one.
func (g *Generator) scalar(op *call.Op, k call.Kind, values []uint64, n int, size uint8) program.Value {
	if !g.Independent && n > 0 && (op.Own || g.chance(144)) {
		if v, ok := g.live(k, n, size); ok {
			return v
		}
	}
	if op.Own && (k == call.Port || k == call.FD) {
		return program.Value{N: nobodys | uint64(g.intn(1<<12))} // what nobody has
	}
	return program.Value{N: g.number(k, values)}
}

// opBits is how many bits a sub-operation's number has at most; some calls keep something else above.
const opBits = 12

// nobodys is beyond the ports and descriptors that anybody has.
const nobodys = 1 << 20

// live finds a resource that an earlier call of the program makes.
func (g *Generator) live(k call.Kind, n int, size uint8) (program.Value, bool) {
	switch k {
	case call.Port, call.Ref, call.Handle, call.IRQ, call.FD, call.PID, call.Frame:
	default:
		return program.Value{}, false
	}
	start := g.intn(n)
	for i := range n {
		at := (start + i) % n
		made, arg, f := g.p.Calls[at].Op.Makes()
		if made != k {
			continue
		}
		if arg < 0 {
			return program.Value{Form: program.Result, N: uint64(at)}, true
		}
		// What the call was to leave its resource in must be its own: another's memory would name any.
		if v := g.p.Calls[at].Args[arg]; v.Form == program.Pointer && g.p.Buffers[v.N].Place != program.Short {
			return program.Value{Form: program.From, N: uint64(at), Off: uint16(f.Offset), Size: min(uint8(f.Size), size)}, true
		}
	}
	return program.Value{}, false
}

// badPointer is now and then a pointer that shows nothing good, or what an earlier call's shows.
func (g *Generator) badPointer(n int, own bool) (program.Value, bool) {
	switch r := g.rnd.Uint32() & 127; {
	case r < 3:
		return program.Value{}, true
	case r < 6:
		return program.Value{Form: program.Unmapped}, true
	case r < 8:
		return program.Value{Form: program.ReadOnly}, true
	case r < 10:
		return program.Value{Form: program.Hypervisor}, true
	case r < 11:
		return program.Value{Form: program.Wild}, true
	case r < 16 && n > 0 && !own:
		return program.Value{Form: program.Alias, N: uint64(g.intn(n))}, true
	}
	return program.Value{}, false
}

// memory appends a buffer with its fields.
func (g *Generator) memory(b program.Buffer, fields []program.Field) program.Value {
	b.First = int32(len(g.p.Fields))
	g.p.Fields = append(g.p.Fields, fields...)
	b.Last = int32(len(g.p.Fields))
	g.p.Buffers = append(g.p.Buffers, b)
	return program.Value{Form: program.Pointer, N: uint64(len(g.p.Buffers) - 1)}
}

func (g *Generator) place() program.Place {
	switch r := g.rnd.Uint32() & 63; {
	case r < 3:
		return program.Straddle
	case r < 4:
		return program.Edge
	case r < 5:
		return program.Short
	}
	return program.Anywhere
}

// structure is the address of a structure with values in its fields.
func (g *Generator) structure(op *call.Op, a *call.Arg, n int) program.Value {
	l := a.Struct
	// What a field shows comes before the structure itself, so that the structure's fields lie together.
	var room [96]program.Field
	fields := room[:0]
	pads := g.chance(4) // fill what is to be zero
	for i := range l.Fields {
		f := &l.Fields[i]
		v := program.Value{}
		if f.Makes { // a call that fails leaves what was there, which a later one takes for a resource
			fields = append(fields, program.Field{Name: f.Name, Off: uint32(f.Offset), Size: uint8(f.Size), Value: program.Value{N: nobodys}})
			continue
		}
		switch f.Kind {
		case call.Const:
			v.N = f.Const
		case call.Version:
			v = program.Value{Form: program.Version, N: f.Const}
			if g.chance(2) {
				v = program.Value{N: uint64(g.intn(32))}
			}
		case call.Pad, call.Out:
			if !pads {
				continue
			}
			v.N = g.number(call.Any, nil)
		case call.Buffer:
			v = g.buffer(n)
		default:
			values := a.Values
			if f.Kind != call.Flags {
				values = nil
			}
			v = g.scalar(op, f.Kind, values, n, uint8(f.Size))
			if v.Form == program.Number && f.Size < 8 {
				v.N &= 1<<(8*f.Size) - 1
			}
		}
		fields = append(fields, program.Field{Name: f.Name, Off: uint32(f.Offset), Size: uint8(f.Size), Value: v})
	}
	b := program.Buffer{Size: uint32(l.Size)}
	if !op.Own { // of one whose end is missing other numbers would be read
		b.Place = g.place()
	}
	return g.memory(b, fields)
}

// buffer is the address of some memory with a few words in it.
func (g *Generator) buffer(n int) program.Value {
	if v, ok := g.badPointer(n, false); ok {
		return v
	}
	size := uint32(16) << g.intn(5)
	var fields [4]program.Field
	used := g.intn(len(fields) + 1)
	for i := range fields[:used] {
		fields[i] = program.Field{Name: "w", Off: uint32(8 * i), Size: 8, Value: program.Value{N: g.number(call.Frame, nil)}}
		if i >= int(size/8) {
			used = i
			break
		}
	}
	return g.memory(program.Buffer{Place: g.place(), Size: size}, fields[:used])
}
