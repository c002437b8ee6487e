package console

import "strings"

// causes are what the last words of a machine that did not come up mean for its user.
var causes = []struct{ words, cause string }{
	{"error while loading shared libraries", "the host lacks a library that the kernel's program needs"},
	{"Unable to mount root fs", "the kernel found no initial RAM file system and no root: it lacks CONFIG_BLK_DEV_INITRD, or the image is damaged"},
	{"No working init found", "the kernel did not start the agent: the initial RAM file system is damaged or of another architecture"},
	{"Failed to execute /init", "the kernel could not start the agent: it lacks CONFIG_BINFMT_ELF or is of another architecture"},
	{"Not enough memory to relocate the dom0 kernel image", "Xen needs more memory than the machine has (--memory)"},
	{"allocation is too small for kernel image", "Xen's dom0 needs more memory than the machine has (--memory)"},
	{"Out of memory", "the machine has too little memory (--memory)"},
	{"System is deadlocked on memory", "the machine has too little memory (--memory)"},
	{"Couldn't allocate", "the host has too little memory or a full /dev/shm"},
	{"No space left on device", "a disk of the host is full (TMPDIR chooses where machines keep their files)"},
	{"opening the event channel", "the kernel has no driver for the serial port that carries the events"},
	{"the kernel shows no device", "the kernel has no driver for the disk that holds the root file system"},
	{"not a bootable", "the file is no kernel image"},
	{"Error loading uncompressed kernel without PVH ELF Note", "the file is no kernel that QEMU can start (a bzImage is)"},
	{"invalid kernel header", "the file is no kernel image"},
	{"Could not open", "a file of the machine could not be opened"},
	{"Permission denied", "a file of the machine could not be opened"},
}

// Cause gives the likely cause why a machine with this console did not come up, or "".
func Cause(tail string) string {
	for _, c := range causes {
		if strings.Contains(tail, c.words) {
			return c.cause
		}
	}
	return ""
}
