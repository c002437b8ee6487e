package area

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFound: the pages are found wherever they lie, in whatever order, and both sides see the same memory.
func TestFound(t *testing.T) {
	fd, err := unix.MemfdCreate("ram", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	ram := os.NewFile(uintptr(fd), "ram")
	defer ram.Close()
	key := []byte("key")
	if err := ram.Truncate(64 << 20); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(ram, key); !errors.Is(err, ErrNotFound) {
		t.Errorf("in nothing: %v", err)
	}
	at := func(p int) int64 { return int64(Pages-p)*3*Page + 1<<20 }
	for p := range Pages {
		if _, err := ram.WriteAt(mark(key, p), at(p)); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Find(ram, key)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := Find(ram, []byte("other")); !errors.Is(err, ErrNotFound) {
		t.Errorf("by another key: %v", err)
	}
	f.Slot(0).Record(0).Op = 77 // on the second of the slot's pages
	b := make([]byte, 1)
	if _, err := ram.ReadAt(b, at(2)); err != nil || b[0] != 77 {
		t.Errorf("got %v, %v", b, err)
	}
}

// TestUnmapped: what the guest cannot read is not given out.
func TestUnmapped(t *testing.T) {
	s := Local().Slot(1)
	first := s.DataAddr() + uint64(EdgeEnd(0))
	for _, c := range []struct {
		at   uint64
		want int
	}{
		{first, 0}, {first + Page - 1, 0}, {first - 8, 8}, {first + Page, 64}, {first + 2*Page - 8, 8}, {s.DataAddr(), 64}, {s.DataAddr() - 1<<30, 0},
		{s.DataAddr() + uint64(EdgeEnd(Edges-1)) + Page, 0},
	} {
		if got := len(s.At(c.at, 64)); got != c.want {
			t.Errorf("at %#x: %d bytes, not %d", c.at-s.DataAddr(), got, c.want)
		}
	}
}

// TestUntrusted: numbers that a guest makes up lead nowhere.
func TestUntrusted(t *testing.T) {
	a := Local()
	for _, v := range []uint64{0, 1 << 15, 1<<16 - 1, ^uint64(0)} {
		a.word(wordCurrent).Store(v)
		a.word(wordCount).Store(v)
		for _, e := range []uint64{0, v} {
			a.word(wordEntries).Store(e)
			if _, call, span := a.Current(); call < 0 || call >= SlotCalls || span < 1 || span > SlotCalls {
				t.Errorf("%#x: call %d, span %d", v, call, span)
			}
		}
		s := a.Slot(v)
		s.put(slotCalls, v)
		if n := s.Calls(); n < 0 || n > SlotCalls {
			t.Errorf("%d calls", n)
		}
		r := s.Record(0)
		r.Fixes = v
		for i := range r.Fixups {
			r.Fixups[i] = Fixup{From: uint32(v), To: uint32(v), Size: uint32(v)}
		}
		s.Apply(r)
		s.At(v, 4096)
	}
}

// TestTornPointers: an address of the area whose lower bytes were written over with a small number is not one of the
// control page.
func TestTornPointers(t *testing.T) {
	a := Local()
	for n := range uint64(Slots) {
		s := a.Slot(n)
		for _, at := range []uint64{s.DataAddr(), s.DataAddr() + uint64(len(s.Data())) - 1} {
			for _, bits := range []int{8, 16, 24, 32} {
				for small := uint64(0); small < 1<<min(bits, 16); small++ {
					if torn := at>>bits<<bits | small; torn >= Base && torn < Base+Page {
						t.Fatalf("%#x becomes %#x, which is in the control page", at, torn)
					}
				}
			}
		}
	}
}

// TestIntact: a map of memory that a call answers with, written over the control page, is seen; slots that come and go
// are not taken for it.
func TestIntact(t *testing.T) {
	a := Local()
	a.word(wordFound).Store(1)
	a.word(wordState).Store(Ready)
	for n := range uint64(5) {
		a.Publish(n)
		if !a.Intact(n + 1) {
			t.Errorf("slot %d published: not intact", n)
		}
		a.Done(n)
		if !a.Intact(n + 1) {
			t.Errorf("slot %d done: not intact", n)
		}
	}
	for at := 0; at+20 <= Page; at += 20 { // struct e820entry of two pages of memory
		copy(a.mem[at:], "\x00\x00\x10\x00\x00\x00\x00\x00\x00\x20\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00")
	}
	if a.Intact(5) {
		t.Error("written over and intact")
	}
	for _, word := range []int{wordState, wordFound, wordProduced, wordConsumed} {
		b := Local()
		b.word(wordFound).Store(1)
		b.word(wordState).Store(Ready)
		b.Publish(0)
		if b.word(word).Store(1 << 33); b.Intact(1) {
			t.Errorf("the word at %d is another, and nobody sees it", word)
		}
	}
}
