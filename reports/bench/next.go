package bench

// looks is into how many parts an adaptive measurement divides alpha: one that is looked at so often
// may find a difference by chance at each.
const looks = 8

// firstLook is after how many boots of each side a measurement is looked at first: as many as the
// interval needs.
const firstLook = 5

// Next says how a measurement of n benchmarks goes on that ends as soon as the verdict is known: how many
// more boots of each side until the next look, 0 to stop, and what is known so far. The budget is the most
// boots of one side. Different has to be surer than [Judge] asks for, so that what was stopped keeps its
// verdict when it is judged again.
func Next(base, now []float64, s Settings, n, budget int) (more int, f Finding) {
	s.Alpha /= looks
	f = Judge(base, now, s, n)
	have := min(len(base), len(now))
	left := max(budget-have, 0)
	switch {
	case have < firstLook:
		return min(firstLook-have, left), f
	case f.Verdict != Unknown:
		return 0, f
	}
	// Not more than twice as many as there are, since the estimate is drawn from those alone; and not a
	// few, since each look costs certainty.
	return min(max(min(f.More, have), have/3), left), f
}
