package reports

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"xtest/runner/event"
)

// The elements follow the JUnit schema of the Apache Ant project as CI servers read it: times are
// in seconds, and a suite's numbers are those of its cases.
type junitSuites struct {
	XMLName  xml.Name      `xml:"testsuites"`
	Name     string        `xml:"name,attr"`
	Tests    int           `xml:"tests,attr"`
	Failures int           `xml:"failures,attr"`
	Errors   int           `xml:"errors,attr"`
	Skipped  int           `xml:"skipped,attr"`
	Time     string        `xml:"time,attr"`
	Suites   []*junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr,omitempty"`
	Properties []junitProperty `xml:"properties>property,omitempty"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name    string     `xml:"name,attr"`
	Class   string     `xml:"classname,attr"`
	Time    string     `xml:"time,attr"`
	Failure *junitText `xml:"failure"`
	Error   *junitText `xml:"error"`
	Skipped *junitText `xml:"skipped"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// JUnit writes the model as JUnit XML, a testsuite for each suite of each target. A failed spec is
// a failure, a known failure is skipped, a broken one and one that was not judged are errors, not-applicable is skipped. A
// target in doubt has a testsuite of its own with an error, so that a run whose [Model.Exit] is
// not 0 for that is not green; a missed target is skipped there.
func JUnit(w io.Writer, m *Model) error {
	doc := junitSuites{Name: "xtest"}
	var took time.Duration
	for _, t := range m.Targets {
		if s := targetSuite(m, t); s != nil {
			doc.add(s)
		}
		bySuite := map[string][]*Spec{}
		for _, spec := range t.Specs {
			bySuite[spec.Suite] = append(bySuite[spec.Suite], spec)
		}
		for _, sum := range t.Suites {
			s := m.junitSuite(t, sum.Name, sum.Duration)
			for _, spec := range bySuite[sum.Name] {
				s.add(specCase(t, spec))
			}
			doc.add(s)
			took += sum.Duration
		}
	}
	doc.Time = seconds(took)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("writing JUnit XML: %w", err)
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return fmt.Errorf("writing JUnit XML: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("writing JUnit XML: %w", err)
	}
	return nil
}

func (m *Model) junitSuite(t *Target, name string, took time.Duration) *junitSuite {
	s := &junitSuite{Name: Clean(t.Name) + " " + orDash(name), Time: seconds(took), Properties: m.properties(t)}
	if !m.Started.IsZero() {
		s.Timestamp = m.Started.UTC().Format("2006-01-02T15:04:05")
	}
	return s
}

// targetSuite holds what is to be said of a target apart from its specs, or nil.
func targetSuite(m *Model, t *Target) *junitSuite {
	if len(t.Doubts) == 0 && (t.Missed == nil || len(t.Boots) > 0) {
		return nil
	}
	s := m.junitSuite(t, "target", 0)
	c := junitCase{Name: "target", Class: s.Name, Time: seconds(0)}
	if len(t.Doubts) > 0 {
		c.Error = &junitText{Message: Clean(t.Doubts[0]), Type: "target", Text: text(strings.Join(t.Doubts, "\n"))}
	} else {
		c.Skipped = &junitText{Message: Clean(t.Missed.Reason), Text: text(t.Missed.Fix)}
	}
	s.add(c)
	return s
}

func specCase(t *Target, s *Spec) junitCase {
	c := junitCase{Name: Clean(s.ID), Class: Clean(t.Name) + " " + orDash(s.Suite), Time: seconds(0)}
	if s.Result == nil {
		c.Error = &junitText{Message: "not judged: it was listed and never started", Type: "not-judged"}
		return c
	}
	c.Time = seconds(s.Result.Duration)
	switch s.Verdict() {
	case event.Fail:
		if s.Result.Excused() {
			c.Skipped = &junitText{Message: "known failure: " + Clip(Clean(Excuse(s.Result.Known)), maxValue), Text: account(s)}
			break
		}
		c.Failure = &junitText{Message: headline(s), Type: "fail", Text: account(s)}
	case event.Broken:
		c.Error = &junitText{Message: headline(s), Type: "broken", Text: account(s)}
	case event.NotApplicable:
		c.Skipped = &junitText{Message: Clean(s.Result.Reason)}
	}
	return c
}

// headline is a failure in one line.
func headline(s *Spec) string {
	if f := s.Result.Failure; f != nil {
		return Clip(Clean(fmt.Sprintf("%s: got %s, expected %s", f.Call, f.Got, f.Expected)), maxValue)
	}
	return Clip(Clean(s.Result.Reason), maxValue)
}

// account is everything a person needs to understand a verdict.
func account(s *Spec) string {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-9s %s\n", name, value)
		}
	}
	field("clause", s.clause())
	if f := s.Result.Failure; f != nil {
		field("call", f.Call)
		field("got", f.Got)
		field("expected", f.Expected)
	}
	field("reason", s.Result.Reason)
	if k := s.Result.Known; k != nil {
		field("known", Excuse(k))
	}
	for _, n := range s.Result.Notes {
		field("note", n)
	}
	if s.Crash != nil {
		field("crash", s.Crash.Kind+": "+s.Crash.Signature)
		field("console", "\n"+s.Crash.Excerpt)
	}
	return text(b.String())
}

// text makes a text of several lines fit for XML, which knows no control characters (XML 1.0,
// section 2.2) and has no way to quote them.
func text(s string) string {
	lines, _ := CleanLines(s, len(s)+1)
	return strings.Join(lines, "\n")
}

func (s *junitSuites) add(t *junitSuite) {
	s.Suites = append(s.Suites, t)
	s.Tests += t.Tests
	s.Failures += t.Failures
	s.Errors += t.Errors
	s.Skipped += t.Skipped
}

func (s *junitSuite) add(c junitCase) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// properties name the versions of everything that took part.
func (m *Model) properties(t *Target) []junitProperty {
	var list []junitProperty
	put := func(name, value string) {
		if value != "" {
			list = append(list, junitProperty{Clean(name), Clip(Clean(value), maxValue)})
		}
	}
	if r := m.Run; r != nil {
		put("xtest.version", r.Version)
		put("xtest.run", r.ID)
		put("xtest.seed", fmt.Sprintf("%x", r.Seed))
		put("host.kernel", r.Host.Kernel)
		put("host.cpu", r.Host.CPU)
	}
	put("target", t.Name)
	if p := t.Plan; p != nil {
		put("backend", p.Backend)
		put("accel", p.Accel)
		for _, a := range p.Parts {
			put(a.Role, strings.TrimSpace(a.Package+" "+a.Version))
			put(a.Role+".sha256", a.SHA256)
		}
	}
	if mc := t.Machine(); mc != nil {
		put("machine.kernel", mc.Kernel)
		put("machine.hypervisor", mc.Hypervisor)
		put("machine.distro", mc.Distro)
	}
	return list
}
