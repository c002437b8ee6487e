package reports

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"xtest/runner/event"
)

// RecordName is the name of the record in a run's folder.
const RecordName = "events.jsonl"

// MaxLine is the longest line of a record that is read, in bytes. Longer ones are skipped with a
// warning: a guest that floods one line must not fill the host's memory.
const MaxLine = 1 << 20

// maxWarnings bounds the warnings that are kept of one record; the rest is counted.
const maxWarnings = 200

// maxWarning bounds one warning's text, in bytes.
const maxWarning = 1000

// Record is a run's sequence of events as it was found.
type Record struct {
	// Dir is the run's folder, or empty when the record was not read from one.
	Dir string
	// Consoles are the names of the console logs in Dir.
	Consoles []string
	// Entries are the events that could be read, in the order of the record.
	Entries []Entry
	// Warnings tell what could not be read.
	Warnings Warnings
	// Torn is true when the last line was cut off, as a kill of xtest does.
	Torn bool
}

// Entry is one event and the line of the record it stands on, from 1.
type Entry struct {
	Line int
	event.Event
}

// Warning is something that is wrong with a record and does not keep it from being drawn.
type Warning struct {
	Line int    `json:"line,omitempty"` // in the record, from 1; 0 when no line is to blame
	Text string `json:"text"`
}

// Warnings is a bounded list of them.
type Warnings struct {
	List []Warning `json:"list,omitempty"`
	// More counts those that were not kept.
	More int `json:"more,omitempty"`
}

func (w *Warnings) add(line int, format string, args ...any) {
	if len(w.List) >= maxWarnings {
		w.More++
		return
	}
	w.List = append(w.List, Warning{Line: line, Text: Clip(fmt.Sprintf(format, args...), maxWarning)})
}

// Read takes the record from a run's folder. What is torn or garbled becomes a warning; it is an
// error when dir is not a run or when nothing at all can be drawn from it.
func Read(dir string) (*Record, error) {
	rec := &Record{}
	if err := rec.open(dir, func(e Entry) { rec.Entries = append(rec.Entries, e) }); err != nil {
		return nil, err
	}
	return rec, nil
}

// Load is [Read] and [Fold] in one, without keeping the events: a report of a large run takes half
// the memory that way. Who wants more of them than the model holds may see each as it comes.
func Load(dir string, see ...func(event.Event)) (*Model, error) {
	rec, f := &Record{}, NewFolder()
	if err := rec.open(dir, func(e Entry) {
		f.add(e.Line, e.Event)
		for _, s := range see {
			s(e.Event)
		}
	}); err != nil {
		return nil, err
	}
	return f.finish(rec), nil
}

// Each gives each event of a run's record to f, in the record's order, and keeps none. What cannot be read
// is left out; it is an error as with [Read].
func Each(dir string, f func(event.Event)) error {
	return new(Record).open(dir, func(e Entry) { f(e.Event) })
}

// ReadFrom takes a record from a stream. It fails when the stream does, or holds no event.
func ReadFrom(r io.Reader) (*Record, error) {
	rec := &Record{}
	if err := rec.scan(r, func(e Entry) { rec.Entries = append(rec.Entries, e) }); err != nil {
		return nil, err
	}
	return rec, nil
}

// openRecord opens the record in a run's folder.
func openRecord(dir string) (*os.File, error) {
	path := filepath.Join(dir, RecordName)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s is not a run: it holds no %s; give the folder that `xtest run` named behind \"record:\": %w", dir, RecordName, err)
	case err != nil:
		return nil, fmt.Errorf("looking for the record of run %s: %w", dir, err)
	case !info.Mode().IsRegular(): // opening a FIFO would wait for ever
		return nil, fmt.Errorf("%s is not a run: its %s is not a regular file", dir, RecordName)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the record of run %s: %w", dir, err)
	}
	return f, nil
}

// open scans the record in a run's folder.
func (rec *Record) open(dir string, each func(Entry)) error {
	f, err := openRecord(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := rec.scan(f, each); err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	rec.Dir = dir
	// The pattern is constant, and a log that cannot be listed is only not pointed at.
	rec.Consoles, _ = fs.Glob(os.DirFS(dir), "console-*.log")
	return nil
}

// scan gives each event of a stream to each, and puts into rec what else it finds.
func (rec *Record) scan(r io.Reader, each func(Entry)) error {
	names := interner{}
	in := bufio.NewReaderSize(r, 64<<10)
	var buf []byte
	events := 0
	for n := 1; ; n++ {
		line, long, err := readLine(in, buf[:0])
		buf = line
		if err != nil && err != io.EOF {
			return fmt.Errorf("reading line %d of the record: %w", n, err)
		}
		if e, ok := rec.take(n, line, long, err == io.EOF); ok {
			names.event(&e.Event)
			each(e)
			events++
		}
		if err == io.EOF {
			break
		}
	}
	if events > 0 {
		return nil
	}
	if len(rec.Warnings.List) > 0 {
		w := rec.Warnings.List[0]
		return fmt.Errorf("this is not a run's record: no line of it holds an event; line %d: %s", w.Line, w.Text)
	}
	return errors.New("the record is empty: the run ended before it began; start it again")
}

// readLine appends one line without its end to buf, at most MaxLine bytes of it; long tells that
// there were more. The error is io.EOF for the last line, which may be empty.
func readLine(in *bufio.Reader, buf []byte) (line []byte, long bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if room := max(MaxLine+1-len(buf), 0); len(part) > room { // 1 more for the line's end
			part, long = part[:room], true
		}
		buf = append(buf, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		return bytes.TrimSuffix(buf, []byte("\n")), long, err
	}
}

// take makes an event of a line, or a warning.
func (rec *Record) take(n int, line []byte, long, last bool) (Entry, bool) {
	if len(bytes.TrimSpace(line)) == 0 {
		return Entry{}, false
	}
	if long {
		rec.Torn = rec.Torn || last
		rec.Warnings.add(n, "longer than %d bytes; it was skipped", MaxLine)
		return Entry{}, false
	}
	e := Entry{Line: n}
	if err := json.Unmarshal(line, &e.Event); err != nil {
		if last { // without a line's end: xtest was killed while it wrote
			rec.Torn = true
			rec.Warnings.add(n, "the last line is torn: xtest ended while it wrote it")
			return Entry{}, false
		}
		rec.Warnings.add(n, "not an event: %s", Clip(Clean(err.Error()), 200))
		return Entry{}, false
	}
	if e.Kind == "" {
		rec.Warnings.add(n, "not an event: it has no kind")
		return Entry{}, false
	}
	return e, true
}

// interner keeps one copy of the names that stand on nearly every line of a record.
type interner map[string]string

func (in interner) event(e *event.Event) {
	e.Kind = event.Kind(in.one(string(e.Kind)))
	e.Target, e.Suite, e.Spec = in.one(e.Target), in.one(e.Suite), in.one(e.Spec)
	if e.Meta != nil {
		e.Meta.Suite, e.Meta.Level, e.Meta.Grade = in.one(e.Meta.Suite), in.one(e.Meta.Level), in.one(e.Meta.Grade)
		e.Meta.Clause = in.one(e.Meta.Clause) // the same on every target
	}
	if e.Result != nil {
		e.Result.Verdict = event.Verdict(in.one(string(e.Result.Verdict)))
	}
}

func (in interner) one(s string) string {
	if kept, ok := in[s]; ok {
		return kept
	}
	in[s] = s
	return s
}
