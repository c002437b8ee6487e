package lsb

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"time"

	"xtest/suites/lsb/inspection"
	"xtest/suites/spec"
)

var _ = suite.Describe("init", func() {
	at := append(slices.Clone(apartNeeds), has("at"), daemon("atd"))
	it(spec.Meta{
		ID: "init/at-job", Clause: asLSB + "at, as POSIX.1-2008: a job that is due is executed by a shell in the folder it was queued from",
		Level: spec.Must, Grade: spec.Guest, Limit: time.Minute, Sources: []string{"BEH-002"}, Needs: at,
	}, apart(checkQueued("at now")))
	it(spec.Meta{
		ID: "init/batch-job", Clause: asLSB + "batch, as POSIX.1-2008: a job is executed when the system's load permits",
		Level: spec.Must, Grade: spec.Guest, Limit: time.Minute, Sources: []string{"BEH-004"}, Needs: append(slices.Clone(at), has("batch")),
	}, apart(checkQueued("batch")))
})

// checkQueued queues a job and starts the daemon that executes what is due.
func checkQueued(queue string) func(ctx context.Context, m *machine, s *site) (finding, error) {
	return func(ctx context.Context, m *machine, s *site) (finding, error) {
		dir, remove, err := open777()
		if err != nil {
			return finding{}, err
		}
		defer remove()
		c := command{argv: []string{"/bin/sh", "-c", "echo 'echo \"$MARK\" >done' | " + queue}, dir: dir}
		o, err := s.run(ctx, m, c, actionLimit, "PATH="+m.path(), "MARK=kept", "SHELL=/bin/sh")
		if err != nil {
			return finding{}, err
		}
		if o.died != "" || o.status != 0 {
			return inspection.Bad(c.String(), o.String(), "status 0"), nil
		}
		// Whatever the machine is busy with, its load permits.
		f, err := s.jobs(ctx, m, []string{"atd", "-l", "1000"}, time.Time{}, path.Join(dir, "done"))
		if err != nil || !f.Holds() {
			return f, err
		}
		got, err := os.ReadFile(path.Join(dir, "done"))
		if err != nil {
			return finding{}, err
		}
		if string(got) != "kept\n" { // POSIX.1-2008 at: the environment is kept
			return inspection.Bad("a variable of the environment in the job", fmt.Sprintf("%q", clip(string(got))), "what it was when the job was queued"), nil
		}
		return inspection.Good(3), nil
	}
}
