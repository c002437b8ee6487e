package inspection

import (
	"debug/elf"
	"strings"
	"testing"

	"xtest/internal/linkage/elftest"
	"xtest/runner/event"
)

// On a root of another architecture the tables of x86-64 do not apply, with that reason; what does not depend on them
// is judged as ever, and libraries for this machine that lie there are none of that root's.
func TestForeignArchitecture(t *testing.T) {
	arm := func(im elftest.Image) string {
		im.Machine = elf.EM_AARCH64
		return string(im.Bytes())
	}
	f := conforming(t)
	f.put("/bin/sh", arm(elftest.Image{Interp: "/lib/ld-linux-aarch64.so.1"}))
	f.put("/lib/ld-linux-aarch64.so.1", arm(elftest.Image{SOName: "ld-linux-aarch64.so.1"}))
	f.put("/usr/lib/libssl.so.3", arm(elftest.Image{SOName: "libssl.so.3", Symbols: []elftest.Symbol{{Name: "SSL_new", Version: "OPENSSL_3.0.0"}}}))
	f.put("/usr/lib/libz.so.1", string(elftest.Image{SOName: "libz.so.1"}.Bytes()))
	for id, want := range map[string]event.Verdict{
		"symbols/libc": event.NotApplicable, "libraries/libc": event.NotApplicable, "symbols/aliases": event.NotApplicable,
		"elf/program-interpreter": event.NotApplicable, "commands/path-bin": event.Fail, "hierarchy/bin-commands": event.Pass,
		"users/required": event.Fail, "init/functions-defined": event.Pass, "packaging/installer": event.Pass, "hierarchy/sendmail": event.Pass,
	} {
		r := results(f.System)[id]
		if r.Verdict != want {
			t.Errorf("%s: %s (%s), not %s", id, r.Verdict, r.Reason, want)
		}
		if want == event.NotApplicable && !strings.Contains(r.Reason, "EM_AARCH64") && !strings.Contains(r.Reason, "aarch64") {
			t.Errorf("%s: the reason is %q", id, r.Reason)
		}
	}
	own, err := ParseProfile("own.yaml", []byte("name: own\nlibraries: [libssl.so.3]\nsymbols: {libssl.so.3: [SSL_new@OPENSSL_3.0.0]}\n"))
	f.must(err)
	for _, c := range own.Checks {
		if r := c.Result(f.System); r.Verdict != event.Pass {
			t.Errorf("%s: %+v %+v", c.Meta.ID, r, r.Failure)
		}
	}
	foreign, err := ParseProfile("own.yaml", []byte("name: own\nlibraries: [libz.so.1]\n"))
	f.must(err)
	if r := foreign.Checks[0].Result(f.System); r.Verdict != event.Fail {
		t.Errorf("a library of another architecture: %+v", r)
	}
}
