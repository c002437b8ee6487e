package machine

import (
	"fmt"
	"slices"
	"strings"
)

// Options are what the user asks of one target's machine. What is not set is the backend's choice.
type Options struct {
	Kernel  string   // file of a kernel or of a kernel's package, in place of the release's
	Modules string   // folder of its modules: lib/modules/VERSION, or one that holds such a folder
	Params  []string // boot parameters, behind the backend's own
	Cores   int      // processors; 0 is 1
	Type    string   // machine type, as the backend calls it
	Accel   string   // how instructions are executed, as the backend calls it
	Clock   string   // where the guest's time comes from, as the backend calls it
	Dump    bool     // keep the memory of a machine that crashed
}

// The options' names, as the user types them.
const (
	OptionKernel  = "kernel"
	OptionModules = "modules"
	OptionParams  = "params"
	OptionCores   = "cpus"
	OptionType    = "machine"
	OptionAccel   = "accel"
	OptionClock   = "clock"
	OptionDump    = "dump"
)

// Heeder is a backend that heeds options. One that is none heeds no option at all.
type Heeder interface {
	// Heeds gives the names of the options that it heeds.
	Heeds() []string
}

// Check gives the error of an option that is set and that the backend does not heed: nobody is to
// believe in one that does nothing.
func (o Options) Check(b Backend) error {
	var heeds []string
	if h, ok := b.(Heeder); ok {
		heeds = h.Heeds()
	}
	for _, option := range []struct {
		name string
		set  bool
	}{
		{OptionKernel, o.Kernel != ""}, {OptionModules, o.Modules != ""}, {OptionParams, len(o.Params) > 0},
		{OptionCores, o.Cores != 0}, {OptionType, o.Type != ""}, {OptionAccel, o.Accel != ""},
		{OptionClock, o.Clock != ""}, {OptionDump, o.Dump},
	} {
		if !option.set || slices.Contains(heeds, option.name) {
			continue
		}
		if len(heeds) == 0 {
			return fmt.Errorf("%s machines take no --%s, nor any other choice of this kind", b.Name(), option.name)
		}
		return fmt.Errorf("%s machines take no --%s; they take --%s", b.Name(), option.name, strings.Join(heeds, ", --"))
	}
	return nil
}
