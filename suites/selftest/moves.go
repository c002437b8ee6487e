package selftest

import (
	"io"
	"os"

	"xtest/suites/spec"
)

var _ = suite.Describe("moves", func() {
	moves := guest(meta("moves", "what passes in one machine goes on in a second one, with what it put on their disk"))
	moves.Moves = true
	suite.It(moves, func(t *spec.T) {
		const text = "from one machine to the next"
		l := t.Luggage()
		f, err := os.OpenFile(l.Disk, os.O_RDWR, 0)
		t.Setup("opening the disk", err)
		defer f.Close()
		found := make([]byte, len(text))
		_, err = f.ReadAt(found, l.At)
		t.Setup("reading the disk", err)
		if l.Arrived {
			t.Equal("the disk of the second machine", string(found), text)
			return
		}
		t.Equal("the disk of the first machine", string(found), string(make([]byte, len(text))))
		_, err = io.WriteString(io.NewOffsetWriter(f, l.At), text)
		t.Setup("writing to the disk", err)
		t.Setup("writing to the disk", f.Sync())
	})
})
