package runner

import (
	"context"
	"fmt"
	"time"

	"xtest/runner/console"
	"xtest/runner/event"
	"xtest/runner/machine"
)

// vigil watches one boot on four things at once: what the agent says, what the console cries, how
// long nothing happens, and the machine's end.
type vigil struct {
	*judging
	m     *machine.Machine
	batch map[string]bool // to be judged in this boot and not yet started

	booted   bool
	finished bool
	open     string    // the spec that runs
	since    time.Time // and when it started
	aliens   int       // lines in the channel that the agent did not send, since the last spec
	alien    error     // the first of them
	why      string    // why the machine had to be ended
	silent   bool      // it was ended for its silence
	cried    bool      // its console told of a crash: nothing it says from then on is believed
}

// ending is how a boot went.
type ending struct {
	booted bool
	why    string
}

const (
	// settle is how long a machine may go on after its first cry, to finish what it has to say.
	settle = 1500 * time.Millisecond
	// pause is how long the agent may take between two specs, and from its hello to its first word,
	// before scaling.
	pause = 20 * time.Second
	// grace is what a spec gets beyond its limit, before scaling: the agent enforces the limit and
	// is better at it.
	grace = 3 * time.Second
	// maxAliens is how many alien lines a boot may send before it is ended.
	maxAliens = 100_000
)

func (v *vigil) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) * max(v.image.Scale, 1))
}

func (v *vigil) keep(ctx context.Context) ending {
	limit := time.NewTimer(v.image.BootLimit)
	defer limit.Stop()
	events := v.m.Events
	for {
		select {
		case in, ok := <-events:
			if !ok {
				// The channel ends with the machine; it may not end alone.
				if events = nil; !v.cried {
					limit.Reset(v.scaled(grace))
				}
				continue
			}
			v.takeOne(in)
			if in.Alien == nil && !v.cried {
				limit.Reset(v.patience())
			}
		case <-v.m.Cry:
			v.takeWaiting(events)
			v.cried = true
			limit.Reset(settle)
		case <-limit.C:
			v.stop(events == nil)
		case <-ctx.Done():
			v.m.Kill()
			<-v.m.Ended
			v.rec.Add(event.Event{Kind: event.MachineEnded, Target: v.target, Boot: v.boots, Reason: "ended by xtest: " + context.Cause(ctx).Error()})
			return ending{booted: v.booted, why: "interrupted"}
		case <-v.m.Ended:
			v.drain(events)
			return v.conclude()
		}
	}
}

// drain takes what the agent said before the machine's end.
func (v *vigil) drain(events <-chan machine.Incoming) {
	if events == nil {
		return
	}
	for in := range events {
		v.takeOne(in)
	}
}

// takeWaiting takes what the agent said before the console cried.
func (v *vigil) takeWaiting(events <-chan machine.Incoming) {
	for {
		select {
		case in, ok := <-events:
			if !ok {
				return
			}
			v.takeOne(in)
		default:
			return
		}
	}
}

func (v *vigil) takeOne(in machine.Incoming) {
	switch {
	case in.Alien != nil:
		v.strange(in.Alien)
	case !v.cried:
		v.take(in.Event)
	}
}

// patience is how long the machine may take until its next event.
func (v *vigil) patience() time.Duration {
	switch {
	case v.finished:
		return v.scaled(10 * time.Second)
	case v.open != "":
		return v.specs[v.open].Meta.Limit + v.scaled(grace) - time.Since(v.since)
	}
	return v.scaled(pause)
}

// take believes an event as far as it fits what was asked.
func (v *vigil) take(e event.Event) {
	e.Target, e.Boot = v.target, v.boots
	switch e.Kind {
	case event.Booted:
		if v.booted || e.Machine == nil {
			v.strange(fmt.Errorf("a second or empty %s event", e.Kind))
			return
		}
		v.booted = true
	case event.SpecStarted:
		if !v.batch[e.Spec] {
			v.strange(fmt.Errorf("the start of %.80q, which was not asked for", e.Spec))
			return
		}
		v.lost()
		delete(v.batch, e.Spec)
		v.open, v.since, v.aliens, v.alien = e.Spec, time.Now(), 0, nil
		e.Suite = v.specs[e.Spec].Meta.Suite
	case event.SpecEnded:
		if e.Spec != v.open || e.Result == nil || !e.Result.Verdict.Valid() {
			v.strange(fmt.Errorf("the end of %.80q, which does not run", e.Spec))
			return
		}
		v.ended(e.Spec, v.doubted(*e.Result))
		v.open = ""
		return
	case event.Sampled:
		if e.Spec != v.open || e.Sample == nil {
			v.strange(fmt.Errorf("a sample of %.80q, which does not run", e.Spec))
			return
		}
	case event.Finished:
		v.lost()
		v.finished = true
	}
	v.rec.Add(e)
}

// lost closes a spec whose end never came.
func (v *vigil) lost() {
	if v.open != "" {
		v.ended(v.open, v.doubted(event.Result{Verdict: event.Broken, Reason: "its end was lost on the event channel", Duration: time.Since(v.since)}))
		v.open = ""
	}
}

// doubted turns a verdict into broken when somebody but the agent wrote to the channel meanwhile.
func (v *vigil) doubted(r event.Result) event.Result {
	if v.aliens > 0 {
		r.Reason = fmt.Sprintf("while it ran, %d lines came over the event channel that the agent did not send (it said %s), the first: %v", v.aliens, r.Verdict, v.alien)
		r.Verdict, r.Failure = event.Broken, nil
	}
	return r
}

func (v *vigil) strange(err error) {
	if v.aliens++; v.aliens == 1 {
		v.alien = err
		v.rec.Add(event.Event{Kind: event.Warned, Target: v.target, Boot: v.boots, Spec: v.open, Reason: "event channel: " + err.Error()})
	}
	if v.aliens == maxAliens {
		v.why = "it floods its event channel"
		v.m.Kill()
	}
}

// stop ends a machine whose time is up.
func (v *vigil) stop(mute bool) {
	if _, cried := v.m.Console.Crash(); !cried && v.why == "" {
		v.silent = true
		switch {
		case v.finished:
			v.why = "it did not power off after its work"
		case mute:
			v.why = "the event channel ended and the machine went on"
		case v.open != "":
			v.why = fmt.Sprintf("nothing was heard for %v, the time limit of %s and more", time.Since(v.since).Round(time.Second), v.open)
		case v.booted:
			v.why = fmt.Sprintf("the agent was silent for %v", v.scaled(pause))
		default:
			v.why = fmt.Sprintf("the agent did not answer within %v of the start", v.image.BootLimit)
		}
	}
	v.m.Kill()
}

// conclude judges the boot as a whole, once the machine is gone.
func (v *vigil) conclude() ending {
	cry, cried := v.m.Console.Crash()
	end := ending{booted: v.booted}
	if v.finished && !cried {
		reason := "powered off"
		if v.why != "" {
			reason = v.why
		}
		v.rec.Add(event.Event{Kind: event.MachineEnded, Target: v.target, Boot: v.boots, Reason: reason})
		for id := range v.batch {
			v.ended(id, event.Result{Verdict: event.Broken, Reason: "the agent finished without judging it"})
		}
		return end
	}
	crash := v.crash(cry, cried)
	v.rec.Add(event.Event{Kind: event.Crashed, Target: v.target, Boot: v.boots, Suite: v.specs[v.open].Meta.Suite, Spec: v.open, Crash: &crash})
	v.rec.Add(event.Event{Kind: event.MachineEnded, Target: v.target, Boot: v.boots, Reason: crash.Signature})
	end.why = fmt.Sprintf("the machine ended (%s)", crash.Signature)
	if !v.booted {
		end.why = "the machine did not come up: " + crash.Signature
		if cause := console.Cause(crash.Excerpt); cause != "" {
			end.why += "; likely cause: " + cause
		}
	}
	if v.open != "" {
		v.ended(v.open, event.Result{
			Verdict: event.Broken, Duration: time.Since(v.since),
			Reason: "the machine ended while it ran: " + crash.Signature,
		})
	}
	return end
}

func (v *vigil) crash(cry console.Crash, cried bool) event.Crash {
	switch {
	case cried:
		return event.Crash{Kind: cry.Kind, Signature: cry.Signature, Excerpt: cry.Excerpt}
	case v.silent:
		return event.Crash{Kind: "hang", Signature: v.why, Excerpt: v.m.Console.Tail()}
	case v.why != "":
		return event.Crash{Kind: "ended", Signature: v.why, Excerpt: v.m.Console.Tail()}
	}
	how := "without a word"
	if v.m.Err != nil {
		how = v.m.Err.Error()
	}
	return event.Crash{Kind: "vanished", Signature: "it ended by itself: " + how, Excerpt: v.m.Console.Tail()}
}
