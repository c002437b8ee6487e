package trace

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Trace is what a benchmark's traced operations did in the kernel.
type Trace struct {
	// Ops is how many operations were traced.
	Ops   int
	Calls []Call // in the order in which they ended
	// Lost is how many events the kernel's buffer had no room for.
	Lost int

	roots int
}

// Call is one call of a function that began and ended while it was traced. Times are in nanoseconds.
type Call struct {
	Function string
	Caller   string // "" for the first of a stack
	Task     string // name and process ID
	Depth    int
	Start    float64 // since the machine's boot, to the microsecond
	Took     float64
	Self     float64 // without what it called
	Inner    int     // how many calls it made itself

	root   int // numbers the stacks: calls of one have the same
	indent int // of its line
}

// Operations is what the line begins with that says how many operations a trace is of.
const Operations = "# operations: "

// maxCalls bounds what is read of a trace, which comes from a guest: a processor's buffer holds some 100,000.
const maxCalls = 5_000_000

// Read reads the text of a trace with absolute times, processors, tasks and durations.
// What it does not know it leaves out; it is an error when no call is left.
func Read(in io.Reader) (*Trace, error) {
	t := &Trace{}
	stacks := map[string][]Call{}
	s := bufio.NewScanner(in)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if len(t.Calls) >= maxCalls {
			return nil, fmt.Errorf("the trace has more than %d calls", maxCalls)
		}
		line := s.Text()
		if n, ok := strings.CutPrefix(line, Operations); ok {
			t.Ops, _ = strconv.Atoi(strings.TrimSpace(n)) // 0 is an error below
		}
		if n, ok := lost(line); ok {
			t.Lost += n
			clear(stacks) // what is open may have ended among what was lost
			continue
		}
		l, ok := parse(line)
		if !ok {
			continue
		}
		stack := stacks[l.task]
		// What is open deeper than this line never ended on the trace: the tracer was switched off.
		for n := len(stack); n > 0 && (stack[n-1].indent > l.indent || stack[n-1].indent == l.indent && l.function != ""); n-- {
			stack = stack[:n-1]
		}
		switch {
		case l.opens:
			stacks[l.task] = append(stack, Call{Function: l.function, Task: l.task, Start: l.at, root: t.rootOf(stack), indent: l.indent})
		case l.function != "": // a leaf
			stacks[l.task] = t.end(stack, Call{Function: l.function, Task: l.task, Start: l.at, Took: l.took, root: t.rootOf(stack)})
		case len(stack) == 0 || stack[len(stack)-1].indent != l.indent: // it began before the trace
			stacks[l.task] = stack
		default:
			c := stack[len(stack)-1]
			c.Took = l.took
			stacks[l.task] = t.end(stack[:len(stack)-1], c)
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("reading the trace: %w", err)
	}
	if len(t.Calls) == 0 || t.Ops <= 0 {
		return nil, fmt.Errorf("the trace holds no whole call of a function, or not how many operations it is of")
	}
	t.choose()
	return t, nil
}

// choose leaves out other programs than the one that was traced: the one that called most.
func (t *Trace) choose() {
	count := map[string]int{}
	most := ""
	for _, c := range t.Calls {
		p := c.program()
		if count[p]++; count[p] > count[most] {
			most = p
		}
	}
	t.Calls = slices.DeleteFunc(t.Calls, func(c Call) bool { return c.program() != most })
}

// program is the task's name without its process ID: what it forks has the same.
func (c Call) program() string {
	if i := strings.LastIndexByte(c.Task, '-'); i > 0 {
		return c.Task[:i]
	}
	return c.Task
}

// rootOf is the number of the stack that a call goes on.
func (t *Trace) rootOf(stack []Call) int {
	if len(stack) > 0 {
		return stack[0].root
	}
	t.roots++
	return t.roots
}

// end keeps a call that ended above the stack, and charges it to its caller.
func (t *Trace) end(stack []Call, c Call) []Call {
	c.Self += c.Took
	c.Depth = len(stack)
	if n := len(stack); n > 0 {
		c.Caller = stack[n-1].Function
		stack[n-1].Self -= c.Took
		stack[n-1].Inner++
	}
	t.Calls = append(t.Calls, c)
	return stack
}

// line is one of the trace's.
type line struct {
	at, took float64
	task     string
	function string // "" where one ends
	indent   int
	opens    bool
}

// parse reads one line: time | processor) task | duration | call.
func parse(text string) (l line, ok bool) {
	parts := strings.SplitN(text, "|", 4)
	if len(parts) != 4 || strings.HasPrefix(text, "#") {
		return l, false
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(parts[0]), 64)
	_, task, found := strings.Cut(parts[1], ")")
	if err != nil || !found {
		return l, false
	}
	l.at, l.task = seconds*1e9, strings.TrimSpace(task)
	// Before the figure may stand a sign of how long it took: $ @ * # ! +.
	if words := strings.Fields(strings.TrimLeft(parts[2], " $@*#!+")); len(words) == 2 && words[1] == "us" {
		if us, err := strconv.ParseFloat(words[0], 64); err == nil {
			l.took = us * 1e3
		}
	}
	l.indent = len(parts[3]) - len(strings.TrimLeft(parts[3], " "))
	call, _, _ := strings.Cut(parts[3], "/*") // the name of what ends, or a result
	call = strings.TrimSpace(call)
	switch {
	case call == "}":
		return l, true
	case strings.HasSuffix(call, "{"):
		l.opens = true
	case !strings.HasSuffix(call, ";"):
		return l, false
	}
	// Behind the name may stand a module and arguments.
	l.function, _, _ = strings.Cut(call, "(")
	l.function = strings.TrimSpace(l.function)
	return l, l.function != ""
}

// lost reads the line that tells of lost events.
func lost(text string) (n int, ok bool) {
	_, rest, ok := strings.Cut(text, "[LOST ")
	if !ok {
		return 0, false
	}
	number, _, _ := strings.Cut(rest, " ")
	n, _ = strconv.Atoi(number) // it may say "EVENTS" alone
	return max(n, 1), true
}
