// Package spec is what all suites share: how a spec declares its clause, level, needs and grade, how
// it observes and judges, and how it is run as a Ginkgo spec inside a machine or under go test.
//
// A spec file reads:
//
//	var suite = spec.NewSuite("namespaces")
//
//	var _ = suite.Describe("uts", func() {
//		suite.It(spec.Meta{
//			ID:     "uts/sethostname-unprivileged",
//			Clause: "sethostname(2) ERRORS: EPERM without CAP_SYS_ADMIN",
//			Level:  spec.Must,
//			Needs:  []spec.Probe{spec.Root},
//		}, func(t *spec.T) {
//			...
//			t.Errno("sethostname(\"x\", 1)", err, unix.EPERM)
//		})
//	})
//
// Beware: only the T methods know the difference between fail and broken. What the target did wrong
// is judged with [T.That], [T.Equal], [T.Errno] and [T.Success]; what went wrong on our own side goes
// through [T.Setup], or a machine is blamed for it.
package spec
