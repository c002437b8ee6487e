package qemu

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"xtest/runner/cache"
	"xtest/runner/machine"
)

// The accelerators that a user can choose. Auto takes KVM when it has been proved to work.
const (
	TCG  = "tcg"
	KVM  = "kvm"
	Auto = "auto"
)

// AccelEnv names the environment variable that takes the place of the default accelerator.
const AccelEnv = "XTEST_ACCEL"

// device is what KVM is opened through.
const device = "/dev/kvm"

// Accel is the chosen accelerator, and why.
type Accel struct{ Name, Why string }

// ChooseAccel chooses among TCG, KVM and Auto; asked is "" where the user left it open. KVM is
// believed only when a guest of our own has answered under it. The default is TCG, and KVM is not
// even opened: one that is there and hangs takes processes with it that no signal ends.
func ChooseAccel(ctx context.Context, path, asked string, c *cache.Cache) (Accel, error) {
	how := "--accel"
	if asked == "" {
		asked, how = os.Getenv(AccelEnv), AccelEnv
	}
	p := prober{path: path, device: device, cache: c, prove: prove, bootID: bootID}
	switch asked {
	case "":
		return Accel{TCG, "TCG: the default, KVM was not tried (--accel auto tries it)"}, nil
	case TCG:
		return Accel{TCG, "TCG was asked for (" + how + ")"}, nil
	case KVM:
		if why := p.try(ctx); why != "" {
			return Accel{}, &machine.Unavailable{Reason: "KVM was asked for (" + how + "): " + why}
		}
		return Accel{KVM, "KVM was asked for (" + how + ") and ran a test guest"}, nil
	case Auto:
		if why := p.try(ctx); why != "" {
			return Accel{TCG, "TCG is used instead of KVM: " + why}, ctx.Err()
		}
		return Accel{KVM, "KVM ran a test guest"}, nil
	}
	return Accel{}, fmt.Errorf("%s %q: the accelerators are %s, %s and %s", how, asked, Auto, KVM, TCG)
}

// model is the processor that guests get: all that the accelerator can do. TCG executes a string
// instruction one unit at a time, so that a kernel that is told that they are fast (ERMS, FSRM) copies
// bytes where it could copy words.
func model(accel string) string {
	if accel == KVM {
		return "host"
	}
	return "max,-erms,-fsrm"
}

// prober finds out whether KVM works, once in a boot of the host.
type prober struct {
	path, device string
	cache        *cache.Cache // may be nil
	prove        func(ctx context.Context, path, accel string) error
	bootID       func() string
}

// answer is what was found out, as it is pinned.
type answer struct{ Boot, QEMU, Why string }

const answerPin = "kvm-works"

// try gives why KVM does not work, or "".
func (p prober) try(ctx context.Context) string {
	f, err := os.OpenFile(p.device, os.O_RDWR, 0)
	if err != nil {
		return fmt.Sprintf("%s does not open: %v", p.device, err)
	}
	f.Close()
	old, known := p.remembered()
	if known {
		return old
	}
	why := ""
	if err := p.prove(ctx, p.path, KVM); err != nil {
		why = p.device + " opens, but " + err.Error()
	}
	if ctx.Err() == nil {
		p.remember(why)
	}
	return why
}

func (p prober) remembered() (string, bool) {
	if p.cache == nil {
		return "", false
	}
	text, _, err := p.cache.Pin(answerPin)
	var a answer
	if err != nil || json.Unmarshal(text, &a) != nil || a.Boot == "" || a.Boot != p.bootID() || a.QEMU != p.path {
		return "", false
	}
	return a.Why, true
}

// remember fails in silence: then it is proved anew each time.
func (p prober) remember(why string) {
	if text, err := json.Marshal(answer{p.bootID(), p.path, why}); err == nil && p.cache != nil {
		p.cache.SetPin(answerPin, text)
	}
}

// bootID is random(4)'s name for the host's present boot.
func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// checkKVM says what is known of KVM without trying it.
func checkKVM(p prober) machine.Capability {
	c := machine.Capability{What: "qemu (KVM)"}
	why, known := p.remembered()
	_, err := os.Stat(p.device)
	switch {
	case err != nil:
		c.Reason = p.device + " is not there; TCG is used instead"
	case !known:
		c.Reason = "not tried; --accel auto tries it"
	case why != "":
		c.Reason = why + "; TCG is used instead"
	default:
		c.Can, c.Reason = true, "it ran a test guest; --accel auto uses it"
	}
	return c
}
