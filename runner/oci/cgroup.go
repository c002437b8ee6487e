package oci

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// removeCgroups removes every cgroup of that name, with all that is in it. Runtimes make one in each
// hierarchy, below their own cgroup, beside it, or at the top.
func removeCgroups(name string) error {
	var all error
	for _, dir := range cgroups(name) {
		all = errors.Join(all, removeCgroup(dir))
	}
	return all
}

// cgroups finds the folders of that name.
func cgroups(name string) []string {
	own := ownCgroups()
	var found []string
	for _, mount := range cgroupMounts() {
		for _, at := range append([]string{"/"}, own...) {
			dir := filepath.Join(mount, at, name)
			if st, err := os.Stat(dir); err == nil && st.IsDir() {
				found = append(found, dir)
			}
		}
	}
	return found
}

// ownCgroups are this process's, and those above them: cgroups(7), /proc/[pid]/cgroup.
func ownCgroups() []string {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	var own []string
	for line := range strings.Lines(string(text)) {
		if parts := strings.SplitN(strings.TrimSpace(line), ":", 3); len(parts) == 3 && parts[2] != "/" {
			own = append(own, parts[2], filepath.Dir(parts[2]))
		}
	}
	return own
}

// cgroupMounts are where cgroup hierarchies are mounted: proc(5), /proc/[pid]/mountinfo.
func cgroupMounts() []string {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	defer f.Close() // only read
	var list []string
	for s := bufio.NewScanner(f); s.Scan(); {
		head, tail, _ := strings.Cut(s.Text(), " - ")
		fields := strings.Fields(head)
		if kind, _, _ := strings.Cut(tail, " "); len(fields) > 4 && (kind == "cgroup" || kind == "cgroup2") {
			list = append(list, fields[4])
		}
	}
	return list
}

// removeCgroup ends what runs in the cgroup and removes it. The kernel frees a cgroup a little after
// its last process is reaped.
func removeCgroup(dir string) error {
	deadline := time.NewTimer(5 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var folders []string
		filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				folders = append(folders, path)
			}
			return nil
		})
		var err error
		for i := len(folders) - 1; i >= 0; i-- { // deepest first
			endMembers(folders[i])
			if err = unix.Rmdir(folders[i]); err != nil {
				break
			}
		}
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		select {
		case <-deadline.C:
			return fmt.Errorf("removing the container's cgroup %s: %w; `rmdir` it when its processes are gone", dir, err)
		case <-tick.C:
		}
	}
}

func endMembers(dir string) {
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return
	}
	for word := range strings.FieldsSeq(string(text)) {
		if pid, err := strconv.Atoi(word); err == nil && pid > 1 {
			unix.Kill(pid, unix.SIGKILL)
		}
	}
}
