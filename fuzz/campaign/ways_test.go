package campaign

import (
	"strings"
	"testing"
	"time"

	"xtest/fuzz/call"
)

// TestWaysOnXen: a stock Xen is fuzzed in each way, and from each caller, without a finding.
func TestWaysOnXen(t *testing.T) {
	if !*soak {
		t.Skip("boots six machines; -soak does")
	}
	for name, way := range map[string]struct {
		what        string
		cores, jobs int
		calls       uint64
		mode        string
	}{
		"race": {"debian-12", 2, 1, 2000, Race}, "jobs": {"debian-12", 1, 2, 20_000, Both}, "pv": {"debian-12@pv", 1, 1, 8000, Both}, "pvh": {"debian-12@pvh", 1, 1, 8000, Both},
		"hvm": {"debian-12@hvm", 1, 1, 8000, Both},
	} {
		t.Run(name, func(t *testing.T) {
			target := xenTargetWith(t, way.what, way.cores)
			target.Unprivileged = strings.Contains(way.what, "@")
			ops, err := target.Space.Choose(call.Allocates, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			c := New(Config{
				Target: target, Ops: ops, Seed: 7, Most: way.calls, Jobs: way.jobs, Dir: t.TempDir(), Mode: way.mode, Guided: target.Plugin != "", For: 10 * time.Minute,
				Silence: time.Minute, Say: func(format string, args ...any) { said.WriteString(format); t.Logf(format, args...) },
			})
			if err := c.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d calls in %v, %d answers, %+v", c.Calls.Load(), c.Took().Round(time.Second/10), c.Distinct.Load(), c.Kept())
			if n := len(c.All()); n != 0 || c.Calls.Load() < way.calls || c.Distinct.Load() < 100 || int(c.Machines.Load()) != way.jobs {
				t.Errorf("%d findings, %d calls, %d answers, %d machines", n, c.Calls.Load(), c.Distinct.Load(), c.Machines.Load())
			}
			for _, k := range c.Kept() {
				privileged := k.Memory[0] != 0 && k.Domains == [2]uint64{1, 1}
				if privileged == target.Unprivileged || k.Grants[0] == 0 || k.Ports[0] == 0 || k.Ports[0] != k.Ports[1] {
					t.Errorf("before and after: %+v", k)
				}
			}
			if strings.Contains(said.String(), "the number of") {
				t.Error("what no call is to change has changed")
			}
		})
	}
}
