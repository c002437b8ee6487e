package dom0

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"xtest/runner/console"
	"xtest/runner/event"
	"xtest/runner/wire"
)

// fuzz has a guest make the calls of a fuzzer. The host reaches the guest's memory by itself, so that all
// there is to pass on is that the guest is up, and how it ended.
func (r *relay) fuzz(kind string) error {
	h, err := start(kind, r.keeper, r.console)
	if err != nil {
		return err
	}
	defer h.stop()
	r.host = h
	order := r.order
	order.Key, order.Token, order.Root = wire.NewKey(), rand.Text(), nil
	g, err := h.create(order)
	if err != nil {
		return err
	}
	s := &session{relay: r, guest: g, cries: console.NewWatcher(nil, nil), created: time.Now()}
	how, err := s.keep(order.Key)
	if err == nil {
		err = r.out.Send(event.Event{Kind: event.Warned, Reason: fmt.Sprintf("the calling guest ended: it was %s", how)})
	}
	return errors.Join(err, g.destroy())
}
