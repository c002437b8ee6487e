// Package call describes what a fuzzer can call: numbers, sub-operations, the kinds of arguments, the
// layout of structures, how dangerous a call is, and what it may answer. For Xen and KVM all of it is
// derived from [xtest/internal/xen] and [xtest/internal/kvm]; here stands only what a type cannot say.
//
// Beware: a grade is about calls with valid arguments. A harmless operation with wild ones may still
// end the machine: that is what a fuzzer is after.
package call

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is what a value means.
type Kind uint8

// The kinds.
const (
	Any     Kind = iota // a number of which nothing is known
	Const               // always the same
	Domain              // a domain's number
	Port                // an event channel
	Ref                 // a grant reference
	Handle              // of a mapped grant
	Frame               // a page's number
	VCPU                // a virtual processor
	Count               // how many
	Flags               // bits
	Index               // one of a few
	IRQ                 // an interrupt
	Address             // in the caller's memory
	Buffer              // the address of memory that the call reads or writes
	Struct              // the address of a structure
	Time                // nanoseconds
	FD                  // a file descriptor
	Text                // the address of a text, one of Arg.Texts
	PID                 // a process
	Pad                 // to be zero
	Out                 // written by the call
	Version             // of the sysctl or domctl interface
	NumKinds
)

// Grade is how dangerous an operation is.
type Grade int

// The grades, mildest first.
const (
	Harmless    Grade = iota // reads, or has no effect that lasts
	Allocates                // takes something that it gives back
	Destructive              // changes the machine for good
	Ends                     // ends caller or machine by design
)

var grades = []string{"harmless", "allocates", "destructive", "ends"}

func (g Grade) String() string { return grades[g] }

// ParseGrade reads a grade's name.
func ParseGrade(name string) (Grade, error) {
	i := slices.Index(grades, name)
	if i < 0 {
		return 0, fmt.Errorf("there is no grade %q; there are %s", name, strings.Join(grades, ", "))
	}
	return Grade(i), nil
}

// Field is a part of a structure.
type Field struct {
	Name   string
	Offset int
	Size   int // 1, 2, 4 or 8 bytes
	Kind   Kind
	Const  uint64
	Makes  bool // the call leaves a live resource of the kind here
}

// Layout is a structure.
type Layout struct {
	Size   int
	Fields []Field
}

// Find gives the field of a name at an offset, nil when there is none.
func (l *Layout) Find(name string, offset int) *Field {
	for i := range l.Fields {
		if f := &l.Fields[i]; f.Offset == offset && f.Name == name {
			return f
		}
	}
	return nil
}

// Arg is an argument.
type Arg struct {
	Kind   Kind
	Const  uint64
	Struct *Layout
	Texts  []string // of Text
	Values []uint64 // worth trying, beside what the kind has
}

// Op is what can be called.
type Op struct {
	Name   string // call/operation
	Number uint64
	Args   []Arg
	Grade  Grade
	// Gives is the kind of resource that a non-negative result is, or Any.
	Gives Kind
	// Values: answers that are no errors may be other than 0.
	Values bool
	// Privileged: only a control domain may succeed.
	Privileged bool
	// Own: resources that it names are the fuzzer's own.
	Own bool
}

// Uses says whether the operation takes a live resource of the kind.
func (o *Op) Uses(k Kind) bool {
	for _, a := range o.Args {
		if a.Kind == k {
			return true
		}
		if a.Struct != nil && slices.ContainsFunc(a.Struct.Fields, func(f Field) bool { return f.Kind == k && !f.Makes }) {
			return true
		}
	}
	return false
}

// Makes is the kind of resource that the operation leaves, or Any, and where: the index of the argument
// that shows the structure, and the field. Arg is -1 for a result.
func (o *Op) Makes() (k Kind, arg int, f Field) {
	if o.Gives != Any {
		return o.Gives, -1, Field{Size: 4}
	}
	for i, a := range o.Args {
		if a.Struct == nil {
			continue
		}
		for _, f := range a.Struct.Fields {
			if f.Makes {
				return f.Kind, i, f
			}
		}
	}
	return Any, 0, Field{}
}

// Space is a set of operations that are called in the same way.
type Space struct {
	Name string // as programs name it: xen, kvm, hyperv, kvm-xen, linux
	// Version changes when programs of older ones mean something else.
	Version int
	Ops     []Op
	// Errno gives the name of the error that a result stands for, or ""; ok is false when no such result
	// is documented at all.
	Errno func(result int64) (name string, ok bool)
	// Batch: [area.Multicall] makes many at once.
	Batch bool
}

// Lookup finds an operation by name.
func (s *Space) Lookup(name string) (*Op, bool) {
	for i := range s.Ops {
		if s.Ops[i].Name == name {
			return &s.Ops[i], true
		}
	}
	return nil, false
}

// Choose gives the operations of at most a grade whose names match one of only, if there are any, and
// none of exclude. Patterns are names, with a * for any rest.
func (s *Space) Choose(most Grade, only, exclude []string) ([]*Op, error) {
	for _, p := range slices.Concat(only, exclude) {
		if !slices.ContainsFunc(s.Ops, func(o Op) bool { return matches(p, o.Name) }) {
			return nil, fmt.Errorf("no operation matches %q; they are named as %s is", p, s.Ops[len(s.Ops)/2].Name)
		}
	}
	var list []*Op
	for i := range s.Ops {
		o := &s.Ops[i]
		is := func(p string) bool { return matches(p, o.Name) }
		if o.Grade <= most && (len(only) == 0 || slices.ContainsFunc(only, is)) && !slices.ContainsFunc(exclude, is) {
			list = append(list, o)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no operation is left of grade %s or milder", most)
	}
	return list, nil
}

func matches(pattern, name string) bool {
	if rest, star := strings.CutSuffix(pattern, "*"); star {
		return strings.HasPrefix(name, rest)
	}
	return name == pattern || strings.HasPrefix(name, pattern+"/")
}

// Find gives the space of a name.
func Find(name string) (*Space, bool) {
	for _, s := range []func() *Space{Xen, KVM, HyperV, KVMXen, Linux} {
		if s().Name == name {
			return s(), true
		}
	}
	return nil, false
}
