package lsb

import (
	"strings"
	"testing"

	"xtest/suites/lsb/inspection"
	_ "xtest/suites/lsb/posix"
	"xtest/suites/spec/coverage"
)

// proposed is the table of checks that the suite was made from.
var proposed = coverage.Table{
	Kinds: map[string]int{
		"ID": 13, "ELF": 20, "LIB": 21, "SYM": 22, "CMD": 10, "BEH": 64, "FHS": 34, "ABI": 26, "LOC": 8, "INI": 21, "USR": 11, "PKG": 8,
	},
	Elsewhere: map[string]string{
		"CMD-007": "commands/end-of-options", // and every vector of behaviour/: TestBehavioursFailStandIns has none content with a stub
		"FHS-023": "hierarchy/etc-files",
		"ABI-005": "posix/terminal-characters",
		"ABI-008": "posix/link-access",
		"ABI-009": "posix/unlink-directory",
		"ABI-010": "posix/link",
		"ABI-011": "posix/link-exdev",
		"ABI-020": "posix/lock-deadlock",
		"ABI-021": "posix/write-marks-times",
	},
	Unjudged: map[string]string{
		"ID-013":  "no clause of LSB: os-release is none of its files; --profile modern judges it",
		"ELF-015": "a throw across libraries needs code with tables for unwinding, which a compiler of C++ makes: the files that xtest writes have none; __cxa_throw and _Unwind_RaiseException themselves are judged by symbols/libstdcxx and symbols/libgcc_s",
		"ELF-019": "whether there is a vDSO is the kernel's choice for all processes, by the boot parameter vdso=: xtest run uml:debian-12 --params vdso=0 judges the rest of the suite without one",
		"CMD-009": "informative: LSB lets sh know more than POSIX asks; shell/ judges that",
		"FHS-021": "in machines that xtest boots the guest agent is init, so what clears /run is never the distribution's own",
		"FHS-031": "a rule for applications; that the functions they must use give the homes is judged by users/lookup and behaviour/useradd",
		"ABI-025": "informative: what an interpreter that is a script does is unspecified",
		"INI-014": "22.5 numbers the run levels for scripts' headers, and binds what runs as process 1, which in machines of xtest's is the agent; init/scripts-run judges that the installed one reads scripts at all",
		"PKG-003": "a rule for the packages of applications, of which a distribution has none; the one that packaging/rpm-* install follows it",
	},
}

// Every proposed check has a spec or a reason why not, and nothing has both.
func TestEveryProposedCheckIsJudged(t *testing.T) {
	for _, f := range proposed.Faults(coverage.Declared("lsb")) {
		t.Error(f)
	}
	if n := proposed.Size(); n != 258 {
		t.Errorf("the table has %d checks, expected 258", n)
	}
}

// onTrial are the libraries that LSB 5.0 lists for trial use, which no distribution must have.
var onTrial = []string{"libpng15.so.15", "libgdk-3.so.0", "libgtk-3.so.0"}

// Every command and library of the tables is asked for by a spec. That those of Core have vectors is judged by
// TestEveryUtilityHasBehaviours.
func TestEveryCommandAndLibraryIsJudged(t *testing.T) {
	commands, libraries := len(builtIns), len(inspection.Libraries())+1 // the program interpreter of elf/program-interpreter
	for _, g := range inspection.Commands() {
		commands += len(g.Commands)
	}
	ids := map[string]bool{}
	for _, l := range coverage.Declared("lsb") {
		ids[l.ID] = true
	}
	for _, l := range inspection.Libraries() {
		for _, kind := range []string{"libraries/", "symbols/", "abi/dlvsym-"} {
			if id := kind + strings.ToLower(l.Name); !ids[id] {
				t.Errorf("there is no spec %s", id)
			}
		}
	}
	for _, m := range inspection.Modules() {
		commands, libraries = commands+m.Commands, libraries+m.Libraries
		for _, id := range []string{"commands/module-" + m.Name, "libraries/" + m.Name} {
			if !ids[id] {
				t.Errorf("there is no spec %s", id)
			}
		}
	}
	if commands != 168 || libraries+len(onTrial) != 67 {
		t.Errorf("%d of 168 commands, %d of 67 libraries and the program interpreter", commands, libraries+len(onTrial))
	}
}
