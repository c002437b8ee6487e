package main

import (
	"context"
	"fmt"
	"os"

	calls "xtest/fuzz/call"
	"xtest/fuzz/campaign"
	"xtest/fuzz/finding"
	"xtest/fuzz/session"
)

// comparedCalls is how many calls are compared when the user does not say.
const comparedCalls = 20_000

// compare makes the same calls on two targets.
func (f *fuzzFlags) compare(ctx context.Context, one session.Target, ops []*calls.Op, status *status) error {
	f.blind = true
	other, _, err := f.aim(f.diff, one.Space.Name)
	if err != nil {
		return err
	}
	done, err := f.prepare(ctx, other, status.say)
	if err != nil {
		return err
	}
	defer done()
	dir, err := f.folder()
	if err != nil {
		return err
	}
	if f.calls == 0 {
		f.calls = comparedCalls
	}
	one.Plugin = ""
	status.say("comparing %s with %s · seed %d · folder %s", one.Name, other.Name, f.seed, dir)
	c := campaign.New(campaign.Config{
		Target: &one, Ops: ops, Seed: f.seed, Most: f.calls, Dir: dir, Silence: f.silence, First: f.first, Say: status.say, Command: os.Args, Version: version(), Options: f.given(),
	})
	found, err := c.Compare(ctx, &other.Target)
	if err != nil {
		return err
	}
	fmt.Printf("\n%d differences that hold by themselves\n", len(found))
	for _, d := range found {
		fmt.Printf("  %s\n      %s\n      met %d times · %s\n", plain(d.Signature), words(d), d.Seen, d.Dir)
	}
	if len(found) > 0 {
		return exit(exitFailed)
	}
	return nil
}

// words are the call to which two targets answer differently.
func words(d *finding.Finding) string {
	p := d.Programs[0]
	for c := len(p.Calls) - 1; c >= 0; c-- {
		if p.Calls[c].Op.Name == d.Call {
			text := p.Words(c)
			if n := len(p.Calls); n > 1 {
				text += fmt.Sprintf(", call %d of %d", c+1, n)
			}
			return text
		}
	}
	return d.Call
}
