package campaign

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"xtest/fuzz/area"
	"xtest/fuzz/call"
	"xtest/fuzz/finding"
	"xtest/fuzz/generator"
	"xtest/fuzz/player"
	"xtest/fuzz/program"
	"xtest/fuzz/session"
)

// parting is where two targets' answers part: a call, and what each says.
type parting struct {
	op       *call.Op
	one, two string
}

// met is where answers parted in one way: how often, and the shortest programs in which they did.
type met struct {
	times int
	in    []place
}

// place is a call of a program.
type place struct {
	program *program.Program
	number  uint64
	call    int
}

// places is how many programs are looked into: some part only because of what ran before.
const places = 3

// note adds a place, of which the shortest are kept.
func (m *met) note(p place) {
	m.times++
	m.in = append(m.in, p)
	slices.SortStableFunc(m.in, func(a, b place) int { return len(a.program.Calls) - len(b.program.Calls) })
	m.in = m.in[:min(len(m.in), places)]
}

// Compare makes the same calls, which follow from the seed alone, on the campaign's target and on another,
// and gives where the answers part whatever ran before.
func (c *Campaign) Compare(ctx context.Context, other *session.Target) ([]*finding.Finding, error) {
	var list []*program.Program
	g := generator.New(c.Target.Space, c.Ops, c.Seed)
	calls := uint64(0)
	for n := c.First; calls < c.Most; n++ {
		p := &program.Program{}
		g.Program(n, p)
		list = append(list, p)
		calls += uint64(len(p.Calls))
	}
	c.Say("%d programs of %d calls, on %s and on %s", len(list), calls, c.Target.Name, other.Name)
	var answers [2][][]string
	for i, t := range []*session.Target{c.Target, other} {
		var err error
		if answers[i], err = c.answersOf(ctx, t, list, false); err != nil {
			return nil, err
		}
	}
	c.Calls.Add(2 * calls)
	groups := map[parting]*met{}
	for n, p := range list {
		for k := range p.Calls {
			one, two := at(answers[0], n, k), at(answers[1], n, k)
			if one == two || one == "" || two == "" {
				continue
			}
			key := parting{p.Calls[k].Op, one, two}
			m := groups[key]
			if m == nil {
				m = &met{}
				groups[key] = m
			}
			m.note(place{p, c.First + uint64(n), k})
		}
	}
	c.Say("%d ways in which answers part; looking which of them hold by themselves", len(groups))
	return c.confirm(ctx, other, groups)
}

func at(answers [][]string, n, k int) string {
	if n < len(answers) && k < len(answers[n]) {
		return answers[n][k]
	}
	return ""
}

// answersOf plays the programs and gives each call's answer in words; what ends a machine has none.
func (c *Campaign) answersOf(ctx context.Context, t *session.Target, list []*program.Program, apart bool) ([][]string, error) {
	answers := make([][]string, 0, len(list))
	for deaths := 0; len(answers) < len(list); {
		s, err := c.boot(ctx, t, "")
		if err != nil {
			return nil, err
		}
		p := player.New(s, c.Silence)
		p.Apart = apart
		var last *program.Program
		begin := len(answers)
		d, err := p.Play(ctx, area.Singles, list[len(answers):], func(pr *program.Program, k int, o player.Outcome) {
			if pr != last || k == 0 {
				answers, last = append(answers, nil), pr
			}
			answers[len(answers)-1] = append(answers[len(answers)-1], answerOf(t.Space, pr.Calls[k].Op, o))
		})
		over := errors.Is(err, player.ErrOverwritten)
		if d == nil && !over {
			s.Finish()
			if err != nil {
				return nil, err
			}
			continue
		}
		s.End()
		// What the dead machine's slot held before the culprit is lost, and the culprit is left out.
		skipped := len(answers) + 1
		if over {
			c.Say("%s: %v", t.Name, err)
		} else {
			c.Say("%s: %s", t.Name, d.Signature())
			if d.Culprit != nil {
				skipped = max(skipped, begin+int(d.Culprit.Number)+1)
			}
		}
		if deaths++; deaths > 20 {
			return nil, fmt.Errorf("%s died %d times; leave out what ends it with --exclude", t.Name, deaths)
		}
		for len(answers) < min(skipped, len(list)) {
			answers = append(answers, nil)
		}
	}
	return answers, nil
}

// answerOf is an answer in words in which values are all alike: they differ for good reasons.
func answerOf(s *call.Space, op *call.Op, o player.Outcome) string {
	switch {
	case o.State == area.Faulted:
		return fmt.Sprintf("exception %d", o.Result)
	case o.State != area.Returned:
		return ""
	case o.Result > 0 && op.Values:
		return "a value"
	}
	if name, ok := s.Errno(o.Result); ok && name != "" {
		return name
	}
	return fmt.Sprint(o.Result)
}

// confirm plays what parted twice more on each target, in fresh machines, alone where that is enough.
func (c *Campaign) confirm(ctx context.Context, other *session.Target, groups map[parting]*met) ([]*finding.Finding, error) {
	keys := slices.SortedFunc(maps.Keys(groups), func(a, b parting) int {
		return cmp.Or(cmp.Compare(a.op.Name, b.op.Name), cmp.Compare(a.one, b.one), cmp.Compare(a.two, b.two))
	})
	if len(keys) == 0 {
		return nil, nil
	}
	var list []*program.Program // for each place: the program, and its call alone
	first := map[parting]int{}
	for _, k := range keys {
		first[k] = len(list)
		for _, m := range groups[k].in {
			list = append(list, m.program, m.program.Only(func(i int) bool { return i == m.call }))
		}
	}
	var answers [4][][]string
	for i, t := range []*session.Target{c.Target, other, c.Target, other} {
		var err error
		if answers[i], err = c.answersOf(ctx, t, list, true); err != nil {
			return nil, err
		}
	}
	both := &pair{Campaign: c, targets: [2]*session.Target{c.Target, other}}
	defer both.close()
	for _, k := range keys {
		holds := func(n, call int) bool {
			return at(answers[0], n, call) == k.one && at(answers[2], n, call) == k.one && at(answers[1], n, call) == k.two && at(answers[3], n, call) == k.two
		}
		for i, m := range groups[k].in {
			n := first[k] + 2*i
			p, alone := m.program, holds(n+1, 0)
			if alone {
				var err error
				if p, err = both.simplify(ctx, list[n+1], k); err != nil {
					return c.Findings, err
				}
			}
			if p == nil || !alone && !holds(n, m.call) {
				continue // it depends on what ran before
			}
			f := &finding.Finding{
				Class: finding.Divergence, Signature: fmt.Sprintf("%s: %s here, %s there", k.op.Name, k.one, k.two),
				Story:  fmt.Sprintf("%s answers %s on %s and %s on %s.", k.op.Name, k.one, c.Target.Name, k.two, other.Name),
				Target: c.Target.Name, Other: other.Name, Answers: [2]string{k.one, k.two}, Space: c.Target.Space.Name, Mode: Singles, Seed: c.Seed, Number: m.number, Call: k.op.Name,
				Tried: 2, Again: 2, Seen: groups[k].times, Minimal: alone, Command: c.Command, Version: c.Version, Options: c.Options,
				Parts: c.Target.Image.Plan.Parts, Programs: []*program.Program{p}, Original: m.program,
			}
			if c.Dir != "" {
				if err := f.Save(c.Dir + "/findings"); err != nil {
					return c.Findings, err
				}
			}
			c.Findings = append(c.Findings, f)
			break
		}
	}
	return c.Findings, nil
}
