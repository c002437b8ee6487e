package campaign

import (
	"context"

	"xtest/fuzz/area"
	"xtest/fuzz/corpus"
	"xtest/fuzz/player"
)

// Minimise runs the programs of a corpus, those that reached most when it was made first, and gives those
// that reach something which none before them did.
func (c *Campaign) Minimise(ctx context.Context, old *corpus.Corpus) (*corpus.Corpus, error) {
	small := corpus.New(old.Space())
	list := old.Ordered()
	for at := 0; at < len(list); {
		s, err := c.boot(ctx, c.Target, "")
		if err != nil {
			return nil, err
		}
		for _, b := range s.Cover.New() {
			small.See(b.Address)
		}
		p := player.New(s, c.Silence)
		first := at
		p.Watch = func(f *player.Flight) {
			for i := range f.Items {
				it := &f.Items[i]
				var blocks []uint64
				for _, b := range it.Blocks {
					blocks = append(blocks, b.Address)
				}
				small.Add(&it.Program, blocks)
				at = first + int(it.Number) + 1
			}
		}
		d, err := p.Play(ctx, area.Singles, list[at:], nil)
		if d == nil {
			s.Finish()
		} else {
			s.End()
			at++ // the one that ended the machine is no use
		}
		if err != nil {
			return nil, err
		}
	}
	return small, nil
}
