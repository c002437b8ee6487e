package inspection

import (
	"os"
	"strings"
	"testing"

	"xtest/internal/linkage/elftest"
	"xtest/runner/event"
)

// conforming fills a root that is as the hierarchy's rules, init scripts and packaging are judged.
func conforming(t *testing.T) fixture {
	f := newFixture(t)
	for _, c := range append(binCommands, "test", "[", "gzip", "tar", "cpio") {
		f.put("/bin/"+c, "#!/bin/busybox\n")
	}
	f.must(os.Remove(f.dir + "/bin/sh"))
	f.put("/bin/sh", string(elftest.Image{}.Bytes()))
	f.link("/bin/gunzip", "gzip")
	f.must(os.Link(f.dir+"/bin/gzip", f.dir+"/bin/zcat"))
	f.mkdir(usrLocal...)
	f.mkdir("/usr/sbin", "/usr/bin", "/usr/local/lib64", "/var/spool", "/var/mail", "/var/tmp", "/usr/share/dict", "/lib64", "/lib")
	f.put("/lib/libc.so.6", string(elftest.Image{SOName: "libc.so.6"}.Bytes()))
	f.put("/lib/ld.so", "")
	f.link("/lib64/libc.so.6", "/lib/libc.so.6")
	f.link("/lib64/ld-linux.so.2", "/lib/ld.so")
	f.link("/usr/tmp", "/var/tmp")
	f.link("/var/spool/mail", "../mail")
	f.put("/usr/bin/perl", "#!/bin/sh\n")
	f.put("/sbin/fsck", "#!/bin/sh\n")
	f.put("/usr/sbin/sendmail", "#!/bin/sh\n")
	f.link("/usr/lib/sendmail", "../sbin/sendmail")
	f.put("/etc/hosts", "")
	f.put("/etc/crontab", "1 * * * * root cd / && run-parts /etc/cron.hourly\n2 * * * * root run-parts /etc/cron.daily\n"+
		"3 * * * * root run-parts /etc/cron.weekly\n4 * * * * root run-parts /etc/cron.monthly\n")
	f.put("/etc/init.d/demo", "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: demo\n# Default-Start: 3 5\n# Default-Stop: 0\n"+
		"# Short-Description: demo\n# Description: one\n#  two\n### END INIT INFO\n")
	f.put(InitFunctions, "start_daemon () {\n:\n}\nkillproc() { :; }\npidofproc() { :; }\nlog_success_msg() { :; }\nlog_failure_msg() { :; }\nlog_warning_msg() { :; }\n")
	f.put("/usr/lib/systemd/systemd", "#!/bin/sh\n")
	f.put("/usr/lib/systemd/"+generator, "#!/bin/sh\n")
	f.link("/sbin/init", "/usr/lib/systemd/systemd")
	f.put("/usr/bin/rpm", "#!/bin/sh\n")
	f.put("/var/lib/dpkg/status", "Package: x\nStatus: install ok installed\nVersion: 1\nProvides: lsb-core-noarch (= 5.0)\n")
	return f
}

// Each rule on places, options, init scripts and packages passes on a root that is as it asks, and fails
// alone on one that is not.
func TestPlaces(t *testing.T) {
	all := func(f fixture) map[string]event.Result {
		got := map[string]event.Result{}
		for _, c := range append(append(append(placeChecks(), optionChecks()...), initChecks()...), packagingChecks()...) {
			got[c.Meta.ID] = c.Result(f.System)
		}
		return got
	}
	for id, r := range all(conforming(t)) {
		if r.Verdict != event.Pass {
			t.Errorf("%s: %s %s %+v", id, r.Verdict, r.Reason, r.Failure)
		}
	}
	remove := func(name string) func(fixture) {
		return func(f fixture) { f.must(os.RemoveAll(f.dir + name)) }
	}
	move := func(from, to string) func(fixture) {
		return func(f fixture) { f.must(os.Rename(f.dir+from, f.dir+to)) }
	}
	put := func(name, text string) func(fixture) {
		return func(f fixture) { f.must(os.RemoveAll(f.dir + name)); f.put(name, text) }
	}
	mkdir := func(name string) func(fixture) {
		return func(f fixture) { f.must(os.RemoveAll(f.dir + name)); f.mkdir(name) }
	}
	for id, change := range map[string]func(fixture){
		"hierarchy/bin-commands":      move("/bin/login", "/usr/bin/login"),
		"hierarchy/bin-test":          move("/bin/[", "/usr/bin/["),
		"hierarchy/no-subdirectories": mkdir("/usr/sbin/sub"),
		"hierarchy/etc-no-binaries":   put("/etc/a/b", string(elftest.Image{}.Bytes())),
		"hierarchy/lib-files":         remove("/lib/ld.so"),
		"hierarchy/lib64-files":       remove("/lib64/libc.so.6"),
		"hierarchy/usr-local-lib":     remove("/usr/local/lib64"),
		"hierarchy/usr-local-others":  mkdir("/usr/local/cache"),
		"hierarchy/usr-links":         mkdir("/usr/tmp"),
		"hierarchy/usr-etc":           mkdir("/usr/etc"),
		"hierarchy/bin-options":       move("/bin/tar", "/usr/bin/tar"),
		"hierarchy/bin-gzip":          put("/bin/zcat", "#!/bin/sh\nexec gzip -dc\n"),
		"hierarchy/usr-bin-options":   move("/usr/bin/perl", "/bin/perl"),
		"hierarchy/sbin-options":      move("/sbin/fsck", "/usr/sbin/fsck"),
		"hierarchy/sendmail":          put("/usr/lib/sendmail", "#!/bin/sh\n"),
		"hierarchy/etc-files":         mkdir("/etc/hosts"),
		"hierarchy/var-options":       put("/var/games", ""),
		"hierarchy/share-options":     put("/usr/share/dict", ""),
		"hierarchy/mail":              mkdir("/var/spool/mail"),
		"init/functions-defined":      put(InitFunctions, "# start_daemon()\nkillproc=1\n"),
		"init/script-comments":        put("/etc/init.d/demo", "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: demo\n### END INIT INFO\n"),
		"init/script-names":           move("/etc/init.d/demo", "/etc/init.d/Demo.sh"),
		"init/scripts-run":            remove("/usr/lib/systemd/system-generators"),
		"init/cron-directories":       put("/etc/crontab", "# /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly\n"),
		"packaging/installer":         remove("/usr/bin/rpm"),
		"packaging/dependencies":      put("/var/lib/dpkg/status", "Package: x\nStatus: install ok installed\nVersion: 1\n"),
		"packaging/payload":           remove("/bin/cpio"),
	} {
		t.Run(strings.ReplaceAll(id, "/", "-"), func(t *testing.T) {
			f := conforming(t)
			change(f)
			for got, r := range all(f) {
				// What one rule moves away may be asked for by another.
				if got == id && r.Verdict != event.Fail {
					t.Errorf("%s: %s %s", id, r.Verdict, r.Reason)
				}
			}
		})
	}
}
