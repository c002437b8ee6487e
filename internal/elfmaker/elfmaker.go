// Package elfmaker writes dynamically linked programs and libraries for x86-64 Linux, byte by byte:
// with the interpreter, symbol versions, relocations and initialisation functions that are asked for.
// A dynamic linker is tried with them where no compiler is.
//
// Beware: nothing is checked against sense. A file with a version that no library defines, or an
// interpreter that is not there, is exactly what some callers want.
package elfmaker

// Object is a file to be made. With an Interp it is a program, of type ET_EXEC, that makes its Steps
// and writes what came of them to its standard output; without one it is a library.
type Object struct {
	Interp string
	// PIE makes a program of type ET_DYN, which is loaded anywhere. Protected adds the program headers
	// PT_GNU_RELRO, over the dynamic section, and PT_GNU_EH_FRAME, with no entries.
	PIE, Protected bool

	Soname  string
	Needed  []string
	RunPath string
	Steps   []Step
	// Functions, Data and Threads are what it defines: code, objects, and thread-local objects.
	Functions []Function
	Data      []Datum
	Threads   []Datum
	// Init and Fini name functions for DT_INIT and DT_FINI, the arrays those for DT_INIT_ARRAY and
	// DT_FINI_ARRAY.
	Init, Fini           string
	InitArray, FiniArray []string
}

// Function is code that writes a text to the standard output and returns a number.
type Function struct {
	Name, Version string // no version when empty
	Prints        string
	Returns       int32
	// Chooses makes it of type STT_GNU_IFUNC: calls go to the function of that name, one before it.
	Chooses string
}

// Datum is an object of eight bytes.
type Datum struct {
	Name, Version string
	Value         uint64
}

// Symbol is what an object wants of others. Version and Library go together: the version is sought in
// the library, which must be one of Needed.
type Symbol struct {
	Name, Version, Library string
	Weak                   bool
	// Copy makes it a data object of eight bytes that is copied into the program: R_X86_64_COPY.
	Copy bool
}

// Step is one thing that a program does.
type Step struct {
	kind   kind
	symbol Symbol
	args   []Arg
}

type kind int

const (
	call kind = iota
	address
	load
	loadThread
)

// Call calls a function with up to six arguments.
func Call(f Symbol, args ...Arg) Step { return Step{call, f, args} }

// Address gives the address of a symbol, 0 for one that is weak and not there.
func Address(s Symbol) Step { return Step{kind: address, symbol: s} }

// Load reads the eight bytes of a data object.
func Load(s Symbol) Step { return Step{kind: load, symbol: s} }

// LoadThread reads the eight bytes of a thread-local object, in the initial-exec model.
func LoadThread(s Symbol) Step { return Step{kind: loadThread, symbol: s} }

// Arg is an argument of a call.
type Arg struct {
	number int64
	text   *string
	space  int
	result int // of the step before it that has this number, counted from 1
	symbol *Symbol
}

// Int is a number.
func Int(n int64) Arg { return Arg{number: n} }

// Text is the address of a string.
func Text(s string) Arg { return Arg{text: &s} }

// Space is the address of n bytes, which are 0 at first.
func Space(n int) Arg { return Arg{space: n} }

// Result is what an earlier step gave; steps count from 0.
func Result(step int) Arg { return Arg{result: step + 1} }

// To is the address of a symbol.
func To(s Symbol) Arg { return Arg{symbol: &s} }

// Outcome is what a step gave.
type Outcome struct {
	Value int64 // all 64 bits of the result; int functions define only the lower 32
	Errno int32 // set by the step; 0 when it set none
}
