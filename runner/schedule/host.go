package schedule

import (
	"bufio"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Host are the limits of the machine that xtest runs on. Machines is how many may be up at once; with
// 0 there are as many as the processors that this process may use, by affinity and by its cgroup's
// quota, have cores for.
func Host(machines int) Limits {
	l := Limits{
		Machines: machines,
		Memory:   func() (int64, bool) { return available(os.DirFS("/")) },
		Space:    free,
	}
	if machines == 0 {
		l.Cores = runtime.GOMAXPROCS(0)
	}
	return l
}

func free(folder string) (int64, bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(folder, &st); err != nil {
		return 0, false
	}
	return int64(st.Bavail) * st.Bsize, true
}

// available is how much memory this process can take without swapping: proc_meminfo(5)'s
// MemAvailable, or less where a control group above it has less left.
func available(root fs.FS) (int64, bool) {
	kb, known := field(root, "proc/meminfo", "MemAvailable:")
	least := kb << 10
	for _, dir := range groups(root) {
		if left, bounded := left(root, dir); bounded && (!known || left < least) {
			least, known = left, true
		}
	}
	return least, known
}

// groups are the folders of the control groups that this process is in, version 2, inmost first:
// cgroups(7), /proc/pid/cgroup.
func groups(root fs.FS) []string {
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	const mount = "sys/fs/cgroup"
	for line := range strings.SplitSeq(string(text), "\n") {
		in, ok := strings.CutPrefix(line, "0::")
		if !ok {
			continue
		}
		var dirs []string
		for dir := path.Join(mount, path.Clean("/"+in)); ; dir = path.Dir(dir) {
			if dirs = append(dirs, dir); dir == mount {
				return dirs
			}
		}
	}
	return nil
}

// left is what a control group may still take: Documentation/admin-guide/cgroup-v2.rst, memory.max.
// Files that are only cached go when the memory is wanted.
func left(root fs.FS, dir string) (int64, bool) {
	limit, bounded := number(root, dir+"/memory.max")
	used, known := number(root, dir+"/memory.current")
	if !bounded || !known {
		return 0, false
	}
	for _, kind := range []string{"inactive_file", "active_file"} {
		cached, _ := field(root, dir+"/memory.stat", kind)
		used -= cached
	}
	return max(limit-max(used, 0), 0), true
}

// number reads a file that holds one; "max" is none.
func number(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}

// field reads the number behind a name that begins a line.
func field(root fs.FS, file, name string) (int64, bool) {
	f, err := root.Open(file)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		words := strings.Fields(s.Text())
		if len(words) > 1 && words[0] == name {
			n, err := strconv.ParseInt(words[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
