package trace

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"xtest/reports"
)

// Chrome writes a trace as Perfetto (ui.perfetto.dev) and chrome://tracing read it: the JSON object format of
// the Trace Event Format, a complete event for each call. Times there are in microseconds.
func Chrome(w io.Writer, t *Trace) error {
	out := bufio.NewWriter(reports.Inert(w))
	threads := map[string]int{}
	write := func(format string, args ...any) { fmt.Fprintf(out, format, args...) } // Flush tells of what fails
	text := func(s string) []byte {
		quoted, _ := json.Marshal(s) // a string cannot fail
		return quoted
	}
	write(`{"displayTimeUnit":"ns","traceEvents":[`)
	sep := ""
	for _, c := range t.Calls {
		id, known := threads[c.Task]
		if !known {
			id = len(threads) + 1
			threads[c.Task] = id
			write(`%s{"ph":"M","name":"thread_name","pid":1,"tid":%d,"args":{"name":%s}}`, sep, id, text(c.Task))
			sep = ",\n"
		}
		write(`%s{"ph":"X","pid":1,"tid":%d,"ts":%.3f,"dur":%.3f,"name":%s}`, sep, id, c.Start/1e3, c.Took/1e3, text(c.Function))
	}
	write("]}\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the trace as JSON: %w", err)
	}
	return nil
}
