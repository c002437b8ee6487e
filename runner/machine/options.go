package machine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Options are what the user asks of one target's machine. What is not set is the backend's choice.
type Options struct {
	Kernel  string // file of a kernel or of a kernel's package, in place of the release's
	Modules string // folder of its modules: lib/modules/VERSION, or one that holds such a folder
	Rootfs  string // image whose files take the place of the release's, as image.Open takes it
	// Packages of the release that its root file system gets beside the base system, by name, with all that
	// they depend on.
	Packages []string
	Params   []string // boot parameters, behind the backend's own
	Cores    int      // processors; 0 is 1
	Type     string   // machine type, as the backend calls it
	Accel    string   // how instructions are executed, as the backend calls it
	Clock    string   // where the guest's time comes from, as the backend calls it
	Store    string   // the program that is Xenstore
	Dump     bool     // keep the memory of a machine that crashed
}

// The options' names, as the user types them.
const (
	OptionKernel   = "kernel"
	OptionModules  = "modules"
	OptionRootfs   = "rootfs"
	OptionPackages = "packages"
	OptionParams   = "params"
	OptionCores    = "cpus"
	OptionType     = "machine"
	OptionAccel    = "accel"
	OptionClock    = "clock"
	OptionStore    = "xenstored"
	OptionDump     = "dump"
)

// Heeder is a backend that heeds options. One that is none heeds no option at all.
type Heeder interface {
	// Heeds gives the options that it heeds, by name, with the values that they can have; nil stands
	// for any.
	Heeds() map[string][]string
}

// Hypervised is a backend whose targets are one hypervisor: specs about another are not judged there.
type Hypervised interface {
	// Hypervisor is "xen" or "kvm", as specs name it.
	Hypervisor() string
}

// Check gives the error of an option that is set and that the backend does not heed, or not with this
// value: nobody is to believe in one that does nothing.
func (o Options) Check(b Backend) error {
	var heeds map[string][]string
	if h, ok := b.(Heeder); ok {
		heeds = h.Heeds()
	}
	if o.Rootfs != "" && len(o.Packages) > 0 {
		return fmt.Errorf("--%s are installed beside a release's own, and --%s takes the place of those; take one of them", OptionPackages, OptionRootfs)
	}
	for _, option := range []struct {
		name  string
		set   bool
		value string
	}{
		{OptionKernel, o.Kernel != "", o.Kernel},
		{OptionModules, o.Modules != "", o.Modules},
		{OptionRootfs, o.Rootfs != "", ""},
		{OptionPackages, len(o.Packages) > 0, ""},
		{OptionParams, len(o.Params) > 0, ""},
		{OptionCores, o.Cores != 0, ""},
		{OptionType, o.Type != "", o.Type},
		{OptionAccel, o.Accel != "", o.Accel},
		{OptionClock, o.Clock != "", o.Clock},
		{OptionStore, o.Store != "", o.Store},
		{OptionDump, o.Dump, ""},
	} {
		if !option.set {
			continue
		}
		values, ok := heeds[option.name]
		switch {
		case !ok && len(heeds) == 0:
			return fmt.Errorf("%s machines take no --%s, nor any other option of this kind", b.Name(), option.name)
		case !ok:
			return fmt.Errorf("%s machines take no --%s; they take --%s", b.Name(), option.name,
				strings.Join(slices.Sorted(maps.Keys(heeds)), ", --"))
		case values != nil && !slices.Contains(values, option.value):
			return fmt.Errorf("--%s %s: %s machines take %s", option.name, option.value, b.Name(), strings.Join(values, ", "))
		}
	}
	return nil
}

// IsPath says whether the part of a target behind the colon is the path of a file of the user's.
func IsPath(what string) bool {
	return strings.HasPrefix(what, "/") || strings.HasPrefix(what, "./") || strings.HasPrefix(what, "../")
}
