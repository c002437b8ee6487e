package inspection

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"xtest/internal/linkage"
	"xtest/runner/event"
	"xtest/suites/spec"
)

// Profile is a set of checks under a name.
type Profile struct {
	Name   string
	Checks []Check
}

// LSB is the profile of the standard itself.
func LSB() Profile { return Profile{"lsb", Checks("")} }

// asked is what the file of a user's profile may say. The tags become the schema.
type asked struct {
	Name      string              `yaml:"name" doc:"Name of the profile, the first part of its checks' IDs" required:"yes" pattern:"^[a-z0-9-]+$"`
	Commands  []string            `yaml:"commands" doc:"Commands that must be there: names to look up, or absolute paths"`
	Libraries []string            `yaml:"libraries" doc:"SONAMEs that the dynamic linker must find"`
	Symbols   map[string][]string `yaml:"symbols" doc:"Symbols that libraries must provide, by SONAME: name, or name@VERSION"`
	Files     []askedFile         `yaml:"files" doc:"Files that must be there, or must not"`
	Users     []string            `yaml:"users" doc:"Users of /etc/passwd: name, or name:ID"`
	Groups    []string            `yaml:"groups" doc:"Groups of /etc/group: name, or name:ID"`
	Glibc     string              `yaml:"glibc" doc:"Version of glibc; programs that were built for it must find what they need"`
}

type askedFile struct {
	Path string `yaml:"path" doc:"Absolute path" required:"yes" pattern:"^/"`
	Kind string `yaml:"kind" doc:"What it must be; anything when left out" enum:"file,directory,device,link,absent"`
	Mode string `yaml:"mode" doc:"Permission bits in octal, in quotes" pattern:"^[0-7]{1,5}$"`
}

// ProfileSchema is the JSON schema of a user's profile.
//
//go:embed data/profile.schema.json
var ProfileSchema string

// kinds of files that a profile may ask for, by what Go's modes tell.
var kinds = map[string]func(fs.FileMode) bool{
	"":          func(fs.FileMode) bool { return true },
	"file":      fs.FileMode.IsRegular,
	"directory": fs.FileMode.IsDir,
	"device":    func(m fs.FileMode) bool { return m&fs.ModeDevice != 0 },
}

// ParseProfile reads a user's profile. Errors name the file and the line.
func ParseProfile(file string, text []byte) (Profile, error) {
	var a asked
	if err := yaml.UnmarshalWithOptions(text, &a, yaml.Strict()); err != nil {
		return Profile{}, fmt.Errorf("%s%s", file, placed(yaml.FormatError(err, false, true)))
	}
	if at, err := a.check(); err != nil {
		return Profile{}, fmt.Errorf("%s:%d: %w", file, lineOf(text, at), err)
	}
	return Profile{a.Name, a.checks()}, nil
}

// placed turns the [line:column] that the library's text begins with into what editors and CI systems know.
func placed(text string) string {
	text = strings.TrimSpace(text)
	if place, rest, ok := strings.Cut(strings.TrimPrefix(text, "["), "] "); ok && strings.HasPrefix(text, "[") {
		return ":" + place + ": " + rest
	}
	return ": " + text
}

// lineOf finds the line of a value, 1 when it cannot be told.
func lineOf(text []byte, at string) int {
	p, err := yaml.PathString(at)
	if err != nil {
		return 1
	}
	node, err := p.ReadNode(bytes.NewReader(text))
	if err != nil || node == nil {
		return 1
	}
	return node.GetToken().Position.Line
}

// check says where in the file a value is that means nothing.
func (a *asked) check() (at string, err error) {
	if a.Name == "" || strings.ContainsFunc(a.Name, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-') }) {
		return "$.name", fmt.Errorf("name %q: a profile needs a name of a-z, 0-9 and -", a.Name)
	}
	if a.Name == "lsb" || a.Name == "modern" {
		return "$.name", fmt.Errorf("name %q is that of a profile which xtest has", a.Name)
	}
	for list, names := range map[string][]string{"commands": a.Commands, "libraries": a.Libraries, "users": a.Users, "groups": a.Groups} {
		for i, n := range names {
			if n == "" || strings.Contains(n, "/") && (list != "commands" || !path.IsAbs(n)) {
				return fmt.Sprintf("$.%s[%d]", list, i), fmt.Errorf("%q is no name of %s", n, list)
			}
		}
	}
	for soname, names := range a.Symbols {
		if len(names) == 0 || slices.Contains(names, "") || soname == "" || strings.Contains(soname, "/") {
			return "$.symbols", fmt.Errorf("%q: %q: it takes the SONAME of a library and the names of its symbols", soname, names)
		}
	}
	for i, f := range a.Files {
		switch mode, err := strconv.ParseUint(f.Mode, 8, 32); {
		case !path.IsAbs(f.Path):
			return fmt.Sprintf("$.files[%d]", i), fmt.Errorf("path %q is not absolute", f.Path)
		case kinds[f.Kind] == nil && f.Kind != "link" && f.Kind != "absent":
			return fmt.Sprintf("$.files[%d].kind", i), fmt.Errorf("kind %q is none of file, directory, device, link, absent", f.Kind)
		case f.Mode != "" && (err != nil || mode > 0o7777):
			return fmt.Sprintf("$.files[%d].mode", i), fmt.Errorf("mode %q is no octal number up to 7777; write it in quotes, as \"0644\"", f.Mode)
		}
	}
	if a.Glibc != "" {
		if _, err := number(a.Glibc); err != nil {
			return "$.glibc", fmt.Errorf("glibc: %w", err)
		}
	}
	if len(a.Commands)+len(a.Libraries)+len(a.Symbols)+len(a.Files)+len(a.Users)+len(a.Groups) == 0 && a.Glibc == "" {
		return "$", errors.New("it asks for nothing: commands, libraries, symbols, files, users, groups or glibc")
	}
	return "", nil
}

// checks makes one of each list.
func (a *asked) checks() []Check {
	var all []Check
	add := func(kind, clause string, n int, judge func(*System) (Finding, error)) {
		if n > 0 {
			all = append(all, Check{Meta: spec.Meta{
				ID: a.Name + "/" + kind, Clause: fmt.Sprintf("profile %s, %s: "+clause, a.Name, kind, n), Level: spec.Must,
			}, judge: judge})
		}
	}
	add("commands", "%d commands are there", len(a.Commands), a.judgeCommands)
	add("libraries", "the dynamic linker finds %d libraries", len(a.Libraries), a.judgeLibraries)
	symbols := 0
	for _, list := range a.Symbols {
		symbols += len(list)
	}
	add("symbols", "%d symbols are provided", symbols, a.judgeSymbols)
	add("files", "%d files are as they must be", len(a.Files), a.judgeFiles)
	add("users", "%d users are there", len(a.Users), a.judgeNames("/etc/passwd", 7, a.Users))
	add("groups", "%d groups are there", len(a.Groups), a.judgeNames("/etc/group", 4, a.Groups))
	if a.Glibc != "" {
		add("glibc", "programs built for glibc "+a.Glibc+" find the versions they need in %d library", 1, judgeCeiling("libc.so.6", "GLIBC_", a.Glibc))
	}
	return all
}

func (a *asked) judgeCommands(s *System) (Finding, error) {
	var wrong []event.Deviation
	for _, c := range a.Commands {
		var err error
		if path.IsAbs(c) {
			err = s.Executable(c)
		} else {
			_, err = s.Command(c)
		}
		if err != nil {
			wrong = append(wrong, missing(c))
		}
	}
	return None("looking the commands up", len(a.Commands), wrong, "an executable file for each"), nil
}

// native finds a library of the root's own architecture.
func (s *System) native(soname string) (*linkage.Library, error) {
	of, err := s.Native()
	if err != nil {
		return nil, err
	}
	return s.Find(soname, of, s.Dirs())
}

func (a *asked) judgeLibraries(s *System) (Finding, error) { return s.judgeLibraries(a.Libraries) }

func (s *System) judgeLibraries(sonames []string) (Finding, error) {
	var wrong []event.Deviation
	for _, name := range sonames {
		if _, err := s.native(name); err != nil {
			wrong = append(wrong, s.lost("", name, err, "").Deviations...)
		}
	}
	return None("finding the libraries as the dynamic linker does", len(sonames), wrong, "each found"), nil
}

func (a *asked) judgeSymbols(s *System) (Finding, error) {
	var wrong []event.Deviation
	facts := 0
	for soname, names := range a.Symbols {
		l, err := s.native(soname)
		if err != nil {
			facts += len(names)
			wrong = append(wrong, s.lost("", soname, err, "").Deviations...)
			continue
		}
		au := audit{wrong: map[string][]event.Deviation{}}
		c := s.Closure(l)
		for _, n := range names {
			facts++
			name, version, _ := strings.Cut(n, "@")
			au.find(c, Requirement{Name: name, Version: version})
		}
		for _, k := range symbolKinds {
			if k.kind != "moved" { // what binds is there
				wrong = append(wrong, au.wrong[k.kind]...)
			}
		}
	}
	return None("looking the symbols up in the libraries and what they need", facts, wrong, "each provided"), nil
}

func (a *asked) judgeFiles(s *System) (Finding, error) {
	var wrong []event.Deviation
	for _, f := range a.Files {
		if d := s.judgeFile(f); d != nil {
			wrong = append(wrong, *d)
		}
	}
	return None("stat() of each", len(a.Files), wrong, "of its kind and mode"), nil
}

func (s *System) judgeFile(f askedFile) *event.Deviation {
	look := s.Stat
	if f.Kind == "link" || f.Kind == "absent" {
		look = s.Lstat
	}
	info, err := look(f.Path)
	var d event.Deviation
	mode, _ := strconv.ParseUint(f.Mode, 8, 32)
	switch {
	case f.Kind == "absent" && err == nil:
		d = deviant("additional", f.Path, "it is there")
	case f.Kind == "absent":
		return nil
	case err != nil:
		d = deviant("missing", f.Path, "%v", cause(err))
	case f.Kind == "link" && info.Mode()&fs.ModeSymlink == 0, f.Kind != "link" && !kinds[f.Kind](info.Mode()):
		d = deviant("other-kind", f.Path, "%s", info.Mode())
	case f.Mode != "" && octal(info.Mode()) != mode:
		d = deviant("other-mode", f.Path, "%04o, not %04o", octal(info.Mode()), mode)
	default:
		return nil
	}
	return &d
}

// octal writes a mode's permissions as chmod(1) takes them.
func octal(m fs.FileMode) uint64 {
	n := uint64(m.Perm())
	for bit, is := range map[uint64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if m&is != 0 {
			n |= bit
		}
	}
	return n
}

// judgeNames judges that a database has entries of these names, or of name:ID.
func (a *asked) judgeNames(file string, fields int, names []string) func(*System) (Finding, error) {
	return func(s *System) (Finding, error) {
		list, err := s.Entries(file, fields)
		if err != nil {
			return Bad("reading "+file, err.Error(), "the database"), nil
		}
		ids := map[string]string{}
		for _, e := range list {
			ids[e[0]] = e[2]
		}
		var wrong []event.Deviation
		for _, n := range names {
			name, id, exact := strings.Cut(n, ":")
			switch got, there := ids[name]; {
			case !there:
				wrong = append(wrong, missing(name))
			case exact && got != id:
				wrong = append(wrong, deviant("other-id", name, "%s, not %s", got, id))
			}
		}
		return None("reading "+file, len(names), wrong, "each there"), nil
	}
}
