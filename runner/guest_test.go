package runner

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"xtest/runner/event"
	"xtest/runner/guard"
	"xtest/runner/wire"
)

// playEnv and bootEnv tell a copy of the test program which guest to play, in which boot.
const (
	playEnv = "XTEST_TEST_PLAY"
	bootEnv = "XTEST_TEST_BOOT"
	// luggageEnv names the file that goes from machine to machine.
	luggageEnv = "XTEST_TEST_LUGGAGE"
)

func TestMain(m *testing.M) {
	guard.Main()
	if name := os.Getenv(playEnv); name != "" {
		g := &guest{channel: os.NewFile(3, "channel")}
		fmt.Sscan(os.Getenv(bootEnv), &g.boot)
		plays[name](g)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// guest is a machine with an agent that does what a test wants of it.
type guest struct {
	boot    int
	channel *os.File
	order   wire.Order
	out     *wire.Writer
}

// hello opens the conversation as the real agent does.
func (g *guest) hello() {
	fmt.Fprintf(g.channel, "\n%s\n", wire.Hello)
	line, err := bufio.NewReader(g.channel).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &g.order)
	}
	if err != nil {
		fmt.Println("the order:", err)
		os.Exit(9)
	}
	g.out = wire.NewWriter(g.channel, g.order.Key)
	fmt.Println("the guest is up")
	slices.Sort(g.order.Specs)
}

func (g *guest) booted() {
	g.hello()
	g.out.Send(event.Event{Kind: event.Booted, Machine: &event.Machine{Kernel: "1.2.3"}})
}

func (g *guest) start(id string) { g.out.Send(event.Event{Kind: event.SpecStarted, Spec: id}) }

func (g *guest) end(id string, v event.Verdict) {
	g.out.Send(event.Event{Kind: event.SpecEnded, Spec: id, Result: &event.Result{Verdict: v}})
}

func (g *guest) finish() { g.out.Send(event.Event{Kind: event.Finished}) }

// judge passes all specs, with what happens in some of them.
func (g *guest) judge(during map[string]func()) {
	g.booted()
	for _, id := range g.order.Specs {
		g.start(id)
		if f := during[id]; f != nil {
			f()
		}
		g.end(id, event.Pass)
	}
	g.finish()
}

// during plays a guest to which one thing happens while s/b runs.
func during(f func(g *guest)) func(*guest) {
	return func(g *guest) { g.judge(map[string]func(){"s/b": func() { f(g) }}) }
}

func hang() {
	for {
		unix.Pause()
	}
}

const forged = `{"kind":"spec-ended","spec":"s/c","result":{"verdict":"fail","duration":0}}`

var plays = map[string]func(*guest){
	"says-all": func(g *guest) { g.judge(nil); os.WriteFile("said", nil, 0o600); hang() },
	"good":     func(g *guest) { g.judge(nil) },
	"panics":   during(func(g *guest) { fmt.Println("[    3.1] Kernel panic - not syncing: on purpose"); os.Exit(0) }),
	"oops": during(func(g *guest) {
		fmt.Println("[    3.1] BUG: kernel NULL pointer dereference, address: 0000000000000010")
		g.out.Send(event.Event{Kind: event.Warned, Reason: "still here"})
		hang()
	}),
	"hangs-in-spec":     during(func(g *guest) { hang() }),
	"vanishes":          during(func(g *guest) { os.Exit(7) }),
	"chatters":          during(func(g *guest) { g.chatter() }),
	"hangs-between":     func(g *guest) { g.betweenSpecs(hang) },
	"chatters-between":  func(g *guest) { g.betweenSpecs(g.chatter) },
	"mute":              func(g *guest) { fmt.Println("VFS: Unable to mount root fs on unknown-block(0,0)"); hang() },
	"panics-early":      func(g *guest) { fmt.Println("Kernel panic - not syncing: No working init found."); os.Exit(0) },
	"dies-after-hello":  func(g *guest) { g.booted() },
	"stays-on":          func(g *guest) { g.judge(nil); hang() },
	"finishes-early":    func(g *guest) { g.booted(); g.start("s/a"); g.end("s/a", event.Pass); g.finish() },
	"channel-closed":    during(func(g *guest) { g.channel.Close(); hang() }),
	"ended-then-off":    func(g *guest) { g.booted(); g.start("s/a"); g.end("s/a", event.Fail); os.Exit(0) },
	"second-boot-fails": secondBootFails,
	"forges":            func(g *guest) { g.forge() },
	"floods":            during(func(g *guest) { g.flood() }),
	"aliens":            during(func(g *guest) { fmt.Fprintf(g.channel, "\n%d %s %s\n", 1000, strings.Repeat("0", 32), forged) }),
	"oversized":         during(func(g *guest) { g.channel.Write(bytes.Repeat([]byte("x"), wire.MaxLine+10)) }),
	"destructive":       func(g *guest) { g.destroy() },
	"invalid-verdict":   func(g *guest) { g.judgeWith("s/b", func() { g.end("s/b", "splendid") }) },
	"no-end":            func(g *guest) { g.judgeWith("s/b", func() {}) },
	"fails-and-samples": func(g *guest) { g.judgeWith("s/b", func() { g.sample(); g.end("s/b", event.Fail) }) },
	"keeps": during(func(g *guest) {
		g.keep("s/b", "../../trace.gz", "one ")
		g.keep("s/b", "../../trace.gz", "two")
	}),
	"keeps-for-another":  during(func(g *guest) { g.keep("s/a", "trace.gz", "x") }),
	"keeps-without-end":  during(func(g *guest) { g.flood64() }),
	"moves":              func(g *guest) { g.move() },
	"cries-when-all-end": func(g *guest) { g.judge(nil); fmt.Println("Kernel panic - not syncing: at power-off") },
}

func (g *guest) judgeWith(id string, instead func()) {
	g.booted()
	for _, s := range g.order.Specs {
		g.start(s)
		if s == id {
			instead()
			continue
		}
		g.end(s, event.Pass)
	}
	g.finish()
}

func (g *guest) sample() {
	g.out.Send(event.Event{Kind: event.Sampled, Suite: "made-up", Spec: "s/b", Sample: &event.Sample{Name: "x", Value: 1, Unit: "B"}})
}

func (g *guest) keep(id, name, data string) {
	g.out.Send(event.Event{Kind: event.Kept, Spec: id, File: &event.File{Name: name, Size: 1 << 40, Data: []byte(data)}})
}

// flood64 gives more than a boot may keep, in pieces of half a megabyte.
func (g *guest) flood64() {
	piece := strings.Repeat("x", 512<<10)
	for range 2*(maxKept>>20) + 3 {
		g.keep("s/b", "large", piece)
	}
}

// chatter sends what is allowed and means nothing, until it is stopped.
func (g *guest) chatter() {
	for g.out.Send(event.Event{Kind: event.Warned, Reason: "and another thing"}) == nil {
	}
}

func (g *guest) betweenSpecs(f func()) {
	g.booted()
	for _, id := range g.order.Specs {
		g.start(id)
		g.end(id, event.Pass)
		if id == "s/b" {
			f()
		}
	}
	g.finish()
}

// secondBootFails dies in s/a of the first boot, does not come up in the second, and is well then.
func secondBootFails(g *guest) {
	if g.boot == 2 {
		os.Exit(1)
	}
	g.judge(map[string]func(){"s/a": func() { os.Exit(1) }})
}

// forge sends everything that an agent with a key should not send, before the first, between and
// behind the specs.
func (g *guest) forge() {
	g.hello()
	g.start("s/a") // before the machine is up
	g.finish()
	g.out.Send(event.Event{Kind: event.Booted})
	g.out.Send(event.Event{Kind: event.Booted, Machine: &event.Machine{Kernel: "1.2.3"}, Target: "other", Boot: 99, Reason: "made up"})
	bad := func() {
		g.start("s/none")
		g.start("s/a")
		g.end("s/a", event.Pass)
		g.end("", event.Pass)
		g.out.Send(event.Event{Kind: event.Sampled, Sample: &event.Sample{Name: "x"}})
		g.out.Send(event.Event{Kind: event.Booted, Machine: &event.Machine{Kernel: "4.5.6"}})
		g.out.Send(event.Event{Kind: event.SpecListed, Spec: "s/forged", Meta: &event.Meta{Suite: "s"}})
		g.out.Send(event.Event{Kind: event.Crashed, Crash: &event.Crash{Kind: "forged"}})
		g.out.Send(event.Event{Kind: event.RunEnded})
		g.out.Send(event.Event{Kind: event.TargetMissed, Reason: "forged", Fix: "rm -rf /"})
	}
	g.start("s/a")
	g.end("s/a", event.Pass)
	bad()
	g.start("s/b")
	g.out.Send(event.Event{Kind: event.Warned, Spec: "s/a", Fix: "rm -rf /", Crash: &event.Crash{Kind: "forged"}, Reason: "a warning"})
	g.out.Send(event.Event{Kind: event.Probed, Spec: "s/a", Probe: "root", Duration: 5})
	g.end("s/b", event.Pass)
	bad()
	g.start("s/c")
	g.end("s/c", event.Pass)
	g.finish()
	bad()
	g.finish()
}

func (g *guest) flood() {
	for {
		if _, err := g.channel.WriteString("flood\n"); err != nil {
			hang()
		}
	}
}

// move passes all specs, of which those that move must find in the second machine what they wrote in the first.
func (g *guest) move() {
	g.booted()
	for _, id := range g.order.Specs {
		g.start(id)
		verdict := event.Pass
		if l := g.order.Luggage; l != nil && slices.Contains(l.Specs, id) && !g.carry(l, id) {
			verdict = event.Fail
		}
		if g.boot == 2 && id == "s/moves-and-dies" {
			os.Exit(1)
		}
		g.end(id, verdict)
	}
	g.finish()
}

// carry writes the spec's name to its part of the luggage, or finds it there.
func (g *guest) carry(l *wire.Luggage, id string) bool {
	f, err := os.OpenFile(os.Getenv(luggageEnv), os.O_RDWR, 0)
	if err != nil || l.Device != "/dev/luggage" {
		return false
	}
	defer f.Close()
	at := int64(slices.Index(l.Specs, id)) * l.Size
	if !l.Arrived {
		_, err = f.WriteAt([]byte(id), at)
		return err == nil
	}
	found := make([]byte, len(id))
	_, err = f.ReadAt(found, at)
	return err == nil && string(found) == id
}

// destroy leaves its mark in the scratch folder, which the next boot must not find.
func (g *guest) destroy() {
	g.booted()
	for _, id := range g.order.Specs {
		g.start(id)
		verdict := event.Pass
		if len(g.order.Specs) > 1 && strings.HasPrefix(id, "s/destroy") {
			verdict = event.Fail
		}
		if _, err := os.Stat("destroyed"); err == nil {
			verdict = event.Fail
		}
		if strings.HasPrefix(id, "s/destroy") {
			os.WriteFile("destroyed", nil, 0o600)
		}
		g.end(id, verdict)
	}
	g.finish()
}
