// Package event is the vocabulary of the record: everything that xtest knows about a run is a
// sequence of these events, one JSON object a line, and every report is drawn from them alone.
//
// Beware: events with a Kind that [Kind.FromGuest] admits come out of a machine that is not
// trusted. Their strings are whatever the guest sent; escape them before they are shown.
package event

import (
	"fmt"
	"time"
)

// Kind says what an event tells. The set is closed; a reader skips kinds it does not know, so that
// records of newer versions can still be drawn.
type Kind string

// The kinds, in the order in which a run produces them.
const (
	RunStarted    Kind = "run-started"    // Run
	TargetPlanned Kind = "target-planned" // Target, Plan: what will be judged and where it came from
	TargetMissed  Kind = "target-missed"  // Target, Reason, Fix: it cannot be brought up on this machine
	BootStarted   Kind = "boot-started"   // Target, Boot, Salt
	Booted        Kind = "booted"         // Target, Boot, Machine: sent by the agent when it is ready
	SpecListed    Kind = "spec-listed"    // Spec, Meta: the spec is going to be judged
	Probed        Kind = "probed"         // Probe, Reason ("" when the capability is there)
	SpecStarted   Kind = "spec-started"   // Spec
	SpecMoved     Kind = "spec-moved"     // Spec: it passed in its first machine and goes on in another
	SpecEnded     Kind = "spec-ended"     // Spec, Result
	Sampled       Kind = "sampled"        // Spec, Sample
	Kept          Kind = "kept"           // Spec, File: a part of a file was added to the run's folder
	Warned        Kind = "warned"         // Reason: nothing to judge, but a person should know
	Advanced      Kind = "advanced"       // Reason, Step: how far long work inside a machine is
	Crashed       Kind = "crashed"        // Crash, and Spec when one ran
	Finished      Kind = "finished"       // the done marker: the agent judged all it was asked to
	MachineEnded  Kind = "machine-ended"  // Target, Boot, Reason: how the machine went down
	TargetEnded   Kind = "target-ended"   // Target, Duration: nothing more is to be judged on it
	RunEnded      Kind = "run-ended"      // Exit, Reason
)

// FromGuest says whether an agent inside a machine may send events of this kind. All others are
// the runner's own, and forged when they come out of a machine.
func (k Kind) FromGuest() bool {
	switch k {
	case Booted, SpecListed, Probed, SpecStarted, SpecEnded, Sampled, Kept, Warned, Advanced, Finished:
		return true
	}
	return false
}

// Event is one line of the record. Which fields are set follows from Kind.
type Event struct {
	Kind   Kind      `json:"kind"`
	Time   time.Time `json:"time,omitzero"` // by the host's clock, when the event was recorded
	Target string    `json:"target,omitempty"`
	Boot   int       `json:"boot,omitempty"` // counts from 1 for each target
	Salt   int       `json:"salt,omitempty"` // of a boot that started: the number of its dummy boot parameter
	Suite  string    `json:"suite,omitempty"`
	Spec   string    `json:"spec,omitempty"` // the spec's ID

	Run      *Run          `json:"run,omitempty"`
	Plan     *Plan         `json:"plan,omitempty"`
	Machine  *Machine      `json:"machine,omitempty"`
	Meta     *Meta         `json:"meta,omitempty"`
	Result   *Result       `json:"result,omitempty"`
	Sample   *Sample       `json:"sample,omitempty"`
	File     *File         `json:"file,omitempty"`
	Crash    *Crash        `json:"crash,omitempty"`
	Step     *Step         `json:"step,omitempty"`
	Probe    string        `json:"probe,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	Fix      string        `json:"fix,omitempty"` // a command that mends what Reason tells
	Duration time.Duration `json:"duration,omitempty"`
	Exit     int           `json:"exit,omitempty"`
}

// Run describes a run as a whole, so that it can be repeated.
type Run struct {
	ID      string   `json:"id"`      // also the name of the run's folder
	Version string   `json:"version"` // xtest's own
	Command []string `json:"command"` // as it was typed
	// Flags are those of Command that make the machines what they are; with them one spec can be
	// judged again under the same conditions.
	Flags []string `json:"flags,omitempty"`
	Seed  uint64   `json:"seed"`
	Host  Host     `json:"host"`
	// Targets are those that will be judged, in the order in which they were named.
	Targets []string `json:"targets,omitempty"`
	// Shard says which part of a larger run this is; nil: it is the whole.
	Shard *Shard `json:"shard,omitempty"`
	// Bench is set in runs of benchmarks: all specs are judged anew in each of a target's boots.
	Bench *Bench `json:"bench,omitempty"`
	// Merged are the runs that this one was put together from.
	Merged []Run `json:"merged,omitempty"`
}

// The tiers of measuring, each blind to something.
const (
	// Counts are executed instructions: exact, and blind to what an instruction costs (caches, TLB).
	Counts = "counts"
	// Wall is time as it passes: it sees all, and whatever else the machine does.
	Wall = "wall"
)

// Bench says how a run of benchmarks was measured.
type Bench struct {
	Tier  string `json:"tier"`  // [Counts] or [Wall]
	Boots int    `json:"boots"` // of each target, as asked for
}

// Shard is one of the parts that a run was split into.
type Shard struct {
	Index int `json:"index"` // from 1
	Total int `json:"total"`
}

// String writes it as users do: 2/5.
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Total) }

// Host is the fingerprint of the machine xtest was started on. Wall-clock figures of runs with
// different fingerprints do not compare.
type Host struct {
	Kernel string `json:"kernel"`
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Memory int64  `json:"memory"` // bytes
}

// Offline is the Backend of a target whose files are read and that is not booted.
const Offline = "files"

// Plan describes what a target is made of before it is booted.
type Plan struct {
	Backend string     `json:"backend"`
	Target  string     `json:"target,omitempty"` // backend:what; the target's own name may be one of xtest.yaml
	Suites  []string   `json:"suites"`
	Command []string   `json:"command,omitempty"` // how the machine is started
	Accel   string     `json:"accel,omitempty"`   // kvm, tcg, or empty where it does not apply
	Clock   string     `json:"clock,omitempty"`   // where its time comes from; empty: from the host
	Why     string     `json:"why,omitempty"`     // the reason for the accelerator; of one offline: what it is
	Parts   []Artefact `json:"parts,omitempty"`
}

// Artefact is a file that a target is made of.
type Artefact struct {
	Role    string `json:"role"` // kernel, hypervisor, modules, rootfs
	Package string `json:"package,omitempty"`
	Version string `json:"version,omitempty"`
	SHA256  string `json:"sha256,omitempty"`
}

// Machine is what a booted machine says of itself.
type Machine struct {
	Kernel     string `json:"kernel"`               // uname -r
	Flavour    string `json:"flavour,omitempty"`    // "User-Mode Linux", or empty
	Hypervisor string `json:"hypervisor,omitempty"` // "Xen 4.17.7"
	Distro     string `json:"distro,omitempty"`     // os-release's PRETTY_NAME
	Cores      int    `json:"cores"`
	Memory     int64  `json:"memory"` // bytes
}

// Meta is what a spec declares about itself.
type Meta struct {
	Suite   string        `json:"suite"`
	Clause  string        `json:"clause"`          // standard and section, man page, header or source file, and what it says
	Level   string        `json:"level"`           // MUST or SHOULD
	Grade   string        `json:"grade,omitempty"` // how dangerous it is: safe, guest, destructive
	Needs   []string      `json:"needs,omitempty"` // the probes it depends on
	Labels  []string      `json:"labels,omitempty"`
	Limit   time.Duration `json:"limit,omitempty"` // on this machine, after scaling
	Ends    []string      `json:"ends,omitempty"`  // the ways in which it may end the guest that runs it
	Moves   bool          `json:"moves,omitempty"` // it is judged in two machines, one after the other
	Sources []string      `json:"sources,omitempty"`
}

// Sample is a raw measurement, or several of the same.
type Sample struct {
	Name  string  `json:"name"`
	Value float64 `json:"value,omitempty"`
	// Values, where there are any, take the place of Value: measurements in the order in which they were made.
	Values []float64 `json:"values,omitempty"`
	Unit   string    `json:"unit"` // as in Go's benchmark format: ns/op, insns/op, B
}

// All are the measurements.
func (s *Sample) All() []float64 {
	if len(s.Values) > 0 {
		return s.Values
	}
	return []float64{s.Value}
}

// File is a part of a file that a spec gives to the run's folder.
type File struct {
	// Name is the file's in the folder, on the record; the spec says only what it is: see [KeptFile].
	Name string `json:"name"`
	Size int    `json:"size"` // of the part, in bytes
	// Data is what an agent sends, never on the record.
	Data []byte `json:"data,omitempty"`
}

// Step is how far long work is: done of total steps.
type Step struct {
	Done  int `json:"done"`
	Total int `json:"total"`
}

// Crash is the end of a machine that nobody asked for.
type Crash struct {
	Kind      string `json:"kind"`             // panic, oops, bug, hang, silence, vanished, ...
	Signature string `json:"signature"`        // the same for the same crash: addresses and numbers taken out
	Excerpt   string `json:"excerpt"`          // the lines of the console around it
	Memory    string `json:"memory,omitempty"` // a file that keeps the machine's memory: an ELF core
}
