package namespaces

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

// told is what goes to the second machine beside criu's images: what the subject was in the first.
const told = "told.json"

// passport is the content of that file.
type passport struct {
	Facts facts
	Tree  string // its identities
}

// migrated judges that a subject which is dumped in one machine goes on in another. Also, where it is set,
// judges more of what it told.
func migrated(m spec.Meta, o subjectOrder, also func(t *spec.T, before, after facts), kinds ...ns.Kind) {
	m.Level, m.Grade, m.Limit, m.Moves = spec.Must, spec.Guest, time.Minute, true
	m.Needs = []spec.Probe{spec.Root, criu}
	for _, k := range kinds {
		m.Needs = append(m.Needs, canMake(k))
		o.Flags |= k.Flag
	}
	suite.It(m, func(t *spec.T) {
		luggage := t.Luggage()
		f := newFrozen(t)
		f.options = []string{"--tcp-established"}
		inside := o.Flags&unix.CLONE_NEWPID != 0
		if !luggage.Arrived {
			f.launch(t, o)
			p := passport{Facts: f.ask(t, 1)}
			var err error
			p.Tree, err = identities(f.pid, inside)
			t.Setup("looking at the tree", err)
			f.dump(t)
			text, err := json.Marshal(p)
			t.Setup("writing what the subject told", errors.Join(err, os.WriteFile(filepath.Join(f.images, told), text, 0o600)))
			t.Setup("packing the images", f.pack(luggage))
			return
		}
		t.Setup("unpacking the images", f.unpack(luggage))
		text, err := os.ReadFile(filepath.Join(f.images, told))
		var p passport
		t.Setup("reading what the subject told", errors.Join(err, json.Unmarshal(text, &p)))
		f.house(t, o)
		t.Cleanup(f.end)
		f.revive(t)
		after := f.ask(t, 2)
		if also != nil {
			also(t, p.Facts, after)
		} else {
			same(t, p.Facts, after)
		}
		tree, err := identities(f.pid, inside)
		t.Setup("looking at the tree", err)
		t.Equal("criu dump, criu restore in another machine: /proc/PID/status of the tree", tree, p.Tree)
	})
}

// pack writes the subject's files and images, without the program, which each machine has.
func (f *frozen) pack(to spec.Luggage) error {
	disk, err := os.OpenFile(to.Disk, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	base := filepath.Dir(f.dir)
	out := &bounded{io.NewOffsetWriter(disk, to.At), to.Size}
	w := tar.NewWriter(out)
	err = filepath.WalkDir(base, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() && !e.Type().IsRegular() || e.Name() == subjectProgram {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		h, err := tar.FileInfoHeader(info, "")
		if err != nil {
			return err
		}
		if h.Name, err = filepath.Rel(base, path); err != nil {
			return err
		}
		if err := w.WriteHeader(h); err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil {
			_, err = w.Write(text)
		}
		return err
	})
	return errors.Join(err, w.Close(), disk.Sync(), disk.Close())
}

// bounded is a writer with room for so many bytes.
type bounded struct {
	io.Writer
	room int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.room -= int64(len(p)); b.room < 0 {
		return 0, unix.ENOSPC
	}
	return b.Writer.Write(p)
}

// unpack is the way back.
func (f *frozen) unpack(from spec.Luggage) error {
	disk, err := os.Open(from.Disk)
	if err != nil {
		return err
	}
	defer disk.Close()
	r := tar.NewReader(io.NewSectionReader(disk, from.At, from.Size))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(filepath.Dir(f.dir), filepath.Clean("/"+h.Name))
		if h.Typeflag == tar.TypeDir {
			if err := errors.Join(os.MkdirAll(path, 0o700), os.Chmod(path, h.FileInfo().Mode())); err != nil {
				return err
			}
			continue
		}
		file, err := os.Create(path)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, r)
		if err := errors.Join(err, file.Chmod(h.FileInfo().Mode()), file.Close()); err != nil {
			return err
		}
	}
}

var _ = suite.Describe("criu", func() {
	migrated(spec.Meta{
		ID: "criu/migrated", Sources: []string{"CRT-001", "CRT-002", "CRT-005", "CRT-006"},
		Clause: "criu(8) dump, restore: a tree that was dumped in one machine goes on in another, with its IDs, names, mounts, System V objects and open files",
	}, subjectOrder{Parts: []string{"tree", "ids", "uts", "ipc", "mounts"}}, nil, ns.PID, ns.Mount, ns.UTS, ns.IPC)
	migrated(spec.Meta{
		ID: "criu/migrated-tcp", Sources: []string{"CRT-004"},
		Clause: "tcp(7) TCP_REPAIR, criu(8) --tcp-established: an established connection between processes of a tree goes on in another machine, with what had not been read yet in either direction",
	}, subjectOrder{Parts: []string{"pair"}}, nil, ns.PID, ns.Mount, ns.UTS, ns.IPC)
	migrated(spec.Meta{
		ID: "criu/migrated-clock", Sources: []string{"CRT-003"},
		Clause: "time_namespaces(7), criu(8) restore: CLOCK_MONOTONIC of a process goes on from where it was in another machine, which was booted later",
	}, subjectOrder{Parts: []string{"clock"}}, clockGoesOn, ns.PID, ns.Mount, ns.UTS, ns.IPC, ns.Time)
})

// clockGoesOn judges that a subject's clock has not been set back, nor lost its offset.
func clockGoesOn(t *spec.T, before, after facts) {
	was, err := time.ParseDuration(before[clockFact])
	t.Setup("reading the subject's clock", err)
	is, err := time.ParseDuration(after[clockFact])
	t.Setup("reading the subject's clock", err)
	if was < timeAhead*time.Second {
		t.Broken("the subject's clock is at %v, without its offset", was)
	}
	t.Equal("criu dump, criu restore: "+drawnFact, after[drawnFact], before[drawnFact])
	t.True("criu dump, criu restore: "+clockFact, is >= was && is < was+time.Hour, fmt.Sprintf("%v, then %v", was, is), "no less than before")
}
