package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/perf/benchfmt"

	"xtest/reports"
)

// Format is the version of what [Write] writes, in its key "format".
const Format = "1"

// Keys of what a file says of a run and its targets.
const (
	keyFormat = "format"
	keyRun    = "run"
	keyDate   = "date" // RFC 3339
	keyLabel  = "label"
	keyTarget = "target"
	keyWhat   = "what"
	keyHost   = "host"
	keyClock  = "clock"
)

// aside begins the lines with what tells of a run and is no configuration: benchstat compares results of
// one configuration alone, and does not read them.
const aside = "# xtest "

// Write writes what was measured in Go's benchmark format: a line for each benchmark and boot, whose
// values are the boot's medians, so that benchstat takes boots and not samples for repetitions.
func Write(w io.Writer, r *Run) error {
	about := func(pairs ...string) (err error) {
		for i := 0; i < len(pairs); i += 2 {
			if value := line(pairs[i+1]); value != "" && err == nil {
				_, err = fmt.Fprintf(w, "%s%s: %s\n", aside, pairs[i], value)
			}
		}
		return err
	}
	err := about(keyFormat, Format, keyRun, r.ID, keyDate, date(r.When), keyLabel, r.Label)
	out := benchfmt.NewWriter(w)
	for _, s := range r.Sides {
		var config []benchfmt.Config
		for _, c := range []struct{ key, value string }{{keyTarget, s.Target}, {keyClock, s.Clock}} {
			if c.value != "" {
				config = append(config, benchfmt.Config{Key: c.key, Value: []byte(line(c.value)), File: true})
			}
		}
		err = errors.Join(err, about(keyWhat, s.What, keyHost, s.Host))
		for _, res := range s.lines() {
			res.Config = config
			err = errors.Join(err, out.Write(&res))
		}
	}
	if err != nil {
		return fmt.Errorf("writing Go's benchmark format: %w", err)
	}
	return nil
}

// opened gives the text with what stands aside as configuration.
func opened(in io.Reader) (io.Reader, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("the file is larger than %d MB", maxFile>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("reading Go's benchmark format: %w", err)
	}
	text = bytes.ReplaceAll(append([]byte("\n"), text...), []byte("\n"+aside), []byte("\n"))
	return bytes.NewReader(text[1:]), nil
}

// maxFile is how large a file may be, in bytes: a part of one would be taken for all that was measured.
const maxFile = 256 << 20

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// ForModel is [Write] for a run that was loaded already: what was measured is read from its folder.
func ForModel(w io.Writer, m *reports.Model) error {
	r, err := Load(m.Dir)
	if err != nil {
		return err
	}
	return Write(w, r)
}

// lines puts the units of one benchmark in one boot on one line, as Go's own benchmarks do.
func (s *Side) lines() (all []benchfmt.Result) {
	var names []string
	byName := map[string][]*Series{}
	for _, one := range s.Series {
		if byName[one.Name] == nil {
			names = append(names, one.Name)
		}
		byName[one.Name] = append(byName[one.Name], one)
	}
	for _, name := range names {
		var boots []int
		for _, one := range byName[name] {
			boots = append(boots, one.Boots...)
		}
		slices.Sort(boots)
		for _, boot := range slices.Compact(boots) {
			res := benchfmt.Result{Name: benchfmt.Name(goName(name)), Iters: 1}
			for _, one := range byName[name] {
				if i, found := slices.BinarySearch(one.Boots, boot); found {
					res.Values = append(res.Values, benchfmt.Value{Value: one.Values[i], Unit: word(one.Unit)})
				}
			}
			all = append(all, res)
		}
	}
	return all
}

// goName is a benchmark's name as Go's format has it: behind "Benchmark" comes no small letter.
func goName(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(first)) + word(name[size:])
}

// ownName is [goName]'s reverse. IDs of specs begin with a small letter.
func ownName(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(first)) + name[size:]
}

// word is text without spaces, as the format's fields are.
func word(text string) string { return strings.Join(strings.Fields(reports.Clean(text)), "-") }

// line is text without line ends.
func line(text string) string { return strings.Join(strings.Fields(reports.Clean(text)), " ") }

// ReadGo reads Go's benchmark format: what [Write] wrote, or any other benchmarks. Each line is one boot.
// What is no line of the format is an error that names the line, and so is a newer version of Write's.
func ReadGo(in io.Reader, source string) (*Run, error) {
	r := &Run{Source: source}
	in, err := opened(in)
	if err != nil {
		return nil, err
	}
	reader := benchfmt.NewReader(in, source)
	lines := map[*Side]map[string]int{}
	for reader.Scan() {
		var res *benchfmt.Result
		switch rec := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, fmt.Errorf("reading Go's benchmark format: %w", rec)
		case *benchfmt.Result:
			res = rec
		default:
			continue
		}
		if f := res.GetConfig(keyFormat); f != "" && f != Format {
			return nil, fmt.Errorf("%s is of format %s, and this xtest knows %s: write it again (xtest report RUN --gobench FILE), or take a newer xtest", source, f, Format)
		}
		if r.ID == "" {
			r.ID, r.Label = res.GetConfig(keyRun), res.GetConfig(keyLabel)
			r.When, _ = time.Parse(time.RFC3339, res.GetConfig(keyDate)) // what is no date is not known
		}
		target := res.GetConfig(keyTarget)
		s := r.Find(target)
		if s == nil {
			s = &Side{Source: source, Target: target, What: res.GetConfig(keyWhat), Host: res.GetConfig(keyHost), Clock: res.GetConfig(keyClock)}
			r.Sides, lines[s] = append(r.Sides, s), map[string]int{}
		}
		name := ownName(string(res.Name))
		lines[s][name]++
		for _, v := range res.Values {
			if v.OrigUnit != "" { // ns/op, which the reader makes sec/op
				v.Value, v.Unit = v.OrigValue, v.OrigUnit
			}
			s.add(name, v.Unit, lines[s][name], v.Value)
		}
	}
	if err := reader.Err(); err != nil {
		return nil, fmt.Errorf("reading Go's benchmark format: %w", err)
	}
	if len(r.Sides) == 0 {
		return nil, fmt.Errorf("%s holds no benchmark: a line of one is \"BenchmarkName 1 15082 insns/op\"", source)
	}
	for _, s := range r.Sides {
		s.settle()
	}
	return r, nil
}

// IsGo says whether a file looks like Go's benchmark format: text with a line that begins with
// "Benchmark" among its first.
func IsGo(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 16<<10)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return false
	}
	head = head[:n]
	return !bytes.Contains(head, []byte{0}) && (bytes.HasPrefix(head, []byte("Benchmark")) || bytes.Contains(head, []byte("\nBenchmark")))
}

// Open reads a run's folder, or a file in Go's benchmark format.
func Open(path string) (*Run, error) {
	if !IsGo(path) {
		return Load(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the benchmarks: %w", err)
	}
	defer f.Close()
	return ReadGo(f, path)
}
