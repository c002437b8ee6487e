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
	for range 1 + g.intn(3) {
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
}

// change gives one argument or one field another value.
func (g *Generator) change() {
	p := g.p
	if g.owns() {
		return // what a port is taken from is to stay as it is
	}
	if len(p.Fields) > 0 && g.chance(170) {
		f := &p.Fields[g.intn(len(p.Fields))]
		// Nor what a resource is left in, see structure.
		if f.Form == program.Version || f.Name == "cmd" || strings.HasSuffix(f.Name, "port") {
			return
		}
		if f.Form == program.Number || f.Form == program.From {
			if f.Form == program.Number && g.chance(64) {
				f.N += uint64(g.intn(3)) - 1
			} else {
				f.Value = program.Value{N: g.number(call.Kind(g.intn(int(call.NumKinds))), nil)}
			}
			if f.Size < 8 {
				f.N &= 1<<(8*f.Size) - 1
			}
			return
		}
	}
	n := g.intn(len(p.Calls))
	op := p.Calls[n].Op
	if len(op.Args) == 0 {
		return
	}
	i := g.intn(len(op.Args))
	p.Calls[n].Args[i] = g.arg(op, &op.Args[i], n)
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
