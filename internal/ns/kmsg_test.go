package ns

import (
	"strings"
	"testing"
	"time"
)

// The log from its start has times that do not go back much (processors write it side by side) and texts
// without the records' heads.
func TestWholeLog(t *testing.T) {
	log, err := OpenWholeLog()
	if err != nil {
		t.Skip(err)
	}
	defer log.Close()
	n := 0
	var last time.Duration
	for at, text := range log.Records() {
		if n++; at < last-time.Second || strings.HasPrefix(text, "6,") || strings.Contains(text, "\n") {
			t.Fatalf("record %d: %v behind %v, %q", n, at, last, text)
		}
		last = max(last, at)
	}
	if n == 0 {
		t.Skip("the kernel's log is empty")
	}
	if last == 0 {
		t.Errorf("none of %d records has a time", n)
	}
}
