package lsb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	em "xtest/internal/elfmaker"
	"xtest/suites/lsb/inspection"
	"xtest/suites/spec"
)

var _ = suite.Describe("abi", func() {
	it(spec.Meta{
		ID: "abi/setuid-preload", Clause: linkClause + "gABI Shared Object Dependencies: a set-user-ID program takes no library from its caller",
		Level: spec.Must, Sources: []string{"ELF-020"}, Needs: []spec.Probe{spec.Root, amd64, nativeInterpreter},
	}, checkSetuid)
})

// checkSetuid lets nobody preload a library into two copies of a program, of which one has the bit.
func checkSetuid(ctx context.Context, m *machine) (finding, error) {
	dir, remove, err := private()
	if err != nil {
		return finding{}, err
	}
	defer remove()
	own, err := m.Interpreter("/bin/sh")
	if err != nil {
		return finding{}, err
	}
	program := em.Object{Interp: own.Name, Needed: []string{"libc.so.6"}, Steps: []em.Step{libc("geteuid")}}.Bytes()
	library := em.Object{Soname: "libtried.so", Functions: []em.Function{{Name: "i", Prints: "preloaded"}}, Init: "i"}
	err = errors.Join(os.Chmod(dir, 0o755), os.WriteFile(path.Join(dir, "libtried.so"), library.Bytes(), 0o755),
		os.WriteFile(path.Join(dir, "plain"), program, 0o755), os.WriteFile(path.Join(dir, "setuid"), program, 0o755),
		os.Chmod(path.Join(dir, "setuid"), 0o755|os.ModeSetuid))
	if err != nil {
		return finding{}, fmt.Errorf("making a program: %w", err)
	}
	for name, loaded := range map[string]bool{"plain": true, "setuid": false} {
		c := command{argv: []string{"/bin/sh", "-c", `LD_PRELOAD=$PWD/libtried.so; export LD_PRELOAD; exec ./` + name}, dir: dir, nobody: true}
		o, err := m.run(ctx, c)
		if err != nil {
			return finding{}, err
		}
		got, before, err := em.Outcomes(o.stdout, 1)
		if err != nil || o.status != 0 {
			return inspection.Bad(c.String(), o.String(), "it starts"), nil
		}
		if !loaded && got[0].Value != 0 {
			return finding{Inapplicable: "the set-user-ID bit has no effect here, as with nosuid or no_new_privs"}, nil
		}
		if strings.Contains(before, "preloaded") != loaded {
			return inspection.Bad(c.String(), fmt.Sprintf("the library was loaded: %t", !loaded), fmt.Sprint(loaded)), nil
		}
	}
	return inspection.Good(2), nil
}
