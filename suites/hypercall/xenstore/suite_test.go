package xenstore

import (
	"errors"
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
	"xtest/suites/spec/rehearsal"
)

func TestMain(m *testing.M) {
	child.Main()
	os.Exit(m.Run())
}

// On a machine that xtest did not boot, every spec is not-applicable: none touches a store there.
func TestXenstore(t *testing.T) { spec.Test(t) }

// stage rehearses the specs over a stand-in on a socket.
var stage = rehearsal.New("xenstore suite against a stand-in", 100, func(l lie, _ func(string)) (end func() error, err error) {
	dir, err := os.MkdirTemp("", "xtest-store-")
	if err != nil {
		return nil, err
	}
	at := filepath.Join(dir, "socket")
	listener, err := net.Listen("unix", at)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
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
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	// Probes were answered honestly, so that lies meet specs.
	for _, p := range []*spec.Probe{&Store, &Daemon, &Privileged} {
		p.Check = func() error { return nil }
	}
	s.mu.Lock()
	s.lie = l
	s.mu.Unlock()
	return func() error { return errors.Join(listener.Close(), os.RemoveAll(dir)) }, nil
})

func TestRightAnswersPass(t *testing.T) {
	v := stage.Judged(t, honest)
	v.AllPass(t)
	for id, r := range v.Result {
		for _, a := range r.Answers {
			if strings.Contains(a.Call, "/xtest-") {
				t.Errorf("%s: %q has another name in each run, and cannot be compared", id, a.Call)
			}
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
			return strings.Contains(id, "/payload-") || strings.Contains(id, "watch") && !strings.Contains(id, "malformed") && id != "xenstore/watch-special" && !strings.HasPrefix(id, "xenstore/unwatch") && id != "xenstore/quota-watches"
		},
		leaving: func(id string) bool {
			return strings.Contains(id, "missing") && id != "xenstore/watch-missing" || strings.Contains(id, "malformed") || strings.Contains(id, "nobody")
		},
		eager: func(id string) bool {
			return strings.Contains(id, "missing") && id != "xenstore/watch-missing" || strings.Contains(id, "malformed") || strings.Contains(id, "nothing") || strings.Contains(id, "nobody") ||
				strings.Contains(id, "conflict") || strings.Contains(id, "unknown") || strings.Contains(id, "-bad-") || id == "xenstore/rm"
		},
	} {
		v, failed := stage.Judged(t, l), 0
		for id, r := range v.Result {
			if mustFail(id) && r.Verdict == event.Pass {
				t.Errorf("%s, %s: pass, expected fail", l, id)
			}
			if mustFail(id) && l == leaving && r.Verdict == event.Broken {
				t.Errorf("%s, %s: broken (%s), expected fail: the store owes a reply", l, id, r.Reason)
			}
			if r.Verdict == event.Fail {
				failed++
			}
		}
		t.Logf("%s: %d of %d specs fail", l, failed, len(v.Result))
	}
}
