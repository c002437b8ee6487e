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

// TestMutantsDiffer: few mutants are what they were made from, and they are of use for it.
func TestMutantsDiffer(t *testing.T) {
	s := call.Xen()
	ops, err := s.Choose(call.Allocates, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := New(s, ops, 4)
	from, p := &program.Program{}, &program.Program{}
	const n = 5000
	same := 0
	for i := range uint64(n) {
		g.Program(i, from)
		if g.Mutate(i, from, nil, p); p.String() == from.String() {
			same++
		}
	}
	if same > n/8 {
		t.Errorf("%d of %d mutants are no other program", same, n)
	}
}

// TestMutantsAreTame: what was kept for a huge count does not have its kin work through as many structures.
func TestMutantsAreTame(t *testing.T) {
	_, list, err := program.ParseFile(program.Header(call.Xen()) + "grant_table_op/copy(5, &64{}, 0xffffffff, 0, 0)\n\nmemory_op/populate_physmap(6, &32{nrextents@8:8=0xffffffff}, 0, 0, 0)\n")
	if err != nil {
		t.Fatal(err)
	}
	ops, err := call.Xen().Choose(call.Allocates, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	g, p := New(call.Xen(), ops, 6), &program.Program{}
	const n = 2000
	for _, from := range list {
		huge := 0
		for i := range uint64(n) {
			if g.Mutate(i, from, nil, p); strings.Contains(p.String(), "0xffffffff,") || strings.Contains(p.String(), "=0xffffffff") {
				huge++
			}
		}
		if huge > n/4 {
			t.Errorf("%d of %d mutants have the huge count of\n%s", huge, n, from)
		}
	}
}

// TestNumbered: arguments of random bits leave an operation what it is.
func TestNumbered(t *testing.T) {
	s := call.Xen()
	ops, err := s.Choose(call.Harmless, []string{"event_channel_op", "vcpu_op"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := New(s, ops, 5)
	g.Uniform, g.Numbered = true, true
	p := &program.Program{}
	wide := 0
	for n := range uint64(500) {
		g.Program(n, p)
		c := p.Calls[0]
		for i, a := range c.Op.Args {
			if a.Kind == call.Const && c.Args[i] != (program.Value{N: a.Const}) {
				t.Fatalf("the operation became another:\n%s", p)
			}
			if a.Kind != call.Const && c.Args[i].N>>60 != 0 {
				wide++
			}
		}
	}
	if wide < 500 {
		t.Errorf("%d arguments are of 64 bits", wide)
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
