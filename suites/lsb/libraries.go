package lsb

// Nothing of these takes running a command.
var _ = suite.Describe("libraries", func() { inspect("libraries") })

var _ = suite.Describe("symbols", func() { inspect("symbols") })
