package spec

import (
	"errors"
	"fmt"
	"strings"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
	"golang.org/x/sys/unix"

	"xtest/runner/event"
)

// That judges got with a Gomega matcher. Call is what was done, as a C programmer would write it.
func (t *T) That(call string, got any, want types.GomegaMatcher) {
	ok, err := want.Match(got)
	if err != nil {
		t.Broken("%s: the matcher cannot judge %v: %v", call, got, err)
	}
	if !ok {
		t.fail(call, fmt.Sprint(got), expectation(want.FailureMessage(got)))
	}
}

// Equal judges that got is want. Both must be of one type.
func (t *T) Equal(call string, got, want any) {
	if ok, err := gomega.Equal(want).Match(got); err != nil || !ok {
		t.fail(call, fmt.Sprintf("%v", got), fmt.Sprintf("%v", want))
	}
}

// True judges a condition for which no matcher reads well; got and expected are in words.
func (t *T) True(call string, holds bool, got, expected string) {
	if !holds {
		t.fail(call, got, expected)
	}
}

// Success judges that the call succeeded: err is nil.
func (t *T) Success(call string, err error) {
	if err != nil {
		t.fail(call, ErrnoName(err), "success")
	}
}

// Errno judges that the call was refused with one of the errors in want.
func (t *T) Errno(call string, got error, want ...unix.Errno) {
	names := make([]string, 0, len(want))
	for _, w := range want {
		if errors.Is(got, w) {
			return
		}
		names = append(names, ErrnoName(w))
	}
	t.fail(call, ErrnoName(got), strings.Join(names, " or "))
}

// ErrnoName writes an error as the kernel's headers name it, "success" for nil, and anything that is
// not an error number as itself.
func ErrnoName(err error) string {
	var no unix.Errno
	switch {
	case err == nil:
		return "success"
	case errors.As(err, &no):
		if name := unix.ErrnoName(no); name != "" {
			return name
		}
		return fmt.Sprintf("errno %d", int(no))
	}
	return err.Error()
}

func (t *T) fail(call, got, expected string) {
	t.say(event.Fail, "", &event.Failure{Call: call, Got: got, Expected: expected})
	ginkgo.Fail(fmt.Sprintf("%s\ncall     %s\ngot      %s\nexpected %s", t.listed.Clause, call, got, expected), 2)
}

// expectation takes from a matcher's message the part that says what was expected: the lines from
// the first unindented one behind "Expected" on.
func expectation(message string) string {
	lines := strings.Split(message, "\n")
	for i, l := range lines[1:] {
		if l != "" && l[0] != ' ' && l[0] != '\t' {
			return strings.Join(strings.Fields(strings.Join(lines[i+1:], " ")), " ")
		}
	}
	return message
}
