package child

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A forked copy of this process is expensive where page tables are (User-Mode Linux: 40 ms): the
// interpreter of programs is therefore also an executable of its own, of one page, which a vforked
// child executes. The assembly is in spawn_amd64.s.

//lint:ignore U1000 it is used by the assembly, and by its address
func interpreter()
func interpreterCode() uintptr
func vforkExec(flags, executable, arena, maxFD uintptr, argv, envp unsafe.Pointer) uintptr

const (
	codeSize = 1024       // more than the interpreter takes
	codeBase = 0x10000000 // where it is loaded
	spareFDs = 16         // descriptors above ours that may be open, where nobody can tell
)

// executable gives a descriptor of the interpreter as an ELF file in memory.
var executable = sync.OnceValues(func() (int, error) {
	fd, err := unix.MemfdCreate("xtest-program", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, err
	}
	const headers = 64 + 56
	code := unsafe.Slice((*byte)(ptr(interpreterCode())), codeSize)
	var image bytes.Buffer
	h := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Entry: codeBase + headers,
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	segment := elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: codeBase, Paddr: codeBase,
		Filesz: headers + codeSize, Memsz: headers + codeSize, Align: 4096,
	}
	err = errors.Join(binary.Write(&image, binary.LittleEndian, h), binary.Write(&image, binary.LittleEndian, segment))
	image.Write(code)
	if err == nil {
		_, err = unix.Write(fd, image.Bytes())
	}
	if err == nil {
		err = tryOut(fd)
	}
	return fd, err
})

// tryOut runs the shortest program once: a security module may forbid to execute memory.
func tryOut(fd int) error {
	p := NewProgram()
	if p.err != nil {
		return p.err
	}
	r := p.Call(unix.SYS_GETPID)
	pid, err := p.spawnFrom(fd, 0)
	if err != nil {
		return err
	}
	for {
		if _, err = unix.Wait4(pid, nil, 0, nil); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err == nil && !r.Done() {
		err = errors.New("the interpreter does not run as an executable of its own")
	}
	return err
}

// spawn starts the program as an executable of its own. It does not where that would change what the
// program finds: an exec takes the capabilities that a new user namespace has given.
func (p *Program) spawn(flags uintptr) (pid int, err error) {
	if flags&unix.CLONE_NEWUSER != 0 || p.arena.fd < 0 {
		return 0, errors.ErrUnsupported
	}
	fd, err := executable()
	if err != nil {
		return 0, errors.ErrUnsupported
	}
	return p.spawnFrom(fd, flags)
}

func (p *Program) spawnFrom(fd int, flags uintptr) (pid int, err error) {
	words := unsafe.Slice((*uintptr)(unsafe.Pointer(unsafe.SliceData(p.arena.mem))), 3)
	words[0], words[1], words[2] = address(p.arena.mem), uintptr(len(p.arena.mem)), uintptr(unsafe.Pointer(p.first))
	empty := [1]byte{}
	argv := [2]*byte{&empty[0], nil}
	envp := [1]*byte{}
	all, old := ^uint64(0), uint64(0)

	// See Start for why signals are blocked.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	syscall.ForkLock.Lock()
	defer syscall.ForkLock.Unlock()
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	ret := vforkExec(flags|unix.CLONE_VFORK|unix.CLONE_VM|uintptr(unix.SIGCHLD), uintptr(fd), uintptr(p.arena.fd),
		uintptr(highest(max(fd, p.arena.fd))), unsafe.Pointer(&argv), unsafe.Pointer(&envp))
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&old)), 0, 8, 0, 0)
	runtime.KeepAlive(&argv)
	if errno := -int(ret); errno > 0 && errno < 4096 {
		return 0, fmt.Errorf("clone(%#x): %w", flags, unix.Errno(errno))
	}
	// Each open descriptor costs every later start a system call.
	p.arena.close()
	p.arena.fd = -1
	return int(ret), nil
}

// highest is the highest descriptor that is open, of the first 1,024: poll(2) tells of them all in one call. Where it does
// not, it is one that is likely not below it, from a descriptor on that is open.
func highest(open int) int {
	var set [1024]unix.PollFd
	for fd := range set {
		set[fd].Fd = int32(fd)
	}
	if _, err := unix.Poll(set[:], 0); err != nil {
		return open + spareFDs
	}
	for fd := len(set) - 1; fd > open; fd-- {
		if set[fd].Revents&unix.POLLNVAL == 0 {
			return fd
		}
	}
	return open
}
