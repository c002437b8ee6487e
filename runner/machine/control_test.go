package machine

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"xtest/runner/wire"
)

// TestControl: what the process tells of the guest's end comes with the machine's.
func TestControl(t *testing.T) {
	img := guestImage(t, "silent")
	launch := img.Launch
	img.Launch = func(b Boot) (Launch, error) {
		l, err := launch(b)
		l.Control = func(socket io.ReadWriteCloser, _ <-chan struct{}) End {
			io.Copy(io.Discard, socket) // until the process is gone
			return End{How: "powered off"}
		}
		return l, err
	}
	m, err := img.Start(wire.Order{}, "")
	if err != nil {
		t.Fatal(err)
	}
	<-m.Ended
	if m.End.How != "powered off" {
		t.Errorf("%+v", m.End)
	}
}

// TestKillWaits: one that has cried may keep its memory before it is killed, and no longer than its
// Linger; the next Kill does not wait.
func TestKillWaits(t *testing.T) {
	for _, c := range []struct {
		name   string
		linger time.Duration
		kills  int
		keeps  bool
	}{{"kept", time.Minute, 1, true}, {"too slow", 50 * time.Millisecond, 1, false}, {"impatient", time.Minute, 2, false}} {
		t.Run(c.name, func(t *testing.T) {
			img := guestImage(t, "limps")
			launch := img.Launch
			img.Launch = func(b Boot) (Launch, error) {
				l, err := launch(b)
				l.Linger = c.linger
				l.Control = func(socket io.ReadWriteCloser, last <-chan struct{}) End {
					<-last
					if !c.keeps {
						io.Copy(io.Discard, socket)
						return End{}
					}
					return End{Dump: "memory"}
				}
				return l, err
			}
			m, err := img.Start(wire.Order{}, "")
			if err != nil {
				t.Fatal(err)
			}
			<-m.Cry
			for range c.kills {
				m.Kill()
			}
			<-m.Ended
			if got := m.End.Dump != ""; got != c.keeps {
				t.Errorf("%+v", m.End)
			}
		})
	}
}

// limp is a machine that cries and goes on.
func limp() {
	os.Stdout.WriteString("Kernel panic - not syncing: on purpose\n")
	os.NewFile(3, "channel").Read(make([]byte, 1)) // which nothing comes over
}

// TestRepeatedBoots: equal orders get equal tokens where boots are to repeat, and else never.
func TestRepeatedBoots(t *testing.T) {
	for _, repeats := range []bool{true, false} {
		img := guestImage(t, "silent")
		img.Repeats = repeats
		launch := img.Launch
		tokens := map[string]bool{}
		img.Launch = func(b Boot) (Launch, error) {
			tokens[b.Token] = true
			return launch(b)
		}
		for range 2 {
			m, err := img.Start(wire.Order{Seed: 9}, "")
			if err != nil {
				t.Fatal(err)
			}
			<-m.Ended
		}
		if (len(tokens) == 1) != repeats {
			t.Errorf("repeats %v: %v", repeats, tokens)
		}
	}
}

type plain struct{ Backend }

func (plain) Name() string { return "plain" }

type choosy struct{ plain }

func (choosy) Heeds() map[string][]string {
	return map[string][]string{OptionParams: nil, OptionType: {"small", "large"}}
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		options Options
		backend Backend
		want    string
	}{
		{Options{}, plain{}, ""},
		{Options{Params: []string{"a"}, Type: "large"}, choosy{}, ""},
		{Options{Cores: 1}, plain{}, "plain machines take no --cpus, nor any other"},
		{Options{Dump: true}, choosy{}, "take no --dump; they take --machine, --params"},
		{Options{Type: "huge"}, choosy{}, "--machine huge: plain machines take small, large"},
	} {
		if err := c.options.Check(c.backend); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.options, err, c.want)
		}
	}
}
