package runner

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"xtest/runner/event"
	"xtest/runner/machine"
	"xtest/runner/record"
)

// fake is a backend whose machines are copies of the test program.
type fake struct {
	machine.Backend
	t       *testing.T
	play    string
	limit   time.Duration
	scale   float64
	missing error
	luggage string // the device that its machines share

	mu        sync.Mutex
	boots     int
	scratches []string
}

func (*fake) Name() string { return "fake" }

func (f *fake) Prepare(context.Context, string, *machine.Supplies) (*machine.Image, error) {
	if f.missing != nil {
		return nil, f.missing
	}
	return &machine.Image{Plan: event.Plan{Backend: "fake"}, Scale: f.scale, BootLimit: f.limit, Launch: f.launch, Luggage: f.luggage}, nil
}

func (f *fake) launch(b machine.Boot) (machine.Launch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.boots++
	f.scratches = append(f.scratches, b.Scratch)
	exe, err := os.Executable()
	env := append(os.Environ(), playEnv+"="+f.play, fmt.Sprintf("%s=%d", bootEnv, f.boots), luggageEnv+"="+b.Luggage)
	return machine.Launch{Args: []string{exe}, Env: env}, err
}

// calm is enough for a guest that does its work, on a busy machine.
var calm = patience{settle: 300 * time.Millisecond, pause: 20 * time.Second, grace: 10 * time.Second, off: 20 * time.Second, aliens: 1000}

func spec(id string) Spec {
	return Spec{id, event.Meta{Suite: "s", Limit: 10 * time.Second, Grade: "guest"}}
}

func abc() []Spec { return []Spec{spec("s/a"), spec("s/b"), spec("s/c")} }

type trial struct {
	fake  *fake
	plan  Plan
	watch func(event.Event)
	dir   string // the record's, once it ran
}

func newTrial(t *testing.T, play string, specs ...Spec) *trial {
	t.Parallel()
	f := &fake{t: t, play: play, limit: 30 * time.Second, scale: 1}
	if specs == nil {
		specs = abc()
	}
	return &trial{fake: f, plan: Plan{
		Targets:  []Target{{Name: "fake:it", Backend: f, What: "it", Suites: []string{"s"}}},
		Specs:    specs,
		patience: calm,
		Supplies: &machine.Supplies{},
	}}
}

// run carries the plan out and checks what holds for every record.
func (tr *trial) run(t *testing.T, ctx context.Context) (transcript, error) {
	t.Helper()
	rec, err := record.Create(t.TempDir(), "test", time.Now(), func(e event.Event) {
		if tr.watch != nil {
			tr.watch(e)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	tr.dir = rec.Dir
	runErr := Run(ctx, tr.plan, rec)
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range tr.fake.scratches {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the scratch folder %s was left behind", dir)
		}
	}
	list := read(t, filepath.Join(rec.Dir, record.EventsFile))
	if ctx.Err() == nil {
		list.sound(t)
	}
	return list, runErr
}

type transcript []event.Event

func read(t *testing.T, file string) (list transcript) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 4<<20)
	for s.Scan() {
		var e event.Event
		if err := json.Unmarshal(s.Bytes(), &e); err != nil {
			t.Fatalf("the record holds %q: %v", s.Text(), err)
		}
		list = append(list, e)
	}
	return list
}

// sound checks that every listed spec got one verdict, and each that the agent gave behind its start.
func (list transcript) sound(t *testing.T) {
	t.Helper()
	listed, verdicts, open, boot := map[string]bool{}, map[string]int{}, "", 0
	for _, e := range list {
		switch e.Kind {
		case event.SpecListed:
			listed[e.Spec] = true
		case event.BootStarted:
			if e.Boot != boot+1 {
				t.Errorf("boot %d follows boot %d", e.Boot, boot)
			}
			boot = e.Boot
		case event.SpecStarted:
			if open != "" {
				t.Errorf("%s started while %s was open", e.Spec, open)
			}
			open = e.Spec
		case event.SpecMoved:
			if e.Spec != open {
				t.Errorf("%s moved while %q was open", e.Spec, open)
			}
			open = ""
		case event.SpecEnded:
			if verdicts[e.Spec]++; !listed[e.Spec] || verdicts[e.Spec] > 1 {
				t.Errorf("verdict number %d for %q", verdicts[e.Spec], e.Spec)
			}
			if e.Spec != open && e.Result.Verdict != event.Broken {
				t.Errorf("%s got %s without having started", e.Spec, e.Result.Verdict)
			}
			if e.Result.Verdict == event.Broken && e.Result.Reason == "" {
				t.Errorf("%s is broken for no reason", e.Spec)
			}
			open = ""
		}
		if e.Target != "fake:it" {
			t.Errorf("a %s event of target %q", e.Kind, e.Target)
		}
	}
	for id := range listed {
		if verdicts[id] != 1 {
			t.Errorf("%s got %d verdicts", id, verdicts[id])
		}
	}
}

func (list transcript) of(k event.Kind) (some transcript) {
	for _, e := range list {
		if e.Kind == k {
			some = append(some, e)
		}
	}
	return some
}

func (list transcript) result(t *testing.T, id string) event.Result {
	t.Helper()
	for _, e := range list.of(event.SpecEnded) {
		if e.Spec == id {
			return *e.Result
		}
	}
	t.Fatalf("%s has no verdict", id)
	return event.Result{}
}

// want checks all verdicts: "s/a=pass s/b=broken".
func (list transcript) want(t *testing.T, verdicts string) {
	t.Helper()
	var got []string
	for _, e := range list.of(event.SpecEnded) {
		got = append(got, e.Spec+"="+string(e.Result.Verdict))
	}
	slices.Sort(got)
	if strings.Join(got, " ") != verdicts {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), verdicts)
		for _, e := range list {
			line, _ := json.Marshal(e)
			t.Logf("%s", line)
		}
	}
}

func (list transcript) boots(t *testing.T, n int) {
	t.Helper()
	if got := len(list.of(event.BootStarted)); got != n {
		t.Errorf("%d boots, want %d", got, n)
	}
	if got := len(list.of(event.MachineEnded)); got != n {
		t.Errorf("%d machines ended, want %d", got, n)
	}
}

func has(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q lacks %q", text, w)
		}
	}
}
