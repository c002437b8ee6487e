package config

import (
	"fmt"
	"time"

	"xtest/runner/event"
)

// Expired says whether the failure is excused no longer.
func (k Known) Expired(now time.Time) bool { return !k.until.IsZero() && !now.Before(k.until) }

// Title names the entry and where it stands.
func (k Known) Title() string { return fmt.Sprintf("%s on %s (%s)", k.Spec, k.Target, k.at) }

// Excuse gives what is known of a spec that fails, or passes, on a target with either of its names:
// the first entry for it that has not expired, else the first that has, else nil.
func (c *Config) Excuse(now time.Time, name, what, spec string) *event.Known {
	var found *event.Known
	for _, k := range c.Known {
		if !Match(k.Spec, spec) || !Match(k.Target, name) && !Match(k.Target, what) {
			continue
		}
		known := &event.Known{Entry: k.Title(), Reason: k.Reason, Link: k.Link, Expires: k.Expires, Expired: k.Expired(now)}
		if !known.Expired {
			return known
		}
		if found == nil {
			found = known
		}
	}
	return found
}
