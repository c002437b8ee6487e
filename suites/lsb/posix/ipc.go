package posix

import (
	"fmt"

	"golang.org/x/sys/unix"

	"xtest/suites/spec"
)

// Constants of <linux/ipc.h>, <linux/sem.h> and <linux/msg.h>.
const (
	private  = 0
	create   = 0o1000
	remove   = 0
	noWait   = 0o4000
	semValue = 12
	semSet   = 16
	noError  = 0o10000
)

// numbered tells that a kernel numbers a process's timers from 0, which the calls rely on.
func numbered(id uint32) error {
	if id != 0 {
		return fmt.Errorf("it is %d, not 0", id)
	}
	return nil
}

// sysv probes for System V IPC, which a kernel may be built without.
var sysv = spec.Probe{Name: "System V shared memory", Check: func() error {
	id, err := unix.SysvShmGet(private, 4096, 0o600)
	if err != nil {
		return err
	}
	_, err = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	return err
}}

// queues probes for POSIX message queues.
var queues = spec.Probe{Name: "POSIX message queues", Check: func() error {
	if _, _, e := unix.Syscall6(unix.SYS_MQ_OPEN, 0, 0, 0, 0, 0, 0); e == unix.ENOSYS {
		return e
	}
	return nil
}}

var _ = suite.Describe("posix", func() {
	it("shm", "shmget(), shmat(), shmctl() and shmdt(): shared by processes, gone with the last; EINVAL for what is removed", func(s *script) {
		id := s.ok("shmget(IPC_PRIVATE)", unix.SYS_SHMGET, private, pageSize, create|0o600)
		m := s.ok("shmat()", unix.SYS_SHMAT, id, 0, 0)
		s.file("f", "abcd")
		s.wait(s.fork(func(o *script) {
			o.ok("read() into the segment", unix.SYS_READ, o.open("f", rdonly), m, 4)
		}))
		s.ok("shmctl(IPC_RMID)", unix.SYS_SHMCTL, id, remove, 0)
		s.ok("write() of the segment", unix.SYS_WRITE, s.open("g", newFile), m, 4)
		s.content("read(g)", s.open("g", rdonly), "abcd")
		s.ok("shmdt()", unix.SYS_SHMDT, m)
		s.fails("shmdt() again", errs(unix.EINVAL), unix.SYS_SHMDT, m)
		s.fails("shmat(removed)", errs(unix.EINVAL, unix.EIDRM), unix.SYS_SHMAT, id, 0, 0)
		s.fails("shmget(0 bytes)", errs(unix.EINVAL), unix.SYS_SHMGET, private, 0, create|0o600)
	}, sysv)
	it("ipc-keys", "shmget(), semget() and msgget() ERRORS: ENOENT for a key that is not there, EEXIST with IPC_EXCL", func(s *script) {
		const key = 0x7e57_0001
		s.fails("shmget(key)", errs(unix.ENOENT), unix.SYS_SHMGET, key, pageSize, 0)
		s.fails("semget(key)", errs(unix.ENOENT), unix.SYS_SEMGET, key, 1, 0)
		s.fails("msgget(key)", errs(unix.ENOENT), unix.SYS_MSGGET, key, 0)
		id := s.ok("msgget(IPC_CREAT)", unix.SYS_MSGGET, key, create|0o600)
		s.fails("msgget(IPC_CREAT|IPC_EXCL)", errs(unix.EEXIST), unix.SYS_MSGGET, key, create|0o2000|0o600)
		s.ok("msgctl(IPC_RMID)", unix.SYS_MSGCTL, id, remove, 0)
	}, sysv)
	it("sem", "semop() DESCRIPTION and ERRORS: takes and gives; all operations or none; EAGAIN, EFBIG, EIDRM or EINVAL", func(s *script) {
		id := s.ok("semget(2)", unix.SYS_SEMGET, private, 2, create|0o600)
		op := func(number, change, flags int) uint64 {
			return uint64(uint16(number)) | uint64(uint16(int16(change)))<<16 | uint64(uint16(flags))<<32
		}
		pack := func(list ...uint64) []uint32 {
			var b []byte
			for _, v := range list {
				b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40))
			}
			for len(b)%4 != 0 {
				b = append(b, 0)
			}
			var w []uint32
			for ; len(b) > 0; b = b[4:] {
				w = append(w, le.Uint32(b))
			}
			return w
		}
		s.ok("semctl(SETVAL, 1)", unix.SYS_SEMCTL, id, 0, semSet, 1)
		s.ok("semop(-1)", unix.SYS_SEMOP, id, s.words(pack(op(0, -1, noWait))...), 1)
		s.fails("semop(-1) at 0", errs(unix.EAGAIN), unix.SYS_SEMOP, id, s.words(pack(op(0, -1, noWait))...), 1)
		s.fails("semop(+1 and -1)", errs(unix.EAGAIN), unix.SYS_SEMOP, id, s.words(pack(op(1, 1, noWait), op(0, -1, noWait))...), 2)
		s.gives("semctl(GETVAL) of the other", 0, unix.SYS_SEMCTL, id, 1, semValue, 0)
		s.fails("semop(number 9)", errs(unix.EFBIG), unix.SYS_SEMOP, id, s.words(pack(op(9, 1, noWait))...), 1)
		s.ok("semctl(IPC_RMID)", unix.SYS_SEMCTL, id, 0, remove, 0)
		s.fails("semop(removed)", errs(unix.EIDRM, unix.EINVAL), unix.SYS_SEMOP, id, s.words(pack(op(0, 1, noWait))...), 1)
	}, sysv)
	it("msg", "msgrcv() and msgsnd(): in order, by type; ENOMSG, E2BIG without MSG_NOERROR, EINVAL for type 0", func(s *script) {
		id := s.ok("msgget()", unix.SYS_MSGGET, private, create|0o600)
		send := func(kind uint64, text string) {
			b := s.Buffer(8 + len(text))
			le.PutUint64(b.Bytes, kind)
			copy(b.Bytes[8:], text)
			s.ok("msgsnd("+text+")", unix.SYS_MSGSND, id, b, len(text), noWait)
		}
		send(2, "two")
		send(1, "one")
		send(1, "longer")
		take := func(kind int, want string) {
			b := s.Buffer(64)
			s.gives(fmt.Sprintf("msgrcv(type %d)", kind), len(want), unix.SYS_MSGRCV, id, b, 16, kind, noWait)
			s.then(func() { s.t.Equal("the message", string(b.Bytes[8:8+len(want)]), want) })
		}
		take(1, "one")
		s.fails("msgrcv(2 bytes)", errs(unix.E2BIG), unix.SYS_MSGRCV, id, s.Buffer(16), 2, 1, noWait)
		s.gives("msgrcv(2 bytes, MSG_NOERROR)", 2, unix.SYS_MSGRCV, id, s.Buffer(16), 2, 1, noWait|noError)
		take(0, "two")
		s.fails("msgrcv(empty)", errs(unix.ENOMSG), unix.SYS_MSGRCV, id, s.Buffer(16), 8, 0, noWait)
		s.fails("msgsnd(type 0)", errs(unix.EINVAL), unix.SYS_MSGSND, id, s.longs(0, 0), 1, noWait)
		s.ok("msgctl(IPC_RMID)", unix.SYS_MSGCTL, id, remove, 0)
	}, sysv)
	it("mq", "mq_open(), mq_send() and mq_receive(): the highest priority first; ENOENT, EEXIST, EAGAIN, EMSGSIZE", func(s *script) {
		name := s.String("xtest-" + fmt.Sprintf("%x", s.t.Rand().Uint64()))
		s.fails("mq_open(absent)", errs(unix.ENOENT), unix.SYS_MQ_OPEN, name, rdwr, 0, 0)
		attr := s.longs(0, 2, 8, 0, 0, 0, 0, 0)
		q := s.ok("mq_open(O_CREAT)", unix.SYS_MQ_OPEN, name, newFile|unix.O_NONBLOCK, 0o600, attr)
		s.fails("mq_open(O_CREAT|O_EXCL)", errs(unix.EEXIST), unix.SYS_MQ_OPEN, name, newFile|unix.O_EXCL, 0o600, attr)
		s.ok("mq_send(low)", unix.SYS_MQ_TIMEDSEND, q, s.String("low"), 3, 1, 0)
		s.ok("mq_send(high)", unix.SYS_MQ_TIMEDSEND, q, s.String("high"), 4, 9, 0)
		s.fails("mq_send(full)", errs(unix.EAGAIN), unix.SYS_MQ_TIMEDSEND, q, s.String("x"), 1, 0, 0)
		b := s.Buffer(8)
		s.fails("mq_receive(4 bytes)", errs(unix.EMSGSIZE), unix.SYS_MQ_TIMEDRECEIVE, q, b, 4, 0, 0)
		s.gives("mq_receive()", 4, unix.SYS_MQ_TIMEDRECEIVE, q, b, 8, 0, 0)
		s.gives("mq_receive() again", 3, unix.SYS_MQ_TIMEDRECEIVE, q, b, 8, 0, 0)
		s.fails("mq_receive(empty)", errs(unix.EAGAIN), unix.SYS_MQ_TIMEDRECEIVE, q, b, 8, 0, 0)
		s.ok("mq_unlink()", unix.SYS_MQ_UNLINK, name)
		s.fails("mq_unlink() again", errs(unix.ENOENT), unix.SYS_MQ_UNLINK, name)
	}, queues)
})
