package selftest

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

var _ = suite.Describe("confinement", func() {
	suite.It(guest(meta("sees-no-host", "a guest's root cannot reach the host's files, also where its kernel could")), func(t *spec.T) {
		dir, err := os.MkdirTemp("", "hostfs")
		t.Setup("making a folder", err)
		t.Cleanup(func() { os.Remove(dir) })
		// hostfs gives a User-Mode Linux guest the folder of the host that is named in its options.
		err = unix.Mount("none", dir, "hostfs", 0, "/")
		if errors.Is(err, unix.ENODEV) {
			t.NotApplicable("the kernel has no hostfs")
		}
		if err != nil {
			return // refused altogether
		}
		t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
		entries, err := os.ReadDir(dir)
		t.Setup("listing the host's root", err)
		t.Equal(`mount("none", dir, "hostfs", 0, "/"): files seen`, len(entries), 0)
	})
})
