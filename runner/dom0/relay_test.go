package dom0

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"xtest/runner/console"
	"xtest/runner/event"
	"xtest/runner/wire"
)

func TestVerdict(t *testing.T) {
	crash := []string{event.DomCrashed, event.Panicked}
	for _, c := range []struct {
		ends []string
		how  string
		want event.Verdict
	}{
		{crash, event.Panicked, event.Pass},
		{crash, event.PoweredOff, event.Fail},
		{crash, event.Hung, event.Broken},
		{nil, event.DomCrashed, event.Broken},
		{nil, event.PoweredOff, event.Broken},
	} {
		r := verdict(c.ends, c.how)
		if r.Verdict != c.want || (r.Failure != nil) != (c.want == event.Fail) || (r.Reason != "") != (c.want == event.Broken) {
			t.Errorf("%v, %s: %+v", c.ends, c.how, r)
		}
	}
}

func TestWords(t *testing.T) {
	s := &session{}
	for reason, want := range map[int]string{0: event.PoweredOff, 3: event.DomCrashed, 5: event.SoftReset, 6: "shut down with reason 6", 255: "shut down with reason 255"} {
		if got := s.word(reason); got != want {
			t.Errorf("%d: %s", reason, got)
		}
	}
}

func TestFate(t *testing.T) {
	for _, c := range []struct {
		said string
		late bool
		how  string
		want string
	}{
		{"", false, event.PoweredOff, event.PoweredOff},
		{"", false, event.DomCrashed, event.DomCrashed},
		{"", true, "", event.Hung},
		{"Kernel panic - not syncing: x\n", false, event.DomCrashed, event.Panicked},
		{"Kernel panic - not syncing: x\n", false, event.PoweredOff, event.PoweredOff},
		{"[ 1.0] segment-related general protection fault: 0028 [#1] SMP NOPTI\n", true, "", event.Panicked},
		{"[ 1.0] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [init:1]\n", true, "", event.Hung},
	} {
		s := &session{cries: console.NewWatcher(nil, nil), late: c.late}
		io.WriteString(s.cries, c.said)
		if got := s.fate(c.how); got != c.want {
			t.Errorf("%q, late %v, %s: %s, expected %s", c.said, c.late, c.how, got, c.want)
		}
	}
}

func TestBatch(t *testing.T) {
	r := &relay{order: wire.Order{Specs: []string{"a", "b", "c"}, Tasks: map[string]wire.Task{"a": {Alone: true}, "c": {Alone: true}}}}
	if got := r.batch(); !slices.Equal(got, []string{"b"}) {
		t.Errorf("first %v", got)
	}
	r.done("b")
	if got := r.batch(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("then %v", got)
	}
}

// play has a guest say things and gives what the runner gets, and dom0's console.
func play(t *testing.T, say func(agent *wire.Writer, raw io.Writer)) (got []event.Event, aliens int, text string, s *session) {
	t.Helper()
	var channel, shown bytes.Buffer
	key, inner := wire.NewKey(), wire.NewKey()
	r := &relay{order: wire.Order{Specs: []string{"a", "b"}, Tasks: map[string]wire.Task{"b": {Alone: true, Ends: []string{event.DomCrashed}}}},
		channel: &channel, out: wire.NewWriter(&channel, key), console: &shown}
	out, in := io.Pipe()
	s = &session{relay: r, guest: &guest{host: &host{}, name: "caller-1", id: 7, out: out}, cries: console.NewWatcher(nil, nil), limit: time.NewTimer(time.Hour)}
	lines := make(chan said)
	go s.listen(inner, lines)
	go func() {
		say(wire.NewWriter(in, inner), in)
		in.Close()
	}()
	for l := range lines {
		if err := s.take(l); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.out.Send(event.Event{Kind: event.Finished}); err != nil {
		t.Fatal(err)
	}
	reader := wire.NewReader(&channel, key)
	for {
		e, err := reader.Event()
		switch {
		case err == io.EOF:
			return got, aliens, shown.String(), s
		case err != nil:
			aliens++
		default:
			got = append(got, e)
		}
	}
}

func TestGuestIsPassedOn(t *testing.T) {
	got, aliens, text, s := play(t, func(agent *wire.Writer, raw io.Writer) {
		io.WriteString(raw, wire.Hello+"\n")
		m := event.Event{Kind: event.Booted, Machine: &event.Machine{Kernel: "6"}}
		agent.Send(m)
		io.WriteString(raw, "xtest: a\n(XEN) Xen BUG at \x1b[2Jx\n")
		agent.Send(event.Event{Kind: event.SpecStarted, Spec: "a"})
		agent.Send(event.Event{Kind: event.SpecEnded, Spec: "a", Result: &event.Result{Verdict: event.Pass}})
		agent.Send(m) // as another guest would
		agent.Send(event.Event{Kind: event.Finished})
	})
	var kinds []string
	for _, e := range got {
		kinds = append(kinds, string(e.Kind))
	}
	if k := strings.Join(kinds, " "); k != "booted spec-started spec-ended finished" || aliens != 0 {
		t.Errorf("it sent %s, %d aliens", k, aliens)
	}
	if !slices.Equal(s.order.Specs, []string{"b"}) {
		t.Errorf("left to do: %v", s.order.Specs)
	}
	if text != "(d7) xtest: a\n(d7) (xen) Xen BUG at [2Jx\n" {
		t.Errorf("the console shows %q", text)
	}
	w := console.NewWatcher(nil, nil)
	io.WriteString(w, text)
	if c, cried := w.Crash(); cried {
		t.Errorf("taken for the machine's: %+v", c)
	}
}

func TestForgersAreSeen(t *testing.T) {
	forged, err := json.Marshal(event.Event{Kind: event.SpecEnded, Spec: "a", Result: &event.Result{Verdict: event.Pass}})
	if err != nil {
		t.Fatal(err)
	}
	_, aliens, _, s := play(t, func(agent *wire.Writer, raw io.Writer) {
		agent.Send(event.Event{Kind: event.SpecStarted, Spec: "a"})
		io.WriteString(raw, "\n9 "+strings.Repeat("0", 32)+" "+string(forged)+"\n")
		io.WriteString(raw, strings.Repeat("x", wire.MaxLine+2)+"\n")
	})
	if aliens != 2 || s.open != "a" {
		t.Errorf("%d aliens, open: %q", aliens, s.open)
	}
}

func TestGuestThatFloods(t *testing.T) {
	_, _, text, _ := play(t, func(_ *wire.Writer, raw io.Writer) {
		for range 2 * chatter / 100 {
			io.WriteString(raw, strings.Repeat("y", 99)+"\n")
		}
	})
	if len(text) > chatter+chatter/10 {
		t.Errorf("%d bytes on dom0's console", len(text))
	}
}

// TestEndIsJudged: dom0 judges the spec that its guest ended in.
func TestEndIsJudged(t *testing.T) {
	var channel bytes.Buffer
	key := wire.NewKey()
	r := &relay{order: wire.Order{Specs: []string{"b"}, Tasks: map[string]wire.Task{"b": {Alone: true, Ends: []string{event.DomCrashed}}}},
		channel: &channel, out: wire.NewWriter(&channel, key), console: io.Discard}
	s := &session{relay: r, guest: &guest{host: &host{}, name: "caller-1"}, cries: console.NewWatcher(nil, nil), limit: time.NewTimer(time.Hour)}
	if err := s.pass(event.Event{Kind: event.SpecStarted, Spec: "b"}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.destroyed(time.Second), s.conclude(event.DomCrashed)); err != nil {
		t.Fatal(err)
	}
	reader := wire.NewReader(&channel, key)
	samples, verdict := 0, event.Verdict("")
	for {
		e, err := reader.Event()
		if err != nil {
			break
		}
		if e.Kind == event.Sampled {
			samples++
		}
		if e.Kind == event.SpecEnded {
			verdict = e.Result.Verdict
		}
	}
	if samples != 3 || verdict != event.Pass || len(r.order.Specs) != 0 {
		t.Errorf("%d samples, %s, left %v", samples, verdict, r.order.Specs)
	}
}

func TestProcessorThatCannot(t *testing.T) {
	const none, hvm = 0, 1
	for _, c := range []struct {
		kind         string
		capabilities uint32
		want         string
	}{{PV, none, ""}, {PVH, hvm, ""}, {PVH, none, "cannot run PVH guests: Xen found neither SVM nor VMX"}, {HVM, hvm, ""}, {HVM, none, "cannot run HVM guests: Xen found neither SVM nor VMX"}} {
		err := capable(c.kind, c.capabilities)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %#x: %v", c.kind, c.capabilities, err)
		}
	}
}

// TestGuestIsMadeOnceMore: the toolstack may run out of time on a busy host, but not twice in a row.
func TestGuestIsMadeOnceMore(t *testing.T) {
	for _, c := range []struct {
		fails []bool // of each attempt
		left  int
		good  bool
	}{
		{[]bool{true, false, true, false}, 0, true},
		{[]bool{false, true, true}, 1, false},
	} {
		r := &relay{order: wire.Order{Specs: []string{"a", "b"}, Tasks: map[string]wire.Task{"a": {Alone: true}, "b": {Alone: true}}}, console: io.Discard}
		attempt := 0
		err := r.work(func(specs []string) (string, error) {
			failed := c.fails[attempt]
			attempt++
			if failed {
				return "", errors.Join(errNotMade, errors.New("xl create: timed out"))
			}
			r.done(specs[0])
			return event.PoweredOff, nil
		})
		if (err == nil) != c.good || len(r.order.Specs) != c.left || attempt != len(c.fails) {
			t.Errorf("%v: %v, left %v after %d attempts", c.fails, err, r.order.Specs, attempt)
		}
	}
}
