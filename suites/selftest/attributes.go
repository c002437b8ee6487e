package selftest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// manifest is a file of a root that was made for this spec: on each line a path, the name of an
// extended attribute, and its value in hex.
const manifest = "/etc/xtest-attributes"

var listed = spec.Probe{Name: "a list of attributes", Check: func() error {
	_, err := os.Stat(manifest)
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("the root holds no " + manifest)
	}
	return err
}}

var _ = suite.Describe("attributes", func() {
	kept := guest(meta("keeps-attributes", "a machine's root has the extended attributes of its image, file capabilities included"))
	kept.Needs = []spec.Probe{listed}
	suite.It(kept, func(t *spec.T) {
		text, err := os.ReadFile(manifest)
		t.Setup("reading the list of attributes", err)
		lines := 0
		for line := range strings.Lines(string(text)) {
			var path, name, want string
			if _, err := fmt.Sscan(line, &path, &name, &want); err != nil {
				t.Setup("reading the list of attributes", err)
			}
			value := make([]byte, 64<<10)
			n, err := unix.Lgetxattr(path, name, value)
			t.Success(fmt.Sprintf("lgetxattr(%q, %q)", path, name), err)
			t.Equal(fmt.Sprintf("lgetxattr(%q, %q)", path, name), hex.EncodeToString(value[:max(n, 0)]), want)
			lines++
		}
		t.Note("%d attributes", lines)
	})
})
