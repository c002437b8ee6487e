package reports

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"xtest/runner/event"
)

// maxAnnotations is how many of one kind GitHub shows of a step: 10 errors and 10 warnings.
const maxAnnotations = 10

// Annotations writes GitHub's workflow commands: an error for each spec that failed, a warning for each that
// is broken and each target in doubt or missed. The last of each kind says how many more there are.
func Annotations(w io.Writer, m *Model) error {
	var errs, warnings []string
	for _, t := range m.Targets {
		for _, d := range t.Doubts {
			warnings = append(warnings, command("warning", t.Name+" is in doubt", d))
		}
		if t.Missed != nil {
			warnings = append(warnings, command("warning", t.Name+" was missed", t.Missed.Reason))
		}
		for _, s := range t.Specs {
			title := s.ID + " on " + t.Name
			switch {
			case s.Verdict() == event.Fail && !s.Result.Excused():
				errs = append(errs, command("error", title, s.clause()+"\n"+headline(s)))
			case s.Verdict() == event.Broken:
				warnings = append(warnings, command("warning", title+" is broken", headline(s)))
			}
		}
	}
	out := bufio.NewWriter(w)
	for _, kind := range []struct {
		name string
		all  []string
	}{{"error", errs}, {"warning", warnings}} {
		if n := len(kind.all) - maxAnnotations; n > 0 {
			kind.all = append(kind.all[:maxAnnotations-1], command(kind.name, "xtest", fmt.Sprintf("and %d more; the record has them all", n+1)))
		}
		for _, c := range kind.all {
			fmt.Fprintln(out, c)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing annotations: %w", err)
	}
	return nil
}

// command is one workflow command. Its data and its properties have escapes of their own.
func command(name, title, message string) string {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	return fmt.Sprintf("::%s title=%s::%s", name, property.Replace(Clip(Clean(title), 200)), data.Replace(Clip(text(message), 2*maxValue)))
}
