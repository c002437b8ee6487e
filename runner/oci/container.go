package oci

import (
	"crypto/rand"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"xtest/runner/agent"
	"xtest/runner/machine"
)

const (
	stateFolder  = "state"
	bundleFolder = "bundle"
	// agentFolder is where the agent's binary is in a container: below a mount of ours, so that the
	// image stays as it is. Not /run, whose content is a part of some distributions' roots.
	agentFolder = "/tmp/.xtest"
)

// mountPoints are the folders that a container's root must have.
var mountPoints = []string{"dev", "proc", "sys", "tmp"}

// container is a target that is ready to be started.
type container struct {
	runtime runtime
	agent   string // a static xtest
	root    string
	env     []string
	memory  int64 // bytes; 0 for no limit
}

// agent finds the binary that runs inside.
func (b Backend) agent() (string, error) {
	path := b.Agent
	if path == "" {
		var err error
		if path, err = os.Executable(); err != nil {
			return "", fmt.Errorf("finding this program: %w", err)
		}
	}
	program, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading this program: %w", err)
	}
	defer program.Close() // only read
	if slices.ContainsFunc(program.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return "", errors.New("this xtest is dynamically linked and cannot run in a container; build it with CGO_ENABLED=0")
	}
	return path, nil
}

// launch writes the bundle.
func (c container) launch(b machine.Boot) (machine.Launch, error) {
	return c.prepare(b.Scratch, agent.Marker)
}

// prepare does so for a process of the given name, which says what the binary is to do.
func (c container) prepare(scratch, name string) (machine.Launch, error) {
	id := "xtest-" + strings.ToLower(rand.Text()[:12])
	bundle := filepath.Join(scratch, bundleFolder)
	err := errors.Join(
		os.Mkdir(filepath.Join(scratch, stateFolder), 0o700), os.Mkdir(bundle, 0o700),
		writeJSON(filepath.Join(bundle, "config.json"), c.config(id, name)),
	)
	if err == nil && c.cgroup() {
		err = hireJanitor(scratch, id)
	}
	if err != nil {
		return machine.Launch{}, fmt.Errorf("preparing the container: %w", err)
	}
	return machine.Launch{Args: c.runtime.run(id, scratch), Env: environment(scratch)}, nil
}

// cgroup says whether the container gets a cgroup of its own.
func (c container) cgroup() bool { return os.Geteuid() == 0 && !c.runtime.noCgroup }

// environment is the runtime's own. Nothing of the host's secrets goes in.
func environment(scratch string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + scratch, "XDG_RUNTIME_DIR=" + scratch, "TMPDIR=" + scratch}
}

func writeJSON(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// capabilities are those that container engines give by default: what the common ones agree on.
var capabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
	"CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}

// pids bounds how many processes and threads a container may have.
const pids = int64(4096)

// config is the container's config.json: config.md and config-linux.md of the OCI runtime
// specification.
func (c container) config(id, name string) *specs.Spec {
	s := &specs.Spec{
		Version: "1.0.2",
		Root:    &specs.Root{Path: c.root, Readonly: true},
		Process: &specs.Process{
			Args: []string{filepath.Join(agentFolder, name)}, Cwd: "/", NoNewPrivileges: true,
			Env: append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}, c.env...),
			Capabilities: &specs.LinuxCapabilities{
				Bounding: capabilities, Effective: capabilities, Permitted: capabilities,
			},
		},
		Hostname: "xtest",
		Mounts:   mounts(),
		// So that what is found on a host can be traced to its container.
		Annotations: map[string]string{"xtest.id": id},
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace},
				{Type: specs.MountNamespace}, {Type: specs.NetworkNamespace}, {Type: specs.CgroupNamespace},
			},
			MaskedPaths: []string{
				"/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
				"/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
			},
			ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		},
	}
	s.Mounts = append(s.Mounts, specs.Mount{
		Destination: filepath.Join(agentFolder, name), Type: "bind", Source: c.agent,
		Options: []string{"bind", "ro", "nosuid", "nodev"},
	})
	if uid := os.Geteuid(); uid != 0 {
		rootless(s, uint32(uid), uint32(os.Getegid()))
	}
	if !c.cgroup() {
		return s
	}
	s.Linux.CgroupsPath = id
	limit := pids
	s.Linux.Resources = &specs.LinuxResources{
		Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}},
		Pids:    &specs.LinuxPids{Limit: &limit},
	}
	if c.memory > 0 {
		s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &c.memory}
	}
	return s
}

// rootless makes the container's root the user who started xtest.
func rootless(s *specs.Spec, uid, gid uint32) {
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	s.Linux.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: uid, Size: 1}}
	s.Linux.GIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: gid, Size: 1}}
}

func mounts() []specs.Mount {
	m := func(at, kind, source string, options ...string) specs.Mount {
		return specs.Mount{Destination: at, Type: kind, Source: source, Options: options}
	}
	return []specs.Mount{
		m("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
		m("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
		m("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"),
		m("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
		m("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
		m("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
		m("/tmp", "tmpfs", "tmpfs", "nosuid", "nodev", "mode=1777"),
	}
}
