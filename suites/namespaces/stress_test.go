package namespaces

import (
	"slices"
	"testing"
)

// TestDeeds: a seed replays, and another one, another worker's, or a longer run is told apart.
func TestDeeds(t *testing.T) {
	kinds := []int{0, 2, 5}
	list := deeds(7, 1, 200, kinds)
	if !slices.Equal(list, deeds(7, 1, 200, kinds)) {
		t.Error("the same seed gives other steps")
	}
	if !slices.Equal(list[:50], deeds(7, 1, 50, kinds)) {
		t.Error("a shorter run is not the beginning of a longer one")
	}
	for name, other := range map[string][]deed{"seed": deeds(8, 1, 200, kinds), "worker": deeds(7, 2, 200, kinds)} {
		if slices.Equal(list, other) {
			t.Errorf("another %s gives the same steps", name)
		}
	}
	done := map[string]int{}
	for _, d := range list {
		done[d.Do]++
		if !slices.Contains(kinds, d.Kind) || d.Slot < 0 || d.Slot >= slots {
			t.Errorf("a step of none of the kinds or slots: %+v", d)
		}
	}
	if len(done) != 5 {
		t.Errorf("there are %v", done)
	}
}
