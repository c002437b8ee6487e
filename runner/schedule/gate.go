// Package schedule lets machines onto this host: as many at once as there are cores and memory for,
// in the order in which they ask.
//
// Beware: what a machine says it needs is believed. One that needs more than there is at all runs
// alone rather than never.
package schedule

import (
	"context"
	"slices"
	"sync"
)

// Need is what a machine takes while it is up.
type Need struct {
	Cores  int   // 0 counts as 1
	Memory int64 // bytes, its own; what its process takes besides is added here
	// Folder is where the machine keeps its memory in a file, or "": the space there must do, too.
	Folder string
	// Alone is for a machine that measures wall time: while it is up no other is, whatever room there is.
	Alone bool
}

// overhead is what a machine's processes (emulator, guard) take beside the machine's memory, in bytes.
const overhead = 96 << 20

// Limits bound what runs at once. Zero values bound nothing.
type Limits struct {
	Machines int
	Cores    int
	// Memory says how many bytes processes can take now; Space how many a folder's file system has
	// free. They return false when that is not known.
	Memory func() (int64, bool)
	Space  func(folder string) (int64, bool)
}

// Gate admits machines. A nil Gate admits all at once.
type Gate struct {
	limits Limits

	mu      sync.Mutex
	running []*turn
	waiting []*turn
	memory  reserve            // of the host
	spaces  map[string]reserve // of folders
}

// reserve is what there was when no machine was running, in bytes.
type reserve struct {
	bytes int64
	known bool
}

type turn struct {
	need     Need
	admitted chan struct{}
}

// NewGate makes a gate with nobody behind it.
func NewGate(l Limits) *Gate { return &Gate{limits: l} }

// Enter waits for its turn. Whoever asked first goes first, so that a large machine is not put off by
// small ones for ever. Call leave when the machine is gone. The error is ctx's cause.
func (g *Gate) Enter(ctx context.Context, n Need) (leave func(), err error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if g == nil {
		return func() {}, nil
	}
	t := &turn{need: n, admitted: make(chan struct{})}
	t.need.Cores = max(n.Cores, 1)
	t.need.Memory += overhead
	g.mu.Lock()
	g.waiting = append(g.waiting, t)
	g.admit()
	g.mu.Unlock()
	leave = sync.OnceFunc(func() { g.drop(t) })
	select {
	case <-t.admitted:
		return leave, nil
	case <-ctx.Done():
		leave()
		return nil, context.Cause(ctx)
	}
}

func (g *Gate) drop(t *turn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	is := func(o *turn) bool { return o == t }
	g.running = slices.DeleteFunc(g.running, is)
	g.waiting = slices.DeleteFunc(g.waiting, is)
	g.admit()
}

// admit lets in who is first as long as there is room.
func (g *Gate) admit() {
	for len(g.waiting) > 0 && g.fits(g.waiting[0].need) {
		t := g.waiting[0]
		g.waiting = g.waiting[1:]
		g.running = append(g.running, t)
		close(t.admitted)
	}
}

func (g *Gate) fits(n Need) bool {
	if len(g.running) == 0 {
		// With nothing up, what the host has is seen as it is.
		g.memory, g.spaces = reserve{}, map[string]reserve{}
		if g.limits.Memory != nil {
			g.memory.bytes, g.memory.known = g.limits.Memory()
		}
		g.space(n.Folder)
		return true
	}
	cores, memory, file := n.Cores, n.Memory, n.Memory
	for _, t := range g.running {
		if t.need.Alone || n.Alone {
			return false
		}
		cores += t.need.Cores
		memory += t.need.Memory
		if t.need.Folder == n.Folder {
			file += t.need.Memory
		}
	}
	switch {
	case g.limits.Machines > 0 && len(g.running) >= g.limits.Machines,
		g.limits.Cores > 0 && cores > g.limits.Cores,
		g.memory.known && memory > g.memory.bytes:
		return false
	}
	// Others may have taken memory since.
	if now, known := g.now(); known && n.Memory > now {
		return false
	}
	there := g.space(n.Folder)
	return !there.known || file <= there.bytes
}

func (g *Gate) now() (int64, bool) {
	if g.limits.Memory == nil {
		return 0, false
	}
	return g.limits.Memory()
}

// space is what the folder had when the first machine that uses it asked.
func (g *Gate) space(folder string) reserve {
	there, asked := g.spaces[folder]
	if !asked && folder != "" && g.limits.Space != nil {
		there.bytes, there.known = g.limits.Space(folder)
		g.spaces[folder] = there
	}
	return there
}
