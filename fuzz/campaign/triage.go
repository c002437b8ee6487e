package campaign

import (
	"context"
	"errors"
	"slices"

	"xtest/fuzz/area"
	"xtest/fuzz/call"
	"xtest/fuzz/oracle"
	"xtest/fuzz/player"
	"xtest/fuzz/program"
	"xtest/fuzz/session"
)

// triage looks for the least that shows a finding again.
type triage struct {
	*Campaign
	signature string
	mode      int
	boots     int                // machines that may still be booted
	hasty     bool               // an answer shows it, and nobody waits for what the machine says
	careful   bool               // each attempt gets a machine of its own: what did not show it left something behind that does
	shown     []*program.Program // showed it in a fresh machine
	s         *session.Session
	console   string
	call      string // the operation under way
	first     *state // of the machine, before its first program
}

// again runs the programs and says whether the signature is seen. With fresh they get a machine of their own;
// else one that has lived through what did not show it.
func (t *triage) again(ctx context.Context, fresh bool, list ...*program.Program) (bool, error) {
	if fresh || t.careful {
		t.close()
	}
	if t.s == nil {
		if t.boots == 0 {
			return false, nil
		}
		t.boots--
		s, err := t.boot(ctx, t.Target, "")
		if err != nil {
			return false, err
		}
		t.s, t.first = s, nil
	}
	p := player.New(t.s, t.Silence)
	p.Resume()
	p.Hasty = t.hasty
	if isInvariant(t.signature) && t.first == nil {
		s, err := t.state(ctx, p)
		if err != nil {
			return false, err
		}
		t.first = &s
	}
	met := false
	d, err := p.Play(ctx, t.mode, list, func(pr *program.Program, c int, o player.Outcome) {
		b := oracle.Judge(t.Target.Space, t.Target.Unprivileged, pr.Calls[c].Op, o.State, o.Result)
		if b != nil && b.Signature == t.signature {
			met, t.call = true, pr.Calls[c].Op.Name
		}
	})
	if errors.Is(err, player.ErrOverwritten) {
		t.s.End()
		t.s = nil
		return met, nil
	}
	if err == nil && d == nil && t.first != nil {
		var now state
		if now, err = t.state(ctx, p); err == nil {
			met = slices.ContainsFunc(t.breaks(*t.first, now), func(b oracle.Breach) bool { return b.Signature == t.signature })
		}
		if met {
			t.close() // it is not what it was
		}
	}
	if err != nil || d == nil {
		return met, err
	}
	if d.Signature() == t.signature || d.Kind == player.Hang && d.Call < 0 {
		met, t.console = true, d.Crash.Excerpt
		if d.Culprit != nil && d.Call >= 0 {
			t.call = d.Culprit.Program.Calls[d.Call].Op.Name
		}
	}
	t.s.End()
	t.s = nil
	return met, nil
}

func (t *triage) close() {
	if t.s != nil {
		t.s.Finish()
		t.s = nil
	}
}

// search finds the fewest of the candidates, each a list that ends with the culprit, that shows it.
func (t *triage) search(ctx context.Context, mode int, candidates [][]*program.Program) ([]*program.Program, error) {
	// One by one they say more; what a multicall or two processors are needed for shows in the second try.
	ways := []int{area.Singles}
	if mode != area.Singles {
		ways = append(ways, mode)
	}
	for _, list := range candidates {
		for _, t.mode = range ways {
			if ok, err := t.again(ctx, true, list...); err != nil {
				return nil, err
			} else if ok {
				t.shown = list
				return t.fewer(ctx, list)
			}
		}
	}
	return nil, nil
}

// fewer leaves programs out, halves first.
func (t *triage) fewer(ctx context.Context, list []*program.Program) ([]*program.Program, error) {
	for part := len(list) / 2; part >= 1 && len(list) > 1; {
		shorter := false
		for at := 0; at < len(list) && len(list) > 1; {
			without := slices.Concat(list[:at], list[min(at+part, len(list)):])
			if len(without) == 0 {
				break
			}
			ok, err := t.again(ctx, false, without...)
			if err != nil {
				return list, err
			}
			if ok {
				list, shorter = without, true
			} else {
				at += part
			}
		}
		if !shorter {
			part /= 2
		}
	}
	return list, nil
}

// minimal makes what [triage.search] gave as small as can be. When that shows it only in a machine that other attempts
// have gone through, all begins again with a machine for each attempt.
func (t *triage) minimal(ctx context.Context, list []*program.Program) ([]*program.Program, error) {
	small, err := t.minimise(ctx, slices.Clone(list))
	if err != nil || t.boots == 0 {
		return small, err
	}
	if ok, err := t.again(ctx, true, small...); ok || err != nil {
		return small, err
	}
	t.careful = true
	if list, err = t.fewer(ctx, t.shown); err != nil {
		return list, err
	}
	return t.minimise(ctx, list)
}

// minimise makes the programs' calls and arguments fewer.
func (t *triage) minimise(ctx context.Context, list []*program.Program) ([]*program.Program, error) {
	for i, p := range list {
		try := func(q *program.Program) (bool, error) {
			if len(q.Calls) == 0 {
				return false, nil
			}
			next := slices.Clone(list)
			next[i] = q
			ok, err := t.again(ctx, false, next...)
			if ok {
				list[i], p = q, q
			}
			return ok, err
		}
		// The call that was under way is the first guess.
		if n := len(p.Calls); n > 1 {
			for c := n - 1; c >= 0; c-- {
				if p.Calls[c].Op.Name == t.call {
					if ok, err := try(p.Only(func(k int) bool { return k == c })); err != nil {
						return list, err
					} else if ok {
						break
					}
					if ok, err := try(p.Only(func(k int) bool { return k <= c })); err != nil || ok {
						if err != nil {
							return list, err
						}
						break
					}
				}
			}
		}
		for c := len(p.Calls) - 1; c >= 0 && len(p.Calls) > 1; c-- {
			if _, err := try(p.Only(func(k int) bool { return k != c })); err != nil {
				return list, err
			}
		}
		if err := t.simplify(func() *program.Program { return p }, try); err != nil {
			return list, err
		}
	}
	return list, nil
}

// simplify sets arguments and fields to 0, as many at once as can be: halves first.
func (t *triage) simplify(now func() *program.Program, try func(*program.Program) (bool, error)) error {
	var zero func(from, to int) error
	zero = func(from, to int) error {
		q := now().Clone()
		values := values(q)
		changed := false
		for _, v := range values[min(from, len(values)):min(to, len(values))] {
			if *v != (program.Value{}) {
				*v, changed = program.Value{}, true
			}
		}
		if !changed {
			return nil
		}
		// With a pointer its fields go: the places of what is left move then, which costs a few attempts.
		if ok, err := try(q.Only(func(int) bool { return true })); ok || err != nil {
			return err
		}
		if to-from <= 1 {
			return nil
		}
		middle := (from + to) / 2
		if err := zero(middle, to); err != nil {
			return err
		}
		return zero(from, middle)
	}
	if err := zero(0, len(values(now().Clone()))); err != nil {
		return err
	}
	// Buffers where they are easiest to make.
	q := now().Clone()
	plain := true
	for i := range q.Buffers {
		if q.Buffers[i].Place != program.Anywhere {
			q.Buffers[i].Place, plain = program.Anywhere, false
		}
	}
	if plain {
		return nil
	}
	_, err := try(q)
	return err
}

// values are a program's arguments and fields that may become 0: all but what chooses the operation. The
// arguments come behind the fields, since with a pointer its fields go.
func values(p *program.Program) []*program.Value {
	var list []*program.Value
	for i := range p.Fields {
		if f := &p.Fields[i]; f.Name != "cmd" && f.Form != program.Version {
			list = append(list, &f.Value)
		}
	}
	for i := range p.Calls {
		c := &p.Calls[i]
		for a := range c.Args {
			if a >= len(c.Op.Args) || c.Op.Args[a].Kind != call.Const {
				list = append(list, &c.Args[a])
			}
		}
	}
	return list
}
