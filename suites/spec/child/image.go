package child

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// arenaFD is the descriptor of the program's memory in a spawned process.
const arenaFD = 999

// Image gives a descriptor of the program interpreter as an executable, and why there is none: then
// neither [Program.Exec] nor [Program.Thread] works here.
func Image() (fd int, err error) { return executable() }

// Thread adds a clone(2) of a thread that shares everything with the process. It executes what body
// adds and ends; the process's end ends it, too. The result is its thread ID.
func (p *Program) Thread(body func(sub *Program)) Result {
	p.needImage()
	const all = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM
	return p.Fork(all, func(sub *Program) {
		body(sub)
		sub.Call(unix.SYS_EXIT, 0)
	})
}

// Exec adds an execveat(2) of file, a descriptor of [Image] or of a copy of it. The new image goes on
// with what body adds; where the call fails, the program goes on behind it.
func (p *Program) Exec(file Arg, body func(sub *Program)) Result {
	p.needImage()
	next, argv, envp := p.Buffer(8), p.Buffer(16), p.Buffer(8)
	*(*uintptr)(unsafe.Pointer(unsafe.SliceData(next.Bytes))) = p.part(body)
	*(*uintptr)(unsafe.Pointer(unsafe.SliceData(argv.Bytes))) = address(p.String("").Bytes)
	if p.err != nil {
		return p.Call(unix.SYS_EXECVEAT)
	}
	// The interpreter begins with the op whose address stands in the third word of its memory.
	base := address(p.arena.mem)
	p.Call(unix.SYS_PREAD64, arenaFD, base+16, 8, address(next.Bytes)-base)
	return p.Call(unix.SYS_EXECVEAT, file, p.String(""), argv, envp, unix.AT_EMPTY_PATH)
}

func (p *Program) needImage() {
	if p.arena != nil {
		p.arena.spawned = true
	}
}
