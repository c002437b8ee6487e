package bench

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xtest/runner/initrd"
	"xtest/runner/qemu"
)

// powerOff is a program of one system call:
// reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF).
var powerOff = []byte{
	0xbf, 0xad, 0xde, 0xe1, 0xfe, // mov edi, 0xfee1dead
	0xbe, 0x69, 0x19, 0x12, 0x28, // mov esi, 0x28121969
	0xba, 0xdc, 0xfe, 0x21, 0x43, // mov edx, 0x4321fedc
	0xb8, 0xa9, 0x00, 0x00, 0x00, // mov eax, 169
	0x0f, 0x05, // syscall
}

// bareInitrd writes a RAM file system whose init powers the machine off.
func bareInitrd(tb testing.TB) string {
	const base, headers = 0x400000, 64 + 56
	var program bytes.Buffer
	h := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Entry: base + headers,
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	size := uint64(headers + len(powerOff))
	binary.Write(&program, binary.LittleEndian, h)
	binary.Write(&program, binary.LittleEndian, elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: base, Paddr: base,
		Filesz: size, Memsz: size, Align: 4096,
	})
	program.Write(powerOff)

	path := filepath.Join(tb.TempDir(), "initrd")
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	w := initrd.NewWriter(f)
	w.Dir("dev")
	w.CharDevice("dev/console", 5, 1)
	w.File("init", 0o755, int64(program.Len()), &program)
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

// bareBoot boots the kernel of a machine's command with the given RAM file system and gives the time
// until its process has ended. Memory, processors and boot parameters are the machine's; the disk, which
// the bare init has no use for, and what joins the machine to xtest are left out. It may use all
// processors of the host, as anybody would start it: xtest keeps a User-Mode Linux machine to one, where a
// bare one is some 7 % faster, too.
func bareBoot(tb testing.TB, command []string, initrd string) time.Duration {
	if filepath.Base(command[0]) == qemu.Program {
		return bareQEMU(tb, command, initrd)
	}
	scratch := tb.TempDir()
	var args []string
	for _, a := range command {
		switch name, _, _ := strings.Cut(a, "="); name {
		case "initrd":
			a = "initrd=" + initrd
		case "ubda":
			continue
		}
		args = append(args, strings.ReplaceAll(a, "SCRATCH", scratch))
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		tb.Fatal(err)
	}
	defer null.Close()
	var console bytes.Buffer
	cmd := exec.Command(args[0], args[1:]...)
	// The kernel's program comes with the C library of its release, see runner/uml.
	cmd.Dir = filepath.Dir(args[0])
	cmd.Env = []string{"TMPDIR=/dev/shm", "LD_LIBRARY_PATH=" + filepath.Join(cmd.Dir, "lib")}
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = &console, &console, []*os.File{null}
	return timed(tb, cmd, &console, "System halted")
}

// bareQEMU is bareBoot of a machine of QEMU's.
func bareQEMU(tb testing.TB, command []string, initrd string) time.Duration {
	var args []string
	for i := 0; i < len(command); i++ {
		value := ""
		if i+1 < len(command) {
			value = command[i+1]
		}
		switch {
		case command[i] == "-initrd":
			args = append(args, command[i], initrd)
			i++
		case command[i] == "-chardev" && strings.HasSuffix(value, "fd=3"):
			args = append(args, command[i], "null,id=channel")
			i++
		case command[i] == "-drive", command[i] == "-mon", strings.HasSuffix(value, "drive=root"), strings.HasSuffix(value, "fd=4"):
			i++
		default:
			args = append(args, command[i])
		}
	}
	var console bytes.Buffer
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &console, &console
	return timed(tb, cmd, &console, "reboot: Power down")
}

// timed runs a machine, whose console has to tell of its end.
func timed(tb testing.TB, cmd *exec.Cmd, console *bytes.Buffer, end string) time.Duration {
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if err != nil || !bytes.Contains(console.Bytes(), []byte(end)) {
		tb.Fatalf("the bare machine did not power off: %v\n%s", err, console.Bytes())
	}
	return took
}
