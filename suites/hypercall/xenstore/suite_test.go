package xenstore

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xtest/internal/xenstore"
	"xtest/runner/event"
	"xtest/suites/spec"
	"xtest/suites/spec/child"
)

func TestMain(m *testing.M) {
	child.Main()
	os.Exit(m.Run())
}

// On a machine that xtest did not boot, every spec is not-applicable: none touches a store there.
func TestXenstore(t *testing.T) { spec.Test(t) }

// verdicts are what judging the suite against a stand-in gave, by spec ID.
type verdicts struct {
	Verdict map[string]event.Verdict
	Why     map[string]string
}

// against runs the suite in a process of its own, since Ginkgo runs once in a process, over a stand-in
// that answers as the parent says.
var against = child.NewFunc("xenstore suite against a stand-in", func(side *child.Side) error {
	var l lie
	if err := side.Recv(&l); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "xtest-store-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	at := filepath.Join(dir, "socket")
	listener, err := net.Listen("unix", at)
	if err != nil {
		return err
	}
	defer listener.Close()
	s := newStandIn()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	open = func() (*xenstore.Conn, error) {
		c, err := net.Dial("unix", at)
		if err != nil {
			return nil, err
		}
		return xenstore.New(c), nil
	}
	dial = open
	if l != honest {
		eventTime = 200 * time.Millisecond // for what will not come
	}
	if err := errors.Join(Store.Check(), Daemon.Check(), Privileged.Check()); err != nil {
		return err
	}
	// Probes were answered honestly, so that lies meet specs.
	for _, p := range []*spec.Probe{&Store, &Daemon, &Privileged} {
		p.Check = func() error { return nil }
	}
	s.mu.Lock()
	s.lie = l
	s.mu.Unlock()
	v := verdicts{map[string]event.Verdict{}, map[string]string{}}
	spec.Run(spec.Environment{Booted: true, Scale: 1, Emit: func(e event.Event) {
		if e.Kind != event.SpecEnded {
			return
		}
		v.Verdict[e.Spec], v.Why[e.Spec] = e.Result.Verdict, e.Result.Reason
		if f := e.Result.Failure; f != nil {
			v.Why[e.Spec] = fmt.Sprintf("%s: got %s, expected %s", f.Call, f.Got, f.Expected)
		}
	}}, func(spec.Listed) bool { return true })
	return side.Send(v)
})

func judged(t *testing.T, l lie) verdicts {
	t.Helper()
	p, err := against.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill() })
	var v verdicts
	if err := errors.Join(p.Send(l), p.Recv(&v), p.Wait(t.Context())); err != nil {
		t.Fatal(err)
	}
	if len(v.Verdict) < 100 {
		t.Fatalf("%d specs were judged, expected all of the package", len(v.Verdict))
	}
	return v
}

func TestRightAnswersPass(t *testing.T) {
	v := judged(t, honest)
	for id, verdict := range v.Verdict {
		if verdict != event.Pass {
			t.Errorf("%s: %s (%s)", id, verdict, v.Why[id])
		}
	}
}

// A spec that passes whatever the store answers judges nothing.
func TestWrongAnswersFail(t *testing.T) {
	for l, mustFail := range map[lie]func(id string) bool{
		contrary: func(string) bool { return true },
		// What the store sends matters as much as whether it grants.
		garbled: func(id string) bool {
			return strings.Contains(id, "value-") && id != "xenstore/value-empty" || strings.Contains(id, "outstanding") || id == "xenstore/permissions" || id == "xenstore/permissions-inherited" ||
				strings.Contains(id, "/directory-part") && !strings.Contains(id, "missing") || strings.Contains(id, "/transaction-co") ||
				id == "xenstore/domain-path" || id == "xenstore/introduced" || id == "xenstore/in-pieces" || id == "xenstore/relative-path"
		},
		mute: func(id string) bool {
			return strings.Contains(id, "watch") && !strings.Contains(id, "malformed") && id != "xenstore/watch-special" && !strings.HasPrefix(id, "xenstore/unwatch") && id != "xenstore/quota-watches"
		},
		eager: func(id string) bool {
			return strings.Contains(id, "missing") && id != "xenstore/watch-missing" || strings.Contains(id, "malformed") || strings.Contains(id, "nothing") || strings.Contains(id, "nobody") ||
				strings.Contains(id, "conflict") || strings.Contains(id, "unknown") || strings.Contains(id, "-bad-") || id == "xenstore/rm"
		},
	} {
		v, failed := judged(t, l), 0
		for id, verdict := range v.Verdict {
			if mustFail(id) && verdict == event.Pass {
				t.Errorf("%s, %s: pass, expected fail", l, id)
			}
			if verdict == event.Fail {
				failed++
			}
		}
		t.Logf("%s: %d of %d specs fail", l, failed, len(v.Verdict))
	}
}
