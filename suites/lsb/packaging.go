package lsb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/rpmmaker"
	"xtest/runner/event"
	"xtest/suites/lsb/inspection"
	"xtest/suites/spec"
)

var _ = suite.Describe("packaging", func() {
	inspect("packaging")
	const clause = "LSB 5.0 Core 24"
	installs := slices.Concat(apartNeeds, []spec.Probe{has("rpm"), optional})
	for _, c := range []struct {
		id, clause string
		level      spec.Level
		sources    []string
		needs      []spec.Probe
		judge      func(*installer)
	}{
		{"install", ".1, .2.5: a package of architecture noarch, its payload cpio and gzip, is installed: its files below /opt have the content, modes and owners of its header",
			spec.Must, []string{"PKG-001", "PKG-004", "PKG-005", "PKG-006"}, nil, judgeInstalled("noarch")},
		{"architecture", ".7 Package Architecture Considerations: a package of this architecture is installed", spec.Must, []string{"PKG-005"}, []spec.Probe{amd64}, judgeInstalled("x86_64")},
		{"scripts", ".2.4.3 Installation Information: /bin/sh runs the scripts before and behind the files are written, and before and behind they are removed, with the number of instances that are left",
			spec.Must, []string{"PKG-002"}, nil, judgeScripts},
		{"query", ".2.4 Header: what is installed is known by the name, version, release and files of its header", spec.Should, []string{"PKG-001"}, nil, judgeQuery},
		{"verify", ".2.4.5 File Information: a file that was changed is told by the size and MD5 sum of the header, one that was not is not", spec.Should, []string{"PKG-008"}, nil, judgeVerify},
		{"erase", ".3 Package Script Restrictions: a package that is removed leaves no file, and is known no more", spec.Must, []string{"PKG-007"}, nil, judgeErase},
		{"damaged", ".2.3 Signature Section: a package whose header or payload is not that of its sums is refused, and leaves nothing", spec.Should, []string{"PKG-008"}, nil, judgeDamaged},
	} {
		it(spec.Meta{
			ID: "packaging/rpm-" + c.id, Clause: clause + c.clause, Level: c.level, Grade: spec.Guest, Limit: time.Minute,
			Sources: c.sources, Needs: append(slices.Clone(installs), c.needs...),
		}, byRPM(c.judge))
	}
})

// optional probes for the folder that packages of applications are below, whose absence hierarchy/ judges: what is
// covered with memory must be there.
var optional = spec.Probe{Name: "folder /opt", Check: func() error {
	info, err := here.Stat("/opt")
	if err == nil && !info.IsDir() {
		err = errors.New("it is none")
	}
	return err
}}

// The package follows the rules for those of applications: 24.5, FHS 3.13.
const (
	trialPackage = "lsb-xtest.example-trial"
	trialFolder  = "/opt/xtest.example"
	trialLabel   = trialPackage + "-1.2-3"
)

// trialFiles have an owner beside root that 23.2 requires.
var trialFiles = []rpmmaker.File{
	{Path: trialFolder, Mode: unix.S_IFDIR | 0o755, User: "root", Group: "root"},
	{Path: trialFolder + "/data", Content: "hello\n", Mode: unix.S_IFREG | 0o640, User: "bin", Group: "bin"},
	{Path: trialFolder + "/link", Content: "data", Mode: unix.S_IFLNK | 0o777, User: "root", Group: "root"},
	{Path: trialFolder + "/tool", Content: "#!/bin/sh\nexit 0\n", Mode: unix.S_IFREG | 0o755, User: "root", Group: "root"},
}

func trialRPM(arch string) rpmmaker.Package {
	return rpmmaker.Package{Name: trialPackage, Version: "1.2", Release: "3", Arch: arch, Files: trialFiles}
}

// installer installs packages in a site, where /opt is in memory, into a database of its own. The first thing that
// does not hold, or could not be tried, ends the judgement: what is behind it does nothing.
type installer struct {
	ctx    context.Context
	m      *machine
	s      *site
	dir    string
	wrong  *finding
	err    error
	judged int
}

// byRPM makes a check of a judgement.
func byRPM(judge func(*installer)) check {
	return apart(func(ctx context.Context, m *machine, s *site) (finding, error) {
		dir, remove, err := private()
		if err != nil {
			return finding{}, err
		}
		defer remove()
		i := &installer{ctx: ctx, m: m, s: s, dir: dir}
		judge(i)
		if i.err != nil || i.wrong == nil {
			return inspection.Good(i.judged), i.err
		}
		return *i.wrong, nil
	})
}

func (i *installer) over() bool { return i.err != nil || i.wrong != nil }

// bad ends the judgement.
func (i *installer) bad(call, got, want string) {
	if !i.over() {
		f := inspection.Bad(call, got, want)
		i.wrong = &f
	}
}

// rpm runs the command, for as long as the spec may take: how long an installation takes is no one's promise. What the package depends on is none of these specs': packaging/dependencies judges it.
func (i *installer) rpm(args ...string) (o outcome) {
	if i.over() {
		return o
	}
	argv := append([]string{"rpm", "--dbpath", path.Join(i.dir, "db")}, args...)
	o, i.err = i.s.run(i.ctx, i.m, command{argv: argv, dir: i.dir}, time.Hour, "LC_ALL=C", "HOME="+i.dir, "PATH="+i.m.path())
	i.judged++
	return o
}

// must runs the command, which must succeed.
func (i *installer) must(args ...string) (stdout string) {
	o := i.rpm(args...)
	if o.died != "" || o.status != 0 {
		i.bad("rpm "+strings.Join(args, " "), o.String(), "status 0")
	}
	return o.stdout
}

// install writes a package to a file and installs it.
func (i *installer) install(p rpmmaker.Package) {
	i.write("trial.rpm", p.Bytes())
	i.must("-i", "--nodeps", "trial.rpm")
}

func (i *installer) write(name string, content []byte) {
	if i.err == nil {
		i.err = os.WriteFile(path.Join(i.dir, name), content, 0o644)
	}
}

func judgeInstalled(arch string) func(*installer) {
	return func(i *installer) {
		i.install(trialRPM(arch))
		owners := map[string]string{"root": "0:0"}
		if !i.over() {
			c := command{argv: []string{"/bin/sh", "-c", "echo $(id -u bin):$(id -g bin)"}, dir: i.dir}
			var o outcome
			o, i.err = i.s.run(i.ctx, i.m, c, time.Hour, "PATH="+i.m.path())
			owners["bin"] = strings.TrimSpace(o.stdout)
		}
		if i.over() {
			return
		}
		var wrong []event.Deviation
		for _, f := range trialFiles {
			got, err := described(f)
			if err != nil {
				got = spec.ErrnoName(errnoOf(err))
			}
			if want := fmt.Sprintf("mode %o, owner %s, %q", f.Mode, owners[f.User], f.Content); got != want {
				wrong = append(wrong, event.Deviation{Kind: "other-file", Item: f.Path, Detail: clip(got + ", not " + want)})
			}
		}
		if f := inspection.None("the files of an installed package of architecture "+arch, len(trialFiles), wrong, "those of its header"); !f.Holds() {
			i.wrong = &f
		}
	}
}

// described is a file as it was installed.
func described(f rpmmaker.File) (string, error) {
	var st unix.Stat_t
	if err := unix.Lstat(f.Path, &st); err != nil {
		return "", err
	}
	var content string
	var err error
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		var b []byte
		b, err = os.ReadFile(f.Path)
		content = string(b)
	case unix.S_IFLNK:
		content, err = os.Readlink(f.Path)
	}
	return fmt.Sprintf("mode %o, owner %d:%d, %q", st.Mode, st.Uid, st.Gid, content), err
}

func errnoOf(err error) (errno syscall.Errno) {
	errors.As(err, &errno)
	return errno
}

func judgeScripts(i *installer) {
	p := trialRPM("noarch")
	log := path.Join(i.dir, "log")
	script := func(name string) string {
		return "if [ -e " + trialFolder + "/data ]; then f=files; else f=none; fi\necho " + name + " $1 $f >>" + log + "\n"
	}
	p.PreIn, p.PostIn, p.PreUn, p.PostUn = script("prein"), script("postin"), script("preun"), script("postun")
	i.install(p)
	i.must("-e", trialPackage)
	if i.over() {
		return
	}
	got, err := os.ReadFile(log)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		i.err = err
		return
	}
	if want := "prein 1 none\npostin 1 files\npreun 0 files\npostun 0 none\n"; string(got) != want {
		i.bad("what the scripts of a package wrote: their name, argument, and what files there were", strconv.Quote(clip(string(got))), strconv.Quote(want))
	}
}

func judgeQuery(i *installer) {
	i.install(trialRPM("noarch"))
	var names []string
	for _, f := range trialFiles {
		names = append(names, f.Path)
	}
	for _, q := range []struct{ option, of, want string }{
		{"-q", trialPackage, trialLabel}, {"-ql", trialPackage, strings.Join(names, "\n")}, {"-qf", trialFolder + "/data", trialLabel},
	} {
		got := strings.TrimSuffix(strings.TrimSpace(i.must(q.option, q.of)), ".noarch")
		if got != q.want {
			i.bad("rpm "+q.option+" "+q.of, strconv.Quote(clip(got)), strconv.Quote(q.want))
		}
	}
}

func judgeVerify(i *installer) {
	i.install(trialRPM("noarch"))
	i.present()
	i.must("-V", "--nodeps", trialPackage)
	if i.over() {
		return
	}
	// Of the same length, so that the sum alone tells.
	if i.err = os.WriteFile(trialFolder+"/data", []byte("hallo\n"), 0); i.err != nil {
		return
	}
	o := i.rpm("-V", "--nodeps", trialPackage)
	if o.died != "" || o.status == 0 || !strings.Contains(o.stdout, trialFolder+"/data") || strings.Contains(o.stdout, "/tool") {
		i.bad("rpm -V behind a change of "+trialFolder+"/data", o.String(), "a status above 0, and that file alone")
	}
}

func judgeErase(i *installer) {
	i.install(trialRPM("noarch"))
	i.present()
	i.must("-e", trialPackage)
	i.nothingLeft("rpm -e " + trialPackage)
	if o := i.rpm("-q", trialPackage); o.died != "" || o.status == 0 {
		i.bad("rpm -q of a package that was removed", o.String(), "a status above 0")
	}
}

// present asks for a file of the package, without which what comes next tells nothing.
func (i *installer) present() {
	if i.over() {
		return
	}
	if _, err := os.Lstat(trialFolder + "/data"); err != nil {
		i.bad("rpm -i", err.Error(), "the files of the package")
	}
}

// nothingLeft asks for no file of a package below /opt.
func (i *installer) nothingLeft(behind string) {
	if i.over() {
		return
	}
	if _, err := os.Lstat(trialFolder); !errors.Is(err, fs.ErrNotExist) {
		i.bad(behind, trialFolder+" is there", "no file of the package")
	}
}

func judgeDamaged(i *installer) {
	good := trialRPM("noarch").Bytes()
	at := strings.Index(string(good), "Applications/System") // in the header
	for _, d := range []struct {
		part string
		at   int
	}{{"header", at}, {"payload", len(good) - 10}} {
		bad := slices.Clone(good)
		bad[d.at] ^= 1
		i.write("damaged.rpm", bad)
		if o := i.rpm("-i", "--nodeps", "damaged.rpm"); o.died != "" || o.status == 0 {
			i.bad("rpm -i of a package with a byte of its "+d.part+" changed", o.String(), "a status above 0")
		}
		i.nothingLeft("rpm -i of a package with a byte of its " + d.part + " changed")
	}
	// The same without damage is taken: it was refused for that alone.
	i.write("trial.rpm", good)
	i.must("-i", "--nodeps", "trial.rpm")
}
