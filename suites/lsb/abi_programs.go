package lsb

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	em "xtest/internal/elfmaker"
	"xtest/internal/linkage"
	"xtest/suites/lsb/inspection"
)

const (
	linkClause = "LSB 5.0 Core 11 Dynamic Linking: "
	moreClause = "LSB 5.0 Core 20 Additional Behaviors: "
)

// libc calls a function of the C library under the version that LSB Core 5.0 lists for x86-64.
func libc(name string, args ...em.Arg) em.Step { return em.Call(em.Libc(name), args...) }

// libdl calls a function of the dynamic linker.
func libdl(name string, args ...em.Arg) em.Step {
	return em.Call(em.Symbol{Name: name, Version: "GLIBC_2.2.5", Library: "libdl.so.2"}, args...)
}

const now = 2 // RTLD_NOW

// open asks for a library.
func open(soname string) claim {
	return positive("dlopen("+soname+", RTLD_NOW)", libdl("dlopen", em.Text(soname), em.Int(now)))
}

// everyLibrary opens those of LSB Core that are there; that they are is judged by libraries/NAME.
func everyLibrary(m *machine) (all []claim) {
	for _, l := range inspection.Libraries() {
		if _, err := m.Find(l.SOName, linkage.AMD64, m.Dirs()); err == nil {
			all = append(all, open(l.SOName))
		}
	}
	return all
}

// everySymbol asks the dynamic linker for each interface of a library, under its version.
func everySymbol(l inspection.Library) func(m *machine) []claim {
	return func(m *machine) []claim {
		provided, lacking, err := m.Provided(l)
		if err != nil {
			return nil
		}
		all := []claim{open(l.SOName)}
		ask := func(r inspection.Requirement) em.Step {
			if r.Version == "" {
				return libdl("dlsym", em.Result(0), em.Text(r.Name))
			}
			return libdl("dlvsym", em.Result(0), em.Text(r.Name), em.Text(r.Version))
		}
		for _, r := range provided {
			all = append(all, positive("dlvsym("+r.String()+")", ask(r)))
		}
		for _, r := range lacking {
			all = append(all, is("dlvsym("+r.String()+")", ask(r), 0))
		}
		return all
	}
}

// Names of <bits/confname.h>, whose values are the ABI's: LSB 5.0 Core, Data Definitions for libc.
var mandatoryOptions = []struct {
	name  string
	value int64
}{
	{"_SC_REALTIME_SIGNALS", 9}, {"_SC_PRIORITY_SCHEDULING", 10}, {"_SC_FSYNC", 15}, {"_SC_MAPPED_FILES", 16}, {"_SC_MEMLOCK", 17},
	{"_SC_MEMLOCK_RANGE", 18}, {"_SC_MEMORY_PROTECTION", 19},
	{"_SC_THREADS", 67}, {"_SC_THREAD_SAFE_FUNCTIONS", 68}, {"_SC_THREAD_ATTR_STACKADDR", 77}, {"_SC_THREAD_ATTR_STACKSIZE", 78},
	{"_SC_THREAD_PROCESS_SHARED", 82},
}

// tried is a library that programs are linked with: each function writes a letter.
func tried() em.Object {
	return em.Object{
		Soname: "libtried.so",
		Functions: []em.Function{
			{Name: "seven", Version: "TRIED_1", Returns: 7}, {Name: "plain", Returns: 3}, {Name: "at_end", Prints: "e"},
			{Name: "i", Prints: "i"}, {Name: "a", Prints: "a"}, {Name: "b", Prints: "b"},
			{Name: "f", Prints: "f"}, {Name: "y", Prints: "y"}, {Name: "z", Prints: "z"}, {Name: "chosen", Chooses: "plain"},
		},
		Data:    []em.Datum{{Name: "number", Value: 1 << 40}},
		Threads: []em.Datum{{Name: "other", Value: 1}, {Name: "local", Value: 42}},
		Init:    "i", InitArray: []string{"a", "b"}, Fini: "f", FiniArray: []string{"y", "z"},
	}
}

// quiet is the same without functions that run by themselves.
func quiet() em.Object {
	o := tried()
	o.Init, o.Fini, o.InitArray, o.FiniArray = "", "", nil, nil
	return o
}

func ofTried(name, version string) em.Symbol {
	return em.Symbol{Name: name, Version: version, Library: "libtried.so"}
}

var ownFolder = []string{"LD_LIBRARY_PATH=."}

func trialPrograms() []trialProgram {
	beside := func(p trialProgram) trialProgram {
		p.needed, p.env = []string{"libtried.so"}, ownFolder
		if p.libraries == nil {
			p.libraries = []em.Object{quiet()}
		}
		return p
	}
	list := []trialProgram{
		{id: "lsb-program", lsb: true, sources: []string{"ELF-003", "ELF-005"},
			clause: "LSB 5.0 Core 14.2 Program Interpreter and 10.7: a program linked as the LSB lays down, with its interpreter and GLIBC_2.2.5, starts and calls the C library",
			steps:  []claim{gives(`strlen("hello")`, libc("strlen", em.Text("hello")), 5), positive("getpid()", libc("getpid"))}},
		{id: "native-program", sources: []string{"ELF-005", "ELF-007"},
			clause: linkClause + "a program with DT_HASH and GLIBC_2.2.5 starts under the interpreter of the machine's own programs",
			steps: []claim{
				gives(`strlen("hello")`, libc("strlen", em.Text("hello")), 5), gives("abs(-3)", libc("abs", em.Int(-3)), 3),
				gives(`atoi("42")`, libc("atoi", em.Text("42")), 42), gives(`strcmp("a", "a")`, libc("strcmp", em.Text("a"), em.Text("a")), 0),
				fails(`access("/xtest-none", F_OK)`, libc("access", em.Text("/xtest-none"), em.Int(0)), -1, unix.ENOENT),
			}},
		beside(trialProgram{id: "version", sources: []string{"ELF-010"}, clause: linkClause + "10.7.6 Symbol Resolution: a reference with a version binds to the definition with that version",
			steps: []claim{gives("seven()", em.Call(ofTried("seven", "TRIED_1")), 7)}}),
		beside(trialProgram{id: "version-missing", sources: []string{"ELF-011"}, clause: linkClause + "10.7.5 Startup Sequence: a version that the library does not define is refused by name",
			dies: "TRIED_9", steps: []claim{gives("seven()", em.Call(ofTried("seven", "TRIED_9")), 7)}}),
		beside(trialProgram{id: "unversioned", sources: []string{"ELF-012"}, clause: linkClause + "10.7.6 Symbol Resolution: a reference without a version binds to the base definition",
			steps: []claim{gives("plain()", em.Call(em.Symbol{Name: "plain"}), 3), gives("seven()", em.Call(em.Symbol{Name: "seven"}), 7)}}),
		beside(trialProgram{id: "symbol-missing", clause: linkClause + "10.7.6 Symbol Resolution: a symbol that nobody defines is refused by name",
			dies: "xtest_none", steps: []claim{gives("xtest_none()", em.Call(em.Symbol{Name: "xtest_none"}), 0)}}),
		{id: "weak-undefined", clause: linkClause + "gABI Symbol Table: the address of a weak symbol that nobody defines is 0",
			steps: []claim{is("&xtest_none", em.Address(em.Symbol{Name: "xtest_none", Weak: true}), 0), positive("&getpid", em.Address(em.Symbol{Name: "getpid", Version: "GLIBC_2.2.5", Library: "libc.so.6", Weak: true}))}},
		{id: "library-missing", clause: linkClause + "gABI Shared Object Dependencies: a library that is not there is refused by name", needed: []string{"libxtest-none.so"},
			dies: "libxtest-none.so", steps: []claim{positive("getpid()", libc("getpid"))}},
		beside(trialProgram{id: "copy-relocation", clause: linkClause + "psABI R_X86_64_COPY: a data object is copied into the program before it starts, and the library uses the copy",
			steps: []claim{
				is("number", em.Load(em.Symbol{Name: "number", Copy: true}), 1<<40),
				positive("__environ", em.Load(em.Symbol{Name: "__environ", Version: "GLIBC_2.2.5", Library: "libc.so.6", Copy: true})),
			}}),
		beside(trialProgram{id: "data-object", clause: linkClause + "psABI R_X86_64_GLOB_DAT: a data object of a library is read where it is",
			steps: []claim{is("number", em.Load(em.Symbol{Name: "number"}), 1<<40)}}),
		beside(trialProgram{id: "thread-local", sources: []string{"ELF-016"}, clause: linkClause + "psABI Thread-Local Storage, initial-exec: a thread-local object has its initial value",
			steps: []claim{is("local", em.LoadThread(em.Symbol{Name: "local"}), 42), is("other", em.LoadThread(em.Symbol{Name: "other"}), 1)}}),
		beside(trialProgram{id: "init-fini", clause: linkClause + "gABI Initialization and Termination Functions: DT_INIT, then DT_INIT_ARRAY in order; DT_FINI_ARRAY backwards, then DT_FINI",
			libraries: []em.Object{tried()}, prints: "iab", printsLast: "zyf", steps: []claim{positive("getpid()", libc("getpid"))}}),
		beside(trialProgram{id: "exit-functions", clause: "LSB 5.0 Core 13.5 __cxa_atexit: what was registered runs at exit, before the libraries' termination functions",
			libraries: []em.Object{tried()}, prints: "iab", printsLast: "ezyf",
			steps: []claim{gives("__cxa_atexit(at_end, 0, 0)", libc("__cxa_atexit", em.To(em.Symbol{Name: "at_end"}), em.Int(0), em.Int(0)), 0)}}),
		{id: "dependency-order", clause: linkClause + "gABI Initialization: a library's dependencies are initialised before it, and terminated behind it",
			needed: []string{"liba.so"}, env: ownFolder, prints: "ba", printsLast: "AB",
			libraries: []em.Object{
				{Soname: "liba.so", Needed: []string{"libb.so"}, Functions: []em.Function{{Name: "ai", Prints: "a"}, {Name: "af", Prints: "A"}}, Init: "ai", Fini: "af"},
				{Soname: "libb.so", Functions: []em.Function{{Name: "bi", Prints: "b"}, {Name: "bf", Prints: "B"}}, Init: "bi", Fini: "bf"},
			}, steps: []claim{positive("getpid()", libc("getpid"))}},
		{id: "run-path", sources: []string{"ELF-013"}, clause: linkClause + "11.3 DT_RUNPATH: $ORIGIN is the folder of the program",
			needed: []string{"libtried.so"}, runPath: "$ORIGIN", libraries: []em.Object{quiet()},
			steps: []claim{gives("plain()", em.Call(em.Symbol{Name: "plain"}), 3)}},
		beside(trialProgram{id: "library-path", sources: []string{"ELF-014"}, clause: linkClause + "gABI Shared Object Dependencies: LD_LIBRARY_PATH is searched",
			steps: []claim{gives("plain()", em.Call(em.Symbol{Name: "plain"}), 3)}}),
		{id: "interposition", clause: linkClause + "gABI Shared Object Dependencies: of two definitions the one of the library that is needed first counts",
			needed: []string{"libx.so", "liby.so"}, env: ownFolder,
			libraries: []em.Object{
				{Soname: "libx.so", Functions: []em.Function{{Name: "which", Returns: 1}}}, {Soname: "liby.so", Functions: []em.Function{{Name: "which", Returns: 2}}},
			}, steps: []claim{gives("which()", em.Call(em.Symbol{Name: "which"}), 1)}},
		beside(trialProgram{id: "indirect-function", sources: []string{"ELF-017"}, clause: linkClause + "10.4 Symbol Table, STT_GNU_IFUNC: a call goes to the function that the symbol's own code chooses",
			steps: []claim{gives("chosen()", em.Call(em.Symbol{Name: "chosen"}), 3)}}),
		beside(trialProgram{id: "position-independent", pie: true, sources: []string{"ELF-018"}, clause: linkClause + "gABI ELF Header: a program of type ET_DYN with an interpreter is loaded anywhere and runs",
			steps: []claim{gives("plain()", em.Call(em.Symbol{Name: "plain"}), 3), is("local", em.LoadThread(em.Symbol{Name: "local"}), 42)}}),
		beside(trialProgram{id: "gnu-segments", protected: true, sources: []string{"ELF-006"}, clause: linkClause + "11.2 Program Header: PT_GNU_EH_FRAME, PT_GNU_STACK and PT_GNU_RELRO are accepted",
			steps: []claim{gives("plain()", em.Call(em.Symbol{Name: "plain"}), 3), positive("getpid()", libc("getpid"))}}),
		{id: "core-libraries", sources: []string{"LIB-017", "ELF-004"}, clause: "LSB 5.0 Common 3.1: one process opens every library of LSB Core that is there, from the default folders", needed: []string{"libdl.so.2"}, of: everyLibrary},
		{id: "dlopen", clause: "LSB 5.0 Core 13.11 Dynamic Loader: dlopen, dlsym, dlerror and dlclose of libdl.so.2", needed: []string{"libdl.so.2"}, libraries: []em.Object{tried()},
			prints: "iabzyf", steps: []claim{
				positive(`dlopen("./libtried.so", RTLD_NOW)`, libdl("dlopen", em.Text("./libtried.so"), em.Int(2))),
				positive(`dlsym(handle, "plain")`, libdl("dlsym", em.Result(0), em.Text("plain"))),
				is(`dlsym(handle, "xtest_none")`, libdl("dlsym", em.Result(0), em.Text("xtest_none")), 0),
				positive("dlerror()", libdl("dlerror")),
				gives("dlclose(handle)", libdl("dlclose", em.Result(0)), 0),
				is(`dlopen("./libxtest-none.so", RTLD_NOW)`, libdl("dlopen", em.Text("./libxtest-none.so"), em.Int(2)), 0),
			}},
	}
	for _, l := range inspection.Libraries() {
		list = append(list, trialProgram{id: "dlvsym-" + strings.ToLower(l.Name), sources: []string{"SYM-020"}, needed: []string{"libdl.so.2"}, of: everySymbol(l),
			clause: fmt.Sprintf("LSB 5.0 Core %s: at run time the dynamic linker finds the interfaces of %s that its file says are there, and no others", l.Section, l.SOName)})
	}
	return append(list, additionalBehaviours()...)
}

// additionalBehaviours are the rules of LSB 5.0 Core 20 that only a program linked with the C library
// can try.
func additionalBehaviours() []trialProgram {
	var options []claim
	for _, o := range mandatoryOptions {
		options = append(options, positive("sysconf("+o.name+")", libc("sysconf", em.Int(o.value))))
	}
	// struct rlimit with both limits 3: no more descriptors than the three standard ones.
	const threeDescriptors = "\x03\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00"
	return []trialProgram{
		{id: "mandatory-options", sources: []string{"ABI-001", "ABI-002"}, clause: moreClause + "20.1 Mandatory Optional Behaviors: sysconf() reports the options that the LSB makes mandatory", steps: options},
		{id: "opendir-descriptor", sources: []string{"ABI-003"}, clause: moreClause + "20.1.1: opendir() consumes a file descriptor and fails with EMFILE at the limit", steps: []claim{
			gives("setrlimit(RLIMIT_NOFILE, {3, 3})", libc("setrlimit", em.Int(unix.RLIMIT_NOFILE), em.Text(threeDescriptors)), 0),
			fails(`opendir("/")`, libc("opendir", em.Text("/")), 0, unix.EMFILE),
		}},
		{id: "readdir-closed", sources: []string{"ABI-004"}, clause: moreClause + "20.1.1: readdir() of a stream whose descriptor was closed fails with EBADF", steps: []claim{
			positive(`opendir("/")`, libc("opendir", em.Text("/"))), positive("dirfd(d)", libc("dirfd", em.Result(0))),
			gives("close(dirfd(d))", libc("close", em.Result(1)), 0), fails("readdir(d)", libc("readdir", em.Result(0)), 0, unix.EBADF),
		}},
		{id: "access-mode", sources: []string{"ABI-006", "ABI-007"}, clause: moreClause + "20.2 Optional Behaviors: access() with a mode beyond R_OK, W_OK, X_OK fails with EINVAL", steps: []claim{
			fails(`access("/", 0x100)`, libc("access", em.Text("/"), em.Int(0x100)), -1, unix.EINVAL), fails(`access("/", -1)`, libc("access", em.Text("/"), em.Int(-1)), -1, unix.EINVAL),
		}},
		{id: "invalid-whence", sources: []string{"ABI-012", "ABI-013"}, clause: moreClause + "20.2: a whence of -1, and an fcntl() command of -1, fail with EINVAL", steps: []claim{
			positive(`fopen("/bin/sh", "r")`, libc("fopen", em.Text("/bin/sh"), em.Text("r"))), fails("fseek(f, 0, -1)", libc("fseek", em.Result(0), em.Int(0), em.Int(-1)), -1, unix.EINVAL),
			positive(`open("/bin/sh", O_RDONLY)`, libc("open", em.Text("/bin/sh"), em.Int(0))), fails("lseek(fd, 0, -1)", libc("lseek", em.Result(2), em.Int(0), em.Int(-1)), -1, unix.EINVAL),
			fails("fcntl(fd, -1)", libc("fcntl", em.Result(2), em.Int(-1), em.Int(0)), -1, unix.EINVAL),
		}},
		{id: "invalid-signal", sources: []string{"ABI-014", "ABI-015"}, clause: moreClause + "20.2: a signal number of -5 is invalid: EINVAL", steps: []claim{
			positive("getpid()", libc("getpid")), fails("kill(getpid(), -5)", libc("kill", em.Result(0), em.Int(-5)), -1, unix.EINVAL),
			fails("sigaction(-5, 0, 0)", libc("sigaction", em.Int(-5), em.Int(0), em.Int(0)), -1, unix.EINVAL),
			fails("sigaddset(&s, -5)", libc("sigaddset", em.Space(128), em.Int(-5)), -1, unix.EINVAL), fails("sigdelset(&s, -5)", libc("sigdelset", em.Space(128), em.Int(-5)), -1, unix.EINVAL),
		}},
		{id: "invalid-names", sources: []string{"ABI-016", "ABI-018"}, clause: moreClause + "20.2: pathconf(), sysconf() and confstr() of the name -1 fail with EINVAL", steps: []claim{
			fails(`pathconf("/", -1)`, libc("pathconf", em.Text("/"), em.Int(-1)), -1, unix.EINVAL), fails("sysconf(-1)", libc("sysconf", em.Int(-1)), -1, unix.EINVAL),
			fails("confstr(-1, 0, 0)", libc("confstr", em.Int(-1), em.Int(0), em.Int(0)), 0, unix.EINVAL),
		}},
		{id: "invalid-item", sources: []string{"ABI-017"}, clause: moreClause + "20.2: nl_langinfo(-1) is an empty string", steps: []claim{
			positive("nl_langinfo(-1)", libc("nl_langinfo", em.Int(-1))), gives("strlen(nl_langinfo(-1))", libc("strlen", em.Result(0)), 0),
		}},
		{id: "utmp-names", sources: []string{"FHS-030"}, clause: "LSB 5.0 Core 18.3 utmpname: takes /var/run/utmp and /var/log/wtmp", steps: []claim{
			gives(`utmpname("/var/run/utmp")`, libc("utmpname", em.Text("/var/run/utmp")), 0), gives(`utmpname("/var/log/wtmp")`, libc("utmpname", em.Text("/var/log/wtmp")), 0),
		}},
		{id: "invalid-popen", sources: []string{"ABI-019"}, clause: moreClause + `20.2: popen() with mode "a" fails with EINVAL`, steps: []claim{
			fails(`popen("true", "a")`, libc("popen", em.Text("true"), em.Text("a")), 0, unix.EINVAL),
		}},
	}
}
