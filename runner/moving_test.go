package runner

import (
	"slices"
	"testing"

	"xtest/runner/event"
)

func moves(id string) Spec {
	s := spec(id)
	s.Meta.Moves = true
	return s
}

// Specs that move are judged in a second machine, which has what they put on the disk in the first, and of
// which a crash takes one alone.
func TestMoves(t *testing.T) {
	tr := newTrial(t, "moves", spec("s/a"), moves("s/moves"), moves("s/moves-and-dies"), moves("s/moves-on"), spec("s/z"))
	tr.fake.luggage = "/dev/luggage"
	list, err := tr.run(t, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list.want(t, "s/a=pass s/moves-and-dies=broken s/moves-on=pass s/moves=pass s/z=pass")
	list.boots(t, 3)
	var ids []string
	for _, e := range list.of(event.SpecMoved) {
		ids = append(ids, e.Spec)
	}
	if !slices.Equal(ids, []string{"s/moves", "s/moves-and-dies", "s/moves-on"}) {
		t.Errorf("moved: %v", ids)
	}
}

// Machines that share no disk judge them as they judge others.
func TestMovesNowhere(t *testing.T) {
	tr := newTrial(t, "good", spec("s/a"), moves("s/moves"))
	list, err := tr.run(t, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list.want(t, "s/a=pass s/moves=pass")
	list.boots(t, 1)
}
