// Package ftrace traces the functions of the kernel at hand with its function_graph tracer
// (Documentation/trace/ftrace.rst), by the files of tracefs alone.
//
// Beware: tracing changes what is traced. It patches the kernel's code, which splits large pages of its
// direct map, and that stays so until the machine ends: never measure in a boot in which was traced.
package ftrace

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Dir is where the kernel makes a place for tracefs.
const Dir = "/sys/kernel/tracing"

// Graph is the tracer's name.
const Graph = "function_graph"

// ErrNone is why nothing can be traced: the kernel was built without the tracer.
var ErrNone = errors.New("the kernel has no " + Graph + " tracer (CONFIG_FUNCTION_GRAPH_TRACER)")

// bufferKB is the size of each processor's buffer: some 100,000 calls.
const bufferKB = 12 << 10

// Tracer is the kernel's tracer, made ready and not switched on.
type Tracer struct {
	dir string
	on  *os.File
}

// Open makes the tracer ready: it mounts tracefs where it is not yet, empties the buffer and sets the
// options that the trace is to be read by. The error is ErrNone where the kernel has no such tracer.
func Open() (*Tracer, error) {
	t := &Tracer{dir: Dir}
	if _, err := os.Stat(filepath.Join(Dir, "trace")); err != nil {
		if _, err := os.Stat(Dir); err != nil {
			return nil, ErrNone // there is no tracing at all
		}
		if err := unix.Mount("tracefs", Dir, "tracefs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
			return nil, fmt.Errorf("mounting tracefs on %s: %w", Dir, err)
		}
	}
	tracers, err := os.ReadFile(filepath.Join(Dir, "available_tracers"))
	if err != nil {
		return nil, fmt.Errorf("asking the kernel for its tracers: %w", err)
	}
	if !slices.Contains(strings.Fields(string(tracers)), Graph) {
		return nil, ErrNone
	}
	for _, s := range []struct {
		file, value string
		optional    bool
	}{
		{"tracing_on", "0", false},
		{"buffer_size_kb", fmt.Sprint(bufferKB), false},
		{"current_tracer", Graph, false},
		{"options/funcgraph-abstime", "1", false},
		{"options/funcgraph-proc", "1", false},
		{"options/funcgraph-cpu", "1", false},
		{"options/funcgraph-duration", "1", false},
		{"options/funcgraph-overhead", "0", true},
		{"options/funcgraph-tail", "0", true},
		{"options/funcgraph-args", "0", true}, // since Linux 6.16
		{"trace", "", false},
	} {
		if err := t.set(s.file, s.value); err != nil && !s.optional {
			return nil, err
		}
	}
	if t.on, err = os.OpenFile(filepath.Join(Dir, "tracing_on"), os.O_WRONLY, 0); err != nil {
		return nil, fmt.Errorf("opening the tracer's switch: %w", err)
	}
	return t, nil
}

func (t *Tracer) set(file, value string) error {
	if err := os.WriteFile(filepath.Join(t.dir, file), []byte(value), 0); err != nil {
		return fmt.Errorf("setting up the tracer (%s=%s): %w", file, value, err)
	}
	return nil
}

// Switch is the file that a "1" written to it switches the tracer on, and a "0" off. It may be written to by
// other processes.
func (t *Tracer) Switch() *os.File { return t.on }

// WriteTo writes what was traced as text, which reports/trace reads.
func (t *Tracer) WriteTo(w io.Writer) (int64, error) {
	f, err := os.Open(filepath.Join(t.dir, "trace"))
	if err != nil {
		return 0, fmt.Errorf("reading the trace: %w", err)
	}
	defer f.Close()
	n, err := io.Copy(w, f)
	if err != nil {
		return n, fmt.Errorf("reading the trace: %w", err)
	}
	return n, nil
}

// Close switches the tracer off and gives its memory back.
func (t *Tracer) Close() error {
	return errors.Join(t.set("tracing_on", "0"), t.set("current_tracer", "nop"), t.set("buffer_size_kb", "1"), t.on.Close())
}
