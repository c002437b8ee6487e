package agent

import (
	"bufio"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/runner/event"
)

// describe says what the machine is, from what it says of itself.
func describe() event.Machine {
	m := event.Machine{Cores: runtime.NumCPU(), Distro: value("/etc/os-release", "PRETTY_NAME", "=")}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.Memory = int64(info.Totalram) * int64(info.Unit)
	}
	if value("/proc/cpuinfo", "vendor_id", ":") == "User Mode Linux" {
		m.Flavour = "User-Mode Linux"
	}
	m.Hypervisor = hypervisor()
	return m
}

// hypervisor reads Documentation/ABI/stable/sysfs-hypervisor-xen.
func hypervisor() string {
	const dir = "/sys/hypervisor/"
	if read(dir+"type") != "xen" {
		return ""
	}
	return "Xen " + read(dir+"version/major") + "." + read(dir+"version/minor") + read(dir+"version/extra")
}

func read(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// value finds KEY SEPARATOR VALUE in a file of such lines.
func value(file, key, separator string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if k, v, ok := strings.Cut(s.Text(), separator); ok && strings.TrimSpace(k) == key {
			return strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return ""
}
