package generator

import (
	"testing"

	"xtest/fuzz/call"
	"xtest/fuzz/program"
)

// TestOwnPortsAlone: what takes a port away names one that the same program made, or one that nobody has: dom0
// lives on its others. That holds for mutants of mutants, and for what a failed call leaves.
func TestOwnPortsAlone(t *testing.T) {
	s := call.Xen()
	ops, err := s.Choose(call.Allocates, []string{"event_channel_op", "xen_version/version"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := New(s, ops, 9)
	from, other, p := &program.Program{}, &program.Program{}, &program.Program{}
	taken := 0
	number := func(p *program.Program, v program.Value, n uint64) {
		switch {
		case v.Form == program.Number && (v.N == 0 || v.N >= nobodys):
		case v.Form == program.From:
			maker := p.Calls[v.N]
			_, arg, made := maker.Op.Makes()
			a := maker.Args[arg]
			if a.Form != program.Pointer || int(v.Off) != made.Offset {
				t.Fatalf("program %d takes what no call left:\n%s", n, p)
			}
			b := p.Buffers[a.N]
			for _, f := range p.Fields[b.First:b.Last] {
				if f.Name == made.Name && f.Off == uint32(made.Offset) && (f.Form != program.Number || f.N != 0 && f.N < nobodys) {
					t.Fatalf("program %d: a call that fails leaves somebody's port:\n%s", n, p)
				}
			}
			taken++
		default:
			t.Fatalf("program %d names a port that may be somebody's:\n%s", n, p)
		}
	}
	check := func(p *program.Program, n uint64) {
		for i := range p.Calls {
			c := &p.Calls[i]
			if !c.Op.Own {
				continue
			}
			for _, a := range c.Args {
				switch a.Form {
				case program.Alias:
					t.Fatalf("program %d takes another's memory for a port's:\n%s", n, p)
				case program.Pointer:
					b := p.Buffers[a.N]
					if b.Place != program.Anywhere {
						t.Fatalf("program %d: half of a port's number may be another's:\n%s", n, p)
					}
					for _, f := range p.Fields[b.First:b.Last] {
						if f.Name == "port" {
							number(p, f.Value, n)
						}
					}
				}
			}
		}
	}
	for n := range uint64(20000) {
		g.Program(n, from)
		check(from, n)
		g.Program(n+7, other)
		g.Mutate(n, from, other, p)
		check(p, n)
		*from = *p.Clone()
		g.Mutate(n+1, from, other, p)
		check(p, n)
	}
	if taken < 100 {
		t.Errorf("%d ports were taken from earlier calls", taken)
	}
}

// TestGradeHolds: no program and no mutant makes a call of a worse grade than those it was given.
func TestGradeHolds(t *testing.T) {
	s := call.Xen()
	ops, err := s.Choose(call.Harmless, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := New(s, ops, 2)
	from, p := &program.Program{}, &program.Program{}
	check := func(p *program.Program) {
		for i := range p.Calls {
			c := &p.Calls[i]
			for a := range c.Op.Args {
				if v := c.Args[a]; c.Op.Args[a].Kind == call.Const && (v.Form != program.Number || v.N&(1<<opBits-1) != c.Op.Args[a].Const) {
					t.Fatalf("the operation became another:\n%s", p)
				}
			}
			for a, v := range c.Args {
				if a >= len(c.Op.Args) || c.Op.Args[a].Struct == nil || c.Op.Args[a].Struct.Fields[0].Kind != call.Const {
					continue
				}
				if v.Form == program.Alias {
					t.Fatalf("the command is another's:\n%s", p)
				}
				if v.Form != program.Pointer {
					continue
				}
				for _, f := range p.Fields[p.Buffers[v.N].First:p.Buffers[v.N].Last] {
					if f.Name == "cmd" && f.Off == 0 && f.N != c.Op.Args[a].Struct.Fields[0].Const {
						t.Fatalf("the command became another:\n%s", p)
					}
				}
			}
		}
	}
	for n := range uint64(20000) {
		g.Program(n, from)
		check(from)
		g.Mutate(n, from, from, p)
		check(p)
	}
}
