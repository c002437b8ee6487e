package campaign

import (
	"context"
	"errors"

	"xtest/fuzz/area"
	"xtest/fuzz/finding"
	"xtest/fuzz/player"
	"xtest/fuzz/program"
	"xtest/fuzz/session"
)

// pair is a machine of each of two targets, on which a call is made simpler for as long as the answers part.
type pair struct {
	*Campaign
	targets  [2]*session.Target
	sessions [2]*session.Session
}

// simplify gives the call with as many arguments set to 0 as can be, nil when the answers do not part here.
func (b *pair) simplify(ctx context.Context, p *program.Program, k parting) (*program.Program, error) {
	if ok, err := b.parts(ctx, p, k.op.Name, [2]string{k.one, k.two}); err != nil || !ok {
		return nil, err
	}
	t := &triage{Campaign: b.Campaign}
	err := t.simplify(func() *program.Program { return p }, func(q *program.Program) (bool, error) {
		ok, err := b.parts(ctx, q, k.op.Name, [2]string{k.one, k.two})
		if ok {
			p = q
		}
		return ok, err
	})
	return p, err
}

// answer runs a program and says what the last call of the operation came back with, "" when the machine died.
func (b *pair) answer(ctx context.Context, i int, q *program.Program, op string) (answer string, err error) {
	if b.sessions[i] == nil {
		if b.sessions[i], err = b.boot(ctx, b.targets[i], ""); err != nil {
			return "", err
		}
	}
	play := player.New(b.sessions[i], b.Silence)
	play.Hasty = true
	play.Resume()
	d, err := play.Play(ctx, area.Singles, []*program.Program{q}, func(pr *program.Program, c int, o player.Outcome) {
		if pr.Calls[c].Op.Name == op {
			answer = answerOf(b.targets[i].Space, pr.Calls[c].Op, o)
		}
	})
	if d != nil || errors.Is(err, player.ErrOverwritten) {
		b.sessions[i].End()
		b.sessions[i] = nil
		return "", nil
	}
	return answer, err
}

// parts says whether a program's answers are those of the parting.
func (b *pair) parts(ctx context.Context, q *program.Program, op string, answers [2]string) (bool, error) {
	for i, want := range answers {
		if got, err := b.answer(ctx, i, q, op); err != nil || got != want {
			return false, err
		}
	}
	return true, nil
}

// ReplayParting runs a divergence's program in fresh machines of both targets and says how often the answers parted as
// they did.
func ReplayParting(ctx context.Context, c *Campaign, other *session.Target, f *finding.Finding, times int) (again int, err error) {
	for n := range times {
		b := &pair{Campaign: c, targets: [2]*session.Target{c.Target, other}}
		ok, err := b.parts(ctx, f.Programs[0], f.Call, f.Answers)
		b.close()
		if err != nil {
			return again, err
		}
		if ok {
			again++
		}
		c.Say("replay %d of %d: %s", n+1, times, outcome(ok))
	}
	return again, nil
}

func (b *pair) close() {
	for _, s := range b.sessions {
		if s != nil {
			s.Finish()
		}
	}
}
