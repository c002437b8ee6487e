package config

import "time"

// file is the document. The doc tags become the schema's descriptions.
type file struct {
	Run     Run                 `yaml:"run" doc:"What xtest run judges without arguments, and the options of every target that does not set them itself."`
	Targets map[string]declared `yaml:"targets" doc:"Targets by name. A name may hold {axis} for each axis of the target's matrix." names:"^[A-Za-z][A-Za-z0-9._{}-]*$"`
	Known   []Known             `yaml:"known" doc:"Known failures: they are shown and do not fail a run until they expire."`
}

// Run says what is judged by default.
type Run struct {
	Targets []string `yaml:"targets" doc:"Targets that are judged when none is named: names from this file or backend:what. Braces are expanded. Default: all targets of this file."`
	Options `yaml:",inline"`
}

// declared is a target as the file has it.
type declared struct {
	Target  string              `yaml:"target" doc:"What is judged, as backend:what."`
	Extends string              `yaml:"extends" doc:"Another target of this file: what is not set here is taken from there."`
	Matrix  map[string][]string `yaml:"matrix" doc:"Axes and their values: the target stands for one target for each combination, with {axis} replaced everywhere in it." names:"^[A-Za-z][A-Za-z0-9_-]*$"`
	Options `yaml:",inline"`
}

// Options are what can be said of how a target is judged. Unset fields leave it to what is farther:
// a flag is nearest, then the target, what it extends, the file's run section, the backend.
type Options struct {
	Suites        []string `yaml:"suites" doc:"Suites to run. Default: those of the specs, else those of the target's backend."`
	Specs         []string `yaml:"specs" doc:"Specs to run, by ID or pattern (*, ?). Default: all of the suites."`
	Exclude       []string `yaml:"exclude" doc:"Specs to leave out, by ID or pattern (*, ?)."`
	Labels        []string `yaml:"labels" doc:"Run only specs that have one of these labels. A spec's level (MUST, SHOULD) and grade (safe, guest, destructive) are labels too."`
	ExcludeLabels []string `yaml:"exclude-labels" doc:"Leave out specs that have one of these labels."`
	Memory        string   `yaml:"memory" doc:"Memory of the machine, as 512M or 2G." pattern:"^[0-9]+[MmGg]$"`
	Cores         int      `yaml:"cpus" doc:"Processors of the machine: 1 to 64. Default: 1." minimum:"1" maximum:"64"`
	Kernel        string   `yaml:"kernel" doc:"File of a kernel (bzImage) or of its Debian package, in place of the release's own."`
	Rootfs        string   `yaml:"rootfs" doc:"Image whose files take the place of the release's: a disk image, an OCI image, a tarball, a folder."`
	Packages      []string `yaml:"packages" doc:"Packages of the release that are installed beside its base system, with all that they depend on."`
	Modules       string   `yaml:"modules" doc:"Folder of the modules of the kernel's file: lib/modules/VERSION, or what INSTALL_MOD_PATH was."`
	Params        []string `yaml:"params" doc:"Boot parameters, behind those that the machine needs."`
	Salt          int      `yaml:"salt" doc:"Number of a dummy boot parameter, xtest.salt=N, which lays the kernel's addresses out differently: 1 to 1000000. Default: none." minimum:"1" maximum:"1000000"`
	Machine       string   `yaml:"machine" doc:"Machine type of QEMU: microvm (least hardware) or q35 (a PC)."`
	Accel         string   `yaml:"accel" doc:"Accelerator of QEMU: tcg, kvm, or auto, which takes KVM when a test guest runs under it. Default: tcg."`
	Clock         string   `yaml:"clock" doc:"icount: the guest's time is the number of executed instructions. Default: the host's time."`
	Store         string   `yaml:"xenstored" doc:"Program of Xen's toolstack that is Xenstore: xenstored or oxenstored. Default: xenstored."`
	Dump          bool     `yaml:"dump" doc:"Keep the memory of a machine that crashed in the run's folder."`
	Limits        Limits   `yaml:"limits" doc:"How long things may take."`
}

// Limits say how long things may take.
type Limits struct {
	Scale float64 `yaml:"scale" doc:"Multiplies every time limit of the target, that of its boot included: 0.1 to 100." minimum:"0.1" maximum:"100"`
}

// Known is a failure that is known.
type Known struct {
	Spec    string `yaml:"spec" doc:"ID of the failing spec, or a pattern (*, ?)." required:"true"`
	Target  string `yaml:"target" doc:"Name or backend:what of the target, or a pattern (*, ?). Default: all."`
	Reason  string `yaml:"reason" doc:"Why it fails: a sentence that reports show." required:"true"`
	Link    string `yaml:"link" doc:"Where more is to be read."`
	Expires string `yaml:"expires" doc:"Last day (UTC) on which the failure is excused, as 2026-12-31. Default: it never expires." pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"`

	until time.Time // the moment it expires; zero when never
	at    string    // file:line
}

// Target is a target of the file with all that it has of others.
type Target struct {
	Name string
	What string // backend:what; empty for one that is there to be extended
	Options

	key     string // in the file
	extends string
}
