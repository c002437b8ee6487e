package campaign

import (
	"context"
	"errors"
	"slices"

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
		over := errors.Is(err, player.ErrOverwritten)
		if d == nil && !over {
			s.Finish()
			if err != nil {
				return nil, err
			}
			continue
		}
		s.End()
		// What ended the machine is no use; the others of its slot are tried again.
		if d != nil && d.Culprit != nil {
			culprit := first + int(d.Culprit.Number)
			list = slices.Delete(list, culprit, culprit+1)
		} else {
			at++
		}
	}
	return small, nil
}
