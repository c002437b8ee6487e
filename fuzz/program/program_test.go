package program

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"xtest/fuzz/area"
	"xtest/fuzz/call"
)

const some = `event_channel_op/alloc_unbound(6, &8{dom@0:2=0x7ff0, remote@2:2=0x7ff0}, 0, 0, 0)
event_channel_op/close(3, &4{port@0:4=from0+4:4}, 0, 0, 0)
event_channel_op/send(4, &short8{port@0:4=0xffffffff}, unmapped, readonly, noncanonical)
sysctl/physinfo(&136{cmd@0:4=3, version@4:4=version35, a@8:8=&straddle32"text"{w@8:8=same0}}, result2, 0, 0, 0)
`

func parse(t *testing.T, text string) *Program {
	t.Helper()
	_, list, err := ParseFile(Header(call.Xen()) + text)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d programs: %v", len(list), err)
	}
	return list[0]
}

func TestTextAndBack(t *testing.T) {
	if got := parse(t, some).String(); got != some {
		t.Errorf("got\n%sexpected\n%s", got, some)
	}
}

func TestBadTexts(t *testing.T) {
	head := Header(call.Xen())
	for text, want := range map[string]string{
		"":                                       "no file of programs",
		"# xtest fuzz programs 1: xen 9\n":       "version 9 of xen",
		"# xtest fuzz programs 1: vax 1\n":       "does not know",
		head + "nothing(1)\n":                    "no call \"nothing\"",
		head + "tmem_op(1, 2, 3, 4, 5, 6, 7)\n":  "too many arguments",
		head + "tmem_op(from0+4:4)\n":            "comes later",
		head + "tmem_op(&99999{})\n":             "4096 is the most",
		head + "tmem_op(&4{x@2:4=1})\n":          "not in its buffer",
		head + "tmem_op(&8{&8{&8{&8{&8{}}}}})\n": "field expected",
		head + "tmem_op\n":                       "no call",
	} {
		if _, _, err := ParseFile(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, expected %q", text, err, want)
		}
	}
}

// TestEncode: what a machine gets is what the text says.
func TestEncode(t *testing.T) {
	s := area.Local().Slot(0)
	e := &Encoder{Layout: Layout{Sysctl: 0x15}}
	e.Begin(s, area.Singles)
	p := parse(t, some)
	if err := e.Encode(p); err != nil {
		t.Fatal(err)
	}
	e.End()
	if s.Calls() != 4 || s.Mode() != area.Singles {
		t.Fatalf("%d calls in mode %d", s.Calls(), s.Mode())
	}
	le := binary.LittleEndian
	first := s.At(s.Record(0).Args[1], 8)
	if le.Uint16(first) != 0x7ff0 || le.Uint16(first[2:]) != 0x7ff0 {
		t.Errorf("the first structure is % x", first)
	}
	le.PutUint32(first[4:], 77) // as Xen would
	r := s.Record(1)
	s.Apply(r)
	if got := le.Uint32(s.At(r.Args[1], 4)); r.Fixes != 1 || got != 77 {
		t.Errorf("%d fixups, the port became %d", r.Fixes, got)
	}
	r = s.Record(2)
	if end := r.Args[1] + 4; (end-s.DataAddr())%area.Page != 0 || r.Args[2] != s.DataAddr()+uint64(area.EdgeEnd(0)) || r.Args[3] != area.ReadOnly {
		t.Errorf("places: %#x", r.Args)
	}
	r.Result = 5
	r = s.Record(3)
	s.Apply(r)
	in := s.At(r.Args[0], 136)
	if le.Uint32(in[4:]) != 0x15 || r.Args[1] != 5 {
		t.Errorf("version %#x, argument %d", le.Uint32(in[4:]), r.Args[1])
	}
	inner := le.Uint64(in[8:])
	if got := s.At(inner, 16); string(got[:4]) != "text" || le.Uint64(got[8:]) != s.Record(0).Args[1] || inner%area.Page != area.Page-16 {
		t.Errorf("at %#x: % x", inner, got)
	}
	for n := 0; ; n++ {
		if err := e.Encode(p); errors.Is(err, ErrFull) {
			break
		} else if n > area.SlotCalls {
			t.Fatal("the slot is never full")
		}
	}
}

func TestOnly(t *testing.T) {
	p := parse(t, some).Only(func(c int) bool { return c != 0 })
	want := `event_channel_op/close(3, &4{port@0:4=0}, 0, 0, 0)
event_channel_op/send(4, &short8{port@0:4=0xffffffff}, unmapped, readonly, noncanonical)
sysctl/physinfo(&136{cmd@0:4=3, version@4:4=version35, a@8:8=&straddle32"text"{w@8:8=0}}, result1, 0, 0, 0)
`
	if got := p.String(); got != want {
		t.Errorf("got\n%sexpected\n%s", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(some)
	f.Fuzz(func(t *testing.T, text string) {
		_, list, err := ParseFile(Header(call.Xen()) + text)
		if err != nil {
			return
		}
		s := area.Local().Slot(0)
		e := &Encoder{}
		for _, p := range list {
			e.Begin(s, area.Singles)
			e.Encode(p) // must not panic
			_ = p.String()
		}
	})
}
