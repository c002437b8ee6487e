package main

import (
	"context"
	"fmt"
	"strings"

	"xtest/bisect"
)

// reduce finds the least bad part of a set and shows it. What the machine does not heed is left out, and why says
// why.
func (h *hunt) reduce(ctx context.Context, set bisect.Set, why string) error {
	if err := h.gauge(ctx, set.Candidate(nil), set.Candidate(set.All())); err != nil {
		return err
	}
	set.LeftOut = func(items []string) { h.say(" left out  %s: %s", strings.Join(items, ", "), why) }
	found, err := h.Reduce(ctx, set)
	if err != nil {
		return fmt.Errorf("%w; `--resume %s` continues", err, h.dir)
	}
	if found.Kind != bisect.Found {
		return h.unlike(found.Kind, "none of them", "all of them")
	}
	var culprits, remarks []string
	for _, s := range found.Sets {
		var names []string
		for _, i := range s {
			names = append(names, set.Items[i])
		}
		culprits = append(culprits, strings.Join(names, " "))
	}
	switch {
	case found.Fused:
		remarks = append(remarks, "not all of them need be part of it: what would tell them apart could not be judged")
	case len(culprits) > 1:
		remarks = append(remarks, "each of them alone is bad")
	case found.More:
		remarks = append(remarks, "alone it is bad; without a part of it, others that were not found are bad still")
	case len(found.Sets[0]) > 1:
		remarks = append(remarks, "together alone they are bad; all but any one of them is good")
	default:
		remarks = append(remarks, "alone it is bad; all but it is good")
	}
	return h.result(culprits, found.Confidence, remarks...)
}
