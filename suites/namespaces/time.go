package namespaces

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"xtest/internal/ns"
	"xtest/suites/spec"
)

const offsetsFile = "/proc/self/timens_offsets"

// clock reads a clock and gives its time once the script has run.
func (s *script) clock(id int) func() time.Duration {
	b := s.Buffer(16)
	s.must(fmt.Sprintf("clock_gettime(%d, &ts)", id), unix.SYS_CLOCK_GETTIME, id, b)
	return func() time.Duration { return time.Duration((*unix.Timespec)(pointer(b)).Nano()) }
}

// far tells a clock with an offset of 1000 s from one without: no script runs that long.
func far(d time.Duration) bool { return d.Abs() > 500*time.Second }

var _ = suite.Describe("time", func() {
	for _, c := range []struct {
		name string
		id   int
	}{{"monotonic", unix.CLOCK_MONOTONIC}, {"boottime", unix.CLOCK_BOOTTIME}} {
		name, id := c.name, c.id
		isolates(spec.Meta{
			ID: "time/" + name + "-isolated", Level: spec.Must, Sources: []string{"TIM-002"},
			Clause: "time_namespaces(7): each time namespace has its own offset of CLOCK_" + strings.ToUpper(name),
		}, ns.Time, func(t *spec.T, flags uintptr) observation {
			s := newScript()
			before := s.clock(id)
			s.own(unix.CLONE_NEWTIME)
			s.write(offsetsFile, name+" 1000 0\n")
			var after func() time.Duration
			s.wait(s.fork(0, func(s *script) {
				if flags != 0 {
					s.unshare(flags)
					s.write(offsetsFile, name+" 0 0\n")
				}
				s.wait(s.fork(0, func(s *script) { after = s.clock(id) }))
			}))
			s.run(t)
			d := after() - before()
			return observation{"timens_offsets +1000 s outside, 0 inside, clock_gettime() inside", fmt.Sprintf("%+d s", d/time.Second), far(d)}
		})

		suite.It(spec.Meta{
			ID: "time/" + name + "-inherited", Level: spec.Must, Sources: []string{"TIM-007"},
			Clause: "time_namespaces(7): a new time namespace starts with the offsets of the one it was made in",
			Needs:  []spec.Probe{timeNS},
		}, func(t *spec.T) {
			s := newScript()
			before := s.clock(id)
			s.own(unix.CLONE_NEWTIME)
			s.write(offsetsFile, name+" 1000 0\n")
			var after func() time.Duration
			s.wait(s.fork(0, func(s *script) {
				s.unshare(unix.CLONE_NEWTIME)
				s.wait(s.fork(0, func(s *script) { after = s.clock(id) }))
			}))
			s.run(t)
			d := after() - before()
			t.True("offset of 1000 s, unshare(CLONE_NEWTIME), fork(), clock_gettime()", far(d), fmt.Sprintf("%+d s", d/time.Second), "+1000 s")
		})
	}

	suite.It(spec.Meta{
		ID: "time/realtime-not-shifted", Level: spec.Must, Sources: []string{"TIM-002"},
		Clause: "time_namespaces(7): CLOCK_REALTIME is not virtualised, and has no offset to set",
		Needs:  []spec.Probe{timeNS},
	}, func(t *spec.T) {
		s := newScript()
		before := s.clock(unix.CLOCK_REALTIME)
		s.own(unix.CLONE_NEWTIME)
		s.write(offsetsFile, "monotonic 1000 0\nboottime 1000 0\n")
		var after func() time.Duration
		s.wait(s.fork(0, func(s *script) { after = s.clock(unix.CLOCK_REALTIME) }))
		s.run(t)
		d := after() - before()
		t.True("offsets of 1000 s, fork(), clock_gettime(CLOCK_REALTIME)", !far(d), fmt.Sprintf("%+d s", d/time.Second), "+0 s")
	})

	suite.It(spec.Meta{
		ID: "time/unshare-keeps-caller", Level: spec.Must, Sources: []string{"TIM-001"},
		Clause: "time_namespaces(7), unshare(2) CLONE_NEWTIME: the caller stays; its children are made in the new namespace",
		Needs:  []spec.Probe{timeNS},
	}, func(t *spec.T) {
		s := newScript()
		before := s.readlink("/proc/self/ns/time")
		s.own(unix.CLONE_NEWTIME)
		after, children := s.readlink("/proc/self/ns/time"), s.readlink("/proc/self/ns/time_for_children")
		var child text
		s.wait(s.fork(0, func(s *script) { child = s.readlink("/proc/self/ns/time") }))
		s.run(t)
		t.Equal(`unshare(CLONE_NEWTIME), readlink("/proc/self/ns/time")`, after.String(), before.String())
		t.True(`unshare(CLONE_NEWTIME), readlink("/proc/self/ns/time_for_children")`, children.String() != before.String(), children.String(), "another namespace")
		t.Equal(`fork(), readlink("/proc/self/ns/time")`, child.String(), children.String())
	})

	suite.It(spec.Meta{
		ID: "time/offsets-fixed-by-child", Level: spec.Must, Sources: []string{"TIM-003"},
		Clause: "time_namespaces(7) /proc/PID/timens_offsets: EACCES once a process was created in the namespace",
		Needs:  []spec.Probe{timeNS},
	}, func(t *spec.T) {
		if maps, err := os.ReadFile("/proc/self/maps"); err == nil && !strings.Contains(string(maps), "[vvar") {
			t.Note("no [vvar] pages are mapped here: Linux freezes the offsets where it writes them into those pages of the first process")
		}
		s := newScript()
		s.own(unix.CLONE_NEWTIME)
		s.tryWrite(offsetsFile, "monotonic 1 0\n").succeeds()
		s.wait(s.fork(0, func(s *script) {}))
		s.tryWrite(offsetsFile, "monotonic 2 0\n").refused(unix.EACCES)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "time/offset-values", Level: spec.Must, Sources: []string{"TIM-004"},
		Clause: "time_namespaces(7) /proc/PID/timens_offsets: EINVAL for a bad clock or nanoseconds above 999999999, ERANGE for an offset that makes the clock negative or is too large",
		Needs:  []spec.Probe{timeNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWTIME)
		s.tryWrite(offsetsFile, "monotonic 0 1000000000\n").refused(unix.EINVAL)
		s.tryWrite(offsetsFile, "realtime 1 0\n").refused(unix.EINVAL)
		s.tryWrite(offsetsFile, "0 1 0\n").refused(unix.EINVAL)
		s.tryWrite(offsetsFile, "monotonic -2000000000 0\n").refused(unix.ERANGE)
		s.tryWrite(offsetsFile, "boottime 9223372036854775807 0\n").refused(unix.ERANGE)
		s.tryWrite(offsetsFile, "1 1 0\n").succeeds()
		s.tryWrite(offsetsFile, "7 1 999999999\n").succeeds()
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "time/offsets-unprivileged", Level: spec.Must, Sources: []string{"TIM-011"},
		Clause: "time_namespaces(7) /proc/PID/timens_offsets: EPERM without CAP_SYS_TIME in the user namespace that owns the time namespace",
		Needs:  []spec.Probe{timeNS, unprivileged},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWTIME)
		s.tryWrite(offsetsFile, "monotonic 1 0\n").succeeds()
		s.must("capset(hdr, {0})", unix.SYS_CAPSET, s.bytes(ns.CapabilityHeader()), s.Buffer(ns.CapabilitySets))
		s.tryWrite(offsetsFile, "monotonic 1 0\n").refused(unix.EPERM)
		s.run(t)
	})

	suite.It(spec.Meta{
		ID: "time/initial-offsets", Level: spec.Must, Sources: []string{"TIM-005"},
		Clause: "time_namespaces(7) /proc/PID/timens_offsets: the offsets of the initial namespace are 0",
		Needs:  []spec.Probe{timeNS},
	}, func(t *spec.T) {
		if !inInitial("time") {
			t.NotApplicable("this process is not in the initial time namespace")
		}
		s := newScript()
		offsets := s.read(offsetsFile, 256)
		s.run(t)
		t.Equal(fmt.Sprintf("read(%q)", offsetsFile), strings.Join(strings.Fields(offsets.String()), " "), "monotonic 0 0 boottime 0 0")
	})

	isolates(spec.Meta{
		ID: "time/uptime-isolated", Level: spec.Must, Sources: []string{"TIM-006"},
		Clause: "time_namespaces(7): /proc/uptime is shown with the offset of CLOCK_BOOTTIME",
	}, ns.Time, func(t *spec.T, flags uintptr) observation {
		s := newScript()
		before := s.clock(unix.CLOCK_BOOTTIME)
		s.own(unix.CLONE_NEWTIME)
		s.write(offsetsFile, "boottime 1000 0\n")
		var uptime text
		s.wait(s.fork(0, func(s *script) {
			if flags != 0 {
				s.unshare(flags)
				s.write(offsetsFile, "boottime 0 0\n")
			}
			s.wait(s.fork(0, func(s *script) { uptime = s.read("/proc/uptime", 64) }))
		}))
		s.run(t)
		var up float64
		_, err := fmt.Sscan(uptime.String(), &up)
		t.Setup("reading /proc/uptime", err)
		d := time.Duration(up*float64(time.Second)) - before()
		return observation{`boottime +1000 s outside, 0 inside, read("/proc/uptime") inside`, fmt.Sprintf("%+d s", d/time.Second), far(d)}
	})

	suite.It(spec.Meta{
		ID: "time/absolute-sleep", Level: spec.Must, Sources: []string{"TIM-008"}, Limit: time.Minute,
		Clause: "time_namespaces(7), clock_nanosleep(2): absolute times are of the caller's time namespace",
		Needs:  []spec.Probe{timeNS},
	}, func(t *spec.T) {
		const most = 10240 * time.Millisecond
		for ahead := 20 * time.Millisecond; ; ahead *= 2 {
			judged := absoluteSleep(t, ahead)
			if judged {
				return
			}
			if ahead == most {
				t.Broken("getting to sleep takes more than %v here", ahead)
			}
		}
	})

	suite.It(spec.Meta{
		ID: "time/setns-moves-caller", Level: spec.Must, Sources: []string{"TIM-010"},
		Clause: "time_namespaces(7), setns(2): a single-threaded caller that joins a time namespace has its clocks at once",
		Needs:  []spec.Probe{timeNS},
	}, func(t *spec.T) {
		s := newScript()
		s.own(unix.CLONE_NEWTIME)
		s.write(offsetsFile, "monotonic 1000 0\n")
		before := s.clock(unix.CLOCK_MONOTONIC)
		fd := s.open("/proc/self/ns/time_for_children", unix.O_RDONLY)
		s.call("setns(fd, CLONE_NEWTIME)", unix.SYS_SETNS, fd, unix.CLONE_NEWTIME).succeeds()
		after := s.clock(unix.CLOCK_MONOTONIC)
		s.run(t)
		d := after() - before()
		t.True("setns(fd, CLONE_NEWTIME), clock_gettime(CLOCK_MONOTONIC)", far(d), fmt.Sprintf("%+d s", d/time.Second), "+1000 s")
	})

	suite.It(spec.Meta{
		ID: "time/user-root", Level: spec.Must, Sources: []string{"TIM-009"},
		Clause: "time_namespaces(7), user_namespaces(7): root of a user namespace may make a time namespace and set its offsets",
		Needs:  []spec.Probe{timeNS, ordinaryUser},
	}, func(t *spec.T) {
		s := newScript()
		before := s.clock(unix.CLOCK_MONOTONIC)
		s.ordinary()
		s.call("unshare(CLONE_NEWTIME)", unix.SYS_UNSHARE, unix.CLONE_NEWTIME).succeeds()
		s.tryWrite(offsetsFile, "monotonic 1000 0\n").succeeds()
		var after func() time.Duration
		s.wait(s.fork(0, func(s *script) { after = s.clock(unix.CLOCK_MONOTONIC) }))
		s.run(t)
		d := after() - before()
		t.True("offset of 1000 s, fork(), clock_gettime(CLOCK_MONOTONIC)", far(d), fmt.Sprintf("%+d s", d/time.Second), "+1000 s")
	})

	suite.It(spec.Meta{
		ID: "time/timerfd-absolute", Level: spec.Must, Sources: []string{"TIM-012"},
		Clause: "time_namespaces(7), timerfd_settime(2) TFD_TIMER_ABSTIME: absolute times are of the caller's time namespace",
		Needs:  []spec.Probe{timeNS},
	}, func(t *spec.T) {
		var now unix.Timespec
		t.Setup("clock_gettime(CLOCK_MONOTONIC)", unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
		s := newScript()
		s.own(unix.CLONE_NEWTIME)
		s.write(offsetsFile, "monotonic 1000 0\n")
		s.wait(s.fork(0, func(s *script) {
			s.keep(s.must("timerfd_create(CLOCK_MONOTONIC, 0)", unix.SYS_TIMERFD_CREATE, unix.CLOCK_MONOTONIC, 0))
			set := func(ahead time.Duration) {
				at := s.Buffer(32) // struct itimerspec: interval, value
				(*[2]unix.Timespec)(pointer(at))[1] = unix.NsecToTimespec(now.Nano() + int64(ahead))
				s.must("timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL)", unix.SYS_TIMERFD_SETTIME, theFile, unix.TFD_TIMER_ABSTIME, at, 0)
			}
			set(2000 * time.Second)
			s.poll("timer 1000 s from now, poll(timerfd, POLLIN, 0)", theFile, unix.POLLIN, 0).gives(0)
			set(1000*time.Second + 10*time.Millisecond)
			s.poll("timer 10 ms from now, poll(timerfd, POLLIN)", theFile, unix.POLLIN, waits()).gives(1)
		}))
		s.run(t)
	})
})

// absoluteSleep judges a sleep in a new time namespace until so long from now. It cannot when the time has
// come before the sleep.
func absoluteSleep(t *spec.T, ahead time.Duration) (judged bool) {
	s := newScript()
	s.log.long = 40 * time.Second
	s.own(unix.CLONE_NEWTIME)
	s.write(offsetsFile, "monotonic 1000 0\n")
	var now unix.Timespec
	t.Setup("clock_gettime(CLOCK_MONOTONIC)", unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
	// A target that forgets the offset sleeps for 1000 s: an alarm ends that.
	until := time.Duration(now.Nano()) + 1000*time.Second + ahead
	ts, alarm := s.Buffer(16), s.Buffer(32)
	*(*unix.Timespec)(pointer(ts)) = unix.NsecToTimespec(int64(until))
	(*[2]unix.Timeval)(pointer(alarm))[1] = unix.Timeval{Sec: 20}
	var before, after func() time.Duration
	st := s.wait(s.fork(0, func(s *script) {
		s.mortal(unix.SIGALRM)
		s.must("setitimer(ITIMER_REAL, 20 s)", unix.SYS_SETITIMER, unix.ITIMER_REAL, alarm, 0)
		before = s.clock(unix.CLOCK_MONOTONIC)
		s.must("clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts)", unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, ts, 0)
		after = s.clock(unix.CLOCK_MONOTONIC)
	}))
	s.run(t)
	call := fmt.Sprintf("clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, now + %v) with an offset of 1000 s", ahead)
	t.True(call, !st.get().Signaled(), "asleep after 20 s", "awake at the absolute time")
	t.True(call, after() >= until, fmt.Sprintf("awake %v early", until-after()), "awake at the absolute time or later")
	return before() < until
}
