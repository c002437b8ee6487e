package trace

import (
	"cmp"
	"math"
	"slices"
)

// Function is a function on both sides, per operation. Times are in nanoseconds, which are instructions
// where the machine's clock counts them.
type Function struct {
	Name string `json:"name"`
	// Calls and Self are those of the good side and the bad one.
	Calls [2]float64 `json:"calls"`
	Self  [2]float64 `json:"self"`
	// Caller is what called it most on the bad side, or on the good one where the bad has none.
	Caller string `json:"caller,omitempty"`
}

// Change is by how much its own time grew.
func (f Function) Change() float64 { return f.Self[1] - f.Self[0] }

// Difference is what two traces say.
type Difference struct {
	// Total is the time per operation in all functions, without what the tracer adds.
	Total [2]float64 `json:"total"`
	// Own and Inner are what each side's tracer adds to a call itself, and to its caller: kernels of other
	// versions have other tracers.
	Own   [2]float64 `json:"tracer_own"`
	Inner [2]float64 `json:"tracer_inner"`
	// Functions are all whose time or calls changed, the largest change of time first.
	Functions []Function `json:"functions"`
}

// Compare gives what differs, without stacks of calls that something disturbed.
func Compare(good, bad *Trace) *Difference {
	d := &Difference{}
	sides := [2]*Trace{good, bad}
	all := map[string]*Function{}
	callers := map[string]map[string]float64{}
	for i, t := range sides {
		weights := t.weights()
		d.Own[i], d.Inner[i] = tracer(t.Calls)
		for _, c := range t.Calls {
			w := weights[c.root] / float64(t.Ops)
			if w == 0 {
				continue
			}
			f := all[c.Function]
			if f == nil {
				f = &Function{Name: c.Function}
				all[c.Function], callers[c.Function] = f, map[string]float64{}
			}
			self := w * (c.Self - d.Own[i] - float64(c.Inner)*d.Inner[i])
			f.Calls[i] += w
			f.Self[i] += self
			d.Total[i] += self
			if c.Caller != "" {
				callers[c.Function][c.Caller] += w * float64(1+1000*i) // the bad side outweighs the good
			}
		}
	}
	for name, f := range all {
		most := 0.0
		for caller, n := range callers[name] {
			if n > most || n == most && caller < f.Caller {
				f.Caller, most = caller, n
			}
		}
		if math.Abs(f.Change()) > 0.5 || math.Abs(f.Calls[1]-f.Calls[0]) > 1e-3 {
			d.Functions = append(d.Functions, *f)
		}
	}
	slices.SortFunc(d.Functions, func(a, b Function) int {
		return cmp.Or(cmp.Compare(math.Abs(b.Change()), math.Abs(a.Change())), cmp.Compare(a.Name, b.Name))
	})
	return d
}

// tracer estimates what the tracer adds, from the calls that took the least: to a call itself, and to its
// caller for each. Nearly the least, since a single clock reading may be off.
func tracer(calls []Call) (own, inner float64) {
	var leaves, callers []float64
	for _, c := range calls {
		if c.Inner == 0 {
			leaves = append(leaves, c.Took)
		}
	}
	own = low(leaves)
	for _, c := range calls {
		if c.Inner > 0 {
			callers = append(callers, (c.Self-own)/float64(c.Inner))
		}
	}
	return own, max(low(callers), 0)
}

func low(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/100]
}
