package rpmmaker

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"xtest/internal/required"
)

func trial() Package {
	return Package{
		Name: "lsb-xtest.example-trial", Version: "1.2", Release: "3", Arch: "noarch", PreIn: "exit 0\n",
		Files: []File{
			{Path: "/opt/xtest.example", Mode: 0o40755, User: "root", Group: "root"},
			{Path: "/opt/xtest.example/one", Content: "hello\n", Mode: 0o100640, User: "root", Group: "root"},
			{Path: "/opt/xtest.example/two", Content: "one", Mode: 0o120777, User: "root", Group: "root"},
		},
		Requires: []Requirement{{"lsb-core-noarch", "5.0"}},
	}
}

// rpm reads what is written, and finds its digests right; it unpacks to the files that went in.
func TestRPMReadsIt(t *testing.T) {
	rpm := required.Tool(t, "rpm", "rpm")
	dir := t.TempDir()
	file := filepath.Join(dir, "p.rpm")
	query := func(args ...string) (string, error) {
		cmd := exec.Command(rpm, append([]string{"--dbpath", dir + "/db"}, args...)...)
		cmd.Env = []string{"LC_ALL=C", "HOME=" + dir}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	good := trial().Bytes()
	if err := os.WriteFile(file, good, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := query("-Kv", file); err != nil || strings.Count(out, "OK") < 2 {
		t.Errorf("its digests: %v\n%s", err, out)
	}
	out, err := query("-qp", "--qf", "%{NAME} %{VERSION} %{RELEASE} %{ARCH} %{SIZE} [%{FILENAMES}:%{FILEMODES:perms}:%{FILEMD5S}:%{FILELINKTOS} ][%{REQUIRENAME} %{REQUIREFLAGS:depflags} %{REQUIREVERSION},]", file)
	for _, want := range []string{"lsb-xtest.example-trial 1.2 3 noarch 9 ", "/opt/xtest.example/one:-rw-r-----:b1946ac92492d2347c6235b4d2611184: ",
		"/opt/xtest.example/two:lrwxrwxrwx::one", "lsb-core-noarch >= 5.0"} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%v, no %q in\n%s", err, want, out)
		}
	}
	bad := bytes.Clone(good)
	bad[len(bad)-10] ^= 0xff
	if err := os.WriteFile(file, bad, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := query("-K", file); err == nil {
		t.Errorf("a damaged payload passes:\n%s", out)
	}
}
