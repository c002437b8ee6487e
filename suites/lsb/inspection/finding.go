package inspection

import (
	"fmt"
	"strings"

	"xtest/runner/event"
)

// Finding is what a check saw.
type Finding struct {
	// Call, Got and Expected describe what is not as the clause asks; Call is "" when everything is.
	Call, Got, Expected string
	// Inapplicable says why the clause says nothing about this root; it is "" where it does.
	Inapplicable string
	// Deviations are the items that are not as the clause asks, Answers what is there.
	Deviations []event.Deviation
	Answers    []event.Answer
	Notes      []string
	Facts      int // that were examined
}

// Holds says whether the clause was judged and everything is as it asks.
func (f Finding) Holds() bool { return f.Call == "" && f.Inapplicable == "" }

// AllNotes are the notes for the record, the number of facts first.
func (f Finding) AllNotes() (all []string) {
	if f.Facts > 0 {
		all = append(all, fmt.Sprintf("%d facts examined", f.Facts))
	}
	for _, n := range f.Notes {
		all = append(all, Clip(n))
	}
	return all
}

// Good is the finding of a check that saw nothing wrong among so many facts.
func Good(facts int) Finding { return Finding{Facts: facts} }

// Bad is the finding of a check that saw one thing which is not as the clause asks.
func Bad(call, got, expected string) Finding {
	return Finding{Call: call, Got: got, Expected: expected}
}

// faulty is [Bad] for one item.
func faulty(call string, d event.Deviation, expected string) Finding {
	got := d.String()
	if d.Kind == "missing" && d.Detail == "" {
		got = "no " + got
	}
	f := Bad(call, got, expected)
	f.Deviations = []event.Deviation{d}
	return f
}

// None judges a list of what is missing or wrong, in words or as deviations, among so many facts: it must be
// empty. Without facts nothing is judged.
func None[T string | event.Deviation](call string, facts int, wrong []T, expected string) Finding {
	if facts == 0 {
		return Finding{Inapplicable: call + ": there is nothing that the clause speaks of"}
	}
	f := Good(facts)
	if len(wrong) > 0 {
		f.Call, f.Expected = call, expected
		f.Deviations, _ = any(wrong).([]event.Deviation)
		f.Got = fmt.Sprintf("%d of %d not: %s", len(wrong), facts, First(wrong, 8))
	}
	return f
}

// First writes the first n of a list and how many more there are.
func First[T any](list []T, n int) string {
	var text []string
	for _, x := range list[:min(n, len(list))] {
		text = append(text, fmt.Sprint(x))
	}
	s := strings.Join(text, ", ")
	if len(list) > n {
		s += fmt.Sprintf(" and %d more", len(list)-n)
	}
	return s
}

func missing(item string) event.Deviation { return event.Deviation{Kind: "missing", Item: item} }

func deviant(kind, item, format string, args ...any) event.Deviation {
	return event.Deviation{Kind: kind, Item: item, Detail: fmt.Sprintf(format, args...)}
}

// maxVerdict bounds each text of a result, in bytes: names in it are the root's own.
const maxVerdict = 2000

// Clip shortens a text of a verdict to the length that the record takes.
func Clip(s string) string { return Shorten(s, maxVerdict) }

// Shorten keeps the first bytes of a text, up to most, and of those what is UTF-8.
func Shorten(s string, most int) string {
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
