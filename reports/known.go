package reports

import (
	"fmt"

	"xtest/runner/event"
)

// KnownEntry sums up what the run has to say on one entry of the user's known failures.
type KnownEntry struct {
	event.Known
	Failed int `json:"failed"`
	Passed int `json:"passed"`
}

// Stale says whether the entry can go: its specs were judged, and all of them pass.
func (k *KnownEntry) Stale() bool { return k.Passed > 0 && k.Failed == 0 }

// knownEntries collects the entries in the order in which specs fell under them.
func knownEntries(m *Model) []*KnownEntry {
	var list []*KnownEntry
	byEntry := map[event.Known]*KnownEntry{}
	for _, t := range m.Targets {
		for _, s := range t.Specs {
			if s.Result == nil || s.Result.Known == nil {
				continue
			}
			k := byEntry[*s.Result.Known]
			if k == nil {
				k = &KnownEntry{Known: *s.Result.Known}
				byEntry[k.Known] = k
				list = append(list, k)
			}
			switch s.Verdict() {
			case event.Fail:
				k.Failed++
			case event.Pass:
				k.Passed++
			}
		}
	}
	return list
}

// known names the entries that somebody has to look at.
func (p *page) known() {
	headed := false
	entry := func(k *KnownEntry, what string) {
		if !headed {
			p.blank()
			p.line(bold, "", "", "known failures to look at")
			headed = true
		}
		p.line(plain, "      ", "        ", Clip(Clean(k.Entry), maxValue)+" · "+what)
	}
	for _, k := range p.m.Known {
		switch {
		case k.Stale():
			entry(k, "passes now: remove the entry")
		case k.Expired && k.Failed > 0:
			entry(k, "expired after "+Clean(k.Expires)+": "+plural(k.Failed, "failure counts", "failures count"))
		}
	}
}

// Excuse says in one line what was known of a failure.
func Excuse(k *event.Known) string {
	text := k.Reason
	if k.Link != "" {
		text += " (" + k.Link + ")"
	}
	switch {
	case k.Expired:
		return fmt.Sprintf("no longer: the entry expired after %s: %s", k.Expires, text)
	case k.Expires != "":
		text += "; excused until " + k.Expires
	}
	return text
}

// failed counts failures, those that were known among them.
func failed(c Counts) string {
	text := fmt.Sprintf("%d failed", c.Fail)
	switch {
	case c.Known == 1 && c.Fail == 1:
		return text + ", which is known"
	case c.Known > 0 && c.Known == c.Fail:
		return text + ", all of them known"
	case c.Known > 0:
		return text + fmt.Sprintf(", %d of them known", c.Known)
	}
	return text
}
