package lsb

import "xtest/suites/spec"

var _ = suite.Describe("behaviour", func() {
	for _, b := range accountUtilities() {
		it(spec.Meta{
			ID: "behaviour/" + b.id, Clause: b.clause, Level: spec.Must, Grade: spec.Guest, Sources: b.sources,
			Needs: append([]spec.Probe{spec.Root, throwawayView}, b.probed()...),
		}, inView(try(b.steps...)))
	}
})

// Accounts that the behaviours make; the numbers are in no range that a distribution gives away.
const (
	makeGroup = "groupadd -g 54321 xtestg"
	makeUser  = "useradd -u 54322 -g xtestg -d /home/xtestu -m -s /bin/sh -c Made xtestu"
)

// accountUtilities administer users and groups. They are judged in a throw-away view.
func accountUtilities() []behaviour {
	return []behaviour{
		{id: "groupadd", clause: asLSB + "groupadd: -g chooses the ID, -o one that is taken; names and IDs are not given twice", sources: []string{"BEH-025"}, steps: []step{
			do(makeGroup),
			do("grep ^xtestg: /etc/group").like(`^xtestg:[^:]*:54321:\n$`),
			do(makeGroup).refused(),
			do("groupadd -g 54321 xtesth").refused(),
			do("groupadd -g 54321 -o xtesth"),
		}},
		{id: "groupdel", clause: asLSB + "groupdel: removes a group, not one that is not there nor a user's primary group", sources: []string{"BEH-026"}, needs: []string{"groupadd", "useradd", "grep"}, steps: []step{
			do("groupdel xtestg").refused(),
			do(makeGroup),
			do("groupdel xtestg"),
			do("grep ^xtestg: /etc/group").exits(1),
			do(makeGroup),
			do(makeUser),
			do("groupdel xtestg").refused(),
		}},
		{id: "groupmod", clause: asLSB + "groupmod: -n and -g change name and ID; an unknown group is refused", sources: []string{"BEH-027"}, steps: []step{
			do(makeGroup),
			do("groupmod -n xtesth -g 54323 xtestg"),
			do("grep ^xtest /etc/group").like(`^xtesth:[^:]*:54323:\n$`),
			do("groupmod -g 54324 xtestg").refused(),
		}},
		{id: "useradd", clause: asLSB + "useradd: -u, -g, -d, -m, -s, -c make an entry and a home; a name is not given twice", sources: []string{"BEH-060"}, needs: []string{"ls"}, steps: []step{
			do(makeGroup),
			do(makeUser),
			do("grep ^xtestu: /etc/passwd").like(`^xtestu:[^:]*:54322:54321:Made:/home/xtestu:/bin/sh\n$`),
			do("ls -ldn /home/xtestu").like(`^d\S+ +\d+ +54322 +54321 `),
			do(makeUser).refused(),
			do("useradd -g xtest-none xtestv").refused(),
		}},
		{id: "useradd-system", of: "useradd", clause: asLSB + "useradd -r and 23.3: the ID of a system account is below those of users", sources: []string{"USR-009"}, steps: []step{
			do("useradd -r xtests"),
			do("id -u xtests").like(`^[1-9]\d{0,2}\n$`),
		}},
		{id: "usermod", clause: asLSB + "usermod: -l, -c, -d, -s, -u, -G change an account; an unknown user is refused", sources: []string{"BEH-062"}, needs: []string{"id"}, steps: []step{
			do(makeGroup),
			do(makeUser),
			do("usermod -l xtestv -c Other -d /home/other -s /bin/true -u 54325 xtestu"),
			do("grep ^xtest /etc/passwd").like(`^xtestv:[^:]*:54325:54321:Other:/home/other:/bin/true\n$`),
			do("usermod -G bin,daemon xtestv"),
			do("id -Gn xtestv").like(`^xtestg( bin daemon| daemon bin)\n$`),
			do("usermod -c x xtestu").refused(),
		}},
		{id: "userdel", clause: asLSB + "userdel: removes an account, -r its home too; an unknown user is refused", sources: []string{"BEH-061"}, needs: []string{"groupadd", "useradd", "grep"}, steps: []step{
			do("userdel xtestu").refused(),
			do(makeGroup),
			do(makeUser),
			do("userdel xtestu"),
			do("grep ^xtestu: /etc/passwd").exits(1),
			do("test -d /home/xtestu"),
			do("useradd -g xtestg -d /home/xtestw -m xtestw"),
			do("userdel -r xtestw").anyOutput(),
			do("test -d /home/xtestw").exits(1),
		}},
		{id: "chfn", clause: asLSB + "chfn: -f changes the full name; an unknown user is refused", sources: []string{"BEH-006"}, needs: []string{"groupadd", "useradd"}, steps: []step{
			do(makeGroup),
			do(makeUser),
			do("chfn -f", "Full Name", "xtestu").anyOutput(),
			do("grep ^xtestu: /etc/passwd").like(`:Full Name(,[^:]*)?:/home`),
			do("chfn -f x xtest-none").anyOutput().refused(),
		}},
		{id: "chsh", clause: asLSB + "chsh: -s changes the shell; an unknown user is refused, and for nobody an account of others", sources: []string{"BEH-009"}, needs: []string{"groupadd", "useradd"}, steps: []step{
			do(makeGroup),
			do("/bin/sh -c", makeUser+" && usermod -s /bin/true xtestu"),
			do("chsh -s /bin/sh xtestu").anyOutput(),
			do("grep ^xtestu: /etc/passwd").like(`:/bin/sh\n$`),
			do("chsh -s /bin/sh xtest-none").anyOutput().refused(),
			do("chsh -s /bin/sh xtestu").asNobody().anyOutput().refused(),
		}},
		{id: "passwd", clause: asLSB + "passwd: -x, -n, -w set ages, -l and -u lock and unlock; an unknown user is refused, and for nobody an account of others", sources: []string{"BEH-047"}, needs: []string{"groupadd", "useradd", "usermod", "awk"}, steps: []step{
			do(makeGroup),
			do("/bin/sh -c", makeUser+" && usermod -p xtesthash xtestu"),
			do("passwd -x 90 -n 1 -w 7 xtestu").anyOutput(),
			do("awk -F:", `$1 == "xtestu" { print $2, $4, $5, $6 }`, "/etc/shadow").out("xtesthash 1 90 7\n"),
			do("passwd -l xtestu").anyOutput(),
			do("awk -F:", `$1 == "xtestu" { print $2 }`, "/etc/shadow").like(`^!+xtesthash\n$`),
			do("passwd -u xtestu").anyOutput(),
			do("awk -F:", `$1 == "xtestu" { print $2 }`, "/etc/shadow").out("xtesthash\n"),
			do("passwd -l xtest-none").anyOutput().refused(),
			do("passwd -l xtestu").asNobody().anyOutput().refused(),
		}},
		{id: "su", clause: asLSB + "su: -c runs a command as the user and gives its status, - as after a login; an unknown user is refused", sources: []string{"BEH-056"}, needs: []string{"groupadd", "useradd", "id", "pwd"}, steps: []step{
			do(makeGroup),
			do(makeUser),
			do("su xtestu -c", "id -un; id -gn; exit 3").out("xtestu\nxtestg\n").exits(3),
			do("su - xtestu -c", "echo $HOME; pwd").like(`(?m)^/home/xtestu\n/home/xtestu$`),
			do("su xtest-none -c true").anyOutput().refused(),
		}},
		{id: "newgrp", clause: asLSB + "newgrp, as POSIX.1-2008: a shell whose real and effective group is the one named", sources: []string{"BEH-045"}, needs: []string{"groupadd", "id"}, steps: []step{
			do(makeGroup),
			do("newgrp xtestg").in("id -g; id -rg; exit 5\n").out("54321\n54321\n").exits(5),
		}},
		{id: "crontab", clause: asLSB + "crontab, as POSIX.1-2008: installs a table that -l lists and -r removes; refuses what is none", sources: []string{"BEH-012"}, needs: []string{"grep"}, steps: []step{
			do("crontab t").with("t", "# xtest\n0 4 1 1 * true\n").anyOutput(),
			do("/bin/sh -c", "crontab -l | grep -v '^#'").out("0 4 1 1 * true\n"),
			do("crontab b").with("b", "61 4 1 1 * true\n").anyOutput().refused(),
			do("crontab -r"),
			do("crontab -l").refused(),
		}},
		{id: "crontab-denied", of: "crontab", clause: asLSB + "crontab: who stands in cron.deny, or not in cron.allow, cannot install a table", sources: []string{"BEH-012"}, needs: []string{"id"}, steps: []step{
			do("/bin/sh -c", "rm -f /etc/cron.allow; id -un 65534 >/etc/cron.deny || echo nobody >/etc/cron.deny").anyOutput(),
			do("crontab t").with("t", "0 4 1 1 * true\n").asNobody().anyOutput().refused(),
			do("/bin/sh -c", "rm -f /etc/cron.deny; echo root >/etc/cron.allow"),
			do("crontab t").asNobody().anyOutput().refused(),
			do("crontab t"),
		}},
		{id: "at", clause: asLSB + "at, as POSIX.1-2008: a job for -t, listed by -l and removed by -r; refuses a time that is none", sources: []string{"BEH-002"}, needs: []string{"sed", "grep"}, steps: []step{
			do("/bin/sh -c", `at -f job -t 203801010000 >o 2>e; s=$?; n=$(sed -n 's/^job \([0-9]*\) at .*/\1/p' e); at -l >l; grep -c "^$n[[:blank:]]" l; at -r $n; at -l | grep -c "^$n[[:blank:]]"; exit $s`).with("job", "true\n").out("1\n0\n"),
			do("at xtest-no-time").anyOutput().refused(),
		}},
		{id: "at-denied", of: "at", clause: asLSB + "at: who stands in at.deny, or not in at.allow, cannot queue a job", sources: []string{"BEH-002"}, steps: []step{
			do("/bin/sh -c", "rm -f /etc/at.allow; echo nobody >/etc/at.deny"),
			do("at -t 203801010000").in("true\n").asNobody().anyOutput().refused(),
			do("/bin/sh -c", "rm -f /etc/at.deny; echo root >/etc/at.allow"),
			do("at -t 203801010000").in("true\n").asNobody().anyOutput().refused(),
			do("at -t 203801010000").in("true\n").anyOutput(),
		}},
		{id: "batch", clause: asLSB + "batch, as POSIX.1-2008: reads a job from standard input and queues it", sources: []string{"BEH-004"}, needs: []string{"sed"}, steps: []step{
			do("/bin/sh -c", `echo true | batch 2>e; s=$?; n=$(sed -n 's/^job \([0-9]*\) at .*/\1/p' e); [ -n "$n" ] && echo queued; exit $s`).out("queued\n"),
		}},
		{id: "install_initd", clause: "LSB 5.0 Core 22.4 Installation and Removal of Init Scripts: install_initd activates a script that requires the facilities of 22.6, also twice; status 1 when what it requires is not there", sources: []string{"INI-011", "INI-012", "INI-015"}, needs: []string{"cp"}, steps: []step{
			do("cp s /etc/init.d/xtest-s").with("s", initScript("xtest-s", "$local_fs $network $named $portmap $remote_fs $syslog $time"), "t", initScript("xtest-t", "xtest-none")),
			do("cp t /etc/init.d/xtest-t"),
			do("/usr/lib/lsb/install_initd /etc/init.d/xtest-s").anyOutput(),
			do("/usr/lib/lsb/install_initd /etc/init.d/xtest-s").anyOutput(),
			do("/usr/lib/lsb/install_initd /etc/init.d/xtest-t").anyOutput().exits(1),
		}},
		{id: "remove_initd", clause: "LSB 5.0 Core 22.4 Installation and Removal of Init Scripts: remove_initd deactivates a script, also twice; status 1 while another requires it", sources: []string{"INI-013"}, needs: []string{"cp", "/usr/lib/lsb/install_initd"}, steps: []step{
			do("cp s /etc/init.d/xtest-s").with("s", initScript("xtest-s", "$local_fs"), "t", initScript("xtest-t", "xtest-s")),
			do("cp t /etc/init.d/xtest-t"),
			do("/usr/lib/lsb/install_initd /etc/init.d/xtest-s").anyOutput(),
			do("/usr/lib/lsb/install_initd /etc/init.d/xtest-t").anyOutput(),
			do("/usr/lib/lsb/remove_initd /etc/init.d/xtest-s").anyOutput().exits(1),
			do("/usr/lib/lsb/remove_initd /etc/init.d/xtest-t").anyOutput(),
			do("/usr/lib/lsb/remove_initd /etc/init.d/xtest-s").anyOutput(),
			do("/usr/lib/lsb/remove_initd /etc/init.d/xtest-s").anyOutput(),
		}},
	}
}

// initScript is a script as LSB 5.0 Core 22.3 asks for it.
func initScript(name, requires string) string {
	return "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: " + name + "\n# Required-Start: " + requires +
		"\n# Required-Stop:\n# Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n# Short-Description: a script of xtest\n### END INIT INFO\nexit 0\n"
}
