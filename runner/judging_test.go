package runner

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xtest/runner/event"
	"xtest/runner/machine"
)

func TestGoodRun(t *testing.T) {
	tr := newTrial(t, "good", append(abc(), Spec{"x/other", event.Meta{Suite: "other"}})...)
	tr.plan.Targets[0].Suites = []string{"s", "s"} // named twice, judged once
	tr.fake.scale = 0
	list, err := tr.run(t, t.Context())
	if err != nil {
		t.Error(err)
	}
	list.want(t, "s/a=pass s/b=pass s/c=pass")
	list.boots(t, 1)
	var kinds []string
	for _, e := range list {
		kinds = append(kinds, string(e.Kind))
	}
	one := "spec-started spec-ended "
	want := "target-planned spec-listed spec-listed spec-listed boot-started booted " + one + one + one + "finished machine-ended target-ended"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if reason := list.of(event.MachineEnded)[0].Reason; reason != "powered off" {
		t.Errorf("the machine ended: %s", reason)
	}
	if limit := list.of(event.SpecListed)[0].Meta.Limit; limit != 10*time.Second {
		t.Errorf("a limit of %v", limit)
	}
}

func TestDestructiveSpecsGetABootEach(t *testing.T) {
	destructive := func(id string) Spec {
		s := spec(id)
		s.Meta.Grade = "destructive"
		return s
	}
	for name, specs := range map[string][]Spec{
		"first":   {destructive("s/destroy1"), destructive("s/destroy2"), spec("s/a"), spec("s/b")},
		"last":    {spec("s/a"), spec("s/b"), destructive("s/destroy1"), destructive("s/destroy2")},
		"between": {spec("s/a"), destructive("s/destroy2"), spec("s/b"), destructive("s/destroy1")},
	} {
		t.Run(name, func(t *testing.T) {
			list, _ := newTrial(t, "destructive", specs...).run(t, t.Context())
			list.want(t, "s/a=pass s/b=pass s/destroy1=pass s/destroy2=pass")
			list.boots(t, 3)
		})
	}
}

func TestPrepareErrors(t *testing.T) {
	tr := newTrial(t, "good")
	tr.fake.missing = &machine.Unavailable{Reason: "no emulator", Fix: "install one"}
	list, _ := tr.run(t, t.Context())
	list.want(t, "")
	miss := list.of(event.TargetMissed)
	if len(miss) != 1 || miss[0].Reason != "no emulator" || miss[0].Fix != "install one" {
		t.Errorf("recorded %+v", miss)
	}
	tr = &trial{fake: &fake{missing: errors.New("the mirror is down")}, plan: tr.plan}
	tr.plan.Targets = []Target{{Name: "fake:it", Backend: tr.fake, Suites: []string{"s"}}}
	list, _ = tr.run(t, t.Context())
	if miss := list.of(event.TargetMissed); len(miss) != 1 || miss[0].Reason != "the mirror is down" {
		t.Errorf("recorded %+v", miss)
	}
}

func TestMachineThatCannotBeStarted(t *testing.T) {
	tr := newTrial(t, "good")
	tr.plan.Targets[0].Backend = unstartable{}
	list, _ := tr.run(t, t.Context())
	list.want(t, "s/a=broken s/b=broken s/c=broken")
	list.boots(t, 1)
	has(t, list.result(t, "s/c").Reason, "could not be started", "no disk")
}

type unstartable struct{ machine.Backend }

func (unstartable) Name() string { return "fake" }

func (unstartable) Prepare(context.Context, string, *machine.Supplies) (*machine.Image, error) {
	return &machine.Image{BootLimit: time.Second, Launch: func(machine.Boot) (machine.Launch, error) {
		return machine.Launch{}, errors.New("no disk")
	}}, nil
}

func TestInterrupt(t *testing.T) {
	tr := newTrial(t, "hangs-in-spec")
	ctx, cancel := context.WithCancelCause(t.Context())
	tr.watch = func(e event.Event) {
		if e.Kind == event.SpecStarted && e.Spec == "s/b" {
			cancel(errors.New("Ctrl-C"))
		}
	}
	list, err := tr.run(t, ctx)
	if err == nil || err.Error() != "Ctrl-C" {
		t.Errorf("the run's error is %v", err)
	}
	list.want(t, "s/a=pass") // and s/b is open on the record
	list.boots(t, 1)
	has(t, list.of(event.MachineEnded)[0].Reason, "Ctrl-C")
}

func TestInterruptLosesNothingThatWasSaid(t *testing.T) {
	tr := newTrial(t, "says-all")
	ctx, cancel := context.WithCancelCause(t.Context())
	tr.watch = func(e event.Event) {
		if e.Kind == event.Booted {
			awaitFile(t, filepath.Join(tr.fake.scratches[0], "said"))
			cancel(errors.New("Ctrl-C"))
		}
	}
	list, _ := tr.run(t, ctx)
	list.want(t, "s/a=pass s/b=pass s/c=pass")
}

func awaitFile(t *testing.T, name string) {
	deadline, tick := time.NewTimer(20*time.Second), time.NewTicker(2*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for {
		if _, err := os.Stat(name); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Errorf("%s does not come", name)
			return
		}
	}
}

func TestFingerprint(t *testing.T) {
	files := map[string]string{
		"/proc/sys/kernel/osrelease": "6.1.0\n",
		"/proc/cpuinfo":              "processor\t: 0\nmodel name\t: A CPU\n\nprocessor\t: 1\nmodel name\t: A CPU\n",
		"/proc/meminfo":              "MemTotal:        2048 kB\nMemFree: 1 kB\n",
	}
	got := fingerprint(func(name string) ([]byte, error) {
		if text, ok := files[name]; ok {
			return []byte(text), nil
		}
		return nil, os.ErrNotExist
	})
	if want := (event.Host{Kernel: "6.1.0", CPU: "A CPU", Cores: 2, Memory: 2 << 20}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := fingerprint(func(string) ([]byte, error) { return nil, os.ErrNotExist }); got != (event.Host{}) {
		t.Errorf("of nothing: %+v", got)
	}
}
