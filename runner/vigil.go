package runner

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
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
	flood    int       // all of them in this boot
	why      string    // why the machine had to be ended
	silent   bool      // it was ended for its silence
	kept     int       // bytes that its specs gave to the run's folder
	cried    bool      // its console told of a crash: nothing it says from then on buys time
}

// ending is how a boot went.
type ending struct {
	booted bool
	why    string
}

// patience is how long a machine may take for what its specs' limits do not cover.
type patience struct {
	// settle is how long a machine may go on after its first cry, to finish what it has to say.
	settle time.Duration
	// pause is how long the agent may take between two specs, and from its hello to its first word,
	// before scaling.
	pause time.Duration
	// grace is what a spec gets beyond its limit, before scaling: the agent enforces the limit and
	// is better at it.
	grace time.Duration
	// off is how long powering off may take, before scaling.
	off time.Duration
	// aliens is how many alien lines a boot may send before it is ended.
	aliens int
}

var usual = patience{
	settle: 1500 * time.Millisecond, pause: 20 * time.Second, grace: 3 * time.Second, off: 10 * time.Second,
	aliens: 100_000,
}

func (v *vigil) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) * max(v.image.Scale, 1))
}

// slack is the scaled grace, within reason: a machine that hangs is not to cost half a minute.
func (v *vigil) slack() time.Duration { return min(v.scaled(v.patience.grace), 10*time.Second) }

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
					limit.Reset(v.slack())
				}
				continue
			}
			// Only progress buys time, or a guest that chatters could go on for ever.
			if v.takeOne(in) && !v.cried {
				limit.Reset(v.wait())
			}
			if v.rec.Err() != nil {
				v.m.Kill() // whatever it does would go unrecorded
			}
		case <-v.m.Cry:
			v.cried = true
			limit.Reset(v.patience.settle)
		case <-limit.C:
			v.stop(events == nil)
		case <-ctx.Done():
			v.m.Kill()
			v.drain(events) // what was judged in time is not lost
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

// takeOne tells whether the work went forward. What was said behind a crash is not believed.
func (v *vigil) takeOne(in machine.Incoming) (progress bool) {
	switch {
	case in.Alien != nil:
		v.strange(in.Alien)
	case !in.Late:
		return v.take(in.Event)
	}
	return false
}

// wait is how long the machine may take until its next progress.
func (v *vigil) wait() time.Duration {
	switch {
	case v.finished:
		return v.scaled(v.patience.off)
	case v.open != "":
		return v.specs[v.open].Meta.Limit + v.slack() - time.Since(v.since)
	case v.image.Nests:
		// One guest may have to be given up and the next one made and booted, for each of which the machine has
		// limits of its own. On a busy host a guest that was still coming up cost the machine.
		return max(v.image.BootLimit, v.scaled(v.patience.pause))
	}
	return v.scaled(v.patience.pause)
}

// take believes an event as far as it fits what was asked, and tells whether the work went forward.
// Fields that do not belong to the event's kind are the guest's invention and left out.
func (v *vigil) take(in event.Event) (progress bool) {
	e := event.Event{Kind: in.Kind, Time: in.Time, Target: v.target, Boot: v.boots}
	switch e.Kind {
	case event.Booted:
		if v.booted || in.Machine == nil {
			v.strange(fmt.Errorf("a second or empty %s event", e.Kind))
			return false
		}
		v.booted, e.Machine, progress = true, in.Machine, true
	case event.SpecStarted:
		if !v.booted || v.finished || !v.batch[in.Spec] {
			v.strange(fmt.Errorf("the start of %.80q, which was not asked for", in.Spec))
			return false
		}
		v.lost()
		delete(v.batch, in.Spec)
		v.open, v.since, v.aliens, v.alien = in.Spec, time.Now(), 0, nil
		e.Suite, e.Spec, progress = v.specs[in.Spec].Meta.Suite, in.Spec, true
	case event.SpecEnded:
		if v.open == "" || in.Spec != v.open || in.Result == nil || !in.Result.Verdict.Valid() {
			v.strange(fmt.Errorf("the end of %.80q, which does not run or got no verdict", in.Spec))
			return false
		}
		r := v.doubted(*in.Result)
		v.open = ""
		if v.moving.leaves(v.specs[in.Spec], r) {
			v.rec.Add(event.Event{Kind: event.SpecMoved, Target: v.target, Boot: v.boots, Suite: v.specs[in.Spec].Meta.Suite, Spec: in.Spec})
		} else {
			v.ended(in.Spec, r)
		}
		return true
	case event.Sampled:
		if v.open == "" || in.Spec != v.open || in.Sample == nil {
			v.strange(fmt.Errorf("a sample of %.80q, which does not run", in.Spec))
			return false
		}
		e.Suite, e.Spec, e.Sample = v.specs[in.Spec].Meta.Suite, in.Spec, in.Sample
	case event.Kept:
		name, err := v.file(in)
		if err != nil {
			v.strange(err)
			return false
		}
		e.Suite, e.Spec, e.File = v.specs[in.Spec].Meta.Suite, in.Spec, &event.File{Name: name, Size: len(in.File.Data)}
	case event.Probed:
		e.Probe, e.Reason = in.Probe, in.Reason
	case event.Warned:
		e.Spec, e.Reason = v.open, in.Reason
	case event.Finished:
		if !v.booted || v.finished {
			v.strange(fmt.Errorf("a %s event before the first or behind the last spec", e.Kind))
			return false
		}
		v.lost()
		v.finished, progress = true, true
	default:
		v.strange(fmt.Errorf("an event of kind %q, which has no place here", e.Kind))
		return false
	}
	v.rec.Add(e)
	return progress
}

// maxKept is how much the specs of a boot may give to the run's folder, in bytes.
const maxKept = 64 << 20

// file keeps a part of a file that the running spec gives, and says where.
func (v *vigil) file(in event.Event) (string, error) {
	if v.open == "" || in.Spec != v.open || in.File == nil {
		return "", fmt.Errorf("a file of %.80q, which does not run", in.Spec)
	}
	if v.kept += len(in.File.Data); v.kept > maxKept {
		return "", fmt.Errorf("the boot's specs give more than %d bytes to keep", maxKept)
	}
	return v.rec.Keep(v.target, v.boots, in.File.Name, in.File.Data)
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
		r.Reason = fmt.Sprintf("lines that the agent did not send came over the event channel while it ran: %d (it said %s), the first: %v", v.aliens, r.Verdict, v.alien)
		r.Verdict, r.Failure = event.Broken, nil
	}
	return r
}

func (v *vigil) strange(err error) {
	v.flood++
	if v.aliens++; v.aliens == 1 {
		v.alien = err
		v.rec.Add(event.Event{Kind: event.Warned, Target: v.target, Boot: v.boots, Spec: v.open, Reason: "event channel: " + err.Error()})
	}
	if v.flood == v.patience.aliens {
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
			v.why = fmt.Sprintf("the agent was silent for %v", v.scaled(v.patience.pause))
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
		reason := cmp.Or(v.why, v.m.End.How, "powered off")
		v.rec.Add(event.Event{Kind: event.MachineEnded, Target: v.target, Boot: v.boots, Reason: reason})
		for _, id := range slices.Sorted(maps.Keys(v.batch)) {
			v.ended(id, event.Result{Verdict: event.Broken, Reason: "the agent finished without judging it"})
		}
		return end
	}
	crash := v.crash(cry, cried)
	if v.m.End.Dump != "" {
		crash.Memory = filepath.Base(v.m.End.Dump) // in the run's folder
	}
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
	switch {
	case v.m.Err != nil:
		how = v.m.Err.Error()
	case v.m.End.How != "":
		how = "the guest " + v.m.End.How
	}
	return event.Crash{Kind: "vanished", Signature: "it ended by itself: " + how, Excerpt: v.m.Console.Tail()}
}
