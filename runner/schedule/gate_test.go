package schedule

import (
	"context"
	"errors"
	"testing"
	"testing/fstest"
)

const gib = 1 << 30

func has(bytes int64) func() (int64, bool) { return func() (int64, bool) { return bytes, true } }

// ask enters in the background and tells of it; entered says whether it is in.
type ask struct {
	in     chan struct{}
	leave  func()
	cancel context.CancelFunc
}

// line makes each need ask in turn and gives them all.
func line(t *testing.T, g *Gate, needs ...Need) []*ask {
	var all []*ask
	for i, n := range needs {
		ctx, cancel := context.WithCancel(t.Context())
		a := &ask{in: make(chan struct{}), cancel: cancel}
		all = append(all, a)
		go func() {
			var err error
			if a.leave, err = g.Enter(ctx, n); err == nil {
				close(a.in)
			}
		}()
		for asked := 0; asked <= i; { // until it stands in the line or is through
			g.mu.Lock()
			asked = len(g.running) + len(g.waiting)
			g.mu.Unlock()
		}
	}
	return all
}

func up(g *Gate) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.running)
}

func TestGateLimits(t *testing.T) {
	folder := func(string) (int64, bool) { return 2 * gib, true }
	for name, c := range map[string]struct {
		limits Limits
		need   Need
		want   int
	}{
		"cores":                 {Limits{Cores: 3}, Need{}, 3},
		"cores of each":         {Limits{Cores: 3}, Need{Cores: 2}, 1},
		"more cores than there": {Limits{Cores: 3}, Need{Cores: 8}, 1},
		"machines":              {Limits{Machines: 4}, Need{Cores: 8}, 4},
		"memory":                {Limits{Memory: has(3 * gib)}, Need{Memory: gib}, 2}, // and the overhead
		"more memory than any":  {Limits{Memory: has(gib)}, Need{Memory: 2 * gib}, 1},
		"memory is not known":   {Limits{Memory: func() (int64, bool) { return 0, false }}, Need{Memory: gib}, 5},
		"folder":                {Limits{Space: folder}, Need{Memory: gib / 2, Folder: "/shm"}, 3},
		"no folder":             {Limits{Space: folder}, Need{Memory: gib / 2}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewGate(c.limits)
			all := line(t, g, c.need, c.need, c.need, c.need, c.need)
			for i := range all {
				if got, want := up(g), min(c.want, len(all)-i); got != want {
					t.Fatalf("%d machines are up, want %d", got, want)
				}
				<-all[i].in // whoever asked first is in first
				all[i].leave()
				all[i].leave() // a second time does nothing
			}
		})
	}
}

func TestGateIsFair(t *testing.T) {
	g := NewGate(Limits{Cores: 2})
	all := line(t, g, Need{}, Need{Cores: 2}, Need{})
	<-all[0].in
	if n := up(g); n != 1 {
		t.Fatalf("%d machines are up: the small one has passed the large one", n)
	}
	all[0].leave()
	<-all[1].in
	all[1].leave()
	<-all[2].in
}

func TestGateLetsOneRunAlone(t *testing.T) {
	g := NewGate(Limits{Cores: 4})
	all := line(t, g, Need{}, Need{}, Need{Alone: true}, Need{}, Need{})
	<-all[0].in
	<-all[1].in
	all[0].leave()
	if n := up(g); n != 1 {
		t.Fatalf("%d machines are up, want the one that entered before", n)
	}
	all[1].leave()
	<-all[2].in
	if n := up(g); n != 1 {
		t.Fatalf("%d machines are up beside one that runs alone", n-1)
	}
	all[2].leave()
	<-all[3].in
	<-all[4].in
}

func TestGateGivesUp(t *testing.T) {
	g := NewGate(Limits{Cores: 1})
	all := line(t, g, Need{}, Need{}, Need{})
	<-all[0].in
	all[1].cancel() // out of the middle of the line
	for waiting := 2; waiting > 1; {
		g.mu.Lock()
		waiting = len(g.waiting)
		g.mu.Unlock()
	}
	all[0].leave()
	<-all[2].in

	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	for _, g := range []*Gate{nil, NewGate(Limits{})} {
		if _, err := g.Enter(ctx, Need{}); !errors.Is(err, cause) {
			t.Errorf("error %v", err)
		}
	}
	if _, err := (*Gate)(nil).Enter(t.Context(), Need{}); err != nil {
		t.Error(err)
	}
}

// TestOthersTakeMemory: what has gone since the first machine started does not count as there.
func TestOthersTakeMemory(t *testing.T) {
	bytes := int64(8 * gib)
	g := NewGate(Limits{Memory: func() (int64, bool) { return bytes, true }})
	all := line(t, g, Need{Memory: gib})
	<-all[0].in
	bytes = gib
	more := line(t, g, Need{Memory: gib})
	if n := up(g); n != 1 {
		t.Errorf("%d machines are up", n)
	}
	all[0].leave()
	<-more[0].in
}

func TestAvailable(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	root := fstest.MapFS{"proc/meminfo": file("MemTotal:  9000 kB\nMemAvailable:   1000 kB\n")}
	check := func(what string, want int64) {
		t.Helper()
		if got, known := available(root); got != want || !known {
			t.Errorf("%s: %d, %v; want %d", what, got, known, want)
		}
	}
	check("the host alone", 1000<<10)
	root["proc/self/cgroup"] = file("1:name=x:/\n0::/a/b\n")
	root["sys/fs/cgroup/a/b/memory.max"] = file("max\n")
	root["sys/fs/cgroup/a/b/memory.current"] = file("500000\n")
	check("a group without a limit", 1000<<10)
	root["sys/fs/cgroup/a/memory.max"] = file("600000\n")
	root["sys/fs/cgroup/a/memory.current"] = file("500000\n")
	check("the group above it has one", 100000)
	root["sys/fs/cgroup/a/memory.stat"] = file("anon 1\ninactive_file 30000\nactive_file 40000\n")
	check("what is cached goes", 170000)
	root["sys/fs/cgroup/a/memory.max"] = file("1\n")
	root["sys/fs/cgroup/a/memory.stat"] = file("")
	check("it is over its limit", 0)
	if _, known := available(fstest.MapFS{}); known {
		t.Error("without /proc it is known")
	}
	if n, known := Host(0).Memory(); !known || n <= 0 {
		t.Errorf("this machine: %d, %v", n, known)
	}
	if l := Host(0); l.Cores < 1 || l.Machines != 0 {
		t.Errorf("limits %+v", l)
	}
	if l := Host(7); l.Cores != 0 || l.Machines != 7 {
		t.Errorf("limits %+v", l)
	}
	if n, known := free(t.TempDir()); !known || n <= 0 {
		t.Errorf("space %d, %v", n, known)
	}
}
