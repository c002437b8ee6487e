package lsb

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"

	"xtest/suites/lsb/inspection"
	"xtest/suites/spec"
)

// release is lsb_release's clause.
const release = "LSB 5.0 Core 17.2 lsb_release: "

var _ = suite.Describe("identification", func() {
	it(spec.Meta{
		ID: "identification/lsb-release", Clause: release + "it is on the path, and without option does as with -v",
		Level: spec.Must, Sources: []string{"ID-001"},
	}, checkRelease)
	for _, s := range []struct {
		id, source, clause string
		check              check
	}{
		{"module-list", "ID-002", "-v prints \"LSB Version:\", a tab and a list of modules", releaseLine("-v", "LSB Version")},
		{"module-core", "ID-003", "the module list has core-5.0 of the architecture and core-5.0-noarch", checkModules},
		{"module-syntax", "ID-004", "each module is module-version or module-version-architecture", checkModuleSyntax},
		{"distributor", "ID-005", "-i prints \"Distributor ID:\", a tab and the ID", releaseLine("-i", "Distributor ID")},
		{"description", "ID-006", "-d prints \"Description:\", a tab and the text", releaseLine("-d", "Description")},
		{"release", "ID-007", "-r prints \"Release:\", a tab and the number", releaseLine("-r", "Release")},
		{"codename", "ID-008", "-c prints \"Codename:\", a tab and the name", releaseLine("-c", "Codename")},
		{"all", "ID-009", "-a prints all five lines in order", checkReleaseAll},
		{"short", "ID-010", "-s leaves the names of the values out", checkReleaseShort},
		{"long-options", "ID-011", "the long options equal the short ones", checkReleaseLong},
		{"unknown-option", "ID-012", "an unknown option is refused with a message", checkReleaseUnknown},
	} {
		it(spec.Meta{
			ID: "identification/" + s.id, Clause: release + s.clause, Level: spec.Must,
			Sources: []string{s.source}, Needs: []spec.Probe{has("lsb_release")},
		}, s.check)
	}
})

// askRelease runs lsb_release in a folder of its own.
func askRelease(ctx context.Context, m *machine, args ...string) (outcome, error) {
	dir, remove, err := private()
	if err != nil {
		return outcome{}, err
	}
	defer remove()
	return m.run(ctx, command{argv: append([]string{"lsb_release"}, args...), dir: dir})
}

func checkRelease(ctx context.Context, m *machine) (finding, error) {
	at, err := m.Command("lsb_release")
	if err != nil {
		return inspection.Bad("looking lsb_release up", err.Error(), "an executable file"), nil
	}
	bare, err := askRelease(ctx, m)
	if err != nil {
		return finding{}, err
	}
	if bare.status != 0 {
		return inspection.Bad(at, bare.String(), "status 0"), nil
	}
	v, err := askRelease(ctx, m, "-v")
	if err != nil {
		return finding{}, err
	}
	if bare.stdout != v.stdout {
		return inspection.Bad(at, fmt.Sprintf("stdout %q", clip(bare.stdout)), fmt.Sprintf("as with -v: %q", clip(v.stdout))), nil
	}
	return inspection.Good(3), nil
}

// oneLine matches "name:<TAB>value" alone on its line.
func oneLine(name string) *regexp.Regexp {
	return regexp.MustCompile(`^` + regexp.QuoteMeta(name) + ":\t[^\n]*[^\\s][^\n]*\n$")
}

func releaseLine(option, name string) check {
	return func(ctx context.Context, m *machine) (finding, error) {
		o, err := askRelease(ctx, m, option)
		if err != nil {
			return finding{}, err
		}
		if o.status != 0 || !oneLine(name).MatchString(o.stdout) {
			return inspection.Bad("lsb_release "+option, o.String(), fmt.Sprintf("status 0, one line %q and a value", name+":\t")), nil
		}
		return inspection.Good(2), nil
	}
}

// modules gives the module list, empty when -v prints none.
func modules(ctx context.Context, m *machine) ([]string, outcome, error) {
	o, err := askRelease(ctx, m, "-v")
	if err != nil {
		return nil, o, err
	}
	_, list, ok := strings.Cut(strings.TrimSuffix(o.stdout, "\n"), ":\t")
	if !ok || list == "" {
		return nil, o, nil
	}
	return strings.Split(list, ":"), o, nil
}

// archNames are LSB's names of its architectures, by program interpreter.
var archNames = map[string]string{
	"ld-lsb-x86-64.so.3": "amd64", "ld-lsb.so.3": "ia32", "ld-lsb-ia64.so.3": "ia64", "ld-lsb-ppc32.so.3": "ppc32",
	"ld-lsb-ppc64.so.3": "ppc64", "ld-lsb-s390.so.3": "s390", "ld-lsb-s390x.so.3": "s390x",
}

func checkModules(ctx context.Context, m *machine) (finding, error) {
	list, o, err := modules(ctx, m)
	if err != nil {
		return finding{}, err
	}
	want := []string{"core-5.0-noarch"}
	if of, err := m.Native(); err == nil && inspection.Interpreters[of] != "" {
		want = append([]string{"core-5.0-" + archNames[path.Base(inspection.Interpreters[of])]}, want...)
	}
	there := map[string]bool{}
	for _, id := range list {
		there[id] = true
	}
	for _, id := range want {
		if !there[id] {
			return inspection.Bad("lsb_release -v", o.String(), strings.Join(want, " and ")+" in the list"), nil
		}
	}
	return inspection.Good(len(want)), nil
}

var moduleID = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z][a-z0-9_+]*-[0-9]+(\.[0-9]+)*(-[a-z0-9_]+)?$`)
})

func checkModuleSyntax(ctx context.Context, m *machine) (finding, error) {
	list, o, err := modules(ctx, m)
	if err != nil {
		return finding{}, err
	}
	if len(list) == 0 {
		return inspection.Bad("lsb_release -v", o.String(), "a list of modules"), nil
	}
	var wrong []string
	for _, id := range list {
		if !moduleID().MatchString(id) {
			wrong = append(wrong, fmt.Sprintf("%q", id))
		}
	}
	return inspection.None("lsb_release -v", len(list), wrong, "module-version or module-version-architecture"), nil
}

func checkReleaseAll(ctx context.Context, m *machine) (finding, error) {
	o, err := askRelease(ctx, m, "-a")
	if err != nil {
		return finding{}, err
	}
	names := []string{"LSB Version", "Distributor ID", "Description", "Release", "Codename"}
	lines := strings.SplitAfter(strings.TrimSuffix(o.stdout, "\n"), "\n")
	same := o.status == 0 && len(lines) == len(names)
	for i := 0; same && i < len(names); i++ {
		same = oneLine(names[i]).MatchString(strings.TrimSuffix(lines[i], "\n") + "\n")
	}
	if !same {
		return inspection.Bad("lsb_release -a", o.String(), "status 0, the lines "+strings.Join(names, ", ")), nil
	}
	return inspection.Good(len(names)), nil
}

func checkReleaseShort(ctx context.Context, m *machine) (finding, error) {
	long, err := askRelease(ctx, m, "-i")
	if err != nil {
		return finding{}, err
	}
	short, err := askRelease(ctx, m, "-s", "-i")
	if err != nil {
		return finding{}, err
	}
	// Implementations differ in whether a value is quoted; the text is silent.
	value := strings.TrimPrefix(long.stdout, "Distributor ID:\t")
	if short.status != 0 || strings.Trim(strings.TrimSpace(short.stdout), `"`) != strings.TrimSpace(value) {
		return inspection.Bad("lsb_release -s -i", short.String(), fmt.Sprintf("status 0, stdout %q", clip(value))), nil
	}
	return inspection.Good(1), nil
}

func checkReleaseLong(ctx context.Context, m *machine) (finding, error) {
	options := [][2]string{
		{"-v", "--version"}, {"-i", "--id"}, {"-d", "--description"}, {"-r", "--release"},
		{"-c", "--codename"}, {"-a", "--all"}, {"-h", "--help"},
	}
	for _, pair := range options {
		short, err := askRelease(ctx, m, pair[0])
		if err != nil {
			return finding{}, err
		}
		long, err := askRelease(ctx, m, pair[1])
		if err != nil {
			return finding{}, err
		}
		if long.status != short.status || long.stdout != short.stdout {
			return inspection.Bad("lsb_release "+pair[1], long.String(), "as "+pair[0]+": "+short.String()), nil
		}
	}
	s, err := askRelease(ctx, m, "-s", "-i")
	if err != nil {
		return finding{}, err
	}
	l, err := askRelease(ctx, m, "--short", "-i")
	if err != nil {
		return finding{}, err
	}
	if l.status != s.status || l.stdout != s.stdout {
		return inspection.Bad("lsb_release --short -i", l.String(), "as -s -i: "+s.String()), nil
	}
	return inspection.Good(len(options) + 1), nil
}

func checkReleaseUnknown(ctx context.Context, m *machine) (finding, error) {
	o, err := askRelease(ctx, m, "--no-such-option")
	if err != nil {
		return finding{}, err
	}
	if o.status <= 0 || o.stderr == "" {
		return inspection.Bad("lsb_release --no-such-option", o.String(), "a status above 0 and a message on stderr"), nil
	}
	return inspection.Good(2), nil
}
