package hypercall

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"xtest/internal/xen"
	"xtest/runner/event"
)

// caller is the domain that a stand-in believes to serve.
type caller string

const (
	dom0     caller = "dom0"
	pvGuest  caller = "PV guest"
	hvmGuest caller = "HVM guest"
)

// ofGuests says whether a spec is about guests as callers.
func ofGuests(id string) bool {
	return slices.ContainsFunc([]string{"privilege/", "guest/", "translated/", "caller-end/", "entry-32/"}, func(p string) bool { return strings.HasPrefix(id, p) })
}

// toGuest answers what a guest is not answered as dom0 is.
func (s *standIn) toGuest(op uint64, a [xen.MaxArgs]uint64) (ret int64, told bool) {
	if s.caller == dom0 || s.caller == "" {
		return 0, false
	}
	if s.caller == hvmGuest {
		if ret, told := s.toHVM(op, a); told {
			return ret, true
		}
	}
	switch op {
	case xen.SysctlOp, xen.PlatformOp, xen.DomctlOp:
		version := uint32(standInInterface)
		if op == xen.PlatformOp {
			version = xen.PlatformVersion
		}
		switch c, ok := get[xen.Sysctl[body]](a[0]); {
		case !ok:
			return refusedBy(unix.EFAULT), true
		case c.Version != version:
			return refusedBy(unix.EACCES), true
		}
		return refusedBy(unix.EPERM), true
	case xen.ConsoleIO, xen.HypfsOp:
		return refusedBy(unix.EPERM), true
	case xen.XenVersion:
		switch a[0] {
		case xen.VersionBuildID:
			return refusedBy(unix.EPERM), true
		case xen.VersionCommandline:
			return s.write(a[1], []byte("<denied>\x00")), true
		}
	case xen.MemoryOp:
		dom, ok := get[xen.DomID](a[1])
		about := []uint64{xen.MemoryCurrentReservation, xen.MemoryMaximumReservation, xen.MemoryMaximumGPFN}
		if ok && a[0] == xen.MemoryMachineMemoryMap || ok && dom == 0 && slices.Contains(about, a[0]) {
			return refusedBy(unix.EPERM), true
		}
	case xen.EventChannelOp:
		return s.channelOf0(a)
	case xen.GrantTableOp:
		return s.grantOf0(a)
	}
	return 0, false
}

// channelOf0 answers what is about dom0's event channels.
func (s *standIn) channelOf0(a [xen.MaxArgs]uint64) (ret int64, told bool) {
	switch dom, ok := get[xen.DomID](a[1]); {
	case !ok || dom != 0:
	case a[0] == xen.EventAllocUnbound, a[0] == xen.EventStatus:
		return refusedBy(unix.EPERM), true
	case a[0] == xen.EventBindInterdomain:
		return refusedBy(unix.EINVAL), true
	}
	if b, ok := get[xen.EvtchnBindInterdomain](a[1]); ok && a[0] == xen.EventBindInterdomain {
		if c := s.ports[b.RemotePort]; c != nil && c.for0 {
			return refusedBy(unix.EINVAL), true
		}
	}
	if u, ok := get[xen.EvtchnAllocUnbound](a[1]); ok && a[0] == xen.EventAllocUnbound && u.Remote == 0 {
		u.Port = s.free(channel{status: xen.ChannelUnbound, for0: true})
		return put(s, a[1], u), true
	}
	return 0, false
}

// grantOf0 answers what is about dom0's grants.
func (s *standIn) grantOf0(a [xen.MaxArgs]uint64) (ret int64, told bool) {
	const denied xen.GrantStatus = -8
	switch a[0] {
	case xen.GrantQuerySizeOp:
		if q, ok := get[xen.GrantQuerySize](a[1]); ok && q.Dom == 0 {
			q.Status = denied
			return put(s, a[1], q), true
		}
	case xen.GrantGetVersionOp:
		if v, ok := get[xen.GrantGetVersion](a[1]); ok && v.Dom == 0 {
			return refusedBy(unix.EPERM), true
		}
	case xen.GrantGetStatusFrames:
		if f, ok := get[xen.GrantStatusFrames](a[1]); ok && f.Dom == 0 {
			f.Status = denied
			return put(s, a[1], f), true
		}
	case xen.GrantMapRef:
		if m, ok := get[xen.GrantMap](a[1]); ok && m.Dom == 0 {
			m.Status = xen.GrantBadRef
			return put(s, a[1], m), true
		}
	}
	return 0, false
}

func (s *standIn) toHVM(op uint64, a [xen.MaxArgs]uint64) (ret int64, told bool) {
	switch {
	case slices.ContainsFunc(xen.PVOnly(), func(h xen.Hypercall) bool { return h.Number == op }):
		return refusedBy(unix.ENOSYS), true
	case op == xen.XenVersion && a[0] == xen.VersionGetFeatures:
		f, ok := get[xen.FeatureInfo](a[1])
		f.Submap = 1 << 2
		if !ok {
			return refusedBy(unix.EFAULT), true
		}
		return put(s, a[1], f), true
	case op == xen.HVMOp && a[0] == xen.HVMGetParam:
		p, ok := get[xen.HVMParam](a[1])
		switch {
		case !ok:
			return refusedBy(unix.EFAULT), true
		case p.Index > 100:
			return refusedBy(unix.EINVAL), true
		}
		p.Value = 7
		return put(s, a[1], p), true
	}
	return 0, false
}

// firmware makes the firmware's calls as if they were any: a stand-in does not know who calls.
func (s *standIn) firmware() ([]xen.Early, error) {
	if s.caller != hvmGuest {
		return nil, errors.New("only HVM domains have firmware")
	}
	list := xen.Earlies()
	for i, e := range list {
		var args []uint64
		for _, a := range e.Args {
			args = append(args, uint64(a))
		}
		ret, err := s.Hypercall(uint64(e.Number), args...)
		if err != nil {
			return nil, err
		}
		list[i].Result = int32(ret)
	}
	return list, nil
}

func TestGuestsAsCallers(t *testing.T) {
	for _, c := range []caller{pvGuest, hvmGuest} {
		right := stage.Judged(t, order{c, honest})
		judged := 0
		for id, r := range right.Result {
			want, verdict := event.Pass, r.Verdict
			switch {
			case !ofGuests(id) || verdict == event.NotApplicable && ((strings.HasPrefix(id, "translated/") || strings.HasPrefix(id, "entry-32/")) == (c == pvGuest)):
				continue
			case strings.HasPrefix(id, "caller-end/"):
				want = event.Fail // the stand-in does not end its caller
			}
			if judged++; verdict != want {
				t.Errorf("%s, %s: %s, expected %s", c, id, right.Why(id), want)
			}
		}
		if judged < 20 {
			t.Errorf("%s: %d specs were judged", c, judged)
		}
		for _, l := range []lie{contrary, silent, garbled} {
			wrong := stage.Judged(t, order{c, l})
			for id, r := range right.Result {
				lied := l == contrary || slices.Contains(right.Notes[id], wrote)
				if ofGuests(id) && r.Verdict == event.Pass && lied && wrong.Result[id].Verdict != event.Fail {
					t.Errorf("%s, %s, %s: %s, expected fail", c, l, id, wrong.Why(id))
				}
			}
		}
	}
}
