package event_test

import (
	"regexp"
	"strings"
	"testing"

	"xtest/runner/event"
)

func TestConsoleLog(t *testing.T) {
	for target, want := range map[string]string{
		"local":                "console-local-3.log",
		"uml:debian-12":        "console-uml=debian-12-3.log",
		"uml-debian-12":        "console-uml-debian-12-3.log",
		"oci:debian-12@runc":   "console-oci=debian-12@runc-3.log",
		"qemu:../../etc/x":     "console-qemu=..-..-etc-x-[0-9a-f]{16}-3.log",
		"qemu:line\nfeed\x00é": "console-qemu=line-feed---[0-9a-f]{16}-3.log",
	} {
		if got := event.ConsoleLog(target, 3); !regexp.MustCompile("^" + want + "$").MatchString(got) {
			t.Errorf("%q: %q, want %q", target, got, want)
		}
	}
	long := "qemu:" + strings.Repeat("é", 300)
	names := map[string]string{}
	for _, target := range []string{
		"uml:x", "uml-x", "uml=x", "uml:x/y", "uml:x-y", "uml:x:y", "uml:x\x00y", "uml::x", ":uml", "uml:", "uml", long, long + "a", long + "b",
	} {
		name := event.ConsoleLog(target, 1)
		if other, taken := names[name]; taken || len(name) > 255 {
			t.Errorf("%q and %q: both %q", target, other, name)
		}
		names[name] = target
	}
}
