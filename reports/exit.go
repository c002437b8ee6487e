package reports

import "fmt"

// The exit codes that a model can ask for; the others are about the command, not the run.
const (
	ExitGood      = 0
	ExitFailed    = 1
	ExitNotJudged = 125 // as `git bisect run` understands it: skip this one
)

// Exit is the exit code the run deserves: [ExitFailed] when any spec failed that is no known failure, else [ExitNotJudged]
// when any spec is broken or was not judged, when a target is in doubt (it did not boot, crashed
// between specs, or has no end) or when nothing passed or failed as known; else [ExitGood].
//
// A target that was missed, for want of a tool on this host, does not spoil the others: who asked
// for that very target looks at [Target.Missed]. If all were missed nothing passed.
func (m *Model) Exit() int {
	switch {
	case m.Counts.Fail > m.Counts.Known:
		return ExitFailed
	case m.Counts.Broken > 0, m.Counts.NotJudged > 0, m.Counts.Pass+m.Counts.Known == 0:
		return ExitNotJudged
	}
	for _, t := range m.Targets {
		if len(t.Doubts) > 0 {
			return ExitNotJudged
		}
	}
	return ExitGood
}

// doubts tells what keeps a target from being judged, its specs' verdicts left aside.
func doubts(t *Target) []string {
	var d []string
	var booted, done bool
	for _, b := range t.Boots {
		booted = booted || b.Booted
		done = done || b.Done
	}
	if t.Missed != nil && len(t.Boots) == 0 {
		return nil
	}
	switch {
	case len(t.Boots) > 0 && !booted:
		reason := "it did not boot"
		if end := t.Boots[len(t.Boots)-1].End; end != "" {
			reason += ": " + end
		} else if t.Missed != nil && t.Missed.Reason != "" {
			reason += ": " + t.Missed.Reason
		}
		d = append(d, reason)
	case booted && !done:
		d = append(d, "no agent said that it judged all it was asked to")
	}
	if t.Missed != nil && booted { // as one part of a merged run can
		d = append(d, "part of it was not judged: it could not be brought up: "+t.Missed.Reason)
	}
	if t.Missed == nil && !t.Ended {
		d = append(d, "xtest ended before it was done with this target")
	}
	for _, c := range t.Crashes {
		if c.Spec == "" {
			d = append(d, fmt.Sprintf("boot %d crashed while no spec ran: %s: %s", c.Boot, c.Kind, c.Signature))
		}
	}
	return d
}
