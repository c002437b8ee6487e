package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"golang.org/x/sys/unix"
)

func TestBadDeclarationsPanic(t *testing.T) {
	good := Meta{ID: "m/good", Clause: "c", Level: Should}
	suite := NewSuite("bad")
	declare := func(change func(*Meta)) (said string) {
		defer func() {
			if r := recover(); r != nil {
				said = fmt.Sprint(r)
			}
		}()
		m := good
		change(&m)
		suite.It(m, func(*T) {})
		return ""
	}
	if said := declare(func(*Meta) {}); said != "" {
		t.Fatalf("a good one: %s", said)
	}
	for want, change := range map[string]func(*Meta){
		"declared twice":         func(*Meta) {},
		"needs an ID":            func(m *Meta) { m.ID = "" },
		"an ID and a clause":     func(m *Meta) { m.ID, m.Clause = "m/other", "" },
		"neither MUST":           func(m *Meta) { m.ID, m.Level = "m/other", "MAY" },
		"there is no grade 3":    func(m *Meta) { m.ID, m.Grade = "m/other", 3 },
		"a limit of -1s":         func(m *Meta) { m.ID, m.Limit = "m/other", -time.Second },
		"it moves and is graded": func(m *Meta) { m.ID, m.Moves = "m/other", true },
		"in lower case, without": func(m *Meta) { m.ID = "m/with space" },
		"\"m/Upper\": an ID is":  func(m *Meta) { m.ID = "m/Upper" },
	} {
		if said := declare(change); !strings.Contains(said, want) {
			t.Errorf("want %q, got %q", want, said)
		}
	}
}

func TestMetaOnTheRecord(t *testing.T) {
	m := Meta{ID: "a/b", Clause: "c", Level: Must, Grade: Destructive, Needs: []Probe{Root, {Name: "x"}}, Sources: []string{"S-1"}}
	e := m.Event("suite", 2.5)
	if e.Limit != 25*time.Second || e.Grade != "destructive" || !slices.Equal(e.Needs, []string{"root", "x"}) || e.Level != "MUST" || e.Suite != "suite" {
		t.Errorf("recorded %+v", e)
	}
	m.Limit = time.Second
	if got := m.Event("suite", 0.5).Limit; got != time.Second {
		t.Errorf("a fast machine shortens the limit to %v", got)
	}
}

func TestModules(t *testing.T) {
	a, b := NewSuite("modules-a"), NewSuite("modules-b")
	a.WantsModules("x", "y")
	b.WantsModules("w", "x")
	if got := Modules("modules-a", "modules-b", "modules-none"); !slices.Equal(got, []string{"w", "x", "y"}) {
		t.Errorf("got %v", got)
	}
}

func TestErrnoName(t *testing.T) {
	for want, err := range map[string]error{
		"success":   nil,
		"EPERM":     unix.EPERM,
		"ENOENT":    &fs.PathError{Op: "open", Path: "x", Err: unix.ENOENT},
		"EIO":       fmt.Errorf("closing: %w", os.NewSyscallError("close", unix.EIO)),
		"errno 999": unix.Errno(999),
		"EAGAIN":    unix.EWOULDBLOCK,
		"else":      errors.New("else"),
	} {
		if got := ErrnoName(err); got != want {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
}

func TestExpectation(t *testing.T) {
	message := func(got any, m interface{ FailureMessage(any) string }) string { return m.FailureMessage(got) }
	for want, text := range map[string]string{
		"":                                   "",
		"Expected nothing of the two":        "Expected nothing of the two",
		"to equal <int>: 2":                  message(1, gomega.Equal(2)),
		"to be true":                         message(false, gomega.BeTrue()),
		"to contain substring <string>: x y": message("a\nb", gomega.ContainSubstring("x y")),
		"to have length 2":                   message([]int{1}, gomega.HaveLen(2)),
	} {
		if got := expectation(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
