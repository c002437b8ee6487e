package campaign

import (
	"xtest/fuzz/area"
	"xtest/fuzz/corpus"
	"xtest/fuzz/player"
)

// guidance decides how many programs are made from those that reached something, and how many anew. Which of the two
// finds more changes: in the beginning whatever is new does, later what is like the rare.
type guidance struct{ changed, fresh yield }

// yield is what programs of a kind came to lately.
type yield struct{ calls, blocks float64 }

// memory is how many calls are remembered: with more, all counts are halved.
const memory = 8192

// prior is how many calls a first block is thought to cost before anything is known.
const prior = 256

func (y yield) rate() float64 { return (y.blocks + 1) / (y.calls + prior) }

// of is the kind of a program.
func (g *guidance) of(it *player.Item) *yield {
	if it.Parent >= 0 {
		return &g.changed
	}
	return &g.fresh
}

// made notes that a program was run.
func (g *guidance) made(it *player.Item) {
	g.of(it).calls += float64(len(it.Program.Calls))
	if g.changed.calls+g.fresh.calls > memory {
		for _, y := range []*yield{&g.changed, &g.fresh} {
			y.calls /= 2
			y.blocks /= 2
		}
	}
}

// reached notes that a program was the first to reach blocks.
func (g *guidance) reached(c *corpus.Corpus, it *player.Item, blocks int) {
	g.of(it).blocks += float64(blocks)
	if it.Parent >= 0 {
		c.Led(it.Parent, blocks)
	}
}

// share is how many of 256 programs are to be made from others: neither kind is ever given up.
func (g *guidance) share() uint64 {
	changed, fresh := g.changed.rate(), g.fresh.rate()
	return uint64(min(max(256*changed/(changed+fresh), 32), 224))
}

// guide makes program n from one that reached something, and says whether it did.
func (w *worker) guide(n uint64, it *player.Item, mode int) bool {
	random := mix(n)
	if !w.Guided || random&255 >= w.guidance.share() {
		return false
	}
	from, index := w.Corpus.Pick(mix(random))
	if from == nil || mode == area.Multicall && from.Depends() {
		return false
	}
	other, _ := w.Corpus.Pick(mix(random + 1))
	it.Parent = index
	w.gen.Mutate(n, from, other, &it.Program)
	return true
}

// mix makes of neighbouring numbers such that have nothing in common (splitmix64's finalizer).
func mix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}
