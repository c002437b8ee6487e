package kvm

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// processor stands for KVM and the guest's processor: it works through the table as the program does,
// up to a call that is left to the user.
type processor struct {
	g      *Guest
	at     int
	left   bool // the call at is being answered by the user
	reason func(nr uint64) uint32
}

func (p *processor) enter() error {
	le := binary.LittleEndian
	for {
		b := p.g.record(p.at)
		if b[recordPresent] == 0 {
			p.at = 0
			head(p.g.run).ExitReason = ExitIO
			*part[runIO](p.g.run) = runIO{Direction: 1, Size: 1, Port: endPort, Count: 1}
			return nil
		}
		nr := le.Uint64(b[recordIn:])
		copy(b[recordOut:], b[recordIn:recordIn+8*numRegs])
		reason := p.reason(nr)
		switch {
		case p.left:
			p.left = false
			le.PutUint64(b[recordOut:], map[uint32]uint64{
				ExitHypercall: part[runHypercall](p.g.run).Ret, ExitHyperV: part[runHyperV](p.g.run).Result, ExitXen: part[runXen](p.g.run).Result,
			}[reason])
		case reason == 0:
			le.PutUint64(b[recordOut:], nr+1)
		default:
			p.left = true
			head(p.g.run).ExitReason = reason
			switch reason {
			case ExitHypercall:
				*part[runHypercall](p.g.run) = runHypercall{Nr: nr, Args: [6]uint64{1, 2, 3}, LongMode: 1}
			case ExitHyperV:
				*part[runHyperV](p.g.run) = runHyperV{Type: hypervHcall, Input: nr, Params: [2]uint64{4, 5}}
			case ExitXen:
				*part[runXen](p.g.run) = runXen{Type: xenHcall, LongMode: 1, CPL: 3, Input: nr, Params: [6]uint64{6, 7, 8, 9, 10, 11}}
			}
			return nil
		}
		if nr == 0xfa {
			b[recordFault] = 7
		}
		b[recordDone] = 1
		p.at++
	}
}

func onProcessor(t *testing.T, reason func(nr uint64) uint32) *Guest {
	t.Helper()
	g := &Guest{vm: -1, fd: -1, memory: make([]byte, GuestMemory), run: make([]byte, 4096)}
	p := &processor{g: g, reason: reason}
	g.vcpu = newVCPU(&head(g.run).ImmediateExit, p.enter)
	t.Cleanup(g.vcpu.close)
	return g
}

func none(uint64) uint32 { return 0 }

func TestBatch(t *testing.T) {
	g := onProcessor(t, func(nr uint64) uint32 {
		return map[uint64]uint32{0x10: ExitHypercall, 0x11: ExitHyperV, 0x12: ExitXen}[nr]
	})
	g.config.Answer = func(e Exit) uint64 { return 1000 + e.Args[0] }
	for range 2 { // the second time over what the first left behind
		list, err := g.Batch([]Regs{
			{RAX: 1, R15: 15}, {RAX: 0x10}, {RAX: 0x11}, {RAX: 0xfa}, {RAX: 0x12, RBX: 3}, {RAX: 5, XMM: [6][2]uint64{5: {1, 2}}},
		}, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []uint64{2, 1001, 1004, 0xfb, 1006, 6} {
			o := list[i]
			exits := map[int]int{1: 1, 2: 1, 4: 1}[i]
			if o.Regs.RAX != want || !o.Done || len(o.Exits) != exits {
				t.Errorf("call %d: RAX %#x, done %v, %d exits; expected %#x, true, %d", i, o.Regs.RAX, o.Done, len(o.Exits), want, exits)
			}
			if fault := map[int]int{3: 6}[i]; i == 3 && o.Fault != fault || i != 3 && o.Fault != NoFault {
				t.Errorf("call %d: fault %d", i, o.Fault)
			}
		}
		if e := list[4].Exits[0]; e.Reason != ExitXen || e.Nr != 0x12 || e.Args != [6]uint64{6, 7, 8, 9, 10, 11} || e.CPL != 3 || !e.LongMode {
			t.Errorf("exit %+v", e)
		}
		if e := list[1].Exits[0]; e.Reason != ExitHypercall || e.Nr != 0x10 || e.Args[2] != 3 || !e.LongMode {
			t.Errorf("exit %+v", e)
		}
		if e := list[2].Exits[0]; e.Reason != ExitHyperV || e.Nr != 0x11 || e.Args[1] != 5 {
			t.Errorf("exit %+v", e)
		}
		if list[0].Regs.R15 != 15 || list[4].Regs.RBX != 3 || binary.LittleEndian.Uint64(g.record(5)[recordXMM+16*5+8:]) != 2 {
			t.Error("a register is not where it belongs")
		}
	}
}

func TestFullBatch(t *testing.T) {
	g := onProcessor(t, none)
	list, err := g.Batch(make([]Regs, MaxBatch), time.Minute)
	if err != nil || len(list) != MaxBatch || !list[MaxBatch-1].Done {
		t.Errorf("a full table: %d outcomes, %v", len(list), err)
	}
	if _, err := g.Batch(make([]Regs, MaxBatch+1), time.Minute); err == nil {
		t.Error("a table that is too full is taken")
	}
	if list, err := g.Batch(nil, time.Minute); err != nil || len(list) != 0 {
		t.Errorf("an empty table: %v, %v", list, err)
	}
}

// A guest that stops on the way leaves what was done.
func TestBatchStops(t *testing.T) {
	g := onProcessor(t, func(nr uint64) uint32 {
		if nr == 9 {
			return ExitShutdown
		}
		return 0
	})
	list, err := g.Batch([]Regs{{RAX: 1}, {RAX: 9}, {RAX: 2}}, time.Minute)
	var s *Stopped
	if !errors.As(err, &s) || s.Reason != ExitShutdown || !list[0].Done || list[0].Regs.RAX != 2 || list[1].Done || list[2].Done {
		t.Errorf("%v: %+v", err, list)
	}
	if _, again := g.Batch([]Regs{{}}, time.Minute); !errors.Is(again, err) {
		t.Errorf("a guest that stopped goes on: %v", again)
	}
	if _, again := g.Step(Regs{}, time.Minute); !errors.Is(again, err) {
		t.Errorf("a guest that stopped takes a step: %v", again)
	}
}

func TestBatchHangs(t *testing.T) {
	g := onProcessor(t, none)
	g.vcpu.enter = func() error { return waits(g.vcpu.immed)() }
	list, err := g.Batch([]Regs{{}}, 20*time.Millisecond)
	if !errors.Is(err, ErrHung) || list[0].Done {
		t.Errorf("%v: %+v", err, list)
	}
}

func TestBatchFails(t *testing.T) {
	g := onProcessor(t, none)
	g.vcpu.enter = func() error { return &IoctlError{"KVM_RUN", unix.EFAULT} }
	if _, err := g.Batch([]Regs{{}}, time.Minute); !errors.Is(err, unix.EFAULT) {
		t.Errorf("%v", err)
	}
}
