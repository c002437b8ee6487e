package generator

import (
	"strings"
	"testing"

	"xtest/fuzz/area"
	"xtest/fuzz/call"
	"xtest/fuzz/program"
)

// list is the text of the first n programs.
func list(t testing.TB, s *call.Space, seed uint64, n int) string {
	t.Helper()
	ops, err := s.Choose(call.Allocates, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := New(s, ops, seed)
	var b strings.Builder
	b.WriteString(program.Header(s))
	p := &program.Program{}
	for i := range uint64(n) {
		g.Program(i, p)
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}

// TestSameSeed: the same seed gives the same text, another seed another, and the text reads back as the
// programs that it was written of.
func TestSameSeed(t *testing.T) {
	for _, s := range []*call.Space{call.Xen(), call.KVM(), call.HyperV(), call.KVMXen(), call.Linux()} {
		one := list(t, s, 7, 6000)
		if two := list(t, s, 7, 6000); one != two {
			t.Errorf("%s: two lists of one seed differ", s.Name)
		}
		if other := list(t, s, 8, 6000); one == other {
			t.Errorf("%s: lists of two seeds are the same", s.Name)
		}
		_, programs, err := program.ParseFile(one)
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		var again strings.Builder
		again.WriteString(program.Header(s))
		for _, p := range programs {
			again.WriteString(p.String() + "\n")
		}
		if again.String() != one {
			t.Errorf("%s: what was read back is another text", s.Name)
		}
	}
}

func TestMutantsParse(t *testing.T) {
	s := call.Xen()
	ops, err := s.Choose(call.Allocates, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := New(s, ops, 3)
	from, other, p := &program.Program{}, &program.Program{}, &program.Program{}
	for i := range uint64(5000) {
		g.Program(i, from)
		g.Program(i+9, other)
		g.Mutate(i, from, other, p)
		text := p.String()
		_, list, err := program.ParseFile(program.Header(s) + text)
		if err != nil || len(list) != 1 || list[0].String() != text {
			t.Fatalf("mutant %d: %v\n%s", i, err, text)
		}
	}
}

func BenchmarkBatch(b *testing.B) {
	s := call.Xen()
	ops, err := s.Choose(call.Allocates, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	g := New(s, ops, 3)
	g.Independent = true
	slot := area.Local().Slot(0)
	e := &program.Encoder{}
	e.Begin(slot, area.Multicall)
	p := &program.Program{}
	n, calls := uint64(0), 0
	for b.Loop() {
		g.Program(n, p)
		if e.Encode(p) != nil {
			e.Begin(slot, area.Multicall)
		}
		n++
		calls += len(p.Calls)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(calls), "ns/call")
}
