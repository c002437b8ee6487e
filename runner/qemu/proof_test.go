package qemu

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xtest/internal/required"
	"xtest/runner/cache"
	"xtest/runner/guard"
	"xtest/runner/machine"
)

func TestMain(m *testing.M) {
	guard.Main()
	os.Setenv(AccelEnv, TCG) // no test starts anything under KVM
	os.Exit(m.Run())
}

// needQEMU gives the real emulator's path.
func needQEMU(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath(Program)
	switch {
	case testing.Short():
		t.Skip("boots a machine")
	case err != nil:
		required.Missing(t, err)
	}
	return path
}

// TestProofGuest: the guest that proves KVM answers under TCG, too.
func TestProofGuest(t *testing.T) {
	if err := proveWithin(t.Context(), needQEMU(t), TCG, 30*time.Second); err != nil {
		t.Error(err)
	}
}

// fake writes a program in QEMU's place.
func fake(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), Program)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProof(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, c := range []struct{ name, script, want string }{
		{"right", `[ "$1 $2" = "-accel kvm" ] && exit 89`, ""},
		{"power-off", `exit 0`, "without an answer"},
		{"refused", `exit 1`, "exit status 1"},
		{"another answer", `exit 91`, "exit status 91"},
		{"hang", `trap '' TERM; while :; do read x </dev/null; /bin/sleep 9; done`, "did not answer in 300ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			limit := 10 * time.Second
			if c.name == "hang" {
				limit = 300 * time.Millisecond
			}
			err := proveWithin(t.Context(), fake(t, c.script), KVM, limit)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := proveWithin(ctx, fake(t, "exec /bin/sleep 9"), KVM, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("cut off: %v", err)
	}
}

func TestTry(t *testing.T) {
	c, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	file := filepath.Join(t.TempDir(), "kvm")
	proofs, boot, result := 0, "one", error(nil)
	p := prober{
		path: "/qemu", device: file, cache: c, bootID: func() string { return boot },
		prove: func(_ context.Context, path, accel string) error {
			if proofs++; path != "/qemu" || accel != KVM {
				t.Errorf("proved %s of %s", accel, path)
			}
			return result
		},
	}
	if why := p.try(t.Context()); !strings.Contains(why, "does not open") || proofs != 0 {
		t.Errorf("without a device: %q after %d proofs", why, proofs)
	}
	if got := checkKVM(p); got.Can || !strings.Contains(got.Reason, "is not there") {
		t.Errorf("doctor without a device: %+v", got)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := checkKVM(p); got.Can || got.Reason != "not tried; --accel auto tries it" || proofs != 0 {
		t.Errorf("doctor, not tried: %+v after %d proofs", got, proofs)
	}
	result = errors.New("a test guest did not answer in 5s")
	for range 2 { // the second time it is remembered
		if why := p.try(t.Context()); why != file+" opens, but a test guest did not answer in 5s" || proofs != 1 {
			t.Errorf("a guest that hangs: %q after %d proofs", why, proofs)
		}
	}
	if got := checkKVM(p); got.Can || got.Reason != file+" opens, but a test guest did not answer in 5s; TCG is used instead" {
		t.Errorf("doctor: %+v", got)
	}
	boot, result = "two", nil
	for range 2 {
		if why := p.try(t.Context()); why != "" || proofs != 2 {
			t.Errorf("in the next boot: %q after %d proofs", why, proofs)
		}
	}
	if got := checkKVM(p); !got.Can {
		t.Errorf("doctor: %+v", got)
	}
	// What was cut off proves nothing.
	boot = "three"
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result = ctx.Err()
	p.try(ctx)
	if _, known := p.remembered(); known {
		t.Error("an interrupted proof is remembered")
	}
	// Nor does a host that does not name its boots.
	boot, result = "", nil
	p.try(t.Context())
	if _, known := p.remembered(); known {
		t.Error("a boot without a name is remembered")
	}
}

func TestChooseAccel(t *testing.T) {
	for _, c := range []struct{ env, asked, why string }{
		{"", "", "--accel auto tries it"},
		{"", TCG, "--accel"},
		{TCG, "", AccelEnv},
		{KVM, TCG, "--accel"},
	} {
		t.Setenv(AccelEnv, c.env)
		got, err := ChooseAccel(t.Context(), "/no/qemu", c.asked, nil)
		if err != nil || got.Name != TCG || !strings.Contains(got.Why, c.why) {
			t.Errorf("%+v: %+v, %v", c, got, err)
		}
	}
	t.Setenv(AccelEnv, "hax")
	if _, err := ChooseAccel(t.Context(), "/no/qemu", "", nil); err == nil || !strings.Contains(err.Error(), AccelEnv+` "hax"`) {
		t.Errorf("an unknown one: %v", err)
	}
	var _ machine.Heeder = Backend{}
}
