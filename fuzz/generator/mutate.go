package generator

import (
	"slices"
	"strings"

	"xtest/fuzz/call"
	"xtest/fuzz/program"
)

// mutations is the stream of what is random in mutations.
const mutations = 0x6d757461

// Mutate makes a program that is like from in most ways, into p: the n-th of this generator. Other is a
// second program that it may be joined with.
func (g *Generator) Mutate(n uint64, from, other *program.Program, p *program.Program) {
	g.begin(n, mutations)
	g.p = p
	p.Space = from.Space
	p.Calls = append(p.Calls[:0], from.Calls...)
	p.Buffers = append(p.Buffers[:0], from.Buffers...)
	p.Fields = append(p.Fields[:0], from.Fields...)
	for more := 1 + g.intn(3); more > 0 || same(p, from); more-- {
		if more < -tries {
			g.call(g.ops[g.intn(len(g.ops))])
			continue
		}
		switch r := g.intn(16); {
		case r < 7:
			g.change()
		case r < 9 && len(p.Calls) < g.Longest:
			g.call(g.ops[g.intn(len(g.ops))])
		case r < 11 && len(p.Calls) < g.Longest:
			g.p.Calls = append(g.p.Calls, g.p.Calls[len(g.p.Calls)-1])
		case r < 12 && len(p.Calls) > 1:
			drop := g.intn(len(p.Calls))
			*p = *p.Only(func(c int) bool { return c != drop })
		case r < 13 && other != nil && !g.Independent && len(p.Calls)+len(other.Calls) <= g.Longest:
			g.join(other)
		case r < 14 && len(p.Calls) < g.Longest:
			if k, _, _ := p.Calls[len(p.Calls)-1].Op.Makes(); k != call.Any && len(g.users[k]) > 0 {
				g.call(g.users[k][g.intn(len(g.users[k]))])
			}
		case len(p.Buffers) > 0 && !g.owns():
			p.Buffers[g.intn(len(p.Buffers))].Place = g.place()
		}
	}
	g.tame()
}

// many is a number of structures from which on a call takes long.
const many = 32

// tame makes most large counts small ones. Programs that were kept have more of them than others, and their kin would
// spend the machine's time on what each has seen already.
func (g *Generator) tame() {
	p := g.p
	if g.owns() {
		return
	}
	for i := range p.Calls {
		c := &p.Calls[i]
		for k := range c.Op.Args {
			a, v := &c.Op.Args[k], &c.Args[k]
			switch {
			case a.Kind == call.Count && v.Form == program.Number && v.N > many && !g.chance(8):
				v.N = uint64(1 + g.intn(4))
			case a.Struct != nil && v.Form == program.Pointer:
				b := p.Buffers[v.N]
				for at := b.First; at < b.Last; at++ {
					f := &p.Fields[at]
					if f.Form != program.Number || f.N <= many {
						continue
					}
					if l := a.Struct.Find(f.Name, int(f.Off)); l != nil && l.Kind == call.Count && !g.chance(8) {
						f.N = uint64(1 + g.intn(4))
					}
				}
			}
		}
	}
}

// tries is how often a change is tried again that changed nothing, before a call is added instead.
const tries = 6

// same says whether two programs are.
func same(p, q *program.Program) bool {
	return slices.Equal(p.Calls, q.Calls) && slices.Equal(p.Buffers, q.Buffers) && slices.Equal(p.Fields, q.Fields)
}

// change gives one argument or one field another value of its kind.
func (g *Generator) change() {
	p := g.p
	if g.owns() {
		return // what a port is taken from is to stay as it is
	}
	n := g.intn(len(p.Calls))
	op := p.Calls[n].Op
	if len(op.Args) == 0 {
		return
	}
	i := g.intn(len(op.Args))
	for k := range op.Args { // what a structure holds decides more than the numbers beside it
		if op.Args[k].Struct != nil && g.chance(170) {
			i = k
			break
		}
	}
	a, v := &op.Args[i], p.Calls[n].Args[i]
	if a.Struct != nil && v.Form == program.Pointer && p.Buffers[v.N].Last > p.Buffers[v.N].First && !g.chance(24) {
		b := p.Buffers[v.N]
		g.field(op, a, int(b.First)+g.intn(int(b.Last-b.First)), n)
		return
	}
	p.Calls[n].Args[i] = g.arg(op, a, n)
}

// field gives the field of an index in the program, of a structure that is argument a of call n, another value.
func (g *Generator) field(op *call.Op, a *call.Arg, at, n int) {
	f := g.p.Fields[at]
	l := a.Struct.Find(f.Name, int(f.Off))
	// Another command would be of another grade, and what a resource is left in stays, see structure.
	if l == nil || f.Form == program.Version || f.Name == "cmd" || strings.HasSuffix(f.Name, "port") || l.Makes || l.Kind == call.Const {
		return
	}
	switch {
	case f.Form == program.Number && g.chance(64):
		f.N += uint64(g.intn(3)) - 1
	case f.Form == program.Number && g.chance(32):
		f.N ^= 1 << g.intn(8*int(f.Size))
	case l.Kind == call.Buffer:
		f.Value = g.buffer(n)
	case l.Kind == call.Flags:
		f.Value = g.scalar(op, l.Kind, a.Values, n, f.Size)
	case g.chance(16):
		f.Value = program.Value{N: g.number(call.Kind(g.intn(int(call.NumKinds))), nil)}
	default:
		f.Value = g.scalar(op, l.Kind, nil, n, f.Size)
	}
	if f.Form == program.Number && f.Size < 8 {
		f.N &= 1<<(8*f.Size) - 1
	}
	g.p.Fields[at] = f
}

// join appends another program.
func (g *Generator) join(other *program.Program) {
	p := g.p
	calls, buffers, fields := uint64(len(p.Calls)), uint64(len(p.Buffers)), int32(len(p.Fields))
	move := func(v program.Value) program.Value {
		switch v.Form {
		case program.Pointer:
			v.N += buffers
		case program.From, program.Result, program.Alias:
			v.N += calls
		}
		return v
	}
	for _, c := range other.Calls {
		for i := range c.Args {
			c.Args[i] = move(c.Args[i])
		}
		p.Calls = append(p.Calls, c)
	}
	for _, b := range other.Buffers {
		b.First += fields
		b.Last += fields
		p.Buffers = append(p.Buffers, b)
	}
	for _, f := range other.Fields {
		f.Value = move(f.Value)
		p.Fields = append(p.Fields, f)
	}
}

// owns says whether a call of the program names what must be the fuzzer's own.
func (g *Generator) owns() bool {
	return slices.ContainsFunc(g.p.Calls, func(c program.Call) bool { return c.Op.Own })
}
