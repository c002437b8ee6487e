package reports

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"xtest/runner/event"
)

// point is one line of the Test Anything Protocol: a spec, or what is to be said of a target itself.
type point struct {
	ok   bool
	name string
	// Skip and todo are the reasons of the directives, empty where there is none.
	skip, todo string
	spec       *Spec // nil for a target
	doubt      string
}

// points are a target's, in the order of its specs. What a run's exit status counts as wrong is not ok here.
func points(t *Target) []point {
	var all []point
	for _, d := range t.Doubts {
		all = append(all, point{name: "target", doubt: d})
	}
	if t.Missed != nil && len(t.Boots) == 0 {
		all = append(all, point{ok: true, name: "target", skip: t.Missed.Reason})
	}
	for _, s := range t.Specs {
		p := point{name: s.ID, spec: s}
		switch {
		case s.Verdict() == event.Pass:
			p.ok = true
		case s.Verdict() == event.NotApplicable:
			p.ok, p.skip = true, s.Result.Reason
		case s.Result.Excused():
			p.todo = "known failure: " + Excuse(s.Result.Known)
		}
		all = append(all, p)
	}
	return all
}

// directive writes the end of a test line. Its reason is one line that no further directive can be in.
func (p point) directive() string {
	switch {
	case p.skip != "":
		return " # SKIP " + Clip(Clean(p.skip), maxValue)
	case p.todo != "":
		return " # TODO " + Clip(Clean(p.todo), maxValue)
	}
	return ""
}

func (p point) word() string {
	if p.ok {
		return "ok"
	}
	return "not ok"
}

// TAP writes the model in version 14 of the Test Anything Protocol, a test point for each spec, with what is
// known of one that is not ok as YAML below it.
func TAP(w io.Writer, m *Model) error {
	out := bufio.NewWriter(w)
	n := 0
	for _, t := range m.Targets {
		n += len(points(t))
	}
	fmt.Fprintf(out, "TAP version 14\n1..%d\n", n)
	i := 0
	for _, t := range m.Targets {
		for _, p := range points(t) {
			i++
			fmt.Fprintf(out, "%s %d - %s%s\n", p.word(), i, tapName(Clean(t.Name)+" "+Clip(Clean(p.name), maxValue)), p.directive())
			if !p.ok {
				tapYAML(out, p)
			}
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing TAP: %w", err)
	}
	return nil
}

// tapName escapes what would begin a directive.
func tapName(s string) string { return strings.NewReplacer(`\`, `\\`, "#", `\#`).Replace(s) }

// tapYAML writes a YAML block. JSON's strings are YAML's, too (YAML 1.2, section 1.3).
func tapYAML(out *bufio.Writer, p point) {
	fmt.Fprint(out, "  ---\n")
	field := func(name, value string) {
		if value != "" {
			quoted, _ := json.Marshal(Clip(text(value), 8*maxValue))
			fmt.Fprintf(out, "  %s: %s\n", name, quoted)
		}
	}
	field("message", p.message())
	if s := p.spec; s != nil {
		field("severity", string(s.Verdict()))
		field("clause", s.clause())
		if s.Result != nil && s.Result.Failure != nil {
			field("call", s.Result.Failure.Call)
			field("got", s.Result.Failure.Got)
			field("expected", s.Result.Failure.Expected)
		}
		if s.Crash != nil {
			field("crash", s.Crash.Kind+": "+s.Crash.Signature)
			field("console", s.Crash.Excerpt)
		}
	}
	fmt.Fprint(out, "  ...\n")
}

func (p point) message() string {
	switch {
	case p.spec == nil:
		return p.doubt
	case p.spec.Result == nil:
		return "not judged: it was listed and never started"
	}
	return headline(p.spec)
}

// KTAP writes the model in version 1 of the kernel's variant of the protocol (Documentation/dev-tools/ktap.rst):
// a test for each target, its specs within.
func KTAP(w io.Writer, m *Model) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "KTAP version 1\n1..%d\n", len(m.Targets))
	for i, t := range m.Targets {
		all := points(t)
		good := true
		fmt.Fprintf(out, "  KTAP version 1\n  # Subtest: %s\n  1..%d\n", ktapName(t.Name), len(all))
		for k, p := range all {
			if !p.ok {
				for _, l := range strings.Split(text(p.message()), "\n") {
					fmt.Fprintf(out, "  # %s\n", Clip(l, maxValue))
				}
			}
			good = good && (p.ok || p.todo != "")
			fmt.Fprintf(out, "  %s %d %s%s\n", p.word(), k+1, ktapName(p.name), p.directive())
		}
		whole := point{ok: good, name: t.Name}
		fmt.Fprintf(out, "%s %d %s\n", whole.word(), i+1, ktapName(t.Name))
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing KTAP: %w", err)
	}
	return nil
}

// ktapName is a description: one that holds no "#", which begins a directive.
func ktapName(s string) string { return strings.ReplaceAll(Clip(Clean(s), maxValue), "#", "_") }
