package lsb

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/runner/event"
	"xtest/suites/lsb/inspection"
	"xtest/suites/spec"
)

var _ = suite.Describe("commands", func() {
	it(spec.Meta{
		ID: "commands/end-of-options", Clause: "LSB 5.0 Core 17.1, POSIX.1-2008 XBD 12.2 guideline 10: -- ends the options of the utilities that follow the guidelines",
		Level: spec.Must, Sources: []string{"CMD-008"},
	}, checkEndOfOptions)
})

// Each line is a utility, its arguments behind --, and what it prints for them. The utilities are those that
// POSIX.1-2008 has follow the Utility Syntax Guidelines and that can be tried on one file, -f, which holds "b", "a".
var endOfOptions = strings.TrimSpace(`
awk -- {print} -f|b\na\n
basename -- a/-f|-f\n
cat -- -f|b\na\n
chmod -- 644 -f|
cksum -- -f|
cmp -- -f -f|
comm -- -f -f|\t\tb\n\t\ta\n
cp -- -f copy|
csplit -s -- -f 2|
cut -c1 -- -f|b\na\n
diff -- -f -f|
dirname -- -a/b|-a\n
expand -- -f|b\na\n
fold -- -f|b\na\n
getconf -- PATH_MAX .|
grep -- a -f|a\n
head -- -f|b\na\n
id -u -- root|0\n
join -- -f -f|
ln -- -f link|
logger -- -xtest|
ls -- -f|-f\n
mkdir -- -d|
mkfifo -- -p|
mv -- -f -g|
nice -- echo a|a\n
nl -- -f|
od -An -c -- -f|
paste -- -f -f|b\tb\na\ta\n
pr -t -- -f|b\na\n
printf -- %s a|a
rm -- -f|
sed -- p -f|b\nb\na\na\n
sleep -- 0|
sort -- -f|a\nb\n
split -- -f|
strings -- -f|
tail -- -f|b\na\n
tee -- -t|
touch -- -n|
tr -- a b|
tsort -- -f|
unexpand -- -f|b\na\n
uniq -- -f|b\na\n
wc -l -- -f|2 -f\n
xargs -- echo|\n
`)

func checkEndOfOptions(ctx context.Context, m *machine) (finding, error) {
	var wrong []event.Deviation
	tried := 0
	for line := range strings.Lines(endOfOptions) {
		call, out, _ := strings.Cut(strings.TrimSpace(line), "|")
		argv := strings.Fields(call)
		if _, err := m.Command(argv[0]); err != nil {
			continue // commands/present-... judges that
		}
		o, err := inFolder(ctx, m, argv)
		if err != nil {
			return finding{}, err
		}
		tried++
		if o.died != "" || o.status != 0 || out != "" && o.stdout != strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(out) {
			wrong = append(wrong, event.Deviation{Kind: "other-answer", Item: call, Detail: clip(o.String())})
		}
	}
	return inspection.None("each utility with -- before its operands", tried, wrong, "operands that begin with - are none of the options"), nil
}

// inFolder runs a command in a folder of its own with the one file -f.
func inFolder(ctx context.Context, m *machine, argv []string) (outcome, error) {
	dir, remove, err := private()
	if err != nil {
		return outcome{}, err
	}
	defer remove()
	if err := os.WriteFile(dir+"/-f", []byte("b\na\n"), 0o644); err != nil {
		return outcome{}, fmt.Errorf("making a file: %w", err)
	}
	return m.run(ctx, command{argv: argv, dir: dir})
}

var _ = suite.Describe("hierarchy", func() {
	it(spec.Meta{
		ID: "hierarchy/installable", Clause: "LSB 5.0 Core 19.1 and FHS 3.0 3.13: root can make the folders of a package in /opt, /etc/opt and /var/opt, which no read-only mount holds",
		Level: spec.Must, Sources: []string{"FHS-032", "FHS-033"}, Needs: []spec.Probe{spec.Root},
	}, checkInstallable)
})

func checkInstallable(_ context.Context, m *machine) (finding, error) {
	var wrong []event.Deviation
	dirs := []string{"/opt", "/etc/opt", "/var/opt"}
	for _, dir := range dirs {
		for dir != "/" && !exists(m, dir) { // it is made with the package's
			dir = path.Dir(dir)
		}
		if err := unix.Access(m.host(dir), unix.W_OK|unix.X_OK); err != nil {
			wrong = append(wrong, event.Deviation{Kind: "unwritable", Item: dir, Detail: spec.ErrnoName(err)})
		}
	}
	return inspection.None("access(W_OK|X_OK)", len(dirs), wrong, "success"), nil
}

func exists(m *machine, name string) bool {
	_, err := m.Stat(name)
	return err == nil
}
