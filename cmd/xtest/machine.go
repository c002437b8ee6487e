package main

import (
	"github.com/spf13/cobra"

	"xtest/config"
)

// addMachineFlags adds those that choose the machine. Which of them a target takes its backend says.
func addMachineFlags(c *cobra.Command, o *config.Options) {
	f := c.Flags()
	f.IntVar(&o.Cores, "cpus", 0, "processors of a machine (default 1)")
	f.StringVar(&o.Kernel, "kernel", "", "boot this kernel (a bzImage or a kernel's .deb) in place of the release's")
	f.StringVar(&o.Modules, "modules", "", "folder of that kernel's modules: lib/modules/VERSION, or what INSTALL_MOD_PATH was")
	f.StringVar(&o.Rootfs, "rootfs", "", "use this image's files (disk image, OCI image, tarball, folder) in place of the release's")
	addPackagesFlag(c, o)
	f.StringArrayVar(&o.Params, "params", nil, "boot parameters to append, as 'a=1 b'")
	f.IntVar(&o.Salt, "salt", 0, "append the boot parameter xtest.salt=N, which does nothing but lay addresses out differently: 1 to 1000000")
	f.StringVar(&o.Machine, "machine", "", "machine type: microvm or q35 (default: microvm)")
	f.StringVar(&o.Accel, "accel", "", "accelerator: tcg, kvm, or auto, which takes KVM when a test guest runs under it (default: tcg)")
	f.StringVar(&o.Clock, "clock", "", "icount: the guest's time is the number of executed instructions")
	f.StringVar(&o.Store, "xenstored", "", "program that is Xenstore under xen: targets: xenstored or oxenstored (default: xenstored)")
	f.BoolVar(&o.Dump, "dump", false, "keep the memory of a machine that crashed in the run's folder, for crash, drgn or gdb")
}

func addPackagesFlag(c *cobra.Command, o *config.Options) {
	c.Flags().StringSliceVar(&o.Packages, "packages", nil, "packages of the release to install beside its base system, as criu,iptables")
}
