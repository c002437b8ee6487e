package campaign

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"xtest/fuzz/area"
	"xtest/fuzz/finding"
	"xtest/fuzz/oracle"
	"xtest/fuzz/player"
	"xtest/fuzz/program"
)

// report makes a finding of a death.
func (w *worker) report(ctx context.Context, d *player.Death) error {
	f := &finding.Finding{Class: finding.Hypervisor, Signature: d.Signature(), Console: d.Crash.Excerpt, Taken: d.Memory}
	if d.Kind == player.Crash && oracle.Classify(w.Target.Space, d.Crash) == oracle.Callers || d.Kind == player.Vanish && w.Target.Unprivileged {
		f.Class = finding.Caller // dom0 goes when its guest does
	}
	if d.Caller || f.Class == finding.Caller && oracle.Waits(d.Crash) {
		f.Class, f.Story = finding.Caller, "The domain that makes the calls stands still or waits, and the hypervisor goes on."
		return w.note(f)
	}
	if d.Culprit == nil {
		f.Story = "The machine died while no call of the fuzzer was under way."
		return w.note(f)
	}
	f.Original, f.Number = d.Culprit.Program.Clone(), d.Culprit.Number
	if d.Call >= 0 {
		f.Call = f.Original.Calls[d.Call].Op.Name
	}
	candidates := [][]*program.Program{{f.Original}}
	var before []*program.Program
	for _, it := range d.Before {
		if it.Number != house {
			before = append(before, it.Program.Clone())
		}
	}
	if n := len(before); n > 0 {
		candidates = append(candidates, append(before[max(0, n-16):n:n], f.Original), append(before[:n:n], f.Original))
	}
	return w.look(ctx, f, d.Mode, candidates)
}

// dropped removes the memory of a machine that died of what is known.
func dropped(f *finding.Finding) error {
	if f.Taken == "" {
		return nil
	}
	return os.Remove(f.Taken)
}

// note keeps a finding of which nobody knows the call: there is nothing to replay.
func (w *worker) note(f *finding.Finding) error {
	f.After = w.ended
	w.Say("%s: %s", f.Signature, f.Story)
	if w.known(f) {
		return dropped(f)
	}
	return w.keep(f)
}

// breached makes a finding of an answer.
func (w *worker) breached(ctx context.Context, b breach) error {
	f := &finding.Finding{Class: finding.Contract, Signature: b.Signature, Story: b.Story, Original: b.program, Number: b.number}
	if b.list == nil {
		b.list = []*program.Program{b.program}
	}
	return w.look(ctx, f, b.mode, [][]*program.Program{b.list})
}

// loud is how often an operation may end machines before it is left out.
const loud = 2

// known counts a finding that was met before, and says whether it was.
func (c *Campaign) known(f *finding.Finding) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.Class != finding.Contract && f.Call != "" {
		if c.times[f.Call]++; c.times[f.Call] >= loud {
			c.muted[f.Call] = true
		}
	}
	old := c.byText[f.Signature]
	if old != nil {
		old.Seen++
		return true
	}
	c.byText[f.Signature] = f
	f.Seen = 1
	return false
}

// look replays a finding, makes it smaller, and keeps it.
func (w *worker) look(ctx context.Context, f *finding.Finding, mode int, candidates [][]*program.Program) error {
	f.After = w.ended
	if w.known(f) {
		w.Say("again: %s", f.Signature)
		return dropped(f)
	}
	f.Programs = candidates[len(candidates)-1]
	where := fmt.Sprintf("one of %d programs", len(f.Programs))
	if f.Original != nil {
		where = f.Original.Calls[0].Op.Name
	}
	w.Say("found: %s, in %s; looking for the least that shows it", f.Signature, where)
	if err := w.keep(f); err != nil || w.Replays == 0 {
		return err
	}
	t := &triage{Campaign: w.Campaign, signature: f.Signature, boots: w.Boots, mode: area.Singles, call: f.Call, hasty: f.Class == finding.Contract}
	defer t.close()
	// What reached new code may have left the machine in the state that it takes: tracing switched on, say.
	var state []*program.Program
	for _, e := range w.Corpus.Entries() {
		state = append(state, e.Program)
	}
	candidates = append(candidates, slices.Concat(state, f.Programs))
	list, err := t.search(ctx, mode, candidates)
	if list != nil {
		f.Programs = list
		var less error
		f.Programs, less = t.minimal(ctx, list)
		f.Minimal = less == nil && t.boots > 0
		err = errors.Join(err, less)
		if t.call == "" && f.Calls() == 1 {
			t.call = f.Programs[0].Calls[0].Op.Name
		}
		if t.call != "" {
			f.Call = t.call
		}
		if t.console != "" {
			f.Console = t.console
		}
		t.boots += w.Replays
		for f.Tried < w.Replays && err == nil {
			var ok bool
			if ok, err = t.again(ctx, true, f.Programs...); err == nil {
				f.Tried++
				if ok {
					f.Again++
				}
			}
		}
	} else {
		f.Tried = 1
	}
	if list != nil {
		mode = t.mode
	}
	for name, m := range modes() {
		if m == mode {
			f.Mode = name
		}
	}
	f.Story = story(f)
	if isInvariant(f.Signature) && f.Again == 0 {
		f.Class = finding.Caller
		f.Story += "; that did not come again: a call whose memory another one had written over may have been told to"
	}
	if e := w.keep(f); e != nil {
		return errors.Join(e, err)
	}
	if w.Found != nil {
		w.Found(f)
	}
	w.Say("kept: %s: %s; replays %s", f.Signature, f.Story, f.Reliability())
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// story is the finding in one sentence.
func story(f *finding.Finding) string {
	if f.Story != "" {
		return f.Story
	}
	what := "The hypervisor dies"
	if f.Class == finding.Caller {
		what = "The calling domain is ended"
	}
	calls := f.Calls()
	how := fmt.Sprintf("of %d calls, the last one %s", calls, f.Call)
	if calls == 1 {
		how = "of one call, " + f.Call
	}
	return fmt.Sprintf("%s %s: %s.", what, how, f.Signature)
}

// keep writes the finding's folder.
func (w *worker) keep(f *finding.Finding) error {
	f.Target, f.Space, f.Seed, f.Command, f.Version, f.Options = w.Target.Name, w.Target.Space.Name, w.Seed, w.Command, w.Version, w.Options
	if f.Mode == "" {
		f.Mode = Singles
	}
	f.Parts, f.Boot = w.Target.Image.Plan.Parts, w.Target.Image.Plan.Command
	f.Machine, f.Sysctl, f.Domctl = w.play.S.Machine, w.play.S.Layout.Sysctl, w.play.S.Layout.Domctl
	w.mu.Lock()
	defer w.mu.Unlock()
	isNew := true
	for _, o := range w.Findings {
		isNew = isNew && o != f
	}
	if isNew {
		w.Findings = append(w.Findings, f)
	}
	if w.Dir == "" {
		return nil
	}
	return f.Save(w.Dir + "/findings")
}

// Replay runs a finding's programs in fresh machines and says in how many it came again.
func Replay(ctx context.Context, c *Campaign, f *finding.Finding, times int) (again int, console string, err error) {
	t := &triage{Campaign: c, signature: f.Signature, boots: times, mode: modes()[f.Mode], hasty: f.Class == finding.Contract}
	defer t.close()
	for n := range times {
		ok, err := t.again(ctx, true, f.Programs...)
		if err != nil {
			return again, t.console, err
		}
		if ok {
			again++
		}
		c.Say("replay %d of %d: %s", n+1, times, outcome(ok))
	}
	return again, t.console, nil
}

// outcome is a replay's in words.
func outcome(again bool) string {
	if again {
		return "it came again"
	}
	return "nothing"
}
