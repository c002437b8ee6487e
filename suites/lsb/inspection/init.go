package inspection

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"xtest/runner/event"
	"xtest/suites/spec"
)

// InitFunctions is what every conforming init script sources.
const InitFunctions = "/lib/lsb/init-functions"

// InitFunctionNames are those that LSB 5.0 Core 22.8 asks of it.
var InitFunctionNames = []string{"start_daemon", "killproc", "pidofproc", "log_success_msg", "log_failure_msg", "log_warning_msg"}

func initChecks() []Check {
	return []Check{
		{Meta: spec.Meta{
			ID: "init/functions-defined", Clause: "LSB 5.0 Core 22.8 Init Script Functions: " + InitFunctions + " defines start_daemon, killproc, pidofproc and log_*_msg",
			Level: spec.Must, Sources: []string{"INI-017"},
		}, Outside: true, judge: judgeFunctions},
		{Meta: spec.Meta{
			ID: "init/script-comments", Clause: "LSB 5.0 Core 22.3 Comment Conventions for Init Scripts: the block INIT INFO of each script names what it provides and needs, and its run levels",
			Level: spec.Should, Sources: []string{"INI-009", "INI-010"},
		}, judge: judgeScripts},
		{Meta: spec.Meta{
			ID: "init/script-names", Clause: "LSB 5.0 Core 18.2.1 and 22.7: names in /etc/init.d and the directories of cron are of one of the name spaces",
			Level: spec.Should, Sources: []string{"INI-016", "FHS-027"},
		}, judge: judgeNames},
		{Meta: spec.Meta{
			ID: "init/scripts-run", Clause: "LSB 5.0 Core 22.2 Init Script Actions: what runs as process 1 starts init scripts",
			Level: spec.Must, Sources: []string{"INI-021"},
		}, judge: judgeGenerator},
		{Meta: spec.Meta{
			ID: "init/cron-directories", Clause: "LSB 5.0 Core 22.1 Cron Jobs: something runs the executables of /etc/cron.hourly, daily, weekly and monthly",
			Level: spec.Must, Sources: []string{"INI-001", "INI-002"},
		}, judge: judgeCron},
	}
}

// judgeFunctions looks for the definitions in the shell's text. Inside a machine the shell is asked.
func judgeFunctions(s *System) (Finding, error) {
	text, err := s.Text(InitFunctions)
	if err != nil {
		return faulty("reading "+InitFunctions, deviant("missing", InitFunctions, "%v", cause(err)), "a shell script"), nil
	}
	var wrong []event.Deviation
	for _, name := range InitFunctionNames {
		if !regexp.MustCompile(`(?m)^[ \t]*(function[ \t]+)?` + name + `[ \t]*\([ \t]*\)`).MatchString(text) {
			wrong = append(wrong, missing(name))
		}
	}
	return None("looking for the definitions in "+InitFunctions, len(InitFunctionNames), wrong, "a definition of each"), nil
}

// InitScripts lists the init scripts: executable regular files of /etc/init.d.
func (s *System) InitScripts() []string {
	names, err := s.List("/etc/init.d")
	if err != nil {
		return nil
	}
	var all []string
	for _, n := range names {
		if at := path.Join("/etc/init.d", n); s.Executable(at) == nil {
			all = append(all, at)
		}
	}
	return all
}

var infoLine = regexp.MustCompile(`^# ([A-Za-z0-9-]+):[ \t]*(.*)$`)

// InitInfo reads the block of comments: keywords with their values.
func InitInfo(text string) (map[string]string, error) {
	info := map[string]string{}
	inside, last := false, ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		switch {
		case line == "### BEGIN INIT INFO":
			inside = true
		case line == "### END INIT INFO" && inside:
			return info, nil
		case !inside:
		case infoLine.MatchString(line):
			m := infoLine.FindStringSubmatch(line)
			last = m[1]
			info[last] = m[2]
		// Further lines of a description begin with two blanks or a tab behind the sign.
		case last == "Description" && (strings.HasPrefix(line, "#  ") || strings.HasPrefix(line, "#\t")):
		case line == "#":
		default:
			return nil, fmt.Errorf("the line %.60q is neither a keyword nor more of a description", line)
		}
	}
	if inside {
		return nil, errors.New("the block has no end")
	}
	return nil, errors.New("it has no block INIT INFO")
}

func judgeScripts(s *System) (Finding, error) {
	var wrong []event.Deviation
	all := s.InitScripts()
	for _, at := range all {
		text, err := s.Text(at)
		if err != nil {
			wrong = append(wrong, deviant("unreadable", at, "%v", cause(err)))
			continue
		}
		info, err := InitInfo(text)
		if err != nil {
			wrong = append(wrong, deviant("other-form", at, "%v", err))
			continue
		}
		for _, key := range []string{"Provides", "Default-Start", "Default-Stop", "Short-Description"} {
			if _, ok := info[key]; !ok {
				wrong = append(wrong, deviant("missing", at, "no %s", key))
				break
			}
		}
	}
	return None("reading the block INIT INFO of each script in /etc/init.d", len(all), wrong, "keywords as in 22.3"), nil
}

// lanana are the name spaces of 22.7: assigned, hierarchical, reserved for the distribution.
var lanana = regexp.MustCompile(`^(_[A-Za-z0-9._-]*|[a-z0-9]+|([a-z0-9][a-z0-9.]*-)+[a-z0-9]+)$`)

func judgeNames(s *System) (Finding, error) {
	var wrong []event.Deviation
	facts := 0
	for _, dir := range []string{"/etc/init.d", "/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly"} {
		names, err := s.List(dir)
		if err != nil {
			continue
		}
		for _, n := range names {
			info, err := s.Lstat(path.Join(dir, n))
			if err != nil || !info.Mode().IsRegular() || strings.HasPrefix(n, ".") || strings.HasPrefix(n, "README") {
				continue
			}
			facts++
			if !lanana.MatchString(n) {
				wrong = append(wrong, deviant("other-form", path.Join(dir, n), "outside of the name spaces"))
			}
		}
	}
	return None("reading the directories of init scripts and cron", facts, wrong, "[a-z0-9]+, or parts of it with -, or _ in front"), nil
}

// generator turns init scripts into units, systemd-sysv-generator(8); it lies beside systemd itself.
const generator = "system-generators/systemd-sysv-generator"

func judgeGenerator(s *System) (Finding, error) {
	const call = "following /sbin/init"
	at, err := s.Resolve("/sbin/init")
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return Finding{Inapplicable: "no init is installed: nothing runs as process 1 of its own"}, nil
		}
		return Bad(call, err.Error(), "an init"), nil
	}
	var f Finding
	if path.Base(at) != "systemd" {
		f = Good(1)
	} else if beside := path.Join(path.Dir(at), generator); s.Executable(beside) != nil {
		f = faulty(call, deviant("missing", beside, "%s runs no init scripts without it", at), "systemd with its generator for init scripts")
	} else {
		f = Good(2)
	}
	f.Answers = []event.Answer{{Call: "init", Value: at}}
	return f, nil
}

func judgeCron(s *System) (Finding, error) {
	files := append([]string{"/etc/crontab", "/etc/anacrontab"}, s.Glob("/etc/cron.d/*")...)
	var all strings.Builder
	read := 0
	for _, name := range files[:min(len(files), maxTables)] {
		text, err := s.Text(name)
		if err != nil {
			continue
		}
		read++
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(strings.TrimSpace(line), "#") {
				all.WriteString(line)
			}
		}
	}
	var wrong []event.Deviation
	for _, period := range CronPeriods {
		dir := "/etc/cron." + period
		unit := "/usr/lib/systemd/system/cron-" + period + ".timer" // systemd-cron(7)
		if _, err := s.Stat(unit); err != nil && !strings.Contains(all.String(), dir) {
			wrong = append(wrong, deviant("missing", dir, "nothing runs it"))
		}
	}
	return None(fmt.Sprintf("reading %d tables of cron", read), 4, wrong, "an entry that runs each directory"), nil
}

// CronPeriods are the folders of /etc/cron.* of 18.2 whose executables are run.
var CronPeriods = []string{"hourly", "daily", "weekly", "monthly"}

// maxTables bounds the files of /etc/cron.d that are read.
const maxTables = 200
