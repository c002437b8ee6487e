package campaign

import (
	"testing"

	"xtest/fuzz/call"
	"xtest/fuzz/corpus"
	"xtest/fuzz/player"
	"xtest/fuzz/program"
)

// TestGuidance: the kind of programs that reaches more is made more often, the other one never given up, and what was
// long ago counts for little.
func TestGuidance(t *testing.T) {
	_, list, err := program.ParseFile(program.Header(call.Xen()) + "xen_version/version(0, 0, 0, 0, 0)\n")
	if err != nil {
		t.Fatal(err)
	}
	c := corpus.New(call.Xen())
	c.Add(list[0], []uint64{1})
	var g guidance
	if s := g.share(); s != 128 {
		t.Errorf("nothing is known, and the share is %d", s)
	}
	play := func(parent, times, every int) {
		for i := range times {
			it := player.Item{Program: *list[0], Parent: parent}
			if every > 0 && i%every == 0 {
				g.reached(c, &it, 1)
			}
			g.made(&it)
		}
	}
	for range 100 {
		play(0, 100, 10)
		play(-1, 100, 0)
	}
	if s := g.share(); s != 224 {
		t.Errorf("only changed programs reach something, and the share is %d", s)
	}
	for range 1000 {
		play(0, 100, 0)
		play(-1, 100, 10)
	}
	if s := g.share(); s != 32 {
		t.Errorf("only fresh programs reach something now, and the share is %d", s)
	}
}
