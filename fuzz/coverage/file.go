package coverage

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"xtest/fuzz/area"
)

// Words at the beginning of the file that plugin.c writes, in its order.
const (
	wordMagic = iota
	wordCount
	wordCapacity
	wordLow
	wordEnd
	wordPages
	wordCurrent
	wordEntries
	wordCalls
	wordPending
	wordEntrySize
	wordSeen
)

const (
	magic    = 0x31726576_6f637478
	tableAt  = 4096  // the pages of the area, 8 bytes each
	logAt    = 65536 // what was reached, 32 bytes each
	logSize  = 32
	capacity = 1 << 18
	fileSize = logAt + capacity*logSize
)

// plugin is a machine with plugin.c.
type plugin struct {
	program string
	file    *os.File
	ram     *os.File
	mem     []byte
	next    uint64
}

// Watch makes the source of one machine: program is the compiled plugin, ram the file of its memory.
func Watch(program string, ram *os.File) (Source, error) {
	if area.Pages*8 > logAt-tableAt {
		return nil, fmt.Errorf("the plugin's table has no room for %d pages", area.Pages)
	}
	file, err := Memory("xtest-coverage", fileSize)
	if err != nil {
		return nil, err
	}
	mem, err := unix.Mmap(int(file.Fd()), 0, fileSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("mapping the coverage: %w", err)
	}
	p := &plugin{program: program, file: file, ram: ram, mem: mem}
	p.word(wordCapacity).Store(capacity)
	p.word(wordMagic).Store(magic)
	current, entries, calls := area.Words()
	p.word(wordCurrent).Store(current)
	p.word(wordEntries).Store(entries)
	p.word(wordCalls).Store(calls)
	p.word(wordPending).Store(area.Pending)
	p.word(wordEntrySize).Store(area.EntrySize)
	return p, nil
}

// Memory is a file without a name: it ends with the processes that have it open.
func Memory(name string, size int64) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making memory to share with QEMU: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := f.Truncate(size); err != nil {
		f.Close()
		return nil, fmt.Errorf("making %d MiB of memory to share with QEMU: %w", size>>20, err)
	}
	return f, nil
}

// Path is by which another process of the same user opens a file of this one's.
func Path(f *os.File) string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd()) }

func (p *plugin) word(i int) *atomic.Uint64 { return (*atomic.Uint64)(unsafe.Pointer(&p.mem[8*i])) }

func (p *plugin) Args() []string {
	return []string{"-plugin", fmt.Sprintf("file=%s,cover=%s,ram=%s", p.program, Path(p.file), Path(p.ram))}
}

func (p *plugin) Found(offsets []uint64) {
	for i, o := range offsets {
		(*atomic.Uint64)(unsafe.Pointer(&p.mem[tableAt+8*i])).Store(o)
	}
	p.word(wordPages).Store(uint64(len(offsets)))
}

func (p *plugin) Range(low, end uint64) {
	p.word(wordLow).Store(low)
	p.word(wordEnd).Store(end)
}

func (p *plugin) New() []Block {
	count := min(p.word(wordCount).Load(), capacity)
	var list []Block
	for ; p.next < count; p.next++ {
		e := (*[4]uint64)(unsafe.Pointer(&p.mem[logAt+p.next*logSize]))
		b := Block{Address: e[0], Instructions: int(e[1]), Slot: e[2] >> 16, Call: int(e[2] & 0xffff)}
		if e[3] != ^uint64(0) {
			b.Call = int(e[3])
		}
		list = append(list, b)
	}
	return list
}

func (p *plugin) Close() error {
	err := unix.Munmap(p.mem)
	if e := p.file.Close(); err == nil {
		err = e
	}
	return err
}
