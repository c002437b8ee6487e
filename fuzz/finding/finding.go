// Package finding keeps what a fuzzer found: a folder that reads on its own, with the calls, the console,
// how often it came again, and what replays it.
//
// Beware: the console and the answers in a finding are a guest's words. They are shown quoted or behind
// four spaces and never interpreted.
package finding

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"xtest/fuzz/program"
	"xtest/runner/event"
)

// Classes of findings.
const (
	Hypervisor = "hypervisor" // it crashed, hung or complained
	Caller     = "caller"     // the calling domain was ended, which may be by design
	Contract   = "contract"   // an answer that no call may give
	Divergence = "divergence" // two targets answer differently
)

// Options are what a machine was given beyond its target's own; empty ones are the backend's choice.
type Options struct {
	Cores   int      `json:"cores,omitempty"`
	Memory  string   `json:"memory,omitempty"` // as 512M
	Kernel  string   `json:"kernel,omitempty"`
	Modules string   `json:"modules,omitempty"`
	Params  []string `json:"params,omitempty"`
}

// Finding is one.
type Finding struct {
	Class     string           `json:"class"`
	Signature string           `json:"signature"`
	Story     string           `json:"story"` // one sentence
	Target    string           `json:"target"`
	Other     string           `json:"other,omitempty"`  // what Target is compared with
	Answers   [2]string        `json:"answers,omitzero"` // of the two, in words
	Space     string           `json:"space"`
	Mode      string           `json:"mode"` // how the calls are made
	Seed      uint64           `json:"seed"`
	Number    uint64           `json:"number"` // of the program that met it first
	Call      string           `json:"call"`   // the operation that was under way
	Tried     int              `json:"tried"`  // fresh machines in which it was replayed
	Again     int              `json:"again"`  // of which it came again in so many
	Seen      int              `json:"seen"`   // how often it was met
	After     time.Duration    `json:"after"`  // of fuzzing
	Minimal   bool             `json:"minimal"`
	Machine   event.Machine    `json:"machine"`
	Parts     []event.Artefact `json:"parts,omitempty"`
	Options   Options          `json:"options,omitzero"`
	Boot      []string         `json:"boot,omitempty"`   // how the machine is started
	Sysctl    uint32           `json:"sysctl,omitempty"` // the versions of the interfaces there
	Domctl    uint32           `json:"domctl,omitempty"`
	Command   []string         `json:"command"`          // of the campaign
	Version   string           `json:"version"`          // of xtest
	Memory    string           `json:"memory,omitempty"` // the file that keeps the memory of the machine that died first

	Dir      string             `json:"-"`
	Programs []*program.Program `json:"-"` // the shortest that replays it
	Original *program.Program   `json:"-"` // as it was met
	Console  string             `json:"-"`
	Taken    string             `json:"-"` // where that memory lies until [Finding.Save] moves it into the folder
}

// The files of a finding's folder.
const (
	DataFile    = "finding.json"
	ProgramFile = "program.txt"
	firstFile   = "first.txt"
	consoleFile = "console.txt"
	readmeFile  = "README.md"
	specFile    = "repro_test.go"
	sourceFile  = "repro.c"
)

// slug makes a folder's name of a signature.
func slug(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case unicode.IsLetter(r) && r < 128, unicode.IsDigit(r):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	s := b.String()
	return strings.Trim(s[:min(len(s), 60)], "-")
}

// Save writes the folder below dir, or again where it was.
func (f *Finding) Save(dir string) error {
	if f.Dir == "" {
		base := filepath.Join(dir, f.Class+"-"+slug(f.Signature))
		f.Dir = base
		for n := 2; ; n++ {
			err := os.MkdirAll(dir, 0o755)
			if err == nil {
				err = os.Mkdir(f.Dir, 0o755)
			}
			if err == nil {
				break
			}
			if !errors.Is(err, os.ErrExist) {
				return fmt.Errorf("keeping a finding: %w", err)
			}
			f.Dir = fmt.Sprintf("%s-%d", base, n)
		}
	}
	if f.Taken != "" {
		f.Memory = "memory" + filepath.Ext(f.Taken)
		if err := os.Rename(f.Taken, filepath.Join(f.Dir, f.Memory)); err != nil {
			return fmt.Errorf("keeping a finding: %w", err)
		}
		f.Taken = ""
	}
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("keeping a finding: %w", err)
	}
	files := map[string]string{
		DataFile: string(data) + "\n", ProgramFile: f.text(f.Programs), readmeFile: f.readme(), consoleFile: f.Console,
		specFile: f.spec(), sourceFile: f.source(),
	}
	if f.Original != nil {
		files[firstFile] = f.text([]*program.Program{f.Original})
	}
	for name, text := range files {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(f.Dir, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("keeping a finding: %w", err)
		}
	}
	return nil
}

func (f *Finding) text(list []*program.Program) string {
	if len(list) == 0 {
		return ""
	}
	text := program.Header(list[0].Space)
	for _, p := range list {
		text += "\n" + p.String()
	}
	return text
}

// Load reads a finding's folder.
func Load(dir string) (*Finding, error) {
	data, err := os.ReadFile(filepath.Join(dir, DataFile))
	if err != nil {
		return nil, fmt.Errorf("%s is no finding: %w (a folder below a campaign's findings is)", dir, err)
	}
	f := &Finding{Dir: dir}
	if err := json.Unmarshal(data, f); err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(dir, DataFile), err)
	}
	text, err := os.ReadFile(filepath.Join(dir, ProgramFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s cannot be replayed: no call is known to bring it about", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("reading a finding: %w", err)
	}
	if _, f.Programs, err = program.ParseFile(string(text)); err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(dir, ProgramFile), err)
	}
	if len(f.Programs) == 0 {
		return nil, fmt.Errorf("%s holds no program", filepath.Join(dir, ProgramFile))
	}
	return f, nil
}

// List reads all findings below a folder, the most serious first.
func List(dir string) ([]*Finding, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", DataFile))
	if err != nil {
		return nil, err
	}
	var list []*Finding
	for _, file := range files {
		f, err := Load(filepath.Dir(file))
		if err != nil {
			return list, err
		}
		list = append(list, f)
	}
	order := []string{Hypervisor, Contract, Divergence, Caller}
	slices.SortStableFunc(list, func(a, b *Finding) int { return slices.Index(order, a.Class) - slices.Index(order, b.Class) })
	return list, nil
}

// Reliability says how often it came again.
func (f *Finding) Reliability() string {
	if f.Tried == 0 {
		return "not replayed"
	}
	return fmt.Sprintf("%d of %d", f.Again, f.Tried)
}

// Calls is how many calls the programs make.
func (f *Finding) Calls() (n int) {
	for _, p := range f.Programs {
		n += len(p.Calls)
	}
	return n
}

// Replay is the command that replays it.
func (f *Finding) Replay() string { return "xtest repro " + f.Dir }

func (f *Finding) readme() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n", f.Signature, f.Story)
	fmt.Fprintf(&b, "- class: %s\n- target: `%s`", f.Class, f.Target)
	if f.Machine.Hypervisor != "" {
		fmt.Fprintf(&b, " (%s)", f.Machine.Hypervisor)
	}
	if f.Memory != "" {
		fmt.Fprintf(&b, "\n- memory of the machine that died: %s", f.Memory)
	}
	fmt.Fprintf(&b, "\n- came again in %s fresh machines; met %d times while fuzzing, first after %v\n", f.Reliability(), f.Seen, f.After.Round(time.Second))
	fmt.Fprintf(&b, "- again: `xtest repro .` in this folder\n\n## The calls\n\n")
	if !f.Minimal {
		b.WriteString("They were not made fewer: it did not come again, or time ran out.\n\n")
	}
	for i, p := range f.Programs {
		if i == 20 {
			fmt.Fprintf(&b, "…and %d more programs, see %s\n\n", len(f.Programs)-i, ProgramFile)
			break
		}
		for c := range p.Calls {
			fmt.Fprintf(&b, "%d. %s\n", c+1, p.Words(c))
		}
		b.WriteString("\n")
	}
	if f.Console != "" {
		b.WriteString("## The console\n\n")
		for line := range strings.SplitSeq(strings.TrimRight(f.Console, "\n"), "\n") {
			fmt.Fprintf(&b, "    %s\n", strings.Map(printable, line))
		}
	}
	fmt.Fprintf(&b, "\nFound by `%s`, seed %d, program %d. As text: %s", strings.Join(f.Command, " "), f.Seed, f.Number, ProgramFile)
	if f.source() != "" {
		fmt.Fprintf(&b, "; as a C program: %s; as a spec: %s", sourceFile, specFile)
	}
	b.WriteString(".\n")
	return b.String()
}

// printable takes out what a console may do to a terminal.
func printable(r rune) rune {
	if r == '\t' || unicode.IsPrint(r) {
		return r
	}
	return '·'
}
